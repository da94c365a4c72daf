"""From the values of a file to sRGB: the one place where a color profile is applied, whatever the format and depth.

What else may say how values are meant (a gamma, chromaticities, a code, a tag of EXIF) has become a profile before, by
`told_color`.
"""

import io

import numpy as np
from PIL import Image, ImageCms

from .eight_bits import STRIP
from .icc import channels_of, deep_to_srgb, is_srgb
from .srgb import srgb

UNUSABLE = "its color profile could not be used; sRGB is assumed"
APPROXIMATE = "CMYK without a profile; its lightness is approximate"


def in_srgb(pixels):
    """`Pixels` in the space of their profile -> `Pixels` in sRGB, grey (H, W) or (H, W, 3), that have no profile.

    uint8 stays uint8; uint16 and float32 come back as they are, or as float32 where a profile was applied. CMYK
    without a profile, of whatever depth, comes back as uint8. A grey picture with a profile of RGB is taken as RGB of
    three equal values. What cannot be used costs a note.
    """
    values, notes = pixels.values, ()
    cmyk = values.ndim == 3 and values.shape[2] == 4
    if pixels.profile and not is_srgb(pixels.profile):
        try:
            return pixels.noting(values=_through(values, bytes(pixels.profile)), profile=None)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            notes = (UNUSABLE,)
    if cmyk:
        notes = notes or (APPROXIMATE,)
        values = _by_strips(_as_bytes(values), lambda image: image.convert("RGB"))
    return pixels.noting(*notes, values=values, profile=None)


def _through(values, profile):
    if values.ndim == 2 and channels_of(profile) == 3:
        return _grey_again(_through(values[..., None].repeat(3, axis=-1), profile))
    if values.dtype != np.uint8:
        return deep_to_srgb(values, profile)
    count = values.shape[2] if values.ndim == 3 else 1
    if channels_of(profile) != count:
        raise ValueError(f"expected a profile of {count} channels, got {channels_of(profile)}")
    source, mode = ImageCms.ImageCmsProfile(io.BytesIO(profile)), {1: "L", 3: "RGB", 4: "CMYK"}[count]
    transform = ImageCms.buildTransform(source, srgb(), mode, "RGB")
    found = _by_strips(values, lambda image: ImageCms.applyTransform(image, transform))
    return found if count > 1 else _grey_again(found)


def _by_strips(values, convert):
    """uint8 values (H, W, ...) through ``convert``, of a Pillow image to one of RGB -> (H, W, 3); no other copy."""
    out = np.empty((*values.shape[:2], 3), np.uint8)
    rows = max(1, STRIP // max(1, values[0].size))
    for top in range(0, len(values), rows):
        part = values[top : top + rows]
        out[top : top + rows] = convert(Image.fromarray(part, "CMYK" if part.shape[2:] == (4,) else None))
    return out


def _grey_again(rgb):
    """(H, W) of RGB (H, W, 3) that is grey, but for a rounding; else as it is."""
    step = 1 if rgb.dtype == np.uint8 else 1 / 255
    for k in (0, 2):
        apart = np.maximum(rgb[..., k], rgb[..., 1]) - np.minimum(rgb[..., k], rgb[..., 1])
        if apart.max() > step:
            return rgb
    return np.ascontiguousarray(rgb[..., 1])


def _as_bytes(values):
    return values if values.dtype == np.uint8 else np.rint(values * (255 / _highest(values))).astype(np.uint8)


def _highest(values):
    return 1 if values.dtype == np.float32 else np.iinfo(values.dtype).max
