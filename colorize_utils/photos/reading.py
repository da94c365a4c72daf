"""Photos as files: found at any depth, and read precisely.

Reading turns any common format into sRGB, upright, and keeps aside what the output needs: alpha, depth, metadata.
"""

import os
import stat
import threading
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from ..errors import ColorizeError, reason
from .deep_color import identified, is_16_bit, is_deep, read_deep
from .deep_png import read_deep_png
from .eight_bits import read_eight_bits
from .jp2 import HEADS as JP2_HEADS
from .jp2 import Jp2, read_deep_jp2, read_jp2
from .jpeg import Jpeg, read_jpeg, with_end
from .metadata import read_metadata, stands_beside
from .no_photo import what_is
from .pixels import upright
from .png import SIGNATURE, Png, read_png
from .profiles import in_srgb
from .provenance import SOFTWARE, mark_in
from .rare_jpeg import is_rare, read_rare_jpeg, without_scans
from .writing import SUFFIXES, as_codes, write_photo

__all__ = ["READABLE", "SUFFIXES", "Photo", "find_photos", "read_pages", "read_photo", "write_photo"]

HEIF = (".heic", ".heif")
JPEG2000 = (".jp2", ".j2k", ".j2c", ".jpf", ".jpx")
READABLE = (*SUFFIXES, ".jpe", ".jfif", ".mpo", ".jls", ".gif", ".avif", *JPEG2000, *HEIF)
KINDS = "JPEG, PNG, TIFF, WebP, BMP, GIF, AVIF, JPEG 2000, HEIC"
FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "AVIF", "JPEG2000")
_lock, _reading, _restore = threading.Lock(), 0, None


@dataclass
class Photo:
    """A photo: ``rgb`` float32 (H, W, 3) sRGB in [0, 1], upright, and what has to survive to the output.

    Read as codes, ``rgb`` and ``alpha`` are uint8 or uint16 as in the file, and ``rgb`` is (H, W) where it is grey.
    """

    rgb: np.ndarray
    alpha: np.ndarray | None = None  # float32 (H, W) in [0, 1]
    bits: int = 8  # 8 or 16 a channel, as the file had it
    exif: bytes | None = None  # with the orientation already applied and reset
    xmp: bytes | None = None
    iptc: bytes | None = None  # of a JPEG: what Photoshop and agencies wrote before there was XMP; a TIFF's is in exif
    photoshop: tuple = ()  # of a JPEG: other resource blocks of Photoshop's, as clipping paths, bytes each
    comments: tuple = ()  # of a JPEG or GIF, bytes each
    texts: tuple = ()  # of a PNG: (kind of chunk, body) each
    dpi: tuple | None = None
    aspect: tuple | None = None  # pixels across and down in the same length, where they are not square
    was_grey: bool = False
    path: Path | None = None
    pages: int = 1  # of the file it comes from
    notes: list = field(default_factory=list)  # what a person should know, a line each


def find_photos(paths, unreadable=None):
    """Files and folders -> sorted list of (path, root): every photo below the folders, hidden files left out.

    A file that is named itself is taken whatever its suffix; its root is its folder. ColorizeError (status 1) for a
    path that does not exist. ``unreadable(folder, reason)`` is called for a folder that may not be looked into.
    """
    found = []
    for path in map(Path, paths):
        if path.is_dir():
            found += [(p, path) for p in _walk(path, unreadable)]
        elif os.path.lexists(path):  # a link that leads nowhere has its own line when it is read
            found.append((path, path.parent))
        else:
            raise ColorizeError(f"expected a photo or a folder, but there is no {path}", status=1)
    return found


def _walk(folder, unreadable):
    def refused(error):
        if unreadable:
            unreadable(Path(error.filename), error.strerror)

    # Links to folders are not followed: they may lead in a circle.
    for here, folders, names in os.walk(folder, onerror=refused):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in READABLE:
                yield Path(here) / name


