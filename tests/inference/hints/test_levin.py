"""Levin's energy against a dense solution written from its definition, and what its minimum must be."""

import math

import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st

from colorize_utils import color
from colorize_utils.errors import ColorizeError
from colorize_utils.inference.hints import levin as module
from colorize_utils.inference.hints.given import Hints
from colorize_utils.inference.hints.levin import energy, grid_shape, minimize, propagate

sides = st.integers(1, 9)


def some_hints(rng, shape, count):
    cells = rng.choice(shape[0] * shape[1], count, replace=False)
    ab = rng.uniform(-60, 60, (count, 2)).astype(np.float32)
    return Hints(cells // shape[1], cells % shape[1], ab, shape)


def dense_laplacian(lightness):
    """Pixel by pixel as Levin's code has it (0.6 of the variance of a 3x3 window, its floors), then made symmetric."""
    height, width = lightness.shape
    grey = lightness.astype(np.float64) / 100
    directed = np.zeros((height, width, height, width))
    for y in range(height):
        for x in range(width):
            window = [
                (v, u)
                for v in range(max(0, y - 1), min(height, y + 2))
                for u in range(max(0, x - 1), min(width, x + 2))
            ]
            spread = 0.6 * np.var([grey[place] for place in window])
            window.remove((y, x))
            if not window:
                continue
            steps = {place: (grey[place] - grey[y, x]) ** 2 for place in window}
            spread = max(spread, min(steps.values()) / -math.log(0.01), 2e-6)
            weights = {place: math.exp(-step / spread) for place, step in steps.items()}
            for place, weight in weights.items():
                directed[y, x][place] = weight / sum(weights.values())
    directed = directed.reshape(height * width, -1)
    near = directed > 0
    weights = np.where(near | near.T, np.maximum((directed + directed.T) / 2, module.LEAST), 0)
    return np.diag(weights.sum(1)) - weights


def dense_solution(lightness, hints, prior=None, lam=0.0):
    matrix, n = dense_laplacian(lightness), lightness.size
    right = np.zeros((n, 2))
    if prior is not None:
        pull = np.broadcast_to(lam, lightness.shape).ravel()
        matrix, right = matrix + np.diag(pull), pull[:, None] * prior.reshape(n, 2)
    held = hints.rows * lightness.shape[1] + hints.columns
    matrix[held], right[held] = np.eye(n)[held], hints.ab
    return np.linalg.solve(matrix, right).reshape(*lightness.shape, 2)


def energy_by_hand(u, lightness, prior=None, lam=0.0):
    flat = u.reshape(lightness.size, -1).astype(np.float64)
    total = float(np.sum(flat * (dense_laplacian(lightness) @ flat)))
    if prior is not None:
        apart = flat - prior.reshape(flat.shape)
        total += float((np.broadcast_to(lam, lightness.shape).reshape(-1, 1) * apart**2).sum())
    return total


@pytest.mark.parametrize("seed, shape, count", [(0, (12, 15), 3), (1, (20, 9), 12), (2, (1, 14), 2), (3, (7, 1), 2)])
@pytest.mark.parametrize("lam", [None, 0.05, "map"])
def test_energy_is_not_above_that_of_the_dense_solution(seed, shape, count, lam):
    rng = np.random.default_rng(seed)
    lightness = rng.uniform(0, 100, shape).astype(np.float32)
    hints, prior = some_hints(rng, shape, count), None
    if lam is not None:
        prior = rng.uniform(-40, 40, (*shape, 2)).astype(np.float32)
        lam = rng.uniform(0, 1, shape).astype(np.float32) if lam == "map" else lam
    best = energy_by_hand(dense_solution(lightness, hints, prior, lam), lightness, prior, lam)
    found = propagate(lightness, hints, prior, 0.0 if lam is None else lam)
    assert energy_by_hand(found, lightness, prior, lam) <= best * (1 + 1e-6)
    assert energy(found, lightness, prior, lam) == pytest.approx(energy_by_hand(found, lightness, prior, lam), rel=1e-9)
    assert np.array_equal(found[hints.rows, hints.columns], hints.ab)
    assert found == pytest.approx(dense_solution(lightness, hints, prior, lam), abs=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_pixels_that_nobody_asks_for_are_as_if_they_were_not_there(seed):
    rng = np.random.default_rng(seed)
    lightness = rng.uniform(0, 100, (9, 12)).astype(np.float32)
    hints, prior = some_hints(rng, lightness.shape, 4), rng.uniform(-40, 40, (9, 12, 2))
    within = rng.uniform(size=lightness.shape) < 0.6
    within[hints.rows, hints.columns] = True
    inside = within.ravel()
    weights = -dense_laplacian(lightness) * np.outer(inside, inside) * (1 - np.eye(len(inside)))
    matrix = np.diag(weights.sum(1) + 0.1) - weights
    right, held = 0.1 * prior.reshape(-1, 2), hints.rows * 12 + hints.columns
    matrix[held], right[held] = np.eye(len(inside))[held], hints.ab
    wanted = np.linalg.solve(matrix, right) * inside[:, None]
    found = minimize(lightness, hints.rows, hints.columns, hints.ab, prior, 0.1, within)
    assert found == pytest.approx(wanted.reshape(9, 12, 2), abs=1e-6)
    everywhere = minimize(lightness, hints.rows, hints.columns, hints.ab, prior, 0.1)
    assert abs(everywhere - found)[within].max() > 0.1


def test_energy_on_a_real_photo_is_that_of_the_dense_solution():
    lightness = color.lightness(skimage.data.astronaut()[40:76, 200:240] / np.float32(255))
    hints = some_hints(np.random.default_rng(4), lightness.shape, 3)
    best = energy_by_hand(dense_solution(lightness, hints), lightness)
    assert energy_by_hand(propagate(lightness, hints), lightness) <= best * (1 + 1e-6)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), shape=st.tuples(sides, sides), share=st.floats(0, 1))
