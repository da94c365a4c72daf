"""Filters: each measure against values worked out by hand, each threshold on a photo made for it."""

import io
from dataclasses import asdict

import numpy as np
import pytest
import skimage
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from colorize_utils import color
from colorize_utils.data.filters import Filters, _measured, statistics
from colorize_utils.data.stored import stored_codes


def test_colorfulness_by_hand():
    """Half pure red, half pure green: rg = ±255, yb = 127.5, so sqrt(255²) + 0.3·127.5."""
    picture = np.zeros((2, 4, 3))
    picture[:, :2, 0], picture[:, 2:, 1] = 255, 255
    assert color.colorfulness(picture) == pytest.approx(255 + 0.3 * 127.5)
    assert color.colorfulness(np.full((5, 5, 3), 99)) == 0
    flat = np.broadcast_to(np.array([200, 100, 50]), (3, 3, 3))
    assert color.colorfulness(flat) == pytest.approx(0.3 * np.hypot(100, 100))


@given(hnp.arrays(np.uint8, (2, 6, 7, 3)))
def test_colorfulness_of_a_stack_is_that_of_each(pictures):
    np.testing.assert_allclose(color.colorfulness(pictures), [color.colorfulness(p) for p in pictures], rtol=1e-4)


def _codes(lab):
    return color.encode_lab8(np.broadcast_to(np.asarray(lab, np.float32), (24, 32, 3)))


def _varied(lightness=(20, 80), chroma=40):
    rng = np.random.default_rng(0)
    lab = np.stack([rng.uniform(*lightness, (24, 32)), *rng.uniform(-chroma, chroma, (2, 24, 32))], axis=-1)
    return color.encode_lab8(lab)


@pytest.mark.parametrize(
    ("codes", "reason"),
    [
        (_varied(), None),
        (_varied(lightness=(0, 8)), "too dark"),
        (_varied(lightness=(93, 100)), "too bright"),
        (_codes([50, 30, 30]), "no contrast"),
        (_varied(chroma=1), "grey"),
    ],
)
def test_each_reason_has_its_photo(codes, reason):
    assert Filters().reason(codes) == reason
    assert Filters.none().reason(codes) is None


def test_colorfulness_is_that_of_clipped_rgb(samples):
    """Against scikit-image; colors outside of sRGB are among them."""
    lively = np.random.default_rng(0).integers(64, 192, (60, 80, 3), dtype=np.uint8)
    for codes in [lively, *(color.encode_lab8(color.rgb_to_lab(rgb[:200, :200] / 255)) for rgb in samples.values())]:
        lab = codes[::2, ::2].astype(np.float64) * (100 / 255, 1, 1) - (0, 128, 128)
        rgb = np.clip(skimage.color.lab2rgb(lab), 0, 1) * 255
        assert statistics(codes).colorfulness == pytest.approx(color.colorfulness(rgb), abs=0.05)


def test_several_photos_are_measured_as_each_alone():
    """Exactly: a photo is not left out or kept by the company it is in."""
    rng = np.random.default_rng(2)
    stack = np.stack([_varied(chroma=chroma) for chroma in (1, 5, 20, 60)] + [_codes([50, 0, 0])])
    stack = np.concatenate([stack, rng.integers(0, 256, (3, 24, 32, 3), dtype=np.uint8)])
    assert _measured(stack) == [statistics(codes) for codes in stack]
    assert Filters().reasons(stack) == [Filters().reason(codes) for codes in stack]


def test_sepia_is_one_tint_and_not_called_colorful():
    rng = np.random.default_rng(1)
    sepia = np.empty((24, 32, 3), np.float32)
    sepia[..., 0], sepia[..., 1], sepia[..., 2] = rng.uniform(10, 90, (24, 32)), 6, 18
    assert Filters().reason(color.encode_lab8(sepia)) == "one tint"


