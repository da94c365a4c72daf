"""Color queries: a palette of a photo's own colors, each for one kind of thing in it, that its pixels are mixed from.

After DDColor (Kang et al., ICCV 2023, section 3.2), small: learned queries read the decoder's features from coarse to
fine; each becomes a color, and a pixel's color is a mix of them by how well its own features match. A convolution
colors the two ends of a bus apart; a query that found the bus gives it one color.
"""

import keras
from keras import layers, ops

WIDTH, HEADS = 128, 4


@keras.saving.register_keras_serializable("colorize_utils")
class Queries(layers.Layer):
    """Features (N, h, w, c) -> ``count`` learned vectors (N, count, width), the same for every photo of the batch."""

    def __init__(self, count=48, width=WIDTH, **kwargs):
        super().__init__(**kwargs)
        self.count, self.width = count, width

    def build(self, shape):
        """One variable, which starts from noise: equal queries would learn alike and stay equal."""
        self.start = self.add_weight(
            shape=(self.count, self.width), initializer=keras.initializers.RandomNormal(stddev=1.0), name="start"
        )

    def call(self, features):
        start = ops.cast(self.start, self.compute_dtype)
        return ops.broadcast_to(start[None], (ops.shape(features)[0], self.count, self.width))

    def get_config(self):
        return {**super().get_config(), "count": self.count, "width": self.width}


@keras.saving.register_keras_serializable("colorize_utils")
class PaletteMix(layers.Layer):
    """Pixels (N, h, w, d), keys (N, count, d), colors (N, count, 2) -> (N, h, w, 2) float32, a mix of the colors.

    The shares of a pixel's mix are the softmax of its products with the keys, divided by the square root of d (Vaswani
    et al. 2017, section 3.2.1).
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def call(self, inputs):
        pixels, keys, colors = inputs
        shape = ops.shape(pixels)
        flat = ops.reshape(pixels, (shape[0], shape[1] * shape[2], pixels.shape[-1]))
        products = ops.matmul(flat, ops.transpose(keys, (0, 2, 1))) / pixels.shape[-1] ** 0.5
        mixed = ops.matmul(ops.softmax(products, axis=-1), colors)
        return ops.reshape(mixed, (shape[0], shape[1], shape[2], colors.shape[-1]))


def palette(features, finest, count):
    """What the color queries add to ab before its tanh: (N, h, w, 2) float32, at the size of ``finest``.

    features: those of the decoder that the queries read, from coarse to fine, each (N, h, w, c). finest: the features
    whose pixels are mixed. count: how many queries. What is added starts from zero, so that a network trained without
    queries can be given them and paints as before.
    """
    queries = Queries(count, name="queries")(features[0])
    for number, seen in enumerate(features, start=1):
        queries = _read(queries, seen, f"query_{number}")
    queries = layers.LayerNormalization(name="query_last_norm")(queries)
    pixels = layers.Conv2D(WIDTH, 1, name="query_pixels")(finest)
    keys = layers.Dense(WIDTH, name="query_keys")(queries)
    colors = layers.Dense(2, kernel_initializer="zeros", dtype="float32", name="query_colors")(queries)
    return PaletteMix(name="query_mix")([pixels, keys, colors])


def _read(queries, features, name):
    """One layer: the queries read the features, then hear of each other, then think by themselves."""
    tokens = layers.Conv2D(WIDTH, 1, name=f"{name}_tokens")(features)
    tokens = layers.Reshape((-1, WIDTH), name=f"{name}_flat")(tokens)
    normed = layers.LayerNormalization(name=f"{name}_read_norm")(queries)
    read = layers.MultiHeadAttention(HEADS, WIDTH // HEADS, name=f"{name}_read")(normed, tokens)
    queries = layers.Add(name=f"{name}_after_read")([queries, read])
    normed = layers.LayerNormalization(name=f"{name}_talk_norm")(queries)
    talk = layers.MultiHeadAttention(HEADS, WIDTH // HEADS, name=f"{name}_talk")(normed, normed)
    queries = layers.Add(name=f"{name}_after_talk")([queries, talk])
    normed = layers.LayerNormalization(name=f"{name}_think_norm")(queries)
    thought = layers.Dense(2 * WIDTH, activation="gelu", name=f"{name}_think_wide")(normed)
    return layers.Add(name=f"{name}_after_think")([queries, layers.Dense(WIDTH, name=f"{name}_think")(thought)])
