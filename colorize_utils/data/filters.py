"""Which photos can teach color: exposure, colorfulness, greyness and tint, measured on what would be stored."""

from dataclasses import asdict, dataclass
from functools import cache

import cv2
import numpy as np

from ..color import colorfulness, decode_lab8
from ..gamut import linear_from_lab, srgb_from_linear

TOGETHER = 8  # photos: NumPy is quicker with large arrays, as long as the system need not find new memory for them


@dataclass(frozen=True)
class Statistics:
    """What the filters look at. Lightness in 0..100, chroma and ab in Lab units, shares in 0..1."""

    mean_lightness: float
    lightness_spread: float  # standard deviation of L
    colorfulness: float  # Hasler-Suesstrunk, of RGB in 0..255
    grey_share: float  # pixels with chroma under 4
    ab_spread: float  # sqrt(var a + var b): near 0 where the same color is everywhere
    spread_along_hue: float  # what lightness does not explain of patches' ab: chroma of the hue they have at that L ...
    spread_across_hue: float  # ... and change of hue. Both near 0 for a toned print, whose color is L's doing


def statistics(codes):
    """Lab codes uint8 (H, W, 3) -> `Statistics`."""
    return _measured(codes[None])[0]


def _measured(stack):
    """Lab codes uint8 (N, H, W, 3) -> a list of N `Statistics`."""
    return [found for at in range(0, len(stack), TOGETHER) for found in _measured_together(stack[at : at + TOGETHER])]


def _measured_together(stack):
    # Every other pixel is enough for means and spreads, and four times as fast; so is one channel after the other.
    planes = np.ascontiguousarray(stack[:, ::2, ::2].transpose(3, 0, 1, 2))
    lab = decode_lab8(planes.transpose(1, 2, 3, 0))
    lightness, a, b = lab[..., 0], lab[..., 1], lab[..., 2]
    each = (1, 2)
    columns = (
        lightness.mean(axis=each),
        lightness.std(axis=each),
        colorfulness(_rgb255(lightness, a, b)),
        (a**2 + b**2 < 16).mean(axis=each),
        np.sqrt(a.var(axis=each) + b.var(axis=each)),
    )
    tints = [_tint(*photo) for photo in lab.transpose(0, 3, 1, 2)]
    return [Statistics(*map(float, row), *tint) for row, tint in zip(zip(*columns, strict=True), tints, strict=True)]


def _rgb255(lightness, a, b):
    """Lab, a plane each -> sRGB (..., 3) in 0..255, clipped, float32. By a table: 0.05 off at most, in the dark."""
    linear = linear_from_lab(lightness.ravel(), a.ravel(), b.ravel())
    linear *= np.float32(65535)
    linear += np.float32(0.5)
    values = _curve().take(linear.astype(np.intp), mode="clip")
    return values.T.reshape(*lightness.shape, 3)


@cache
def _curve():
    return 255 * srgb_from_linear(np.arange(65536, dtype=np.float32) / 65535)


BINS = 100  # of lightness
PATCH = 3  # pixels a side
FLAT = 4.0  # spread of L in a patch: one with more counts less than half


def _tint(lightness, a, b):
    """(spread along the hue, spread across it) of what lightness does not explain of a and b, each (H, W).

    Toning makes a color out of a lightness, whichever: so a and b are compared with their means at that lightness. What
    is left of a print is JPEG's noise, which patches average out, and edges, where light and dark have been mixed.
    """
    level = np.clip(lightness * (BINS / 100), 0, BINS - 1).astype(np.intp)
    count = np.maximum(np.bincount(level.ravel(), minlength=BINS), 1)
    means = [np.bincount(level.ravel(), plane.ravel(), BINS) / count for plane in (a, b)]
    chroma = np.hypot(*means)
    # The hue at each lightness; where it is chance, the whole picture's.
    color = [
        np.where(chroma > 3, mean, plane.mean(dtype=np.float64)) for mean, plane in zip(means, (a, b), strict=True)
    ]
    hue = [part / np.maximum(np.hypot(*color), 1e-6) for part in color]
    mean_a, mean_b, hue_a, hue_b = (values.astype(np.float32)[level] for values in (*means, *hue))
    rest_a, rest_b = a - mean_a, b - mean_b
    lightness = lightness - lightness.mean()  # so that little is lost in the squares
    variance = np.maximum(_patches(lightness**2) - _patches(lightness) ** 2, 0)
    weight = 1 / (1 + variance / FLAT**2)
    rests = rest_a * hue_a + rest_b * hue_b, rest_b * hue_a - rest_a * hue_b
    squares = (_patches(rest) ** 2 for rest in rests)
    return tuple(float(np.sqrt((square * weight).sum() / weight.sum())) for square in squares)


def _patches(plane):
    """float32 (H, W) -> the means of its patches (H/PATCH, W/PATCH); what is left at the right and below is cut off."""
    height, width = (max(1, side // PATCH) for side in plane.shape)
    whole = np.ascontiguousarray(plane[: height * PATCH, : width * PATCH])
    return cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)  # ten times as fast as NumPy's mean


@dataclass(frozen=True)
class Filters:
    """Thresholds; notebooks 01 and 02 show what each throws out. `Filters.none()` keeps everything."""

    min_lightness: float = 8.0
    max_lightness: float = 94.0
    min_lightness_spread: float = 4.0
    min_colorfulness: float = 8.0
    max_grey_share: float = 0.95
    min_ab_spread: float = 3.5
    min_spread_along_hue: float = 3.0  # a photo under both this
    min_spread_across_hue: float = 1.0  # and this is a toned print (`benchmarks/toned.py`)

    @classmethod
    def none(cls):
        """Filters that let every photo pass."""
        return cls(-1.0, 101.0, -1.0, -1.0, 2.0, -1.0, -1.0, -1.0)

    @classmethod
    def stored(cls, thresholds):
        """Those of a prepared set's settings. A threshold that its version did not have yet lets every photo pass.

        One that no version has any more is left out.
        """
        ours = asdict(cls.none())
        return cls(**(ours | {name: value for name, value in thresholds.items() if name in ours}))

    def reason(self, codes):
        """Why a photo (Lab codes uint8 (H, W, 3)) is left out, as a short text, or None if it is kept."""
        return self.reasons(codes[None])[0]

    def reasons(self, stack):
        """The same for several photos, uint8 (N, H, W, 3): a list of texts and None."""
        return [self._reason(found) for found in _measured(stack)]

    def _reason(self, found):
        if found.mean_lightness < self.min_lightness:
            return "too dark"
        if found.mean_lightness > self.max_lightness:
            return "too bright"
        if found.lightness_spread < self.min_lightness_spread:
            return "no contrast"
        if found.grey_share > self.max_grey_share:
            return "grey"
        toned = (
            found.spread_along_hue < self.min_spread_along_hue and found.spread_across_hue < self.min_spread_across_hue
        )
        if toned or found.ab_spread < self.min_ab_spread:
            return "one tint"
        if found.colorfulness < self.min_colorfulness:
            return "hardly any color"
        return None
