"""Spaces of color in which TIFFs store pictures, in RGB: palettes, YCbCr and Lab."""

import numpy as np

from ..color import srgb_from_linear
from .icc import D50_FROM_SRGB
from .tiff_segments import NONE, rows_of_bytes

SUBSAMPLING, COEFFICIENTS, REFERENCES = 530, 529, 532  # tags
BLOCK = 256  # rows converted at once
D50 = np.array([0.9642, 1.0, 0.8249], np.float32)  # white of profiles, and of Lab in TIFFs


def rgb_from_palette(data, colormap):
    """uint8 (H, W), which color of ``colormap`` (3, colors) -> uint8 (H, W, 3).

    Colors have 16 bits (TIFF 6.0, section 5), of which programs fill the upper 8 in two ways; where all are below 256
    one wrote 8, as libtiff has it.
    """
    colors = np.asarray(colormap, np.uint16).T
    return (colors if colors.max() < 256 else colors >> 8).astype(np.uint8)[data]


def subsampling(page):
    """Pixels (across, down) for which a YCbCr page has one color. (1, 1) where JPEG or the like sees to it itself."""
    told = page.tags.valueof(SUBSAMPLING)
    if told is not None:
        across, down = (int(number) for number in told[:2])
        if not {across, down} <= {1, 2, 4}:
            raise ValueError(f"color for every {across}x{down} pixels")
        return across, down
    # TIFF 6.0 has 2, 2 where the file is silent, which some programs take for 1, 1.
    full = page.imagewidth * page.imagelength * page.samplesperpixel
    return (1, 1) if page.compression != NONE or sum(page.databytecounts) >= full else (2, 2)


def subsampled(page, sub):
    """YCbCr with one color for several pixels -> uint8 (H, W, 3), the color repeated (TIFF 6.0, section 21)."""
    across, down = sub
    if page.planarconfig == 2 or page.bitspersample != 8 or page.samplesperpixel != 3 or page.predictor != 1:
        raise ValueError("YCbCr in planes, or of another depth than 8 bits")
    rows, columns = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, page.imagewidth)
    unit = across * down + 2
    units = rows_of_bytes(page, -(-rows // down), -(-columns // across) * unit)[0]
    units = units.reshape(len(units), -1, unit)
    out = np.empty((len(units) * down, units.shape[1] * across, 3), np.uint8)
    for y in range(down):
        for x in range(across):
            out[y::down, x::across, 0] = units[..., y * across + x]
            out[y::down, x::across, 1:] = units[..., -2:]
    return out[: page.imagelength, : page.imagewidth]


def _fractions(page, tag, default):
    told = page.tags.valueof(tag)
    return np.reshape(told, (-1, 2)) @ [[1], [0]] / np.reshape(told, (-1, 2))[:, 1:] if told else np.array(default)


def rgb_from_ycbcr(page, values):
    """uint8 or uint16 (H, W, 3) of YCbCr -> RGB of that shape and type (TIFF 6.0, sections 20 and 21)."""
    red, green, blue = np.ravel(_fractions(page, COEFFICIENTS, (0.299, 0.587, 0.114)))
    ranges = np.reshape(_fractions(page, REFERENCES, (0, 255, 128, 255, 128, 255)), (3, 2))
    highest = np.iinfo(values.dtype).max
    if highest > 255 and ranges.max() <= 255:
        ranges = ranges * 257
    low, span = ranges[:, 0], ranges[:, 1] - ranges[:, 0]
    if not (np.isfinite([*ranges.flat, red, green, blue]).all() and span.all() and green):
        raise ValueError("coefficients of YCbCr that mean nothing")
    scale = np.array([highest, highest * 127 / 255, highest * 127 / 255]) / span
    matrix = np.array([[1, 0, 2 - 2 * red], [1, -blue * (2 - 2 * blue) / green, -red * (2 - 2 * red) / green]])
    matrix = np.vstack([matrix, [1, 2 - 2 * blue, 0]]) * scale
    out = np.empty_like(values)
    for top in range(0, len(values), BLOCK):
        part = (values[top : top + BLOCK] - low.astype(np.float32)) @ matrix.T.astype(np.float32)
        out[top : top + BLOCK] = np.rint(part).clip(0, highest)
    return out


def rgb_from_lab(values, signed):
    """Lab (H, W, 3) under D50 -> sRGB of that shape and type. signed: a and b are, else 128 (of 8 bits) is their zero.

    TIFF 6.0, section 23, and Adobe's technical note 4 (ICCLab); Adobe's PageMaker 6.0 notes have the 16 bits.
    """
    highest, unit = np.iinfo(values.dtype).max, 1 if values.dtype == np.uint8 else 256
    out, matrix = np.empty_like(values), np.linalg.inv(D50_FROM_SRGB).T.astype(np.float32)
    for top in range(0, len(values), BLOCK):
        part = values[top : top + BLOCK]
        ab = part[..., 1:].view(f"i{values.itemsize}") if signed else part[..., 1:] - np.float32(128 * unit)
        lightness = part[..., 0] * np.float32(100 / (highest if signed or unit == 1 else 65280))
        y = (lightness + 16) / 116
        f = np.stack([y + ab[..., 0] / np.float32(500 * unit), y, y - ab[..., 1] / np.float32(200 * unit)], axis=-1)
        xyz = np.where(f > 6 / 29, f**3, (f - 4 / 29) * (108 / 841)) * D50
        out[top : top + BLOCK] = np.rint(srgb_from_linear((xyz @ matrix).clip(0, 1)) * highest)
    return out
