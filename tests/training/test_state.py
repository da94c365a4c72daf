"""What may be asked of a run that was begun: a phase again, or longer, other settings, an early end, a full disk."""

import csv
import errno
import json
import os
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import train_small, train_tiny

from colorize_utils.disk import only_process
from colorize_utils.errors import ColorizeError
from colorize_utils.training import checkpoint, entering, epochs, loop, progress, steps
from colorize_utils.training.checkpoint import Checkpoints
from colorize_utils.training.feed import Feed
from colorize_utils.training.recipes import TINY
from colorize_utils.training.run import set_seed
from colorize_utils.training.steps import regression
from colorize_utils.weights import load_network, read_arrays

LENGTHS = {"epochs": (1, 1, 0, 1)}


pytestmark = pytest.mark.usefixtures("eagerly")


class Killed(BaseException):
    """As a kill would end it: nothing of the training catches this."""


def _weights(run, phase):
    return read_arrays(run / phase / "generator.h5")[0]


def _equal(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


def _rows(state):
    return [
        {k: v for k, v in row.items() if k != "minutes"} for row in getattr(state, "history", None) or state["history"]
    ]


@pytest.fixture(scope="module")
def straight(tiny_set, tmp_path_factory):
    run = tmp_path_factory.mktemp("straight") / "run"
    return run, train_tiny(tiny_set, run, **LENGTHS)


@pytest.fixture
def copy(straight, tmp_path):
    return shutil.copytree(straight[0], tmp_path / "run")


@pytest.mark.parametrize("kill", ["before the checkpoint", "after it"])
def test_killed_where_one_phase_ends(straight, tiny_set, tmp_path, monkeypatch, kill):
    """With the outputs written and the checkpoint not, or the checkpoint written and the next phase not begun."""
    true_save, saves = Checkpoints.save, []

    def save(self, arrays, state, best=False):
        saves.append(state["phase"])
        if kill == "before the checkpoint" and state["phase"] == 1:
            raise Killed
        true_save(self, arrays, state, best)
        if state["phase"] == 1:
            raise Killed

    monkeypatch.setattr(Checkpoints, "save", save)
    with pytest.raises(Killed):
        train_tiny(tiny_set, tmp_path / "run", **LENGTHS)
    monkeypatch.undo()
    assert (tmp_path / "run" / "2-unet" / "generator.h5").exists()
    said = []
    state = train_tiny(tiny_set, tmp_path / "run", say=said.append, **LENGTHS)
    after = "going on behind phase 2 of 4 (unet), epoch 1 of 1, step "
    before = "going on behind phase 1 of 4 (decoder)"
    assert said[0].startswith(after if kill == "after it" else before)
    assert _rows(state) == _rows(straight[1])
    assert state.photos == straight[1].photos
    for phase in ("1-decoder", "2-unet", "4-gan"):
        assert _equal(_weights(tmp_path / "run", phase), _weights(straight[0], phase))


def test_killed_in_the_very_last_save(straight, tiny_set, tmp_path, monkeypatch):
    """With all phases done and that not yet said: the checkpoint it ends with is whole, optimizers included."""
    true_save = Checkpoints.save

    def save(self, arrays, state, best=False):
        if state["finished"]:
            raise Killed
        true_save(self, arrays, state, best)

    monkeypatch.setattr(Checkpoints, "save", save)
    with pytest.raises(Killed):
        train_tiny(tiny_set, tmp_path / "run", **LENGTHS)
    monkeypatch.undo()
    assert train_tiny(tiny_set, tmp_path / "run", **LENGTHS).finished
    ended, alone = (Checkpoints(run).load()[0] for run in (tmp_path / "run", straight[0]))
    assert any(name.startswith("critic_optimizer/") for name in alone)
    assert _equal(ended, alone)


def test_a_phase_again_ends_the_same_and_loses_nothing(straight, copy, tiny_set):
    """From the end of the phase before it, with the critic of then; the old folders are moved aside."""
    said = []
    state = train_tiny(tiny_set, copy, again="gan", say=said.append, **LENGTHS)
    assert state.finished
    assert any("what was trained before is in" in line for line in said)
    assert _equal(_weights(copy / "earlier-1", "4-gan"), _weights(straight[0], "4-gan"))
    assert (copy / "earlier-1" / "history.csv").exists()
    assert _rows(state)[:2] == _rows(straight[1])[:2]
    assert [row["phase"] for row in state.history] == ["decoder", "unet", "gan"]
    # No critic phase came before it, so the critic began as it began then: all is the same again.
    assert _rows(state) == _rows(straight[1])


def test_a_phase_longer_goes_on_from_its_end_and_the_rest_is_trained_again(straight, copy, tiny_set, monkeypatch):
    true_end = loop.end_epoch

    def end_epoch(run, index):
        if run.state.history[-1]["phase"] == "unet":
            raise Killed
        true_end(run, index)

    monkeypatch.setattr(loop, "end_epoch", end_epoch)
    with pytest.raises(Killed):  # asked, and killed in the first of the new epochs
        train_tiny(tiny_set, copy, longer=("unet", 2), **LENGTHS)
    monkeypatch.undo()
    said = []
    state = train_tiny(tiny_set, copy, say=said.append, **LENGTHS)  # not asked again
    assert said[0].startswith("going on with phase 2 of 4 (unet), epoch 2 of 3, step 2")
    rows = [(row["phase"], row["epoch"], row["step"]) for row in state.history]
    assert rows == [("decoder", 1, 2), ("unet", 1, 2), ("unet", 2, 4), ("unet", 3, 6), ("gan", 1, 2)]
    images = [row["images"] for row in state.history]
    assert images == [16, 32, 48, 64, 80]
    assert _equal(_weights(copy / "earlier-1", "4-gan"), _weights(straight[0], "4-gan"))
    assert not _equal(_weights(copy, "2-unet"), _weights(straight[0], "2-unet"))
    with open(copy / "history.csv", newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "1", "2", "3", "1"]
    train_tiny(tiny_set, copy, say=said.append, **LENGTHS)
    assert "is finished" in said[-1]


def test_killed_when_a_phase_again_has_just_been_asked_for(straight, copy, tiny_set, monkeypatch):
    """Between the checkpoint that knows of it and the moving of the old folders."""

    def set_aside(*args):
        raise Killed

    monkeypatch.setattr(entering, "set_aside", set_aside)
    with pytest.raises(Killed):
        train_tiny(tiny_set, copy, again="gan", **LENGTHS)
    monkeypatch.undo()
    state = train_tiny(tiny_set, copy, **LENGTHS)
    assert _rows(state) == _rows(straight[1])
    assert _equal(_weights(copy / "earlier-1", "4-gan"), _weights(straight[0], "4-gan"))
    assert (copy / "4-gan" / "generator.h5").exists()
    assert not (copy / "earlier-2").exists()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"again": "GAN"}, "expected a phase out of decoder, unet, critic, gan, got 'GAN'"),
        ({"longer": ("unet", 0)}, "at least 1, got 0"),
        ({"longer": ("unet", 1), "again": "gan"}, "got both"),
        ({"longer": ("gan", 1)}, "phase gan is not begun yet"),
        ({"longer": ("unet", 1)}, "phase unet is not finished yet"),
    ],
)
def test_what_cannot_be_asked_is_one_line(tiny_set, tmp_path_factory, asked, message, half):
    before = (half / "manifest.json").read_bytes()
    with pytest.raises(ColorizeError, match=message):
        train_tiny(tiny_set, half, epochs=(1, 2, 0, 0), **asked)
    assert (half / "manifest.json").read_bytes() == before


