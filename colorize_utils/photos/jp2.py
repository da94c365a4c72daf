"""JPEG 2000: its depth and what it says of its colors (ISO/IEC 15444-1, annexes A.5.1 and I); 16 bits by OpenCV.

Pillow opens color of more than 8 bits as 8 without a word.
"""

import struct
from dataclasses import dataclass

import numpy as np

from .deep_png import decoded
from .pixels import Pixels

HEADS = (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")
SYCC, CMYK, LAB = 18, 12, 14
ICC_METHODS = (2, 3)
MOST = 2**24  # bytes of boxes before the picture
MADE_BY = (b"Created by OpenJPEG", b"Kakadu")  # comments that encoders write by themselves


@dataclass(frozen=True)
class Jp2:
    """What the head of a JPEG 2000 says. ``bits``: of the deepest channel; ``space``: the enumerated one, or None."""

    bits: int
    profile: bytes | None = None
    space: int | None = None


def read_jp2(file):
    """An open JPEG 2000 -> `Jp2`."""
    file.seek(0)
    data = file.read(MOST)
    if data.startswith(HEADS[1]):
        return Jp2(_bits(data))
    profile = space = None
    at = data.find(b"\xff\x4f\xff\x51")
    for name, body in _boxes(data[: max(at, 0)]):
        for inner, box in _boxes(body) if name == b"jp2h" else ():
            if inner == b"colr" and len(box) > 3 and profile is None and space is None:
                if box[0] in ICC_METHODS:
                    profile = box[3:]
                elif box[0] == 1 and len(box) >= 7:
                    (space,) = struct.unpack_from(">I", box, 3)
    return Jp2(_bits(data[at:]) if at >= 0 else 8, profile, space)


def _boxes(data):
    at = 0
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if length < 8:  # to the end of the file, or longer than 4 GB: the picture itself
            return
        yield name, data[at + 8 : at + length]
        at += length


def _bits(stream):
    """Bits of the deepest channel, from the SIZ marker that a codestream begins with."""
    if len(stream) < 42:
        return 8
    (count,) = struct.unpack_from(">H", stream, 40)
    return max(((depth & 0x7F) + 1 for depth in stream[42 : 42 + 3 * count : 3]), default=8)


def read_deep_jp2(path, head, image):
    """A JPEG 2000 of more than 8 bits, opened with Pillow -> `Pixels` of uint16 over the whole range, or None."""
    image.load()  # OpenCV fills up what is missing in a damaged file; Pillow says so
    values = decoded(np.fromfile(path, np.uint8)) if head.space in (None, 16, 17) and head.bits <= 16 else None
    if values is None or values.dtype != np.uint16 or values.ndim == 3 and values.shape[2] not in (3, 4):
        return None
    highest = 2**head.bits - 1
    values = ((values.astype(np.uint32) * 65535 + highest // 2) // highest).astype(np.uint16)
    if values.ndim == 2:
        return Pixels(values, bits=16, was_grey=True)
    alpha = np.ascontiguousarray(values[..., 3]) if values.shape[2] == 4 else None
    return Pixels(np.ascontiguousarray(values[..., :3]), alpha, bits=16)