def test_no_color_arises_beyond_the_hints_and_their_order_is_nothing(seed, shape, share):
    rng = np.random.default_rng(seed)
    lightness = rng.choice([0, 3, 50, 100], shape).astype(np.float32)
    hints = some_hints(rng, shape, max(1, round(share * shape[0] * shape[1])))
    found = propagate(lightness, hints)
    assert found.dtype == np.float32 and np.array_equal(found[hints.rows, hints.columns], hints.ab)
    assert (found >= hints.ab.min(0) - 1e-3).all() and (found <= hints.ab.max(0) + 1e-3).all()
    order = rng.permutation(len(hints))
    turned = Hints(hints.rows[order], hints.columns[order], hints.ab[order], shape)
    assert np.array_equal(propagate(lightness, turned), found)


def test_hints_of_one_color_color_everything_with_it():
    lightness = color.lightness(skimage.data.coffee()[::4, ::4] / np.float32(255))
    hints = Hints.from_points([(5, 5, "teal"), (90, 60, "teal")], lightness.shape)
    assert propagate(lightness, hints) == pytest.approx(np.broadcast_to(hints.ab[0], (*lightness.shape, 2)), abs=1e-3)


def test_without_hints_it_is_grey_and_with_a_prior_alone_that():
    lightness = np.random.default_rng(5).uniform(0, 100, (8, 9)).astype(np.float32)
    none = Hints.from_points([], lightness.shape)
    assert not propagate(lightness, none).any()
    flat = np.full((8, 9, 2), 7, np.float32)
    assert propagate(lightness, none, flat, 0.1) == pytest.approx(flat, abs=1e-4)


def test_color_stops_at_an_edge():
    lightness = np.full((40, 60), 30, np.float32)
    lightness[:, 30:] = 70
    lightness += np.random.default_rng(6).normal(0, 0.5, lightness.shape).astype(np.float32)
    hints = Hints.from_points([(8, 20, "red"), (52, 20, "blue")], lightness.shape)
    found = propagate(lightness, hints)
    red, blue = hints.ab[hints.columns < 30][0], hints.ab[hints.columns > 30][0]
    apart = np.linalg.norm(red - blue)
    assert np.linalg.norm(found[:, :28] - red, axis=-1).max() < 0.1 * apart
    assert np.linalg.norm(found[:, 32:] - blue, axis=-1).max() < 0.1 * apart


def test_a_large_photo_is_solved_small_and_its_hints_stay_exact(monkeypatch):
    lightness = color.lightness(skimage.data.astronaut()[::2, ::2] / np.float32(255))
    hints = Hints.from_points([(60, 40, "red", 4), (200, 30, "green", 4), (128, 200, "#336699", 4)], lightness.shape)
    whole = propagate(lightness, hints)
    monkeypatch.setattr(module, "SOLVED", lightness.size // 9)
    assert grid_shape(lightness.shape) == (85, 85)
    lifted = propagate(lightness, hints)
    assert np.array_equal(lifted[hints.rows, hints.columns], hints.ab)
    assert lifted.shape == whole.shape and (lifted >= hints.ab.min(0) - 1e-3).all()
    spread = np.linalg.norm(whole - whole.mean((0, 1)), axis=-1).mean()
    assert np.linalg.norm(lifted - whole, axis=-1).mean() < 0.35 * spread


@pytest.mark.parametrize("shape", [(1, 1), (1, 10**6), (3, 10**6), (5000, 7000), (256, 256)])
def test_grids_keep_the_shape_and_are_small(shape):
    height, width = grid_shape(shape)
    assert 1 <= height <= shape[0] and 1 <= width <= shape[1] and height * width <= module.SOLVED


def test_hints_in_one_cell_are_averaged_and_all_held_is_what_was_given():
    hints = Hints(np.array([0, 1, 3]), np.array([0, 1, 3]), np.float32([[2, 4], [4, 8], [9, 9]]), (4, 4))
    rows, columns, ab, own = module.on_grid(hints, np.float32([10, 30, 50]), (2, 2))
    assert rows.tolist() == [0, 1] and columns.tolist() == [0, 1]
    assert ab.tolist() == [[3, 6], [9, 9]] and own.tolist() == [20, 50]
    u = minimize(np.zeros((1, 2)), [0, 0], [0, 1], [[1.0], [2.0]])
    assert u.ravel().tolist() == [1, 2]


def test_hints_of_another_size_are_refused_in_one_line():
    hints = Hints.from_points([(1, 1, "red")], (10, 20))
    with pytest.raises(ColorizeError, match="^expected hints for a photo of 30x10 pixels, got ones for 20x10$"):
        propagate(np.zeros((10, 30), np.float32), hints)
