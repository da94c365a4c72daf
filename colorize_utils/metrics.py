"""How far a colorized photo is from the original: one function a figure, each for one photo.

RGB is sRGB, shape (H, W, 3): uint8, or floats in [0, 1]. Lab is float (H, W, 3) as in `colorize_utils.color`.
Everything is computed in float64, so that neither batching nor order changes a figure. What each figure sees and
misses, and what a grey answer scores, stands in notebook 05; print the grey row next to every model.
"""

import cv2
import numpy as np
from skimage.color import deltaE_ciede2000

AUC_LIMIT = 150
"""The largest ab error (Lab units) the AuC looks at: thresholds are 0, 1, …, 150 (Zhang et al. 2016, section 3.1)."""
BIN_SIZE = 10
"""Edge of a square ab bin in Lab units, for the rebalanced AuC (Zhang et al. 2016, section 2.2)."""
_BINS = 22  # a side: -110..110 holds the whole sRGB gamut (a -86.2..98.2, b -107.9..94.5)
_SSIM_SIDE = 11


def _unit(rgb):
    rgb = np.asarray(rgb)
    return rgb / 255.0 if rgb.dtype == np.uint8 else rgb.astype(np.float64)


def _same_shape(one, other):
    if np.shape(one) != np.shape(other):
        raise ValueError(f"expected two pictures of one shape, got {np.shape(one)} and {np.shape(other)}")


def mse(rgb, truth):
    """Mean squared error of RGB in [0, 1]."""
    _same_shape(rgb, truth)
    return float(np.mean((_unit(rgb) - _unit(truth)) ** 2))


def psnr(squared_error):
    """Mean squared error(s) of RGB in [0, 1] -> dB; infinite where the error is 0.

    The mean of ``psnr(mse)`` over photos and ``psnr(mean of mse)`` are two figures, 2.6 dB apart for grey on ImageNet
    photos. The second has no infinities and is what "PSNR of the mean MSE" means here.
    """
    with np.errstate(divide="ignore"):
        return -10 * np.log10(squared_error)


def ssim(rgb, truth):
    """SSIM of RGB in [0, 1] as in Wang et al. 2004: Gaussian window of 11x11, sigma 1.5. NaN below 11 pixels a side.

    Dominated by the lightness, which is given: a grey answer gets about 0.92. scikit-image's figure to 1e-12 (tested),
    filtered by OpenCV in float64, which takes a third of the time: this is the dearest of all the figures.
    """
    _same_shape(rgb, truth)
    if min(np.shape(rgb)[:2]) < _SSIM_SIDE:
        return float("nan")
    line, edge = cv2.getGaussianKernel(_SSIM_SIDE, 1.5, cv2.CV_64F), _SSIM_SIDE // 2

    def mean(values):  # over the window, where all of it lies inside the picture
        return cv2.sepFilter2D(values, -1, line, line)[edge:-edge, edge:-edge]

    x, y = _unit(truth), _unit(rgb)
    mx, my = mean(x), mean(y)
    vx, vy, shared = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    return float(np.mean((2 * mx * my + c1) * (2 * shared + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))))


def ciede2000(lab, truth_lab):
    """Lab (..., 3) twice -> the CIEDE2000 difference of every pixel, float64 (...). Source: Sharma, Wu, Dalal 2005."""
    return deltaE_ciede2000(np.asarray(truth_lab, np.float64), np.asarray(lab, np.float64))


def _colorfulness(rg, yb):
    return float(np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean()))


def _opponents(rgb):
    r, g, b = np.moveaxis(_unit(rgb) * 255, -1, 0)
    return r - g, (r + g) / 2 - b


def colorfulness(rgb):
    """Colorfulness, "M3" of Hasler and Süsstrunk 2003 (RGB 0..255, signed opponents).

    0 is grey; the paper's words: from 15 slightly, 33 moderately, 45 averagely, 59 quite, 82 highly, 109 extremely.
    """
    return _colorfulness(*_opponents(rgb))


def colorfulness_ddcolor(rgb):
    """DDColor's variant, which takes absolute values of the opponents first; so do most colorization papers' figures.

    Not comparable with `colorfulness`: 37.1 against 40.2 in the mean over 1,000 ImageNet photos, up to 50 apart on one.
    """
    rg, yb = _opponents(rgb)
    return _colorfulness(np.abs(rg), np.abs(yb))


def ab_l1(ab, truth_ab):
    """Mean absolute error over pixels and both channels of ab (..., 2), in the units given (of 110 in the report)."""
    _same_shape(ab, truth_ab)
    return float(np.mean(np.abs(np.asarray(ab, np.float64) - truth_ab)))


def ab_gradient(ab, truth_ab):
    """Mean absolute error of the ab differences between neighbors, in the units given: edges where they belong.

    ab is (H, W, 2). Horizontal and vertical forward differences count equally. A grey answer gets the truth's own mean
    gradient; color that bleeds over an edge gets more than the missing edge alone would.
    """
    _same_shape(ab, truth_ab)
    error = np.asarray(ab, np.float64) - truth_ab
    steps = [np.abs(np.diff(error, axis=axis)) for axis in (0, 1)]
    return float(sum(s.sum() for s in steps) / max(1, sum(s.size for s in steps)))


def chroma(ab):
    """Mean chroma sqrt(a² + b²) in Lab units of ab (..., 2)."""
    return float(np.mean(np.hypot(*np.moveaxis(np.asarray(ab, np.float64), -1, 0))))


def auc_credit(ab, truth_ab):
    """The share of thresholds 0, 1, …, 150 that the ab distance of a pixel stays within, float64 (...).

    Its mean over pixels is the AuC of Zhang et al. 2016: the accuracy at each threshold, averaged over thresholds.
    """
    error = np.linalg.norm(np.asarray(ab, np.float64) - truth_ab, axis=-1)
    return np.maximum(0, AUC_LIMIT + 1 - np.ceil(error)) / (AUC_LIMIT + 1)


def auc_by_bin(ab, truth_ab):
    """(credit, pixels), each float64 (484,): `auc_credit` summed, and pixels counted, by the ab bin of the truth.

    Summed over photos and handed to `rebalanced_auc`.
    """
    index = np.floor(np.asarray(truth_ab, np.float64) / BIN_SIZE).astype(int) + _BINS // 2
    index = np.clip(index, 0, _BINS - 1)
    index = (index[..., 0] * _BINS + index[..., 1]).ravel()
    credit = np.bincount(index, auc_credit(ab, truth_ab).ravel(), minlength=_BINS * _BINS)
    return credit, np.bincount(index, minlength=_BINS * _BINS).astype(np.float64)


def rebalanced_auc(credit, pixels):
    """Sums of `auc_by_bin` (..., 484) -> AuC with pixels weighed by the inverse of their bin's share (...).

    Weights 1/p (Zhang et al. 2016, equation 4 with lambda = 0), p being the shares among the photos evaluated; that is
    the mean over occupied bins of the accuracy within the bin. Rare colors count as much as greys.
    """
    occupied = pixels > 0
    accuracy = np.divide(credit, pixels, out=np.zeros_like(credit, dtype=np.float64), where=occupied)
    return accuracy.sum(axis=-1) / np.maximum(1, occupied.sum(axis=-1))
