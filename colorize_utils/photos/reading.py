"""Photos as files: found at any depth, and read precisely.

Reading turns any common format into sRGB, upright, and keeps aside what the output needs: alpha, depth, metadata.
"""

from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np
from PIL import UnidentifiedImageError

from ..errors import ColorizeError, reason
from .beside import Carried
from .deep_png import read_deep_png
from .eight_bits import read_eight_bits
from .finding import READABLE, find_photos
from .jp2 import Jp2, bits_in_boxes, read_deep_jp2
from .jpeg import Jpeg, most_scans
from .metadata import read_metadata, read_tiff_metadata, stands_beside
from .no_photo import what_is
from .opening import head_of, is_tiff, opened, unguarded
from .pixels import upright
from .png import Png
from .profiles import in_srgb
from .provenance import SOFTWARE, mark_in
from .rare_jpeg import is_rare, read_rare_jpeg
from .size import refuse_memory, refuse_size
from .writing import SUFFIXES, as_codes, write_photo

__all__ = ["READABLE", "SUFFIXES", "Photo", "find_photos", "read_pages", "read_photo", "write_photo"]

KINDS = "JPEG, PNG, TIFF, WebP, BMP, GIF, AVIF, JPEG 2000, HEIC"


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


def read_photo(path, max_pixels=300_000_000, codes=False):
    """Read a photo -> `Photo`. ColorizeError (status 1) in one line for whatever is not a whole photo.

    Orientation is applied, an ICC profile is converted to sRGB, 16-bit values keep their precision. Of a TIFF with
    several pages the first is read. max_pixels guards against files that claim to be enormous. codes: leave the values
    as integers, which takes a quarter of the memory or less.
    """
    path = Path(path)
    with _one_line(path):
        if not is_tiff(path):
            with opened(path, max_pixels=max_pixels) as file:
                return _read(path, file, max_pixels, codes)
        pictures, notes = _pictures_of(path)
    return _read_tiff(pictures[0], len(pictures), notes, max_pixels, codes)


def read_pages(path, max_pixels=300_000_000, codes=False, lost=None):
    """`read_photo` for each page of a TIFF in turn; of other formats the one picture.

    ``lost(line)`` is called for each page that cannot be read, if others can; without it such a page is an error.
    """
    path = Path(path)
    with _one_line(path):
        pictures, notes = _pictures_of(path) if is_tiff(path) else ((), ())
    if not pictures:
        yield read_photo(path, max_pixels, codes)
    failures = []
    for picture in pictures:
        try:
            photo = _read_tiff(picture, len(pictures), notes, max_pixels, codes)
        except ColorizeError as error:
            failures.append(error)
            if lost is None or len(failures) == len(pictures):
                raise failures[0] from None
            continue
        yield photo
        notes = ()
        del photo
    for error in failures:
        lost(str(error))


@contextmanager
def _one_line(path, page=1):
    """Whatever goes wrong with a page of ``path`` as a ColorizeError of one line; Pillow's limits are off inside."""
    where = f"{path} (page {page})" if page > 1 else str(path)
    try:
        with unguarded():
            yield
    except ColorizeError as error:
        named = str(error) if str(error).startswith(str(path)) else f"{where}: {error}"
        raise ColorizeError(named, error.status) from None
    except UnidentifiedImageError:
        raise ColorizeError(f"{where}: expected a photo ({KINDS}), got {what_is(head_of(path))}", status=1) from None
    except MemoryError:
        raise ColorizeError(f"{where}: not enough memory for a photo of this size", status=1) from None
    except Exception as error:  # noqa: BLE001  (decoders answer damaged files with whatever comes to hand)
        if getattr(error, "strerror", None):
            raise ColorizeError(f"{where}: could not be read: {reason(error)}", status=1) from None
        # These speak of the code that read it, not of the file.
        why = "damaged data" if isinstance(error, (TypeError, AttributeError, IndexError)) else reason(error)
        raise ColorizeError(f"{where}: expected a whole photo, got: {why}", status=1) from None


def _pictures_of(path):
    from .tiff_pages import pictures_of  # tifffile takes a while to load

    return pictures_of(path)


