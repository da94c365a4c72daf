"""A 16-bit TIFF strip by strip: a scan of 100 megapixels is written without a second copy of it in memory.

Pillow writes no color of 16 bits, and OpenCV wants all of it in another order, and the file as a whole, in memory.
"""

import errno
import struct
import zlib

import numpy as np

from .exif import LONG, SHORT, Value, closed, lay_out

STRIP = 2**23  # bytes of a strip before it is compressed
MOST = 2**32 - 2**26  # bytes; the rest of 4 GB is for metadata
DEFLATE, PREDICTOR, RGB = 8, 2, 2


def write_strips(file, rgb, alpha=None):
    """Write uint16 (H, W, 3), and alpha (H, W), uint16 or None, to an empty binary file as a little-endian TIFF.

    Compressed by Deflate over the differences of neighbours (TIFF 6.0, section 14; Adobe Photoshop TIFF technical
    notes). OSError if that does not fit into the 4 GB of a TIFF.
    """
    height, width, channels = *rgb.shape[:2], 3 if alpha is None else 4
    rows = max(1, STRIP // (2 * channels * width))
    places, sizes = [], []
    place = file.write(struct.pack("<2sHI", b"II", 42, 0))
    for top in range(0, height, rows):
        values = np.empty((min(rows, height - top), width, channels), "<u2")
        values[..., :3] = rgb[top : top + rows]
        if alpha is not None:
            values[..., 3] = alpha[top : top + rows]
        values[:, 1:] -= values[:, :-1].copy()
        places.append(place)
        sizes.append(file.write(zlib.compress(values, 1)))
        place += sizes[-1]
        if place > MOST:
            raise OSError(errno.EFBIG, "expected a picture that fits into the 4 GB of a TIFF, got a larger one")
    place += file.write(bytes(place % 2))
    shorts = {258: [16] * channels, 259: [DEFLATE], 262: [RGB], 277: [channels], 284: [1], 317: [PREDICTOR]}
    longs = {256: [width], 257: [height], 273: places, 278: [rows], 279: sizes}
    tags = {tag: Value(SHORT, struct.pack(f"<{len(some)}H", *some)) for tag, some in shorts.items()}
    tags |= {tag: Value(LONG, struct.pack(f"<{len(some)}I", *some)) for tag, some in longs.items()}
    values, entries = lay_out(tags, place, "<")
    file.write(values)
    place = file.tell()
    file.write(closed(entries, "<"))
    file.seek(4)
    file.write(struct.pack("<I", place))
