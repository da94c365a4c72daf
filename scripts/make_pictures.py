"""Make the pictures of the README and the model card from the installed sample photos.

    python scripts/make_pictures.py                      saved_models/pictures/before_after.jpg and samples.jpg
    python scripts/make_pictures.py --runs RUN [NEXT]    also progress.jpg: what each phase of these runs ended with

Only photos that scikit-image and matplotlib install are shown; the shipped model never saw them.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from colorize_utils.terminal import quietly_import_keras  # noqa: E402

quietly_import_keras()

from colorize_utils import (  # noqa: E402
    Colorizer,
    color,  # noqa: E402
    sample_photos,
)

PICTURES = ROOT / "saved_models" / "pictures"


def shrunk(rgb, height):
    """A photo at ``height`` pixels, area-averaged."""
    width = round(rgb.shape[1] * height / rgb.shape[0])
    return np.asarray(Image.fromarray(rgb).resize((width, height), Image.Resampling.LANCZOS))


def grey(rgb):
    """The photo as its lightness alone."""
    plane = color.grey_from_lightness(color.lightness(rgb / 255.0))
    return np.rint(plane[..., None].repeat(3, axis=-1) * 255).astype(np.uint8)


def row(pictures, gap=6):
    """Pictures of one height side by side on white."""
    spaced = []
    for picture in pictures:
        spaced += [picture, np.full((picture.shape[0], gap, 3), 255, np.uint8)]
    return np.concatenate(spaced[:-1], axis=1)


def stacked(rows, gap=6):
    """Rows of one width under each other on white."""
    spaced = []
    for line in rows:
        spaced += [line, np.full((gap, line.shape[1], 3), 255, np.uint8)]
    return np.concatenate(spaced[:-1], axis=0)


def labeled(picture, text):
    """The picture with a line of text above it."""
    image = Image.new("RGB", (picture.shape[1], picture.shape[0] + 16), "white")
    image.paste(Image.fromarray(picture), (0, 16))
    ImageDraw.Draw(image).text((2, 2), text, fill="black")
    return np.asarray(image)


def save(picture, name):
    """Write a JPEG small enough for a README."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(PICTURES / name, quality=88, optimize=True)
    print(f"saved_models/pictures/{name}: {(PICTURES / name).stat().st_size:,} bytes")


def main():
    """Make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, nargs="+", default=[], help="runs that show how the colors came")
    args = parser.parse_args()
    photos = sample_photos()
    colorizer = Colorizer.load()
    chosen = [shrunk(photos[name], 300) for name in ("motorcycle", "hopper")]
    save(row([picture for photo in chosen for picture in (grey(photo), colorizer(photo))]), "before_after.jpg")
    small = [shrunk(photo, 170) for photo in photos.values()]
    results = [("given", [grey(p) for p in small]), ("colored", [colorizer(p) for p in small]), ("the truth", small)]
    save(stacked([labeled(row(pictures), title) for title, pictures in results]), "samples.jpg")
    lines = []
    for run in args.runs:
        for phase in sorted(run.glob("[124]-*/snapshots")):  # a critic changes no color
            model = Colorizer.load(max(phase.glob("*.h5")))
            title = f"{run.name}, {model.meta['phase']}: {model.meta['images']:,} photos seen in this run"
            lines.append(labeled(row([model(shrunk(p, 120)) for p in photos.values()]), title))
    if lines:
        save(stacked(lines), "progress.jpg")


if __name__ == "__main__":
    main()
