"""ICC profiles at 16 bits: the color-management library behind Pillow converts 8 bits only.

Matrix profiles (Adobe RGB, ProPhoto, Display P3, scanners' working spaces) and grey profiles are a curve a channel and
a matrix to XYZ under D50 (ICC.1:2022, 8.3.3 and 8.3.4); they are read here. Table profiles (a scanner's own) are asked
of that library at many colors, between which 16-bit values are interpolated.
"""

import io
import struct

import numpy as np
from PIL import Image, ImageCms

from ..color import linear_from_srgb, srgb_from_linear

# Linear sRGB to XYZ, adapted to D50 by Bradford as profiles are (IEC 61966-2-1 and ICC.1:2022, annex E).
_D50_FROM_SRGB = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
)
_PARAMETERS = (1, 3, 4, 5, 7)  # how many numbers each type of parametric curve has
_NODES = 86  # a channel, three 8-bit codes apart; scanners' tables have 33 or fewer
_BLOCK = 256  # rows converted at once, so that a large scan needs no second copy


def deep_to_srgb(data, profile):
    """uint16 (H, W) or (H, W, 3) in the profile's space -> float32 sRGB of that shape in [0, 1].

    Colors outside sRGB are clipped, as the relative colorimetric intent has it. A profile that is sRGB changes
    nothing. ValueError if the profile is damaged, or made for another number of channels.
    """
    try:
        if _is_table(bytes(profile)):
            return _through_table(data, bytes(profile))
        curves, matrix = _read(bytes(profile))
    except (struct.error, IndexError, KeyError) as error:
        raise ValueError(f"damaged profile: {error}") from None
    if len(curves) != (data.shape[2] if data.ndim == 3 else 1):
        raise ValueError(f"expected a profile of {data.shape[2:] or 1} channels, got {len(curves)}")
    levels = np.arange(65536) / 65535
    tables = [curve(levels).astype(np.float32) for curve in curves]
    if _is_srgb(tables, matrix, levels):
        return data.astype(np.float32) / np.float32(65535)
    rgb = np.empty(data.shape, np.float32)
    for start in range(0, len(data), _BLOCK):
        rgb[start : start + _BLOCK] = _convert(data[start : start + _BLOCK], tables, matrix)
    return rgb


def _is_table(profile):
    return profile[16:20] == b"RGB " and b"rXYZ" not in _tags(profile)


def _through_table(data, profile):
    """`deep_to_srgb` for an RGB profile of tables. An 8-bit answer a color is half a code off at most."""
    from scipy.ndimage import map_coordinates

    if data.ndim != 3:
        raise ValueError("expected a profile of 1 channel, got 3")
    codes = np.linspace(0, 255, _NODES).round().astype(np.uint8)
    nodes = np.stack(np.meshgrid(codes, codes, codes, indexing="ij"), axis=-1)
    try:
        asked = Image.fromarray(nodes.reshape(_NODES, -1, 3))
        told = ImageCms.profileToProfile(asked, io.BytesIO(profile), ImageCms.createProfile("sRGB"))
    except (ImageCms.PyCMSError, OSError, TypeError) as error:
        raise ValueError(f"damaged profile: {error}") from None
    table = np.asarray(told, np.float32).reshape(*nodes.shape) / 255
    rgb = np.empty(data.shape, np.float32)
    for start in range(0, len(data), _BLOCK):
        places = np.moveaxis(data[start : start + _BLOCK], -1, 0) * np.float32((_NODES - 1) / 65535)
        for k in range(3):
            rgb[start : start + _BLOCK, :, k] = map_coordinates(table[..., k], places, order=1, mode="nearest")
    return rgb


def _is_srgb(tables, matrix, levels):
    # In linear values; sRGB profiles in use differ from each other by less.
    expected = linear_from_srgb(levels)
    return (matrix is None or np.abs(matrix - np.eye(3)).max() < 2e-3) and all(
        np.abs(table - expected).max() < 1e-3 for table in tables
    )


def _convert(data, tables, matrix):
    if matrix is None:
        linear = tables[0][data]
    else:
        linear = np.stack([table[data[..., k]] for k, table in enumerate(tables)], axis=-1) @ matrix.T
    return srgb_from_linear(np.clip(linear, 0, 1))


def _tags(profile):
    """Name -> bytes (ICC.1:2022, 7.3)."""
    (count,) = struct.unpack(">I", profile[128:132])
    tags = {}
    for k in range(min(count, 100)):
        name, start, size = struct.unpack(">4sII", profile[132 + 12 * k : 144 + 12 * k])
        tags[name] = profile[start : start + size]
    return tags


def _read(profile):
    """Profile -> its curves (functions from [0, 1] to [0, 1]) and the matrix to linear sRGB, None for a grey one."""
    space, between, tags = profile[16:20], profile[20:24], _tags(profile)
    if space == b"GRAY" and between == b"XYZ ":
        return [_curve(tags[b"kTRC"])], None
    if space != b"RGB " or between != b"XYZ " or b"rXYZ" not in tags:
        raise ValueError("expected a matrix or grey profile")
    columns = [np.array(struct.unpack(">3i", tags[name][8:20])) / 65536 for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
    matrix = np.linalg.solve(_D50_FROM_SRGB, np.stack(columns, axis=-1)).astype(np.float32)
    return [_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")], matrix


def _curve(tag):
    """A tone curve (ICC.1:2022, 10.6 and 10.18) as a function."""
    if tag[:4] == b"curv":
        (count,) = struct.unpack(">I", tag[8:12])
        if count == 0:
            return lambda x: x
        values = np.array(struct.unpack(f">{count}H", tag[12 : 12 + 2 * count]), np.float64)
        if count == 1:
            return lambda x: x ** (values[0] / 256)
        return lambda x: np.interp(x, np.linspace(0, 1, count), values / 65535)
    if tag[:4] != b"para":
        raise ValueError(f"expected a tone curve, got {tag[:4]!r}")
    (kind,) = struct.unpack(">H", tag[8:10])
    count = _PARAMETERS[kind]
    numbers = np.array(struct.unpack(f">{count}i", tag[12 : 12 + 4 * count])) / 65536
    return lambda x: _parametric(x, kind, *numbers)


def _parametric(x, kind, g, a=1.0, b=0.0, c=0.0, d=0.0, e=0.0, f=0.0):
    power = np.maximum(a * x + b, 0) ** g
    if kind == 0:
        return x**g
    if kind in (1, 2):  # c is added to both pieces of type 2
        return np.where(x >= -b / a, power + c, c)
    return np.where(x >= d, power + e, c * x + f)
