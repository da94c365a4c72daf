"""sRGB as a set of colors: its primaries and transfer curve, and Lab brought into it without touching L or hue.

Colors come as planes, float32 arrays of one shape, and are worked on a few thousand pixels at a time, so that what lies
between two steps stays in the cache of a core. `color` is the door to what stands here.

Sources: IEC 61966-2-1 (sRGB transfer curve and primaries), CIE 15:2004 (Lab).
"""

from functools import cache

import numpy as np

BLOCK = 2**16  # pixels at a time
NODES = 256  # hues, and steps of lightness, of the table from which the gamut's surface is found; a power of two
MARGIN = 2e-5
"""How far outside [0, 1] an sRGB value still counts as inside: float32 itself is off by up to 1e-5 at the edge of the
gamut, and what is clipped in the end may move L by no more than 0.002."""

XYZ_FROM_RGB = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]], np.float64
)
# The white point is the sum of each row, so that greys get a = b = 0 exactly (up to float rounding). The tabulated D65
# (0.95047, 1, 1.08883) would leave 0.005 of tint on every grey.
WHITE = XYZ_FROM_RGB.sum(axis=1)
# Column-major, so that its transpose is row-major: BLAS is many times slower the other way round.
RGB_FROM_XYZ = np.asfortranarray(np.linalg.inv(XYZ_FROM_RGB / WHITE[:, None]), np.float32)
# Of white X = Y = Z = 1, so that the rows sum to 1 and RGB is Y plus what X and Z differ from it: exactly Y of a grey.
_FROM_DIFFERENCES = np.ascontiguousarray(RGB_FROM_XYZ[:, [0, 2]])
EPSILON, KAPPA = 216 / 24389, 24389 / 27
_TOE = np.float32(6 / 29)  # f of EPSILON
_EDGES = -np.float32(MARGIN / 12.92), np.float32(((1 + MARGIN + 0.055) / 1.055) ** 2.4)  # as linear light


def linear_from_srgb(rgb):
    """sRGB values, float32 of any shape, in [0, 1] or beyond -> linear light, odd-symmetric (IEC 61966-2-1)."""
    magnitude = np.abs(rgb)
    curve = np.asarray(magnitude + np.float32(0.055))
    curve /= np.float32(1.055)
    curve **= np.float32(2.4)
    np.copyto(curve, magnitude / np.float32(12.92), where=magnitude <= 0.04045)
    return np.copysign(curve, rgb)


def srgb_from_linear(linear):
    """The inverse of `linear_from_srgb`."""
    # Odd-symmetric below zero, so that colors outside the gamut keep an order instead of turning into NaN.
    magnitude = np.abs(linear)
    curve = np.asarray(magnitude ** np.float32(1 / 2.4))
    curve *= np.float32(1.055)
    curve -= np.float32(0.055)
    np.copyto(curve, magnitude * np.float32(12.92), where=magnitude <= 0.0031308)
    return np.copysign(curve, linear)


def lab_f(t):
    """CIE's f of X/Xn, Y/Yn or Z/Zn: a cube root with a straight toe. A new array."""
    root = np.asarray(np.cbrt(t))
    toe = t <= np.float32(EPSILON)
    if toe.any():
        np.copyto(root, (np.float32(KAPPA) * t + 16) / 116, where=toe)
    return root


def lab_f_inverse(f):
    """The inverse of `lab_f`. A new array."""
    cube = np.asarray(f * f)
    cube *= f
    if f.size and not f.min() > _TOE:
        np.copyto(cube, (116 * f - 16) / np.float32(KAPPA), where=f <= _TOE)
    return cube


def paint(lightness, a, b, out):
    """L 0..100, a and b in Lab units, planes of one shape -> ``out`` (..., 3) filled with sRGB of that lightness.

    out: uint8 or uint16 for codes, rounded to nearest, or float32 in [0, 1]; contiguous. Colors outside sRGB lose
    chroma, as with `fit`. Greys (a = b = 0) come out with three equal values.
    """
    lightness, a, b = (np.asarray(plane, np.float32).reshape(-1) for plane in (lightness, a, b))
    pixels, beyond = out.reshape(-1, 3), []
    for start in range(0, lightness.size, BLOCK):
        some = slice(start, start + BLOCK)
        linear = _linear(*_ray(lightness[some], a[some], b[some]))
        beyond.append(_outside(linear) + start)
        _encode(linear, pixels[some])
    for some in _blocks(np.concatenate(beyond)):
        ray = _ray(lightness[some], a[some], b[some])
        codes = np.empty((some.size, 3), out.dtype)
        _encode(_linear(*ray, _reach(*ray)), codes)
        pixels[some] = codes
    return out


def fit(lightness, a, b):
    """L 0..100, a and b in Lab units (n,) -> the share (n,) of chroma with which each color lies inside sRGB.

    1 for colors inside, less for others: at the same L and hue, never outside by more than `MARGIN`, and never more
    than 1 % of chroma, or 0.01 Lab units, below what would be possible.
    """
    share = np.ones(lightness.shape, np.float32)
    for some in _blocks(np.arange(lightness.size)):
        beyond = some[_outside(linear_from_lab(lightness[some], a[some], b[some]))]
        if beyond.size:
            share[beyond] = _reach(*_ray(lightness[beyond], a[beyond], b[beyond]))
    return share


def linear_from_lab(lightness, a, b):
    """L 0..100, a and b in Lab units (n,) -> linear sRGB (3, n), which leaves [0, 1] where the color is outside."""
    return _linear(*_ray(lightness, a, b))


def _blocks(places):
    return [places[start : start + BLOCK] for start in range(0, places.size, BLOCK)]


