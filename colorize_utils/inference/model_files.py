"""Model files for others: taking the generator out of a run, and saying what a model file holds."""

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np

from ..disk import sha256, write_text
from ..errors import ColorizeError, reason
from ..networks import OPTIONS
from ..terminal import shown
from ..weights import assign_arrays, load_network, model_file, read_model, save_network, shipped_model
from .portable import FORMATS


def export_model(sources, output, name="colorizer", version="0", sizes=(None, None), change=None, sharpening=None):
    """Write a generator as a float16 model file, and its SHA-256 beside it. Returns the SHA-256.

    sources: a model file or a run's folder (its last finished phase is taken), or several of one network: the mean of
    their weights is written then (Izmailov et al. 2018; Wortsman et al. 2022: places that one training went through,
    averaged, err less than each alone). The meta of the last is kept; name, version and, where given, sizes
    (working_size and smallest_size, see `Colorizer`) are added. ColorizeError for a missing source, or for sources of
    different networks; that some have attention or take hints and others do not is no difference, as long as the last
    has these parts. change: called with the network before it is written, as `training.refit.refit_on` is of a mean.
    sharpening: by how much the model sharpens its ab from now on (`networks.sharpening`), in full in copies of
    working_size and not at all in those of smallest_size, where there is one; 0: never; None: as the last source does.
    ColorizeError for a network other than a U-Net that gives ab.
    """
    sources = [sources] if isinstance(sources, (str, Path)) else list(sources)
    output = Path(output)
    for kind, suffix in FORMATS.items():
        if output.suffix.lower() == suffix:
            also = f"`export --format {kind}` writes {suffix[1:].upper()} files"
            raise ColorizeError(f"expected a name ending in .h5, got {output}; {also}")
    files = [_generator_of(Path(source)) for source in sources]
    network, spec, meta = load_network(files[-1])
    if len(files) > 1:
        assign_arrays(network.variables, _mean(files, spec), "the mean")
        meta["mean_of"] = len(files)
    meta = {**meta, "name": name, "version": version}
    meta |= {key: size for key, size in zip(("working_size", "smallest_size"), sizes, strict=True) if size}
    if sharpening is not None:
        spec = {**spec, "sharpening": _sharpening(sharpening, spec, meta)}
    if change:
        change(network)
    try:
        save_network(network, output, spec, meta)
        digest = sha256(output)
        write_text(output.with_suffix(".sha256"), f"{digest}  {output.name}\n", encoding="utf-8")
    except OSError as error:
        raise ColorizeError(f"expected a place for {output}, got: {reason(error)}", status=1) from None
    return digest


def _sharpening(amount, spec, meta):
    """The setting of a U-Net that sharpens by ``amount`` in copies of the size that its meta asks for."""
    if spec["network"] != "unet":
        raise ColorizeError("expected a network whose last layer gives a and b, to sharpen its colors", status=1)
    usual = meta.get("working_size") or meta.get("trained_size") or 0
    return [amount, meta.get("smallest_size") or 0, usual] if amount else []


def is_note(path):
    """Whether a file is a note of a SHA-256 that `export_model` writes beside a model file."""
    return re.fullmatch(r"[0-9a-f]{64}  [^\n]+\n", Path(path).read_text(encoding="utf-8")) is not None


def is_noted(path):
    """Whether a file is a model that `export_model` wrote, as it wrote it: the note beside it says so."""
    note = Path(path).with_suffix(".sha256").read_text(encoding="utf-8")
    return note == f"{sha256(path)}  {Path(path).name}\n"


def _generator_of(source):
    if not source.is_dir():
        return source
    finished = sorted(source.glob("*/generator.h5"))
    if not finished:
        raise ColorizeError(f"expected a run with a finished phase, but {source} has no */generator.h5", status=1)
    return finished[-1]


def _mean(files, spec):
    """The mean of the weights in model files that hold the network ``spec``, one file in memory at a time.

    Of a part that some lack (attention, hints) it is the mean of theirs that have it. How they sharpen is no weight.
    """
    total, count = {}, Counter()
    for path in files:
        arrays, own, _ = read_model(path)
        if _without_options(own) != _without_options(spec):
            raise ColorizeError(
                f"expected models of one network to average, but {path} is another than {files[-1]}", status=1
            )
        for key, array in arrays.items():
            if np.issubdtype(array.dtype, np.floating):
                total[key] = total.get(key, 0.0) + array.astype(np.float64)
                count[key] += 1
            else:  # the states of random generators
                total[key] = array
    return {key: array / count[key] if key in count else array for key, array in total.items()}


def _without_options(spec):
    return {key: value for key, value in spec.items() if key not in (*OPTIONS, "sharpening")}


def describe_model(path=None):
    """What a model file (default: the shipped one) says of itself, as lines of text. Loads no network."""
    path = shipped_model() if path is None else model_file(path)
    arrays, spec, meta = read_model(path)
    lines = [
        f"file: {path} ({path.stat().st_size / 2**20:.1f} MiB)",
        f"sha256: {sha256(path)}",
        f"variables: {sum(array.size for array in arrays.values()):,}",
        f"network: {json.dumps(spec)}",
    ]
    return "\n".join(shown(line) for line in lines + [f"{key}: {value}" for key, value in meta.items()])
