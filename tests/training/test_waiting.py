"""An interrupt is obeyed within seconds, also while a step is compiled or an epoch validated; nothing is lost by it."""

import signal
import threading

import numpy as np
import pytest
from conftest import train_tiny

from colorize_utils.training import loop, recipes, steps
from colorize_utils.training.checkpoint import Checkpoints
from colorize_utils.training.feed import Feed

LENGTHS = {"epochs": (2, 0, 0, 0)}  # of two steps each


pytestmark = pytest.mark.usefixtures("eagerly")


@pytest.fixture(scope="module")
def straight(tiny_set, tmp_path_factory):
    run = tmp_path_factory.mktemp("straight") / "run"
    return train_tiny(tiny_set, run, **LENGTHS), Checkpoints(run).load()[0]


def _is(straight, state, run):
    rows = [[{k: v for k, v in row.items() if k != "minutes"} for row in s.history] for s in (straight[0], state)]
    arrays = Checkpoints(run).load()[0]
    same = all(np.array_equal(arrays[name], straight[1][name]) for name in straight[1])
    return rows[0] == rows[1] and same and state.photos == straight[0].photos


@pytest.fixture
def endless():
    """An event to wait for that comes only when the test is over."""
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.parametrize(("at", "kept"), [(1, True), (2, True), (3, False)], ids=["compiling", "slow", "unexpected"])
def test_a_step_that_does_not_end_is_given_up(straight, tiny_set, tmp_path, monkeypatch, endless, at, kept):
    """What was learned before it is saved; where it could not be known to be slow, the last checkpoint holds."""
    monkeypatch.setattr(loop, "SLOW", -1.0 if kept else 1e9)
    true_step, calls = steps.regression, []

    def hangs(*arguments):
        calls.append(1)
        if len(calls) == at:
            signal.raise_signal(signal.SIGINT)
            endless.wait(60)
        return true_step(*arguments)

    monkeypatch.setitem(steps.STEPS, "regression", hangs)
    said, run = [], tmp_path / "run"
    state = train_tiny(tiny_set, run, interrupt_waits=0.0, say=said.append, **LENGTHS)
    assert not endless.is_set() and (state.stopped, state.step) == (True, at - 1)
    assert said[-1].startswith("stopped at phase 1 of 4 (decoder)")
    state = train_tiny(tiny_set, run, **LENGTHS)
    assert _is(straight, state, run)


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_validation_that_takes_long_is_made_up_for(straight, tiny_set, tmp_path, monkeypatch, epoch):
    true_validation, calls = Feed.validation, []

    def interrupted(self):
        calls.append(1)
        if len(calls) == epoch:
            signal.raise_signal(signal.SIGINT)
        return true_validation(self)

    monkeypatch.setattr(Feed, "validation", interrupted)
    run = tmp_path / "run"
    state = train_tiny(tiny_set, run, interrupt_waits=0.0, **LENGTHS)
    assert (state.stopped, state.step, len(state.history)) == (True, 2 * epoch, epoch - 1)
    assert _is(straight, train_tiny(tiny_set, run, **LENGTHS), run)


def test_what_is_compiled_is_said(tiny_set, tmp_path):
    said = []
    train_tiny(tiny_set, tmp_path / "run", epochs=(1, 0, 0, 1), say=said.append)
    lines = [line for line in said if "compiling" in line]
    assert lines == [f"compiling phase {p}: its first step takes longest" for p in ("1 (decoder)", "4 (gan)")]


@pytest.mark.parametrize("name", ["colab", "full"])
def test_half_precision_is_for_gpus(monkeypatch, name):
    assert recipes.get_preset(name).precision == "float32"  # a processor emulates it, many times slower
    assert recipes.get_preset(name, precision="mixed_float16").precision == "mixed_float16"
    monkeypatch.setattr("colorize_utils.training.backend.on_accelerator", lambda: True)
    assert recipes.get_preset(name).precision == {"colab": "mixed_float16", "full": "mixed_bfloat16"}[name]
