"""One picture of a TIFF as `Pixels`: what its samples mean, alike at every depth (TIFF 6.0, tag 262 and others)."""

import math
from dataclasses import replace

import numpy as np

from ..errors import ColorizeError
from .eight_bits import read_eight_bits
from .pixels import Pixels
from .size import refuse_memory
from .srgb import srgb
from .tiff_colors import rgb_from_lab, rgb_from_palette, rgb_from_ycbcr, subsampled, subsampling
from .tiff_pages import open_page
from .tiff_segments import BY_PILLOW, opened_by_pillow, rows_of_bytes, samples_of

WHITE, BLACK, RGB, PALETTE, CMYK, YCBCR, LAB, ICC_LAB = 0, 1, 2, 3, 5, 6, 8, 9
CHANNELS = {WHITE: 1, BLACK: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3, LAB: 3, ICC_LAB: 3}
RAW = (32803, 34892)  # a mosaic of color filters, and what comes of it before any development
INK_SET, EXTRA = 332, 338  # tags
ASSOCIATED, UNASSOCIATED = 1, 2  # kinds of extra samples that are alpha
MOST_CHANNELS = 8
FLOAT = 3  # sample format, and predictor
FURTHEST = 0.5  # outside 0..1, that floats may be: sharpening and resampling overshoot

FLOATS = "its values are floats; they are taken as sRGB"
CLIPPED = "some of its values lie a little outside 0..1 and were clipped"
TWO_LEVELS = "it has black and white only, no greys"
NO_ALPHA = "what is in its further channels is not alpha and was left out"


def read_picture(picture, max_pixels):
    """A `tiff_pages.Picture` -> `Pixels`, as it is stored, with the orientation that is still to be applied.

    ColorizeError (status 1) for what cannot be read: in which way it differs from what can. Other exceptions if it is
    damaged.
    """
    with open_page(picture) as (page, orientation, profile):
        _refuse(page, max_pixels)
        pixels = _by_pillow(page) if page.compression in BY_PILLOW else None
        pixels = pixels or _of_samples(page)
    if page.photometric in (LAB, ICC_LAB):
        profile = srgb().tobytes()  # that of a file in Lab says nothing of what came of it
    return replace(pixels, orientation=orientation, profile=profile)


def _refuse(page, max_pixels):
    """ColorizeError for what is no photo, before memory is taken for it."""
    kind, width, height, depth = page.photometric, page.imagewidth, page.imagelength, page.imagedepth
    numbers = (kind, width, height, depth, page.samplesperpixel, page.planarconfig, page.predictor, page.compression)
    if not all(isinstance(number, int) for number in numbers):
        raise ValueError("a TIFF whose header says several things at once")
    if kind in RAW:
        raise ColorizeError("expected a developed photo, got a camera's raw data; a raw converter develops it", 1)
    if kind not in CHANNELS or page.tags.valueof(INK_SET) not in (None, 1) and kind == CMYK:
        raise ColorizeError(f"expected grey, RGB, CMYK, YCbCr or Lab, got {getattr(kind, 'name', kind)}", 1)
    if not width or not height or depth != 1:
        raise ColorizeError(f"expected a picture, got {width}x{height}" + f"x{depth} values" * (depth != 1), 1)
    if kind == PALETTE and page.colormap is None:
        raise ColorizeError("expected a picture, got a palette without its colors", status=1)
    samples, bits = page.samplesperpixel, page.bitspersample
    if not CHANNELS[kind] <= samples <= MOST_CHANNELS:
        raise ColorizeError(f"expected {CHANNELS[kind]} to {MOST_CHANNELS} channels, got {samples}", status=1)
    if page.dtype is None or isinstance(bits, tuple):
        raise ColorizeError(f"expected channels of 8 or 16 bits, or floats, got {bits} bits", status=1)
    refuse_memory((width, height), samples * page.dtype.itemsize, max_pixels)


def _by_pillow(page):
    """JPEG and fax, with Pillow's reading of what the samples mean; None of what it has no mode for."""
    try:
        image = opened_by_pillow(page)
    except ColorizeError:
        return None
    return read_eight_bits(image)


def _of_samples(page):
    if page.photometric == YCBCR and (sub := subsampling(page)) != (1, 1):
        data = subsampled(page, sub)
    elif page.dtype.kind == "f" and page.predictor == FLOAT:
        data = _differences_of_floats(page)
    elif page.dtype.kind in "ub?" and page.bitspersample not in (8, 16, 32, 64):
        data = _packed(page)
    else:
        data = samples_of(page)
    channels = CHANNELS[page.photometric]
    alpha, left_out = _alpha_of(page, data.shape[2] - channels)
    alpha = None if alpha is None else np.ascontiguousarray(data[..., channels + alpha])
    data = np.ascontiguousarray(data[..., :channels] if channels > 1 else data[..., 0])
    bits = min(page.bitspersample, 16)
    if page.photometric == PALETTE:
        values, bits, notes = rgb_from_palette(data, page.colormap), 8, ()
    else:
        values, notes = _scaled(data, page.bitspersample)
        alpha = None if alpha is None else _scaled(alpha, page.bitspersample)[0]
    if alpha is not None and _is_multiplied(page):
        values = straight(values, alpha)
    pixels = Pixels(values, alpha, 8 if bits <= 8 else 16, page.photometric in (WHITE, BLACK))
    return _understood(page, pixels.noting(*notes, *[NO_ALPHA] * left_out))


