"""ICC profiles at more than 8 bits: the color-management library behind Pillow, littleCMS, converts 8 bits only.

Matrix profiles (Adobe RGB, ProPhoto, Display P3, scanners' working spaces) and grey profiles are a curve a channel and
a matrix to XYZ under D50 (ICC.1:2022, 8.3.3 and 8.3.4); they are read here. Table profiles (a scanner's own) are asked
of that library at many colors, a slice of the light after the other, and interpolated between these colors.
"""

import io
import struct
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from ..color import linear_from_srgb, srgb_from_linear
from .made_profile import made_profile

# Linear sRGB to XYZ, adapted to D50 by Bradford as profiles are (IEC 61966-2-1 and ICC.1:2022, annex E).
D50_FROM_SRGB = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
)
_PARAMETERS = (1, 3, 4, 5, 7)  # how many numbers each type of parametric curve has
_CHANNELS = {b"GRAY": 1, b"RGB ": 3, b"CMYK": 4}
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_NODES = {1: 256, 3: 86, 4: 18}  # colors asked a channel, evenly spaced 8-bit codes; scanners' tables have 33 or fewer
_SLICES, _BELOW = 4, 1 / 17  # of light, asked one by one; the share of an answer's codes for what is darker than that
_TABLES = {b"A2B0", b"A2B1", b"A2B2", b"D2B0", b"D2B1", b"D2B2"}
_BLOCK = 256  # rows converted at once, so that a large scan needs no second copy


def channels_of(profile):
    """How many channels a profile is made for. ValueError for one that is damaged, or is not grey, RGB or CMYK."""
    if len(profile) < 132 or profile[36:40] != b"acsp" or profile[16:20] not in _CHANNELS:
        raise ValueError("expected a profile of grey, RGB or CMYK")
    return _CHANNELS[bytes(profile[16:20])]


def deep_to_srgb(data, profile):
    """Values in the profile's space -> float32 sRGB in [0, 1]: grey (H, W) stays so, all else becomes (H, W, 3).

    data: uint16, or float32 in [0, 1]; (H, W), (H, W, 3), or CMYK (H, W, 4), 0 is no ink. Colors outside sRGB are
    clipped, as the relative colorimetric intent has it. A profile that is sRGB changes nothing. ValueError if the
    profile is damaged, or made for another number of channels.
    """
    profile = bytes(profile)
    count = data.shape[2] if data.ndim == 3 else 1
    if channels_of(profile) != count:
        raise ValueError(f"expected a profile of {count} channels, got {channels_of(profile)}")
    try:
        if _TABLES & set(_tags(profile)) or count == 4:  # a table goes before a matrix (ICC.1:2022, 9.1)
            convert = _table(profile, count)
        else:
            convert = _formula(profile)
    except (struct.error, IndexError, KeyError) as error:
        raise ValueError(f"damaged profile: {error}") from None
    found = np.empty(data.shape if count < 4 else (*data.shape[:2], 3), np.float32)
    for start in range(0, len(data), _BLOCK):
        found[start : start + _BLOCK] = convert(data[start : start + _BLOCK])
    return found


def is_srgb(profile):
    """Whether values in the space of an RGB or grey profile are sRGB already: sRGB profiles in use differ a little."""
    try:
        if channels_of(profile) == 4 or _TABLES & set(_tags(profile)):
            return False
        light, matrix = _light(bytes(profile))
    except (struct.error, IndexError, KeyError, ValueError):
        return False
    return _changes_nothing(light, matrix)


def _as_floats(values):
    return values if values.dtype == np.float32 else values.astype(np.float32) / np.float32(65535)


def _table(profile, count):
    """A function from values in the space of a profile to sRGB."""
    from scipy.ndimage import map_coordinates

    table = _at_nodes(profile, count)
    if count == 1:
        return lambda values: np.interp(_as_floats(values), np.linspace(0, 1, len(table)), table[:, 1])
    scale = np.float32(_NODES[count] - 1)

    def convert(values):
        places = np.moveaxis(_as_floats(values), -1, 0) * scale
        return np.stack([map_coordinates(table[..., k], places, order=1, mode="nearest") for k in range(3)], axis=-1)

    return convert


