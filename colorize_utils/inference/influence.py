"""How far a hint reaches on a photo that a network has colored: to the edge of the thing it lies on."""

import cv2
import numpy as np
import scipy.sparse as sparse
from scipy.sparse.csgraph import dijkstra

from .propagate import OFFSETS, pairs

L_UNIT, AB_UNIT = 10.0, 8.0  # a step in L, and in the network's ab, that counts as 1
LENGTH = 0.004  # what a pixel of way costs by itself, on a grid of about 256 x 256
LIKENESS = 0.5
REACH = 2.0


def influence(lightness, ab, rows, columns):
    """L (h, w) and the network's ab (h, w, 2) on a small grid, hinted places (n,) -> (h, w) float32 in [0, 1]."""
    shape = lightness.shape
    smooth = cv2.medianBlur(np.ascontiguousarray(lightness, np.float32), 5)
    looks = np.dstack([smooth / L_UNIT, ab / AB_UNIT]).astype(np.float32)
    number = np.arange(lightness.size).reshape(shape)
    first, second, cost = [], [], []
    for offset in OFFSETS:
        here, there = pairs(looks, offset)
        for side, part in zip((first, second), pairs(number, offset), strict=True):
            side.append(part.ravel())
        cost.append((((here - there) ** 2).sum(-1) + LENGTH * np.hypot(*offset)).ravel())
    first, second, cost = map(np.concatenate, (first, second, cost))
    graph = sparse.csr_array((cost, (first, second)), shape=(lightness.size,) * 2)
    seeds = rows * shape[1] + columns
    way, _, source = dijkstra(graph, directed=False, indices=seeds, min_only=True, return_predecessors=True)
    looks = looks.reshape(-1, 3)
    apart = looks - looks[source]
    unlike = np.sqrt(0.36 * apart[:, 0] ** 2 + apart[:, 1] ** 2 + apart[:, 2] ** 2)
    far = way + LIKENESS * unlike
    return (1 / (1 + (far / REACH) ** 6)).reshape(shape).astype(np.float32)
