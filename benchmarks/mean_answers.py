"""What several models answer on average: pictures for `evaluate --pictures`, beside those of each model alone.

    python benchmarks/mean_answers.py PHOTOS FOLDER MODEL MODEL… [--limit 300] [--sizes 224] [--strength 1]

Writes ``FOLDER/NAME.png`` for each color photo in PHOTOS, cut as `evaluate` cuts it and named as it is there: its
lightness with the mean ab of all MODELs (.h5 files), each asked at all ``--sizes`` (short sides of the copies that a
model sees). ``--strength`` multiplies the colors. `evaluate --photos PHOTOS --limit N --pictures mean=FOLDER` then says
what that is worth: it is what a network learns that has these as its teachers (`train --teacher`).
"""

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from colorize_utils import Colorizer, color  # noqa: E402
from colorize_utils.evaluation.report import limited  # noqa: E402
from colorize_utils.evaluation.rows import photo_folder, to_bytes  # noqa: E402
from colorize_utils.photos.reading import write_photo  # noqa: E402
from colorize_utils.terminal import quietly_import_keras  # noqa: E402


def mean_answer(colorizers, lightness, sizes):
    """The mean ab (H, W, 2), in Lab units, that colorizers give L (H, W) in copies of all these sizes."""
    answers = [colorizer.predict_ab(lightness, size) for colorizer in colorizers for size in sizes]
    return np.mean(answers, axis=0)


def write_picture(folder, name, lightness, ab):
    """Write L (H, W) with ab (H, W, 2) as ``folder``/NAME.png, where `evaluate --pictures` looks for it."""
    path = (folder / name).with_suffix(".png")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_photo(path, to_bytes(color.join(lightness, ab)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", metavar="PHOTOS")
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    parser.add_argument("models", metavar="MODEL", nargs="+")
    parser.add_argument("--limit", type=int, metavar="N", help="only N photos, evenly spaced, as evaluate takes them")
    parser.add_argument("--sizes", type=int, nargs="+", default=[224], metavar="N")
    parser.add_argument("--strength", type=float, default=1.0, metavar="X")
    args = parser.parse_args()
    quietly_import_keras()
    colorizers = [Colorizer.load(path) for path in args.models]
    photos = limited(photo_folder(args.photos), args.limit)
    for index, name in enumerate(photos.names):
        lightness = photos.load(index).lab[..., 0]
        ab = np.float32(args.strength) * mean_answer(colorizers, lightness, args.sizes)
        write_picture(args.folder, name, lightness, ab)
    print(f"{len(photos)} pictures in {args.folder}")


if __name__ == "__main__":
    main()
