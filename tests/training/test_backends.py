"""One step for two backends and three precisions: TensorFlow and JAX agree, half precision trains."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from colorize_utils.data.filters import Filters
from colorize_utils.data.prepare import prepare
from colorize_utils.data.sources import SamplePhotos

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import json, sys
from conftest import train_small
settings = json.loads(sys.argv[1])
state = train_small("tiny", say=lambda text: None, **settings)
print("HISTORY" + json.dumps(state.history))
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("set")
    prepare(SamplePhotos(), folder, height=64, width=96, filters=Filters.none(), progress=False, say=lambda text: None)
    return folder


def _history(prepared, run, backend, **changes):
    settings = {"data": str(prepared), "run": str(run), "epochs": [1, 0, 0, 1], "batch": 4, "epoch_photos": 12}
    env = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    env["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"  # a dozen steps: compiling them takes longer than running them
    command = [sys.executable, "-c", CODE, json.dumps(settings | changes)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.partition("HISTORY")[2])


@pytest.fixture(scope="module")
def tensorflow_history(prepared, tmp_path_factory):
    return _history(prepared, tmp_path_factory.mktemp("tf") / "run", "tensorflow")


def test_jax_and_tensorflow_agree(prepared, tmp_path, tensorflow_history):
    """Equal but for rounding and for dropout's draws: the photos, crops and losses are the same."""
    pytest.importorskip("jax")
    other = _history(prepared, tmp_path / "run", "jax")
    assert [r["phase"] for r in other] == [r["phase"] for r in tensorflow_history] == ["decoder", "gan"]
    for a, b in zip(tensorflow_history, other, strict=True):
        assert a["val_grey"] == pytest.approx(b["val_grey"], abs=1e-5)
        assert a["l1"] == pytest.approx(b["l1"], rel=0.05)
    assert tensorflow_history[1]["critic_loss"] == pytest.approx(other[1]["critic_loss"], rel=0.1)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_trains(prepared, tmp_path, tensorflow_history, precision):
    history = _history(prepared, tmp_path / "run", "tensorflow", precision=precision)
    for a, b in zip(tensorflow_history, history, strict=True):
        assert all(np.isfinite(value) for value in b.values() if isinstance(value, float))
        assert a["l1"] == pytest.approx(b["l1"], rel=0.05)
