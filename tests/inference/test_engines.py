"""The network on LiteRT and ONNX Runtime: Keras' colors without TensorFlow, and what may be wrong with an export."""

import importlib.util
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from test_cli import model_file, put, run  # noqa: F401  (a fixture)

from colorize_utils.errors import ColorizeError
from colorize_utils.inference import engines
from colorize_utils.inference.colorizer import Colorizer
from colorize_utils.networks import build_network
from colorize_utils.photos.reading import read_mark
from colorize_utils.weights import save_network

ROOT = Path(__file__).resolve().parents[2]
HERE = {kind: engines.installed(kind) for kind in engines.RUNTIMES}
KINDS = [
    pytest.param(kind, marks=pytest.mark.skipif(not here, reason=f"no runtime or converter for {kind} is installed"))
    for kind, here in HERE.items()
]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(engines.CACHE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def lasting(tmp_path_factory):
    """A cache for all tests that convert: converters take their time."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def pretended(monkeypatch, cache):
    """A runtime and a converter that are there and do next to nothing. Lists what was converted."""
    made = []

    def convert(command, **_):
        made.append(command[command.index("--model") + 1])
        Path(command[-1]).write_bytes(b"export %d" % len(made))
        return SimpleNamespace(returncode=0)

    def orange(path, **_):
        assert path.read_bytes().startswith(b"export")
        return lambda x: np.broadcast_to(np.float32([0.2, 0.3]), (*x.shape[:3], 2))

    monkeypatch.setattr(engines, "installed", lambda kind: kind == "litert")
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(engines.subprocess, "run", convert)
    monkeypatch.setattr(engines, "runner", orange)
    monkeypatch.setattr(engines, "quietly_import_keras", lambda: None)
    monkeypatch.setattr(Colorizer, "load", lambda *_: "Keras")
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_the_picture_is_keras_at_three_sizes(kind, model_file, lasting, samples, monkeypatch):  # noqa: F811
    monkeypatch.setenv(engines.CACHE, str(lasting))
    photo, keras = samples["astronaut"], Colorizer.load(model_file)
    other = engines.load(model_file, kind)
    assert (other.meta, other.stride, other.most) == (keras.meta, keras.stride, keras.most)
    for height, width in ((512, 512), (97, 310), (33, 20)):
        part = photo[:height, :width]
        assert np.abs(keras(part).astype(int) - other(part)).max() <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_photos_in_hand_together_are_as_each_alone(kind, model_file, lasting, samples, monkeypatch):  # noqa: F811
    monkeypatch.setenv(engines.CACHE, str(lasting))
    monkeypatch.setattr(engines.os, "cpu_count", lambda: 3)
    parts = [samples["astronaut"][top : top + 96, left : left + 80] for top in (0, 200) for left in range(0, 400, 40)]
    one = engines.load(model_file, kind)
    alone = [one(part) for part in parts]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(engines.load(model_file, kind, at_once=3), parts))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_never_imports_tensorflow(kind, model_file, lasting, tmp_path):  # noqa: F811
    put(tmp_path / "in" / "a.png")
    words = ["colorize", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--model", str(model_file)]
    code = (
        "import sys; from colorize_utils.cli import main;"
        f"status = main({[*words, '--engine', kind]!r});"
        "print(status, [m for m in ('tensorflow', 'keras') if m in sys.modules])"
    )
    env = os.environ | {engines.CACHE: str(lasting)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=env, check=True)
    assert done.stdout.splitlines()[-1] == "0 []", done.stderr
    assert "little one 7" in read_mark(tmp_path / "out" / "a.png")
    assert np.ptp(np.asarray(Image.open(tmp_path / "out" / "a.png")), axis=2).max() > 20


def test_a_model_is_converted_once(pretended, cache, model_file, capsys):  # noqa: F811
    for engine in ("auto", "litert", "auto"):
        assert engines.load(model_file, engine).meta["name"] == "little one"
    assert len(pretended) == len(list(cache.iterdir())) == 1
    assert capsys.readouterr().err == f"colorize: the model is made ready for LiteRT, once; it is kept in {cache}\n"


@pytest.mark.parametrize("damage", [b"", b"export of something else"])
def test_a_damaged_export_is_made_anew(pretended, cache, model_file, damage):  # noqa: F811
    engines.load(model_file)
    (kept,) = cache.iterdir()
    kept.write_bytes(damage)
    engines.load(model_file)
    (made,) = cache.iterdir()
    assert made.read_bytes() == b"export 2" and len(pretended) == 2


def test_hints_to_a_model_that_takes_them_are_for_tensorflow(pretended, cache, tmp_path, capsys):  # noqa: F811
    """An export has no input for them: what was clicked would be lost. Photos without hints need none."""
    spec = {"network": "unet", "backbone": "Plain", "weights": None, "widths": (8, 8, 8, 8), "hints": True}
    save_network(build_network(spec), tmp_path / "m.h5", spec)
    assert engines.load(tmp_path / "m.h5", hinted=True) == "Keras" and not pretended
    assert not capsys.readouterr().err
    with pytest.raises(ColorizeError, match="^expected --engine tensorflow for hints to a model that takes them, got"):
        engines.load(tmp_path / "m.h5", "litert", hinted=True)
    assert engines.load(tmp_path / "m.h5").meta["sha256"] == engines.sha256(tmp_path / "m.h5") and len(pretended) == 1


def test_another_models_export_is_not_taken(pretended, cache, model_file, tmp_path):  # noqa: F811
    engines.load(model_file)
    engines.load()  # the shipped one
    assert len(set(pretended)) == len(list(cache.iterdir())) == 2


def test_two_processes_may_convert_at_once(pretended, cache, model_file):  # noqa: F811
    stem = f"{engines.sha256(model_file)}-{engines.MADE}"
    for _ in range(2):  # as if neither had seen the other's
        engines._export(model_file, cache, stem, "litert")
    engines.load(model_file)
    assert len(pretended) == len(list(cache.iterdir())) == 2


def test_a_cache_that_cannot_be_written_means_tensorflow_or_a_line(pretended, cache, model_file, capsys):  # noqa: F811
    cache.write_text("no folder")
    assert engines.load(model_file) == "Keras"
    (line,) = capsys.readouterr().err.splitlines()
    assert (
        str(cache) in line
        and engines.CACHE in line
        and line.endswith("TensorFlow is used, as with --engine tensorflow")
    )
    with pytest.raises(ColorizeError, match="expected a folder to keep an export in"):
        engines.load(model_file, "litert")
    assert pretended == []


def test_a_conversion_or_a_runtime_that_fails_means_tensorflow_or_a_line(pretended, model_file, monkeypatch, capsys):  # noqa: F811
    def broken(*_, **__):
        raise RuntimeError("illegal instruction\nin a kernel")

    monkeypatch.setattr(engines, "runner", broken)
    assert engines.load(model_file) == "Keras"
    assert "to run on LiteRT, got: illegal instruction; TensorFlow is used" in capsys.readouterr().err
    failed = SimpleNamespace(returncode=1, stderr=b"noise\ncolorize: the network could not be converted: so\n")
    monkeypatch.setattr(engines.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(
        ColorizeError, match="^expected an export for LiteRT, got: the network could not be converted: so$"
    ):
        engines.load(None, "litert")


def test_a_bad_model_is_one_line_whatever_runs_it(pretended, tmp_path):
    for engine in ("auto", "litert"):
        with pytest.raises(ColorizeError, match="there is no file"):
            engines.load(tmp_path / "none.h5", engine)


def test_engines_that_cannot_be_used_are_one_line(tmp_path, capsys, monkeypatch):
    put(tmp_path / "a.png")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for words, said in (
        (("--engine", "onnx"), "expected ONNX Runtime for --engine onnx: `pip install -r requirements-fast.txt`"),
        (("--engine", "litert", "--temperature", "0.5"), "expected --engine tensorflow with --temperature, got litert"),
        (("--engine", "torch"), "invalid choice: 'torch'"),
    ):
        status, _, complaints = run(capsys, "colorize", tmp_path / "a.png", "-o", tmp_path / "out", *words)
        assert status in (1, 2) and len(complaints) == 1 and said in complaints[0]


def test_without_a_runtime_it_is_tensorflow(model_file, monkeypatch, cache):  # noqa: F811
    monkeypatch.setattr(engines, "installed", lambda kind: False)
    assert engines.load(model_file).meta["name"] == "little one"
    assert not cache.exists()


def test_the_cache_is_the_users_folder_for_such_things(monkeypatch, tmp_path):
    monkeypatch.delenv(engines.CACHE, raising=False)
    monkeypatch.setattr(engines.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert engines.cache_folder() == tmp_path / "colorizeimg"
    monkeypatch.setattr(engines.Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    with pytest.raises(ColorizeError, match="expected a home folder"):
        engines.cache_folder()
