"""PNGs chunk by chunk: what stands beside the pixels, whether the pixels arrived whole, chunks put in by hand."""

import struct
import zlib
from dataclasses import dataclass

from ..errors import ColorizeError
from .beside import Beside
from .size import is_within
from .spliced import spliced
from .told_color import of_png

SIGNATURE = b"\x89PNG\r\n\x1a\n"
END = struct.pack(">I4sI", 0, b"IEND", 0xAE426082)
PIECE = 2**20
TEXT = (b"tEXt", b"zTXt", b"iTXt")
XMP, RAW = b"XML:com.adobe.xmp", b"Raw profile type "
OURS = (XMP, b"Software", *(RAW + kind for kind in (b"exif", b"APP1", b"xmp", b"icc", b"icm")))
# What tells of the picture as it was coded, or how it is to be shown, and goes without a word.
OF_THE_CODE = {
    b"cICP",
    b"iCCP",
    b"sRGB",
    b"gAMA",
    b"cHRM",
    b"pHYs",
    b"eXIf",
    b"sBIT",
    b"bKGD",
    b"hIST",
    b"sPLT",
    b"tIME",
}
OF_THE_CODE |= {b"mDCV", b"cLLI", b"mDCv", b"cLLi", b"oFFs", b"sTER", b"iDOT", b"vpAg", b"caNv", b"orNT"}
MOST_TEXT = 2**20  # bytes of all texts, as they are stored
MOST_KEPT = 2**24  # bytes of all that is not pixels
MOST_CHUNKS = 10**6
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


@dataclass(frozen=True)
class Png:
    """A PNG taken apart. ``pixels``: a file of its needed chunks alone, whole, for a decoder; it reads the open one."""

    depth: int  # bits a channel
    color: int  # type: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha
    pixels: object
    chunks: tuple  # (name, body) of all others
    notes: tuple
    bytes_to_decode: int  # for each pixel


def read_png(path, file, max_pixels):
    """An open PNG -> `Png`. ColorizeError (status 1) if a chunk that is needed is not what was written.

    A missing end is mended in one of at most ``max_pixels``; a larger one will be refused.

    Pillow would show what came of it, and refuse a photo for a chunk that is not needed.
    """
    needed, chunks, notes, ended = _chunks(path, file)
    header = next((file_at for name, file_at in needed if name == b"IHDR"), None)
    if header is None:
        raise ColorizeError(f"{path}: expected a photo, got a damaged PNG without a header", status=1)
    file.seek(header[0] + 8)
    shape = struct.unpack(">IIBBBBB", file.read(13).ljust(13, b"\0"))
    each = _bytes_to_decode(shape[2], shape[3], b"tRNS" in dict(needed))
    if not ended and is_within(shape[:2], each, max_pixels):
        data = _packed_anew(spliced(file, [where for name, where in needed if name == b"IDAT"]), shape)
        if data is None:
            raise ColorizeError(f"{path}: expected a whole photo, got a truncated PNG", status=1)
        needed = [*((name, where) for name, where in needed if name != b"IDAT"), (b"IDAT", data)]
        notes = (*notes, "its end is missing; its pixels are whole")
    pixels = spliced(file, [SIGNATURE, *(where for _, where in needed), END])
    return Png(shape[2], shape[3], pixels, tuple(chunks), tuple(notes), each)


def _bytes_to_decode(depth, color, is_clear):
    """Pillow keeps color in four bytes; OpenCV, which reads 16 bits, makes color of grey and alpha."""
    if depth == 16:
        return 2 * {0: 1, 2: 4 if is_clear else 3}.get(color, 4)
    return 1 if color in (0, 3) else 4


def _chunks(path, file):
    """Needed chunks as (name, (start, length with head and checksum)), others as (name, body), notes, whether IEND."""
    needed, others, damaged, room = [], [], [], MOST_KEPT
    file.seek(8)
    for _ in range(MOST_CHUNKS):
        start, head = file.tell(), file.read(8)
        if len(head) < 8 or not head[4:].isalpha():
            return needed, others, _said_of(damaged), False
        length, name = struct.unpack(">I4s", head)
        if name == b"IEND":
            behind = file.seek(0, 2) - start - 12
            more = (f"what follows the picture in its file ({behind:,} bytes) was left out",) * (behind >= 32)
            return needed, others, (*_said_of(damaged), *more), True
        is_needed = name[:1].isupper() or name in (b"tRNS", b"acTL", b"fcTL")
        body, left, total = [], length, zlib.crc32(name)
        while left and (piece := file.read(min(left, PIECE))):
            total, left = zlib.crc32(piece, total), left - len(piece)
            body += [piece] if not is_needed and length <= room else []
        read = file.read(4)
        whole = not left and read == struct.pack(">I", total)
        if is_needed:
            if len(read) == 4 and not whole:
                raise ColorizeError(f"{path}: expected a whole photo, got a PNG whose checksum is wrong", status=1)
            needed.append((name, (start, file.tell() - start)))
        elif whole and length <= room:
            others.append((name, b"".join(body)))
            room -= length
        else:
            damaged.append((name.decode(), "is too long" if whole else "is damaged"))
    raise ColorizeError(f"{path}: expected a photo, got a PNG of more than {MOST_CHUNKS:,} chunks", status=1)


def _said_of(damaged):
    return tuple(dict.fromkeys(f"its chunk {name} {what} and was left out" for name, what in damaged))


