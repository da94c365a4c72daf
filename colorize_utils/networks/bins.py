"""Colors as classes (Zhang, Isola, Efros 2016, section 2): bins of ab, soft labels, their rarity, and the way back.

A network that regresses ab answers with the mean of all plausible colors, which is dull. One that gives each bin of a
grid over ab a probability can say "red or blue, hardly purple"; the annealed mean then picks between the mode and the
mean. ab is in Lab units here, (..., 2); functions that say "tensors" run on either backend.
"""

from functools import cache

import keras
import numpy as np
from keras import layers, ops

from .. import color
from ..errors import ColorizeError

GRID = 10  # Lab units between two bins
TEMPERATURE = 0.38  # of the annealed mean, section 2.3
STRIDE = 4  # logits are at a quarter of the photo's height and width
NEIGHBORS, SIGMA = 5, 5.0  # of the soft labels, section 2.1


@cache
def in_gamut_bins(grid=GRID):
    """The bins that sRGB colors fall into: float32 (Q, 2), their centers in Lab units, in ascending order.

    A color belongs to the bin whose center is nearest, each channel by itself. Q is 261 for a grid of 10, by the six
    faces of the 8-bit RGB cube and by all 16.7 million colors alike: what lies inside the cube has the same ab as a
    color on its surface, darker or lighter. Zhang et al. count 313 with a list of points that came with their weights
    (``pts_in_hull.npy``) and reaches beyond what rounding can meet: 233 grid points lie in the convex hull of the sRGB
    colors, 261 are some color's nearest, 300 are within 12 units of a color. Bins outside would never be a color's
    own. A network trained with their list needs that list; this one needs ours.
    """
    if not 2 <= grid <= 50:
        raise ColorizeError(f"expected a grid from 2 to 50 Lab units, got {grid}")
    edge = np.arange(256, dtype=np.float32) / 255
    u, v = (plane.ravel() for plane in np.meshgrid(edge, edge))
    faces = [np.insert(np.stack([u, v], -1), axis, value, axis=1) for axis in range(3) for value in (0, 1)]
    ab = color.rgb_to_lab(np.concatenate(faces))[:, 1:]
    return (np.unique(np.rint(ab / grid), axis=0) * grid).astype(np.float32)


def encode(ab, centers, neighbors=NEIGHBORS, sigma=SIGMA):
    """Soft labels: ab (..., 2) -> indices int32 (..., k) and weights (..., k) of the k nearest bins, nearest first.

    The weights are a Gaussian of the distance in Lab units, and sum to 1. Five neighbors in the paper, ten in the
    released code (resources/caffe_traininglayers.py). Tensors.
    """
    centers = ops.convert_to_tensor(np.asarray(centers, np.float32))
    ab = ops.convert_to_tensor(ab, "float32")
    # |x - c|^2 less |x|^2, which is the same for all bins: a matrix product instead of a broadcast difference.
    nearness = 2 * ops.matmul(ab, ops.transpose(centers)) - ops.sum(centers**2, axis=-1)
    nearest, indices = ops.top_k(nearness, neighbors)
    # Taken of the difference to the nearest: far outside the gamut no weight underflows to 0/0.
    weights = ops.exp((nearest - nearest[..., :1]) / (2 * sigma**2))
    return ops.cast(indices, "int32"), weights / ops.sum(weights, axis=-1, keepdims=True)


def decode(logits, centers, temperature=TEMPERATURE):
    """Annealed mean: logits (..., Q) -> ab (..., 2). T near 0 gives the mode's center, T = 1 the mean. Tensors."""
    centers = ops.convert_to_tensor(np.asarray(centers, np.float32))
    # Below a millionth the float32 quotient could overflow, and the answer is the mode by then.
    probabilities = ops.softmax(ops.cast(logits, "float32") / max(float(temperature), 1e-6), axis=-1)
    return ops.matmul(probabilities, centers)


def cross_entropy(logits, indices, weights):
    """-sum of weights * log softmax(logits) over the bins that carry a label: (..., Q) and twice (..., k) -> (...)."""
    logits = ops.cast(logits, "float32")
    labeled = ops.take_along_axis(logits, indices, axis=-1) - ops.logsumexp(logits, axis=-1, keepdims=True)
    return -ops.sum(weights * labeled, axis=-1)


