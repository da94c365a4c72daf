"""The plain U-Net of pix2pix (Isola et al. 2017), as the project this one grew out of used it, at 128 px."""

import keras
from keras import layers

from ..errors import ColorizeError

_INIT = {"stddev": 0.02}


def _init():
    return keras.initializers.RandomNormal(**_INIT)


def _down(x, width, name, norm=True):
    x = layers.Conv2D(width, 4, 2, "same", use_bias=False, kernel_initializer=_init(), name=name)(x)
    if norm:
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(x)
    return layers.LeakyReLU(0.2, name=f"{name}_relu")(x)


def _up(x, width, name, dropout=False):
    x = layers.Conv2DTranspose(width, 4, 2, "same", use_bias=False, kernel_initializer=_init(), name=name)(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(x)
    if dropout:
        x = layers.Dropout(0.5, name=f"{name}_dropout")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def build_pix2pix_unet(levels=7, width=64):
    """L/50-1 (N, H, W, 1) -> ab/110 (N, H, W, 2); H and W multiples of 2**levels (128 for the usual 7 levels).

    41,834,754 parameters with 7 levels, the count of the predecessor's network. pix2pix's own constants where Keras'
    defaults differ: LeakyReLU slope 0.2, BatchNorm momentum 0.9 and epsilon 1e-5. Dropout only while training.
    ``width``: channels after the first level, eight times as many at most.
    """
    if not 5 <= levels <= 8:
        raise ColorizeError(f"expected 5 to 8 levels, got {levels}")
    photo = keras.Input((None, None, 1), name="lightness")
    x, skips = photo, []
    for level in range(levels):
        x = _down(x, width * min(2**level, 8), f"down_{level + 1}", norm=level > 0)
        skips.append(x)
    for level in range(levels - 1, 0, -1):
        x = _up(x, width * min(2 ** (level - 1), 8), f"up_{level}", dropout=levels - level <= 3)
        x = layers.Concatenate(name=f"join_{level}")([x, skips[level - 1]])
    ab = layers.Conv2DTranspose(
        2, 4, 2, "same", activation="tanh", kernel_initializer=_init(), dtype="float32", name="ab"
    )(x)
    return keras.Model(photo, ab, name="pix2pix_unet")
