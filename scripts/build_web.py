"""Build the page that colors photos inside the browser: ``python scripts/build_web.py`` fills web/dist.

What goes in: web/'s own files, those of ONNX Runtime Web that it uses (`npm ci` in web/ brings them), the shipped model
as ONNX with its weights in float16, and sRGB's ICC profile. Any static host serves the folder. `make web` does it all.
"""

import argparse
import hashlib
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from colorize_utils import __version__  # noqa: E402
from colorize_utils.errors import ColorizeError  # noqa: E402

WEB = ROOT / "web"
PAGE = ("index.html", "style.css", "manifest.webmanifest", "icon.svg", "js", "text")
RUNTIME = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
SMALL = 2048  # numbers of a weight that stays float32: biases and the like, which take no room
CLOSE = 0.5 / 110  # how far answers may be from those of the float32 weights: half a Lab unit


def build(output, model=None):
    """Put the page for a model file (default: the shipped one) in place of the folder ``output``, whole or not at all.

    Returns its version, which changes with any of its files. ColorizeError (status 1) for a folder that holds something
    else, and where ONNX Runtime Web or what the export needs is missing.
    """
    output = Path(output).resolve()
    if output.is_dir() and any(output.iterdir()) and not (output / "build.json").is_file():
        raise ColorizeError(f"expected an empty folder or an earlier build, got {output}", status=1)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".build-") as folder:
        made = Path(folder) / "page"
        made.mkdir()
        version = _fill(made, model)
        shutil.rmtree(output, ignore_errors=True)
        made.replace(output)
    return version


def _fill(folder, model):
    _copy_runtime(folder / "ort")
    for name in PAGE:
        (shutil.copytree if (WEB / name).is_dir() else shutil.copy)(WEB / name, folder / name)
    about = _write_model(folder, model)
    (folder / "build.json").write_text(json.dumps({"version": __version__, "model": about}, indent=1), "utf-8")
    (folder / "srgb.icc").write_bytes(_srgb())
    (folder / ".nojekyll").write_bytes(b"")  # GitHub Pages would look for a site to be made
    return write_service_worker(folder)


def _copy_runtime(folder):
    source = WEB / "node_modules" / "onnxruntime-web"
    if not source.is_dir():
        raise ColorizeError("expected ONNX Runtime Web in web/node_modules: `npm ci --prefix web` brings it", status=1)
    folder.mkdir()
    for name in RUNTIME:
        shutil.copy(source / "dist" / name, folder / name)


def _write_model(output, model):
    """The model as ONNX, named after its digest -> what build.json says of it."""
    from colorize_utils.inference.portable import export_elsewhere

    with tempfile.TemporaryDirectory() as folder:
        done = export_elsewhere(model, Path(folder) / "colorizer.onnx", "onnx")
        data = halved(done.path, done.notes["stride"])
    name = f"model-{hashlib.sha256(data).hexdigest()[:12]}.onnx"
    (output / name).write_bytes(data)
    notes = {key: done.notes[key] for key in ("name", "version", "working_size", "smallest_size", "stride", "license")}
    return {"file": name, "bytes": len(data), **notes}


def halved(path, stride):
    """An ONNX file -> bytes of one whose large weights are float16, and are made float32 again when it is loaded.

    A weight that alone moves an answer by a tenth of `CLOSE` when it is rounded, or is too large for float16, stays as
    it is: where a layer subtracts two large numbers, a rounding is multiplied. ColorizeError (status 1) if the answers
    are more than `CLOSE` from the file's all the same.
    """
    import numpy as np
    import onnx
    import onnxruntime
    from onnx import TensorProto, numpy_helper

    photo = np.random.default_rng(0).uniform(-1, 1, (1, 2 * stride, 3 * stride, 1)).astype(np.float32)

    def answer(source):
        session = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
        return session.run(["ab"], {"lightness": photo})[0]

    model, usual = onnx.load(path), answer(str(path))

    def bears(tensor):
        """Whether the answers stay, nearly, when this weight alone is rounded."""
        before = tensor.SerializeToString()
        tensor.CopyFrom(numpy_helper.from_array(_half(tensor).astype(np.float32), tensor.name))
        apart = np.abs(answer(model.SerializeToString()) - usual).max()
        tensor.ParseFromString(before)
        return apart < CLOSE / 10  # not so if it is no number

    weights = (one for one in model.graph.initializer if one.data_type == TensorProto.FLOAT)
    large = (one for one in weights if np.prod(one.dims) >= SMALL)
    data = _with_halves(model, {one.name for one in large if bears(one)})
    difference = np.abs(answer(data) - usual).max()
    if not difference < CLOSE:
        raise ColorizeError(f"expected the answers of {path.name}, got some that are {difference:.2g} off", status=1)
    return data


def _half(tensor):
    import numpy as np
    from onnx import numpy_helper

    with np.errstate(over="ignore"):
        return numpy_helper.to_array(tensor).astype(np.float16)


def _with_halves(model, names):
    """An ONNX model -> bytes of it with the weights of these names as float16, each cast to float32 before its use."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    kept, casts = [], []
    for tensor in model.graph.initializer:
        if tensor.name in names:
            half = numpy_helper.from_array(_half(tensor), f"{tensor.name}/half")
            casts.append(helper.make_node("Cast", [half.name], [tensor.name], to=TensorProto.FLOAT))
            tensor = half
        kept.append(tensor)
    nodes = [*casts, *model.graph.node]
    for field, new in ((model.graph.initializer, kept), (model.graph.node, nodes)):
        new = [type(one).FromString(one.SerializeToString()) for one in new]
        del field[:]
        field.extend(new)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _srgb():
    from colorize_utils.photos.writing import srgb

    return srgb().tobytes()


def write_service_worker(output):
    """Fill web/sw.js in with what stands in ``output``. Returns the version, which changes with any of it."""
    files = {p.relative_to(output).as_posix(): p for p in sorted(output.rglob("*")) if p.is_file()}
    digests = {name: hashlib.sha256(p.read_bytes()).hexdigest()[:16] for name, p in files.items() if name[0] != "."}
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', (output / "index.html").read_text("utf-8"))[1]
    text = (WEB / "sw.js").read_text("utf-8")
    version = hashlib.sha256((text + json.dumps(digests)).encode()).hexdigest()[:12]
    for name, value in (("VERSION", version), ("FILES", digests), ("POLICY", policy)):
        text = text.replace(f'"@{name}@"', json.dumps(value, indent=1))
    (output / "sw.js").write_text(text, "utf-8")
    return version


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", metavar="FILE", help="a model file (default: the model that comes with the package)")
    parser.add_argument("--output", default=WEB / "dist", type=Path, metavar="DIR", help="default: web/dist")
    args = parser.parse_args()
    try:
        version = build(args.output, args.model)
    except ColorizeError as error:
        sys.exit(f"build_web: {error}")
    size = sum(path.stat().st_size for path in args.output.rglob("*") if path.is_file())
    print(f"{args.output}: version {version}, {size / 1e6:.1f} MB; python -m http.server -d {args.output}")


if __name__ == "__main__":
    main()
