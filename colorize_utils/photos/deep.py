"""Photos of 16 bits a channel: read at full precision, and written with all that a photo carries.

Pillow opens such colour as 8 bits without a word, and writes none; OpenCV does both, but knows nothing of EXIF.
"""

import logging
import struct
import zlib

import cv2
import numpy as np
from PIL import Image, TiffImagePlugin

from ..errors import ColorizeError
from .icc import deep_to_srgb

BITS, PHOTOMETRIC, PLANES, EXIF, GPS, ICC = 258, 262, 284, 34665, 34853, 34675  # TIFF tags


def is_deep(path, image):
    """Whether the file, opened with Pillow as ``image``, has more than 8 bits a channel and is read by `read_deep`."""
    if image.mode.startswith("I") or image.mode == "F":
        return True
    if image.format == "PNG":
        return _png_header(path)[0] == 16
    return image.format == "TIFF" and 16 in image.tag_v2.get(BITS, (8,)) and image.mode != "CMYK"


def _png_header(path):
    """Bits a channel and color type."""
    with open(path, "rb") as file:
        return tuple(file.read(26)[24:])


def read_deep(path, image, photo):
    """Pixels of a file for which `is_deep` holds -> float32 RGB (H, W, 3), alpha (H, W) or None, whether upright.

    Sets ``photo.bits``, ``photo.was_grey`` and adds to ``photo.notes``. TIFFs come upright already: OpenCV obeys their
    orientation. ColorizeError (status 1) for values that are not 0..65535, or 0..1 as floats.
    """
    photo.bits = 16
    if image.mode == "F":
        values = np.array(image, np.float32)
        if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
            raise ColorizeError(f"{path}: expected float values in 0..1, got others", status=1)
        photo.was_grey = True
        photo.notes.append("its values are floats; they are taken as sRGB")
        return _three(values), None, False
    data, upright = _decoded(path, image)
    if data.dtype != np.uint16:
        if data.min() < 0 or data.max() > 65535:
            raise ColorizeError(f"{path}: expected at most 16 bits a channel, got {data.dtype}", status=1)
        data = data.astype(np.uint16) * (257 if data.dtype == np.uint8 else 1)
    # Pillow and OpenCV both give a PNG's grey with alpha (color type 4) as colour.
    photo.was_grey = data.ndim == 2 or (image.format == "PNG" and _png_header(path)[1] == 4)
    alpha = data[..., 3].astype(np.float32) / 65535 if data.ndim == 3 and data.shape[2] == 4 else None
    if photo.was_grey:
        data = data if data.ndim == 2 else np.ascontiguousarray(data[..., 0])
        if image.format == "TIFF" and image.tag_v2.get(PHOTOMETRIC) == 0:
            data = 65535 - data  # TIFF may count from white; Pillow and OpenCV leave 16-bit values as they are
        return _three(_managed(data, image, photo)), alpha, upright
    return _managed(np.ascontiguousarray(data[..., 2::-1]), image, photo), alpha, upright


def _decoded(path, image):
    """The file's integers, channels as OpenCV orders them (BGR), and whether its orientation was obeyed."""
    if image.format == "TIFF" and image.tag_v2.get(PLANES) == 2 and len(image.tag_v2.get(BITS, (16,))) > 1:
        import tifffile  # comes with scikit-image; Pillow and OpenCV shuffle the values of 16-bit planes

        logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # as with OpenCV below
        planes = tifffile.imread(path, key=0)
        return np.ascontiguousarray(planes[[2, 1, 0, *range(3, len(planes))]].transpose(1, 2, 0)), False
    # OpenCV fills up what is missing in a damaged file, or asks for gigabytes that a damaged length promises; Pillow
    # says so.
    if image.format == "PNG":
        with Image.open(path, formats=("PNG",)) as whole:
            whole.verify()
    else:
        image.load()
    silent = cv2.utils.logging.LOG_LEVEL_SILENT
    level = cv2.utils.logging.setLogLevel(silent)  # its complaints go to stderr; ours is the one line
    try:
        data = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    finally:
        cv2.utils.logging.setLogLevel(level)
    if data is not None:
        return data, image.format == "TIFF"
    if image.mode.startswith("I"):
        return np.asarray(image), False
    raise ColorizeError(f"{path}: expected a whole {image.format} of 16-bit grey or RGB, got another", status=1)


