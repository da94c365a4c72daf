"""Photos of 16 bits a channel, written with all that they carry.

Pillow writes no such color; OpenCV does, but knows nothing of EXIF.
"""

import cv2
import numpy as np

from .png import with_chunks
from .tiff import write_strips


def write_deep(file, suffix, rgb, like):
    """Write sRGB codes, uint16 (H, W, 3), to an open binary file as a 16-bit PNG or TIFF, with alpha of ``like``.

    ``like`` has alpha (codes, or float in [0, 1]), exif, xmp and dpi; a TIFF gets these by `tiff.add_tags`.
    """
    alpha = like.alpha
    if alpha is not None and alpha.dtype != np.uint16:
        alpha = np.rint(alpha * 65535).astype(np.uint16)
    if suffix != ".png":
        return write_strips(file, rgb, alpha)
    values = np.dstack([rgb[..., ::-1]] if alpha is None else [rgb[..., ::-1], alpha])
    done, data = cv2.imencode(suffix, values)
    if not done:
        raise OSError(f"could not encode {suffix}")
    return file.writelines(with_chunks(memoryview(data), like))