@lru_cache(maxsize=2)  # the scans of a folder have one profile, and an RGB table takes half a second
def _at_nodes(profile, count):
    """sRGB of evenly spaced colors of a profile: float32 (nodes, ..., 3) in [0, 1], an axis of nodes a channel."""
    codes = np.linspace(0, 255, _NODES[count]).round().astype(np.uint8)
    nodes = np.stack(np.meshgrid(*[codes] * count, indexing="ij"), axis=-1)
    asked = Image.fromarray(nodes.reshape(_NODES[count], -1, count).squeeze(), _MODES[count])
    ends = np.rint(linear_from_srgb(np.linspace(0, 1, _SLICES + 1)) * 4096) / 4096  # as a profile's numbers can tell
    try:
        light = sum(_slice(asked, profile, *part) for part in zip(ends[:-1], ends[1:], strict=True))
    except (ImageCms.PyCMSError, OSError, TypeError) as error:
        raise ValueError(f"damaged profile: {error}") from None
    return srgb_from_linear(light).astype(np.float32).reshape(*nodes.shape[:-1], 3)


def _slice(asked, profile, low, high):
    """What of the light of a Pillow image is between low and high, of 0 to 1 in linear sRGB: float32 (H, W, 3).

    littleCMS gives Pillow 8 bits: here 240 of the codes are for this slice alone. The others go down to black, which
    the library moves to the target's darkest color (black point compensation).
    """
    slope = (high - low) / (1 - _BELOW)
    target = made_profile((1, slope, low - slope * _BELOW, low / _BELOW, _BELOW))
    target = ImageCms.ImageCmsProfile(io.BytesIO(target))
    exactly = ImageCms.Flags.NOOPTIMIZE  # else it interpolates in a coarse table of its own
    told = ImageCms.profileToProfile(asked, io.BytesIO(profile), target, outputMode="RGB", flags=exactly)
    share = (np.asarray(told, np.float32) / 255 - np.float32(_BELOW)) * np.float32(1 / (1 - _BELOW))
    return np.clip(share, 0, 1) * np.float32(high - low)


def _formula(profile):
    """A function from values in the space of a profile of curves to sRGB."""
    light, matrix = _light(profile)
    if _changes_nothing(light, matrix):
        return _as_floats
    tables = [curve(np.arange(65536) / 65535).astype(np.float32) for curve in light]

    def linear(values, k):
        return tables[k][values] if values.dtype == np.uint16 else light[k](values).astype(np.float32)

    def convert(values):
        if matrix is None:
            return srgb_from_linear(np.clip(linear(values, 0), 0, 1))
        mixed = np.stack([linear(values[..., k], k) for k in range(3)], axis=-1) @ matrix.T
        return srgb_from_linear(np.clip(mixed, 0, 1))

    return convert


def _changes_nothing(light, matrix):
    levels = np.linspace(0, 1, 4096)
    return (matrix is None or np.abs(matrix - np.eye(3)).max() < 2e-3) and all(
        np.abs(curve(levels) - linear_from_srgb(levels)).max() < 1e-3 for curve in light
    )


def _tags(profile):
    """Name -> bytes (ICC.1:2022, 7.3)."""
    (count,) = struct.unpack(">I", profile[128:132])
    tags = {}
    for k in range(min(count, 100)):
        name, start, size = struct.unpack(">4sII", profile[132 + 12 * k : 144 + 12 * k])
        tags[name] = profile[start : start + size]
    return tags


def _light(profile):
    """Profile -> its curves, functions from [0, 1] to linear light, and the matrix to linear sRGB, None for grey."""
    space, between, tags = profile[16:20], profile[20:24], _tags(profile)
    if space == b"GRAY" and between in (b"XYZ ", b"Lab "):
        curve = _curve(tags[b"kTRC"])
        return [curve if between == b"XYZ " else lambda x: _luminance(curve(x))], None
    if space != b"RGB " or between != b"XYZ " or b"rXYZ" not in tags:
        raise ValueError("expected a matrix or grey profile")
    columns = [np.array(struct.unpack(">3i", tags[name][8:20])) / 65536 for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
    matrix = np.linalg.solve(D50_FROM_SRGB, np.stack(columns, axis=-1)).astype(np.float32)
    return [_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")], matrix


def _luminance(share):
    """Share of L* 100, which the curve of a grey profile means where Lab connects (ICC.1:2022, 8.3.4) -> Y."""
    return np.where(share > 0.08, ((share + 0.16) / 1.16) ** 3, share * (100 * 27 / 24389))


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
