"""PNGs of 16 bits a channel, read at full precision: Pillow opens such color as 8 bits without a word."""

import cv2
import numpy as np

from .pixels import BAND, Pixels

GREY_AND_ALPHA = 4


def read_deep_png(png, image):
    """A `png.Png` of 16 bits, opened with Pillow as ``image`` -> `Pixels` of uint16, turned as the file has them."""
    png.pixels.seek(0)
    data = decoded(np.frombuffer(png.pixels.read(), np.uint8))
    if data is None:
        raise ValueError("a PNG of 16 bits that cannot be decoded")
    # OpenCV gives grey with alpha as color.
    was_grey = data.ndim == 2 or png.color == GREY_AND_ALPHA
    alpha = np.ascontiguousarray(data[..., 3]) if data.ndim == 3 and data.shape[2] == 4 else None
    if not was_grey:
        return Pixels(data if alpha is None else without_alpha(data), alpha, bits=16)
    values = data if data.ndim == 2 else np.ascontiguousarray(data[..., 0])
    clear = image.info.get("transparency")
    if alpha is None and isinstance(clear, int):  # OpenCV makes alpha of it in color only
        alpha = np.where(values == clear, 0, 65535).astype(np.uint16)
    return Pixels(values, alpha, bits=16, was_grey=True)


def without_alpha(data):
    """uint16 (H, W, 4) -> (H, W, 3), moved together in the same memory: a copy would take as much again."""
    flat, width = data.reshape(-1), data.shape[1]
    for top in range(0, len(data), BAND):
        block = data[top : top + BAND, :, :3].ravel()
        flat[top * width * 3 : top * width * 3 + len(block)] = block
    return flat[: data.size // 4 * 3].reshape(*data.shape[:2], 3)


def decoded(data):
    """A picture's file, uint8 (n,) -> its values as OpenCV reads them, but red first; None where it cannot."""
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # its complaints go to stderr
    try:
        values = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    finally:
        cv2.utils.logging.setLogLevel(level)
    if values is not None and values.ndim == 3:
        for top in range(0, len(values), BAND):
            values[top : top + BAND, :, :3] = values[top : top + BAND, :, 2::-1].copy()
    return values
