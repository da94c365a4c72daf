"""What large photos and folders of photos cost: `python benchmarks/photos.py` prints tables.

The last line is how far the lightness of JPEGs is off.

Every line is a process of its own, so that memory is what one call of `colorize` takes, TensorFlow included. Wall time
depends on what else the machine does; CPU seconds hardly.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from colorize_utils import (
    color,  # noqa: E402
    sample_photos,  # noqa: E402
)
from colorize_utils.photos.reading import read_photo, write_photo  # noqa: E402


def scan(height, width, bits=8):
    """A grey photo with the grain of a scan, uint8 or uint16 (height, width)."""
    rgb = next(iter(sorted(sample_photos().items())))[1]
    grey = color.grey_from_lightness(color.lightness(rgb / np.float32(255))) * np.float32(2**bits - 1)
    picture = cv2.resize(grey, (width, height), interpolation=cv2.INTER_CUBIC)
    step = max(1, 2**22 // width)
    out = np.empty((height, width), np.uint8 if bits == 8 else np.uint16)
    rng = np.random.default_rng(0)
    for top in range(0, height, step):
        rows = picture[top : top + step]
        out[top : top + step] = (rows + rng.normal(0, 2 ** (bits - 7), rows.shape)).clip(0, 2**bits - 1)
    return out


def colorize(source, out, *more):
    """Run `colorize` -> (seconds, CPU seconds, peak memory in MB)."""
    began = time.monotonic()
    words = [sys.executable, "-m", "colorize_utils", "colorize", source, "-o", out, "--overwrite", *more]
    child = subprocess.Popen([*map(str, words)], cwd=Path(__file__).resolve().parents[1], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"colorize {source} ended with status {os.waitstatus_to_exitcode(status)}")
    memory = used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return time.monotonic() - began, used.ru_utime + used.ru_stime, memory


def large(folder):
    shapes = {
        "1 x 1": ((1, 1), 8),
        "10,000 x 20": ((20, 10_000), 8),
        "100 MP, 8-bit grey TIFF": ((8_660, 11_547), 8),
        "100 MP, 16-bit grey TIFF": ((8_660, 11_547), 16),
    }
    print("| photo | seconds | CPU seconds | peak MB |\n| --- | --- | --- | --- |")
    for name, (shape, bits) in shapes.items():
        path = folder / "scan.tif"
        cv2.imwrite(str(path), scan(*shape, bits), [cv2.IMWRITE_TIFF_COMPRESSION, 1])
        wall, cpu, memory = colorize(path, folder / "out")
        print(f"| {name} | {wall:.1f} | {cpu:.1f} | {memory:.0f} |", flush=True)
        path.unlink()


def workers(folder, photos):
    for name, shape, count in (("3 MP", (1_500, 2_000), photos), ("0.2 MP", (400, 500), 10 * photos)):
        place = folder / name.replace(" ", "")
        place.mkdir()
        for k in range(count):
            cv2.imwrite(str(place / f"{k:03}.jpg"), scan(*shape))
        start, _, _ = colorize(place / "000.jpg", folder / "out")
        print(f"\n| workers, {count} JPEGs of {name} | seconds | photos/s but for the start | CPU seconds | peak MB |")
        print("| --- | --- | --- | --- | --- |")
        for number in (1, 2, 4):
            wall, cpu, memory = colorize(place, folder / "out", "--workers", number)
            speed = (count - 1) / max(1e-3, wall - start)
            print(f"| {number} | {wall:.1f} | {speed:.1f} | {cpu:.1f} | {memory:.0f} |", flush=True)


def lightness(folder):
    from colorize_utils import Colorizer

    colorizer, errors = Colorizer.load(), []
    for name, rgb in sorted(sample_photos().items()):
        write_photo(folder / f"{name}.jpg", colorizer(rgb))
        apart = color.lightness(read_photo(folder / f"{name}.jpg").rgb) - color.lightness(rgb / np.float32(255))
        errors.append(float(np.abs(apart).mean()))
    print(f"\nmean |ΔL*| of JPEG output, {len(errors)} sample photos: {np.mean(errors):.2f}, worst {max(errors):.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help="large, workers, lightness (default: all)")
    parser.add_argument("--photos", type=int, default=24, help="large ones in the folder (default: %(default)s)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for part in args.parts or ("large", "workers", "lightness"):
            place = Path(folder) / part
            place.mkdir()
            workers(place, args.photos) if part == "workers" else globals()[part](place)


if __name__ == "__main__":
    main()
