"""Arrays by name in one HDF5 file: what checkpoints and shipped models are made of. No pickle, no code in the file."""

import hashlib
import io
import json
import os
import re
from pathlib import Path

import numpy as np

from . import hdf5
from .disk import whole
from .errors import ColorizeError, reason
from .model_fields import checked_meta, checked_spec

FORMAT = "colorize-arrays-1"
MOST_OF_MODEL = 600_000_000  # bytes of a model file
BLOCK, MARK = 512, b"colorize sha256 "  # a file begins with a block that HDF5 leaves alone: the digest of what follows
SEED = "seed_generator/seed_generator_state"  # the key of a dropout layer's random state


def write_arrays(path, arrays, meta):
    """Write ``arrays`` (name -> ndarray) and ``meta`` (JSON-able dict) to ``path``, flushed to the disk.

    Returns the SHA-256 of what was to be written, so that the file can be compared with it.
    OSError where the disk is full or fails. Not atomic: `disk.whole` gives a temporary path to write to.
    """
    import h5py

    # In memory first: where the disk is full HDF5 does not only fail, it takes the whole process with it.
    memory = io.BytesIO()
    with h5py.File(memory, "w", userblock_size=BLOCK, libver="earliest") as file:  # the layout that `hdf5` reads
        file.attrs["format"] = FORMAT
        file.attrs["meta"] = json.dumps(meta)
        for index, (name, array) in enumerate(arrays.items()):
            dataset = file.create_dataset(f"{index:05d}", data=np.asarray(array))
            dataset.attrs["name"] = name
    content = memory.getbuffer()
    head = MARK + hashlib.sha256(content[BLOCK:]).hexdigest().encode()
    content[: len(head)] = head
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return hashlib.sha256(content).hexdigest()


def read_arrays(path, what="a weight file of this project", most=hdf5.MOST):
    """Read what `write_arrays` wrote -> (dict name -> ndarray, meta). One-line ColorizeError for anything else.

    The file is not trusted (see `hdf5`): reading it takes at most its own size in memory, which may be ``most`` bytes.
    """
    path = Path(path)
    if not path.is_file():
        raise ColorizeError(f"expected {what}, but there is no file {path}", status=1)
    try:
        _check_digest(path)
        attributes, found = hdf5.read_file(path, most)
        if attributes.get("format") != FORMAT:
            raise ColorizeError(f"expected {what}, but {path} is an HDF5 file of another kind", status=1)
        meta = json.loads(attributes["meta"])
        arrays = {own["name"]: array for own, array in found}
        if len(arrays) != len(found) or not isinstance(meta, dict):
            raise hdf5.Bad("two arrays have one name" if isinstance(meta, dict) else "its description is none")
        return arrays, meta
    except (OSError, KeyError, ValueError, RecursionError, MemoryError) as error:
        why = f"it lacks {error}" if isinstance(error, KeyError) else reason(error)
        raise ColorizeError(f"expected {what}, but {path} is damaged or no such file: {why}", 1) from None


def newest_model(run):
    """The file of the newest model in a run's folder, that of its last phase or a snapshot from it; None without."""
    for phase in sorted(Path(run).glob("[0-9]-*"), key=lambda folder: folder.name, reverse=True):
        if (last := phase / "generator.h5").is_file():
            return last
        if snapshots := sorted(phase.glob("snapshots/epoch-*.h5")):
            return snapshots[-1]
    return None


def model_file(path):
    """The file itself, or of a run's folder the newest model in it; ColorizeError for a folder without one."""
    path = Path(path)
    found = newest_model(path) if path.is_dir() else path
    if found is None:
        raise ColorizeError(f"expected a model file or a run that has one, but there is none in {path}", 1)
    return found


def read_model(path):
    """Read a model file, or the newest one of a run's folder -> (arrays, spec, meta), all checked.

    One-line ColorizeError for anything else.
    """
    path = model_file(path)
    arrays, description = read_arrays(path, "a model file of this project", MOST_OF_MODEL)
    if "spec" not in description:
        raise ColorizeError(f"expected a model file, but {path} holds a training checkpoint", status=1)
    return arrays, checked_spec(description["spec"], path), checked_meta(description.get("meta"), path)