def _understood(page, pixels):
    """Values of 8 or 16 bits or floats as a space that profiles are made for: grey, RGB or CMYK."""
    kind, values = page.photometric, pixels.values
    if kind == WHITE:
        return replace(pixels, values=(1 if values.dtype == np.float32 else np.iinfo(values.dtype).max) - values)
    if kind == YCBCR:
        return replace(pixels, values=rgb_from_ycbcr(page, values))
    if kind in (LAB, ICC_LAB):
        return replace(pixels, values=rgb_from_lab(values, signed=kind == LAB))
    return pixels


def _alpha_of(page, extra):
    """Which of the ``extra`` channels is alpha (None: none is), and whether others are left out.

    One that the file says nothing of is alpha, as OpenCV and others write it; one of unspecified meaning, as scanners
    write infrared, is not.
    """
    if page.tags.valueof(EXTRA) is None:
        return (0 if extra == 1 else None), extra > 1
    kinds = [int(kind) for kind in page.extrasamples[:extra]]
    alpha = next((k for k, kind in enumerate(kinds) if kind in (ASSOCIATED, UNASSOCIATED)), None)
    return alpha, extra > (alpha is not None)


def _is_multiplied(page):
    kinds = [int(kind) for kind in page.extrasamples]
    return next((kind for kind in kinds if kind), 0) == ASSOCIATED


def _scaled(data, bits):
    """Values as stored -> uint8 or uint16 over their whole range, or float32 in [0, 1]; and notes."""
    if data.dtype.kind == "f":
        return _in_range(data)
    if data.dtype.kind == "b":
        return data.astype(np.uint8) * np.uint8(255), (TWO_LEVELS,)
    if bits in (8, 16) and data.dtype.kind == "u":
        return data, ()
    if bits < 16 and data.dtype.kind == "u":
        highest = 255 if bits < 8 else 65535
        table = np.rint(np.arange(2**bits) * (highest / (2**bits - 1))).astype(np.uint8 if bits < 8 else np.uint16)
        return table[data], (TWO_LEVELS,) * (bits == 1)
    if data.dtype.kind not in "iu" or data.min() < 0 or data.max() > 65535:
        raise ColorizeError(f"expected at most 16 bits a channel, got {data.dtype}", status=1)
    return data.astype(np.uint16), ()


def _in_range(data):
    lowest, highest = float(data.min()), float(data.max())
    if not (lowest >= -FURTHEST and highest <= 1 + FURTHEST):  # written so that NaN fails too
        raise ColorizeError("expected float values in 0..1, got others", status=1)
    data = data.astype(np.float32, copy=False)
    if lowest >= 0 and highest <= 1:
        return data, ()
    return data.clip(0, 1), (CLIPPED,)


def _packed(page):
    """Whole numbers of other sizes than bytes, the highest bit first -> (H, W, samples)."""
    bits, samples = page.bitspersample, 1 if page.planarconfig == 2 else page.samplesperpixel
    rows, columns = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, page.imagewidth)
    row = math.ceil(columns * samples * bits / 8)
    planes = rows_of_bytes(page, rows, row)
    dtype = np.uint8 if bits <= 8 else np.uint16
    out = np.empty((page.imagelength, page.imagewidth, page.samplesperpixel), dtype)
    weights = (1 << np.arange(bits)[::-1]).astype(dtype)
    for k, plane in enumerate(planes):
        for top in range(0, len(out), 64):
            part = plane[top : min(top + 64, len(out))].reshape(-1, plane.shape[1] // row, row)
            part = np.unpackbits(part, axis=-1)[..., : columns * samples * bits]
            part = part.reshape(len(part), -1, samples, bits) @ weights
            out[top : top + 64, :, k : k + samples] = part[:, : page.imagewidth]
    return out


def _differences_of_floats(page):
    """Floats stored as differences of their bytes, the highest bytes of a row first (Adobe's technical note 3)."""
    size, samples = page.dtype.itemsize, 1 if page.planarconfig == 2 else page.samplesperpixel
    rows, columns = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, page.imagewidth)
    row = columns * samples * size
    planes = rows_of_bytes(page, rows, row)
    out = np.empty((page.imagelength, page.imagewidth, page.samplesperpixel), page.dtype.newbyteorder("="))
    for k, plane in enumerate(planes):
        for top in range(0, len(out), 64):
            part = plane[top : min(top + 64, len(out))].reshape(-1, row // samples, samples)
            part = np.cumsum(part, axis=1, dtype=np.uint8).reshape(-1, size, columns * samples)
            part = np.ascontiguousarray(part.swapaxes(1, 2)).view(page.dtype.newbyteorder(">"))
            part = part.reshape(min(64, len(out) - top), -1, samples)
            out[top : top + 64, :, k : k + samples] = part[:, : page.imagewidth]
    return out


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
