"""The command `export`: a model as one ONNX or LiteRT file, for phones, browsers and machines without this package."""

import contextlib
import importlib.util
import io
import json
import logging
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from ..errors import ColorizeError, reason
from ..terminal import quietly_import_keras, silent_decoders

FORMATS = {"onnx": ".onnx", "litert": ".tflite"}
NEEDED = {"onnx": ("onnx", "tf2onnx"), "litert": ()}  # beside TensorFlow
NOTES = "colorize.json"  # in a .tflite, which takes files as a zip does
SHIPPED_LICENSE = (
    "Weights for research, teaching and your own photographs; for anything commercial, train your own "
    "(saved_models/WEIGHTS-LICENSE.md)"
)
CLOSE = 1e-3  # in units of 110: a ninth of a Lab unit, which nobody sees


@dataclass
class Exported:
    """What `export_elsewhere` wrote. difference: the largest from Keras' ab/110, or None where nothing could run it."""

    path: Path
    notes: dict
    difference: float | None


def export_elsewhere(model, output, kind, license=None):
    """Write the network of a model file (None: the shipped model) to ``output`` as ``kind``, "onnx" or "litert".

    The file takes ``lightness`` float32 (N, H, W, 1), L/50-1, H and W multiples of its stride, and gives ``ab`` float32
    (N, H, W, 2), ab/110. Name, version, working size, stride and license go with it: ONNX has them in its metadata, a
    .tflite has a ``colorize.json`` that any unzip finds. Its answers are compared with Keras' at two sizes before it
    appears under its name, whole. Returns an `Exported`. ColorizeError for another suffix, a missing package, another
    backend than TensorFlow (status 2), a model or a place that will not do, or answers that are not Keras' (status 1).
    """
    output = Path(output)
    _check(output, kind)
    quietly_import_keras()
    import keras

    from ..disk import whole

    if keras.config.backend() != "tensorflow":
        raise ColorizeError(f"expected the TensorFlow backend for an export, got {keras.config.backend()}")
    network, notes = _loaded(model, license)
    with tempfile.TemporaryDirectory() as folder, _silence():
        path = Path(folder) / output.name
        try:
            (_write_onnx if kind == "onnx" else _write_litert)(network, path, notes)
        except Exception as error:  # noqa: BLE001  (converters raise many kinds)
            why = (str(error).strip().splitlines() or [type(error).__name__])[-1]
            raise ColorizeError(f"{output}: the network could not be converted: {why[:200]}", status=1) from error
        difference = compare(network, path, notes["stride"])
        if difference is not None and not difference < CLOSE:
            raise ColorizeError(f"{output}: expected Keras' answers, got some that are {difference:.2g} off", status=1)
        data = path.read_bytes()
    try:
        with whole(output) as temporary:
            temporary.write_bytes(data)
    except OSError as error:
        raise _no_place(output, error) from None
    return Exported(output, notes, difference)


def _check(output, kind):
    """See that the format, the suffix, the packages and the place are there, before anything slow."""
    if kind not in FORMATS:
        raise ColorizeError(f"expected a format out of {', '.join(FORMATS)}, got {kind!r}")
    if output.suffix.lower() != FORMATS[kind]:
        raise ColorizeError(f"expected a name ending in {FORMATS[kind]} for --format {kind}, got {output}")
    missing = [name for name in NEEDED[kind] if importlib.util.find_spec(name) is None]
    if missing:
        wanted = " ".join(NEEDED[kind])
        line = f"expected the packages {wanted} for --format {kind}, found no {missing[0]}: `pip install {wanted}`"
        raise ColorizeError(line, status=1)
    if output.is_dir():
        raise ColorizeError(f"expected a place for a file, but {output} is a folder", status=1)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output.parent):
            pass
    except OSError as error:
        raise _no_place(output, error) from None


def _no_place(output, error):
    return ColorizeError(f"expected a place for {output}, got: {reason(error)}", status=1)


def _loaded(path, license):
    """The network of a model file, and what an export of it has to say."""
    from ..networks import COLORIZERS, takes_hints
    from ..networks.hint_input import without_hints
    from ..weights import load_network, shipped_model

    path = shipped_model() if path is None else Path(path)
    if path.is_dir():
        raise ColorizeError(f"expected a model file, but {path} is a folder; `export-model` takes one out of a run", 1)
    network, spec, meta = load_network(path)
    if spec.get("network") not in COLORIZERS:
        raise ColorizeError(f"expected a network that colorizes, but {path} holds a {spec.get('network')}", status=1)
    network = without_hints(network) if takes_hints(network) else network
    return network, describe(path, spec, meta, license)


