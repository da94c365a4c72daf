"""How fine the colors of photos and of models are, and what a classifier sees of fine colors.

    python benchmarks/color_detail.py PHOTOS [--model FILE]… [--trained-on FOLDER] [--cells FOLDER] [--limit 300]

Prints the root mean square of ab, in Lab units, octave by octave: what a Gaussian blur of 1 pixel takes away, what one
of 2 pixels takes away after it, and so on, in copies whose short side is ``--size`` pixels; the last column is what is
left after 32. Rows: the true colors of the color photos in PHOTOS, cut as `evaluate` cuts them; what each model answers
to them, in colors and as shares of the truth; those of the photos in ``--trained-on``, enlarged to the same size.

``--cells`` writes pictures for `evaluate --pictures`: the lightness of each photo with its true colors, but averaged
over square cells of 2, 8, 16 and 32 pixels of such copies (``FOLDER/cells-8/NAME.png``). They say what figures perfect
colors have that are not fine.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
from mean_answers import write_picture

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from colorize_utils import Colorizer  # noqa: E402
from colorize_utils.evaluation.report import limited  # noqa: E402
from colorize_utils.evaluation.rows import photo_folder  # noqa: E402
from colorize_utils.inference.upsample import resize  # noqa: E402
from colorize_utils.terminal import quietly_import_keras  # noqa: E402

BLURS = (1, 2, 4, 8, 16, 32)  # pixels, standard deviations
CELLS = (2, 8, 16, 32)  # pixels


def fitted(ab, size):
    """ab (H, W, 2) at the size whose short side is ``size``."""
    scale = size / min(ab.shape[:2])
    return resize(np.ascontiguousarray(ab), tuple(max(1, round(side * scale)) for side in ab.shape[:2]))


def octaves(ab):
    """Mean squares (len(BLURS) + 1,) of what each blur takes away from ab (H, W, 2), and of what is left."""
    blurred = [ab, *(cv2.GaussianBlur(ab, (0, 0), sigma) for sigma in BLURS), np.zeros_like(ab)]
    return np.array([np.mean((a - b) ** 2) for a, b in zip(blurred, blurred[1:], strict=False)])


def in_cells(ab, size, cell):
    """ab (H, W, 2) averaged over cells of ``cell`` pixels of copies whose short side is ``size``, enlarged again."""
    return resize(fitted(ab, max(1, round(size / cell))), ab.shape[:2])


def root_mean(photos):
    """The root of the mean of the `octaves` of many ab."""
    return np.sqrt(np.mean([octaves(ab) for ab in photos], axis=0))


def row(name, cells):
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", metavar="PHOTOS")
    parser.add_argument("--model", metavar="FILE", action="append", default=[])
    parser.add_argument("--trained-on", metavar="FOLDER", help="photos that models were trained on")
    parser.add_argument("--cells", metavar="FOLDER", type=Path)
    parser.add_argument("--limit", type=int, metavar="N", help="only N photos, evenly spaced, as evaluate takes them")
    parser.add_argument("--size", type=int, default=224, metavar="N")
    args = parser.parse_args()
    photos = limited(photo_folder(args.photos), args.limit)
    labs = [photos.load(index).lab for index in range(len(photos))]
    for name, lab in zip(photos.names, labs, strict=True) if args.cells else ():
        for cell in CELLS:
            ab = in_cells(lab[..., 1:], args.size, cell)
            write_picture(args.cells / f"cells-{cell}", name, lab[..., 0], ab)
    between = (f"{a} to {b}" for a, b in zip(BLURS, BLURS[1:], strict=False))
    row("rms of ab, by blur in pixels", [f"to {BLURS[0]}", *between, f"over {BLURS[-1]}"])
    print("|" + " --- |" * (len(BLURS) + 2))
    truth = root_mean(fitted(lab[..., 1:], args.size) for lab in labs)
    row("truth", [f"{value:.2f}" for value in truth])

    def beside_truth(name, photos):
        values = root_mean(fitted(ab, args.size) for ab in photos)
        row(name, [f"{v:.2f} ({s:.0%})" for v, s in zip(values, values / truth, strict=True)])

    if args.trained_on:
        others = limited(photo_folder(args.trained_on), len(photos))
        beside_truth("photos trained on, enlarged", (others.load(i).lab[..., 1:] for i in range(len(others))))
    if args.model:
        quietly_import_keras()
    for path in args.model:
        colorizer = Colorizer.load(path)
        beside_truth(Path(path).stem, (colorizer.predict_ab(lab[..., 0]) for lab in labs))


if __name__ == "__main__":
    main()
