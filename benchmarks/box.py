"""A box of 200 photographs is colored, and what came back is compared with what went in by exiftool and ImageMagick.

`python benchmarks/box.py FOLDER` makes a box in FOLDER (180 photos of every kind and 20 bad files, see
`box_photos.py`), colors it, and compares photo by photo: size after turning, depth, alpha, lightness, format, date,
GPS, maker, caption, resolution, profile, mark, and what exiftool complains of. Then it colors it again (all is there
already), and twice more into empty folders with an interruption and a kill in the middle, and compares what was there
in the end byte by byte. Ends with status 1 if anything differs. Needs exiftool and ImageMagick 6 with HEIC and WebP.
"""

import argparse
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from box_photos import BAD, CAPTION, SRGB, WHOLE, write_bad, write_whole

ROOT = Path(__file__).resolve().parents[1]
TAGS = (
    "IFD0:Make IFD0:Model IFD0:Artist IFD0:ModifyDate IFD0:ImageDescription ExifIFD:DateTimeOriginal "
    "ExifIFD:ExposureTime GPS:GPSLatitude Composite:GPSLongitude IPTC:City JFIF:XResolution JFIF:YResolution "
    "JFIF:ResolutionUnit IFD0:XResolution IFD0:YResolution IFD0:ResolutionUnit PNG-pHYs:PixelsPerUnitX "
    "PNG-pHYs:PixelsPerUnitY File:PixelsPerMeterX File:PixelsPerMeterY"
).split()
DEFLATE = "Invalid value for IFD0 tag 0x0103 Compression"  # to exiftool, for which TIFF ended with 6.0; it is Adobe's
NEW = "IFD0:Orientation IFD0:Software XMP-iptcExt:DigitalSourceType ICC_Profile:ProfileDescription PNG:SRGBRendering"
# How a photo is to be turned (TIFF 6.0, tag 274), in ImageMagick's words: it obeys the tag in some formats only.
TURNS = {2: ["-flop"], 3: ["-rotate", "180"], 4: ["-flip"], 5: ["-transpose"], 6: ["-rotate", "90"],
         7: ["-transverse"], 8: ["-rotate", "270"]}  # fmt: skip


def files_below(folder):
    paths = (Path(here) / name for here, _, names in os.walk(folder) for name in names)
    return sorted(path for path in paths if path.is_file())


def tags_of(folder):
    """Path -> exiftool's tags of that file, numbers as numbers, and its complaints."""
    found, paths = {}, files_below(folder)
    # Names may hold newlines: only as arguments they are safe. GPS is wanted with its sign and without.
    ask = ["exiftool", "-json", "-n", "-G1", "-q", "-q", "-a", "-validate", "-Warning", "-Error"]
    ask += [f"-{name}" for name in (*TAGS, *NEW.split())]
    for start in range(0, len(paths), 60):
        batch = paths[start : start + 60]
        said = subprocess.run([*ask, *map(os.fsencode, batch)], capture_output=True, check=False).stdout
        found |= dict(zip(batch, json.loads(said.decode("utf-8", "replace")), strict=True))
    return found


def pixels_of(path, folder, orientation=1):
    """float64 (H, W, 4) of each page, sRGB and alpha in [0, 1], upright, as ImageMagick has it; and bits a channel."""
    srgb, copy, raw = folder / "srgb.icc", folder / "photo", folder / "photo.raw"
    srgb.write_bytes(SRGB)
    shutil.copyfile(path, copy)  # ImageMagick takes some letters in names for its own
    kind = {".jpg": "jpeg", ".tiff": "tif"}.get(path.suffix.lower(), path.suffix[1:].lower())
    ask = ["identify", "-format", "%z\n", f"{kind}:{copy}"]
    bits = subprocess.run(ask, capture_output=True, text=True, check=False).stdout.split()
    turn = TURNS.get(orientation, ()) if kind != "heic" else ()
    pages = []
    for page in range(len(bits)):
        how = [*turn, "-profile", srgb, "-colorspace", "sRGB", "-type", "TrueColorMatte", "-depth", "16"]
        run = ["convert", f"{kind}:{copy}[{page}]", *how, "-write", f"rgba:{raw}", "-format", "%w %h", "info:-"]
        width, height = map(int, subprocess.run(run, capture_output=True, text=True, check=False).stdout.split())
        pages.append(np.fromfile(raw, np.uint16).reshape(height, width, 4) / 65535)
        raw.unlink()
    if not pages:
        raise SystemExit(f"expected ImageMagick to read {path}")
    return pages, int(bits[0])


