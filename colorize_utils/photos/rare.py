"""TIFFs that Pillow has no mode for: floats of 16 or 64 bits or in colour, 16-bit grey with alpha, more channels.

Pillow still finds their size and tags; the values come by way of tifffile, which is there with scikit-image.
"""

import logging
from contextlib import contextmanager

import numpy as np
from PIL import Image, TiffImagePlugin, UnidentifiedImageError

from ..errors import ColorizeError

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


def read_rare(path, photo, page):
    """Pixels of a `RareTiff` -> values (H, W) or (H, W, 3), alpha (H, W) or None, as the file has them turned.

    Values are uint8, uint16, or float32 in [0, 1]. Sets ``photo.bits``, ``photo.was_grey`` and adds to
    ``photo.notes``. ColorizeError (status 1) for what is no grey or RGB, or of another depth.
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
    values = _in_range(path, photo, np.ascontiguousarray(data[..., : channels + 1]))
    alpha = np.ascontiguousarray(values[..., channels]) if extra and extra[0] in (ASSOCIATED, UNASSOCIATED) else None
    values = np.ascontiguousarray(values[..., :channels] if channels == 3 else values[..., 0])
    if alpha is not None and extra[0] == ASSOCIATED:
        values = straight(values, alpha)
    photo.was_grey = channels == 1
    if kind == WHITE:
        values = (1 if values.dtype == np.float32 else np.iinfo(values.dtype).max) - values
    return values, alpha


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


def _in_range(path, photo, data):
    photo.bits = 8 if data.dtype == np.uint8 else 16
    if data.dtype.kind == "u":
        return data
    if data.dtype.kind != "f":
        raise ColorizeError(f"{path}: expected grey or RGB of 8 or 16 bits, or floats, got {data.dtype}", status=1)
    return floats(path, photo, data)


def floats(path, photo, data):
    """Float values of any precision -> float32, with a note. ColorizeError (status 1) for others than 0..1."""
    if not (data.min() >= 0 and data.max() <= 1):  # written so that NaN fails too
        raise ColorizeError(f"{path}: expected float values in 0..1, got others", status=1)
    photo.notes.append("its values are floats; they are taken as sRGB")
    return data.astype(np.float32, copy=False)


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
