"""The network without TensorFlow: exported once, kept, and run by LiteRT or ONNX Runtime, which start in no time.

Exports stand in the user's cache folder, named by the SHA-256 of the model file and by their own: what was damaged, or
is another model's, is not taken. Each is written whole, so that two processes may write one at once.
"""

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from queue import LifoQueue

from ..disk import part_beside, sha256, sweep, whole
from ..errors import ColorizeError, reason
from ..terminal import complain, quietly_import_keras, silent_decoders
from .portable import FORMATS, NEEDED, runner

RUNTIMES = {"litert": ("LiteRT", "ai_edge_litert"), "onnx": ("ONNX Runtime", "onnxruntime")}  # the first found is taken
ENGINES = ("auto", "tensorflow", *RUNTIMES)
CACHE = "COLORIZE_CACHE"  # environment variable: the folder to keep exports in
MADE = "2"  # part of an export's name; another where exports of the same model would differ from earlier ones


def load(model=None, engine="auto", temperature=None, hinted=False, at_once=1):
    """`Colorizer.load` with the network run by ``engine``, out of `ENGINES`.

    auto: LiteRT or ONNX Runtime where one is installed, else TensorFlow; and TensorFlow, with a line to stderr, where
    the export cannot be made or kept; and without a word for a temperature, which an export has fixed, and where photos
    are ``hinted`` and the model takes hints, for which an export has no input. The first call for a model makes the
    export, in a process of its own that takes as long as TensorFlow does to start and to convert. at_once: how many
    photos will be in hand at a time; a runtime then has the network several times, each on its part of the cores.
    ColorizeError (status 1) for an engine that is asked for and cannot be used, or a model that is missing or bad.
    """
    from ..weights import read_model, shipped_model
    from .colorizer import Colorizer

    if engine in RUNTIMES and temperature is not None:
        raise ColorizeError(f"expected --engine tensorflow with --temperature, got {engine}")
    path = shipped_model() if model is None else Path(model)
    kind = engine if engine != "auto" else next(filter(installed, RUNTIMES), None)
    if kind in RUNTIMES and temperature is None:
        _, spec, meta = read_model(path)
        if hinted and spec.get("hints"):
            if engine != "auto":
                raise ColorizeError(f"expected --engine tensorflow for hints to a model that takes them, got {engine}")
            return _in_tensorflow(path)
        try:
            return Colorizer.around(_network(path, kind, at_once), spec, meta, path)
        except ColorizeError as error:
            if engine != "auto":
                raise
            complain(f"{error}; TensorFlow is used, as with --engine tensorflow")
    return _in_tensorflow(path, temperature)


def _in_tensorflow(path, temperature=None):
    from .colorizer import Colorizer

    quietly_import_keras()
    return Colorizer.load(path, temperature)


def installed(kind):
    """Whether a runtime is there, and what converts a model for it."""
    packages = (RUNTIMES[kind][1], *NEEDED[kind])
    return all(importlib.util.find_spec(name) is not None for name in packages)


class Several:
    """A network of which ``at_once`` photos may be asked at a time: small photos are too little work for all cores.

    make: gives a function L/50-1 -> ab/110, which one thread at a time may call.
    """

    def __init__(self, make, at_once):
        self.at_once, self._make, self._free = at_once, make, LifoQueue()
        for run in [None] * (at_once - 1) + [make()]:  # the others when they are needed
            self._free.put(run)

    def __call__(self, photo):
        run = self._free.get()
        try:
            run = run or self._make()
            return run(photo)
        finally:
            self._free.put(run)


def _network(path, kind, at_once=1):
    """The function L/50-1 -> ab/110 of the model file ``path``, run by a runtime; exported first if need be."""
    name, package = RUNTIMES[kind]
    if importlib.util.find_spec(package) is None:
        raise ColorizeError(f"expected {name} for --engine {kind}: `pip install -r requirements-fast.txt`", status=1)
    folder, stem = cache_folder(), f"{sha256(path)}-{MADE}"
    exported = _kept(folder, stem, kind) or _export(path, folder, stem, kind)
    cores = min(4, os.cpu_count() or 1)
    at_once = min(at_once, cores)
    try:
        with silent_decoders():
            return Several(lambda: runner(exported, threads=cores // at_once, light=True), at_once)
    except Exception as error:  # noqa: BLE001  (runtimes raise many kinds)
        raise ColorizeError(f"expected {exported} to run on {name}, got: {reason(error)}", status=1) from None


def cache_folder():
    """Where exports are kept: what `CACHE` names, or the user's folder for what can be made again."""
    if os.environ.get(CACHE):
        return Path(os.environ[CACHE])
    try:
        home = Path.home()
    except RuntimeError:
        raise ColorizeError(f"expected a home folder, or {CACHE} to name one for exports, found none", 1) from None
    if sys.platform == "win32":
        place = os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local"
    elif sys.platform == "darwin":
        place = home / "Library" / "Caches"
    else:
        place = os.environ.get("XDG_CACHE_HOME") or home / ".cache"
    return Path(place) / "colorizeimg"


def _kept(folder, stem, kind):
    """An export of the model that is there and whole, or None. One that is damaged is removed."""
    for found in sorted(folder.glob(f"{stem}-*{FORMATS[kind]}")):
        try:
            if sha256(found) == found.stem.rpartition("-")[2]:
                return found
            found.unlink()
        except OSError:  # another process removed it, or nobody may
            continue
    return None


def _export(path, folder, stem, kind):
    """Export the model file ``path`` to ``folder``, in a process of its own. Returns the export's path."""
    name = RUNTIMES[kind][0]
    _see_that_it_can_be_written(folder)
    complain(f"the model is made ready for {name}, once; it is kept in {folder}")
    with tempfile.TemporaryDirectory() as place:
        made = Path(place) / f"model{FORMATS[kind]}"
        words = ["export", "--format", kind, "--model", str(path.absolute()), "-o", str(made)]
        root = str(Path(__file__).resolve().parents[2])
        env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
        command = [sys.executable, "-m", "colorize_utils", *words]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=env, check=False)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines() or [f"status {done.returncode}"]
            why = said[-1].removeprefix("colorize: ")
            raise ColorizeError(f"expected an export for {name}, got: {why}", status=1)
        target = folder / f"{stem}-{sha256(made)}{FORMATS[kind]}"
        try:
            with whole(target) as temporary:
                temporary.write_bytes(made.read_bytes())
        except OSError as error:
            raise _no_cache(folder, error) from None
    return target


def _see_that_it_can_be_written(folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder, deep=False)
        probe = part_beside(folder / "any")
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise _no_cache(folder, error) from None


def _no_cache(folder, error):
    line = f"expected a folder to keep an export in ({CACHE} names another), got {folder}: {reason(error)}"
    return ColorizeError(line, status=1)
