"""What every source hands out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Item:
    """One photo of a source. ``read()`` gives (pixels, is_lab): uint8 RGB (H, W, 3), or Lab codes if ``is_lab``.

    ``parent`` names the photo a crop was cut from (None if it is a photo of its own): the split goes by it.
    """

    name: str
    read: Callable[[], tuple[np.ndarray, bool]]
    parent: str | None = None
