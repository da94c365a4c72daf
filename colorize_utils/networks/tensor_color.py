"""The arithmetic of `color` on tensors: what a network or a loss in it needs."""

import numpy as np
from keras import ops

from ..color import AB_SCALE, RGB_FROM_XYZ


def rgb_from_lab(normalized_l, ab):
    """L/50-1 (..., 1) and ab/110 (..., 2) -> sRGB (..., 3) in [0, 1], differentiable: `color.lab_to_rgb` on tensors.

    What leaves the gamut is clipped, channel by channel: cheaper than taking its chroma back, and only a loss sees it.
    """
    y = (normalized_l * 50 + 66) / 116
    x, z = y + ab[..., :1] * (AB_SCALE / 500), y - ab[..., 1:] * (AB_SCALE / 200)
    f = ops.concatenate([x, y, z], axis=-1)
    xyz = ops.where(f > 6 / 29, f**3, (116 * f - 16) * (27 / 24389))
    linear = ops.clip(ops.matmul(xyz, ops.cast(np.ascontiguousarray(RGB_FROM_XYZ.T), xyz.dtype)), 0.0, 1.0)
    # The power is taken of a value kept away from 0: at 0 its slope is infinite.
    curve = 1.055 * ops.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    return ops.where(linear <= 0.0031308, 12.92 * linear, curve)


def backbone_input(normalized_l, grey_range=(-1, 1)):
    """L/50-1 (..., 1) in [-1, 1] -> the same grey photo as a backbone was trained on it, (..., 3).

    The backbones know sRGB photos, not lightness: L* becomes the sRGB value of that grey (CIE 15, IEC 61966-2-1; the
    arithmetic of `color.grey_from_lightness` on tensors), scaled to the backbone's range and repeated three times.
    """
    f = (ops.clip((normalized_l + 1) * 50, 0, 100) + 16) / 116
    luminance = ops.where(f > 6 / 29, f**3, (116 * f - 16) * 27 / 24389)
    # The power is taken of a value kept away from 0: at 0 its slope is infinite.
    curve = 1.055 * ops.maximum(luminance, 0.0031308) ** (1 / 2.4) - 0.055
    grey = ops.where(luminance <= 0.0031308, 12.92 * luminance, curve)
    low, high = grey_range
    return ops.repeat(grey * (high - low) + low, 3, axis=-1)
