"""What inference adds to the network: `python benchmarks/inference.py [--photos FOLDER]` prints two tables.

1. *Size*: a photo colored as it is, at half and at twice its size, brought back to its own size: how far apart are the
   colors (mean ΔE2000)? Beside it the same network without a working size, which sees each copy at the copy's size.
2. *Edges*: true ab, shrunk to the working size and brought back by plain bilinear interpolation and along the photo's
   edges: mean error of ab in Lab units, over all pixels and over the 5 % where true color changes most.

By default on the six sample photos that scikit-image and matplotlib install.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from colorize_utils.terminal import quietly_import_keras  # noqa: E402

quietly_import_keras()

from skimage.color import deltaE_ciede2000  # noqa: E402

from colorize_utils import (  # noqa: E402
    Colorizer,
    color,  # noqa: E402
    sample_photos,
)
from colorize_utils.inference.colorizer import working_shape  # noqa: E402
from colorize_utils.inference.upsample import resize, upsample_ab  # noqa: E402

SIZES = (0.5, 1.0, 2.0)


def photos_of(folder, limit):
    """uint8 RGB photos of a folder, evenly spaced, or the sample photos, with a short side of at most 512 pixels."""
    if folder is None:
        photos = list(sample_photos().values())
    else:
        from colorize_utils.photos.reading import find_photos, read_photo

        paths = [path for path, _ in find_photos([folder])]
        chosen = np.linspace(0, len(paths) - 1, min(limit, len(paths))).astype(int)
        photos = [np.rint(read_photo(paths[i]).rgb * 255).astype(np.uint8) for i in chosen]
    return [scaled(photo, min(1, 512 / min(photo.shape[:2]))) for photo in photos]


def scaled(photo, factor):
    """A photo at ``factor`` times its size: by area where it shrinks, bicubic where it grows."""
    if factor == 1:
        return photo
    size = [max(1, round(side * factor)) for side in photo.shape[1::-1]]
    return cv2.resize(photo, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)


def colors(colorizer, photo, shape, native):
    """ab that a photo is given, at ``shape``."""
    lightness = color.lightness(photo / np.float32(255))
    return resize(colorizer.predict_ab(lightness, min(photo.shape[:2]) if native else None), shape)


def size_table(colorizer, photos):
    """Mean ΔE2000 between the colors given at two sizes -> {(native, a, b): ΔE}."""
    totals = {}
    for photo in photos:
        shape = photo.shape[:2]
        lightness = color.lightness(photo / np.float32(255))
        copies = {size: scaled(photo, size) for size in SIZES}
        for native in (False, True):
            labs = {
                size: np.dstack([lightness, colors(colorizer, copy, shape, native)]) for size, copy in copies.items()
            }
            for a, b in ((0.5, 1.0), (1.0, 2.0), (0.5, 2.0)):
                totals.setdefault((native, a, b), []).append(float(deltaE_ciede2000(labs[a], labs[b]).mean()))
    return {key: float(np.mean(values)) for key, values in totals.items()}


def edge_table(photos, size):
    """(error everywhere, error at edges) of bilinear and edge-aware upsampling of true ab, in Lab units."""
    errors = {"bilinear": [], "along the photo's edges": []}
    for photo in photos:
        lab = color.rgb_to_lab(photo / np.float32(255))
        lightness, ab = lab[..., 0], np.ascontiguousarray(lab[..., 1:])
        small = resize(ab, working_shape(ab.shape[:2], size))
        step = np.linalg.norm(np.gradient(cv2.GaussianBlur(ab, (0, 0), 1.5), axis=(0, 1)), axis=(0, 3))
        edges = step >= np.quantile(step, 0.95)
        for name, full in (
            ("bilinear", resize(small, lightness.shape)),
            ("along the photo's edges", upsample_ab(small, lightness)),
        ):
            error = np.linalg.norm(full - ab, axis=-1)
            errors[name].append((error.mean(), error[edges].mean()))
    return {name: np.mean(values, axis=0) for name, values in errors.items()}


def main():
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", metavar="DIR", help="default: the six sample photos")
    parser.add_argument("--limit", type=int, default=40, metavar="N", help="so many photos of the folder at most")
    parser.add_argument("--model", metavar="FILE", help="default: the shipped model")
    args = parser.parse_args()
    colorizer, photos = Colorizer.load(args.model), photos_of(args.photos, args.limit)
    table = size_table(colorizer, photos)
    print(f"{len(photos)} photos, mean ΔE2000 between the colors given at two sizes\n")
    print("| sizes | working size, as shipped | network sees the copy's own size |\n| --- | --- | --- |")
    for a, b in ((0.5, 1.0), (1.0, 2.0), (0.5, 2.0)):
        print(f"| {a:g}× and {b:g}× | {table[False, a, b]:.2f} | {table[True, a, b]:.2f} |")
    print(f"\ntrue ab from a short side of {colorizer.size} pixels to the photo's size, mean error in Lab units\n")
    print("| upsampling | everywhere | at edges of color |\n| --- | --- | --- |")
    for name, (everywhere, edges) in edge_table(photos, colorizer.size).items():
        print(f"| {name} | {everywhere:.2f} | {edges:.2f} |")


if __name__ == "__main__":
    main()
