"""The page in the browser is built whole or not at all; a change of any file is a new version of it."""

import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest

from colorize_utils.errors import ColorizeError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """The script, for a web/ of its own with a runtime of three files, and a model that is no network."""
    spec = importlib.util.spec_from_file_location("build_web", ROOT / "scripts" / "build_web.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    web = tmp_path / "web"
    for name in ("index.html", "sw.js", "style.css", "manifest.webmanifest", "icon.svg"):
        (web / name).parent.mkdir(parents=True, exist_ok=True)
        (web / name).write_bytes((ROOT / "web" / name).read_bytes())
    for name in ("js/page.js", "text/en.json", *(f"node_modules/onnxruntime-web/dist/{n}" for n in module.RUNTIME)):
        (web / name).parent.mkdir(parents=True, exist_ok=True)
        (web / name).write_text(name)

    def write_model(output, model):
        (output / "model-1.onnx").write_text(str(model))
        return {"file": "model-1.onnx"}

    monkeypatch.setattr(module, "WEB", web)
    monkeypatch.setattr(module, "_write_model", write_model)
    return module


def test_a_build_takes_the_place_of_the_last_and_has_one_version_for_the_same_files(tool):
    output = tool.WEB / "dist"
    first = tool.build(output)
    (output / "left over").write_text("")
    assert tool.build(output) == first and not (output / "left over").exists()
    (tool.WEB / "js" / "page.js").write_text("changed")
    second = tool.build(output)
    assert tool.build(output, "another model") not in (first, second) and second != first
    assert {path.name for path in tool.WEB.iterdir() if path.name.startswith(".")} == set()


def test_the_service_worker_knows_every_file_and_the_pages_policy(tool):
    output = tool.WEB / "dist"
    version = tool.build(output)
    text = (output / "sw.js").read_text()
    files = json.loads(re.search(r"FILES = (\{.*?\})", text, re.DOTALL)[1])
    there = {path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file()}
    assert set(files) == there - {"sw.js", ".nojekyll"}
    assert f'VERSION = "{version}"' in text and "@" not in re.sub(r"//.*", "", text)
    policy = json.loads(re.search(r"POLICY = (\".*\")", text)[1])
    assert policy.startswith("default-src 'none'") and policy in (output / "index.html").read_text()
    assert "http" not in policy and "unsafe-inline" not in policy


def test_a_folder_of_something_else_is_left_alone(tool, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"")
    with pytest.raises(ColorizeError, match="expected an empty folder or an earlier build"):
        tool.build(tmp_path / "photos")
    assert (tmp_path / "photos" / "a.jpg").exists()


def test_a_build_that_fails_leaves_the_last_one(tool, monkeypatch):
    output = tool.WEB / "dist"
    tool.build(output)

    def fail(output, model):
        raise ColorizeError("no", status=1)

    monkeypatch.setattr(tool, "_write_model", fail)
    with pytest.raises(ColorizeError):
        tool.build(output)
    assert (output / "model-1.onnx").exists()
    monkeypatch.setattr(tool, "RUNTIME", ("missing",))
    monkeypatch.setattr(tool, "WEB", tool.WEB / "js")
    with pytest.raises(ColorizeError, match="npm ci"):
        tool.build(output)


def network_of(weights):
    """An ONNX network: a 1 x 1 convolution that gives two planes of the lightness."""
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    nodes = [
        helper.make_node("Transpose", ["lightness"], ["first"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["first", "wide"], ["many"], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["many", "narrow"], ["two"]),
        helper.make_node("Transpose", ["two"], ["ab"], perm=[0, 2, 3, 1]),
    ]
    values = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", "H", "W", channels])
        for name, channels in (("lightness", 1), ("ab", 2))
    ]
    tensors = [onnx.numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=9)


def test_large_weights_are_stored_in_half_the_room_and_answers_stay(tool, tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(0)
    weights = {"wide": rng.normal(0, 0.01, (2000, 1, 3, 3)), "narrow": rng.normal(0, 0.01, (2, 2000, 1, 1))}
    onnx.save(network_of(weights), tmp_path / "a.onnx")
    data = tool.halved(tmp_path / "a.onnx", 32)
    assert len(data) < 0.6 * (tmp_path / "a.onnx").stat().st_size
    large = weights | {"narrow": weights["narrow"] * 1e8, "wide": weights["wide"] * 1e-6}
    onnx.save(network_of(large), tmp_path / "b.onnx")
    kept = onnx.load_from_string(tool.halved(tmp_path / "b.onnx", 32)).graph.initializer  # float16 holds up to 65504
    assert {one.name: one.data_type for one in kept}["narrow"] == onnx.TensorProto.FLOAT