def lightness(values):
    """CIE L* of sRGB, by the standards' formulas (IEC 61966-2-1, CIE 15)."""
    rgb = values[..., :3]
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    y = linear @ (0.2126729, 0.7151522, 0.0721750)
    return np.where(y > (6 / 29) ** 3, 116 * np.cbrt(y) - 16, y * (29 / 3) ** 3)


def compare_tags(source, target, before, after):
    """Lines about tags that differ and should not."""
    wrong, suffix = [], target.suffix.lower()
    if suffix != (".png" if source.suffix.lower() in (".heic", ".gif") else source.suffix.lower()):
        wrong.append(f"{source.suffix} -> {suffix}")
    for name in TAGS:
        old, new = before.get(name), after.get(name)
        if name == "JFIF:ResolutionUnit" and new is None:
            continue
        near = isinstance(old, int | float) and isinstance(new, int | float) and abs(new - old) <= 1e-3 * abs(old)
        if old is not None and old != new and not near:
            wrong.append(f"{name} {old} -> {new}")
    if after.get("IFD0:Orientation", 1) != 1:
        wrong.append(f"Orientation {after['IFD0:Orientation']}")
    if suffix != ".bmp":
        if "ColorizeIMG" not in after.get("IFD0:Software", ""):
            wrong.append(f"Software {after.get('IFD0:Software')}")
        if not str(after.get("XMP-iptcExt:DigitalSourceType")).endswith("compositeWithTrainedAlgorithmicMedia"):
            wrong.append("no digital source type")
        if not ("sRGB" in after.get("ICC_Profile:ProfileDescription", "") or "PNG:SRGBRendering" in after):
            wrong.append("not marked as sRGB")
    for name in ("ExifTool:Error", "ExifTool:Warning"):
        old, new = (some.get(name, []) for some in (before, after))
        old, new = ([some] if isinstance(some, str) else some for some in (old, new))
        # Of several complaints exiftool's JSON shows one. A minor one, of a tag that the photo had itself, may have
        # been hidden there behind a graver one that is mended here.
        wrong += [f"exiftool: {line}" for line in set(new) - set(old) - {DEFLATE} if line[:7] != "[minor]"]
    return wrong


def compare_pixels(old, new):
    """(pages, bits) twice -> lines about what differs and should not, the mean and the largest |dL*| of a page."""
    (old, old_bits), (new, new_bits) = old, new
    if [page.shape for page in old] != [page.shape for page in new]:
        return [f"sizes {[p.shape for p in old]} -> {[p.shape for p in new]}"], 0, 0
    wrong = [f"{old_bits} -> {new_bits} bits"] if new_bits != (16 if old_bits > 8 else 8) else []
    apart = [np.abs(lightness(a) - lightness(b)) for a, b in zip(old, new, strict=True)]
    alpha = max(np.abs(a[..., 3] - b[..., 3]).max() for a, b in zip(old, new, strict=True))
    if alpha > 1e-6:
        wrong.append(f"alpha differs by {alpha:.4f}")
    greys = np.concatenate([np.unique(lightness(page).round()) for page in old])
    if all(np.ptp(page[..., :3], axis=-1).max() < 0.02 for page in new) and set(greys) - {0, 100}:
        wrong.append("no color")
    return wrong, max(d.mean() for d in apart), max(d.max() for d in apart)


