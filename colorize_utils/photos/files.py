"""Reading and finding photos (interim)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ..errors import ColorizeError


@dataclass
class Photo:
    rgb: np.ndarray


def read_photo(path, max_pixels=300_000_000):
    try:
        with Image.open(path) as im:
            return Photo(np.asarray(ImageOps.exif_transpose(im).convert("RGB"), np.float32) / 255)
    except Exception as e:
        raise ColorizeError(f"expected a photo, {path}: {e}", status=1) from None


def find_photos(paths):
    out = []
    for p in paths:
        p = Path(p)
        out += [
            (q, p)
            for q in sorted(p.rglob("*"))
            if q.suffix.lower() in (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp")
        ]
    return out
