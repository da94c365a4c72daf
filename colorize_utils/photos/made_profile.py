"""An ICC profile made of what some files say in place of one: a gamma or a curve, and chromaticities.

So there is one way from values to sRGB, `profiles.in_srgb`, whatever the file says. ICC.1:2022: a matrix and three
curves (8.3.4), for white D50; the primaries are adapted to it by Bradford's matrix (annex E).
"""

import struct

import numpy as np

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_D50 = np.array([0.9642, 1.0, 0.8249])
D65 = (0.3127, 0.3290)
SRGB_PRIMARIES = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
ADOBE_PRIMARIES = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))  # Adobe RGB (1998) 4.3.1.1
ADOBE_GAMMA = (563 / 256,)  # 4.3.1.2
# Parameters of a curve, as ICC has them (10.18): a power alone, or g, a, b, c, d: (a x + b)^g from d on, below it c x.
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
BT709_CURVE = (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)


def made_profile(curve=SRGB_CURVE, primaries=SRGB_PRIMARIES, white=D65):
    """A profile of RGB, bytes. curve: (exponent,), or five parameters; primaries, white: chromaticities (x, y).

    curve may be a list of three, for red, green and blue. ValueError for chromaticities that make no color space.
    """
    curves = curve if isinstance(curve, list) else [curve] * 3
    columns = _to_d50(primaries, white)
    tags = {b"desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"made\0" + bytes(78), b"wtpt": _xyz(_D50)}
    for name, column, parameters in zip(b"rgb", columns.T, curves, strict=True):
        tags[bytes([name]) + b"XYZ"], tags[bytes([name]) + b"TRC"] = _xyz(column), _para(parameters)
    table, body, start = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(body), b"", 0x04200000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H4s", 1999, 10, 18, 0, 0, 0, b"acsp") + bytes(28) + _xyz(_D50)[8:] + bytes(48)
    return header + table + body


def _to_d50(primaries, white):
    """The matrix from linear RGB to XYZ under D50, from chromaticities (SMPTE RP 177, 3.3)."""
    try:
        shares = np.array([(x / y, 1, (1 - x - y) / y) for x, y in (*primaries, white)], np.float64)
        matrix = shares[:3].T * np.linalg.solve(shares[:3].T, shares[3])
        cones = np.diag((_BRADFORD @ _D50) / (_BRADFORD @ shares[3]))
    except (ZeroDivisionError, np.linalg.LinAlgError):
        raise ValueError("expected chromaticities of a color space") from None
    adapted = np.linalg.solve(_BRADFORD, cones @ _BRADFORD) @ matrix
    if not np.abs(adapted).max() < 16:  # written so that NaN fails too
        raise ValueError("expected chromaticities of a color space")
    return adapted


def _xyz(values):
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(float(value) * 65536) for value in values))


def _para(parameters):
    numbers = [round(float(value) * 65536) for value in parameters]
    return b"para\0\0\0\0" + struct.pack(f">HH{len(numbers)}i", 0 if len(numbers) == 1 else 3, 0, *numbers)
