"""Sharper colors: an unsharp mask over what a U-Net answers, once its training is done.

Photos whose colors are stored at half their size (4:2:0, as JPEG, WebP and AVIF mostly do) and that are enlarged for
training teach soft colors: this gives back what larger photos have (`benchmarks/color_detail.py`).
"""

import keras
from keras import layers, ops

from .hint_input import PREFIX, SHARPENED

CELL = 16  # pixels: where a cell or one of its eight neighbors is hinted, the colors are known too well to be sharpened


@keras.saving.register_keras_serializable("colorize_utils")
class Sharpening(layers.Layer):
    """x (N, h, w, c) at stride 2 -> x + amount (x - its mean over 3x3 places), float32: an unsharp mask.

    Small photos have soft colors themselves: a picture whose shorter side has ``soft`` pixels or fewer is left as it
    is, one of ``sharp`` or more is sharpened by the full ``amount``, and in between it grows in proportion. Given [x,
    near], with near (N, h, w, 1) from 0 to 1, it is sharpened by 1 - near of that. At the picture's edges the mean is
    that of the places inside, so that one color stays one color.
    """

    def __init__(self, amount, soft, sharp, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.amount, self.soft, self.sharp = amount, soft, sharp

    def call(self, inputs):
        x, near = inputs if isinstance(inputs, (list, tuple)) else (inputs, None)
        _, height, width, _ = ops.shape(x)
        side = 2 * ops.cast(ops.minimum(height, width), "float32")
        share = ops.clip((side - self.soft) / max(self.sharp - self.soft, 1), 0, 1)
        detail = self.amount * share * (x - ops.average_pool(x, 3, 1, "same"))
        return x + (detail if near is None else detail * (1 - near))

    def get_config(self):
        return {**super().get_config(), "amount": self.amount, "soft": self.soft, "sharp": self.sharp}


@keras.saving.register_keras_serializable("colorize_utils")
class NearHints(layers.Layer):
    """Hints (N, H, W, 3), sides multiples of 32 -> (N, H/2, W/2, 1) float32: 1 near a hinted pixel, 0 far from all."""

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.enlarge = layers.UpSampling2D(CELL // 2, interpolation="bilinear", dtype="float32")

    def call(self, hints):
        cells = ops.max_pool(hints[..., 2:], CELL, CELL, "valid")
        return self.enlarge(ops.max_pool(cells, 3, 1, "same"))


def sharpened(x, setting, hints=None):
    """ab (N, h, w, 2) at stride 2, sharpened as ``setting`` (amount, soft, sharp) says, less near ``hints``."""
    inputs = x if hints is None else [x, NearHints(name=f"{PREFIX}near")(hints)]
    return Sharpening(*setting, name=SHARPENED)(inputs)
