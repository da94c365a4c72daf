"""Codings of JPEG that Pillow does not read (12 bits, lossless, JPEG-LS), by imagecodecs where it is installed."""

import io
import struct

import numpy as np

from ..errors import ColorizeError
from .pixels import Pixels, to_16_bits

LOSSLESS, LS = (0xC3, 0xCB), 0xF7
HIERARCHICAL = "hierarchical JPEG"  # nothing known to us reads it
USUAL = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)


def is_rare(jpeg):
    """Whether a `jpeg.Jpeg` is in a coding that Pillow does not read."""
    return jpeg.frame is not None and (jpeg.frame[0] not in USUAL or jpeg.frame[1] != 8)


def name_of(jpeg):
    """The coding of a `jpeg.Jpeg`, for a person."""
    marker, bits = jpeg.frame[:2]
    kind = "JPEG-LS" if marker == LS else "lossless JPEG" if marker in LOSSLESS else "JPEG"
    return f"{kind} of {bits} bits" if marker in (LS, *LOSSLESS, *USUAL) else HIERARCHICAL


def without_scans(jpeg):
    """An open file of the same size with the same metadata, for Pillow, which reads the head of it only."""
    head = b"\xff\xd8"
    for marker, body in jpeg.segments:
        if 0xE0 <= marker <= 0xEF or marker == 0xFE:
            head += struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
    _, _, height, width, channels = jpeg.frame
    parts = b"".join(bytes([k + 1, 0x11, 0]) for k in range(channels))
    head += struct.pack(">BBHBHHB", 0xFF, 0xC0, 8 + len(parts), 8, height, width, channels) + parts
    scan = bytes([channels, *(value for k in range(channels) for value in (k + 1, 0)), 0, 63, 0])
    return io.BytesIO(head + struct.pack(">BBH", 0xFF, 0xDA, 2 + len(scan)) + scan)


def read_rare_jpeg(path, jpeg):
    """The pixels of a `jpeg.Jpeg` for which `is_rare` holds -> `Pixels` of uint8, or of uint16 over the whole range.

    ColorizeError (status 1) that names the coding, where imagecodecs is not installed or does not know it either.
    """
    name, bits = name_of(jpeg), jpeg.frame[1]
    if name == HIERARCHICAL:
        raise ColorizeError(f"{path}: expected a coding that can be read, got {name}", status=1)
    try:
        import imagecodecs
    except ImportError:
        raise ColorizeError(
            f"{path}: expected a coding that can be read, got {name}; `pip install imagecodecs` adds it", status=1
        ) from None
    try:
        decode = imagecodecs.jpegls_decode if jpeg.frame[0] == LS else imagecodecs.jpeg_decode
        values = np.asarray(decode(path.read_bytes()))
    except Exception as error:  # noqa: BLE001  (each codec has kinds of its own)
        raise ColorizeError(f"{path}: expected a whole photo, got {name} that cannot be read: {error}", 1) from None
    if values.shape[:2] != jpeg.frame[2:4] or values.ndim == 3 and values.shape[2] != 3:
        raise ColorizeError(f"{path}: expected grey or color, got {name} of shape {values.shape}", status=1)
    values = values.astype(np.uint8, copy=False) if bits == 8 else to_16_bits(np.array(values), bits)
    return Pixels(values, bits=8 if bits == 8 else 16, was_grey=values.ndim == 2)
