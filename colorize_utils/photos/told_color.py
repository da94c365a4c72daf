"""What a file says of its colors, in whatever way its format has for it -> one ICC profile, or None for sRGB.

`profiles.in_srgb` then applies it. An ICC profile goes before everything else but a PNG's cICP. What is said and cannot
be used costs a note, never a wrong guess without a word.
"""

import struct

from .exif import CAMERA, INTEROP, Value, number_in
from .made_profile import (
    ADOBE_GAMMA,
    ADOBE_PRIMARIES,
    BT709_CURVE,
    D65,
    SRGB_CURVE,
    SRGB_PRIMARIES,
    made_profile,
)

COLOR_SPACE, UNCALIBRATED, ADOBE = 40961, 65535, 2  # of EXIF; 2 is not in the standard, but used
GAMMA_SRGB = 1 / 2.2  # what a PNG in sRGB says in gAMA (PNG specification, 3rd edition, 11.3.2.5)
# Codes of ITU-T H.273: (red, green, blue), white; and curves.
PRIMARIES = {
    1: (SRGB_PRIMARIES, D65),
    2: (SRGB_PRIMARIES, D65),  # not specified
    5: (((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)), D65),
    6: (((0.63, 0.34), (0.31, 0.595), (0.155, 0.07)), D65),
    7: (((0.63, 0.34), (0.31, 0.595), (0.155, 0.07)), D65),
    9: (((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)), D65),
    11: (((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)), (0.314, 0.351)),
    12: (((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)), D65),
}
CURVES = {2: SRGB_CURVE, 4: (2.2,), 5: (2.8,), 8: (1.0,), 13: SRGB_CURVE}
CURVES |= dict.fromkeys((1, 6, 14, 15), BT709_CURVE)
HDR = {16: "PQ", 18: "HLG"}


def of_codes(primaries, curve, full=True):
    """The profile of colors that codes of ITU-T H.273 name -> profile or None, notes."""
    if curve in HDR:
        return None, (f"its values are of high dynamic range ({HDR[curve]}), which is not read; sRGB is assumed",)
    if primaries not in PRIMARIES or curve not in CURVES or not full:
        what = f"{primaries}/{curve}" if full else "of limited range"
        return None, (f"its color code {what} cannot be used; sRGB is assumed",)
    shape, white = PRIMARIES[primaries]
    return made_profile(CURVES[curve], shape, white), ()


def of_png(chunks, icc):
    """cICP, iCCP, sRGB, gAMA and cHRM, in this order (PNG specification, 3rd edition, 4.3) -> profile or None, notes.

    chunks: {name: body} of a PNG. icc: what iCCP holds, or None.
    """
    notes = ()
    if len(code := chunks.get(b"cICP", b"")) == 4:
        profile, notes = of_codes(code[0], code[1], full=code[3] == 1)
        if not notes:
            return profile, ()
    if icc or b"sRGB" in chunks:
        return icc or made_profile(), notes
    gamma, places = chunks.get(b"gAMA", b""), chunks.get(b"cHRM", b"")
    gamma = struct.unpack(">I", gamma)[0] / 100_000 if len(gamma) == 4 else 0
    # Nearly 1/2.2 is how a writer of sRGB says so; libpng, too, takes 5 % more or less for the same.
    curve = (1 / gamma,) if 0 < gamma < 20 and abs(gamma / GAMMA_SRGB - 1) > 0.05 else SRGB_CURVE
    if len(places) != 32:
        return (None if curve is SRGB_CURVE else made_profile(curve)), notes
    white, *primaries = [(x / 100_000, y / 100_000) for x, y in struct.iter_unpack(">II", places)]
    return _made(curve, primaries, white, notes)


def _made(curve, primaries, white, notes):
    try:
        return made_profile(curve, primaries, white), notes
    except ValueError:
        profile = None if curve is SRGB_CURVE else made_profile(curve)
        return profile, (*notes, "its chromaticities could not be used; those of sRGB are assumed")


def of_bmp(file):
    """A BMP of version 4 or 5, open -> profile or None, notes. (Microsoft: BITMAPV5HEADER.)"""
    file.seek(14)
    head = file.read(124)
    if len(head) < 108 or struct.unpack_from("<I", head)[0] not in (108, 124):
        return None, ()
    kind = head[56:60][::-1]
    if kind == b"MBED" and len(head) == 124:
        at, size = struct.unpack_from("<II", head, 112)
        file.seek(14 + at)
        return file.read(min(size, 2**24)), ()
    if kind == b"LINK":
        return None, ("its color profile is in another file; sRGB is assumed",)
    if kind in (b"sRGB", b"Win "):
        return made_profile(), ()
    if kind == bytes(4):  # calibrated: the ends of red, green and blue in 2.30, and gammas in 16.16
        ends, gammas = struct.unpack_from("<9i", head, 60), struct.unpack_from("<3I", head, 96)
        if any(ends) and all(gammas):
            return _calibrated([value / 2**30 for value in ends], [value / 2**16 for value in gammas])
    return None, ()


def _calibrated(ends, gammas):
    sums = [sum(ends[k : k + 3]) for k in (0, 3, 6)]
    white = [sum(ends[k::3]) for k in range(3)]
    if not all(sums) or not sum(white):
        return None, ("its chromaticities could not be used; sRGB is assumed",)
    primaries = [(ends[3 * k] / sums[k], ends[3 * k + 1] / sums[k]) for k in range(3)]
    return _made([(gamma,) for gamma in gammas], primaries, (white[0] / sum(white), white[1] / sum(white)), ())


def of_boxes(head):
    """The first bytes of an AVIF or HEIC that has no ICC profile -> profile or None, notes. (ISO/IEC 23008-12: nclx.)

    Whether its values have the full range has been seen to by the decoder.
    """
    at = head.find(b"colrnclx")
    if at < 0 or len(head) < at + 12:
        return None, ()
    return of_codes(*struct.unpack_from(">HH", head, at + 8))


def of_exif(directory):
    """Where nothing else tells: Adobe RGB, as cameras name it (DCF 2.0: option file, R03) -> profile or None, notes."""
    camera = directory.get(CAMERA)
    space = number_in(camera.get(COLOR_SPACE)) if isinstance(camera, dict) else None
    if space not in (UNCALIBRATED, ADOBE):
        return None, ()
    index = (camera.get(INTEROP) or {}).get(1)
    if space == ADOBE or isinstance(index, Value) and index.data.startswith(b"R03"):
        return made_profile(ADOBE_GAMMA, ADOBE_PRIMARIES), ()
    return None, ("its EXIF data say that its colors are not calibrated; sRGB is assumed",)
