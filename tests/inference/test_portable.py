"""`export`: ONNX and LiteRT files that answer as Keras does, say what they are, and appear whole or not at all."""

import importlib.util
import json
import re
import zipfile
from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image, ImageOps
from test_cli import model_file, run  # noqa: F401  (a fixture)

from colorize_utils import color
from colorize_utils.inference import portable
from colorize_utils.inference.colorizer import Colorizer
from colorize_utils.networks import build_network
from colorize_utils.photos.reading import read_photo
from colorize_utils.weights import load_network, read_arrays, save_network, shipped_model

ROOT = Path(__file__).resolve().parents[2]
DOCS = (ROOT / "docs" / "python-and-export.md").read_text(encoding="utf-8")
LACKING = [name for name in ("onnx", "tf2onnx", "onnxruntime") if importlib.util.find_spec(name) is None]
ONNX = pytest.mark.skipif(bool(LACKING), reason=f"not installed: {' '.join(LACKING)} (requirements-export.txt)")
KINDS = [pytest.param("onnx", marks=ONNX), "litert"]
NETWORKS = {
    "unet": {
        "network": "unet",
        "backbone": "Plain",
        "weights": None,
        "widths": [16, 8, 8, 8],
        "sharpening": [1.5, 32, 96],
    },
    "unet-bins": {"network": "unet-bins", "backbone": "Plain", "weights": None, "widths": [16, 8, 8]},
    "zhang": {"network": "zhang", "width": 4},
    "pix2pix": {"network": "pix2pix", "width": 4, "levels": 6},
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A model file for each network, with weights that make colors."""
    folder, rng = tmp_path_factory.mktemp("models"), np.random.default_rng(1)
    keras.utils.set_random_seed(1)  # the networks' own first weights
    for name, spec in NETWORKS.items():
        network = build_network(spec)
        for variable in network.trainable_variables:
            variable.assign(np.asarray(variable) + rng.normal(0, 0.1, variable.shape).astype(np.float32))
        save_network(network, folder / f"{name}.h5", spec, {"trained_size": 64, "name": name, "version": "7"})
    return folder


@pytest.fixture(scope="module")
def exported(files):
    """A function (network, format) -> `Exported`, which asks for each only once: converters take their time."""

    @cache
    def export(name, kind):
        out = files / f"{name}-{kind}" / f"out{portable.FORMATS[kind]}"
        return portable.export_elsewhere(files / f"{name}.h5", out, kind)

    return export


def notes_in(path):
    """What an exported file says of itself, read without our code."""
    if path.suffix == ".onnx":
        import onnxruntime

        return onnxruntime.InferenceSession(str(path)).get_modelmeta().custom_metadata_map
    return {key: str(value) for key, value in json.loads(zipfile.ZipFile(path).read("colorize.json")).items()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NETWORKS)
def test_the_file_answers_as_keras_does_at_two_sizes(files, exported, name, kind):
    done = exported(name, kind)
    out = done.path
    network, _, _ = load_network(files / f"{name}.h5")
    # Zhang's bins are raised to the power of 1/0.38 and summed, which enlarges what two orders of adding differ by.
    within = 4e-4 if name == "zhang" else 1e-4
    answer, rng = portable.runner(out), np.random.default_rng(3)
    for shape in ((2, 64, 128, 1), (1, 192, 64, 1)):
        photo = rng.uniform(-1, 1, shape).astype(np.float32)
        expected = np.asarray(network(photo, training=False))
        assert np.ptp(expected) > 0.05  # there is something to agree on
        np.testing.assert_allclose(answer(photo), expected, atol=within)
    assert done.difference < within
    assert [path.name for path in out.parent.iterdir()] == [out.name]
    told = notes_in(out)
    assert (told["name"], told["version"], told["working_size"], told["license"]) == (name, "7", "64", "not stated")
    assert told["smallest_size"] == "64"
    assert told["stride"] == ("64" if name == "pix2pix" else "32")


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_says_what_the_file_is(files, tmp_path, capfd, kind):
    out = tmp_path / "new" / f"x{portable.FORMATS[kind]}"
    args = ["--format", kind, "--model", files / "unet.h5", "-o", out, "--license", "CC0, like the photos"]
    status, said, complaints = run(capfd, "export", *args)
    assert status == 0 and complaints == []  # converters have much to say, and none of it gets here
    lines = said.splitlines()
    assert lines[0] == f"{out}: {out.stat().st_size / 1e6:.1f} MB"
    assert "license: CC0, like the photos" in lines and notes_in(out)["license"] == "CC0, like the photos"
    assert re.fullmatch(r"largest difference from Keras at two sizes: \de-0\d of 1", lines[-1])


def test_a_litert_file_needs_no_operations_of_whole_tensorflow(exported):
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model(str(exported("unet", "litert").path))
    assert model.operatorCodes and not any(code.customCode for code in model.operatorCodes)


def test_the_shipped_model_carries_its_terms_under_any_name(tmp_path):
    copy = tmp_path / "mine.h5"
    copy.write_bytes((ROOT / "saved_models" / "colorizer.h5").read_bytes())
    _, description = read_arrays(copy)
    for path in (shipped_model(), copy):
        notes = portable.describe(path, **description)
        assert notes["license"] == portable.SHIPPED_LICENSE
        assert (notes["smallest_size"], notes["working_size"]) == (160, 224)
    terms = " ".join((ROOT / "saved_models" / "WEIGHTS-LICENSE.md").read_text(encoding="utf-8").split())
    assert "for research, teaching and your own photographs; for anything commercial, train your own" in terms
    assert "for research, teaching and your own photographs; for anything commercial" in portable.SHIPPED_LICENSE


# --- the docs' snippet ---------------------------------------------------------------------------------------------


def snippet():
    found = re.search(r"^```python\n([^`]*onnxruntime\.InferenceSession.*?)^```", DOCS, re.DOTALL | re.MULTILINE)
    assert found
    return found.group(1)


def test_the_docs_snippet_is_short_and_uses_nothing_of_ours():
    lines = [line for line in snippet().splitlines() if line.strip()]
    assert len(lines) <= 20 and "colorize_utils" not in snippet() and "keras" not in snippet()


def _read():
    """The function of the snippet that reads a photo."""
    found = {"np": np, "Image": Image, "ImageOps": ImageOps}
    exec(re.search(r"^def read\(path\):.*?\n\n", snippet(), re.DOTALL | re.MULTILINE)[0], found)  # noqa: S102
    return found["read"]


@pytest.mark.parametrize("turned", [1, 3, 6, 8])
@pytest.mark.parametrize("kind", ["8", "16", "alpha", "palette", "color"])
def test_the_docs_snippet_reads_a_photo_as_we_do(tmp_path, kind, turned):
    rng, exif = np.random.default_rng(0), Image.Exif()
    exif[274] = turned
    grey = rng.integers(0, 65536, (20, 31), dtype=np.uint16)
    image = Image.fromarray(grey if kind == "16" else (grey >> 8).astype(np.uint8))
    if kind == "color":
        image = Image.fromarray(rng.integers(0, 256, (20, 31, 3), dtype=np.uint8))
    image = image.convert({"alpha": "LA", "palette": "P"}.get(kind, image.mode))
    image.save(tmp_path / "a.png", exif=exif)
    theirs = np.asarray(_read()(tmp_path / "a.png")).astype(float)
    ours = read_photo(tmp_path / "a.png").rgb * 255
    assert theirs.shape == ours.shape and np.abs(theirs - ours).max() <= 0.51


@ONNX
def test_the_docs_snippet_colors_a_photo_as_we_do(tmp_path, monkeypatch, samples):
    portable.export_elsewhere(None, tmp_path / "colorizer.onnx", "onnx")
    photo = samples["astronaut"][:300, 50:450]
    grey = np.rint(255 * color.grey_from_lightness(color.lightness(photo / np.float32(255)))).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    monkeypatch.chdir(tmp_path)
    exec(snippet(), {})  # noqa: S102  (it is our own text)
    picture = np.asarray(Image.open("color.png"))
    assert picture.shape == (300, 400, 3)
    theirs = color.rgb_to_lab(picture.astype(np.float32) / 255)
    ours = color.rgb_to_lab(Colorizer.load()(grey).astype(np.float32) / 255)
    assert np.abs(theirs[..., 0] - ours[..., 0]).mean() < 0.5
    apart = np.hypot(*(theirs - ours)[..., 1:].transpose(2, 0, 1)).mean()
    assert apart < 3 < np.hypot(*ours[..., 1:].transpose(2, 0, 1)).mean()  # other resizing, the same colors


# --- what cannot be done --------------------------------------------------------------------------------------------


def refused(capsys, *args):
    status, said, complaints = run(capsys, "export", *args)
    assert status in (1, 2) and said == "" and len(complaints) == 1, complaints
    return status, complaints[0]


@pytest.mark.parametrize("name", ["x.tflite", "x.h5", "x", "onnx"])
def test_a_wrong_suffix_is_refused_before_anything_is_read(tmp_path, capsys, name):
    status, line = refused(capsys, "--format", "onnx", "--model", tmp_path / "absent.h5", "-o", tmp_path / name)
    assert status == 2 and "expected a name ending in .onnx for --format onnx" in line


def test_an_unknown_format_is_refused(tmp_path, capsys):
    status, line = refused(capsys, "--format", "coreml", "-o", tmp_path / "x.onnx")
    assert status == 2 and "'coreml'" in line and "litert" in line


@pytest.mark.parametrize("package", ["onnx", "tf2onnx"])
def test_a_missing_exporter_is_named(tmp_path, capsys, monkeypatch, package):
    monkeypatch.setattr(portable.importlib.util, "find_spec", lambda name: None if name == package else "here")
    status, line = refused(capsys, "--format", "onnx", "-o", tmp_path / "x.onnx")
    assert status == 1 and f"found no {package}: `pip install onnx tf2onnx`" in line


def test_places_that_cannot_be_written_are_refused(tmp_path, capsys):
    (tmp_path / "folder.tflite").mkdir()
    (tmp_path / "file").write_text("")
    for out, why in (("folder.tflite", "is a folder"), ("file/x.tflite", "expected a place for")):
        status, line = refused(capsys, "--format", "litert", "-o", tmp_path / out)
        assert status == 1 and why in line


@pytest.mark.parametrize("what", ["absent", "folder", "damaged", "critic"])
def test_what_is_no_model_file_is_refused(tmp_path, capsys, what):
    path = tmp_path / "model.h5"
    if what == "folder":
        path.mkdir()
    elif what == "damaged":
        path.write_bytes(b"no model")
    elif what == "critic":
        spec = {"network": "patchgan"}
        save_network(build_network(spec), path, spec)
    status, line = refused(capsys, "--format", "litert", "--model", path, "-o", tmp_path / "x.tflite")
    wanted = {"absent": "there is no file", "folder": "`export-model` takes one out of a run", "damaged": "damaged"}
    assert status == 1 and wanted.get(what, "holds a patchgan") in line and not (tmp_path / "x.tflite").exists()


def test_a_network_that_cannot_be_converted_costs_one_line_and_leaves_nothing(files, tmp_path, capsys, monkeypatch):
    def fail(*args):
        raise RuntimeError("Direct conversion failed.\nError: an operation of the future")

    monkeypatch.setattr(portable, "_write_litert", fail)
    args = ("--format", "litert", "--model", files / "unet.h5", "-o", tmp_path / "x.tflite")
    status, line = refused(capsys, *args)
    assert status == 1 and "could not be converted: Error: an operation of the future" in line
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_answers_otherwise_is_not_kept(files, tmp_path, capsys, monkeypatch):
    (tmp_path / "x.tflite").write_bytes(b"an earlier one")
    monkeypatch.setattr(portable, "_write_litert", lambda network, path, notes: path.write_bytes(b""))
    monkeypatch.setattr(portable, "runner", lambda path: lambda photo: np.full((*photo.shape[:3], 2), 0.5, "float32"))
    args = ("--format", "litert", "--model", files / "unet.h5", "-o", tmp_path / "x.tflite", "--overwrite")
    status, line = refused(capsys, *args)
    assert status == 1 and "expected Keras' answers" in line
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"an earlier one"]


def test_jax_is_refused_in_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("keras.config.backend", lambda: "jax")
    status, line = refused(capsys, "--format", "litert", "-o", tmp_path / "x.tflite")
    assert status == 2 and line == "colorize: expected the TensorFlow backend for an export, got jax"


def test_a_run_is_not_taken_out_as_onnx(model_file, tmp_path, capsys):  # noqa: F811
    status, _, complaints = run(capsys, "export-model", model_file, "-o", tmp_path / "x.onnx")
    assert status == 2 and complaints == [
        f"colorize: expected a name ending in .h5, got {tmp_path / 'x.onnx'}; `export --format onnx` writes ONNX files"
    ]
