"""How soon the page answers: `python benchmarks/page_speed.py FOLDER [--repeat 5]`.

Serves the page (`colorize app`), drops a grey JPEG of 12 megapixels on it in a headless Chromium, and clicks on the
picture to give it a color. Prints, in seconds, medians over the repeats: from the drop to the first picture in color
that the browser has drawn, to the download; from the click to the picture with the color, to the download. What is
dropped first, to load what is loaded once, does not count. Needs requirements-app.txt and Chromium.
"""

import argparse
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "benchmarks")]
from chromium import Chromium  # noqa: E402

IDLE = "!document.querySelector('#status p')?.innerText"
LINK = "document.querySelectorAll('#files a[download]').length === 1"
SHOWN = "[...document.querySelectorAll('#compare img')].filter(i => i.complete && i.naturalWidth).length > 1"
MARKED = "document.querySelector('#canvas img')?.complete && document.querySelector('#canvas img').src"
TAB = "[...document.querySelectorAll('button[role=tab]')].find(tab => /{}/i.test(tab.innerText))?.click()"
PARTS = ("drop to preview", "drop to download", "click to preview", "click to download")


def photo(path, width=4000, height=3000):
    """Write a grey JPEG with grain."""
    from colorize_utils import sample_photos

    grey = cv2.cvtColor(sample_photos()["astronaut"], cv2.COLOR_RGB2GRAY)
    grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    grey += np.random.default_rng(0).normal(0, 3, grey.shape)
    Image.fromarray(grey.clip(0, 255).astype(np.uint8)).save(path, quality=90)
    return path


def once(browser, path):
    """Drop and click -> seconds of each of `PARTS`."""
    browser.run(TAB.format("compare"))
    browser.click("#clear") if browser.run("!!document.querySelector('#clear')?.offsetParent") else None
    browser.until("!document.querySelector('#files')?.offsetParent")
    began, found = time.perf_counter(), []
    browser.give_files([path])
    for wanted in (SHOWN, f"{LINK} && {IDLE}"):
        browser.until(wanted, every=0.005)
        found.append(time.perf_counter() - began)
    browser.run(TAB.format("color"))
    browser.until(MARKED)
    time.sleep(0.3)  # the tab has asked for its picture and has drawn it
    plain = browser.run(MARKED)
    began = time.perf_counter()
    browser.click("#canvas img", (0.25, 0.72))
    for wanted in (f"({MARKED}) !== '{plain}' && {MARKED}", IDLE):
        browser.until(wanted, every=0.005)
        found.append(time.perf_counter() - began)
    return found


def main():
    """Serve, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="for the photo and the browser's files")
    parser.add_argument("--repeat", type=int, default=5, metavar="N")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    path = photo(args.folder / "large.jpg")
    shutil.rmtree(args.folder / "chromium", ignore_errors=True)
    command = [sys.executable, "-m", "colorize_utils", "app"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        address = re.search(r"the page is at (\S+) ", server.stdout.readline())[1]
        with Chromium(args.folder / "chromium") as browser:
            browser.open(address)
            once(browser, path)
            found = [once(browser, path) for _ in range(args.repeat)]
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)
    print("| 12 megapixels | seconds, median | fastest |\n| --- | --- | --- |")
    for name, times in zip(PARTS, zip(*found, strict=True), strict=True):
        print(f"| {name} | {statistics.median(times):.2f} | {min(times):.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
