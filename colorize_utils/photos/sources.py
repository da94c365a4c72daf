"""Where photos come from: a folder of photos, Kaggle's Lab arrays, or the sample pictures that are installed anyway.

A source has a ``name``, a length, and ``items(start)``: an iterator over `Item` from number ``start`` on, always in
the same order.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import ColorizeError
from .files import find_photos, read_photo


@dataclass(frozen=True)
class Item:
    """One photo of a source. ``read()`` gives (pixels, is_lab): uint8 RGB (H, W, 3), or Lab codes if ``is_lab``.

    ``parent`` names the photo a crop was cut from (None if it is a photo of its own): the split goes by it.
    """

    name: str
    read: Callable[[], tuple[np.ndarray, bool]]
    parent: str | None = None


class PhotoFolder:
    """All photos below a folder, at any depth, in any common format, in the order of their paths."""

    def __init__(self, folder):
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise ColorizeError(f"expected a folder of photos, but there is no folder {self.folder}")
        self.name = "photos"
        self.paths = [path for path, _ in find_photos([self.folder])]
        if not self.paths:
            raise ColorizeError(f"expected photos (jpg, png, tif, webp, bmp) in {self.folder}, found none")

    def __len__(self):
        return len(self.paths)

    def items(self, start=0):
        """The photos from number ``start`` on, as `Item`s."""
        for path in self.paths[start:]:
            yield Item(path.relative_to(self.folder).as_posix(), lambda path=path: (_rgb8(path), False))


def _rgb8(path):
    return np.rint(read_photo(path).rgb * 255).astype(np.uint8)
