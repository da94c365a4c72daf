"""Hints as an input of the network: colors that a person gave for some pixels, seen at every stride of the decoder.

After Zhang et al. 2017 (Real-Time User-Guided Image Colorization, section 3.1), light: the hints are averaged to each
stride of the decoder and added to its features there, so that one click can color the thing it lies on.
"""

import keras
import numpy as np
from keras import layers, ops

from . import takes_hints

WIDTH = 32  # channels between the two convolutions
PREFIX, SUM = "hints_", "with_hints_"  # of the names of layers, before their stride
SHARPENED = "sharpened"  # the name of the layer that also hears where hints are, see `sharpening`


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
    """A network that takes hints -> the same with the photo as its only input: nothing is hinted.

    It shares the weights, and is faster: what the hints' convolutions make of nothing is known (`NothingHinted`).
    """
    mine = {layer.name for layer in network.layers if layer.name.startswith(PREFIX)}

    def clone(layer):
        is_sum = layer.name.startswith(SUM)
        return NothingHinted.of(network, int(layer.name.removeprefix(SUM))) if is_sum else layer

    def call(layer, *args, **kwargs):
        if layer.name in mine:
            return args[0]
        alone = isinstance(layer, NothingHinted) or layer.name == SHARPENED
        return layer(args[0][0]) if alone else layer(*args, **kwargs)

    photo = keras.Input((None, None, 1), name="lightness")
    # The graph has two inputs, and the second, which nothing asks for any more, has to be one that something asks for.
    graph = keras.models.clone_model(network, [photo, photo], clone_function=clone, call_function=call)
    return keras.Model(photo, graph.output, name=network.name)


@keras.saving.register_keras_serializable("colorize_utils")
class NothingHinted(layers.Layer):
    """Features (N, h, w, c) and what `with_hints` adds to them where nothing is hinted.

    Its first convolution gives the same everywhere, its bias; the second the same but at the picture's edges, where a
    row or column of its kernel lies outside. ``table`` (4, 4, c) has the sums of what lies inside: first, inner, last
    and only row by first, inner, last and only column.
    """

    INSIDE = (slice(1, 3), slice(0, 3), slice(0, 2), slice(1, 2))  # rows of a 3x3 kernel

    def __init__(self, channels, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        self.table = self.add_weight(shape=(4, 4, channels), initializer="zeros", trainable=False, name="table")

    @classmethod
    def of(cls, network, stride):
        """That of the stride ``stride`` of a network that takes hints."""
        bias = np.maximum(network.get_layer(f"{PREFIX}{stride}_a").get_weights()[1], 0)
        kernel = network.get_layer(f"{PREFIX}{stride}_b").get_weights()[0]
        taps = np.einsum("hwio,i->hwo", kernel, bias)
        made = cls(taps.shape[-1], name=f"nothing_hinted_{stride}")
        sums = [[taps[rows, columns].sum(axis=(0, 1)) for columns in cls.INSIDE] for rows in cls.INSIDE]
        made.set_weights([np.array(sums)])
        return made

    def call(self, x):
        _, height, width, _ = ops.shape(x)
        rows = ops.take(self.table, _places(height), axis=0)
        return x + ops.cast(ops.take(rows, _places(width), axis=1), x.dtype)

    def get_config(self):
        return {**super().get_config(), "channels": self.channels}


def _places(count):
    """For each of ``count`` rows: 0 for the first, 1 for an inner one, 2 for the last, 3 for the only one."""
    first, last = (ops.cast(ops.equal(ops.arange(count), place), "int32") for place in (0, count - 1))
    return 1 - first + last + 2 * first * last


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
    seen = HintsAt(stride, name=f"{PREFIX}{stride}")(hints)
    seen = layers.Conv2D(WIDTH, 3, padding="same", activation="relu", name=f"{PREFIX}{stride}_a")(seen)
    start = {"kernel_initializer": "zeros", "use_bias": False}
    seen = layers.Conv2D(x.shape[-1], 3, padding="same", **start, name=f"{PREFIX}{stride}_b")(seen)
    return layers.Add(name=f"{SUM}{stride}")([x, seen])
