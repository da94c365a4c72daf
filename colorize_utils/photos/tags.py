"""Metadata for a TIFF that is written already: a second directory behind it takes the place of the first.

OpenCV writes no metadata, and Pillow loses the camera's settings and GPS of a compressed TIFF without a word.
"""

import struct

from PIL import Image, TiffImagePlugin

XMP, EXIF, GPS, ICC = 700, 34665, 34853, 34675


def add_tags(file, like, profile):
    """Add EXIF, XMP and resolution of ``like`` and an ICC profile (bytes) to the TIFF in ``file``, open for both."""
    file.seek(0)
    header = file.read(8)
    order = "<" if header[:2] == b"II" else ">"
    added = TiffImagePlugin.ImageFileDirectory_v2(header)
    if like.exif:
        exif = Image.Exif()
        exif.load(like.exif)
        for tag in exif:
            added[tag] = exif.get_ifd(tag) if tag in (EXIF, GPS) else exif[tag]
    if like.dpi:
        added[282], added[283], added[296] = *like.dpi, 2
    if like.xmp:
        added[XMP] = like.xmp
    added[ICC] = profile
    file.seek(struct.unpack(order + "I", header[4:])[0])
    (count,) = struct.unpack(order + "H", file.read(2))
    entries = _entries(file.read(12 * count), order)
    start = file.seek(0, 2)
    start += file.write(bytes(start % 2))
    # Pillow lays out the values of the new entries behind the picture; the entries then join the old ones.
    tail = added.tobytes(start)
    (count,) = struct.unpack_from(order + "H", tail)
    entries |= _entries(tail[2 : 2 + 12 * count], order)
    file.write(tail + bytes(len(tail) % 2))
    directory = file.tell()
    file.write(
        struct.pack(order + "H", len(entries)) + b"".join(entry for _, entry in sorted(entries.items())) + bytes(4)
    )
    file.seek(4)
    file.write(struct.pack(order + "I", directory))


def _entries(data, order):
    """The entries of a TIFF directory: tag -> its 12 bytes (TIFF 6.0, section 2)."""
    raw = [data[k : k + 12] for k in range(0, len(data), 12)]
    return {struct.unpack(order + "H", entry[:2])[0]: entry for entry in raw}
