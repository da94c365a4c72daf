"""Pictures into files: whole or not at all, with the depth, the alpha and the metadata of the photo they came from."""

import itertools
import struct
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

from ..disk import said_by_the_disk, whole
from ..errors import ColorizeError, reason
from . import jpeg, png
from .deep_color import write_deep
from .finding import SUFFIXES
from .kept import DEEP, JPEG, TIFF, Kept, for_format, format_of
from .provenance import stamped_exif
from .srgb import srgb
from .tiff import TiffPages, add_tags

LONGEST = {".jpg": 65_500, ".jpeg": 65_500, ".webp": 16_383}  # pixels a side that a format allows


def write_photo(path, rgb, like=None, made=None):
    """Write sRGB (H, W, 3) to ``path``; the suffix says the format. The file appears whole or not at all.

    rgb: float in [0, 1], or codes, uint8 or uint16. like: the `Photo` the picture was made from: its depth (PNG and
    TIFF), alpha, EXIF, XMP and resolution are kept. made: a `provenance.Maker`, which the metadata will name. JPEG is
    quality 95 with full-size chroma, WebP is lossless: both keep the colors. Metadata that cannot be written cost a
    line in ``like.notes``, not the picture. OSError if the disk will not; ColorizeError (status 1) for anything else.
    """
    write_pages(path, [(rgb, like)], made)


def write_pages(path, pictures, made=None):
    """`write_photo` for an iterable of (rgb, like), each a page of one TIFF. Other formats hold one picture."""
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ColorizeError(f"{path}: expected a name ending in {', '.join(SUFFIXES)}", status=1)
    with whole(path, lasting=False) as temporary:
        _write_to(temporary, path, iter(pictures), made)


def _write_to(temporary, path, pictures, made):
    try:
        rgb, like = next(pictures)
        several = getattr(like, "pages", 1) > 1
        if several and path.suffix.lower() not in TIFF:
            raise ColorizeError(f"{path}: expected a TIFF for {like.pages} pages", status=1)
        with open(temporary, "x+b") as file:
            if several:
                _write_all(file, path, itertools.chain([(rgb, like)], pictures), made)
            else:
                _write_one(file, path, rgb, like, made)
    except (ColorizeError, MemoryError):
        raise
    except OSError as error:
        if error.errno is None:
            raise said_by_the_disk(error, temporary) from None
        raise
    except Exception as error:  # noqa: BLE001  (Pillow and its encoders raise many kinds)
        raise ColorizeError(f"{path}: could not be written: {reason(error)}", status=1) from error


def _write_all(file, path, pictures, made):
    pages = TiffPages(file, path)
    for rgb, like in pictures:
        page = BytesIO()
        _write_one(page, path, rgb, like, made)
        pages.append(page.getbuffer())
        made = None if made is None else made._replace(in_xmp=False)  # one packet a file


def _write_one(file, path, rgb, like, made):
    """One picture to an open file. ``path`` says the format, and is what complaints name."""
    rgb, suffix = np.asarray(rgb), path.suffix.lower()
    _refuse_size(path, rgb.shape)
    kept, notes = for_format(suffix, Kept.of(like), made)
    if like is not None:
        like.notes.extend(notes)
    try:
        _encode(file, suffix, rgb, kept)
    except (OSError, MemoryError):
        raise
    except Exception:  # noqa: BLE001  (encoders raise many kinds for EXIF that does not suit them)
        if not kept.exif:
            raise
        file.seek(0)
        file.truncate()
        _encode(file, suffix, rgb, replace(kept, exif=stamped_exif(None, made) if made else None))
        if like is not None:
            like.notes.append("its EXIF data could not be written and was left out")


def _refuse_size(path, shape):
    if len(shape) != 3 or shape[2] != 3 or 0 in shape:
        raise ColorizeError(f"{path}: expected a picture of shape (H, W, 3), got {tuple(shape)}", status=1)
    limit = LONGEST.get(path.suffix.lower())
    if limit and max(shape) > limit:
        raise ColorizeError(
            f"{path}: expected at most {limit:,} pixels a side for this format, got {shape[1]}x{shape[0]}", status=1
        )


