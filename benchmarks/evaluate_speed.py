"""How long ``evaluate`` takes: 1,000 photos at 256 px, without a classifier, should be under 4 minutes on 2 cores.

    python benchmarks/evaluate_speed.py [--photos N] [--model FILE]

The photos are crops of those scikit-image and matplotlib install, saved as PNG in a temporary folder. Without --model
the rows are grey, mean color and truth; with one it is the fourth.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from colorize_utils.data.sources import sample_photos
from colorize_utils.evaluation import report

SIDE = 256


def write_crops(folder, count):
    """``count`` crops of 256 px, each at its own place of one of the sample photos."""
    photos = [rgb for _, rgb in sorted(sample_photos().items()) if min(rgb.shape[:2]) >= SIDE]
    rng = np.random.default_rng(0)
    for index in range(count):
        photo = photos[index % len(photos)]
        top, left = (int(rng.integers(0, side - SIDE + 1)) for side in photo.shape[:2])
        Image.fromarray(photo[top : top + SIDE, left : left + SIDE]).save(folder / f"{index:05d}.png", compress_level=1)


def main():
    """Measure and print a line a run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--model", help="a model file to measure as well")
    args = parser.parse_args()
    evaluate = argparse.ArgumentParser()
    report.add_arguments(evaluate)
    with tempfile.TemporaryDirectory() as folder:
        photos, output = Path(folder, "photos"), Path(folder, "report")
        photos.mkdir()
        write_crops(photos, args.photos)
        given = ["--photos", str(photos), "--output", str(output), "--no-shipped"]
        given += ["--model", f"model={args.model}"] if args.model else []
        started, cpu = time.perf_counter(), time.process_time()
        status = report.main(evaluate.parse_args(given))
        seconds, used = time.perf_counter() - started, time.process_time() - cpu
    rows = 3 + bool(args.model)
    print("| photos | rows | cores | seconds | CPU seconds | ms a photo |\n|---|---|---|---|---|---|")
    each = seconds / args.photos * 1000
    print(f"| {args.photos} | {rows} | {os.cpu_count()} | {seconds:.1f} | {used:.1f} | {each:.0f} |")
    return status


if __name__ == "__main__":
    sys.exit(main())
