import math

import cv2
import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st

from colorize_utils import color
from colorize_utils.inference import upsample
from colorize_utils.inference.upsample import resize, upsample_ab, upsample_rows

sides = st.integers(1, 24)


def random_case(seed, shape, small):
    rng = np.random.default_rng(seed)
    ab = rng.uniform(-110, 110, (*small, 2)).astype(np.float32)
    return ab, rng.uniform(0, 100, small).astype(np.float32), rng.uniform(0, 100, shape).astype(np.float32)


def by_hand(ab, guide, lightness):
    """The definition, pixel by pixel in plain Python (for a photo at least as large as ab on both sides)."""
    (h, w), (height, width) = guide.shape, lightness.shape
    result = np.zeros((height, width, 2))
    for y in range(height):
        for x in range(width):
            v = min(max((y + 0.5) * h / height - 0.5, 0), h - 1)
            u = min(max((x + 0.5) * w / width - 0.5, 0), w - 1)
            top, left = math.floor(v), math.floor(u)
            total = 0
            for row, vertical in ((top, 1 - (v - top)), (min(top + 1, h - 1), v - top)):
                for column, horizontal in ((left, 1 - (u - left)), (min(left + 1, w - 1), u - left)):
                    apart = float(guide[row, column]) - float(lightness[y, x])
                    near = math.exp(-(apart**2) / (2 * upsample.RANGE**2)) + upsample.FLOOR
                    result[y, x] += vertical * horizontal * near * ab[row, column]
                    total += vertical * horizontal * near
            result[y, x] /= total
    return result


@pytest.mark.parametrize("shape, small", [((9, 13), (4, 5)), ((7, 7), (7, 7)), ((8, 3), (1, 2)), ((5, 11), (5, 3))])
def test_it_is_the_definition(shape, small):
    ab, guide, lightness = random_case(1, shape, small)
    assert upsample_ab(ab, lightness, guide) == pytest.approx(by_hand(ab, guide, lightness), abs=1e-3)


def test_on_a_flat_photo_it_is_bilinear():
    ab, _, _ = random_case(2, (1, 1), (6, 8))
    flat = np.full((45, 60), 40, np.float32)
    expected = cv2.resize(ab, (60, 45), interpolation=cv2.INTER_LINEAR)
    assert upsample_ab(ab, flat) == pytest.approx(expected, abs=1e-3)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1000), shape=st.tuples(sides, sides), small=st.tuples(sides, sides))
def test_any_sizes_give_the_photo_s_size_and_no_new_extremes(seed, shape, small):
    ab, _, lightness = random_case(seed, shape, small)
    full = upsample_ab(ab, lightness)
    assert full.shape == (*shape, 2) and full.dtype == np.float32
    assert full.min() >= ab.min() - 1e-3 and full.max() <= ab.max() + 1e-3


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), shape=st.tuples(sides, sides), small=st.tuples(sides, sides))
def test_turning_the_photo_turns_the_colors(seed, shape, small):
    ab, _, lightness = random_case(seed, shape, small)
    turned = upsample_ab(ab.transpose(1, 0, 2), lightness.T)
    assert turned.transpose(1, 0, 2) == pytest.approx(upsample_ab(ab, lightness), abs=1e-2)


def test_bands_are_the_same_as_all_at_once():
    ab, guide, lightness = random_case(3, (41, 30), (9, 7))
    bands = [upsample_rows(ab, guide, lightness[top : top + 6], top, 41) for top in range(0, 41, 6)]
    assert np.array_equal(np.concatenate(bands), upsample_ab(ab, lightness, guide))


def test_colors_stop_at_an_edge_between_two_samples():
    # A dark red field beside a light blue one; the edge falls inside a sample of ab, as edges do.
    lightness = np.full((64, 64), 30, np.float32)
    lightness[:, 37:] = 80
    truth = np.where(lightness[..., None] < 50, np.float32([50, 30]), np.float32([-10, -40]))
    small = resize(truth, (8, 8))

    def bled(ab):
        return np.linalg.norm(ab - truth, axis=-1)[:, 28:46].mean()

    assert bled(upsample_ab(small, lightness)) < 0.5 * bled(resize(small, (64, 64)))


@pytest.mark.parametrize("name, most", [("astronaut", 0.95), ("coffee", 0.95), ("chelsea", 0.98)])
def test_on_real_photos_less_color_crosses_edges_than_with_bilinear(name, most):
    lab = color.rgb_to_lab(getattr(skimage.data, name)()[::2, ::2, :3] / np.float32(255))
    lightness, ab = lab[..., 0], np.ascontiguousarray(lab[..., 1:])
    small = resize(ab, (ab.shape[0] // 4, ab.shape[1] // 4))
    step = np.linalg.norm(np.gradient(cv2.GaussianBlur(ab, (0, 0), 1.5), axis=(0, 1)), axis=(0, 3))
    edges = step > np.quantile(step, 0.95)

    def error(full):
        return np.linalg.norm(full - ab, axis=-1)

    guided, plain = error(upsample_ab(small, lightness)), error(resize(small, lightness.shape))
    assert guided[edges].mean() < most * plain[edges].mean()
    assert guided.mean() < plain.mean()


def test_resize_averages_where_it_shrinks_and_keeps_the_mean():
    plane = np.random.default_rng(4).uniform(0, 1, (12, 20)).astype(np.float32)
    assert resize(plane, (3, 5)) == pytest.approx(plane.reshape(3, 4, 5, 4).mean(axis=(1, 3)), abs=1e-5)
    assert resize(plane, (12, 20)) is plane
    mixed = resize(plane, (3, 40))  # shrinks one way, grows the other
    assert mixed.shape == (3, 40)
    assert mixed == pytest.approx(cv2.resize(plane.reshape(3, 4, 20).mean(1), (40, 3)), abs=1e-5)
