"""Model files for others: taking the generator out of a run, and saying what a model file holds."""

import hashlib
import json
from pathlib import Path

from ..errors import ColorizeError
from ..weights import load_network, read_arrays, save_network
from .colorizer import shipped_model


def export_model(source, output, name="colorizer", version="0", working_size=None):
    """Write the generator of a run as a float16 model file, and its SHA-256 beside it. Returns the SHA-256.

    source: a model file, or a run's folder (its last finished phase is taken). The meta of the file is kept; name,
    version and, if given, working_size are added.
    """
    source, output = Path(source), Path(output)
    if source.is_dir():
        finished = sorted(source.glob("*/generator.h5"))
        if not finished:
            raise ColorizeError(f"expected a run with a finished phase, but {source} has no */generator.h5", status=1)
        source = finished[-1]
    network, spec, meta = load_network(source)
    meta = {**meta, "name": name, "version": version}
    if working_size:
        meta["working_size"] = working_size
    try:
        save_network(network, output, spec, meta)
        digest = hashlib.sha256(output.read_bytes()).hexdigest()
        output.with_suffix(".sha256").write_text(f"{digest}  {output.name}\n", encoding="ascii")
    except OSError as error:
        raise ColorizeError(f"expected a place for {output}, got: {error.strerror or error}", status=1) from None
    return digest


def describe_model(path=None):
    """What a model file (default: the shipped one) says of itself, as lines of text. Loads no network."""
    path = shipped_model() if path is None else Path(path)
    arrays, description = read_arrays(path, "a model file of this project")
    if "spec" not in description:
        raise ColorizeError(f"expected a model file, but {path} holds a training checkpoint", status=1)
    lines = [
        f"file: {path} ({path.stat().st_size / 2**20:.1f} MiB)",
        f"sha256: {hashlib.sha256(path.read_bytes()).hexdigest()}",
        f"variables: {sum(array.size for array in arrays.values()):,}",
        f"network: {json.dumps(description['spec'])}",
    ]
    return "\n".join(lines + [f"{key}: {value}" for key, value in description["meta"].items()])
