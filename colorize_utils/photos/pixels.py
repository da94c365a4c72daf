"""What a decoder found in a file: the values of a picture as they stand there, and what they mean."""

from dataclasses import dataclass, replace

import numpy as np

BAND = 256  # rows at once


@dataclass(frozen=True)
class Pixels:
    """A picture as a decoder read it. No decoder changes what it was given: it returns one of these.

    ``values`` are uint8, uint16, or float32 in [0, 1]: grey (H, W), RGB (H, W, 3) or CMYK (H, W, 4; 0 is no ink), in
    the space that ``profile`` describes, and in sRGB where there is none.
    """

    values: np.ndarray
    alpha: np.ndarray | None = None  # (H, W), of a type that values may have
    bits: int = 8  # 8 or 16 a channel: the depth that the output gets
    was_grey: bool = False
    profile: bytes | None = None  # ICC
    orientation: int = 1  # what is still to be done to see it upright (TIFF 6.0, tag 274)
    notes: tuple = ()  # what a person should know, a line each

    def noting(self, *notes, **changes):
        """The same with more notes, and with other fields."""
        return replace(self, notes=self.notes + notes, **changes)


def to_16_bits(values, bits):
    """Codes of ``bits`` bits, uint8 or uint16 (H, W, ...) -> of 16, rounded; those of uint16 in their own memory."""
    out, highest = values if values.dtype == np.uint16 else np.empty(values.shape, np.uint16), 2**bits - 1
    for top in range(0, len(values), BAND):
        rows = values[top : top + BAND].astype(np.uint32)
        out[top : top + BAND] = (rows * 65535 + highest // 2) // highest
    return out


def upright(values, orientation):
    """Apply EXIF orientation 1 to 8 (TIFF 6.0, tag 274) to an array (H, W, ...)."""
    if orientation in (5, 6, 7, 8):
        values = values.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    return np.ascontiguousarray(values)
