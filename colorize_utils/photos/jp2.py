"""JPEG 2000: its depth and what it says of its colors (ISO/IEC 15444-1, annexes A.5.1 and I); 16 bits by OpenCV.

Pillow opens color of more than 8 bits as 8 without a word.
"""

import struct
from dataclasses import dataclass

import numpy as np

from .deep_png import decoded, without_alpha
from .pixels import Pixels, to_16_bits

HEADS = (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")
SYCC, CMYK, LAB = 18, 12, 14
ICC_METHODS = (2, 3)
EXIF, XMP = b"JpgTiffExif->JP2", bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC")  # names of uuid boxes
MOST, MOST_BOXES = 2**24, 10_000  # bytes of boxes beside the picture
MADE_BY = (b"Created by OpenJPEG", b"Kakadu")  # comments that encoders write by themselves


@dataclass(frozen=True)
class Jp2:
    """What stands in a JPEG 2000 beside its pixels. ``bits``: of the deepest channel; ``space``: the enumerated one."""

    bits: int
    profile: bytes | None = None
    space: int | None = None
    exif: bytes = b""
    xmp: bytes | None = None
    notes: tuple = ()


def read_jp2(file):
    """An open JPEG 2000 -> `Jp2`."""
    file.seek(0)
    if file.read(4) == HEADS[1]:
        file.seek(0)
        return Jp2(_bits(file.read(2**16)))
    bits, profile, space, found, others = 8, None, None, {}, []
    for name, body in _top_boxes(file):
        if name == b"jp2c":
            bits = _bits(body)
        elif name == b"uuid" and body[:16] in (EXIF, XMP):
            found.setdefault(body[:16], body[16:])
        elif name == b"jp2h":
            profile, space = _color(body)
        elif name not in (b"jP  ", b"ftyp", b"jp2i", b"free", b"rreq"):
            others.append(name.decode("latin-1").strip() if name != b"uuid" else "uuid")
    notes = (f"what stands in its boxes {', '.join(sorted(set(others))[:5])} was left out",) if others else ()
    return Jp2(bits, profile, space, found.get(EXIF, b""), found.get(XMP), notes)


def _top_boxes(file):
    """(name, body) of each box of an open file; of the picture's, and of what is very long, the beginning alone."""
    at, size, room = 0, file.seek(0, 2), MOST
    for _ in range(MOST_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return
        length, name = struct.unpack(">I4s", head[:8])
        start = 16 if length == 1 and len(head) == 16 else 8
        if start == 16:
            (length,) = struct.unpack(">Q", head[8:])
        end = size if length == 0 else at + length
        if end < at + start or not name.isascii():
            return
        file.seek(at + start)
        body = file.read(min(end - at - start, 2**16 if name == b"jp2c" else room))
        room -= len(body)
        yield name, body
        at = end


def _color(body):
    """The first box of color inside the header box -> ICC profile or None, enumerated color space or None."""
    for name, box in _boxes(body):
        if name == b"colr" and len(box) > 3:
            if box[0] in ICC_METHODS:
                return box[3:], None
            if box[0] == 1 and len(box) >= 7:
                return None, struct.unpack_from(">I", box, 3)[0]
    return None, None


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
    if values is None and image.mode.startswith("I"):  # grey, which Pillow has brought to 16 bits
        return Pixels(np.asarray(image).astype(np.uint16), bits=16, was_grey=True)
    if values is None or values.dtype != np.uint16 or values.ndim == 3 and values.shape[2] not in (3, 4):
        return None
    values = to_16_bits(values, head.bits)
    if values.ndim == 2:
        return Pixels(values, bits=16, was_grey=True)
    alpha = np.ascontiguousarray(values[..., 3]) if values.shape[2] == 4 else None
    return Pixels(values if alpha is None else without_alpha(values), alpha, bits=16)


def bits_in_boxes(head):
    """Bits of the deepest channel of an AVIF that begins so (ISO/IEC 23008-12, 6.5.6: pixi)."""
    at = head.find(b"pixi")
    count = head[at + 8] if 0 <= at < len(head) - 16 else 0
    return max(head[at + 9 : at + 9 + count], default=8)
