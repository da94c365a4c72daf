"""Hints to learn from: drawn by seed and step alone, and of the photo's own colors."""

from types import SimpleNamespace

import numpy as np
import pytest

from colorize_utils import color
from colorize_utils.data.batches import PreparedSet
from colorize_utils.networks.hint_input import asked
from colorize_utils.training.feed import Feed
from colorize_utils.training.hint_feed import HINTED, MEAN, MOST, SIZES, hint_planes, hint_points
from colorize_utils.training.recipes import get_preset
from colorize_utils.training.steps import make_step, make_validation


def test_hints_are_a_function_of_seed_phase_and_step():
    first = hint_points(1, 2, 3, 8, 64)
    np.testing.assert_array_equal(first, hint_points(1, 2, 3, 8, 64))
    assert any(not np.array_equal(first, hint_points(*other, 8, 64)) for other in [(0, 2, 3), (1, 0, 3), (1, 2, 4)])
    assert first.shape == (8, MOST, 3) and first.dtype == np.float32


def test_as_many_hints_as_is_said():
    points = np.concatenate([hint_points(0, 0, step, 64, 96) for step in range(200)])
    count = (points[..., 2] > 0).sum(axis=1)
    assert abs((count > 0).mean() - HINTED) < 0.02
    assert abs(count[count > 0].mean() - MEAN) < 0.5
    assert set(np.unique(points[..., 2])) == {0, *SIZES}
    assert points[..., :2].min() == 0 and points[..., :2].max() == 95


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_a_phase_says_how_many_photos_have_hints(tiny_set, share):
    preset = get_preset("smoke", crop=32, batch=8)
    feed = Feed(PreparedSet.open(tiny_set), preset, 0, hints=True, hinted=(0.7, share))
    points = np.concatenate([np.asarray(feed.batch(1, None, step)[1][3]) for step in range(50)])
    assert abs((points[..., 2] > 0).any(axis=1).mean() - share) < 0.06


def test_planes_hold_the_mean_true_color_of_each_square():
    rng = np.random.default_rng(5)
    ab = rng.uniform(-1, 1, (2, 32, 40, 2)).astype(np.float32)
    points = np.zeros((2, 4, 3), np.float32)
    points[0, 0] = 10, 20, 3
    points[0, 1] = 0, 39, 5  # cut off by two edges
    points[1, 0] = 7, 7, 1
    points[1, 1] = 7, 8, 3  # overlaps the one before it
    planes = np.asarray(hint_planes(ab, points))
    assert planes.shape == (2, 32, 40, 3)
    wanted = np.zeros((32, 40, 3), np.float32)
    wanted[9:12, 19:22] = [*ab[0, 9:12, 19:22].mean(axis=(0, 1)), 1]
    wanted[0:3, 37:40] = [*ab[0, 0:3, 37:40].mean(axis=(0, 1)), 1]
    np.testing.assert_allclose(planes[0], wanted, atol=1e-6)
    square = ab[1, 6:9, 7:10].mean(axis=(0, 1))
    np.testing.assert_allclose(planes[1, 7, 7, :2], (ab[1, 7, 7] + square) / 2, atol=1e-6)
    np.testing.assert_allclose(planes[1, 8, 9], [*square, 1], atol=1e-6)
    assert planes[1, :, :, 2].sum() == 9
    assert not np.asarray(hint_planes(ab, 0 * points)).any()


def test_a_step_is_given_the_true_colors_of_the_crop_it_sees(tiny_set):
    """After flips and crops, where the hint lies in the picture that the network sees."""
    feed = Feed(PreparedSet.open(tiny_set), get_preset("smoke", crop=32, batch=8), 0, hints=True)
    seen = {}

    def step(nets, phase, photo, ab, trainable):
        seen.update(photo=np.asarray(photo[0]), hints=np.asarray(photo[1]), ab=np.asarray(ab))
        return {}

    phase = SimpleNamespace(step="regression")
    _, arguments = feed.batch(1, None, 3)
    make_step(None, phase, [], 32, step)(*arguments)
    hinted = seen["hints"][..., 2] > 0
    assert 0 < hinted.mean() < 1 and seen["photo"].shape == (8, 32, 32, 1)
    assert not seen["hints"][~hinted].any()
    alone = 0
    for points, hints, ab in zip(np.asarray(arguments[3]), seen["hints"], seen["ab"], strict=True):
        points = points[points[:, 2] > 0]
        for row, column, size in points.astype(int):
            near = np.abs(points[:, :2] - (row, column)).max(axis=1) <= (points[:, 2] - 1) // 2
            if size == 1 and near.sum() == 1:  # a hint of one pixel, which no other lies on
                np.testing.assert_allclose(hints[row, column], [*ab[row, column], 1], atol=1e-6)
                alone += 1
    assert alone > 3


def test_validation_gives_no_hints():
    class Network:
        inputs = ("lightness", "hints")

        def __call__(self, given, training):
            photo, hints = given
            assert not np.asarray(hints).any() and hints.shape == (*photo.shape[:3], 3)
            return np.asarray(hints)[..., :2]

    codes = np.full((2, 32, 32, 3), 128 + 55, np.uint8)
    table = np.float32([[0, 0, 0, 0, 1, 0, 1]] * 2)
    found = make_validation(SimpleNamespace(ema=Network()), 32)(codes, np.arange(2), table)
    np.testing.assert_allclose(np.asarray(found["l1"]), 55 / color.AB_SCALE, atol=1e-6)
    assert asked(lambda photo: photo, 5) == 5  # a network that takes none
