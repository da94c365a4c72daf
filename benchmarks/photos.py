"""What large photos and folders of photos cost: `python benchmarks/photos.py [--against FOLDER]` prints a table.

Every figure is of whole runs of `colorize`, each a process of its own, all versions in turn; the least of several runs
is taken. --against: a checkout of an older version, measured beside this one (`git worktree add FOLDER COMMIT`). "Files
alone" is what Pillow takes to decode the same photos and to encode the colored ones as they were written, in as many
processes as there are cores. Wall time depends on what else the machine does; processor seconds much less, so rates and
ratios are of these; what one photo of 64 pixels costs from a cold start is taken off first. --write: put the table
there too, after each part (saved_models/SPEED.md, which the docs quote).

Parts: cold, jpegs, small, tiff8, tiff16, and lightness, which says how far the lightness of JPEGs is off.
"""

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from colorize_utils import color, sample_photos  # noqa: E402
from colorize_utils.disk import write_text  # noqa: E402
from colorize_utils.inference import engines  # noqa: E402
from colorize_utils.photos.reading import read_photo, write_photo  # noqa: E402

CORES = os.cpu_count() or 1


@dataclass
class Case:
    """Photos of one kind: how many, of what shape and depth, and their suffix."""

    title: str
    count: int
    shape: tuple
    bits: int = 8
    suffix: str = ".jpg"

    @property
    def megapixels(self):
        return self.count * self.shape[0] * self.shape[1] / 1e6


CASES = {
    "cold": Case("one photo of 64 pixels, a cold start", 1, (64, 64)),
    "jpegs": Case("8 grey JPEGs of 12 megapixels", 8, (3000, 4000)),
    "small": Case("2,000 grey JPEGs of 256 pixels", 2000, (256, 256)),
    "tiff8": Case("a grey TIFF of 100 megapixels, 8 bits", 1, (8_660, 11_547), 8, ".tif"),
    "tiff16": Case("the same, 16 bits", 1, (8_660, 11_547), 16, ".tif"),
}
HEAD = (
    "| what | version | seconds | processor seconds | beyond the start: megapixels a processor second | photos a "
    "processor second | times the files alone | peak MB |\n| --- | --- | --- | --- | --- | --- | --- | --- |"
)


