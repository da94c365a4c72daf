"""Pictures of 8 bits a channel, in any of the modes that Pillow has for them."""

import numpy as np

from .pixels import Pixels


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
        alpha = np.asarray(straight.getchannel("A"))
        image = straight.convert("L" if grey else "RGB")
    if image.mode not in ("L", "RGB", "CMYK"):  # as YCbCr and Lab, which no profile of RGB is made for
        image, profile = image.convert("RGB"), None
    return Pixels(np.asarray(image), alpha, was_grey=was_grey, profile=profile, notes=notes)
