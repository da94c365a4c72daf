"""What Pillow and OpenCV cannot write of a TIFF: 16-bit strips, all metadata, several pages.

*Strips*: a scan of 100 megapixels is written without a second copy of it in memory. Pillow writes no color of 16 bits,
and OpenCV wants all of it in another order, and the file as a whole, in memory.

*Metadata*: a second directory behind a TIFF that is written already takes the place of the first. OpenCV writes no
metadata, and Pillow loses the camera's settings and GPS of a compressed TIFF without a word.

*Pages*: several single-page TIFFs as one, so that the pages of a scanned album stay one file. TIFF 6.0, section 2: a
page is a directory of entries, and each directory says where the next one is. All places are counted from the beginning
of the file, so a page that moves needs its directory written anew.
"""

import errno
import struct
import zlib

import numpy as np

from ..errors import ColorizeError
from .exif import BYTE, IPTC, LONG, SHORT, UNDEFINED, Value, closed, fraction, lay_out, read_block, short

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
    elif like.aspect:
        added |= {282: fraction(like.aspect[0]), 283: fraction(like.aspect[1]), 296: short(1)}
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


MOST = 2**32 - 2**26  # bytes; the rest of 4 GB is for metadata
STRIP = 2**23  # bytes of a strip before it is compressed


def write_strips(file, rgb, alpha=None):
    """Write uint16 (H, W, 3), and alpha (H, W), uint16 or None, to an empty binary file as a little-endian TIFF.

    Compressed by Deflate over the differences of neighbors (TIFF 6.0, section 14; Adobe Photoshop TIFF technical
    notes). OSError if that does not fit into the 4 GB of a TIFF.
    """
    import tifffile  # which takes a while to load

    height, width, channels = *rgb.shape[:2], 3 if alpha is None else 4
    rows = min(height, max(1, STRIP // (2 * channels * width)))

    def strips():
        size = 0
        for top in range(0, height, rows):
            part = slice(top, top + rows)
            values = np.dstack([rgb[part]] if alpha is None else [rgb[part], alpha[part]]).astype("<u2", copy=False)
            values[:, 1:] -= values[:, :-1].copy()
            packed = zlib.compress(values, 1)
            size += len(packed)
            if size > MOST:
                raise OSError(errno.EFBIG, "expected a picture that fits into the 4 GB of a TIFF, got a larger one")
            yield packed

    with tifffile.TiffWriter(file, byteorder="<") as writer:
        writer.write(
            strips(),
            shape=(height, width, channels),
            dtype=np.uint16,
            photometric="rgb",
            extrasamples=None if alpha is None else ["unassalpha"],
            rowsperstrip=rows,
            compression="zlib",
            predictor=True,
            metadata=None,
            software=False,
        )


SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}  # bytes of each field type
PLACES = (273, 324)  # strips and tiles
DIRECTORIES = (34665, 34853, 40965)  # EXIF, GPS, interoperability


class TiffPages:
    """Append TIFFs of one page to the open binary ``file``; ``path`` is what a complaint names."""

    def __init__(self, file, path):
        self.file, self.path, self.link = file, path, None

    def append(self, data):
        """``data``: the bytes of a TIFF (not BigTIFF) in this machine's byte order, as our encoders write it."""
        start = self.file.seek(0, 2)
        order = "<" if bytes(data[:2]) == b"II" else ">"
        if start == 0:
            self.file.write(struct.pack(order + "2sHI", bytes(data[:2]), 42, 0))
            self.link, start = 4, 8
        start += start % 2
        tail = bytearray(len(data) % 2)
        (first,) = struct.unpack_from(order + "I", data, 4)
        directory = _moved(data, first, start, order, tail)
        if start + len(data) + len(tail) > 2**32 - 1:
            raise ColorizeError(f"{self.path}: expected pages of 4 GB at most together, got more", status=1)
        self.file.seek(start)
        self.file.write(data)
        self.file.write(tail)
        self.file.seek(self.link)
        self.file.write(struct.pack(order + "I", directory))
        self.link = start + len(data) + len(tail) - 4  # a directory ends with the place of the next


def _moved(data, at, start, order, tail):
    """Write the directory at ``at`` of ``data``, which will stand at ``start``, anew to ``tail``; return its place."""

    def place():
        return start + len(data) + len(tail)

    (count,) = struct.unpack_from(order + "H", data, at)
    entries = b""
    for k in range(count):
        tag, kind, number, value = struct.unpack_from(order + "HHI4s", data, at + 2 + 12 * k)
        (where,) = struct.unpack(order + "I", value)
        size = SIZES.get(kind, 1) * number
        if tag in DIRECTORIES:
            kind, value = LONG, struct.pack(order + "I", _moved(data, where, start, order, tail))
        elif tag in PLACES:
            values = bytes(data[where : where + size]) if size > 4 else value[:size]
            values = struct.unpack(f"{order}{number}{'H' if kind == 3 else 'I'}", values)
            kind, value = LONG, struct.pack(f"{order}{number}I", *(start + v for v in values))
            if number > 1:
                tail += value
                value = struct.pack(order + "I", place() - len(value))
        elif size > 4:
            value = struct.pack(order + "I", start + where)
        entries += struct.pack(order + "HHI4s", tag, kind, number, value)
    here = place()
    tail += struct.pack(order + "H", count) + entries + bytes(4)
    return here
