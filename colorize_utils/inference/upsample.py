"""Bringing ab from the network's working size to the photo's, along the photo's own edges."""

from itertools import pairwise

import cv2
import numpy as np

RANGE = 4.0  # how far apart in L two places may be and still share a color: about the contrast of a soft edge
BLOCK = 2**16  # pixels at a time: few enough for a core's cache, and enough that threads seldom wait for each other
UNSEEN = -24.0  # e to the power of less is lost beside `FLOOR`, and costs many times as much to compute
FLOOR = 1e-3  # where none of the four neighbors has the pixel's lightness, plain bilinear interpolation is left


def upsample_ab(ab_small, lightness_full, lightness_small=None):
    """ab (h, w, 2) in Lab units and the photo's L (H, W) in 0..100 -> ab (H, W, 2) float32 at the photo's size.

    ``lightness_small`` (h, w) is the L that ab_small was predicted from; by default the photo's, area-averaged.
    Joint bilateral upsampling (Kopf et al. 2007) with the four nearest neighbors: bilinear interpolation in which a
    neighbor counts less the more its lightness differs from the pixel's. A mean, so no value outside those of
    ab_small arises. A side on which ab_small is larger than the photo is area-averaged.
    """
    ab_small, lightness_full = np.asarray(ab_small, np.float32), np.asarray(lightness_full, np.float32)
    if lightness_small is None:
        lightness_small = resize(lightness_full, ab_small.shape[:2])
    return upsample_rows(ab_small, lightness_small, lightness_full, 0, len(lightness_full))


def upsample_rows(ab_small, lightness_small, lightness_rows, top, height):
    """`upsample_ab` for the rows from ``top`` of a photo ``height`` rows high, given their L (n, W) -> (n, W, 2).

    Band by band it gives the same values as all at once, in the memory of a band. ab_small may have any number of
    channels; the result has as many, each of them a plane of its own in memory.
    """
    rows, width = lightness_rows.shape
    h, w, channels = ab_small.shape
    planes = np.empty((1 + channels, h, w), np.float32)  # plane by plane is twice as fast as channels last
    planes[0], planes[1:] = lightness_small, np.moveaxis(ab_small, -1, 0)
    if h > height or w > width:
        h, w = min(h, height), min(w, width)
        planes = np.stack([resize(plane, (h, w)) for plane in planes])
    upper, lower, down = _neighbors(np.arange(top, top + rows), height, h)
    across = _neighbors(np.arange(width), width, w)
    few = height >= 4 * h  # rows of the photo share their lines of samples: each is widened once
    step, shown, corners = max(1, BLOCK // width), None, None
    room = np.empty((3, min(step, rows), width), np.float32)
    total = np.empty((len(planes) - 1, rows, width), np.float32)
    for first, last in _blocks(upper, step, few):
        lines = slice(first, first + 1 if few else last)
        if not few or shown != upper[first]:
            corners, shown = _corners(planes, upper[lines], lower[lines], across), upper[first]
        block = slice(first, last)
        _mix(corners, down[block, None], lightness_rows[block], total[:, block], room[:, : last - first])
    return total.transpose(1, 2, 0)


def _blocks(upper, step, few):
    """(first, last) of at most ``step`` rows each; with ``few``, of rows that lie between the same two lines."""
    ends = np.flatnonzero(np.diff(upper)) + 1 if few else ()
    for begin, end in pairwise([0, *ends, len(upper)]):
        yield from ((first, min(first + step, end)) for first in range(begin, end, step))


def _corners(planes, upper, lower, across):
    """The four nearest samples of each pixel: [(is it below, samples (C, n, W), weight from left to right (W,))]."""
    left, right, share = across
    lines = planes[:, upper[0] : lower[-1] + 1]  # widened once, though several rows lie between the same two
    sides = [(lines.take(xs, axis=2), weight) for xs, weight in ((left, 1 - share), (right, share))]
    return [(ys is lower, wide[:, ys - upper[0]], weight) for ys in (upper, lower) for wide, weight in sides]


def _mix(corners, down, lightness, out, room):
    """The mean of four neighbors, by nearness in place and in lightness -> out (C - 1, n, W). room: (3, n, W)."""
    weight, part, weights = room
    for number, (below, (guide, *values), horizontal) in enumerate(corners):
        np.subtract(guide, lightness, out=weight)
        weight *= weight
        weight *= np.float32(-0.5 / RANGE**2)
        np.maximum(weight, np.float32(UNSEEN), out=weight)
        np.exp(weight, out=weight)
        weight += np.float32(FLOOR)
        weight *= horizontal
        weight *= down if below else 1 - down
        if number == 0:
            weights[:] = weight
        else:
            weights += weight
        for k, plane in enumerate(values):
            np.multiply(weight, plane, out=part if number else out[k])
            if number:
                out[k] += part
    out /= weights


def resize(plane, shape):
    """A float32 (H, W) or (H, W, C) array to ``shape`` (h, w): area average where it shrinks, bilinear where it grows.

    One axis after the other, so that a photo may shrink along one side and grow along the other.
    """
    for axis, length in ((1, shape[1]), (0, shape[0])):
        now = plane.shape[axis]
        if now != length:
            size = (length, plane.shape[0]) if axis == 1 else (plane.shape[1], length)
            plane = cv2.resize(plane, size, interpolation=cv2.INTER_AREA if length < now else cv2.INTER_LINEAR)
    return plane


def _neighbors(places, length, small):
    """Pixel numbers out of ``length`` -> the two nearest of ``small`` samples, and the share of the second (0..1)."""
    where = np.clip((places + 0.5) * (small / length) - 0.5, 0, small - 1)
    first = np.floor(where).astype(np.intp)
    return first, np.minimum(first + 1, small - 1), (where - first).astype(np.float32)