TONED = {  # how a grey value from 0 to 1 is shown, or a whole photo turned into such a print
    "sepia matrix": lambda rgb: rgb @ np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]]).T,
    "a brown wash": lambda rgb: _grey(rgb) * [1, 0.86, 0.66],
    "cyanotype": lambda rgb: _grey(rgb) * [0.93, 0.96, 0.98] + (1 - _grey(rgb)) * [0.02, 0.13, 0.33],
    "platinum": lambda rgb: _grey(rgb) * [0.95, 0.93, 0.88] + (1 - _grey(rgb)) * [0.11, 0.10, 0.09],
    "rose": lambda rgb: _grey(rgb) * [1, 0.80, 0.78],
}


def _grey(rgb):
    return (rgb @ [0.299, 0.587, 0.114])[..., None]


def _scanned(rgb):
    """As a file: 8 bits, and JPEG with its coarse chroma, which puts some color beside every edge."""
    out = io.BytesIO()
    Image.fromarray(np.rint(rgb.clip(0, 1) * 255).astype(np.uint8)).save(out, "JPEG", quality=80)
    return np.asarray(Image.open(out))


@pytest.mark.parametrize("how", TONED)
def test_toned_photos_are_of_one_tint_and_the_photos_are_not(samples, how):
    """`benchmarks/toned.py` counts them over a folder of photos."""
    for name, photo in samples.items():
        toned = stored_codes(_scanned(TONED[how](photo / 255)), False, 144, 192)[0]
        assert Filters().reason(toned) in ("one tint", "grey"), name
        assert Filters().reason(stored_codes(photo, False, 144, 192)[0]) is None, name


def test_spreads_by_hand():
    """Two lightnesses, each with its own color: all of the spread is lightness' doing. At one, it is not."""
    lab = np.empty((24, 32, 3), np.float32)
    lab[:, :16], lab[:, 16:] = (30, 20, 0), (70, 40, 0)
    assert _spreads(lab) == pytest.approx((10, 0, 0), abs=1e-4)
    lab[:, :18], lab[:, 18:] = (50, 30, 0), (50, 10, 0)  # of one hue: weak and strong
    # Every other column is looked at, 9 and 7 of them, in patches of 3: 8.75 above the mean in 9, 11.25 below in 6.
    rest = np.sqrt((9 * 8.75**2 + 6 * 11.25**2) / 15)
    assert _spreads(lab) == pytest.approx((9.92, rest, 0), abs=0.01)
    lab[:, :18], lab[:, 18:] = (50, 20, 10), (50, 20, -10)  # of two
    turn = np.arctan2(1.25, 20)  # of the mean's hue, from that of a
    assert _spreads(lab) == pytest.approx((9.92, rest * np.sin(turn), rest * np.cos(turn)), abs=0.01)


def _spreads(lab):
    found = statistics(color.encode_lab8(lab))
    return found.ab_spread, found.spread_along_hue, found.spread_across_hue


def test_thresholds_of_an_older_set_mean_what_they_did(samples):
    known = {"min_lightness": 8.0, "max_lightness": 94.0, "min_lightness_spread": 4.0, "min_colorfulness": 8.0}
    old = Filters.stored(known | {"max_grey_share": 0.95, "min_ab_spread": 3.5})  # those of version 0.6.0
    sepia = stored_codes(_scanned(TONED["sepia matrix"](samples["cat"] / 255)), False, 144, 192)[0]
    assert (old.reason(sepia), Filters().reason(sepia)) == (None, "one tint")
    assert Filters.stored(asdict(Filters())) == Filters()


def test_a_flat_cast_is_no_color_whatever_its_hue():
    """The predecessor's spread over a and b together calls one flat cast colorful and another not (a = b)."""
    for a, b in ((20, 20), (30, -30), (0, 35)):
        lab = np.empty((24, 32, 3), np.float32)
        lab[..., 0] = np.linspace(10, 90, 32)
        lab[..., 1], lab[..., 2] = a, b
        assert statistics(color.encode_lab8(lab)).ab_spread == 0


@given(st.floats(0, 100))
def test_mean_lightness_is_in_lab_units(value):
    assert statistics(_codes([value, 0, 0])).mean_lightness == pytest.approx(value, abs=0.2)
