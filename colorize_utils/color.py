"""Color: sRGB and CIE Lab (D65, 2 degrees), the one normalization, luma and lightness, and the sRGB gamut.

All arrays are ``(..., 3)`` with the channels last, computed in float32. RGB is sRGB in [0, 1]. Lab has L in 0..100 and
a, b in Lab units (the sRGB gamut reaches a -86.2..98.2 and b -107.9..94.5). 8-bit Lab codes are OpenCV's
(``L * 255 / 100``, ``a + 128``, ``b + 128``): a storage format, never something to compute in.

Sources: IEC 61966-2-1 (sRGB transfer curve and primaries), CIE 15:2004 (Lab), ITU-R BT.601 (luma), Ottosson 2020
(Oklab).
"""

import numpy as np

from . import gamut
from .gamut import RGB_FROM_XYZ, WHITE, XYZ_FROM_RGB, lab_f, lab_f_inverse, linear_from_srgb, srgb_from_linear

AB_SCALE = 110.0
"""ab in Lab units that the network calls 1. The sRGB gamut never exceeds 107.9, so targets stay inside [-1, 1]."""

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_TO_XYZ = np.asfortranarray(XYZ_FROM_RGB / WHITE[:, None], np.float32)  # column-major: see `gamut.RGB_FROM_XYZ`
# Oklab (https://bottosson.github.io/posts/oklab/): linear sRGB -> cone responses, their cube roots -> Oklab.
_CONES_FROM_RGB = np.array(
    [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
     [0.0883024619, 0.2817188376, 0.6299787005]]
)  # fmt: skip
_OKLAB_FROM_ROOTS = np.array(
    [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
     [0.0259040371, 0.7827717662, -0.8086757660]]
)  # fmt: skip


def rgb_to_lab(rgb):
    """sRGB in [0, 1], shape (..., 3) -> float32 Lab of the same shape. Float in, no rounding: the inverse is exact."""
    linear = linear_from_srgb(np.asarray(rgb, np.float32))
    f = lab_f(linear @ _TO_XYZ.T)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32)


def _linear_from_lab(lab):
    lab = np.asarray(lab, np.float32)
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], axis=-1)
    return lab_f_inverse(f).astype(np.float32) @ RGB_FROM_XYZ.T


def lab_to_rgb_unbounded(lab):
    """Lab (..., 3) -> float32 sRGB. Values leave [0, 1] where the color is outside the sRGB gamut."""
    return srgb_from_linear(_linear_from_lab(lab))


def fit_gamut(lab):
    """Lab (..., 3) with L in 0..100 -> Lab inside the sRGB gamut, by reducing chroma at constant L and hue.

    Colors inside are returned unchanged. RGB is never clipped: clipping moves lightness and hue, this moves neither.
    See `gamut.fit` for how exact it is.
    """
    lab = np.array(lab, np.float32)
    flat = lab.reshape(-1, 3)
    flat[:, 1:] *= gamut.fit(*flat.T)[:, None]
    return lab


def lab_to_rgb(lab):
    """Lab (..., 3) -> float32 sRGB in [0, 1]. Colors outside the gamut first lose chroma (see `fit_gamut`)."""
    lab = np.asarray(lab, np.float32)
    return gamut.paint(lab[..., 0], lab[..., 1], lab[..., 2], np.empty(lab.shape, np.float32))


def join(lightness_plane, ab):
    """L (H, W) in 0..100 and ab (H, W, 2) in Lab units -> float32 sRGB (H, W, 3) in [0, 1] of that lightness."""
    ab = np.asarray(ab, np.float32)
    return gamut.paint(lightness_plane, ab[..., 0], ab[..., 1], np.empty((*ab.shape[:-1], 3), np.float32))


def lightness(rgb):
    """sRGB in [0, 1], shape (..., 3) -> L of Lab, 0..100, shape (...)."""
    return lightness_from_luminance(luminance(linear_from_srgb(np.asarray(rgb, np.float32))))


def luminance(linear):
    """Linear light (..., 3) -> CIE's Y (...), 1 of white."""
    return linear @ _TO_XYZ[1]


def lightness_from_luminance(y):
    """CIE's Y in [0, 1], any shape -> L in 0..100, float32."""
    plane = lab_f(y)
    plane *= 116
    plane -= 16
    return plane[()]


def grey_from_lightness(lightness_plane):
    """L in 0..100, any shape -> the sRGB value in [0, 1] of the grey with that lightness."""
    return srgb_from_linear(lab_f_inverse((np.asarray(lightness_plane, np.float32) + 16) / 116))


def lightness_from_grey(grey):
    """sRGB grey value in [0, 1], any shape -> L in 0..100. The inverse of `grey_from_lightness`."""
    return lightness_from_luminance(linear_from_srgb(np.asarray(grey, np.float32)))


def luma(rgb):
    """sRGB in [0, 1], (..., 3) -> BT.601 luma in [0, 1], (...): what most grey JPEGs hold. It is not lightness."""
    return np.asarray(rgb, np.float32) @ _LUMA


def luma_to_lightness(luma_plane, ab):
    """BT.601 luma (...) in [0, 1] and ab (..., 2) in Lab units -> the L (...) whose color (L, a, b) has that luma.

    Luma rises with L at constant ab, so the answer is found by bisection (to 0.002 L). Where no L in 0..100 has that
    luma the nearer end is returned.
    """
    luma_plane, ab = np.broadcast_arrays(np.asarray(luma_plane, np.float32)[..., None], np.asarray(ab, np.float32))
    luma_plane = luma_plane[..., 0]
    low, high = np.zeros(luma_plane.shape, np.float32), np.full(luma_plane.shape, 100, np.float32)
    for _ in range(16):
        middle = (low + high) / 2
        above = luma(lab_to_rgb_unbounded(np.concatenate([middle[..., None], ab], axis=-1))) > luma_plane
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return (low + high) / 2


