"""Hints as the input of a network that takes them, on the copy of a photo that it looks at."""

import cv2
import numpy as np

from ...color import AB_SCALE
from .levin import on_grid


def hint_planes(hints, shape):
    """`given.Hints` of a photo -> float32 (h, w, 3) on its working copy of ``shape`` (h, w), for the network.

    ab/110 where it is hinted, 0 elsewhere, and 1 where it is hinted. Where several hinted pixels become one, their
    mean; where the copy is larger than the photo, all pixels that one becomes.
    """
    if shape[0] < hints.shape[0] or shape[1] < hints.shape[1]:
        rows, columns, ab, _ = on_grid(hints, np.zeros(len(hints), np.float32), shape)
        return _filled(shape, rows, columns, ab)
    whole = _filled(hints.shape, hints.rows, hints.columns, hints.ab)
    return cv2.resize(whole, shape[::-1], interpolation=cv2.INTER_NEAREST)


def _filled(shape, rows, columns, ab):
    planes = np.zeros((*shape, 3), np.float32)
    planes[rows, columns, :2], planes[rows, columns, 2] = ab / AB_SCALE, 1
    return planes
