"""Hints as the input of a network that takes them, on the copy of a photo that it looks at."""

import cv2
import numpy as np

from ...color import AB_SCALE
from .levin import on_grid

SQUARE = np.ones((3, 3), np.uint8)


def hint_planes(hints, shape):
    """`given.Hints` of a photo -> float32 (h, w, 3) on its working copy of ``shape`` (h, w), for the network.

    ab/110 where it is hinted, 0 elsewhere, and 1 where it is hinted. Where several hinted pixels become one, their
    mean; where the copy is larger than the photo, all pixels that one becomes. A hint of fewer than 3x3 pixels is made
    as large: networks learn from squares of one to seven pixels, and hear little of single ones
    (`benchmarks/hint_parts.py`; saved_models/EXPERIMENTS.md has the figures).
    """
    return _widened(_narrow(hints, shape))


def _narrow(hints, shape):
    if shape[0] < hints.shape[0] or shape[1] < hints.shape[1]:
        rows, columns, ab, _ = on_grid(hints, np.zeros(len(hints), np.float32), shape)
        return _filled(shape, rows, columns, ab)
    whole = _filled(hints.shape, hints.rows, hints.columns, hints.ab)
    return cv2.resize(whole, shape[::-1], interpolation=cv2.INTER_NEAREST)


def _widened(planes):
    """Hints (h, w, 3), those in no whole square of 3x3 hinted pixels with the pixels round them: their mean there."""
    hinted = planes[..., 2]
    thin = hinted * (1 - cv2.dilate(cv2.erode(hinted, SQUARE), SQUARE))
    count = cv2.blur(thin, SQUARE.shape, borderType=cv2.BORDER_CONSTANT)
    near = (count > 0) & (hinted == 0)
    if near.any():
        sums = cv2.blur(planes[..., :2] * thin[..., None], SQUARE.shape, borderType=cv2.BORDER_CONSTANT)
        planes[near, :2], planes[near, 2] = sums[near] / count[near, None], 1
    return planes


def _filled(shape, rows, columns, ab):
    planes = np.zeros((*shape, 3), np.float32)
    planes[rows, columns, :2], planes[rows, columns, 2] = ab / AB_SCALE, 1
    return planes
