"""Bringing ab from the network's working size to the photo's, along the photo's own edges."""

import cv2
import numpy as np

RANGE = 4.0  # how far apart in L two places may be and still share a color: about the contrast of a soft edge
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
    channels; the result has as many.
    """
    rows, width = lightness_rows.shape
    small = np.dstack([np.asarray(lightness_small, np.float32), np.asarray(ab_small, np.float32)])
    if small.shape[0] > height or small.shape[1] > width:
        small = resize(small, (min(small.shape[0], height), min(small.shape[1], width)))
    upper, lower, down = _neighbors(np.arange(top, top + rows), height, small.shape[0])
    left, right, across = _neighbors(np.arange(width), width, small.shape[1])
    # Plane by plane is twice as fast as channels last.
    planes = [np.ascontiguousarray(small[..., k]) for k in range(small.shape[-1])]
    total = np.zeros((len(planes) - 1, rows, width), np.float32)
    weights = np.zeros((rows, width), np.float32)
    for ys, vertical in ((upper, 1 - down), (lower, down)):
        lines = [plane[ys] for plane in planes]
        for xs, horizontal in ((left, 1 - across), (right, across)):
            weight = lines[0].take(xs, axis=1)
            weight -= lightness_rows
            weight *= weight
            weight *= np.float32(-0.5 / RANGE**2)
            np.exp(weight, out=weight)
            weight += np.float32(FLOOR)
            weight *= vertical[:, None]
            weight *= horizontal
            weights += weight
            for k in range(len(total)):
                total[k] += weight * lines[k + 1].take(xs, axis=1)
    total /= weights
    return np.stack(list(total), axis=-1)


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
