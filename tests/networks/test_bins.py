"""Bins of color: how many, soft labels, the way back, how rare colors are; against dense NumPy and SciPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import Delaunay, cKDTree
from scipy.special import log_softmax, softmax

from colorize_utils import color
from colorize_utils.cli import main
from colorize_utils.errors import ColorizeError
from colorize_utils.inference.colorizer import Colorizer
from colorize_utils.networks import bins, build_network
from colorize_utils.networks.zhang import build_zhang
from colorize_utils.photos.reading import read_mark
from colorize_utils.photos.writing import write_photo
from colorize_utils.weights import save_network

CENTERS = bins.in_gamut_bins()
SMALL = {"network": "zhang", "grid": 20, "temperature": 0.5, "width": 8}


def _colors(count, seed=0):
    return color.rgb_to_lab(np.random.default_rng(seed).uniform(0, 1, (count, 3)))[:, 1:]


def _dense(indices, weights, count):
    """Sparse labels -> (P, Q)."""
    dense = np.zeros((len(indices), count))
    np.put_along_axis(dense, np.asarray(indices), np.asarray(weights), axis=1)
    return dense


def test_every_color_has_its_bin_and_every_bin_a_color():
    bin_of = np.unique(np.rint(_colors(300_000) / 10) * 10, axis=0)
    listed = set(map(tuple, CENTERS))
    assert len(listed) == len(CENTERS) == 261
    assert set(map(tuple, bin_of)) <= listed
    # Random colors of the whole cube miss a few bins at its corners only.
    assert len(bin_of) > 240
    edges = np.array(np.meshgrid([0, 1], [0, 1], np.linspace(0, 1, 256))).reshape(3, -1).T
    for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
        assert set(map(tuple, np.rint(color.rgb_to_lab(edges[:, order])[:, 1:] / 10) * 10)) <= listed


def test_the_counts_that_the_docstring_names():
    edge = np.linspace(0, 1, 256)
    u, v = (plane.ravel() for plane in np.meshgrid(edge, edge))
    faces = [np.insert(np.stack([u, v], -1), axis, value, axis=1) for axis in range(3) for value in (0, 1)]
    ab = color.rgb_to_lab(np.concatenate(faces))[:, 1:]
    grid = np.array(np.meshgrid(np.arange(-120, 121, 10), np.arange(-120, 121, 10))).reshape(2, -1).T
    assert (Delaunay(ab[::7]).find_simplex(grid) >= 0).sum() == pytest.approx(233, abs=1)
    assert (cKDTree(ab).query(grid)[0] <= 12).sum() == 300


@pytest.mark.parametrize("neighbors", [5, 10])
def test_soft_labels_against_all_distances(neighbors):
    ab = np.concatenate([_colors(200), [[0, 0], [10, -20], [140, 140], [-300, 4]]]).astype(np.float32)
    indices, weights = (np.asarray(part) for part in bins.encode(ab, CENTERS, neighbors, 5.0))
    distances = np.sqrt(((ab[:, None] - CENTERS[None]) ** 2).sum(-1))
    nearest = np.sort(distances, axis=1)[:, :neighbors]
    np.testing.assert_allclose(np.take_along_axis(distances, indices, 1), nearest, rtol=1e-3, atol=1e-2)
    expected = np.exp(-(nearest**2 - nearest[:, :1] ** 2) / 50)
    np.testing.assert_allclose(weights, expected / expected.sum(1, keepdims=True), atol=2e-3)
    assert np.isfinite(weights).all()


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_round_trip(rgb):
    """A color's label at T near 0 is its own bin (half a grid step off at most), at T = 1 within half a step too."""
    ab = color.rgb_to_lab(np.array([rgb], np.float32) / 255)[:, 1:]
    indices, weights = bins.encode(ab, CENTERS)
    logits = np.log(np.maximum(_dense(indices, weights, len(CENTERS)), 1e-30)).astype(np.float32)
    mode, mean = (np.asarray(bins.decode(logits, CENTERS, t)) for t in (1e-4, 1.0))
    assert np.abs(mode - ab).max() <= 5.01
    assert np.linalg.norm(mean - ab) < 7.1


def test_annealed_mean_lies_between_mode_and_mean():
    logits = np.random.default_rng(1).normal(0, 3, (50, len(CENTERS))).astype(np.float32)
    mode = CENTERS[logits.argmax(1)]
    for temperature in (1e-3, 1e-9, 1e-30):
        np.testing.assert_allclose(np.asarray(bins.decode(logits, CENTERS, temperature)), mode, atol=1e-3)
    for temperature in (0.38, 1.0):
        expected = softmax(logits.astype(np.float64) / temperature, axis=1) @ CENTERS
        np.testing.assert_allclose(np.asarray(bins.decode(logits, CENTERS, temperature)), expected, atol=1e-3)
    distances = [
        np.linalg.norm(np.asarray(bins.decode(logits, CENTERS, t)) - mode, axis=1).mean() for t in (0.1, 0.38, 1)
    ]
    assert distances == sorted(distances)


def test_cross_entropy_against_dense_labels():
    ab, rng = _colors(40, 2), np.random.default_rng(2)
    logits = rng.normal(0, 4, (40, len(CENTERS))).astype(np.float32)
    indices, weights = bins.encode(ab, CENTERS)
    expected = -(_dense(indices, weights, len(CENTERS)) * log_softmax(logits.astype(np.float64), axis=1)).sum(1)
    np.testing.assert_allclose(np.asarray(bins.cross_entropy(logits, indices, weights)), expected, rtol=1e-4)


