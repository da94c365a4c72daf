"""What a model file may say of its network and of itself, checked before anything is built of it."""

import math
from numbers import Integral, Real

from .errors import ColorizeError

BACKBONES = ("MobileNetV2", "EfficientNetB0", "EfficientNetV2B0", "ResNet50V2", "Plain")
LONGEST_TEXT = 200  # characters of a name or a version
SIZES = (32, 2048)  # of working copies, in pixels
LARGEST_META = 1_000_000  # characters, written as Python does


def whole(low, high):
    """A check: a whole number from ``low`` to ``high``."""
    return f"a whole number from {low} to {high}", lambda x: _is(x, Integral) and low <= x <= high


def real(low, high):
    """A check: a number from ``low`` to ``high``."""
    return f"a number from {low} to {high}", lambda x: _is(x, Real) and low <= x <= high  # which NaN is not


def one_of(*values):
    """A check: one of these."""
    return f"one of {', '.join(map(str, values))}", lambda x: isinstance(x, (str, int)) and x in values


def several(count, inner):
    """A check: a list of as many things as ``count`` (lowest, highest) says, of which each passes ``inner``."""
    what, fits = inner
    low, high = count
    many = str(low) if low == high else f"{low} to {high}"
    return (
        f"a list of {many}, each {what}",
        lambda x: isinstance(x, (list, tuple)) and low <= len(x) <= high and all(map(fits, x)),
    )


def _is(value, kind):
    return isinstance(value, kind) and not isinstance(value, bool)


def _three(x):
    return len(x) == 3 and _AMOUNT[1](x[0]) and all(map(_SIDE[1], x[1:]))


_TRUTH = ("true or false", lambda x: isinstance(x, bool))
# ``weights`` are those that training began with: the file holds better ones, and none are fetched on its word.
_ENCODER = {"backbone": one_of(*BACKBONES), "weights": ("anything", lambda x: True)}
_BINS = {"grid": real(2, 50), "temperature": real(0.001, 1)}
_AMOUNT, _SIDE = real(0, 4), real(0, SIZES[1])
_SHARPENING = (
    f"an empty list, or {_AMOUNT[0]} and two sides in pixels, each {_SIDE[0]}",
    lambda x: isinstance(x, (list, tuple)) and (not x or _three(x)),
)
# The highest values make networks of at most a few hundred megabytes.
_WIDTH = whole(1, 96)
FIELDS = {
    "unet": _ENCODER
    | {
        "widths": several((4, 4), whole(1, 512)),
        "dropout": real(0, 0.95),
        "attention": _TRUTH,
        "queries": whole(0, 256),
        "hints": _TRUTH,
        "sharpening": _SHARPENING,
    },
    "unet-bins": _ENCODER | {"widths": several((3, 3), whole(1, 512)), "dropout": real(0, 0.95)} | _BINS,
    "pix2pix": {"levels": whole(5, 8), "width": _WIDTH},
    "zhang": {"width": _WIDTH} | _BINS,
    "patchgan": {"spectral": _TRUTH, "width": _WIDTH},
    "projected": _ENCODER | {"width": whole(1, 512), "heads": several((1, 5), one_of(2, 4, 8, 16, 32))},
}


def checked_spec(spec, where):
    """A network's description out of the file ``where`` -> it, for `networks.build_network`. ColorizeError if wrong."""
    if not isinstance(spec, dict):
        raise _wrong(where, "a network", spec)
    name = spec.get("network")
    if not isinstance(name, str) or name not in FIELDS:
        raise _wrong(where, f"a network out of {', '.join(FIELDS)}", name)
    fields = FIELDS[name]
    for key, value in spec.items():
        if key != "network" and key not in fields:
            raise _wrong(where, f"settings of the network {name}", key)
        what, fits = fields.get(key, ("", lambda x: True))
        if not fits(value):
            raise _wrong(where, f"{key} of the network to be {what}", value)
    return {**spec, "weights": None} if "weights" in fields else dict(spec)


def checked_meta(meta, where):
    """What a model file says of itself, a dict -> the same. ColorizeError for what would be used and is wrong."""
    if not isinstance(meta, dict):
        raise _wrong(where, "a description", meta)
    if len(repr(meta)) > LARGEST_META:
        raise _wrong(where, f"a description of at most {LARGEST_META:,} characters", "more")
    for key in ("working_size", "smallest_size", "trained_size"):
        what, fits = whole(*SIZES)
        if meta.get(key) is not None and not fits(meta[key]):
            raise _wrong(where, f"{key} to be {what}", meta[key])
    for key in ("name", "version"):
        value = meta.get(key)
        if value is not None and not (isinstance(value, str) and len(value) <= LONGEST_TEXT and value.isprintable()):
            raise _wrong(where, f"{key} to be a text of one line and at most {LONGEST_TEXT} characters", value)
    return {key: value for key, value in meta.items() if key != "by_hand"}


def _wrong(where, expected, got):
    got = f"{got!r}" if not _is(got, Integral) or math.log10(abs(got) + 1) < 40 else "a number of many digits"
    return ColorizeError(f"{where}: expected {expected}, got {got if len(got) <= 60 else got[:59] + '…'}", status=1)
