"""The figures watched during training, as `keras.metrics.Metric` in `keras.ops`: any backend, inside a compiled step.

The reporting figures are in `metrics`; the same quantity has the same value in both (tested).
"""

import math

import keras
from keras import ops

from colorize_utils.networks.projected import rgb_from_lab


class _Mean(keras.metrics.Metric):
    """A sum over a count, both kept as float32 variables: batching and order change nothing but the last digits."""

    def __init__(self, name):
        super().__init__(name=name, dtype="float32")
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def add(self, values):
        self.total.assign_add(ops.sum(values))
        self.count.assign_add(ops.cast(ops.size(values), "float32"))

    def result(self):
        return self.total / ops.maximum(self.count, 1.0)


class AbL1(_Mean):
    """Mean |ab error| in units of 110: what the L1 loss measures. y_true, y_pred: (..., 2), ab / 110."""

    def __init__(self, name="ab_l1"):
        super().__init__(name)

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.add(ops.abs(ops.cast(y_true, "float32") - ops.cast(y_pred, "float32")))


class ChromaRatio(keras.metrics.Metric):
    """Mean chroma of the prediction over that of the truth: 0 is grey, 1 as lively as the photos. (..., 2), ab / 110.

    A falling L1 with a ratio near 0.4 is the sepia that regression ends in; L1 alone does not show it.
    """

    def __init__(self, name="chroma_ratio"):
        super().__init__(name=name, dtype="float32")
        self.predicted = self.add_variable((), "zeros", name="predicted")
        self.true = self.add_variable((), "zeros", name="true")

    def update_state(self, y_true, y_pred, sample_weight=None):
        for variable, ab in ((self.true, y_true), (self.predicted, y_pred)):
            variable.assign_add(ops.sum(ops.sqrt(ops.sum(ops.square(ops.cast(ab, "float32")), axis=-1))))

    def result(self):
        return self.predicted / ops.maximum(self.true, 1e-6)


class RgbPSNR(_Mean):
    """PSNR of the mean squared RGB error, in dB. y_true: (..., 3), L/50-1 and ab/110; y_pred: (..., 2), ab/110.

    The prediction is joined with the true L and clipped to [0, 1] (the report's gamut mapping would cost more than the
    step), and not rounded to 8 bits, so this is near the report's figure, not equal.
    """

    def __init__(self, name="rgb_psnr"):
        super().__init__(name)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        lightness = y_true[..., :1]
        self.add(ops.square(rgb_from_lab(lightness, y_pred) - rgb_from_lab(lightness, y_true[..., 1:])))

    def result(self):
        return -10.0 / math.log(10.0) * ops.log(ops.maximum(super().result(), 1e-10))