@pytest.fixture(scope="module")
def half(tiny_set, tmp_path_factory):
    """A run that was killed in the second epoch of its second phase, after three steps of it."""
    run = tmp_path_factory.mktemp("half") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Feed, "batch", _killed_at(Feed.batch, index=1, step=3))
        with pytest.raises(Killed):
            train_tiny(tiny_set, run, epochs=(1, 2, 0, 0), save_steps=1)
    return run


def _killed_at(true_batch, index, step):
    def batch(self, at, part, number):
        if (at, number) == (index, step):
            raise Killed
        return true_batch(self, at, part, number)

    return batch


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_saves_behind_the_step_it_came_in(tiny_set, tmp_path, monkeypatch, number):
    """And when it is over, the signals mean again what they meant before."""
    handlers = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    true_batch, said = Feed.batch, []

    def batch(*args):
        signal.raise_signal(number)
        return true_batch(*args)

    monkeypatch.setattr(Feed, "batch", batch)
    state = train_tiny(tiny_set, tmp_path / "run", epochs=(1, 0, 0, 0), say=said.append)
    assert (state.stopped, state.step) == (True, 1)
    assert said[-1].startswith("stopped at phase 1 of 4 (decoder), epoch 1 of 1, step 1; the same call goes on")
    assert Checkpoints(tmp_path / "run").load()[1]["step"] == 1
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_a_second_training_in_a_run_folder_is_refused(tiny_set, tmp_path):
    with (
        only_process(tmp_path),
        pytest.raises(ColorizeError, match="another process is training in .*; stop it or use another run"),
    ):
        train_tiny(tiny_set, tmp_path)


