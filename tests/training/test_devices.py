"""Training on several devices: two simulated ones learn what one does, and what cannot be done is said in one line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import train_tiny

from colorize_utils import cli
from colorize_utils.errors import ColorizeError
from colorize_utils.training import backend
from colorize_utils.weights import read_arrays

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import json, shutil, sys
import jax
from colorize_utils.errors import ColorizeError
from colorize_utils.training import backend
from conftest import train_small

data, folder = sys.argv[1:]
batches, flops, jit = [], [], jax.jit

def watched(function, **options):
    # What a step is given and what it costs one device, looked at from outside.
    jitted, compiled = jit(function, **options), []
    if getattr(function, "__name__", "") != "pure":
        return jitted
    def run(values, *arrays):
        if not compiled:
            compiled.append(jitted.lower(values, *arrays).compile())
            flops.append(compiled[0].cost_analysis()["flops"])
            batches.append([[shard.data.shape[0] for shard in a.addressable_shards] for a in arrays])
        return compiled[0](values, *arrays)
    return run

def train(name, **settings):
    batches.clear(), flops.clear()
    small = {"epochs": (1, 1, 0, 1), "crop": 32, "batch": 4, "epoch_photos": 8, "val_photos": 4}
    settings = {**small, **settings}
    state = train_small("tiny", data, f"{folder}/{name}", say=lambda text: None, **settings)
    return {"history": state.history, "batches": batches[0], "flops": list(flops)}

def refused(**settings):
    try:
        train("refused", **settings)
    except ColorizeError as error:
        return [str(error), error.status]

jax.jit = watched
train("one", until="decoder")
shutil.copytree(f"{folder}/one", f"{folder}/both")
said = {"one": train("one"), "two": train("two", devices="all")}
backend.on_accelerator = lambda: True  # all photos on each device, and a run that goes on with another number of them
said["both"] = train("both", devices=2, until="unet")
said["three"], said["odd"] = refused(devices=3), refused(devices=2, batch=3)
print("SAID" + json.dumps(said))
"""


@pytest.fixture(scope="module")
def said(tiny_set, tmp_path_factory):
    """What three runs in a process with two CPU devices learned, and the folder they are in."""
    pytest.importorskip("jax")
    folder = tmp_path_factory.mktemp("runs")
    env = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    }
    env["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
    command = [sys.executable, "-c", CODE, str(tiny_set), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return {**json.loads(done.stdout.partition("SAID")[2]), "folder": folder}


@pytest.mark.parametrize("name, phases", [("two", ["decoder", "unet", "gan"]), ("both", ["decoder", "unet"])])
def test_two_devices_learn_what_one_does(said, name, phases):
    one, two = said["one"]["history"][: len(phases)], said[name]["history"]
    assert [row["phase"] for row in two] == phases
    for a, b in zip(one, two, strict=True):
        assert a.keys() == b.keys()
        for key in a.keys() - {"minutes"}:
            # Validation is of weights that have come apart, see below: by 2e-4 with JAX 0.7.
            near = 1e-3 if key == "val_l1" else 1e-4
            assert a[key] == (pytest.approx(b[key], rel=near) if isinstance(a[key], float) else b[key]), key
    last = {"unet": "2-unet", "gan": "4-gan"}[phases[-1]]  # the critic alone learns in no epoch here
    one, two, start = (
        read_arrays(said["folder"] / run / phase / "generator.h5")[0]
        for run, phase in (("one", last), (name, last), ("one", "1-decoder"))
    )
    # Sums in another order differ by rounding. Adam makes a whole step of it where a gradient is nothing else, so
    # single weights come apart (by 1e-3 with JAX 0.7, 1e-7 with 0.12); together they have to go the same way. So do the
    # statistics of normalization that these weights make, but here they are of four photos, and of one pixel of each at
    # the bottom of the network: they come apart more.
    for statistics, most in ((False, 0.01), (True, 0.1)):
        keys = [key for key in one if ("/moving_" in key) == statistics]
        moved = [np.float64(one[key]) - start[key] for key in keys]
        apart = [np.float64(two[key]) - one[key] for key in keys]
        assert length(apart) < most * length(moved)


def length(arrays):
    return np.sqrt(sum((array**2).sum() for array in arrays))


def test_each_device_has_its_part_of_a_batch_and_of_the_work(said):
    assert said["one"]["batches"] == [[4], [4], [4]]
    assert said["two"]["batches"] == [[2, 2], [2, 2], [2, 2]]
    assert said["both"]["batches"] == [[24, 24], [2, 2], [2, 2]]  # all photos, and half of the batch's numbers
    # One device began with the second phase (see above); what measures the average's normalization, and validation, are
    # compiled with the first epoch of a run.
    _, refit, validation, *steps = said["two"]["flops"]
    for one, two in zip(said["one"]["flops"], [steps[0], refit, validation, *steps[1:]], strict=True):
        assert two < 0.65 * one


def test_more_devices_than_there_are_and_unequal_shares_are_refused(said):
    assert said["three"] == ["expected at most 2 devices (cpu:0, cpu:1), got 3", 2]
    assert said["odd"] == ["expected a batch that 2 devices can share equally, got 3", 2]


@pytest.mark.skipif(backend.BACKEND == "jax", reason="what another backend than JAX says")
@pytest.mark.parametrize("devices", ["all", 2])
def test_tensorflow_is_refused_in_one_line(tiny_set, tmp_path, devices):
    with pytest.raises(ColorizeError, match="^expected JAX to train on several devices, got tensorflow: set KERAS"):
        train_tiny(tiny_set, tmp_path / "run", devices=devices)
    assert not (tmp_path / "run" / "settings.json").exists()


@pytest.mark.parametrize("text", ["0", "-1", "some", "1.5", ""])
def test_what_is_no_number_of_devices_is_refused(capsys, text):
    assert cli.main(["train", "--data", "x", "--run", "y", f"--devices={text}"]) == 2
    assert "expected a whole number of 1 or more" in capsys.readouterr().err
