"""A discriminator that looks through a network which already knows photographs, and that network as a judge of color.

Projected GANs (Sauer et al. 2021, section 3): the discriminator is a few small heads on the features of a pretrained,
frozen network, one at each resolution. It sees meaning from its first step on, where a PatchGAN has to learn to see.
Theirs mixes the features at random across channels and scales first (section 3.2); that is left out here.
The same features make the perceptual loss of `training/perceptual_step.py` (Johnson et al. 2016).
"""

import keras
from keras import layers, ops

from .tensor_color import rgb_from_lab
from .unet import BACKBONES, pretrained_features

WIDTH = 64
HEADS = (8, 16, 32)  # strides; a head at 4 asks for color by texture, and gets rainbows (saved_models/EXPERIMENTS.md)


@keras.saving.register_keras_serializable("colorize_utils")
class PhotoFeatures(layers.Layer):
    """L/50-1 (N, H, W, 1) and ab/110 (N, H, W, 2) -> what a frozen backbone sees in that color photo.

    Features at stride 2, 4, 8, 16 and 32; H and W are multiples of 32. Nothing in here ever learns.
    """

    def __init__(self, backbone="MobileNetV2", weights="imagenet", **kwargs):
        super().__init__(trainable=False, **kwargs)
        self.backbone, self.range = backbone, BACKBONES[backbone].grey_range
        self.features = pretrained_features(backbone, weights)
        self.features.trainable = False

    def call(self, inputs):
        low, high = self.range
        rgb = rgb_from_lab(*(ops.cast(x, "float32") for x in inputs)) * (high - low) + low
        return self.features(ops.cast(rgb, self.compute_dtype), training=False)

    def get_config(self):
        return {**super().get_config(), "backbone": self.backbone, "weights": None}


def build_projected(backbone="MobileNetV2", weights="imagenet", width=WIDTH, heads=HEADS):
    """L/50-1 (N, H, W, 1) and ab/110 (N, H, W, 2) -> a list of logits (N, H/s, W/s, 1), float32, for s in ``heads``.

    backbone, weights: as for `build_unet`. width: channels of a head. heads: the last of the strides 2, 4, 8, 16, 32,
    as many as wanted (version 0.3.0 of the shipped model was trained with 4 too). The layer ``features`` is the frozen
    backbone, the model ``heads`` all that learns: from the features of those strides to the logits, with spectral
    normalization.
    """
    photo = keras.Input((None, None, 1), name="lightness")
    ab = keras.Input((None, None, 2), name="ab")
    maps = PhotoFeatures(backbone, weights, name="features")([photo, ab])[-len(heads) :]
    seen = [keras.Input(feature.shape[1:], name=f"stride_{s}") for s, feature in zip(heads, maps, strict=True)]
    judges = keras.Model(seen, [_head(x, width, s) for s, x in zip(heads, seen, strict=True)], name="heads")
    return keras.Model([photo, ab], judges(maps), name="projected")


def _head(x, width, scale):
    for number, size in ((1, 1), (2, 3)):
        layer = layers.Conv2D(width, size, padding="same", name=f"head_{scale}_{number}")
        x = layers.SpectralNormalization(layer, name=f"head_{scale}_{number}_spectral")(x)
        x = layers.LeakyReLU(0.2, name=f"head_{scale}_{number}_relu")(x)
    last = layers.Conv2D(1, 1, name=f"head_{scale}_logits", dtype="float32")
    return layers.SpectralNormalization(last, name=f"head_{scale}_logits_spectral", dtype="float32")(x)