@pytest.mark.parametrize("name", ["settings.json", "history.csv"])
def test_a_run_folder_that_takes_no_files_is_one_line(half, tiny_set, tmp_path, monkeypatch, name):
    """It can be read, and its lock be held, but the first file to be written is refused."""
    true_replace = os.replace

    def refused(source, target):
        if Path(target).name == name:
            raise OSError(errno.EROFS, "Read-only file system", str(source), None, str(target))
        true_replace(source, target)

    run = shutil.copytree(half, tmp_path / "run")
    if name == "settings.json":
        (run / name).unlink()
    before = (run / "manifest.json").read_bytes()
    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(ColorizeError, match=rf"{name}.*: Read-only file system; what the run in .* is kept") as caught:
        train_tiny(tiny_set, run, epochs=(1, 2, 0, 0))
    assert "\n" not in str(caught.value)
    assert (run / "manifest.json").read_bytes() == before


def test_accepted_changes_are_taken_from_the_epoch_on(half, tiny_set, tmp_path):
    """Half the batch, twice the steps; the optimizer keeps its memory and its place in the schedule."""
    run = shutil.copytree(half, tmp_path / "run")
    said, changed = [], {"epochs": (1, 3, 0, 0), "batch": 4, "save_steps": 1}
    with pytest.raises(ColorizeError, match=r"other settings \(preset.batch was 8, now 4.*accept the changes"):
        train_tiny(tiny_set, run, **changed)
    state = train_tiny(tiny_set, run, accept_changes=True, say=said.append, **changed)
    assert said[0].startswith("going on with phase 2 of 4 (unet), epoch 2 of 3, step 4,")
    assert [(row["epoch"], row["step"]) for row in state.history] == [(1, 2), (1, 2), (2, 8), (3, 12)]
    arrays, _ = Checkpoints(run).load()
    assert [int(v) for k, v in arrays.items() if k == "optimizer/generator_optimizer/iteration"] == [12]
    train_tiny(tiny_set, run, say=said.append, **changed)  # they are the run's settings now
    assert "is finished" in said[-1]
    with pytest.raises(ColorizeError, match="other settings"):
        train_tiny(tiny_set, run, epochs=(1, 2, 0, 0), save_steps=1)


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_with_half_precision_it_goes_on_as_exactly(tiny_set, tmp_path, monkeypatch, precision):
    """Killed in the middle of the GAN's epoch; of float16 the loss scales come back too."""
    settings = {"epochs": (0, 0, 0, 1), "epoch_photos": 24, "save_steps": 1, "precision": precision}
    try:
        train_tiny(tiny_set, tmp_path / "alone", **settings)
        monkeypatch.setattr(Feed, "batch", _killed_at(Feed.batch, index=3, step=2))
        with pytest.raises(Killed):
            train_tiny(tiny_set, tmp_path / "run", **settings)
        monkeypatch.undo()
        train_tiny(tiny_set, tmp_path / "run", **settings)
    finally:
        set_seed(0, "float32")
    (alone, one), (ended, other) = (Checkpoints(tmp_path / name).load() for name in ("alone", "run"))
    assert any("scale" in name for name in alone) == (precision == "mixed_float16")
    assert _equal(ended, alone)
    assert _rows(one) == _rows(other)


