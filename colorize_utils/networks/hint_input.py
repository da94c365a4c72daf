"""Hints as an input of the network: colors that a person gave for some pixels, seen at every stride of the decoder.

After Zhang et al. 2017 (Real-Time User-Guided Image Colorization, section 3.1), light: the hints are averaged to each
stride of the decoder and added to its features there, so that one click can color the thing it lies on.
"""

import keras
from keras import layers, ops

from . import takes_hints

WIDTH = 32  # channels between the two convolutions


def asked(network, photo, hints=None):
    """What to call ``network`` with: L/50-1 (N, H, W, 1), and where it takes hints also those (None: no hint)."""
    if not takes_hints(network):
        return photo
    photo = ops.convert_to_tensor(photo)
    return [photo, ops.repeat(ops.zeros_like(photo), 3, axis=-1) if hints is None else ops.convert_to_tensor(hints)]


def lightness_of(asked):
    """The photo, L/50-1 (N, H, W, 1), out of what `asked` gives."""
    return asked[0] if isinstance(asked, (list, tuple)) else asked


def without_hints(network):
    """A network that takes hints -> the same with the photo as its only input: nothing is hinted."""
    photo = keras.Input((None, None, 1), name="lightness")
    return keras.Model(photo, network([photo, ops.repeat(ops.zeros_like(photo), 3, axis=-1)]), name=network.name)


@keras.saving.register_keras_serializable("colorize_utils")
class HintsAt(layers.Layer):
    """Hints (N, H, W, 3) -> (N, H/stride, W/stride, 3): the mean ab of what is hinted in each cell, and how much is.

    In: ab/110 at hinted pixels, 0 elsewhere, and 1 where a pixel is hinted. Out: the mean ab/110 of the cell's hinted
    pixels (0 where there is none), and the square root of their share, which keeps a single pixel visible at stride 32.
    """

    def __init__(self, stride, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.stride = stride

    def call(self, hints):
        mean = ops.average_pool(hints, self.stride, self.stride, "valid") if self.stride > 1 else hints
        share = mean[..., 2:]
        return ops.concatenate([mean[..., :2] / ops.maximum(share, 1e-6), ops.sqrt(ops.maximum(share, 0.0))], axis=-1)

    def get_config(self):
        return {**super().get_config(), "stride": self.stride}


def with_hints(x, hints, stride):
    """Features (N, h, w, c) at ``stride``, and what the hints (N, H, W, 3) add to them: at first nothing.

    The last convolution starts from zero, so that a network trained without hints can be given them as an input, and
    paints as before.
    """
    seen = HintsAt(stride, name=f"hints_{stride}")(hints)
    seen = layers.Conv2D(WIDTH, 3, padding="same", activation="relu", name=f"hints_{stride}_a")(seen)
    start = {"kernel_initializer": "zeros", "use_bias": False}
    seen = layers.Conv2D(x.shape[-1], 3, padding="same", **start, name=f"hints_{stride}_b")(seen)
    return layers.Add(name=f"with_hints_{stride}")([x, seen])