def _packed_anew(file, shape):
    """A file of IDAT chunks, the last of which may be cut short -> whole ones, bytes; None where pixels are missing."""
    width, height, depth, color, *_, interlaced = shape
    bits = depth * CHANNELS.get(color, 1)

    def size(w, h):
        return h * (1 + (w * bits + 7) // 8) if w > 0 and h > 0 else 0

    passes = [size((width - x + dx - 1) // dx, (height - y + dy - 1) // dy) for x, y, dx, dy in ADAM7]
    left = sum(passes) if interlaced else size(width, height)
    inflate, pack, found = zlib.decompressobj(), zlib.compressobj(1), []
    try:
        while left > 0 and len(head := file.read(8)) == 8:
            data = file.read(struct.unpack(">I", head[:4])[0])
            file.read(4)
            while data and left > 0:
                rows = inflate.decompress(data, PIECE)[:left]
                left -= len(rows)
                found.append(_idat(pack.compress(rows)))
                data = inflate.unconsumed_tail
    except zlib.error:
        return None
    return None if left > 0 else b"".join([*found, _idat(pack.flush())])


def _idat(data):
    return struct.pack(">I", len(data)) + b"IDAT" + data + _sum(b"IDAT" + data) if data else b""


def _sum(data):
    return struct.pack(">I", zlib.crc32(data))


def beside(png):
    """What stands in a `Png` beside its pixels -> `Beside`."""
    first = dict(reversed(png.chunks))
    icc, notes = _profile(first.get(b"iCCP"))
    profile, more = of_png(first, icc)
    texts, too_long = text_chunks(png)
    density = struct.unpack(">IIB", first[b"pHYs"]) if len(first.get(b"pHYs", b"")) == 9 else (0, 0, 0)
    others = sorted({name.decode() for name, _ in png.chunks if name not in (*TEXT, *OF_THE_CODE)})
    if others:
        notes = (*notes, f"what other programs keep in its chunks {', '.join(others)} was left out")
    raw = _raw(first_text(png, RAW + b"exif") or first_text(png, RAW + b"APP1"))
    return Beside(
        exif=first.get(b"eXIf") or raw,
        xmp=first_text(png, XMP) or _raw(first_text(png, RAW + b"xmp")) or None,
        profile=profile,
        texts=texts,
        dpi=tuple(0.0254 * d for d in density[:2]) if density[2] == 1 else None,
        aspect=density[:2] if density[2] == 0 else None,
        notes=(*png.notes, *notes, *more, *too_long),
    )


def _profile(body):
    """The body of iCCP -> the profile or None, notes."""
    if not body:
        return None, ()
    try:
        return inflated(body[body.index(b"\0") + 2 :], MOST_KEPT), ()
    except (ValueError, zlib.error):
        return None, ("its color profile is damaged and was left out",)


def inflated(data, most):
    """What zlib packed. ValueError if that is more than ``most`` bytes, or is cut short."""
    inflate = zlib.decompressobj()
    found = inflate.decompress(data, most + 1)
    if len(found) > most or not inflate.eof:
        raise ValueError(f"expected at most {most} bytes")
    return found


def text_chunks(png):
    """((kind, body), ...) of a PNG's texts (title, author, description, ...) as they stand; and notes.

    Left out are XMP and metadata of other formats, which are kept in ways of their own, the program that wrote the
    file, what is no text, and what is more than `MOST_TEXT` bytes.
    """
    found, left, notes = [], MOST_TEXT, ()
    for kind, body in png.chunks:
        if kind not in TEXT or body.startswith(OURS) or not 0 < body.find(b"\0") < 80:
            continue
        if len(body) > left:
            notes = ("its texts are too long and were left out in part",)
            continue
        found.append((kind, body))
        left -= len(body)
    return tuple(found), notes


def first_text(png, keyword):
    """The text of a keyword, bytes as they were before they were packed; b"" where there is none that can be read."""
    for kind, body in png.chunks:
        if kind in TEXT and body.startswith(keyword + b"\0"):
            rest = body[len(keyword) + 1 :]
            try:
                return _text(kind, rest)
            except (ValueError, zlib.error):
                return b""
    return b""


def _text(kind, rest):
    if kind == b"tEXt":
        return rest
    if kind == b"zTXt":
        return inflated(rest[1:], MOST_KEPT)
    packed, _, _, text = rest[:1], *rest[2:].split(b"\0", 2)  # iTXt: language and translated keyword come before
    return inflated(text, MOST_KEPT) if packed == b"\1" else text


def _raw(text):
    """A profile as ImageMagick writes it into a PNG's text: name, length and hexadecimal digits, a line each."""
    try:
        return bytes.fromhex(b"".join(text.split(b"\n")[3:]).decode())
    except ValueError:
        return b""


def set_aspect(file, aspect):
    """Write the shape of pixels into the pHYs of a PNG in ``file``, open for both, which Pillow wrote for some dpi."""
    file.seek(0)
    at = file.read(2**16).index(b"pHYs")
    body = b"pHYs" + struct.pack(">IIB", *aspect, 0)
    file.seek(at)
    file.write(body + _sum(body))


def with_chunks(data, like):
    """PNG with sRGB, resolution, EXIF, XMP and texts behind the header (PNG specification, 3rd edition, 11.3)."""
    chunks = [(b"sRGB", b"\0")]
    if like.dpi:
        chunks.append((b"pHYs", struct.pack(">IIB", *(round(float(d) / 0.0254) for d in like.dpi), 1)))
    elif like.aspect:
        chunks.append((b"pHYs", struct.pack(">IIB", *like.aspect, 0)))
    if like.exif:
        chunks.append((b"eXIf", like.exif.removeprefix(b"Exif\0\0")))
    if like.xmp:
        chunks.append((b"iTXt", XMP + bytes(5) + like.xmp))
    chunks += like.texts
    added = b"".join(struct.pack(">I", len(body)) + name + body + _sum(name + body) for name, body in chunks)
    return [data[:33], added, data[33:]]
