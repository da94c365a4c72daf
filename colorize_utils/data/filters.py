"""Which photos can teach color: exposure, colorfulness, greyness and tint, measured on what would be stored."""

from dataclasses import asdict, dataclass

import numpy as np

from ..color import colorfulness, decode_lab8, lab_to_rgb_unbounded


@dataclass(frozen=True)
class Statistics:
    """What the filters look at. Lightness in 0..100, chroma and ab in Lab units, shares in 0..1."""

    mean_lightness: float
    lightness_spread: float  # standard deviation of L
    colorfulness: float  # Hasler-Suesstrunk, of RGB in 0..255
    grey_share: float  # pixels with chroma under 4
    ab_spread: float  # sqrt(var a + var b): near 0 where the same color is everywhere
    spread_at_lightness: float  # the same among pixels of equal L: near 0 for a toned print, whose color is L's doing
    hue_spread: float  # 0 where all chroma has one hue, 1 where the hues cancel out


def statistics(codes):
    """Lab codes uint8 (H, W, 3) -> `Statistics`."""
    return _measured(codes[None])[0]


def _measured(stack):
    """Lab codes uint8 (N, H, W, 3) -> a list of N `Statistics`. Together, since NumPy is quicker with large arrays."""
    # Every other pixel is enough for means and spreads, and four times as fast; so is one channel after the other.
    planes = np.ascontiguousarray(stack[:, ::2, ::2].transpose(3, 0, 1, 2))
    lab = decode_lab8(planes.transpose(1, 2, 3, 0))
    lightness, a, b = lab[..., 0], lab[..., 1], lab[..., 2]
    rgb = np.clip(lab_to_rgb_unbounded(lab), 0, 1) * 255
    each = (1, 2)
    columns = (
        lightness.mean(axis=each),
        lightness.std(axis=each),
        colorfulness(rgb),
        (a**2 + b**2 < 16).mean(axis=each),
        np.sqrt(a.var(axis=each) + b.var(axis=each)),
    )
    tints = [_tint(*planes.reshape(3, -1)) for planes in lab.transpose(0, 3, 1, 2)]
    return [Statistics(*map(float, row), *tint) for row, tint in zip(zip(*columns, strict=True), tints, strict=True)]


def _tint(lightness, a, b, bins=40):
    """(spread of ab at equal lightness, spread of hue) of flat arrays.

    Toning makes a color out of a lightness, whichever: so a and b are compared with their means at that lightness.
    """
    level = np.clip(lightness * (bins / 100), 0, bins - 1).astype(np.int64)
    count = np.bincount(level, minlength=bins)
    there = count > 0

    def means(values):
        return np.bincount(level, values, bins)[there] / count[there]

    centers = means(lightness)
    rest = sum(((plane - np.interp(lightness, centers, means(plane))) ** 2).mean() for plane in (a, b))
    chroma = np.hypot(a, b).mean(dtype=np.float64)
    one_hue = np.hypot(a.mean(dtype=np.float64), b.mean(dtype=np.float64)) / max(chroma, 1e-6)
    return float(np.sqrt(rest)), float(max(0.0, 1 - one_hue))


NEARLY = 5.0  # spread of ab at equal lightness: below it a photo of one hue is a toned one, above it a sunset


@dataclass(frozen=True)
class Filters:
    """Thresholds; notebooks 01 and 02 show what each throws out. `Filters.none()` keeps everything."""

    min_lightness: float = 8.0
    max_lightness: float = 94.0
    min_lightness_spread: float = 4.0
    min_colorfulness: float = 8.0
    max_grey_share: float = 0.95
    min_ab_spread: float = 3.5
    min_spread_at_lightness: float = 3.0
    min_hue_spread: float = 0.025  # asked only where the spread at equal lightness is below `NEARLY`

    @classmethod
    def none(cls):
        """Filters that let every photo pass."""
        return cls(-1.0, 101.0, -1.0, -1.0, 2.0, -1.0, -1.0, -1.0)

    @classmethod
    def stored(cls, thresholds):
        """Those of a prepared set's settings. A threshold that its version did not have yet lets every photo pass."""
        return cls(**(asdict(cls.none()) | thresholds))

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
        if found.ab_spread < self.min_ab_spread or found.spread_at_lightness < self.min_spread_at_lightness:
            return "one tint"
        if found.spread_at_lightness < NEARLY and found.hue_spread < self.min_hue_spread:
            return "one tint"
        if found.colorfulness < self.min_colorfulness:
            return "hardly any color"
        return None
