"""Filters: each measure against values worked out by hand, each threshold on a photo made for it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from colorize_utils import color
from colorize_utils.data.filters import Filters, _measured, statistics


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
