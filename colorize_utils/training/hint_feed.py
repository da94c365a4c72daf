"""Hints to learn from: some pixels of a training photo, at random places, whose true color is given to the network.

After Zhang et al. 2017 (section 3.1): the number of hints is drawn from a geometric distribution, many photos get none,
and a hint is the mean true color of a small square.
"""

import numpy as np
from keras import ops

HINTS = 3  # the stream of random numbers, beside those of `data.batches`
MOST = 64  # hints a photo; a geometric distribution of mean ten has more once in five hundred
HINTED = 0.5  # the share of photos with any, where a phase does not say
MEAN = 10.0
SIZES = (1, 3, 5, 7)  # pixels a side


def hint_points(seed, phase, step, batch, crop, hinted=HINTED):
    """The hints of one training step: float32 (batch, MOST, 3), a row a hint: row, column, size in pixels (0: none).

    hinted: about how many of the photos have hints, 0 to 1.
    """
    rng = np.random.default_rng([seed, HINTS, phase, step])
    count = rng.geometric(1 / MEAN, batch).clip(max=MOST) * (rng.uniform(size=batch) >= 1 - hinted)
    points = np.empty((batch, MOST, 3), np.float32)
    points[..., :2] = rng.integers(0, crop, (batch, MOST, 2))
    points[..., 2] = rng.choice(SIZES, (batch, MOST)) * (np.arange(MOST) < count[:, None])
    return points


def hint_planes(ab, points):
    """ab/110 (B, H, W, 2), hints (B, K, 3) as `hint_points` has them -> the network's input (B, H, W, 3).

    ab/110 where it is given, 0 elsewhere, and 1 where it is given. A hint's color is the mean over its square, as far
    as it lies in the picture; where hints overlap, the mean of theirs.
    """
    height, width = ab.shape[1:3]
    reach = points[..., 2:] / 2
    rows = ops.cast(ops.abs(ops.arange(height, dtype="float32") - points[..., :1]) < reach, "float32")  # (B, K, H)
    columns = ops.cast(ops.abs(ops.arange(width, dtype="float32") - points[..., 1:2]) < reach, "float32")
    area = ops.sum(rows, axis=-1) * ops.sum(columns, axis=-1)
    across = ops.einsum("bkh,bhwc->bkwc", rows, ab)
    means = ops.einsum("bkw,bkwc->bkc", columns, across) / ops.maximum(area, 1.0)[..., None]
    given = ops.concatenate([means, ops.ones_like(means[..., :1])], axis=-1)
    planes = ops.einsum("bkh,bkwc->bhwc", rows, columns[..., None] * given[:, :, None])
    count = planes[..., 2:]
    return ops.concatenate([planes[..., :2] / ops.maximum(count, 1.0), ops.minimum(count, 1.0)], axis=-1)
