"""How many toned photos the filters catch, and how many photographs in color they lose.

    python benchmarks/toned.py FOLDER [--limit 405]

Each photo of the folder is toned in five ways (the classic sepia matrix, grey x (1, 0.86, 0.66), a cyanotype's blue, a
platinum print, rose), saved as JPEG of a quality between 60 and 95, read again and measured as `prepare` measures it.
"""

import argparse
import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from colorize_utils import Filters, find_photos, read_photo  # noqa: E402
from colorize_utils.data.stored import stored_codes  # noqa: E402

SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])


def toned(rgb):
    """RGB (H, W, 3) in [0, 1] -> name -> the same as a toned print."""
    grey = (rgb @ [0.299, 0.587, 0.114])[..., None]

    def between(dark, light):
        return grey * np.array(light) + (1 - grey) * np.array(dark)

    return {
        "sepia matrix": rgb @ SEPIA.T,
        "grey x (1, .86, .66)": grey * [1, 0.86, 0.66],
        "cyanotype": between([0.02, 0.13, 0.33], [0.93, 0.96, 0.98]),
        "platinum": between([0.11, 0.10, 0.09], [0.95, 0.93, 0.88]),
        "rose": grey * [1, 0.80, 0.78],
    }


def as_jpeg(rgb, quality):
    """RGB in [0, 1] -> uint8, once through a JPEG file."""
    out = io.BytesIO()
    Image.fromarray(np.rint(np.clip(rgb, 0, 1) * 255).astype(np.uint8)).save(out, "JPEG", quality=quality)
    return np.asarray(Image.open(out))


def reason(pixels):
    """Why the filters leave a photo out, or None."""
    return Filters().reason(stored_codes(pixels, False, 144, 192)[0])


def main():
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int, default=405)
    args = parser.parse_args()
    rng, caught, lost, count = np.random.default_rng(0), {}, [], 0
    for path, _ in find_photos([args.folder])[: args.limit]:
        photo = Image.fromarray(np.rint(read_photo(path).rgb * 255).astype(np.uint8))
        photo.thumbnail((500, 500))
        rgb = np.asarray(photo) / 255
        count += 1
        lost += [path.name] if reason(np.asarray(photo)) else []
        for name, print_ in toned(rgb).items():
            caught[name] = caught.get(name, 0) + bool(reason(as_jpeg(print_, int(rng.integers(60, 96)))))
    for name, number in caught.items():
        print(f"{name:22s} caught {number} of {count}: {number / count:.1%}")
    print(f"{'photographs in color':22s} lost {len(lost)} of {count}: {len(lost) / count:.1%} {' '.join(lost)}")


if __name__ == "__main__":
    main()
