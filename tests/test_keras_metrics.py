"""The figures watched in training equal the reporting ones, whatever the batches."""

import numpy as np
import pytest
import skimage.color
from skimage.metrics import peak_signal_noise_ratio

from colorize_utils import color
from colorize_utils.evaluation import metrics

keras_metrics = pytest.importorskip("colorize_utils.evaluation.keras_metrics")


@pytest.fixture(scope="module")
def photos():
    rng = np.random.default_rng(0)
    lab = color.rgb_to_lab(rng.random((6, 8, 8, 3), np.float32))
    true = np.concatenate(color.normalize(lab), axis=-1)
    return true, true[..., 1:] * np.float32(0.5) + rng.normal(0, 0.05, (6, 8, 8, 2)).astype(np.float32)


def value(metric, true, predicted, batches):
    metric.reset_state()
    for batch in np.array_split(np.arange(len(true)), batches):
        metric.update_state(true[batch], predicted[batch])
    return float(metric.result())


@pytest.mark.parametrize("batches", [1, 2, 6])
def test_ab_l1(photos, batches):
    true, ab = photos
    expected = metrics.ab_l1(ab, true[..., 1:])
    assert value(keras_metrics.AbL1(), true[..., 1:], ab, batches) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("batches", [1, 4])
def test_chroma_ratio(photos, batches):
    true, ab = photos
    expected = metrics.chroma(ab) / metrics.chroma(true[..., 1:])
    assert value(keras_metrics.ChromaRatio(), true[..., 1:], ab, batches) == pytest.approx(expected, rel=1e-5)
    assert value(keras_metrics.ChromaRatio(), true[..., 1:], 0 * ab, batches) == 0


@pytest.mark.parametrize("batches", [1, 3])
def test_rgb_psnr(photos, batches):
    true, ab = photos
    painted = np.clip(color.lab_to_rgb_unbounded(color.denormalize(true[..., :1], ab)), 0, 1)
    truth = color.lab_to_rgb(color.denormalize(true[..., :1], true[..., 1:]))
    expected = metrics.psnr(metrics.mse(painted, truth))
    assert value(keras_metrics.RgbPSNR(), true, ab, batches) == pytest.approx(expected, abs=2e-3)
    assert value(keras_metrics.RgbPSNR(), true, true[..., 1:], batches) > 60


def test_rgb_psnr_by_scikit_image(photos):
    """Its own Lab, its own PSNR; predictions near the truth stay inside the gamut, where clipping changes nothing."""
    true, _ = photos
    ab = true[..., 1:] * np.float32(0.9)
    pictures = [skimage.color.lab2rgb(color.denormalize(true[..., :1], each)) for each in (true[..., 1:], ab)]
    expected = peak_signal_noise_ratio(*pictures, data_range=1)
    assert value(keras_metrics.RgbPSNR(), true, ab, 2) == pytest.approx(expected, abs=0.01)


def test_half_precision_predictions_are_measured_in_single(photos):
    true, ab = photos
    expected = metrics.ab_l1(ab.astype(np.float16), true[..., 1:])
    found = value(keras_metrics.AbL1(), true[..., 1:], ab.astype(np.float16), 2)
    assert found == pytest.approx(expected, rel=1e-5)