def read_photo(path, max_pixels=300_000_000, codes=False):
    """Read a photo -> `Photo`. ColorizeError (status 1) in one line for whatever is not a whole photo.

    Orientation is applied, an ICC profile is converted to sRGB, 16-bit values keep their precision. Of a TIFF with
    several pages the first is read. max_pixels guards against files that claim to be enormous. codes: leave the values
    as integers, which takes a quarter of the memory or less.
    """
    return _read_page(Path(path), 0, max_pixels, codes)


def read_pages(path, max_pixels=300_000_000, codes=False):
    """`read_photo` for each page of a TIFF in turn; of other formats the one picture."""
    first = _read_page(Path(path), 0, max_pixels, codes)
    pages = first.pages
    yield first
    del first
    for page in range(1, pages):
        yield _read_page(Path(path), page, max_pixels, codes)


def _read_page(path, page, max_pixels, codes):
    where = f"{path} (page {page + 1})" if page else str(path)
    try:
        with _unguarded(), _opened(path) as opened:
            return _read(path, where, opened, page, max_pixels, codes)
    except ColorizeError:
        raise
    except UnidentifiedImageError:
        raise ColorizeError(f"{where}: expected a photo ({KINDS}), got {what_is(_head(path))}", status=1) from None
    except MemoryError:
        raise ColorizeError(f"{where}: not enough memory for a photo of this size", status=1) from None
    except Exception as error:  # noqa: BLE001  (decoders answer damaged files with whatever comes to hand)
        if getattr(error, "strerror", None):
            raise ColorizeError(f"{where}: could not be read: {reason(error)}", status=1) from None
        raise ColorizeError(f"{where}: expected a whole photo, got: {reason(error)}", status=1) from None


def _head(path):
    try:
        with open(path, "rb") as file:
            return file.read(512)
    except OSError:
        return b""


@dataclass(frozen=True)
class _Opened:
    """A photo's file, opened, and opened with Pillow; ``parts``: what was seen of its segments, chunks or boxes."""

    file: object
    image: Image.Image
    parts: Jpeg | Png | Jp2 | None = None
    notes: tuple = ()