def count_pixels(path, together=False):
    """Width times height of a photo, or of its largest page, by its headers; 0 of what cannot be read.

    together: of all its pages.
    """
    try:
        with unguarded():
            if is_tiff(Path(path)):
                sizes = [picture.size for picture in _pictures_of(path)[0]]
                return (sum if together else max)(width * height for width, height in sizes)
            with opened(Path(path), quick=True) as file:
                return file.image.width * file.image.height
    except Exception:  # noqa: BLE001  (reading it will say what is wrong)
        return 0


def read_mark(path):
    """What colored the picture ``path``, as `provenance.Maker` has it as text; None where the file does not say."""
    try:
        with unguarded(), opened(Path(path), quick=True) as file:
            return mark_in(file.image.getexif().get(SOFTWARE))
    except Exception:  # noqa: BLE001  (whatever it is, it is not a picture of ours)
        return None


def _read(path, file, max_pixels, codes):
    image = file.image
    if image.format in ("PNG", "WEBP", "GIF", "AVIF") and getattr(image, "n_frames", 1) > 1:
        raise ColorizeError(f"{path}: expected a still photo, got an animation of {image.n_frames} pictures", status=1)
    refuse_size(image.size, max_pixels)
    if file.is_hollow:
        raise ValueError("truncated: far fewer data than its size asks for")
    refuse_memory(image.size, _bytes_to_decode(file), max_pixels)
    if isinstance(file.parts, Jpeg) and file.parts.scans > (most := most_scans(image.size, max_pixels)):
        raise ColorizeError(f"expected at most {most} scans, got {file.parts.scans}", status=1)
    told = read_metadata(stands_beside(file.file, image, file.parts))
    pixels = _decoded(path, file)
    if pixels.bits == 8 and _has_more_than_8_bits(file):
        pixels = pixels.noting("of its more than 8 bits a channel, 8 were read")
    photo = _photo(path, replace(pixels, orientation=told.orientation), told, codes)
    photo.notes[:0] = file.notes
    return photo


def _read_tiff(picture, pages, notes, max_pixels, codes):
    from .tiff_pixels import FLOATS, read_picture

    with _one_line(picture.path, picture.number):
        refuse_size(picture.size, max_pixels)
        pixels = read_picture(picture, max_pixels)
        told = read_tiff_metadata(picture, pixels)
        if pixels.values.dtype == np.float32 and not told.profile:
            pixels = pixels.noting(FLOATS)
        photo = _photo(picture.path, pixels, told, codes)
    photo.pages = pages
    photo.notes[:0] = notes
    return photo


def _photo(path, pixels, told, codes):
    """`Pixels` and `Metadata` of the file ``path`` -> `Photo`, upright and in sRGB."""
    pixels = in_srgb(replace(pixels, profile=told.profile))
    rgb, alpha = _as_asked(pixels, codes)
    return Photo(
        rgb,
        alpha,
        bits=pixels.bits,
        was_grey=pixels.was_grey,
        path=path,
        notes=[*told.notes, *pixels.notes],
        **{each.name: getattr(told, each.name) for each in fields(Carried)},
    )


def _decoded(path, file):
    """The `Pixels` of the picture, by whatever can decode it at its depth."""
    image, parts = file.image, file.parts
    if isinstance(parts, Png) and parts.depth == 16:
        return read_deep_png(parts, image)
    if isinstance(parts, Jpeg) and is_rare(parts):
        return read_rare_jpeg(path, parts)
    if isinstance(parts, Jp2) and parts.bits > 8:
        return read_deep_jp2(path, parts, image) or read_eight_bits(image)
    return read_eight_bits(image)


def _bytes_to_decode(file):
    """Bytes that decoding takes for each pixel, by the header."""
    if isinstance(file.parts, Jpeg | Png):
        return file.parts.bytes_to_decode
    channels, is_deep = len(file.image.getbands()), _has_more_than_8_bits(file)
    if isinstance(file.parts, Jp2) and is_deep:
        return 2 * channels
    planes = 3 * (1 + is_deep) if file.image.format in ("AVIF", "HEIF") else 0  # YCbCr, before it is RGB
    return planes + (1 if channels == 1 else 4)  # Pillow keeps color in four bytes


def _has_more_than_8_bits(file):
    bits = file.image.info.get("bit_depth") or 8
    if file.image.format == "AVIF":
        file.file.seek(0)
        bits = bits_in_boxes(file.file.read(2**16))
    return bits > 8 or isinstance(file.parts, Jp2) and file.parts.bits > 8


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
