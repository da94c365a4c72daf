"""PNGs byte by byte: what stands in the header, whether the pixels arrived whole, chunks put in by hand."""

import struct
import zlib

from ..errors import ColorizeError

PIECE = 2**20
TEXT = (b"tEXt", b"zTXt", b"iTXt")
OURS = (b"XML:com.adobe.xmp", b"Software", b"Raw profile type ")  # written anew, or read as what they hold
MOST_TEXT = 2**20  # bytes, all together


def png_header(path):
    """Bits a channel and color type."""
    with open(path, "rb") as file:
        return tuple(file.read(26)[24:])


def check_sums(path):
    """ColorizeError (status 1) if a chunk of pixels is not what was written: Pillow would show what came of it."""
    with open(path, "rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            length, name = struct.unpack(">I4s", head)
            if name != b"IDAT":
                file.seek(length + 4, 1)
                continue
            total = zlib.crc32(name)
            while length and (piece := file.read(min(length, PIECE))):
                total, length = zlib.crc32(piece, total), length - len(piece)
            expected = file.read(4)
            if len(expected) == 4 and total != struct.unpack(">I", expected)[0]:
                raise ColorizeError(f"{path}: expected a whole photo, got a PNG whose checksum is wrong", status=1)


def text_chunks(path):
    """[(kind, body)] of a PNG's texts (title, author, description, ...) as they stand, up to `MOST_TEXT` bytes.

    Left out are XMP and metadata of other formats, which are kept in ways of their own, the program that wrote the
    file, and what is damaged.
    """
    found, left = [], MOST_TEXT
    with open(path, "rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            if kind not in TEXT or length > left:
                file.seek(length + 4, 1)
                continue
            body, total = file.read(length), file.read(4)
            whole = total == struct.pack(">I", zlib.crc32(kind + body)) and 0 < body.find(b"\0") < 80
            if whole and not body.startswith(OURS):
                found.append((kind, body))
                left -= length
    return found


def with_chunks(data, like):
    """PNG with sRGB, resolution, EXIF, XMP and texts behind the header (PNG specification, 3rd edition, 11.3)."""
    chunks = [(b"sRGB", b"\0")]
    if like.dpi:
        chunks.append((b"pHYs", struct.pack(">IIB", *(round(float(d) / 0.0254) for d in like.dpi), 1)))
    if like.exif:
        chunks.append((b"eXIf", like.exif.removeprefix(b"Exif\0\0")))
    if like.xmp:
        chunks.append((b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + like.xmp))
    chunks += like.texts
    added = b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
    return [data[:33], added, data[33:]]
