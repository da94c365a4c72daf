"""A photo's file, opened with Pillow: by its content, whatever its name says."""

import math
import os
import stat
import threading
import warnings
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image

from ..errors import ColorizeError
from .jp2 import HEADS as JP2_HEADS
from .jp2 import Jp2, read_jp2
from .jpeg import MOST_TO_MEND, Jpeg, read_jpeg, with_end
from .png import SIGNATURE, Png, read_png
from .rare_jpeg import is_rare, without_scans
from .size import is_within

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "AVIF", "JPEG2000")
# How many pixels a byte of the file can give at most: decoders fill up what is not there. JPEG: a bit for each block of
# 8x8 at least, and of a channel in full resolution there need not be one. GIF: 12 bits for at most 3,838 pixels.
MOST_PIXELS = {"JPEG": 1024, "MPO": 1024, "GIF": 2560}
ARITHMETIC = (0xC9, 0xCA)  # frames of JPEGs that have less than a bit for what is expected
TIFF_HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # TIFF and BigTIFF, in either order of bytes
_lock, _reading, _restore = threading.Lock(), 0, None


@dataclass(frozen=True)
class Opened:
    """A photo's file, opened, and opened with Pillow; ``parts``: what was seen of its segments, chunks or boxes."""

    file: object
    image: Image.Image
    parts: Jpeg | Png | Jp2 | None = None
    notes: tuple = ()

    @property
    def is_hollow(self):
        """Whether the file is too small to hold so many pixels, however it is coded."""
        return _is_hollow(self.file, self.image.format, self.image.size, self.parts)


def _is_hollow(file, kind, size, parts):
    if isinstance(parts, Jpeg) and parts.frame and parts.frame[0] in ARITHMETIC:
        return False
    return math.prod(size) > MOST_PIXELS.get(kind, math.inf) * os.fstat(file.fileno()).st_size


def _refuse_no_file(path):
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for without an end
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "something that is no file"
        raise ColorizeError(f"{path}: expected a photo, got {kind}", status=1)
    if status.st_size == 0:
        raise ColorizeError(f"{path}: expected a photo, got an empty file", status=1)


def is_tiff(path):
    """Whether the photo ``path`` is a TIFF. ColorizeError (status 1) if it is no file, or empty."""
    _refuse_no_file(path)
    return head_of(path)[:4] in TIFF_HEADS


def head_of(path):
    """The first 512 bytes of a file; none of one that cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(512)
    except OSError:
        return b""


@contextmanager
def opened(path, quick=False, max_pixels=0):
    """The file opened with Pillow: by its content, whatever its name says. quick: only its head will be asked for.

    One whose end is missing is mended if it has at most ``max_pixels`` by its header, for that takes decoding.
    """
    _refuse_no_file(path)
    with open(path, "rb") as file:
        head = file.read(12)
        formats = FORMATS
        if head[4:8] == b"ftyp" and head[8:12] not in (b"avif", b"avis"):
            _learn_heif(path)
            formats = ("HEIF",)
        source, parts, notes = (file, None, ()) if quick else _taken_apart(path, file, head, max_pixels)
        source.seek(0)
        with Image.open(source, formats=formats) as image:
            yield Opened(file, image, parts, notes)


def _taken_apart(path, file, head, max_pixels):
    """What Pillow is to be given in place of an open file that begins so, its `Opened.parts`, and notes."""
    if head.startswith(SIGNATURE):
        png = read_png(path, file, max_pixels)
        return png.pixels, png, ()
    if head.startswith(JP2_HEADS):
        return file, read_jp2(file), ()
    if not head.startswith(b"\xff\xd8\xff"):
        return file, None, ()
    jpeg = read_jpeg(file)
    if is_rare(jpeg):
        return without_scans(jpeg), jpeg, ()
    size = jpeg.frame[2:4] if jpeg.frame else (math.inf,)
    fits = is_within(size, jpeg.bytes_to_decode, max_pixels) and math.prod(size) * jpeg.effort <= MOST_TO_MEND
    may_mend = jpeg.end is None and fits and not _is_hollow(file, "JPEG", size, jpeg)
    if may_mend and (mended := with_end(file, jpeg)):
        return mended, jpeg, ("its end mark is missing; its pixels are whole",)
    return file, jpeg, ()


def _learn_heif(path):
    try:
        import pillow_heif
    except ImportError:
        raise ColorizeError(
            f"{path}: expected a format that can be read, got HEIC; `pip install pillow-heif` adds it", status=1
        ) from None
    pillow_heif.register_heif_opener()


@contextmanager
def unguarded():
    """While photos are read: neither Pillow's limit of size (ours is checked) nor its warnings of odd metadata.

    Both are settings of the whole process, so with several threads the first to enter sets and the last restores them.
    """
    global _reading, _restore
    with _lock:
        if _reading == 0:
            quiet = warnings.catch_warnings()
            quiet.__enter__()
            warnings.simplefilter("ignore")
            _restore = quiet, Image.MAX_IMAGE_PIXELS
            Image.MAX_IMAGE_PIXELS = None
        _reading += 1
    try:
        yield
    finally:
        with _lock:
            _reading -= 1
            if _reading == 0:
                quiet, Image.MAX_IMAGE_PIXELS = _restore
                quiet.__exit__(None, None, None)
