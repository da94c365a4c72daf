"""The values of a TIFF's page as they are stored, whatever its strips or tiles were packed by.

tifffile knows strips, tiles, planes, byte order and differences of neighbors; imagecodecs, where it is installed, many
codings. LZW, PackBits and LZMA are undone by libtiff, which comes with Pillow, and Deflate by zlib: both give as many
bytes as a segment has and no more, whatever a damaged file promises. JPEG and the fax codings are Pillow's altogether.
"""

import importlib.util
import io
import math
import struct
import zlib

import numpy as np
import tifffile
from PIL import Image

from ..errors import ColorizeError
from .exif import LONG, SHORT, Value, closed, lay_out, read_directory
from .tiff_codings import inner_size, is_known

NONE, LZW, OLD_JPEG, JPEG, PACKBITS, LZMA = 1, 5, 6, 7, 32773, 34925
FAX = (2, 3, 4, 32771)
DEFLATE = (8, 32946)
BY_LIBTIFF = (LZW, PACKBITS, LZMA)
BY_PILLOW = (JPEG, OLD_JPEG, *FAX)
ORIENTATION, YCBCR, STRIPS, TILES = 274, 6, (273, 279), (324, 325)
# What Pillow has to know of a page: size, bits, coding, photometry, fill order, samples, rows of a strip, planes, what
# is told of fax codings, predictor, tiles, extra samples, JPEG tables, and how YCbCr is meant.
TOLD = (256, 257, 258, 259, 262, 266, 277, 278, 284, 292, 293, 317, 322, 323, 332, 338, 347, 529, 530, 532)
# How many bytes can come of one: more are promised by a damaged or hostile file only. LZW: 3,836 codes of 9 to 12 bits
# give at most 3,836 * 3,837 / 2 bytes; LZMA: as measured, and some; JPEG: see `opening.MOST_PIXELS`, of 4 channels.
EXPANDS = {JPEG: 4096, OLD_JPEG: 4096, NONE: 1, LZW: 1500, PACKBITS: 64, LZMA: 10_000, **dict.fromkeys(DEFLATE, 1032)}
GROUP = 2**22  # bytes; strips are often much smaller, and each call of libtiff costs time
PIECE = 2**16  # bytes
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def samples_of(page):
    """The values of a `tifffile.TiffPage` -> (H, W, samples) of its dtype, in this machine's byte order.

    ValueError if it is not whole; ColorizeError (status 1) for a coding that cannot be read.
    """
    _check_whole(page)
    plain = page.compression == NONE and (not page.is_contiguous or page.photometric == YCBCR)
    if plain or page.compression in (*BY_LIBTIFF, *DEFLATE):
        bits = {"bits": page.bitspersample, "sampleformat": int(page.sampleformat), "predictor": int(page.predictor)}
        data = _assembled(page, _stand_in(page, (page.imagelength, page.imagewidth), _chunk(page), **bits))
    else:
        data = _by_tifffile(page)
    data = data[:, 0]  # depth is 1
    return np.moveaxis(data[..., 0], 0, -1) if len(data) > 1 else data[0]


