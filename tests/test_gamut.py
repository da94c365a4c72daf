"""How far chroma must go, over the whole gamut, against a bisection in float64 with the standards' own formulas."""

import numpy as np
import pytest

from colorize_utils import gamut


def linear_of(lightness, a, b):
    """CIE 15 and IEC 61966-2-1, in float64."""
    f = (lightness + 16) / 116
    f = np.stack([f + a / 500, f, f - b / 200], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, (116 * f - 16) * 27 / 24389)
    return xyz @ np.linalg.inv(gamut.XYZ_FROM_RGB / gamut.WHITE[:, None]).T


def room(lightness, a, b):
    """The share of chroma that sRGB has room for."""
    low, high = np.zeros(lightness.shape), np.ones(lightness.shape)
    for _ in range(40):
        middle = (low + high) / 2
        linear = linear_of(lightness, middle * a, middle * b)
        inside = ((linear >= 0) & (linear <= 1)).all(axis=-1)
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return low


@pytest.mark.parametrize("chroma", [5, 40, 140, 300])
def test_chroma_is_reduced_as_far_as_it_must_and_no_further(chroma):
    lightness, hue = (x.ravel() for x in np.meshgrid(np.arange(1, 100, 1.5), np.radians(np.arange(0, 360, 2.5))))
    a, b = chroma * np.cos(hue), chroma * np.sin(hue)
    share = gamut.fit(*(x.astype(np.float32) for x in (lightness, a, b))).astype(float)
    most = room(lightness, a, b)
    given_away = (most - share) * chroma  # Lab units of chroma
    assert (given_away < np.maximum(0.01 * most * chroma, 0.02)).all()
    linear = linear_of(lightness, share * a, share * b)
    srgb = gamut.srgb_from_linear(linear)
    assert srgb.min() > -0.5 / 255 and srgb.max() < 1 + 0.5 / 255


def test_yellows_that_lie_along_the_surface_are_not_bleached():
    """At hues of 98 to 107 degrees a ray of growing chroma runs along the end of a channel, out and in again."""
    rng = np.random.default_rng(0)
    lightness, hue = rng.uniform(92, 98.5, 20_000), np.radians(rng.uniform(97, 107, 20_000))
    a, b = 120 * np.cos(hue), 120 * np.sin(hue)
    share = gamut.fit(*(x.astype(np.float32) for x in (lightness, a, b))).astype(float)
    assert (share < 0.98 * room(lightness, a, b)).mean() < 0.002


def test_colors_inside_keep_their_chroma():
    rng = np.random.default_rng(0)
    rgb = rng.uniform(0.02, 0.98, (5000, 3))
    f = np.cbrt(
        gamut.linear_from_srgb(rgb.astype(np.float32)).astype(float) @ (gamut.XYZ_FROM_RGB / gamut.WHITE[:, None]).T
    )
    kept = (f > 0.25).all(axis=1)
    lab = np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])])[:, kept]
    assert kept.sum() > 1000
    assert (gamut.fit(*lab.astype(np.float32)) == 1).all()