def check(box, out, labels):
    """Compare every photo with its picture; print what differs, then lightness by kind. How many differ."""
    before, after, faults, figures = tags_of(box), tags_of(out), 0, {}
    with tempfile.TemporaryDirectory() as place:
        for name, label in labels.items():
            source = box / name
            target = out / name
            if target.suffix.lower() in (".heic", ".gif"):
                target = target.with_suffix(".png")
            if target not in after:
                wrong, mean, worst = ["no picture"], 0, 0
            else:
                turn = before[source].get("IFD0:Orientation", 1)
                pixels = pixels_of(source, Path(place), turn), pixels_of(target, Path(place))
                wrong, mean, worst = compare_pixels(*pixels)
                wrong += compare_tags(source, target, before[source], after[target])
                if before[source].get("IFD0:ImageDescription") not in (None, CAPTION):
                    raise SystemExit(f"expected the caption in {source}")
            for line in wrong:
                print(f"DIFFERENT {label}: {name!r}: {line}")
            faults += bool(wrong)
            figures.setdefault(label.split(" turned")[0], []).append((mean, worst))
    print("\n| kind | photos | mean dL* | worst dL* |\n| --- | --- | --- | --- |")
    for label, some in sorted(figures.items()):
        print(f"| {label} | {len(some)} | {max(m for m, _ in some):.3f} | {max(w for _, w in some):.2f} |")
    print(f"\n{len(labels) - faults} of {len(labels)} photos came back as they should")
    return faults


def start(box, out, report):
    words = ["-m", "colorize_utils", "colorize", box, "-o", out, "--report", report]
    return subprocess.Popen(
        [sys.executable, *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's "&" leaves it ignored
    )


def colorize(box, out, report):
    """Run `colorize` -> (status, the last line it printed, the lines of failures)."""
    process = start(box, out, report)
    said, complaints = process.communicate()
    with open(report, newline="", encoding="utf-8-sig") as file:
        failed = [row for row in csv.DictReader(file) if row["status"] == "failed"]
    lines = complaints.splitlines()
    if any(not line.startswith("colorize: ") for line in lines):
        raise SystemExit(f"expected one line a file, got\n{complaints}")
    return process.returncode, said.splitlines()[-1], [row["notes"] for row in failed]


def stopped(box, out, report, how, after):
    """Begin, and send the signal ``how`` when ``after`` pictures are there. The status it ended with."""
    process = start(box, out, report)
    while process.poll() is None and len([path for path in files_below(out) if path.suffix != ".part"]) < after:
        time.sleep(0.02)
    process.send_signal(how)
    process.communicate()
    return process.returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", metavar="FOLDER", help="an empty folder, or one of an earlier call")
    folder = Path(parser.parse_args().folder).resolve()
    box, out, report = folder / "box", folder / "out", folder / "report.csv"
    for place in (box, out, folder / "int", folder / "kill"):
        shutil.rmtree(place, ignore_errors=True)
    box.mkdir(parents=True)
    labels = write_whole(box)
    write_bad(box)
    faults = []

    def expect(what, found, wanted):
        print(f"{'as expected' if found == wanted else 'DIFFERENT'}: {what}: {found}", flush=True)
        faults.extend([what] * (found != wanted))

    status, last, reasons = colorize(box, out, report)
    print("\n".join(reasons))
    expect("status", status, 1)
    others = "4 no photos by name, or hidden, left out (2 .txt, 1 up, 1 .jpg)"
    expect("summary", last, f"{WHOLE} pictures written to {out}; {BAD} failed; {others}")
    expect("lines in the reasons", {len(reason.splitlines()) for reason in reasons}, {1})
    faults += ["photos"] * check(box, out, labels)
    expect("files in the output", len(files_below(out)), WHOLE)
    status, last, _ = colorize(box, out, report)
    again = f"{WHOLE} there already and left alone (--overwrite colors them again); {BAD} failed; {others}"
    expect("summary of a second run", last, f"0 pictures written to {out}; {again}")
    for name, how, ended in (("int", signal.SIGINT, 130), ("kill", signal.SIGKILL, -signal.SIGKILL)):
        place = folder / name
        expect(f"status after {how.name}", stopped(box, place, report, how, 60), ended)
        here = len([path for path in files_below(place) if path.suffix != ".part"])
        print(f"pictures that were there then: {here}")
        expect("status of the run that went on", colorize(box, place, report)[0], 1)
        expect("files in the output", len(files_below(place)), WHOLE)
        same = sum((place / path.relative_to(out)).read_bytes() == path.read_bytes() for path in files_below(out))
        expect("files equal to those of the run left alone", same, WHOLE)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