def rows_of_bytes(page, rows, row):
    """The page's bytes, unpacked but not understood -> uint8 (planes, rows of chunks, bytes of the chunks in a row).

    rows, row: how many rows a chunk (a tile or a strip) has, and bytes in each. Tiles stand whole beside each other.
    """
    _check_whole(page)
    down, across = -(-page.imagelength // _chunk(page)[0]), -(-page.imagewidth // _chunk(page)[1])
    length = rows * down if page.is_tiled else _rows_down(page, rows)
    twin = _stand_in(page, (length, row * across), (rows, row), bits=8, sampleformat=1, predictor=1, samples=1)
    return _assembled(page, twin)[:, 0, :, :, 0]


def _rows_down(page, rows):
    """Rows of bytes in all strips together: the last strip may be shorter."""
    strip = page.rowsperstrip
    return rows * (page.imagelength // strip) + math.ceil(page.imagelength % strip * rows / strip)


def opened_by_pillow(page):
    """The page alone, opened with Pillow: as it is stored, not turned. ColorizeError (status 1) if Pillow cannot."""
    if page.compression == OLD_JPEG:
        _check_enough(page, page.parent.filehandle.size)
        return _opened(_pointed_to(page), page)
    _check_whole(page)
    file = page.parent.filehandle
    file.seek(0)
    tags = read_directory(file, page.offset, page.parent.byteorder, page.parent.is_bigtiff)[0]
    tags = {tag: value for tag, value in tags.items() if tag in TOLD}
    return _opened(_small_tiff(tags, list(_raw(page, reverse=False)), page.is_tiled), page)


def _opened(data, page):
    try:
        image = Image.open(data, formats=("TIFF",))
    except Exception:  # noqa: BLE001  (a mode that Pillow does not have)
        raise _unknown(page) from None
    if image.size != (page.imagewidth, page.imagelength):
        raise ValueError("its size is not what it says")
    image.load()
    return image


def _unknown(page):
    what = getattr(page.compression, "name", page.compression)
    return ColorizeError(
        f"expected a TIFF whose compression can be read, got {what} of {page.bitspersample} bits; "
        "`pip install imagecodecs` adds it",
        status=1,
    )


def _check_whole(page):
    """ValueError if strips or tiles are missing, or promise too much: decoders fill up what is not there."""
    offsets, counts, size = page.dataoffsets, page.databytecounts, page.parent.filehandle.size
    rows, columns = _chunk(page)
    if not isinstance(rows, int) or not isinstance(columns, int):
        raise ValueError("strips or tiles of several sizes")
    if rows < 1 or columns < 1:
        raise ValueError(f"strips or tiles of {columns}x{rows}")
    if page.is_tiled and rows * columns > 4 * page.imagelength * page.imagewidth + 2**22:
        raise ValueError("tiles that are far larger than the picture")
    if not len(offsets) == len(counts) == math.prod(page.chunked):
        raise ValueError(f"{len(offsets)} strips or tiles of {math.prod(page.chunked)}")
    if page.compression == NONE:  # the last strip may be said to be as long as the others
        counts = [min(count, needed) for count, needed in zip(counts, _plain_sizes(page), strict=True)]
    if not all(offset > 0 < count and offset + count <= size for offset, count in zip(offsets, counts, strict=True)):
        raise ValueError("truncated: strips or tiles that are not in the file")
    if sum(counts) > 2 * size:  # each place would be read again and again
        raise ValueError("strips or tiles that lie over each other")
    _check_enough(page, sum(counts))


def _check_enough(page, count):
    """ValueError if no coding of its kind gives so many pixels of ``count`` bytes."""
    size = page.imagelength * page.imagewidth * page.samplesperpixel * page.bitspersample // 8
    shared = 3 if page.photometric == YCBCR else 1  # 16 pixels have one color at most: 18 bytes for 48
    if size > EXPANDS.get(page.compression, math.inf) * count * shared:
        raise ValueError("truncated: far fewer data than its size asks for")


def _plain_sizes(page):
    """How many bytes each strip or tile has that is not packed; more than any has for YCbCr, which shares colors."""
    rows, columns = _chunk(page)
    samples = 1 if page.planarconfig == 2 else page.samplesperpixel
    row, down = -(-columns * samples * page.bitspersample // 8), -(-page.imagelength // rows)
    last = rows if page.is_tiled else page.imagelength - rows * (down - 1)
    return [row * (last if (index + 1) % down == 0 else rows) for index in range(len(page.dataoffsets))]


def _by_tifffile(page):
    if page.compression != NONE:
        _check_inside(page)
    try:
        return page.asarray(squeeze=False)
    except (ValueError, NotImplementedError, ImportError) as error:
        if "imagecodecs" not in str(error) and not isinstance(error, ImportError):
            raise
        raise _unknown(page) from None


def _check_inside(page):
    """ColorizeError for a coding that nobody knows, ValueError if a strip or tile holds a larger picture than it is."""
    if not is_known(page.compression):
        what = getattr(page.compression, "name", page.compression)
        raise ColorizeError(f"expected a TIFF whose compression can be read, got {what}", status=1)
    if importlib.util.find_spec("imagecodecs") is None:
        raise _unknown(page)
    rows, columns = _chunk(page)
    for raw in _raw(page, reverse=False):
        size = inner_size(raw, page.compression)
        if size and (size[0] > columns or size[1] > rows):
            raise ValueError(f"a picture of {size[0]}x{size[1]} in a strip or tile of {columns}x{rows}")


def _chunk(page):
    return (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, page.imagewidth)


def _stand_in(page, shape, chunk, bits, sampleformat, predictor, samples=None):
    """A page of as many strips or tiles as ``page``, not compressed and not there: tifffile tells by it how to read."""
    samples, count = samples or page.samplesperpixel, len(page.dataoffsets)
    if page.planarconfig == 2:
        samples = page.samplesperpixel
    told = {256: shape[1], 257: shape[0], 259: NONE, 262: 1, 277: samples, 284: int(page.planarconfig), 317: predictor}
    told |= {322: chunk[1], 323: chunk[0]} if page.is_tiled else {278: chunk[0]}
    tags = {tag: Value(LONG, struct.pack("<I", value)) for tag, value in told.items()}
    tags |= {258: Value(SHORT, struct.pack("<H", bits) * samples)}
    tags |= {339: Value(SHORT, struct.pack("<H", sampleformat) * samples)}
    tags |= {tag: Value(LONG, struct.pack("<I", 8) * count) for tag in (TILES if page.is_tiled else STRIPS)}
    order = page.parent.byteorder
    values, entries = lay_out(tags, 8, order)
    head = struct.pack(order + "2sHI", b"II" if order == "<" else b"MM", 42, 8 + len(values))
    return tifffile.TiffFile(io.BytesIO(head + values + closed(entries, order))).pages[0]


def _assembled(page, twin):
    """The page's strips or tiles unpacked, and put together as ``twin`` has it -> (planes, 1, H, W, samples)."""
    out = np.empty(twin.shaped, twin.dtype)
    for index, data in _unpacked(page, twin):
        part, (plane, _, top, left, _), _ = twin.decode(data, index)
        if part.size == out.size:
            return part.reshape(out.shape)
        part = part[:, : out.shape[2] - top, : out.shape[3] - left]
        out[plane, :, top : top + part.shape[1], left : left + part.shape[2]] = part
    return out


def _unpacked(page, twin):
    """(index, bytes) of each strip or tile."""
    height, width = _chunk(twin)
    samples = 1 if twin.planarconfig == 2 else twin.samplesperpixel
    row = -(-width * samples * twin.bitspersample // 8)
    down = -(-twin.imagelength // height)
    last = height if twin.is_tiled else twin.imagelength - height * (down - 1)
    raws, first = [], 0
    for index, raw in enumerate(_raw(page)):
        rows = last if not twin.is_tiled and (index + 1) % down == 0 else height
        if page.compression in DEFLATE:
            yield index, _inflated(raw, rows * row, height * row)
        elif page.compression == NONE:
            yield index, raw[: rows * row]
        else:
            raws.append(raw)
            if rows < height or len(raws) * height * row > GROUP or index == len(page.dataoffsets) - 1:
                whole = _by_libtiff(raws, page.compression, row, height, (len(raws) - 1) * height + rows)
                for k in range(len(raws)):
                    yield first + k, whole[k * height * row : (k + 1) * height * row]
                raws, first = [], index + 1


def _raw(page, reverse=True):
    """The bytes of each strip or tile, the highest bit of each first."""
    file = page.parent.filehandle
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        file.seek(offset)
        data = file.read(count)
        yield data.translate(REVERSED) if reverse and page.fillorder == 2 else data


def _inflated(raw, size, most):
    """Deflate's bytes, of which ``size`` are wanted; a strip that is longer than it need be has ``most`` at most."""
    worker, out, at = zlib.decompressobj(), memoryview(bytearray(size)), 0
    for start in range(0, len(raw), PIECE):  # of which at most 1,032 times as many come
        piece = worker.decompress(raw[start : start + PIECE])
        out[at : at + len(piece)] = piece[: max(0, size - at)]
        at += len(piece)
        if at > most:
            break
    if not (size <= at <= most and worker.eof):  # at the end the checksum has been compared
        raise ValueError("truncated: a strip or tile of its is too short, or too long")
    return out


def _by_libtiff(raws, compression, row, rows, height):
    """Packed strips, of ``rows`` rows each (the last may have fewer) and ``row`` bytes a row -> bytes of all."""
    told = {256: row, 257: height, 258: 8, 259: compression, 262: 1, 277: 1, 278: rows}
    tags = {tag: Value(LONG, struct.pack("<I", value)) for tag, value in told.items()}
    out = memoryview(bytearray(row * height))
    with Image.open(_small_tiff(tags, raws), formats=("TIFF",)) as image:
        image.load()
        step = max(1, GROUP // row)
        for top in range(0, height, step):  # a single strip may hold a whole scan
            piece = image.crop((0, top, row, min(top + step, height))).tobytes()
            out[top * row : top * row + len(piece)] = piece
    return out


def _small_tiff(tags, segments, tiled=False):
    """A TIFF of one page in memory, of packed strips or tiles as they are and what ``tags`` say of them."""
    places, counts = TILES if tiled else STRIPS
    sizes = [len(segment) for segment in segments]
    starts = np.cumsum([8, *sizes[:-1]])
    tags = tags | {places: Value(LONG, starts.astype("<u4").tobytes())}
    tags |= {counts: Value(LONG, np.asarray(sizes, "<u4").tobytes())}
    at = 8 + sum(sizes)
    values, entries = lay_out(tags, at + at % 2, "<")
    head = struct.pack("<2sHI", b"II", 42, at + at % 2 + len(values))
    return io.BytesIO(b"".join([head, *segments, bytes(at % 2), values, closed(entries, "<")]))


def _pointed_to(page):
    """The whole file with this page as its first, and not turned: old JPEGs are told of by places all over the file."""
    file = page.parent.filehandle
    file.seek(0)
    data = bytearray(file.read())
    form = page.parent.tiff
    struct.pack_into(form.offsetformat, data, 8 if form.offsetsize == 8 else 4, page.offset)
    if ORIENTATION in page.tags:
        struct.pack_into(page.parent.byteorder + "H", data, page.tags[ORIENTATION].valueoffset, 1)
    return io.BytesIO(data)