def _ray(lightness, a, b):
    """A color and its grey: f(Y), Y, and what f(X) and f(Z) of the color are above f(Y)."""
    f = lightness + np.float32(16)
    f *= np.float32(1 / 116)
    return f, lab_f_inverse(f), a * np.float32(1 / 500), b * np.float32(-1 / 200)


def _linear(f, y, across, along, share=None):
    """Linear sRGB (3, n) of colors with that share of their chroma (default: all of it)."""
    xz = np.empty((2, f.size), np.float32)
    for plane, apart in zip(xz, (across, along), strict=True):
        np.add(f, apart if share is None else apart * share, out=plane)
    xz = lab_f_inverse(xz)
    xz -= y
    linear = _FROM_DIFFERENCES @ xz
    linear += y
    return linear


def _outside(linear):
    """Where linear sRGB (3, n) is none: numbers of pixels."""
    low, high = _EDGES
    if linear.min() >= low and linear.max() <= high:
        return np.empty(0, np.intp)
    return np.flatnonzero(((linear < low) | (linear > high)).any(axis=0))


def _reach(f, y, across, along):
    """The share of their chroma that sRGB has room for (n,), of colors outside it.

    From a table of the gamut's surface one step of Newton's method leads to where it is; the few colors for which that
    does not come out between two bounds 0.8 % apart, at edges of the surface, are searched.
    """
    share = _from_table(f, across, along)
    share += _to_surface(f, y, across, along, share)
    with np.errstate(invalid="ignore"):  # a share that came out as no number is searched too
        low, high = share * np.float32(0.997), share * np.float32(1.005)
        found = _inside(_linear(f, y, across, along, low)) & ~_inside(_linear(f, y, across, along, high))
    others = np.flatnonzero(~found)
    if others.size:
        low[others] = _search(*(plane[others] for plane in (f, y, across, along)))
    return low


def _inside(linear):
    """Whether linear sRGB (3, n) is some (n,)."""
    low, high = _EDGES
    return (linear.min(axis=0) >= low) & (linear.max(axis=0) <= high)


def _search(f, y, across, along):
    """`_reach` by bisection: 14 bits of the share, from the highest."""
    share = np.zeros(f.shape, np.float32)
    for bit in range(1, 15):  # 2^-14 of the chroma is less than 0.01 Lab units
        more = share + np.float32(0.5**bit)
        np.copyto(share, more, where=_inside(_linear(f, y, across, along, more)))
    return share


def _to_surface(f, y, across, along, share):
    """What is to be added to a share of chroma to come to the nearest end of a channel, were the channels straight."""
    low, high = _EDGES
    place, slope = np.empty((2, f.size), np.float32), np.empty((2, f.size), np.float32)
    for row, apart in enumerate((across, along)):
        np.multiply(apart, share, out=place[row])
        place[row] += f
        np.multiply(place[row], place[row], out=slope[row])
        np.maximum(slope[row], _TOE**2, out=slope[row])  # in the toe, which is straight, the slope is that at its end
        slope[row] *= 3 * apart
    place = lab_f_inverse(place)
    place -= y
    linear, slope = _FROM_DIFFERENCES @ place, _FROM_DIFFERENCES @ slope
    linear += y
    with np.errstate(divide="ignore", invalid="ignore"):
        return ((np.where(slope > 0, high, low) - linear) / slope).min(axis=0)


def _from_table(f, across, along):
    """About the share of chroma that sRGB has room for: what `_surface` has at the nearest place, of 1 at most."""
    size = np.abs(across) + np.abs(along)
    side = along / size
    np.subtract(2, side, out=side, where=across < 0)
    side *= NODES / 4
    rows = np.rint((f - np.float32(16 / 116)) * np.float32(NODES * 116 / 100)).astype(np.intp)
    rows *= NODES
    rows += np.rint(side).astype(np.intp) & (NODES - 1)
    share = _surface().take(rows, mode="clip")
    share /= size
    return np.minimum(share, 1, out=share)


@cache
def _surface():
    """The size, |f(X) - f(Y)| + |f(Z) - f(Y)|, of sRGB's most colorful colors: (NODES + 1) L by NODES hues.

    Hues are numbered by how a size of 1 is shared: no arc tangent is needed.
    """
    quarter = np.arange(NODES // 4, dtype=np.float32) / np.float32(NODES / 4)
    along = np.concatenate([quarter, 1 - quarter, -quarter, quarter - 1])
    across = np.concatenate([1 - quarter, -quarter, quarter - 1, quarter])
    lightness = np.repeat(np.linspace(0, 100, NODES + 1, dtype=np.float32), NODES)
    f, y, _, _ = _ray(lightness, lightness, lightness)
    across, along = np.tile(across, NODES + 1), np.tile(along, NODES + 1)
    blocks = _blocks(np.arange(f.size))
    return np.concatenate([_search(*(plane[some] for plane in (f, y, across, along))) for some in blocks])


def _encode(linear, out):
    """Linear sRGB (3, n), which is used up -> sRGB in ``out`` (n, 3)."""
    if out.dtype == np.uint8:
        linear *= np.float32(65535)
        linear += np.float32(0.5)
        values = _codes_of_linear().take(linear.astype(np.intp), mode="clip")
    else:
        values = srgb_from_linear(np.clip(linear, 0, 1, out=linear))
        if out.dtype == np.uint16:
            values *= np.float32(65535)
            np.rint(values, out=values)
    for channel in range(3):
        out[:, channel] = values[channel]


@cache
def _codes_of_linear():
    """The 8-bit codes of linear light in steps of 1/65535: in the steepest place, the dark, 0.05 codes apart."""
    return np.rint(255 * srgb_from_linear(np.arange(65536) / 65535)).astype(np.uint8)
