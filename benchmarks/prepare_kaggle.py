"""Prepare a set of the Kaggle set's size and layout: how fast, and in how much memory.

    python benchmarks/prepare_kaggle.py FOLDER [--count 25000] [--luma]

Writes ``count`` synthetic photos of 224x224 (3.8 GB for 25,000) into FOLDER, prepares them at 144x192, prints images a
second and the peak of anonymous memory (RssAnon: what the process holds itself, without the mapped file), and removes
what it wrote. Loading the arrays as the predecessor did takes 6.4 GB for the first 10,000 alone.
"""

import argparse
import shutil
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from colorize_utils import color
from colorize_utils.data.prepare import prepare
from colorize_utils.data.sources import KaggleLab, sample_photos


def write_set(root, count, luma):
    """Random crops of the sample photos, mirrored at random, as l/gray_scale.npy and ab/ab/ab1..3.npy."""
    (root / "l").mkdir(parents=True)
    (root / "ab" / "ab").mkdir(parents=True)
    photos, rng = list(sample_photos().values()), np.random.default_rng(0)
    grey = np.lib.format.open_memmap(root / "l" / "gray_scale.npy", "w+", np.uint8, (count, 224, 224))
    first = 0
    for k, share in enumerate((0.4, 0.4, 0.2), 1):
        size = count - first if k == 3 else int(count * share)
        ab = np.lib.format.open_memmap(root / "ab" / "ab" / f"ab{k}.npy", "w+", np.uint8, (size, 224, 224, 2))
        for i in range(size):
            photo = photos[int(rng.integers(len(photos)))]
            top, left = (int(rng.integers(0, n - 224)) for n in photo.shape[:2])
            crop = photo[top : top + 224, left : left + 224][:, :: int(rng.choice([1, -1]))]
            lab = cv2.cvtColor(np.ascontiguousarray(crop), cv2.COLOR_RGB2LAB)
            grey[first + i] = np.rint(color.luma(crop / 255.0) * 255) if luma else lab[..., 0]
            ab[i] = lab[..., 1:]
        ab.flush()
        first += size
    grey.flush()


def anonymous_kib():
    """RssAnon of this process in KiB where the system tells (Linux), else its whole peak."""
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("RssAnon"):
                return int(line.split()[1])
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


def main():
    """Print the table. Returns 1 if memory reached 1 GB."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=25000)
    parser.add_argument("--luma", action="store_true", help="the grey array as luma instead of L")
    args = parser.parse_args()
    root = args.folder / "image_colorization_data"
    peak, done = [0], threading.Event()

    def watch():
        while not done.wait(0.05):
            peak[0] = max(peak[0], anonymous_kib())

    try:
        write_set(root, args.count, args.luma)
        threading.Thread(target=watch, daemon=True).start()
        began = time.perf_counter()
        prepare(KaggleLab(args.folder), args.folder / "prepared", progress=False)
        seconds = time.perf_counter() - began
        done.set()
    finally:
        shutil.rmtree(root, ignore_errors=True)
        shutil.rmtree(args.folder / "prepared", ignore_errors=True)
    print("| photos | grey as | seconds | images/s | peak RssAnon, MB |\n|---|---|---|---|---|")
    kind = "luma" if args.luma else "L"
    print(f"| {args.count:,} | {kind} | {seconds:.1f} | {args.count / seconds:.0f} | {peak[0] / 1000:.0f} |")
    return int(peak[0] >= 1_000_000)


if __name__ == "__main__":
    sys.exit(main())
