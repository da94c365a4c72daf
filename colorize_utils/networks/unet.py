"""The U-Net of the `unet-gan` recipe: an ImageNet encoder that sees the grey photo, a light decoder that paints ab."""

import warnings
from dataclasses import dataclass

import keras
from keras import layers, ops

from ..errors import ColorizeError
from .bins import GRID, TEMPERATURE, bins_head
from .hint_input import with_hints
from .queries import palette
from .sharpening import sharpened
from .tensor_color import backbone_input

STRIDES = (16, 8, 4, 2)  # of the decoder's stages


@dataclass(frozen=True)
class Backbone:
    """Where a `keras.applications` network has its features of stride 2, 4, 8, 16 and 32, and what it wants to see."""

    skips: tuple[str, ...]
    grey_range: tuple[float, float]  # what black and white are for this network


BACKBONES = {
    "MobileNetV2": Backbone(
        ("block_1_expand_relu", "block_3_expand_relu", "block_6_expand_relu", "block_13_expand_relu", "out_relu"),
        (-1, 1),
    ),
    "EfficientNetB0": Backbone(
        (
            "block2a_expand_activation",
            "block3a_expand_activation",
            "block4a_expand_activation",
            "block6a_expand_activation",
            "top_activation",
        ),
        (0, 255),
    ),
    "EfficientNetV2B0": Backbone(
        (
            "block1a_project_activation",
            "block2b_expand_activation",
            "block4a_expand_activation",
            "block6a_expand_activation",
            "top_activation",
        ),
        (0, 255),
    ),
    "ResNet50V2": Backbone(
        ("conv1_conv", "conv2_block3_1_relu", "conv3_block4_1_relu", "conv4_block6_1_relu", "post_relu"), (-1, 1)
    ),
    "Plain": Backbone((), (-1, 1)),
}


@keras.saving.register_keras_serializable("colorize_utils")
class Encoder(layers.Layer):
    """L/50-1 (N, H, W, 1) -> the backbone's features at stride 2, 4, 8, 16, 32.

    A pretrained backbone's BatchNorm always runs in inference mode, in training too: with small batches of crops its
    batch statistics make validation worse while the training loss falls. Its scales and offsets still learn.
    """

    def __init__(self, backbone="MobileNetV2", weights="imagenet", features=None, **kwargs):
        super().__init__(**kwargs)
        self.features = features or pretrained_features(backbone, weights)  # ``features``: that model, built already
        self.backbone = backbone
        self.grey_range = BACKBONES[backbone].grey_range

    def call(self, normalized_l, training=False):
        grey = ops.cast(backbone_input(normalized_l, self.grey_range), self.compute_dtype)
        return self.features(grey, training=training and self.backbone == "Plain")

    def get_config(self):
        return {**super().get_config(), "backbone": self.backbone, "weights": None}


def pretrained_features(backbone, weights):
    """The model: a photo (N, H, W, 3) in the backbone's range -> its features at stride 2, 4, 8, 16 and 32.

    backbone: a key of `BACKBONES`, else ColorizeError. weights: "imagenet" (downloaded by Keras), a path, or None.
    """
    if backbone not in BACKBONES:
        raise ColorizeError(f"expected a backbone out of {', '.join(BACKBONES)}, got {backbone!r}")
    if backbone == "Plain":
        return _plain_features()
    network, skips = _application(backbone, weights), BACKBONES[backbone].skips
    return keras.Model(network.input, [network.get_layer(name).output for name in skips])


def _plain_features():
    """A small encoder without pretraining, for tests and for seeing what pretraining brings: 0.3 million parameters."""
    grey, features = keras.Input((None, None, 3)), []
    x = grey
    for stride, width in ((2, 16), (4, 32), (8, 48), (16, 64), (32, 96)):
        x = layers.Conv2D(width, 3, 2, "same", use_bias=False, name=f"plain_{stride}")(x)
        x = layers.BatchNormalization(name=f"plain_{stride}_norm", momentum=0.95)(x)
        x = layers.ReLU(name=f"plain_{stride}_relu")(x)
        features.append(x)
    return keras.Model(grey, features)


def _application(backbone, weights):
    build = getattr(keras.applications, backbone)
    try:
        with warnings.catch_warnings():
            # Photos of any size are what is meant, and the convolutions' weights are the same for all sizes.
            warnings.filterwarnings("ignore", message="`input_shape` is undefined")
            return build(weights=weights, include_top=False, input_shape=(None, None, 3))
    except Exception as error:  # noqa: BLE001  (Keras says that it cannot download by an Exception of no kind)
        if weights is None:
            raise
        wanted = "ImageNet weights from the network" if weights == "imagenet" else f"a file of {backbone} weights"
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ColorizeError(
            f"expected {wanted} for the encoder, got: {reason[:200]}. Give a file with --backbone-weights PATH, or "
            f"train without pretraining with --backbone-weights none (in a notebook: the field backbone_weights)",
            status=1,
        ) from None