def _check_digest(path):
    """ValueError for a file that changed since it was written. Older files have no digest."""
    with open(path, "rb") as file:
        head = file.read(BLOCK)
        if head.startswith(MARK):
            expected = head[len(MARK) : len(MARK) + 64]
            if hashlib.file_digest(file, "sha256").hexdigest().encode() != expected:
                raise ValueError("its SHA-256 is not the one it was written with")


def variable_key(variable):
    """A variable's path without the counters Keras adds to unnamed layers when a network is built a second time."""
    return re.sub(r"\b(normalization|rescaling|seed_generator)_\d+\b", r"\1", variable.path)


def keyed(variables):
    """Variables -> dict by key. Two with one key would silently share a value, so that is an error.

    Except the states of dropout layers' random generators, which Keras lets nobody name: they are numbered in order.
    """
    by_key, generators = {}, 0
    for variable in variables:
        key = variable_key(variable)
        if key == SEED:
            generators += 1
            key = SEED if generators == 1 else f"{SEED}_{generators}"
        if key in by_key:
            raise ColorizeError(f"expected every variable to have its own name, got {key} twice", status=1)
        by_key[key] = variable
    return by_key


def assign_arrays(variables, arrays, where):
    """Give each variable its array. Anything missing, extra or of another shape is an error that names it."""
    by_key = keyed(variables)
    for key in by_key.keys() - arrays.keys():
        raise ColorizeError(f"{where}: expected a variable {key}, but it is missing", status=1)
    for key in arrays.keys() - by_key.keys():
        raise ColorizeError(f"{where}: has a variable {key} that the network has not", status=1)
    for key, variable in by_key.items():
        if tuple(variable.shape) != arrays[key].shape:
            raise ColorizeError(
                f"{where}: expected {key} of shape {tuple(variable.shape)}, got {arrays[key].shape}", status=1
            )
    for key, variable in by_key.items():
        variable.assign(arrays[key].astype(variable.dtype))


def model_arrays(model, dtype=None):
    """All of a model's variables as NumPy arrays by key; floating ones as ``dtype`` if one is given."""
    arrays = {key: np.asarray(variable) for key, variable in keyed(model.variables).items()}
    if dtype is None:
        return arrays
    return {k: a.astype(dtype) if np.issubdtype(a.dtype, np.floating) else a for k, a in arrays.items()}


def save_network(model, path, spec, meta=None, dtype="float16"):
    """Write a network on its own, atomically: ``spec`` rebuilds it (`build_network`), ``meta`` describes it."""
    description = {"spec": {**spec, "weights": None} if "weights" in spec else dict(spec), "meta": meta or {}}
    with whole(path) as temporary:
        write_arrays(temporary, model_arrays(model, dtype), description)


def load_network(path):
    """Rebuild the network in ``path`` -> (keras.Model in float32 with its weights, spec, meta)."""
    from .networks import build_network

    arrays, spec, meta = read_model(path)
    for key, array in arrays.items():
        with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, and is refused with NaN
            if not np.isfinite(array.astype(np.float32)).all():
                raise ColorizeError(f"{path}: expected finite weights, but in {key} are others", status=1)
    try:
        model = build_network(spec)
    except (ValueError, TypeError, KeyError, RuntimeError, MemoryError) as error:
        raise ColorizeError(f"{path}: expected a network that can be built, got: {reason(error)}", status=1) from None
    assign_arrays(model.variables, arrays, str(path))
    return model, spec, meta


def shipped_model():
    """The path of the model that comes with the package or the checkout, its SHA-256 checked where that is given."""
    package = Path(__file__).parent
    places = [package / "shipped" / "colorizer.h5", package.parent / "saved_models" / "colorizer.h5"]
    found = next((path for path in places if path.is_file()), None)
    if found is None:
        raise ColorizeError(f"expected the shipped model at {places[-1]}; name another with --model FILE", status=1)
    note = found.with_suffix(".sha256")
    if note.is_file():
        expected = note.read_text(encoding="ascii", errors="replace").split()[:1]
        actual = hashlib.sha256(found.read_bytes()).hexdigest()
        if expected != [actual]:
            raise ColorizeError(
                f"expected {found} to have the SHA-256 that {note.name} names, got {actual[:12]}…: get it again",
                status=1,
            )
    return found
