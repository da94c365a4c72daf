"""ColorizeIMG: put color into black-and-white photos. What the notebooks call.

The names a notebook starts with are here, loaded when first used, so that importing the package costs nothing. The rest
is imported from where it is defined.
"""

import importlib

__version__ = "0.6.0"

_NAMES = {
    "rgb_to_lab": "color",
    "lab_to_rgb": "color",
    "normalize": "color",
    "denormalize": "color",
    "lightness": "color",
    "join": "color",
    "colorfulness": "color",
    "prepare": "data.prepare",
    "sample_photos": "data.sources",
    "train": "training.loop",
    "Colorizer": "inference.colorizer",
    "ColorizeError": "errors",
}

__all__ = ["__version__", *_NAMES]


def __getattr__(name):
    if name in _NAMES:
        return getattr(importlib.import_module(f".{_NAMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
