"""Several single-page TIFFs as one: the pages of a scanned album stay one file.

TIFF 6.0, section 2: a page is a directory of entries, and each directory says where the next one is. All places are
counted from the beginning of the file, so a page that moves needs its directory written anew.
"""

import struct

from ..errors import ColorizeError

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}  # bytes of each field type
PLACES = (273, 324)  # strips and tiles
DIRECTORIES = (34665, 34853, 40965)  # EXIF, GPS, interoperability
LONG = 4


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
