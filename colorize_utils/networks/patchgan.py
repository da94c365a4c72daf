"""The conditional 70x70 PatchGAN (Isola et al. 2017, section 3.2.2; released code, models.lua)."""

import keras
from keras import layers


def build_patchgan(spectral=False, width=64):
    """L/50-1 (N, H, W, 1) and ab/110 (N, H, W, 2) -> logits (N, H', W', 1), float32: real or not, patch by patch.

    Each logit sees 70x70 pixels. 128 px gives a 14x14 map, 256 px 30x30. ``spectral`` replaces BatchNorm by spectral
    normalization (Miyato et al. 2018), which has no batch statistics that tell real from colored batches apart.
    2,767,361 parameters with BatchNorm, the count of the predecessor's discriminator.
    """
    init = keras.initializers.RandomNormal(stddev=0.02)

    def conv(x, filters, name, stride=2, norm=True, bias=False, dtype=None):
        padding = "same" if stride == 2 else "valid"
        bias = bias or (spectral and norm)
        layer = layers.Conv2D(
            filters, 4, stride, padding, use_bias=bias, kernel_initializer=init, name=name, dtype=dtype
        )
        x = (layers.SpectralNormalization(layer, name=f"{name}_spectral", dtype=dtype) if spectral else layer)(x)
        if norm and not spectral:
            x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(x)
        return x

    photo = keras.Input((None, None, 1), name="lightness")
    ab = keras.Input((None, None, 2), name="ab")
    x = layers.Concatenate(name="photo")([photo, ab])
    x = layers.LeakyReLU(0.2, name="patch_1_relu")(conv(x, width, "patch_1", norm=False))
    x = layers.LeakyReLU(0.2, name="patch_2_relu")(conv(x, width * 2, "patch_2"))
    x = layers.LeakyReLU(0.2, name="patch_3_relu")(conv(x, width * 4, "patch_3"))
    x = layers.ZeroPadding2D(name="pad_4")(x)
    x = layers.LeakyReLU(0.2, name="patch_4_relu")(conv(x, width * 8, "patch_4", stride=1))
    x = layers.ZeroPadding2D(name="pad_5")(x)
    logits = conv(x, 1, "patch_logits", stride=1, norm=False, bias=True, dtype="float32")
    return keras.Model([photo, ab], logits, name="patchgan")