def describe(path, spec, meta, license=None):
    """What an export of the model file ``path``, with its ``spec`` and ``meta``, says of itself: a flat dict."""
    from .. import __version__
    from ..networks import stride_of
    from .colorizer import STRIDE, Colorizer

    stride, colorizer = max(STRIDE, stride_of(spec)), Colorizer(None, meta)
    return {
        "name": str(meta.get("name") or "colorizer"),
        "version": str(meta.get("version") or "0"),
        "working_size": colorizer.size,
        "smallest_size": colorizer.smallest,
        "stride": stride,
        "license": license or meta.get("license") or (SHIPPED_LICENSE if _is_shipped(path) else "not stated"),
        "input": f"lightness: L/50-1, float32 (N, H, W, 1), H and W multiples of {stride}",
        "output": "ab: a and b of CIE Lab divided by 110, float32 (N, H, W, 2)",
        "made_with": f"colorize_utils {__version__}",
    }


def _is_shipped(path):
    """Whether a file is the shipped model, under whatever name."""
    from ..weights import shipped_model

    with contextlib.suppress(ColorizeError):
        shipped = shipped_model()
        return path.stat().st_size == shipped.stat().st_size and path.read_bytes() == shipped.read_bytes()
    return False


@contextlib.contextmanager
def _silence():
    """Converters tell much about themselves, in four ways."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with silent_decoders(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(before)


def _write_onnx(network, path, notes):
    import keras
    import onnx

    sizes = keras.InputSpec(dtype="float32", shape=(None, None, None, 1), name="lightness")
    network.export(str(path), format="onnx", verbose=False, input_signature=[sizes])
    model = onnx.load(str(path))
    _rename(model.graph, model.graph.output[0].name, "ab")
    for value in (model.graph.input[0], model.graph.output[0]):
        for name, axis in zip(("N", "H", "W"), value.type.tensor_type.shape.dim, strict=False):
            axis.dim_param = name
    onnx.helper.set_model_props(model, {name: str(value) for name, value in notes.items()})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _rename(graph, before, after):
    """Another name for the graph's output. A converter numbers it."""
    graph.output[0].name = after
    for node in graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == before:
                    names[place] = after


def _write_litert(network, path, notes):
    import tensorflow as tf

    # Without the operations of whole TensorFlow, which phones would have to be given.
    network.export(str(path), format="litert", target_spec={"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]})
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr(NOTES, json.dumps(notes, indent=1))


def compare(network, path, stride):
    """The largest difference between a file's answers and the network's at two sizes, or None without a runtime."""
    import numpy as np

    run = runner(path)
    if run is None:
        return None
    rng, worst = np.random.default_rng(0), 0.0
    for height, width in ((2 * stride, 3 * stride), (4 * stride, stride)):
        photo = rng.uniform(-1, 1, (1, height, width, 1)).astype(np.float32)
        worst = max(worst, float(np.abs(run(photo) - np.asarray(network(photo, training=False))).max()))
    return worst


def runner(path, threads=None, light=False):
    """A function L/50-1 -> ab/110 that runs an exported file, or None where ONNX Runtime is not installed.

    light: run LiteRT without TensorFlow, by its package of its own.
    """
    if Path(path).suffix.lower() == ".onnx":
        return _onnx_runner(path, threads) if importlib.util.find_spec("onnxruntime") else None
    if light:
        from ai_edge_litert import interpreter as litert
    else:
        from tensorflow import lite as litert
    interpreter = litert.Interpreter(model_path=str(path), num_threads=threads)
    into, out = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    shape = None

    def run(photo):
        nonlocal shape
        if photo.shape != shape:
            interpreter.resize_tensor_input(into, photo.shape)
            interpreter.allocate_tensors()
            shape = photo.shape
        interpreter.set_tensor(into, photo)
        interpreter.invoke()
        return interpreter.get_tensor(out)

    return run


def _onnx_runner(path, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # other threads have work to do
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda photo: session.run(["ab"], {"lightness": photo})[0]