def scan(height, width, bits=8, number=0):
    """A grey photo with the grain of a scan, uint8 or uint16 (height, width)."""
    samples = sorted(sample_photos().items())
    rgb = samples[number % len(samples)][1]
    grey = color.grey_from_lightness(color.lightness(rgb / np.float32(255))) * np.float32(2**bits - 1)
    picture = cv2.resize(grey, (width, height), interpolation=cv2.INTER_CUBIC)
    step = max(1, 2**22 // width)
    out = np.empty((height, width), np.uint8 if bits == 8 else np.uint16)
    rng = np.random.default_rng(number)
    for top in range(0, height, step):
        rows = picture[top : top + step]
        out[top : top + step] = (rows + rng.normal(0, 2 ** (bits - 7), rows.shape)).clip(0, 2**bits - 1)
    return out


def make(case, folder):
    """Write the photos of a case to a new ``folder``."""
    folder.mkdir()
    for number in range(case.count):
        path = str(folder / f"{number:04}{case.suffix}")
        options = [cv2.IMWRITE_TIFF_COMPRESSION, 1] if case.suffix == ".tif" else []
        cv2.imwrite(path, scan(*case.shape, case.bits, number), options)


def colorize(version, source, out):
    """Run `colorize` of a version (folder, options) -> (seconds, processor seconds, peak memory in MB)."""
    began = time.monotonic()
    folder, options = version
    words = [sys.executable, "-m", "colorize_utils", "colorize", source, "-o", out, "--overwrite", *options]
    child = subprocess.Popen([*map(str, words)], cwd=folder, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"colorize {source} ended with status {os.waitstatus_to_exitcode(status)}")
    memory = used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return time.monotonic() - began, used.ru_utime + used.ru_stime, memory


def least(runs):
    return tuple(min(values) for values in zip(*runs, strict=True))


def _files_alone(pairs):
    """Processor seconds to decode each photo and to encode its colored picture, with Pillow, as ours is encoded."""
    total = 0.0
    for source, picture in pairs:
        with Image.open(picture) as opened:
            rgb = opened.copy()
        began = time.process_time()
        with Image.open(source) as photo:
            photo.load()
        rgb.save(BytesIO(), "JPEG", quality=95, subsampling=0)
        total += time.process_time() - began
    return total


def files_alone(source, out):
    """`_files_alone` of a folder, in as many processes as there are cores."""
    pairs = [(path, next(out.rglob(path.name))) for path in sorted(source.iterdir())]
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn")) as pool:
        return sum(pool.map(_files_alone, [pairs[k::CORES] for k in range(CORES)]))


def measure(case, versions, folder, repeats, starts):
    """The table's rows of a case. ``starts``: what a cold start takes, by version; empty while that is measured."""
    source = folder / "photos"
    make(case, source)
    runs, alone = {name: [] for name in versions}, []
    for _ in range(repeats):
        for name, version in versions.items():
            runs[name].append(colorize(version, source, folder / "out"))
        if starts and case.suffix == ".jpg":
            alone.append(files_alone(source, folder / "out"))
    for name in versions:
        figures = wall, cpu, memory = least(runs[name])
        cells = ["", "", ""]
        if starts:
            beyond = max(1e-3, cpu - starts[name][1])
            cells = [f"{case.megapixels / beyond:.1f}", f"{case.count / beyond:.1f}" if case.count > 1 else "", ""]
            if alone:
                cells[2] = f"{beyond / min(alone):.1f}"
        row = f"| {case.title} | {name} | {wall:.1f} | {cpu:.1f} | {' | '.join(cells)} | {memory:.0f} |"
        yield row, figures


def lightness(folder):
    from colorize_utils import Colorizer

    colorizer, errors = Colorizer.load(), []
    for name, rgb in sorted(sample_photos().items()):
        write_photo(folder / f"{name}.jpg", colorizer(rgb))
        apart = color.lightness(read_photo(folder / f"{name}.jpg").rgb) - color.lightness(rgb / np.float32(255))
        errors.append(float(np.abs(apart).mean()))
    return f"mean |ΔL*| of JPEG output, {len(errors)} sample photos: {np.mean(errors):.2f}, worst {max(errors):.2f}"


def versions_of(args):
    """name -> (folder, options) of what is measured; each has run once: code and model are compiled."""
    installed = [kind for kind in engines.RUNTIMES if engines.installed(kind)]
    found = {f"this, {engine}": (ROOT, ["--engine", engine]) for engine in ("tensorflow", *installed[:1])}
    if args.against:
        found["before"] = (args.against.resolve(), [])
    with tempfile.TemporaryDirectory() as folder:
        make(CASES["cold"], Path(folder) / "photos")
        for version in found.values():
            colorize(version, Path(folder) / "photos", Path(folder) / "out")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(CASES)}, lightness (default: all)")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="a checkout of another version")
    parser.add_argument("--repeats", type=int, default=2, help="runs of each, the least counts (default: %(default)s)")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="put the table there too")
    args = parser.parse_args()
    parts = args.parts or [*CASES, "lightness"]
    if unknown := set(parts) - {*CASES, "lightness"}:
        parser.error(f"expected parts out of {', '.join(CASES)}, lightness, got {', '.join(unknown)}")
    versions, lines, starts = versions_of(args), [HEAD], {}
    print(HEAD)
    for part in dict.fromkeys(["cold", *parts]):
        with tempfile.TemporaryDirectory() as folder:
            if part == "lightness":
                said = ["", lightness(Path(folder))]
            else:
                rows = list(measure(CASES[part], versions, Path(folder), args.repeats, starts))
                said, figures = zip(*rows, strict=True)
                starts = starts or dict(zip(versions, figures, strict=True))
        print(*said, sep="\n", flush=True)
        lines += said
        if args.write:
            write_text(args.write, "\n".join([f"# Speed\n\nMade by `{command()}`.\n", *lines]) + "\n")


def command():
    return shlex.join(["python", "benchmarks/photos.py", *sys.argv[1:]])


if __name__ == "__main__":
    main()