@contextmanager
def _opened(path, quick=False):
    """The file opened with Pillow: by its content, whatever its name says. quick: only its head will be asked for."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for without an end
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "something that is no file"
        raise ColorizeError(f"{path}: expected a photo, got {kind}", status=1)
    if status.st_size == 0:
        raise ColorizeError(f"{path}: expected a photo, got an empty file", status=1)
    # Given a path, Pillow maps plain TIFFs into memory, and (in version 13) those lying on their side wrongly.
    with open(path, "rb") as file:
        head = file.read(12)
        formats = FORMATS
        if head[4:8] == b"ftyp" and head[8:12] not in (b"avif", b"avis"):
            _learn_heif(path)
            formats = ("HEIF",)
        source, parts, notes = (file, None, ()) if quick else _taken_apart(path, file, head)
        source.seek(0)
        with identified(source, head, formats) as image:
            yield _Opened(file, image, parts, notes)


def _taken_apart(path, file, head):
    """What Pillow is to be given in place of an open file that begins so, its `_Opened.parts`, and notes."""
    if head.startswith(SIGNATURE):
        png = read_png(path, file)
        return png.pixels, png, ()
    if head.startswith(JP2_HEADS):
        return file, read_jp2(file), ()
    if not head.startswith(b"\xff\xd8\xff"):
        return file, None, ()
    jpeg = read_jpeg(file)
    if is_rare(jpeg):
        return without_scans(jpeg), jpeg, ()
    if jpeg.end is None and (mended := with_end(file, jpeg)):
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


def count_pixels(path):
    """Width times height of a photo, by its first bytes; 0 of what cannot be read."""
    try:
        with _unguarded(), _opened(Path(path), quick=True) as opened:
            return opened.image.width * opened.image.height
    except Exception:  # noqa: BLE001  (reading it will say what is wrong)
        return 0


def read_mark(path):
    """What colored the picture ``path``, as `provenance.Maker` has it as text; None where the file does not say."""
    try:
        with _unguarded(), _opened(Path(path), quick=True) as opened:
            return mark_in(opened.image.getexif().get(SOFTWARE))
    except Exception:  # noqa: BLE001  (whatever it is, it is not a picture of ours)
        return None


@contextmanager
def _unguarded():
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


def _read(path, where, opened, page, max_pixels, codes):
    image, pages, notes = opened.image, 1, opened.notes
    if image.format == "TIFF":
        pages, notes = _pages(image)
        image.seek(page)
    elif image.format in ("PNG", "WEBP", "GIF", "AVIF") and getattr(image, "n_frames", 1) > 1:
        raise ColorizeError(f"{where}: expected a still photo, got an animation of {image.n_frames} pictures", status=1)
    _refuse_size(where, image.size, max_pixels)
    told = read_metadata(path, image, stands_beside(opened.file, image, opened.parts))
    pixels = _decoded(path, opened, page, told.orientation)
    pixels = in_srgb(pixels if image.mode == "LAB" else replace(pixels, profile=told.profile))
    if pixels.bits == 8 and _has_more_than_8_bits(opened):
        pixels = pixels.noting("of its more than 8 bits a channel, 8 were read")
    rgb, alpha = _as_asked(pixels, codes)
    names = ("exif", "xmp", "iptc", "photoshop", "comments", "texts", "dpi", "aspect")
    return Photo(
        rgb,
        alpha,
        bits=pixels.bits,
        was_grey=pixels.was_grey,
        path=path,
        pages=pages,
        notes=[*notes, *told.notes, *pixels.notes],
        **{name: getattr(told, name) for name in names},
    )


def _decoded(path, opened, page, orientation):
    """The `Pixels` of the picture, by whatever can decode it at its depth."""
    image, parts = opened.image, opened.parts
    if image.format == "TIFF":
        if is_deep(image):
            return read_deep(path, image, orientation, page)
        return read_eight_bits(image)  # Pillow turns these itself
    if isinstance(parts, Png) and parts.depth == 16:
        pixels = read_deep_png(parts, image)
    elif isinstance(parts, Jpeg) and is_rare(parts):
        pixels = read_rare_jpeg(path, parts)
    elif isinstance(parts, Jp2) and parts.bits > 8:
        pixels = read_deep_jp2(path, parts, image) or read_eight_bits(image)
    else:
        pixels = read_eight_bits(image)
    return replace(pixels, orientation=orientation)


def _has_more_than_8_bits(opened):
    image, parts = opened.image, opened.parts
    deep_tiff = image.mode == "CMYK" and is_16_bit(image)
    return (image.info.get("bit_depth") or 8) > 8 or deep_tiff or isinstance(parts, Jp2) and parts.bits > 8


def _pages(image):
    """How many pages a TIFF has, and what is to be said of them."""
    try:
        return getattr(image, "n_frames", 1), ()
    except Exception:  # noqa: BLE001  (the place of a next page may be any number)
        return 1, ("what follows its first page is damaged and was left out",)


def _refuse_size(where, size, max_pixels):
    if size[0] * size[1] > max_pixels:
        raise ColorizeError(
            f"{where}: expected at most {max_pixels:,} pixels, got {size[0]}x{size[1]}; --max-pixels raises the limit",
            status=1,
        )


def _as_asked(pixels, codes):
    """Upright, as codes or as floats in color -> rgb, alpha or None."""
    rgb = upright(_converted(pixels.values, codes, pixels.bits), pixels.orientation)
    if not codes and rgb.ndim == 2:
        rgb = rgb[..., None].repeat(3, axis=-1)
    alpha = pixels.alpha
    return rgb, None if alpha is None else upright(_converted(alpha, codes, pixels.bits), pixels.orientation)


def _converted(values, codes, bits):
    if codes:
        return as_codes(values, bits)
    if values.dtype == np.float32:
        return values
    values, highest = values.astype(np.float32), np.iinfo(values.dtype).max
    values /= highest
    return values
