"""The colors of hints as a layer over a photo: what lies under it shows through where no hint reaches."""

from dataclasses import dataclass

import numpy as np

from ..upsample import upsample_rows
from .given import Hints
from .levin import minimize, on_grid
from .reach import influence

SEAM = 0.02  # weight of the nearest hint's color: where two hints meet, theirs mix over some 1 / sqrt(SEAM) pixels


@dataclass(frozen=True)
class Layer:
    """Colors to lay over a network's: ``planes`` float32 (h, w, 3), on the grid of ``lightness`` (h, w).

    They are ab times influence, and how much of the network's own color they hide.
    """

    hints: Hints
    lightness: np.ndarray
    planes: np.ndarray

    def over(self, ab, lightness, top):
        """ab (n, W, 2) of the rows from ``top`` and their L (n, W) -> their ab with the hints' colors laid over.

        Hinted pixels have exactly the hints' ab.
        """
        if self._reaches(top, len(ab)):
            lifted = upsample_rows(self.planes, self.lightness, lightness, top, self.hints.shape[0])
            ab = ab * (1 - lifted[..., 2:]) + lifted[..., :2]
        inside = (self.hints.rows >= top) & (self.hints.rows < top + len(ab))
        ab[self.hints.rows[inside] - top, self.hints.columns[inside]] = self.hints.ab[inside]
        return ab

    def _reaches(self, top, count):
        """Whether a hint reaches any of the rows of the grid that these rows of the photo are brought up from."""
        rows, height = len(self.planes), self.hints.shape[0]
        near = slice(max(0, top * rows // height - 1), (top + count) * rows // height + 2)
        return bool(self.planes[near, :, 2].any())


def hint_layer(hints, at_hints, grid, ab=None):
    """Hints spread over a photo -> `Layer`.

    at_hints: the photo's L (n,) at the hinted pixels. grid: its L (h, w) on a grid of `levin.grid_shape`. ab: what
    a network gives that grid (h, w, 2); None: there is no network, and the hints reach everywhere. Over a network that
    takes hints they are laid just the same: to lay over only what it has missed of them was farther off
    (saved_models/EXPERIMENTS.md, line 29).
    """
    hints, lightness = hints.seen_at(at_hints), np.array(grid, np.float32)
    rows, columns, hinted, own = on_grid(hints, at_hints, lightness.shape)
    lightness[rows, columns] = own  # a cell on an edge belongs to the side its hint is on
    if ab is None:
        share, colors = np.ones(lightness.shape, np.float32), minimize(lightness, rows, columns, hinted)
    else:
        share, nearest = influence(lightness, ab, rows, columns)
        colors = minimize(lightness, rows, columns, hinted, hinted[nearest], SEAM, share > 0)
    share = share[..., None]
    return Layer(hints, lightness, np.concatenate([colors * share, share], axis=-1, dtype=np.float32))
