"""How far a hint reaches on a photo that a network has colored: as far as the thing goes that it lies on.

A dot that says "red" means the dress, not the pixels and not the picture. Drawing the network's colors and the hints
together in one energy (`levin.propagate` with the network's ab for a prior) does not say that: weighed so that the rest
stays, a dot fades within a few pixels; weighed so that the dress turns red, everything reddens. So it is asked how far
each hint reaches: that is the geodesic distance, as in Yatziv and Sapiro 2006 ("Fast image and video colorization
using chrominance blending"), here measured in lightness and in the network's own ab: the network does not know the
dress's color, but that a face and a lawn are something else. Steps are squared, so that shading and folds, which are
many small ones, cost little and edges much; what looks unlike the hinted pixel is held to be farther off. Within its
reach a hint replaces the network's color; where several hints meet, Levin's energy (`levin.minimize`) makes their
colors pass into each other.
"""

import cv2
import numpy as np
import scipy.sparse as sparse
from scipy.sparse.csgraph import dijkstra

from .levin import OFFSETS, pairs

L_UNIT, AB_UNIT = 10.0, 8.0  # differences, in Lab units, that count as 1
LENGTH = 0.004  # of a pixel of way by itself, on a grid of `levin.SOLVED` pixels
UNLIKE = 0.6, 0.4  # of a unit by which a pixel differs from the hinted one, in L and in ab
REACH = 2.0  # the distance at which half of the hint's color is left
SOFT = 0.35  # from this share below it to this share above it color fades


def influence(lightness, ab, rows, columns):
    """How far hints reach -> share (h, w) float32 in [0, 1], 1 at the hints, and the nearest hint (h, w), 0 to n - 1.

    lightness: L (h, w) in 0..100 of a grid as `levin.grid_shape` makes it; ab (h, w, 2): the network's, in Lab
    units; rows, columns (n,): the hinted places, one or more.
    """
    shape = lightness.shape
    smooth = cv2.medianBlur(np.ascontiguousarray(lightness, np.float32), 5)  # grain and small patterns are no edges
    looks = np.dstack([smooth / L_UNIT, ab / AB_UNIT]).astype(np.float32)
    places = rows * shape[1] + columns
    way, nearest = _way(looks, places)
    apart = np.abs(looks.reshape(-1, 3) - looks.reshape(-1, 3)[nearest])
    way += UNLIKE[0] * apart[:, 0] + UNLIKE[1] * np.hypot(apart[:, 1], apart[:, 2])
    share = np.clip((1 + SOFT - way / REACH) / (2 * SOFT), 0, 1).reshape(shape)
    share = (share * share * (3 - 2 * share)).astype(np.float32)
    share[rows, columns] = 1
    number = np.zeros(lightness.size, np.intp)
    number[places] = np.arange(len(places))
    return share, number[nearest].reshape(shape)


def _way(looks, places):
    """Looks (h, w, C) and the numbers of hinted pixels -> the shortest way to each pixel (h * w,), and from which."""
    shape = looks.shape[:2]
    number = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape)
    first, second, cost = [], [], []
    for offset in OFFSETS:
        here, there = pairs(looks, offset)
        cost.append((((here - there) ** 2).sum(-1) + LENGTH * np.hypot(*offset)).ravel())
        for ends, some in zip((first, second), pairs(number, offset), strict=True):
            ends.append(some.ravel())
    ends = np.concatenate(first), np.concatenate(second)
    graph = sparse.csr_array((np.concatenate(cost), ends), shape=(number.size, number.size))
    way, _, nearest = dijkstra(graph, directed=False, indices=places, min_only=True, return_predecessors=True)
    return way, nearest
