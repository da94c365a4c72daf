"""Pictures inside a TIFF's strips and tiles, which imagecodecs decodes: how large each is, by its own header.

A decoder takes the memory that this header asks for, whatever the TIFF says, so it is read before.
"""

import struct
from fractions import Fraction

JPEG, DNG_JPEG, LERC, PNG, JPEG_XL, DNG_JPEG_XL = 7, 34892, 34887, 34933, 50002, 52546
JPEG_2000 = (33003, 33004, 33005, 34712)
WEBP = (34927, 50001)
ZSTD = (34926, 50000)  # no picture: gives as many bytes as are asked for
FRAMES = [b"\xff" + bytes([code]) for code in range(0xC0, 0xD0) if code not in (0xC4, 0xC8, 0xCC)]
RATIOS = (0, 1, Fraction(12, 10), Fraction(4, 3), Fraction(3, 2), Fraction(16, 9), Fraction(5, 4), 2)


def is_known(compression):
    """Whether imagecodecs may be asked for a TIFF of this ``compression``."""
    return compression in (*ZSTD, *SIZES)


def inner_size(data, compression):
    """(width, height) of the picture in ``data``, the bytes of a strip or tile; None where it cannot be too large.

    ValueError or struct.error if it has no header of the kind.
    """
    return SIZES[compression](data) if compression in SIZES else None


def _of_jpeg_2000(data):
    """ISO 15444-1, A.5.1: the marker SIZ stands first in a codestream."""
    right, bottom, left, top = struct.unpack_from(">4I", data, data.index(b"\xff\x4f\xff\x51") + 8)
    return right - left, bottom - top


def _of_png(data):
    return struct.unpack_from(">2I", data, 16)


def _of_webp(data):
    """RFC 9649, 2.5 to 2.7: lossy, lossless, or extended."""
    kind = data[12:16]
    if kind == b"VP8X":
        return tuple(int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    if kind == b"VP8L":
        (both,) = struct.unpack_from("<I", data, 21)
        return (both & 0x3FFF) + 1, (both >> 14 & 0x3FFF) + 1
    return tuple(side & 0x3FFF for side in struct.unpack_from("<2H", data, 26))


def _of_lerc(data):
    at = data.index(b"Lerc2 ") + 6
    (version,) = struct.unpack_from("<i", data, at)
    height, width = struct.unpack_from("<2i", data, at + (8 if version >= 3 else 4))
    return width, height


def _of_jpeg(data):
    """ITU T.81, B.1.1: segments with their lengths, up to that of the frame: bits, height, width."""
    at = 2
    while data[at : at + 2] not in FRAMES:
        at += 2 + struct.unpack_from(">xxH", data, at)[0]
    return struct.unpack_from(">HH", data, at + 5)[::-1]


def _of_jpeg_xl(data):
    """ISO 18181-1, C.3.1 (SizeHeader): bits from the lowest on, behind FF 0A."""
    start = data.index(b"\xff\x0a", max(data.find(b"jxlc"), data.find(b"jxlp"), 0)) + 2
    bits = int.from_bytes(data[start : start + 16], "little")

    def take(count):
        nonlocal bits
        value, bits = bits & ((1 << count) - 1), bits >> count
        return value

    def side():
        return 8 * (take(5) + 1) if small else take((9, 13, 18, 30)[take(2)]) + 1

    small = take(1)
    height = side()
    ratio = RATIOS[take(3)]
    return int(height * ratio) if ratio else side(), height


SIZES = dict.fromkeys(JPEG_2000, _of_jpeg_2000) | dict.fromkeys((JPEG_XL, DNG_JPEG_XL), _of_jpeg_xl)
SIZES |= dict.fromkeys(WEBP, _of_webp)
SIZES |= {PNG: _of_png, LERC: _of_lerc, JPEG: _of_jpeg, DNG_JPEG: _of_jpeg}
