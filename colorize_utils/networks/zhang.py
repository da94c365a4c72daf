"""The network of Zhang, Isola, Efros 2016 (colorizers/eccv16.py of the released code), over our bins."""

import keras
from keras import layers

from .bins import GRID, TEMPERATURE, bins_head

# Width, stride of the last convolution and dilation of the blocks 1 to 7, and how many convolutions they have.
_BLOCKS = (
    (64, 2, 1, 2),
    (128, 2, 1, 2),
    (256, 2, 1, 3),
    (512, 1, 1, 3),
    (512, 1, 2, 3),
    (512, 1, 2, 3),
    (512, 1, 1, 3),
)


def build_zhang(grid=GRID, temperature=TEMPERATURE, width=64):
    """L/50-1 (N, H, W, 1) -> ab/110 (N, H, W, 2); H and W multiples of 8.

    Seven blocks of 3x3 convolutions with ReLU, each with BatchNorm at its end, stride 2 at the end of the first three,
    dilation 2 in the fifth and sixth; an eighth at a quarter of the size; logits over the bins of `bins.in_gamut_bins`
    (layer ``logits``); their annealed mean (temperature T), enlarged bilinearly. 32,227,013 parameters with our 261
    bins, and with the paper's 313 they would be 32,240,377 (9,984 of either are BatchNorm's). The released port has 626
    more: a last convolution that was taught the bins' centers, where ours has them written in. BatchNorm's constants
    are Torch's: momentum 0.9 and epsilon 1e-5. ``width`` scales the whole network.
    """

    def conv(x, filters, name, stride=1, dilation=1):
        x = layers.Conv2D(
            filters, 3, stride, "same", dilation_rate=dilation, kernel_initializer="he_normal", name=name
        )(x)
        return layers.ReLU(name=f"{name}_relu")(x)

    photo = keras.Input((None, None, 1), name="lightness")
    x = layers.Rescaling(0.5, name="lightness_scale")(photo)  # (L - 50) / 100, as the released network has it
    for number, (filters, stride, dilation, count) in enumerate(_BLOCKS, 1):
        for k in range(1, count + 1):
            last = stride if k == count else 1
            x = conv(x, filters * width // 64, f"conv{number}_{k}", last, dilation)
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"conv{number}_norm")(x)
    x = layers.Conv2DTranspose(256 * width // 64, 4, 2, "same", kernel_initializer="he_normal", name="conv8_1")(x)
    x = layers.ReLU(name="conv8_1_relu")(x)
    for k in (2, 3):
        x = conv(x, 256 * width // 64, f"conv8_{k}")
    return keras.Model(photo, bins_head(x, grid, temperature), name="zhang")
