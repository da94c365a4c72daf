"""Hints as a network is given them that takes them: on its working copy, and what is done with its answer."""

import numpy as np
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st

from colorize_utils import color
from colorize_utils.inference.colorizer import Colorizer
from colorize_utils.inference.hints.given import Hints
from colorize_utils.inference.hints.planes import hint_planes


def _spread(cells, values, shape):
    """By loops: hinted cells and their values, and round each that lies in no whole square of 3x3 the mean of such."""
    at = dict(zip(cells, values, strict=True))
    square = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    whole = {
        (y + dy + ey, x + dx + ex)
        for y, x in at
        for dy, dx in square
        if all((y + dy + fy, x + dx + fx) in at or not _inside(y + dy + fy, x + dx + fx, shape) for fy, fx in square)
        and _inside(y + dy, x + dx, shape)
        for ey, ex in square
    }
    planes = np.zeros((*shape, 3))
    for y in range(shape[0]):
        for x in range(shape[1]):
            near = [at[cell] for cell in ((y + dy, x + dx) for dy, dx in square) if cell in at and cell not in whole]
            if (y, x) in at or near:
                planes[y, x] = [*(at[y, x] if (y, x) in at else np.mean(near, axis=0)), 1]
    return planes


def _inside(y, x, shape):
    return 0 <= y < shape[0] and 0 <= x < shape[1]


@given(st.integers(0, 2**32 - 1), st.tuples(st.integers(8, 40), st.integers(8, 40)), st.integers(1, 300))
def test_a_smaller_copy_has_the_mean_of_the_hints_in_each_of_its_pixels(seed, shape, count):
    rng = np.random.default_rng(seed)
    height, width = shape[0] + rng.integers(1, 50), shape[1] + rng.integers(1, 50)
    rows, columns = np.divmod(rng.permutation(height * width)[:count], width)
    ab = rng.uniform(-60, 60, (len(rows), 2)).astype(np.float32)
    planes = hint_planes(Hints(rows, columns, ab, (height, width)), shape)
    cells = list(zip(rows * shape[0] // height, columns * shape[1] // width, strict=True))
    means = [ab[[at == cell for at in cells]].mean(axis=0) / color.AB_SCALE for cell in dict.fromkeys(cells)]
    np.testing.assert_allclose(planes, _spread(dict.fromkeys(cells), means, shape), atol=1e-5)


def test_a_larger_copy_has_the_hint_wherever_its_pixel_went():
    hints = Hints(np.array([2]), np.array([1]), np.float32([[11, -22]]), (4, 5))
    planes = hint_planes(hints, (12, 15))
    wanted = np.zeros((12, 15, 3), np.float32)
    wanted[6:9, 3:6] = 0.1, -0.2, 1
    np.testing.assert_allclose(planes, wanted, atol=1e-6)


def test_a_single_pixel_is_given_as_a_square():
    hints = Hints(np.array([2]), np.array([0]), np.float32([[11, -22]]), (4, 5))
    wanted = np.zeros((4, 5, 3), np.float32)
    wanted[1:4, 0:2] = 0.1, -0.2, 1
    np.testing.assert_allclose(hint_planes(hints, (4, 5)), wanted, atol=1e-6)


class Hearing:
    """Stands in for a network that takes hints: it paints everything in the mean of those it is given."""

    inputs = ("lightness", "hints")

    def __init__(self, heard=1.0):
        self.heard, self.given = heard, []

    def __call__(self, given):
        photo, hints = given
        self.given.append(hints)
        count = max(hints[..., 2].sum(), 1)
        ab = hints[..., :2].sum(axis=(1, 2)) / count * self.heard
        return np.broadcast_to(ab[:, None, None], (*photo.shape[:3], 2)).astype(np.float32)


def _asked(network, points, **options):
    grey = skimage.data.camera()[::3, ::3]
    lightness = color.lightness_from_grey(grey / np.float32(255))
    colorizer = Colorizer(network, {"trained_size": 64})
    for name, value in options.items():
        setattr(colorizer, name, value)
    hints = Hints.from_points(points, grey.shape) if points else None
    return colorizer.predict_ab(lightness, hints=hints), hints, lightness


def test_without_hints_the_network_is_given_none():
    network = Hearing()
    ab, *_ = _asked(network, [])
    assert not network.given[0].any() and network.given[0].shape[-1] == 3
    assert not ab.any()


def test_where_the_network_has_heard_the_hint_nothing_changes():
    """It colored everything as the one hint says: what is laid over is of the same color, near the hint and far."""
    ab, hints, lightness = _asked(Hearing(), [(40, 90, "#7a5a40", 2)])
    wanted = hints.seen_at(lightness[hints.rows, hints.columns]).ab.mean(axis=0)
    assert np.abs(ab - wanted).max() < 3  # the hint's pixels differ in L, and so a little in ab
    assert np.abs(np.median(ab, axis=(0, 1)) - wanted).max() < 0.3


@pytest.mark.parametrize("heard", [0.0, 0.5, 1.0])
def test_hinted_pixels_have_the_hint_s_color_whatever_the_network_made_of_it(heard):
    ab, hints, lightness = _asked(Hearing(heard), [(40, 90, "#7a5a40", 2), (120, 20, "steelblue", 2)])
    seen = hints.seen_at(lightness[hints.rows, hints.columns])
    assert ab[hints.rows, hints.columns] == pytest.approx(seen.ab, abs=1e-3)


def test_a_mirrored_photo_has_mirrored_hints():
    network = Hearing()
    _asked(network, [(40, 90, "red", 2)], flips=True)
    np.testing.assert_array_equal(network.given[0], network.given[1][:, :, ::-1])
    assert network.given[0].any()
