"""ColorizeIMG: put color into black-and-white photos. Every name that a notebook uses is here.

*Color and figures*: ``color`` (Lab, normalization, gamut), ``metrics`` (PSNR, SSIM, ΔE2000, colorfulness).

*Photos*: ``find_photos``, ``read_photo``, ``write_photo``, ``sample_photos``; ``unpack_photos`` and ``pack_folder`` for
archives.

*Data to train on*: the sources ``SamplePhotos``, ``PhotoFolder``, ``KaggleLab`` and ``kaggle_source``, and their
``label``; ``Filters`` and ``statistics``; ``fit_photo``, ``split_of`` and ``difference_hash``, of which ``prepare``
makes a ``PreparedSet``; and ``step_table`` and ``crops``, of which a step makes its batch.

*Networks*: ``build_unet`` with its ``Encoder``, ``draw_unet``; ``build_patchgan``; ``load_network``, and ``asked``,
what it is called with.

*Training*: ``train``, and ``choose_run`` for what a notebook's form asks for;
``Options``; ``own_runs`` and ``own_model`` for what came of it; ``minimize`` and ``average`` for a step of one's own.

*Coloring*: ``Colorizer``, ``Hints``; ``plan`` and ``colorize_files`` for many photos; ``export_model``.

*Evaluation*: ``photo_folder``, ``model_rows``, ``tables``, ``curve``, ``read_curve``, ``turing``.

*Around them*: ``ColorizeError`` and ``one_line``, which shows it as one; ``quietly_import_keras``, ``on_accelerator``.

Each is loaded when it is first used, so that importing the package costs nothing.
"""

import importlib

__version__ = "0.9.0"

_MODULES = {"color": "color", "metrics": "metrics", "tables": "evaluation.tables", "turing": "evaluation.turing"}

_NAMES = {
    "photos.reading": "find_photos read_photo write_photo",
    "inference.archive": "pack_folder unpack_photos",
    "data.sources": "KaggleLab PhotoFolder SamplePhotos kaggle_source label sample_photos",
    "data.filters": "Filters statistics",
    "data.prepare": "difference_hash fit_photo prepare split_of",
    "data.batches": "PreparedSet step_table",
    "training.feed": "crops",
    "networks.unet": "Encoder build_unet",
    "networks.drawing": "draw_unet",
    "networks.patchgan": "build_patchgan",
    "networks.hint_input": "asked",
    "weights": "load_network",
    "training.loop": "train",
    "training.run": "Options",
    "drive.notebook_run": "choose_run",
    "drive.own_models": "own_model own_runs",
    "training.backend": "minimize on_accelerator",
    "training.steps": "average",
    "inference.colorizer": "Colorizer",
    "inference.hints.given": "Hints",
    "inference.folders": "colorize_files plan",
    "inference.model_files": "export_model",
    "evaluation.rows": "model_rows photo_folder",
    "evaluation.curve": "curve read_curve",
    "errors": "ColorizeError one_line",
    "terminal": "quietly_import_keras",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = ["__version__", *_MODULES, *_HOME]


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f".{_MODULES[name]}", __name__)
    if name in _HOME:
        return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
