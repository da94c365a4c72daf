"""Every figure against an independent source: published pairs, closed forms, the paper's formula, or a hand count."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import linalg, ndimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from colorize_utils import color, metrics
from colorize_utils.data import filters
from colorize_utils.evaluation import frechet, intervals

PAIRS = np.loadtxt(Path(__file__).parent / "data" / "ciede2000.txt")


def picture(seed, shape=(24, 20, 3)):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_ciede2000_gives_the_published_pairs():
    assert len(PAIRS) == 34
    assert np.abs(metrics.ciede2000(PAIRS[:, 3:6], PAIRS[:, :3]) - PAIRS[:, 6]).max() < 1e-4
    assert np.abs(metrics.ciede2000(PAIRS[:, :3], PAIRS[:, 3:6]) - PAIRS[:, 6]).max() < 1e-4


def test_ciede2000_of_a_picture_with_itself_is_zero():
    lab = color.rgb_to_lab(picture(0) / np.float32(255))
    assert metrics.ciede2000(lab, lab).max() == 0


def test_psnr_is_scikit_images_and_twenty_for_a_tenth():
    one, other = picture(1), picture(2)
    expected = peak_signal_noise_ratio(one, other, data_range=255)
    assert metrics.psnr(metrics.mse(other, one)) == pytest.approx(expected, abs=1e-9)
    assert metrics.psnr(metrics.mse(np.full((2, 2, 3), 0.6), np.full((2, 2, 3), 0.5))) == pytest.approx(20)
    assert np.isinf(metrics.psnr(metrics.mse(one, one)))


def test_psnr_of_the_mean_is_below_the_mean_of_psnrs():
    errors = np.array([0.001, 0.1])
    assert metrics.psnr(errors.mean()) == pytest.approx(12.967, abs=1e-3)
    assert metrics.psnr(errors).mean() == pytest.approx(20)


@pytest.mark.parametrize("shape", [(11, 11, 3), (40, 23, 3)])
def test_ssim_is_scikit_images(shape):
    one, other = picture(3, shape), picture(4, shape)
    window = {"channel_axis": -1, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    for pair in ((one, other), (one, one), (one, one // 2 + 40)):
        assert metrics.ssim(*pair) == pytest.approx(structural_similarity(*pair, **window), abs=1e-12)


def test_ssim_is_the_papers_formula():
    one, other = picture(3) / 255, picture(4) / 255
    other = 0.7 * one + 0.3 * other

    def blur(x):
        return ndimage.gaussian_filter(x, (1.5, 1.5, 0), truncate=3.5)[5:-5, 5:-5]

    m1, m2 = blur(one), blur(other)
    v1, v2, cov = blur(one * one) - m1**2, blur(other * other) - m2**2, blur(one * other) - m1 * m2
    value = (2 * m1 * m2 + 1e-4) * (2 * cov + 9e-4) / ((m1**2 + m2**2 + 1e-4) * (v1 + v2 + 9e-4))
    assert metrics.ssim(other, one) == pytest.approx(value.mean(), abs=1e-9)
    assert metrics.ssim(one, one) == pytest.approx(1)
    assert np.isnan(metrics.ssim(one[:8], one[:8]))


def halves(left, right):
    out = np.empty((4, 6, 3), np.uint8)
    out[:, :3], out[:, 3:] = left, right
    return out


def test_colorfulness_by_hand():
    red_and_grey = halves((255, 0, 0), (90, 90, 90))  # rg 255 and 0, yb 127.5 and 0
    assert metrics.colorfulness(red_and_grey) == pytest.approx(1.3 * np.hypot(127.5, 63.75))
    flat = halves((200, 100, 50), (200, 100, 50))  # rg 100, yb 100, no spread
    assert metrics.colorfulness(flat) == pytest.approx(0.3 * np.hypot(100, 100))
    assert metrics.colorfulness(flat / 255.0) == pytest.approx(0.3 * np.hypot(100, 100))


def test_ddcolors_variant_is_another_figure():
    red_and_cyan = halves((255, 0, 0), (0, 255, 255))  # rg 255 and -255, yb 127.5 and -127.5
    assert metrics.colorfulness(red_and_cyan) == pytest.approx(np.hypot(255, 127.5))
    assert metrics.colorfulness_ddcolor(red_and_cyan) == pytest.approx(0.3 * np.hypot(255, 127.5))


@given(arrays(np.uint8, (5, 4, 1)))
def test_grey_has_no_colorfulness(grey):
    rgb = np.repeat(grey, 3, axis=-1)
    assert metrics.colorfulness(rgb) == 0
    assert metrics.colorfulness_ddcolor(rgb) == 0


def test_the_filters_measure_the_same_colorfulness():
    for seed in range(3):
        assert filters.colorfulness(picture(seed)) == pytest.approx(metrics.colorfulness(picture(seed)), rel=1e-5)


def test_ab_errors_by_hand():
    truth = np.zeros((2, 3, 2))
    ab = truth.copy()
    ab[0, 1] = (3, -4)
    assert metrics.ab_l1(ab, truth) == pytest.approx(7 / 12)
    assert metrics.chroma(ab) == pytest.approx(5 / 6)
    # One pixel in the upper row differs: three steps touch it, each of 3 and of 4; there are 4 + 3 steps a channel.
    assert metrics.ab_gradient(ab, truth) == pytest.approx(3 * 7 / 14)
    assert metrics.ab_gradient(ab + 5, ab) == 0


@given(st.integers(0, 2**31), st.floats(0, 120))
def test_auc_is_the_mean_accuracy_over_thresholds(seed, reach):
    rng = np.random.default_rng(seed)
    truth, ab = rng.uniform(-reach, reach, (2, 30, 2))
    error = np.sqrt(((ab - truth) ** 2).sum(axis=-1))
    expected = np.mean([np.mean(error <= threshold) for threshold in range(151)])
    assert metrics.auc_credit(ab, truth).mean() == pytest.approx(expected)


def test_rebalanced_auc_weighs_pixels_by_the_inverse_share_of_their_bin():
    rng = np.random.default_rng(5)
    truth, ab = rng.normal(0, 12, (2, 400, 2))
    bins = [tuple(np.floor(pixel / 10).astype(int)) for pixel in truth]
    weights = np.array([1 / bins.count(b) for b in bins])
    expected = np.average(metrics.auc_credit(ab, truth), weights=weights)
    parts = [metrics.auc_by_bin(ab[i : i + 100], truth[i : i + 100]) for i in range(0, 400, 100)]
    credit, pixels = (np.sum(part, axis=0) for part in zip(*parts, strict=True))
    assert metrics.rebalanced_auc(credit, pixels) == pytest.approx(expected)
    assert pixels.sum() == 400


def test_sizes_that_do_not_match_are_refused():
    with pytest.raises(ValueError, match=r"expected two pictures of one shape"):
        metrics.mse(picture(0), picture(0, (24, 21, 3)))


# Fréchet distance


def statistics(features, batch=None):
    known = frechet.FeatureStatistics(features[0])
    for start in range(0, len(features), batch or len(features)):
        known.add(features[start : start + (batch or len(features))])
    return known


def features(seed, n, d, scale=1.0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) * scale + rng.normal(size=d)


def test_frechet_of_a_set_with_itself_is_zero():
    known = statistics(features(0, 50, 12))
    assert frechet.frechet_distance(known, known) == pytest.approx(0, abs=1e-9)


def test_frechet_of_two_gaussians_has_its_closed_form():
    # One feature: (m1 - m2)² + (s1 - s2)². Independent features add up.
    one = np.array([[1.0], [3.0], [5.0]])  # mean 3, deviation 2
    other = np.array([[10.0], [11.0], [12.0]])  # mean 11, deviation 1
    assert frechet.frechet_distance(statistics(one), statistics(other)) == pytest.approx(64 + 1)
    corners = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    wide = corners * [2, 3] + [4, 0]
    factor = 4 / 3  # sample variance of ±1
    expected = 16 + factor * ((2 - 1) ** 2 + (3 - 1) ** 2)
    assert frechet.frechet_distance(statistics(corners), statistics(wide)) == pytest.approx(expected)


def test_frechet_is_the_formula_with_scipys_matrix_root():
    one, other = features(1, 80, 10), features(2, 90, 10, 1.5)
    c1, c2 = np.cov(one.T), np.cov(other.T)
    apart = ((one.mean(axis=0) - other.mean(axis=0)) ** 2).sum()
    expected = apart + np.trace(c1 + c2 - 2 * linalg.sqrtm(c1 @ c2).real)
    assert frechet.frechet_distance(statistics(one), statistics(other)) == pytest.approx(expected, rel=1e-9)


def test_frechet_with_fewer_photos_than_features():
    # tr (C1 C2)^½ is the sum of the singular values of X1 X2ᵀ / (n - 1), which needs no full rank.
    one, other = features(3, 6, 40), features(4, 6, 40)
    centered = [x - x.mean(axis=0) for x in (one, other)]
    shared = linalg.svdvals(centered[0] @ centered[1].T).sum() / 5
    apart = ((one.mean(axis=0) - other.mean(axis=0)) ** 2).sum()
    expected = apart + sum((x**2).sum() for x in centered) / 5 - 2 * shared
    assert frechet.frechet_distance(statistics(one), statistics(other)) == pytest.approx(expected, rel=1e-6)


def test_streaming_batching_and_order_change_nothing():
    x = features(5, 37, 8) + 1000
    whole, batched, turned = statistics(x), statistics(x, 5), statistics(x[::-1])
    for other in (batched, turned):
        assert other.mean == pytest.approx(whole.mean, rel=1e-12)
        assert other.covariance == pytest.approx(whole.covariance, rel=1e-9)
    assert whole.covariance == pytest.approx(np.cov(x.T), rel=1e-9)


def test_statistics_without_a_part_are_those_of_the_rest():
    x = features(6, 30, 5)
    whole, part, rest = (frechet.FeatureStatistics(x[0]) for _ in range(3))
    whole.add(x), part.add(x[:7]), rest.add(x[7:])
    left = whole.without(part)
    assert left.mean == pytest.approx(rest.mean)
    assert left.covariance == pytest.approx(rest.covariance)


def test_frechet_refuses_one_photo_and_other_features():
    with pytest.raises(ValueError, match="at least 2 photos"):
        frechet.frechet_root(statistics(np.ones((1, 3))))
    with pytest.raises(ValueError, match=r"expected features of shape \(n, 3\)"):
        statistics(np.ones((4, 3))).add(np.ones((4, 2)))


# Intervals


def test_the_first_resample_is_the_sample_and_a_seed_fixes_the_rest():
    counts = intervals.resample_counts(7, 20, seed=3)
    assert counts.shape == (21, 7)
    assert (counts[0] == 1).all()
    assert (counts.sum(axis=1) == 7).all()
    assert (counts == intervals.resample_counts(7, 20, seed=3)).all()
    assert (counts != intervals.resample_counts(7, 20, seed=4)).any()


def test_the_interval_of_a_mean_is_about_two_standard_errors_wide():
    values = np.random.default_rng(0).normal(10, 3, 400)
    found = intervals.interval(intervals.resampled_mean(intervals.resample_counts(400, 2000, 0), values))
    assert found["value"] == pytest.approx(values.mean())
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_resampled_means_are_those_of_the_drawn_photos():
    rng = np.random.default_rng(1)
    counts = intervals.resample_counts(30, 150, 2)
    values, kept = rng.normal(size=(30, 3)), rng.random(30) < 0.8
    drawn = [np.repeat(values[kept], row[kept], axis=0).mean(axis=0) for row in counts]
    assert intervals.resampled_mean(counts, values, kept) == pytest.approx(np.array(drawn))
    assert intervals.resampled_mean(counts, values[:, 1], kept) == pytest.approx(np.array(drawn)[:, 1])


def test_photos_without_a_figure_are_left_out_of_the_mean():
    counts = intervals.resample_counts(4, 50, 0)
    values = np.array([1.0, np.inf, 3.0, np.nan])
    assert intervals.resampled_mean(counts, values)[0] == 2
    kept = np.array([True, True, False, True])
    assert intervals.resampled_mean(counts, values, kept)[0] == 1
    assert intervals.interval(np.array([np.inf, np.inf])) == {"value": None, "low": None, "high": None}
