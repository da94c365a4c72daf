"""Metadata for a TIFF that is written already: a second directory behind it takes the place of the first.

OpenCV writes no metadata, and Pillow loses the camera's settings and GPS of a compressed TIFF without a word.
"""

import struct

from .exif import BYTE, IPTC, SHORT, UNDEFINED, Value, closed, fraction, lay_out, read_block, short

XMP, ICC, SAMPLES, EXTRA = 700, 34675, 277, 338
UNASSOCIATED = 2  # what a fourth channel is: alpha by which the colors have not been multiplied


def add_tags(file, like, profile):
    """Add EXIF, XMP, IPTC and resolution of ``like`` and an ICC profile (bytes) to the TIFF in ``file``, open for both.

    A fourth channel is called alpha, which OpenCV leaves open.
    """
    file.seek(0)
    header = file.read(8)
    order = "<" if header[:2] == b"II" else ">"
    added = read_block(like.exif)[0] if like.exif else {}
    if like.dpi:
        added |= {282: fraction(like.dpi[0]), 283: fraction(like.dpi[1]), 296: short(2)}
    if like.iptc:  # a JPEG's; a TIFF's own is in EXIF, of whatever type it was
        added |= {IPTC: Value(UNDEFINED, like.iptc)}
    added |= {tag: Value(kind, data) for tag, kind, data in ((XMP, BYTE, like.xmp), (ICC, UNDEFINED, profile)) if data}
    file.seek(struct.unpack(order + "I", header[4:])[0])
    (count,) = struct.unpack(order + "H", file.read(2))
    entries = _entries(file.read(12 * count), order)
    if entries[SAMPLES][4:10] == struct.pack(order + "IH", 1, 4):
        added[EXTRA] = Value(SHORT, struct.pack("<H", UNASSOCIATED))
    start = file.seek(0, 2)
    start += file.write(bytes(start % 2))
    values, rows = lay_out(added, start, order)
    file.write(values)
    directory = file.tell()
    file.write(closed(entries | rows, order))
    file.seek(4)
    file.write(struct.pack(order + "I", directory))


def _entries(data, order):
    """The entries of a TIFF directory: tag -> its 12 bytes (TIFF 6.0, section 2)."""
    raw = [data[k : k + 12] for k in range(0, len(data), 12)]
    return {struct.unpack(order + "H", entry[:2])[0]: entry for entry in raw}
