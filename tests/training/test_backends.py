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
HALF = ("mixed_bfloat16", "mixed_float16")
CODE = """
import json, sys
from conftest import train_small
histories = [train_small("tiny", say=lambda text: None, **settings).history for settings in json.loads(sys.argv[1])]
print("HISTORIES" + json.dumps(histories))
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("set")
    prepare(SamplePhotos(), folder, height=64, width=96, filters=Filters.none(), progress=False, say=lambda text: None)
    return folder


def _histories(prepared, folder, backend, *precisions):
    """What runs in a process of their own learn, one for each precision."""
    settings = {"data": str(prepared), "epochs": [1, 0, 0, 1], "batch": 4, "epoch_photos": 12}
    runs = [settings | {"run": str(folder / precision), "precision": precision} for precision in precisions]
    env = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    env["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"  # a dozen steps: compiling them takes longer than running them
    command = [sys.executable, "-c", CODE, json.dumps(runs)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(zip(precisions, json.loads(done.stdout.partition("HISTORIES")[2]), strict=True))


@pytest.fixture(scope="module")
def of_tensorflow(prepared, tmp_path_factory):
    return _histories(prepared, tmp_path_factory.mktemp("tf"), "tensorflow", "float32", *HALF)


def test_jax_and_tensorflow_agree(prepared, tmp_path, of_tensorflow):
    """Equal but for rounding and for dropout's draws: the photos, crops and losses are the same."""
    pytest.importorskip("jax")
    one, other = of_tensorflow["float32"], _histories(prepared, tmp_path, "jax", "float32")["float32"]
    assert [r["phase"] for r in other] == [r["phase"] for r in one] == ["decoder", "gan"]
    for a, b in zip(one, other, strict=True):
        assert a["val_grey"] == pytest.approx(b["val_grey"], abs=1e-5)
        assert a["l1"] == pytest.approx(b["l1"], rel=0.05)
    assert one[1]["critic_loss"] == pytest.approx(other[1]["critic_loss"], rel=0.1)


@pytest.mark.parametrize("precision", HALF)
def test_half_precision_trains(of_tensorflow, precision):
    with_it = of_tensorflow[precision]
    assert with_it != of_tensorflow["float32"]
    for a, b in zip(of_tensorflow["float32"], with_it, strict=True):
        assert all(np.isfinite(value) for value in b.values() if isinstance(value, float))
        assert a["l1"] == pytest.approx(b["l1"], rel=0.05)