def test_optimizers_that_do_not_fit_accepted_changes_begin_anew(half, tiny_set, tmp_path):
    run = shutil.copytree(half, tmp_path / "run")
    said, phases = [], list(TINY.phases)
    phases[1] = replace(phases[1], trains="decoder")
    changed = {"epochs": (1, 2, 0, 0), "save_steps": 1, "epoch_photos": 16, "val_photos": 8}
    recipe = replace(TINY, phases=tuple(phases))
    state = train_small(recipe, tiny_set, run, accept_changes=True, say=said.append, **changed)
    assert state.finished
    assert said[0].startswith("the optimizers begin anew")


def test_a_run_goes_on_in_the_precision_of_the_machine_it_is_on(tiny_set, tmp_path, monkeypatch):
    """Begun without a GPU, gone on with where there is one, and back: the optimizer's memory moves, its scale stays."""
    run, said = tmp_path / "run", []
    settings = {"epochs": (1, 3, 0, 0), "save_steps": 1, "say": said.append}
    try:
        for precision, stop in (("float32", 3), ("mixed_float16", 5), ("float32", 99)):
            monkeypatch.setitem(steps.STEPS, "regression", _stopping(stop))
            state = train_tiny(tiny_set, run, precision=precision, **settings)
            memory = [name for name in Checkpoints(run).load()[0] if name.startswith("optimizer/")]
            assert any("_scale/" in name for name in memory) == (precision == "mixed_float16")
    finally:
        set_seed(0, "float32")
    assert state.finished and not any("anew" in line for line in said)
    assert json.loads((run / "settings.json").read_text())["settings"]["preset"]["precision"] == "float32"
    arrays = Checkpoints(run).load()[0]
    assert int(arrays["optimizer/generator_optimizer/iteration"]) == 6


def _stopping(step):
    """A training step that pulls the plug, as Ctrl-C does, in its step of that number of phase unet."""

    def stopping(nets, phase, *arguments):
        if (phase.name, int(nets.optimizer.iterations) + 1) == ("unet", step):
            signal.raise_signal(signal.SIGINT)
        return regression(nets, phase, *arguments)

    return stopping


def test_a_finished_run_says_when_changed_settings_train_nothing(copy, tiny_set):
    said = []
    state = train_tiny(tiny_set, copy, rates=(1e-4,) * 4, accept_changes=True, say=said.append, **LENGTHS)
    assert state.finished
    assert said[-1].startswith(f"nothing was trained: in {copy} all phases are done, from before the changes")


def test_the_line_at_the_end_of_an_epoch_names_that_epoch(tiny_set, tmp_path):
    said = []
    train_tiny(tiny_set, tmp_path / "run", epochs=(3, 0, 0, 0), say=said.append)
    ends = [line for line in said if "validation |ab|" in line]
    assert [f"epoch {k} of 3, step {2 * k}," in line for k, line in enumerate(ends, 1)] == [True] * 3


def test_the_time_left_counts_what_each_phase_takes_and_ends_where_the_call_does(tiny_set, tmp_path, monkeypatch):
    seen = []

    def step(self, where, images, images_left, losses, steps):
        seen.append((where.split(",")[0], images_left))

    monkeypatch.setattr(progress.Progress, "step", step)
    train_tiny(tiny_set, tmp_path / "run", epochs=(1, 1, 1, 1), until="unet")
    assert seen[0] == ("phase 1 of 4 (decoder)", 8 + 16)  # epochs of 16 photos, 8 of which are seen
    seen.clear()
    train_tiny(tiny_set, tmp_path / "run", epochs=(1, 1, 1, 1))
    assert seen[0] == ("phase 3 of 4 (critic)", 8 + 3 * 16)  # a photo of the GAN takes as long as three
    assert seen[-1] == ("phase 4 of 4 (gan)", 0)


def test_a_finished_run_is_given_more_epochs_by_accepting_changes(copy, straight, tiny_set):
    state = train_tiny(tiny_set, copy, epochs=(1, 1, 0, 2), accept_changes=True)
    assert _rows(state)[:3] == _rows(straight[1])
    assert [(row["phase"], row["epoch"]) for row in state.history][3:] == [("gan", 2)]


