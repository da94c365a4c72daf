"""A real training process, killed with SIGKILL three times, ends as one left alone (benchmarks/kill_resume.py: 60)."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from colorize_utils.training.checkpoint import Checkpoints
from colorize_utils.weights import read_arrays

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import os, signal, sys
import tensorflow as tf
tf.config.run_functions_eagerly(True)  # six steps: tracing them takes longer
from colorize_utils.training import checkpoint
from colorize_utils.training.feed import Feed
from conftest import train_tiny

def die():
    os.kill(os.getpid(), signal.SIGKILL)

data, run, phase, step, size = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
true_batch, true_write, at = Feed.batch, checkpoint.write_arrays, [None]

def batch(self, index, part, number):
    at[0] = (index, number)
    if size < 0 and at[0] == (phase, step):
        die()
    return true_batch(self, index, part, number)

def write(path, arrays, meta):
    digest = true_write(path, arrays, meta)
    if at[0] == (phase, step) and size >= 0:
        os.truncate(path, size)  # as if only so much of it had reached the disk
        die()
    return digest

Feed.batch, checkpoint.write_arrays = batch, write
state = train_tiny(data, run, epochs=(0, 1, 1, 1), epoch_photos=24, save_steps=1)
"""


def _start(tiny_set, run, phase=-1, step=-1, size=-1):
    env = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}", "TF_NUM_INTEROP_THREADS": "1"}
    command = [sys.executable, "-c", CODE, tiny_set, run, str(phase), str(step), str(size)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen([str(word) for word in command], env=env, **pipes)


def _run(*args):
    process = _start(*args)
    said = process.communicate()[0]
    return process.returncode, said


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_killed_three_times_it_ends_as_one_left_alone(tiny_set, tmp_path):
    alone, run = tmp_path / "alone", tmp_path / "run"
    left_alone = _start(tiny_set, alone)
    kills = [(1, 2, -1), (2, 1, 20_000), (3, 2, -1)]  # in a step, 20,000 bytes into a checkpoint, in the GAN
    found = []
    for phase, step, size in kills:
        assert _run(tiny_set, run, phase, step, size)[0] == -9
        state = Checkpoints(run).load()[1]
        found.append((state["phase"], state["step"]))
    assert found == [(1, 2), (2, 1), (3, 2)]
    assert list(run.glob(".checkpoint-*.tmp")) == []  # the leavings of the second kill are gone
    status, said = _run(tiny_set, run)
    assert status == 0, said
    assert "going on with phase 4 of 4 (gan), epoch 1 of 1, step 2" in said
    said = left_alone.communicate()[0]
    assert left_alone.returncode == 0, said

    (a, one), (b, other) = (Checkpoints(folder).load() for folder in (alone, run))
    assert a.keys() == b.keys()
    assert all(np.array_equal(a[k], b[k]) for k in a)
    for key in ("photos", "images", "best", "finished"):
        assert one[key] == other[key]
    for x, y in zip(one["history"], other["history"], strict=True):
        assert {**x, "minutes": 0} == {**y, "minutes": 0}
    assert len((run / "history.csv").read_text().splitlines()) == 4
    for name in ("2-unet/generator.h5", "3-critic/critic.h5", "4-gan/generator.h5", "4-gan/critic.h5"):
        a, b = read_arrays(alone / name)[0], read_arrays(run / name)[0]
        assert all(np.array_equal(a[k], b[k]) for k in a)
    assert Checkpoints(alone).load_best()[1]["step"] == Checkpoints(run).load_best()[1]["step"]