def as_codes(values, bits):
    """Float in [0, 1] or codes, uint8 or uint16 -> uint8 or uint16 codes of ``bits``, not copied if they are that."""
    kind = np.uint8 if bits == 8 else np.uint16
    if values.dtype == kind:
        return values
    if values.dtype == np.uint8:
        return values.astype(np.uint16) * np.uint16(257)
    codes = np.empty(values.shape, kind)
    step = max(1, 2**22 // max(1, values[0].size))
    for top in range(0, len(values), step):  # piece by piece: a large scan needs no second copy as floats
        rows = values[top : top + step]
        rows = rows / np.float32(257) if rows.dtype == np.uint16 else rows.clip(0, 1) * np.float32(np.iinfo(kind).max)
        codes[top : top + step] = np.rint(rows)
    return codes


def _encode(file, suffix, rgb, kept):
    """The picture to an open binary file, which may be a `BytesIO`."""
    if kept.bits == 16 and suffix in DEEP:
        write_deep(file, suffix, as_codes(rgb, 16), kept)
    else:
        values = as_codes(rgb, 8)
        if kept.alpha is not None:
            values = np.concatenate([values, as_codes(kept.alpha, 8)[..., None]], axis=-1)
        if suffix == ".bmp" and values.shape[2] == 4:
            file.writelines(_bmp_with_alpha(values, kept.dpi))
        else:
            Image.fromarray(values).save(file, format=format_of(suffix), **_options(suffix, kept))
        if suffix == ".bmp" and kept.xmp:
            _add_behind(file, kept.xmp)
    if suffix in TIFF:
        add_tags(file, kept, srgb().tobytes())
    if kept.aspect and not kept.dpi and suffix in JPEG:
        jpeg.set_aspect(file, kept.aspect)
    if kept.aspect and not kept.dpi and suffix == ".png" and kept.bits == 8:
        png.set_aspect(file, kept.aspect)


def _bmp_with_alpha(values, dpi):
    """uint8 (H, W, 4) -> the parts of a BMP of version 4, the first that knows alpha; Pillow writes version 3."""
    height, width = values.shape[:2]
    across, up = (round(d / 0.0254) for d in dpi or (96, 96))
    head = struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, values.size, across, up, 0, 0)
    head += struct.pack("<4I4s", 0xFF0000, 0xFF00, 0xFF, 0xFF000000, b"BGRs") + bytes(48)
    yield struct.pack("<2sIII", b"BM", 14 + len(head) + values.size, 0, 14 + len(head)) + head
    yield np.ascontiguousarray(values[::-1, :, [2, 1, 0, 3]]).data


def _add_behind(file, xmp):
    """XMP data behind the pixels of a BMP, which has no place for it: programs that look for it find it in any file."""
    file.seek(0, 2)
    file.write(xmp)
    size = file.tell()
    file.seek(2)
    file.write(struct.pack("<I", size))


def _options(suffix, kept):
    if suffix in TIFF:
        return {"compression": "tiff_lzw"}
    options = {"icc_profile": srgb().tobytes()}
    if suffix in JPEG:
        options |= {"quality": 95, "subsampling": 0, "extra": jpeg.segments_of(kept.photoshop, kept.comments)}
    if suffix == ".webp":
        options |= {"lossless": True, "exact": True}  # also what is seen through keeps its lightness
    if kept.exif and suffix != ".bmp":
        options["exif"] = kept.exif
    if kept.dpi and suffix != ".webp":
        options["dpi"] = kept.dpi
    if kept.xmp and suffix in (*JPEG, ".webp"):
        options["xmp"] = kept.xmp
    if suffix == ".png":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        if kept.aspect and not kept.dpi:
            options["dpi"] = (1, 1)  # its place, which `png.set_aspect` fills
        for kind, body in kept.texts:
            options["pnginfo"].add(kind, body)
        if kept.xmp:
            options["pnginfo"].add_itxt("XML:com.adobe.xmp", kept.xmp.decode("utf-8", "replace"))
    return options
