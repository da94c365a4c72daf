"""Photos of more than 8 bits a channel: read at full precision, and written with all that a photo carries.

Pillow opens such color as 8 bits without a word, and writes none; OpenCV does both, but knows nothing of EXIF. For some
TIFFs Pillow has no mode at all: floats of 16 or 64 bits or in color, 16-bit grey with alpha, more channels. It still
finds their size and tags; the values come by way of tifffile.
"""

import logging
from contextlib import contextmanager
from dataclasses import replace

import cv2
import numpy as np
from PIL import Image, TiffImagePlugin, UnidentifiedImageError

from ..errors import ColorizeError
from .deep_png import decoded
from .pixels import Pixels
from .png import with_chunks
from .tiff import write_strips

BITS, COMPRESSION, PHOTOMETRIC, PLANES = 258, 259, 262, 284  # TIFF tags


def is_deep(image):
    """Whether a TIFF, opened with Pillow as ``image``, has more than 8 bits a channel and is read by `read_deep`."""
    if image.format != "TIFF":
        return False
    return image.mode.startswith("I") or image.mode == "F" or is_16_bit(image) and image.mode != "CMYK"


def is_16_bit(image):
    """Whether a TIFF has 16 bits a channel, whatever mode Pillow gives it."""
    return 16 in getattr(image, "tag_v2", {}).get(BITS, (8,))


def read_deep(path, image, orientation, page=0):
    """A file for which `is_deep` holds -> `Pixels` of uint16, or of float32 where the file has floats; alpha uint16.

    TIFFs may come upright already: OpenCV obeys their orientation. ColorizeError (status 1) for values that are not
    0..65535, or 0..1 as floats.
    """
    if getattr(image, "rare", False):
        return replace(read_rare(path, page), orientation=orientation, profile=image.info.get("icc_profile"))
    if image.mode == "F":
        values, notes = floats(path, np.array(image, np.float32))
        return Pixels(values, bits=16, was_grey=True, orientation=orientation, notes=notes)
    data, turned = _decoded(path, image, page)
    if data.dtype != np.uint16:
        if data.min() < 0 or data.max() > 65535:
            raise ColorizeError(f"{path}: expected at most 16 bits a channel, got {data.dtype}", status=1)
        data = data.astype(np.uint16) * (257 if data.dtype == np.uint8 else 1)
    was_grey = data.ndim == 2
    values, alpha = (_grey_and_alpha if was_grey else _color_and_alpha)(image, data)
    profile, orientation = image.info.get("icc_profile"), 1 if turned else orientation
    return Pixels(values, alpha, bits=16, was_grey=was_grey, profile=profile, orientation=orientation)


def _grey_and_alpha(image, data):
    if image.tag_v2.get(PHOTOMETRIC) == 0:
        data = 65535 - data  # TIFF may count from white; Pillow and OpenCV leave 16-bit values as they are
    return data, None


def _color_and_alpha(image, data):
    if data.shape[2] < 4:
        return data, None
    alpha, data = np.ascontiguousarray(data[..., 3]), np.ascontiguousarray(data[..., :3])
    if (image.tag_v2.get(EXTRA) or (0,))[0] == ASSOCIATED:
        data = straight(data, alpha)
    return data, alpha


def _decoded(path, image, page):
    """The file's integers, grey or RGB and perhaps alpha, and whether its orientation was obeyed."""
    tags = image.tag_v2
    planes = tags.get(PLANES) == 2 and len(tags.get(BITS, (16,))) > 1
    plain = tags.get(COMPRESSION) == 1 and set(tags.get(BITS, ())) == {16} and tags.get(PHOTOMETRIC) in (0, 1, 2)
    if plain and not planes:
        _check_whole(path, page)
    if plain or planes:  # Pillow and OpenCV shuffle the values of 16-bit planes, and want the file in memory too
        with tiff_page(path, page) as found:
            values = values_of(path, found)
        return np.ascontiguousarray(values, values.dtype.newbyteorder("=")), False
    # OpenCV fills up what is missing in a damaged file, or asks for gigabytes that a damaged length promises; Pillow
    # says so.
    _check_whole(path, page)
    data = decoded(np.fromfile(path, np.uint8), page)
    if data is not None:
        return data, True
    if image.mode.startswith("I"):
        return np.asarray(image), False
    raise ColorizeError(f"{path}: expected a whole {image.format} of 16-bit grey or RGB, got another", status=1)


def _check_whole(path, page):
    """Pillow's complaint if a TIFF's page is not whole. Opened anew, so that what it decodes is not kept."""
    with Image.open(path, formats=("TIFF",)) as image:
        image.seek(page)
        image.load()


def write_deep(file, suffix, rgb, like):
    """Write sRGB codes, uint16 (H, W, 3), to an open binary file as a 16-bit PNG or TIFF, with alpha of ``like``.

    ``like`` has alpha (codes, or float in [0, 1]), exif, xmp and dpi; a TIFF gets these by `tiff.add_tags`.
    """
    alpha = like.alpha
    if alpha is not None and alpha.dtype != np.uint16:
        alpha = np.rint(alpha * 65535).astype(np.uint16)
    if suffix != ".png":
        return write_strips(file, rgb, alpha)
    values = np.dstack([rgb[..., ::-1]] if alpha is None else [rgb[..., ::-1], alpha])
    done, data = cv2.imencode(suffix, values)
    if not done:
        raise OSError(f"could not encode {suffix}")
    return file.writelines(with_chunks(memoryview(data), like))


HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MOST_CHANNELS = 8
SAMPLES, EXTRA = 277, 338
WHITE, BLACK, RGB = 0, 1, 2  # photometric interpretation
ASSOCIATED, UNASSOCIATED = 1, 2  # kinds of extra samples that are alpha


class RareTiff(TiffImagePlugin.TiffImageFile):
    """Pillow's reader of TIFFs, which does not mind what it cannot decode. ``rare`` says that it cannot."""

    rare = False

    def _setup(self):
        self.rare = False
        try:
            super()._setup()
        except SyntaxError:
            if self.tag_v2.get(SAMPLES, 1) > MOST_CHANNELS:
                raise
            self._mode, self.tile, self.rare = "F", [], True


def identified(file, head, formats):
    """`Image.open`, or a `RareTiff` where only that one can make something of the open ``file``, which begins so."""
    try:
        return Image.open(file, formats=formats)
    except UnidentifiedImageError:
        if head[:4] not in HEADS:
            raise
        try:
            file.seek(0)
            return RareTiff(file)
        except Exception:  # noqa: BLE001  (damaged after all, in whatever way)
            raise UnidentifiedImageError from None


def read_rare(path, page):
    """Pixels of a `RareTiff` -> `Pixels` of uint8, uint16, or float32 in [0, 1], turned as the file has them.

    ColorizeError (status 1) for what is no grey or RGB, or of another depth.
    """
    with tiff_page(path, page) as found:
        kind, bits = found.photometric, found.bitspersample
        if kind not in (WHITE, BLACK, RGB) or bits not in (8, 16, 32, 64) or bits > 16 and found.dtype.kind != "f":
            name = getattr(kind, "name", kind)
            raise ColorizeError(f"{path}: expected grey or RGB of 8 or 16 bits, or floats, got {name} of {bits}", 1)
        channels = 3 if kind == RGB else 1
        data, extra = values_of(path, found), found.extrasamples
    if data.ndim == 2:
        data = data[..., None]
    if data.ndim != 3 or data.shape[2] < channels:
        raise ColorizeError(f"{path}: expected grey or RGB, got values of shape {data.shape}", status=1)
    values, notes = _in_range(path, np.ascontiguousarray(data[..., : channels + 1]))
    alpha = np.ascontiguousarray(values[..., channels]) if extra and extra[0] in (ASSOCIATED, UNASSOCIATED) else None
    values = np.ascontiguousarray(values[..., :channels] if channels == 3 else values[..., 0])
    if alpha is not None and extra[0] == ASSOCIATED:
        values = straight(values, alpha)
    if kind == WHITE:
        values = (1 if values.dtype == np.float32 else np.iinfo(values.dtype).max) - values
    return Pixels(values, alpha, 8 if values.dtype == np.uint8 else 16, channels == 1, notes=notes)


@contextmanager
def tiff_page(path, page):
    """A page of a TIFF, opened with tifffile."""
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # its complaints go to stderr; ours is the one line
    with tifffile.TiffFile(path) as file:
        yield file.pages[page]


def values_of(path, found):
    """The values of a page, channels last."""
    try:
        data = found.asarray()
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise
        what = getattr(found.compression, "name", found.compression)
        raise ColorizeError(
            f"{path}: expected a TIFF whose compression can be read, got {what}; `pip install imagecodecs` adds it", 1
        ) from None
    return data.transpose(1, 2, 0) if data.ndim == 3 and found.planarconfig == 2 else data


def _in_range(path, data):
    """Whole numbers as they are, floats as `floats` has them; and notes."""
    if data.dtype.kind == "u":
        return data, ()
    if data.dtype.kind != "f":
        raise ColorizeError(f"{path}: expected grey or RGB of 8 or 16 bits, or floats, got {data.dtype}", status=1)
    return floats(path, data)


def floats(path, data):
    """Float values of any precision -> float32, and notes. ColorizeError (status 1) for others than 0..1."""
    if not (data.min() >= 0 and data.max() <= 1):  # written so that NaN fails too
        raise ColorizeError(f"{path}: expected float values in 0..1, got others", status=1)
    return data.astype(np.float32, copy=False), ("its values are floats; they are taken as sRGB",)


def straight(values, alpha):
    """Values (H, W) or (H, W, 3) that were multiplied by alpha (H, W), of one type -> as they were before."""
    out = np.empty_like(values)
    highest = 1 if values.dtype == np.float32 else np.iinfo(values.dtype).max
    for row in range(len(values)):
        share = alpha[row].astype(np.float32) / np.float32(highest)
        share = np.where(share > 0, share, 1)
        whole = (values[row] / (share if values.ndim == 2 else share[:, None])).clip(0, highest)
        out[row] = whole if highest == 1 else np.rint(whole)
    return out
