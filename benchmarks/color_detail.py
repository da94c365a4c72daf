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

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from colorize_utils import Colorizer, color  # noqa: E402
from colorize_utils.evaluation.report import limited  # noqa: E402
from colorize_utils.evaluation.rows import photo_folder, to_bytes  # noqa: E402
from colorize_utils.inference.upsample import resize  # noqa: E402
from colorize_utils.photos.reading import write_photo  # noqa: E402
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


def row(name, squares, truth=None):
    """A line of the table: root mean squares, and as shares of ``truth``'s where that is given."""
    values = np.sqrt(np.mean(squares, axis=0))
    shares = values if truth is None else values / truth
    cells = [f"{v:.2f}" if truth is None else f"{v:.2f} ({s:.0%})" for v, s in zip(values, shares, strict=True)]
    print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return values


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", metavar="PHOTOS")
    parser.add_argument("--model", metavar="FILE", action="append", default=[])
    parser.add_argument("--trained-on", metavar="FOLDER", help="photos that models were trained on")
    parser.add_argument("--cells", metavar="FOLDER", type=Path)
    parser.add_argument("--limit", type=int, metavar="N", help="only N photos, evenly spaced, as evaluate takes them")
    parser.add_argument("--size", type=int, default=224, metavar="N")
    args = parser.parse_args()
    quietly_import_keras()
    photos = limited(photo_folder(args.photos), args.limit)
    if args.cells:
        for index, name in enumerate(photos.names):
            lab = photos.load(index).lab
            for cell in CELLS:
                path = (args.cells / f"cells-{cell}" / name).with_suffix(".png")
                path.parent.mkdir(parents=True, exist_ok=True)
                write_photo(path, to_bytes(color.join(lab[..., 0], in_cells(lab[..., 1:], args.size, cell))))
    names = [f"to {BLURS[0]}", *(f"{a} to {b}" for a, b in zip(BLURS, BLURS[1:], strict=False)), f"over {BLURS[-1]}"]
    print(f"| rms of ab, by blur in pixels | {' | '.join(names)} |\n|{' --- |' * (len(names) + 1)}")
    labs = [photos.load(index).lab for index in range(len(photos))]
    truth = row("truth", [octaves(fitted(lab[..., 1:], args.size)) for lab in labs])
    if args.trained_on:
        others = limited(photo_folder(args.trained_on), len(photos))
        known = (fitted(others.load(index).lab[..., 1:], args.size) for index in range(len(others)))
        row("photos trained on, enlarged", [octaves(ab) for ab in known], truth)
    for path in args.model:
        colorizer = Colorizer.load(path)
        answers = (fitted(colorizer.predict_ab(lab[..., 0]), args.size) for lab in labs)
        row(Path(path).stem, [octaves(ab) for ab in answers], truth)


if __name__ == "__main__":
    main()