def measure_prior(codes, centers, neighbors=NEIGHBORS, sigma=SIGMA, smoothing=5.0):
    """How common each bin is in photos: uint8 Lab codes (N, H, W, 3) -> float64 (Q,), which sum to 1.

    Every fourth pixel either way counts, as a soft label; then a Gaussian over ab (``smoothing`` in Lab units, 0: none)
    spreads each bin's share to its neighbors, since some bins are met by chance or not at all.
    """
    counts = np.zeros(65536, np.int64)
    for start in range(0, len(codes), 256):
        ab = np.asarray(codes[start : start + 256, ::STRIDE, ::STRIDE, 1:]).astype(np.int64)
        counts += np.bincount((ab[..., 0] * 256 + ab[..., 1]).ravel(), minlength=65536)
    met = np.flatnonzero(counts)
    if not met.size:
        raise ColorizeError("expected photos to measure the frequency of colors on, got none", status=1)
    ab = np.stack([met // 256, met % 256], axis=-1).astype(np.float32) - 128
    indices, weights = (np.asarray(part) for part in encode(ab, centers, neighbors, sigma))
    prior = np.zeros(len(centers))
    np.add.at(prior, indices, weights * counts[met][:, None])
    if smoothing:
        squares = ((centers[:, None].astype(np.float64) - centers[None]) ** 2).sum(axis=-1)
        kernel = np.exp(-squares / (2 * smoothing**2))
        prior = (kernel / kernel.sum(axis=0)) @ prior
    return prior / prior.sum()


def rebalancing(prior, mixing=0.5):
    """How much a pixel of each bin counts: (Q,) -> float32 (Q,), larger where colors are rare, 1 on average.

    The inverse of the prior mixed with a uniform one (weight ``mixing``, the paper's lambda), scaled so that its mean
    under the prior is 1 (equation 4).
    """
    prior = np.asarray(prior, np.float64)
    if not 0 < mixing <= 1 and not (mixing == 0 and prior.min() > 0):
        raise ColorizeError(f"expected a mixing above 0 and at most 1, got {mixing}")
    weights = 1 / ((1 - mixing) * prior + mixing / len(prior))
    return (weights / (prior * weights).sum()).astype(np.float32)


@keras.saving.register_keras_serializable("colorize_utils")
class AnnealedMean(layers.Layer):
    """Logits (N, H, W, Q) -> ab/110 (N, H, W, 2), float32. ``temperature`` is read when a network is first called."""

    def __init__(self, grid=GRID, temperature=TEMPERATURE, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.grid, self.temperature = grid, checked_temperature(temperature)

    def call(self, logits):
        return decode(logits, in_gamut_bins(self.grid), self.temperature) / color.AB_SCALE

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 2)

    def get_config(self):
        return {**super().get_config(), "grid": self.grid, "temperature": self.temperature}


def bins_head(features, grid, temperature):
    """Features (N, H/4, W/4, C) -> ab/110 (N, H, W, 2) by way of a layer ``logits``, which is what is trained."""
    # float32 here even under mixed precision, as all that comes after it.
    logits = layers.Conv2D(len(in_gamut_bins(grid)), 1, dtype="float32", name="logits")(features)
    ab = AnnealedMean(grid, temperature, name="annealed_mean")(logits)
    return layers.UpSampling2D(STRIDE, interpolation="bilinear", dtype="float32", name="up_1")(ab)


def checked_temperature(temperature):
    """A temperature as float. ColorizeError if it is not above 0 and at most 1."""
    if not 0 < float(temperature) <= 1:  # written so that NaN fails too
        raise ColorizeError(
            f"expected a temperature above 0 (the most likely color) and at most 1 (the mean), got {temperature}"
        )
    return float(temperature)


def set_temperature(network, temperature):
    """Change the annealed mean of a network of bins, before it is called. ColorizeError for another network."""
    temperature = checked_temperature(temperature)
    found = [layer for layer in network.layers if isinstance(layer, AnnealedMean)]
    if not found:
        raise ColorizeError(
            "expected a model that chooses among bins of color (of the recipe zhang or unet-bins) for a temperature, "
            f"got a {network.name}"
        )
    found[0].temperature = temperature


def logits_of(network):
    """The part of a network of bins that is trained: L/50-1 (N, H, W, 1) -> logits (N, H/4, W/4, Q)."""
    return keras.Model(network.input, network.get_layer("logits").output)
