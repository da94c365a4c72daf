"""One photo as a prepared set stores it: its hashes, its part of the split, its pixels at the stored size."""

import hashlib

import cv2
import numpy as np

from ..color import encode_lab8, grey_from_lightness, lightness_from_grey, rgb_to_lab

_GREY_OF_CODE = np.rint(grey_from_lightness(np.arange(256) / 2.55) * 65535).astype(np.uint16)
_CODE_OF_GREY = np.rint(lightness_from_grey(np.arange(65536) / 65535) * 2.55).astype(np.uint8)


def content_hash(pixels):
    """Hex SHA-256 (first 16 digits) of a photo's own pixels, uint8 (H, W, 3): the same wherever the file lies."""
    pixels = np.ascontiguousarray(pixels)
    digest = hashlib.sha256(str(pixels.shape).encode())
    digest.update(pixels.data)
    return digest.hexdigest()[:16]


def split_of(key, val, test):
    """Which part a photo belongs to, from its content hash alone (or its parent's name, for crops of one photo).

    So adding photos never moves one, and nothing depends on names, order or a random seed.
    """
    position = position_of(key)
    return "test" if position < test else "val" if position < test + val else "train"


def position_of(key):
    """A number in [0, 1) that depends on ``key`` alone: the photos with the lowest go to test, the next to val."""
    return int(hashlib.sha256(key.encode()).hexdigest()[:12], 16) / 16**12


def usual_shares(count):
    """(val, test) for a set of ``count`` photos: of few photos a larger share is needed to tell anything by."""
    return (0.25, 0.1) if count < 50 else (0.1, 0.05) if count < 1000 else (0.03, 0.02)


def difference_hash(codes):
    """256-bit difference hash of Lab codes (H, W, 3): is each cell of a 16x17 grid lighter than the one to its left."""
    return _hash_of(_cells(codes))


def difference_hashes(codes, transposed):
    """That of Lab codes (H, W, 3), and that of the photo's mirror image, left and right exchanged.

    Portraits are stored lying: ``transposed``, their left is above.
    """
    cells = _cells(codes)
    return _hash_of(cells), _hash_of(cells[::-1] if transposed else cells[:, ::-1])


def _cells(codes):
    return cv2.resize(cv2.extractChannel(codes, 0), (17, 16), interpolation=cv2.INTER_AREA)


def _hash_of(cells):
    return np.packbits(cells[:, 1:] > cells[:, :-1])


def fit_photo(pixels, height, width, fit="crop"):
    """Pixels (h, w) or (h, w, channels) -> the same with height and width, and whether they were transposed.

    A portrait photo is transposed (rows become columns) to fit a landscape store. "crop" keeps the aspect and cuts the
    center; "squash" does not keep it, to reproduce others. Area averaging where it shrinks.
    """
    transposed = (pixels.shape[0] > pixels.shape[1]) and height < width
    if transposed:
        pixels = pixels.swapaxes(0, 1)
    h, w = pixels.shape[:2]
    size = (width, height)
    if fit == "crop":
        scale = max(height / h, width / w)
        size = (max(width, round(w * scale)), max(height, round(h * scale)))
    shrinks = size[0] <= w and size[1] <= h
    if size != (w, h):
        if shrinks:  # what will be cut off need not be averaged
            pixels, size = _cut_before(pixels, size, (width, height))
        method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        pixels = cv2.resize(np.ascontiguousarray(pixels), size, interpolation=method)
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return np.ascontiguousarray(pixels[top : top + height, left : left + width]), transposed


def _cut_before(pixels, size, wanted):
    """What of pixels (h, w, ...) is left when they have ``size`` and their center is cut to ``wanted``, and its size.

    Cut where a pixel ends before as after, so that the same is averaged with the same weights; else nothing is. Sizes
    are (width, height).
    """
    sides = list(size)
    for axis in (0, 1):
        full, new, keep = pixels.shape[axis], size[1 - axis], wanted[1 - axis]
        start = (new - keep) // 2
        if start * full % new == 0 and keep * full % new == 0:
            begin = start * full // new
            pixels = pixels[(slice(None),) * axis + (slice(begin, begin + keep * full // new),)]
            sides[1 - axis] = keep
    return pixels, tuple(sides)


def stored_codes(pixels, is_lab, height, width, fit="crop"):
    """uint8 RGB, or Lab codes if ``is_lab``, (h, w, 3) -> Lab codes (height, width, 3), whether transposed."""
    size = height, width, fit
    if not is_lab:
        # sRGB values are averaged, then converted: the same order as in `inference`.
        fitted, transposed = fit_photo(pixels, *size)
        return encode_lab8(rgb_to_lab(fitted.astype(np.float32) / 255)), transposed
    # Lightness is averaged as the sRGB value of its grey, by tables, so that a Lab photo comes out as its RGB would.
    lightness, a, b = cv2.split(pixels)
    grey, transposed = fit_photo(cv2.LUT(lightness, _GREY_OF_CODE), *size)
    ab, _ = fit_photo(cv2.merge([a, b]), *size)
    codes = np.empty((*grey.shape, 3), np.uint8)
    cv2.mixChannels([_CODE_OF_GREY.take(grey), ab], [codes], [0, 0, 1, 1, 2, 2])
    return codes, transposed