def _conv(x, width, size, name):
    x = layers.Conv2D(width, size, padding="same", use_bias=False, kernel_initializer="he_normal", name=name)(x)
    x = layers.BatchNormalization(name=f"{name}_norm", momentum=0.95)(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def build_unet(
    backbone="MobileNetV2",
    weights="imagenet",
    widths=(256, 128, 64, 32),
    dropout=0.0,
    attention=False,
    queries=0,
    hints=False,
    sharpening=(),
):
    """A fully convolutional U-Net: L/50-1 (N, H, W, 1) -> ab/110 (N, H, W, 2) in [-1, 1], float32.

    H and W are multiples of 32 (pad outside). ``backbone`` is a key of `BACKBONES`; ``weights`` is "imagenet"
    (downloaded by Keras), a path, or None. ``widths`` are the decoder's channels at stride 16, 8, 4 and 2;
    ``dropout`` is at the bottleneck; with ``attention`` every place of the picture hears of all others once the decoder
    has reached stride 16 (`_with_attention`). ``queries`` is how many color queries add a palette (`queries.palette`).
    With ``hints`` the network has a second input, ``hints`` (N, H, W, 3): ab/110 of the pixels whose color is given, 0
    elsewhere, and 1 where it is given. ``sharpening`` (amount, soft, sharp), if any, is how ab is sharpened once
    training is done (`sharpening`); no weight belongs to it. Color is predicted at stride 2 and enlarged bilinearly:
    chroma carries little detail, and inference sharpens it along the photo's own edges. With MobileNetV2 there are 5.4
    million parameters, 5.6 with attention.
    """
    given = keras.Input((None, None, 3), name="hints") if hints else None
    photo, stages = _decoded(backbone, weights, STRIDES, widths, dropout, attention, given)
    # float32 here even under mixed precision: the colors themselves are not rounded to 8 or 11 bits.
    # It starts from zero: the first picture is grey, not noise.
    x = layers.Conv2D(2, 3, padding="same", dtype="float32", kernel_initializer="zeros", name="ab")(stages[-1])
    if queries:
        x = layers.Add(dtype="float32", name="with_palette")([x, palette(stages[:3], stages[-1], queries)])
    if sharpening:
        x = sharpened(x, sharpening, given)
    x = layers.UpSampling2D(interpolation="bilinear", dtype="float32", name="up_1")(x)
    ab = layers.Activation("tanh", dtype="float32", name="ab_tanh")(x)
    return keras.Model(photo if given is None else [photo, given], ab, name="unet")


def build_unet_bins(
    backbone="MobileNetV2", weights="imagenet", widths=(256, 128, 64), dropout=0.0, grid=GRID, temperature=TEMPERATURE
):
    """The same U-Net, with the bins of Zhang et al. in place of ab: L/50-1 (N, H, W, 1) -> ab/110 (N, H, W, 2).

    Its decoder ends at stride 4, where the layer ``logits`` has a number for each bin of `bins.in_gamut_bins`; their
    annealed mean with ``temperature`` is enlarged bilinearly. The other settings are those of `build_unet`.
    """
    photo, stages = _decoded(backbone, weights, STRIDES[:3], widths, dropout)
    return keras.Model(photo, bins_head(stages[-1], grid, temperature), name="unet_bins")


def _decoded(backbone, weights, strides, widths, dropout, attention=False, hints=None):
    """(input, the decoder's features at each of ``strides``), with as many channels a stride as ``widths`` says."""
    if len(widths) != len(strides):
        raise ColorizeError(f"expected {len(strides)} widths for the decoder, got {list(widths)}")
    photo = keras.Input((None, None, 1), name="lightness")
    *skips, deepest = Encoder(backbone, weights, name="encoder")(photo)
    x = _conv(deepest, widths[0], 1, "bottleneck")
    if dropout:
        x = layers.Dropout(dropout, name="bottleneck_dropout")(x)
    # What the whole picture shows, given to every place: a lawn and a billiard cloth look alike from near.
    scene = layers.GlobalAveragePooling2D(keepdims=True, name="scene")(x)
    x = layers.Add(name="with_scene")([x, layers.Dense(widths[0], name="scene_mix")(scene)])
    x = x if hints is None else with_hints(x, hints, 32)
    stages = []
    for stride, width, skip in zip(strides, widths, reversed(skips), strict=False):
        x = layers.UpSampling2D(interpolation="bilinear", name=f"up_{stride}")(x)
        x = layers.Concatenate(name=f"join_{stride}")([x, _conv(skip, width, 1, f"skip_{stride}")])
        x = _conv(x, width, 3, f"decoder_{stride}a")
        x = x if hints is None else with_hints(x, hints, stride)
        x = _conv(x, width, 3, f"decoder_{stride}b")
        if attention and stride == 16:
            x = _with_attention(x)
        stages.append(x)
    return photo, stages


def _with_attention(x, heads=4, keys=32):
    """Features, and at each place what it asked of all others: a convolution colors the two ends of a bus apart.

    Self-attention over the picture (SAGAN, Zhang et al. 2019, section 3; the products of Vaswani et al. 2017, section
    3.2). What it adds starts from zero, so that a network trained without it can be given it and paints as before.
    """
    heard = layers.MultiHeadAttention(heads, keys, attention_axes=(1, 2), use_bias=False, name="attention")(x, x)
    start = {"use_bias": False, "kernel_initializer": "zeros"}
    return layers.Add(name="with_attention")([x, layers.Dense(x.shape[-1], **start, name="attention_mix")(heard)])
