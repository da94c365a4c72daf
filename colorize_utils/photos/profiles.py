"""From the values of a file to sRGB: the one place where a color profile is applied, whatever the format and depth."""

import io

import numpy as np
from PIL import Image, ImageCms

from .icc import deep_to_srgb
from .srgb import srgb

UNUSABLE = "its color profile could not be used; sRGB is assumed"
APPROXIMATE = "CMYK without a profile; its lightness is approximate"


def in_srgb(pixels):
    """`Pixels` in the space of their profile -> `Pixels` in sRGB, grey (H, W) or (H, W, 3), that have no profile.

    16 bits come back as they are, or as float32 where a profile was applied.
    """
    if pixels.values.dtype == np.uint8:
        return _in_srgb_at_8_bits(pixels)
    if not pixels.profile or pixels.values.dtype != np.uint16:
        return pixels
    try:
        return pixels.noting(values=deep_to_srgb(pixels.values, pixels.profile), profile=None)
    except ValueError:
        return pixels.noting(UNUSABLE, profile=None)


def _in_srgb_at_8_bits(pixels):
    cmyk = pixels.values.ndim == 3 and pixels.values.shape[2] == 4
    if not pixels.profile and not cmyk:
        return pixels
    image, notes = Image.fromarray(pixels.values, "CMYK" if cmyk else None), ()
    if pixels.profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(pixels.profile))
            image = ImageCms.profileToProfile(image, source, srgb(), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            notes = (UNUSABLE,)
    else:
        notes = (APPROXIMATE,)
    return pixels.noting(*notes, values=np.asarray(image.convert("RGB")), profile=None)