def colorfulness(rgb255):
    """Hasler and Suesstrunk's colorfulness M3 (2003, section 6) of RGB (..., H, W, 3) in 0..255 -> (...).

    rg = R - G and yb = (R + G) / 2 - B are signed; some code takes their absolute values, which is another measure.
    Grey is 0; from about 15 on people call a photo slightly colorful, from 45 on quite so.
    """
    rgb = np.asarray(rgb255)
    rgb = rgb.astype(np.float32) if rgb.dtype != np.float64 else rgb
    rg = rgb[..., 0] - rgb[..., 1]
    yb = (rgb[..., 0] + rgb[..., 1]) / 2 - rgb[..., 2]
    axes = (-2, -1)
    spread = np.sqrt(rg.var(axis=axes) + yb.var(axis=axes))
    return spread + 0.3 * np.sqrt(rg.mean(axis=axes) ** 2 + yb.mean(axis=axes) ** 2)


def same_hue(lab, lightness):
    """Lab colors (n, 3) of the sRGB gamut, and other L (n,) -> the ab (n, 2) float32 to give them there.

    CIELAB holds blue's hue badly: lightened at constant ab, blue turns violet. So ab is turned as far as its hue turns
    when the color is mixed with white in Oklab (Ottosson 2020), whose hue is the one that people see. Chroma is
    kept. For an L that is not above the color's own nothing changes: dark colors keep their hue in both.
    """
    lab = np.asarray(lab, np.float64)
    wanted = np.asarray(lightness, np.float64)
    oklab = np.cbrt(_linear_from_lab(lab) @ _CONES_FROM_RGB.T) @ _OKLAB_FROM_ROOTS.T
    low, high = np.zeros(len(lab)), np.ones(len(lab))  # the share of white
    for _ in range(24):
        share = (low + high) / 2
        tint = _lab_from_oklab(oklab + share[:, None] * (np.float64([1, 0, 0]) - oklab))
        darker = tint[:, 0] < wanted
        low, high = np.where(darker, share, low), np.where(darker, high, share)
    turned = (wanted > lab[:, 0] + 1e-3) & (wanted < 100 - 1e-3) & (np.hypot(lab[:, 1], lab[:, 2]) > 0.1)
    angle = np.where(turned, np.arctan2(tint[:, 2], tint[:, 1]) - np.arctan2(lab[:, 2], lab[:, 1]), 0)
    (a, b), (cosine, sine) = lab[:, 1:].T, (np.cos(angle), np.sin(angle))
    return np.stack([a * cosine - b * sine, a * sine + b * cosine], axis=-1).astype(np.float32)


def _lab_from_oklab(oklab):
    linear = (oklab @ np.linalg.inv(_OKLAB_FROM_ROOTS).T) ** 3 @ np.linalg.inv(_CONES_FROM_RGB).T
    return rgb_to_lab(srgb_from_linear(linear.astype(np.float32)))


def encode_lab8(lab):
    """Lab (..., 3) -> uint8 codes as OpenCV defines them, rounded to nearest."""
    lab = np.asarray(lab, np.float32)
    codes = np.empty(lab.shape, np.float32)
    # Channel by channel: broadcasting over a last axis of three is several times slower.
    np.multiply(lab[..., 0], np.float32(2.55), out=codes[..., 0])
    np.add(lab[..., 1:], np.float32(128), out=codes[..., 1:])
    np.rint(codes, out=codes)
    return np.clip(codes, 0, 255, out=codes).astype(np.uint8)


def decode_lab8(codes):
    """uint8 Lab codes (..., 3) -> float32 Lab. 8 bits lose up to 2.2 units of a (see the benchmark of round trips)."""
    codes = np.asarray(codes)
    lab = codes.astype(np.float32)
    lab[..., 0] *= np.float32(1 / 2.55)
    lab[..., 1:] -= np.float32(128)
    return lab


def lab8_to_rgb(codes):
    """uint8 Lab codes (..., 3) of real photos -> float32 sRGB in [0, 1].

    Rounded codes may lie just outside the gamut (pure yellow does). They stand for colors that were inside, so they
    are clipped: `fit_gamut`, which holds on to the rounded L, would take most of such a color's chroma for it.
    """
    return np.clip(lab_to_rgb_unbounded(decode_lab8(codes)), 0, 1)


def normalize(lab):
    """Lab (..., 3) -> (L / 50 - 1 of shape (..., 1), ab / 110 of shape (..., 2)), both in [-1, 1], grey exactly 0.

    Plain arithmetic: NumPy arrays and backend tensors alike.
    """
    return lab[..., :1] / 50.0 - 1.0, lab[..., 1:] / AB_SCALE


def normalize_lab8(codes):
    """Lab codes (..., 3), already cast to a float type -> the same pair as `normalize`. Arrays and tensors alike."""
    return codes[..., :1] / 127.5 - 1.0, (codes[..., 1:] - 128.0) / AB_SCALE


def denormalize(normalized_l, normalized_ab):
    """The inverse of `normalize`: (..., 1) and (..., 2) in [-1, 1] -> float32 Lab (..., 3)."""
    parts = [(np.asarray(normalized_l) + 1) * 50, np.asarray(normalized_ab) * AB_SCALE]
    return np.concatenate(parts, axis=-1).astype(np.float32)