def test_patience_ends_a_phase_early(tiny_set, tmp_path, monkeypatch):
    errors = iter([0.5, 0.4, 0.41, 0.42, 0.3])
    monkeypatch.setattr(epochs, "validation", lambda run: (next(errors), 1.0))
    said = []
    state = train_tiny(tiny_set, tmp_path / "run", epochs=(0, 9, 0, 0), patience=2, say=said.append)
    assert [row["val_l1"] for row in state.history] == [0.5, 0.4, 0.41, 0.42]
    assert state.finished
    assert any("no better for 2 epochs: phase unet ends here" in line for line in said)
    assert (tmp_path / "run" / "2-unet" / "generator.h5").exists()
    assert Checkpoints(tmp_path / "run").load_best()[1]["epoch"] == 2
    train_tiny(tiny_set, tmp_path / "run", epochs=(0, 9, 0, 0), patience=2, say=said.append)
    assert "is finished" in said[-1]


@pytest.mark.parametrize("what", ["checkpoint", "1-decoder/generator.h5"])
def test_a_disk_that_stays_full_can_end_the_training_and_nothing_is_lost(tiny_set, tmp_path, monkeypatch, what):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    run, settings = tmp_path / "run", {"epochs": (1, 0, 0, 0), "save_steps": 1}
    if what == "checkpoint":
        monkeypatch.setattr(checkpoint, "write_arrays", full)
    else:  # without its generator a phase has no result, so this ends the training in any case
        monkeypatch.setattr(epochs, "save_network", full)
    with pytest.raises(ColorizeError, match=f"no {what} at phase 1 of 4 .*the disk is full.*Make room and start again"):
        train_tiny(tiny_set, run, stop_when_full=what == "checkpoint", **settings)
    monkeypatch.undo()
    state = train_tiny(tiny_set, run, **settings)
    assert state.finished
    assert load_network(run / "1-decoder" / "generator.h5")[2]["step"] == 2


def test_without_tensorboard_its_logs_are_refused_in_a_line(tiny_set, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ColorizeError, match="expected tensorboard for these logs: pip install tensorboard"):
        train_tiny(tiny_set, tmp_path / "run", epochs=(1, 0, 0, 0), tensorboard=True)


def test_tensorboard_shows_the_history_once(tiny_set, tmp_path):
    """Read back by TensorBoard's own reader: after a resume each epoch is there once."""
    run, settings = tmp_path / "run", {"epochs": (1, 1, 0, 0), "tensorboard": True}
    train_tiny(tiny_set, run, until="decoder", **settings)
    state = train_tiny(tiny_set, run, **settings)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"tensors": 0}).Reload()
    for phase, row in zip(("decoder", "unet"), state.history, strict=True):
        seen = [(event.step, float(make_ndarray(event.tensor_proto))) for event in events.Tensors(f"{phase}/val_l1")]
        assert seen == [(row["images"], pytest.approx(row["val_l1"]))]


def test_checkpoints_can_be_written_every_few_epochs_only(tiny_set, tmp_path):
    run, settings = tmp_path / "run", {"epochs": (5, 1, 0, 0), "save_epochs": 2, "until": "decoder"}
    train_tiny(tiny_set, run, **settings)
    kept = json.loads((run / "manifest.json").read_text())["checkpoints"]
    assert [entry["step"] for entry in kept] == [4, 8, 10]  # two steps an epoch; the last one always
    assert len(list(csv.DictReader(open(run / "history.csv")))) == 5


def test_zoom_is_a_setting_of_a_run(tiny_set, tmp_path):
    run, settings = tmp_path / "run", {"epochs": (1, 0, 0, 0)}
    train_tiny(tiny_set, run, **settings, zoom=(0.8, 1.2))
    train_tiny(tiny_set, tmp_path / "plain", **settings)
    losses = [next(csv.DictReader(open(folder / "history.csv")))["loss"] for folder in (run, tmp_path / "plain")]
    assert losses[0] != losses[1]
    with pytest.raises(ColorizeError, match=r"trained with other settings .*zoom"):
        train_tiny(tiny_set, run, **settings, zoom=(0.9, 1.1))
    with pytest.raises(ColorizeError, match="1.5 times that for this zoom"):
        train_tiny(tiny_set, tmp_path / "wide", **settings, zoom=(1.0, 1.5))