def test_weights_are_1_on_average_and_more_for_rare_colors():
    prior = np.random.default_rng(3).dirichlet(np.full(261, 0.1))
    for mixing in (0.1, 0.5, 1):
        weights = bins.rebalancing(prior, mixing).astype(np.float64)
        assert (prior * weights).sum() == pytest.approx(1, rel=1e-5)
        assert np.all(np.diff(weights[np.argsort(prior)]) <= 1e-6)
    assert np.ptp(weights) < 1e-5  # all alike when only the uniform prior counts
    ratio = bins.rebalancing([0.75, 0.25], 0.5)
    assert ratio[1] / ratio[0] == pytest.approx((0.375 + 0.25) / (0.125 + 0.25))
    for mixing in (-0.1, 1.1, float("nan")):
        with pytest.raises(ColorizeError, match="expected a mixing"):
            bins.rebalancing(prior, mixing)


def test_the_prior_is_the_mean_label_of_every_fourth_pixel():
    codes = color.encode_lab8(np.insert(_colors(300 * 8 * 12), 0, 50, axis=1)).reshape(300, 8, 12, 3)
    prior = bins.measure_prior(codes, CENTERS, smoothing=0)
    ab = codes[:, ::4, ::4, 1:].reshape(-1, 2).astype(np.float32) - 128
    labels = _dense(*bins.encode(ab, CENTERS), len(CENTERS))
    np.testing.assert_allclose(prior, labels.mean(0), atol=1e-6)
    smooth = bins.measure_prior(codes, CENTERS)
    assert smooth.sum() == pytest.approx(1)
    assert smooth.min() > prior.min()
    assert (prior @ CENTERS) == pytest.approx(smooth @ CENTERS, abs=0.6)  # spread, not moved
    with pytest.raises(ColorizeError, match="got none"):
        bins.measure_prior(codes[:0], CENTERS)


def test_zhangs_network_has_the_published_size():
    model = build_zhang()
    assert model.count_params() == 32_227_013
    assert model.count_params() + 52 * 257 == 32_240_377  # with the paper's 313 bins
    features = bins.logits_of(model)(np.zeros((1, 32, 48, 1), np.float32))
    assert features.shape == (1, 8, 12, 261)
    assert model(np.zeros((1, 32, 48, 1), np.float32)).shape == (1, 32, 48, 2)


def test_a_model_file_of_bins_colors_photos_at_any_temperature(tmp_path):
    network = build_network(SMALL)
    save_network(network, tmp_path / "model.h5", SMALL, {"trained_size": 64}, dtype="float32")
    photo = np.random.default_rng(0).integers(0, 256, (50, 70), np.uint8)
    fed = np.random.default_rng(1).uniform(-1, 1, (1, 32, 32, 1)).astype(np.float32)
    logits = np.asarray(bins.logits_of(network)(fed))
    centers = bins.in_gamut_bins(20)
    pictures = {}
    for temperature in (None, 0.001, 1.0):
        colorizer = Colorizer.load(tmp_path / "model.h5", temperature)
        pictures[temperature] = colorizer(photo)
        assert pictures[temperature].shape == (50, 70, 3)
        expected = softmax(logits.astype(np.float64) / (temperature or 0.5), axis=-1) @ centers / 110
        got = np.asarray(colorizer.network(fed))
        # A bilinear enlargement keeps a picture's range and mean.
        assert got.mean((0, 1, 2)) == pytest.approx(expected.mean((0, 1, 2)), abs=0.05)
        assert got.min() >= expected.min() - 1e-4
        assert got.max() <= expected.max() + 1e-4
    assert not np.array_equal(pictures[0.001], pictures[1.0])


@pytest.mark.parametrize("temperature", [0, -1, 1.5, float("nan")])
def test_temperatures_that_are_none_are_one_line(tmp_path, temperature):
    network = build_network(SMALL)
    with pytest.raises(ColorizeError, match=r"expected a temperature above 0 .* and at most 1 .*, got") as caught:
        bins.set_temperature(network, temperature)
    assert caught.value.status == 2
    with pytest.raises(ColorizeError, match="expected a temperature"):
        build_network({**SMALL, "temperature": temperature})


def test_other_models_have_no_temperature_and_grids_have_limits():
    unet = build_network({"network": "unet", "backbone": "Plain", "weights": None, "widths": (8, 8, 8, 8)})
    with pytest.raises(ColorizeError, match=r"expected a model that chooses among bins .*, got a unet"):
        bins.set_temperature(unet, 0.5)
    with pytest.raises(ColorizeError, match="expected a grid from 2 to 50"):
        bins.in_gamut_bins(1)
    with pytest.raises(ColorizeError, match="expected 3 widths"):
        build_network({"network": "unet-bins", "backbone": "Plain", "weights": None, "widths": (8, 8)})


def test_the_terminal_s_temperature(tmp_path, capsys):
    save_network(build_network(SMALL), tmp_path / "model.h5", SMALL, {"trained_size": 64, "name": "small"})
    (tmp_path / "in").mkdir()
    write_photo(tmp_path / "in" / "photo.png", np.full((40, 50, 3), 120, np.uint8))
    words = ["colorize", str(tmp_path / "in"), "--model", str(tmp_path / "model.h5")]
    for temperature in ("0.05", "1"):
        out = tmp_path / temperature
        assert main([*words, "-o", str(out), "--temperature", temperature]) == 0
        assert f"temperature {temperature}" in read_mark(out / "photo.png")
    for wrong in ("0", "-0.4", "nan", "warm"):
        capsys.readouterr()
        assert main([*words, "-o", str(tmp_path / "none"), "--temperature", wrong]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert f"expected a number from 0.001 to 1, got '{wrong}'" in said
    assert not (tmp_path / "none").exists()