def _managed(data, image, photo):
    """uint16 -> float32 in [0, 1], through the file's ICC profile to sRGB where it has one that can be used."""
    profile = image.info.get("icc_profile")
    if profile:
        try:
            return deep_to_srgb(data, profile)
        except ValueError:
            photo.notes.append("its colour profile could not be used; sRGB is assumed")
    values = data.astype(np.float32)
    values /= 65535
    return values


def _three(grey):
    return grey[..., None].repeat(3, axis=-1)


def encode_deep(suffix, rgb, like, profile):
    """sRGB float (H, W, 3) in [0, 1] -> a 16-bit PNG or TIFF, as bytes, with alpha, EXIF and resolution of ``like``.

    profile: the bytes of an sRGB profile (a TIFF carries it; a PNG says sRGB in a chunk of its own).
    """
    values = np.empty((*rgb.shape[:2], 3 if like.alpha is None else 4), np.uint16)
    for k in range(3):
        values[..., k] = np.rint(np.clip(rgb[..., 2 - k], 0, 1) * 65535)
    if like.alpha is not None:
        values[..., 3] = np.rint(like.alpha * 65535)
    done, data = cv2.imencode(suffix, values)
    if not done:
        raise OSError(f"could not encode {suffix}")
    return (_with_chunks if suffix == ".png" else _with_tags)(data.tobytes(), like, profile)


def _with_chunks(data, like, _):
    """PNG bytes with chunks for sRGB, EXIF and resolution behind the header (PNG specification, 3rd edition, 11.3)."""
    chunks = [(b"sRGB", b"\0")]
    if like.dpi:
        chunks.append((b"pHYs", struct.pack(">IIB", *(round(float(d) / 0.0254) for d in like.dpi), 1)))
    if like.exif:
        chunks.append((b"eXIf", like.exif.removeprefix(b"Exif\0\0")))
    added = b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
    return data[:33] + added + data[33:]


def _with_tags(data, like, profile):
    """TIFF bytes with a second directory at the end: the entries of the first, and EXIF, resolution and profile."""
    added = TiffImagePlugin.ImageFileDirectory_v2(data[:8])
    if like.exif:
        exif = Image.Exif()
        exif.load(like.exif)
        for tag in exif:
            added[tag] = exif.get_ifd(tag) if tag in (EXIF, GPS) else exif[tag]
    if like.dpi:
        added[282], added[283], added[296] = *like.dpi, 2
    added[ICC] = profile
    order = "<" if data[:2] == b"II" else ">"
    # Pillow lays out the values of the new entries behind the picture; the entries then join the old ones.
    old = _entries(data, struct.unpack_from(order + "I", data, 4)[0], order)
    data += b"\0" * (len(data) % 2)
    start = len(data)
    data += added.tobytes(start)
    data += b"\0" * (len(data) % 2)
    entries = sorted((old | _entries(data, start, order)).items())
    directory = struct.pack(order + "H", len(entries)) + b"".join(entry for _, entry in entries) + bytes(4)
    return data[:4] + struct.pack(order + "I", len(data)) + data[8:] + directory


def _entries(data, start, order):
    """The entries of a TIFF directory: tag -> its 12 bytes (TIFF 6.0, section 2)."""
    (count,) = struct.unpack_from(order + "H", data, start)
    raw = [data[start + 2 + 12 * k : start + 14 + 12 * k] for k in range(count)]
    return {struct.unpack(order + "H", entry[:2])[0]: entry for entry in raw}
