"""Pictures of 8 bits a channel, in any of the modes that Pillow has for them."""

import numpy as np

from .pixels import Pixels

STRIP = 2**22  # bytes


def read_eight_bits(image):
    """A picture opened with Pillow -> `Pixels` of uint8, grey, RGB or CMYK, turned as the file has it."""
    profile, alpha, notes = image.info.get("icc_profile"), None, ()
    if image.mode in ("1", "L") and "transparency" in image.info:
        image = image.convert("LA")
    elif image.mode == "P" or "transparency" in image.info:
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    was_grey = image.mode in ("1", "L", "LA")
    if image.mode == "1":
        notes = ("it has black and white only, no greys",)
        image = image.convert("L")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        grey = image.mode in ("LA", "La")
        straight = image.convert("LA" if grey else "RGBA")
        alpha = values_of(straight.getchannel("A"))
        image = straight.convert("L" if grey else "RGB")
    if image.mode not in ("L", "RGB", "CMYK"):  # as YCbCr and Lab, which no profile of RGB is made for
        image, profile = image.convert("RGB"), None
    return Pixels(values_of(image), alpha, was_grey=was_grey, profile=profile, notes=notes)


def values_of(image):
    """uint8 (H, W) or (H, W, channels) of a Pillow image, strip by strip: all at once would need them twice more."""
    width, height = image.size
    channels = len(image.getbands())
    out = np.empty((height, width) if channels == 1 else (height, width, channels), np.uint8)
    rows = max(1, STRIP // max(1, width * channels))
    for top in range(0, height, rows):
        out[top : top + rows] = np.asarray(image.crop((0, top, width, min(top + rows, height))))
    return out
