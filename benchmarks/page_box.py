"""The box of 200 photographs of `box.py`, dropped onto the page in a real browser, and what comes back compared.

`python benchmarks/page_box.py FOLDER` serves the page (`colorize app`), drops 180 photos and 20 bad files on it at
once in a headless Chromium, waits, fetches the one .zip, and compares photo by photo as `box.py` does, by exiftool and
ImageMagick. FOLDER then holds a screenshot too. Ends with status 1 if anything differs. Needs requirements-app.txt,
Chromium, exiftool and ImageMagick 6 with HEIC and WebP.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

from box import check
from box_photos import BAD, WHOLE, write_bad, write_whole

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from chromium import Chromium  # noqa: E402

MOST = 30  # megabytes a file
LINKS = "document.querySelectorAll('#files a[download]').length"
STATUS = "document.querySelector('#status p')?.innerText"
LINES = "[...document.querySelectorAll('.lines .bad, #too-large li')].map(line => line.innerText)"


def flat_box(folder):
    """The box without its folders, as a file dialog gives it -> names of photos -> what they are, names of bad ones."""
    box, given = folder / "box", folder / "given"
    box.mkdir(parents=True)
    given.mkdir()
    labels = {}
    for number, (name, label) in enumerate(write_whole(box).items()):
        # A browser that is steered from outside is told of files in UTF-8, so names in another coding cannot be tried.
        flat = f"{number:03d} {os.fsencode(Path(name).name).decode('utf-8', 'replace')}"
        shutil.copy2(box / name, given / flat)
        labels[flat] = label
    write_bad(box)
    loose = [path for path in (box / "bad").iterdir() if path.is_file()]  # what loops and pipes hold, no dialog gives
    for path in [*loose, box / ".hidden.jpg", box / "notes.txt"]:
        shutil.copy2(path, given / f"bad {path.name}")
    (given / "bad heavy.tif").write_bytes(bytes(MOST * 1_000_000 + 1))
    bad = sorted(path.name for path in given.iterdir() if path.name not in labels)
    if (len(labels), len(bad)) != (WHOLE, BAD):
        raise SystemExit(f"expected {WHOLE} photos and {BAD} bad files, got {len(labels)} and {len(bad)}")
    return given, labels, bad


def unpacked(archive, out, labels):
    """Unpack under the names of the photos given, told by their numbers; how many names had become others."""
    by_number, others = {name[:3]: name for name in labels}, 0
    with zipfile.ZipFile(archive) as packed:
        for name in packed.namelist():
            wanted = Path(by_number[name[:3]])
            if wanted.suffix.lower() in (".heic", ".gif"):
                wanted = wanted.with_suffix(".png")
            others += name != str(wanted)
            (out / wanted).write_bytes(packed.read(name))
    return others


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", metavar="FOLDER", help="an empty folder, or one of an earlier call")
    folder = Path(parser.parse_args().folder).resolve()
    for name in ("box", "given", "out", "chromium"):
        shutil.rmtree(folder / name, ignore_errors=True)
    given, labels, bad = flat_box(folder)
    out = folder / "out"
    out.mkdir()
    command = [sys.executable, "-m", "colorize_utils", "app", "--max-upload", str(MOST)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        address = re.search(r"the page is at (\S+) ", server.stdout.readline())[1]
        with Chromium(folder / "chromium") as browser:
            browser.open(address)
            began = time.monotonic()
            browser.drop_files(sorted(given.iterdir()))
            browser.until(f"{LINKS} === {WHOLE} && !{STATUS}", 1200)
            print(f"colored in {time.monotonic() - began:.0f} s")
            lines = browser.run(LINES)
            browser.click("#zip")
            archive = browser.downloaded(1, 600)["colorized.zip"]
            browser.picture(folder / "page.png")
            complaints = browser.complaints
        others = unpacked(archive, out, labels)
    finally:
        server.send_signal(signal.SIGINT)
        status = server.wait(120)
    print("\n".join(lines))
    missing = [name for name in bad if sum(line.startswith(name) for line in lines) != 1]
    print(f"bad files with a line of their own: {BAD - len(missing)} of {BAD} {missing or ''}")
    print(f"names the browser changed: {others}; complaints of the browser: {complaints}; the page ended with {status}")
    faults = check(given, out, labels)
    return 1 if faults or missing or complaints or status else 0


if __name__ == "__main__":
    sys.exit(main())
