"""A step of one's own: edited, it is another training; commented or laid out otherwise, it is the same."""

import json
import linecache
import shutil

import pytest
from conftest import train_tiny

from colorize_utils.errors import ColorizeError
from colorize_utils.training.own_steps import source_of

CELL = """
from keras import ops
from colorize_utils import average, minimize

times = 1

def my_loss(predicted_ab, ab):
    return ops.mean(ops.abs(predicted_ab - ab)) * times

def my_step(nets, phase, photo, ab, trainable):
    def loss_fn():
        predicted = nets.generator(photo, training=True)
        loss = my_loss(predicted, ab)
        return loss, {"loss": loss, "l1": loss}

    _, metrics = minimize(loss_fn, trainable, nets.optimizer)
    average(nets, phase.ema, nets.optimizer.iterations)
    return metrics
"""
EDITS = {
    "its loss": ("ops.abs(predicted_ab - ab)", "ops.square(predicted_ab - ab)"),
    "a number it names": ("times = 1", "times = 2"),
    "inside it": ("return loss, {", "return 2 * loss, {"),
}
SETTINGS = {"epochs": (1, 1, 0, 0), "until": "unet"}


def _cell(code, known=True):
    """The step of a notebook's cell; ``known`` if its source can be read, as IPython has it."""
    name = f"cell {len(linecache.cache)}"
    if known:
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    names = {}
    exec(compile(code, name, "exec"), names)
    return names["my_step"]


pytestmark = pytest.mark.usefixtures("eagerly")


@pytest.fixture(scope="module")
def trained(tiny_set, tmp_path_factory):
    run = tmp_path_factory.mktemp("trained") / "run"
    train_tiny(tiny_set, run, steps={"unet": _cell(CELL)}, **SETTINGS)
    return run


@pytest.mark.parametrize("known", [True, False], ids=["source", "bytecode"])
@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_another_source(edit, known):
    assert source_of(_cell(CELL, known)) != source_of(_cell(CELL.replace(*EDITS[edit]), known))
    assert source_of(_cell(CELL, known)) == source_of(_cell(CELL, known))


def test_layout_comments_and_docstrings_are_none():
    other = CELL.replace("    _, metrics", "    # one step\n\n    _, metrics")
    other = other.replace("def my_loss(predicted_ab, ab):", 'def my_loss(predicted_ab, ab):\n    """Mean error."""')
    assert other.count('"""') == 2 and source_of(_cell(other)) == source_of(_cell(CELL))


def test_an_edited_step_is_asked_about_and_not_ignored(trained, tiny_set, tmp_path):
    run = shutil.copytree(trained, tmp_path / "run")
    edited = {"unet": _cell(CELL.replace(*EDITS["its loss"]))}
    with pytest.raises(ColorizeError, match="another step in phase unet: it was edited since; .*another run_name"):
        train_tiny(tiny_set, run, steps=edited, **SETTINGS)
    said = []
    train_tiny(tiny_set, run, steps=edited, accept_changes=True, say=said.append, **SETTINGS)
    assert said[-1].startswith(f"nothing was trained: in {run} phase unet is done, from before the changes")
    said.clear()
    train_tiny(tiny_set, run, steps=edited, say=said.append, **SETTINGS)  # it is the run's step now
    assert "is trained; critic comes next" in said[-1]


def test_the_same_step_and_that_of_another_phase_are_no_edit(trained, tiny_set, tmp_path):
    run = shutil.copytree(trained, tmp_path / "run")
    said = []
    train_tiny(tiny_set, run, steps={"unet": _cell(CELL)}, say=said.append, **SETTINGS)
    train_tiny(tiny_set, run, steps={"gan": _cell(CELL)}, say=said.append, epochs=(1, 1, 0, 0))
    assert said[-1] == f"finished: {run}"
    assert list(json.loads((run / "settings.json").read_text())["steps"]) == ["unet", "gan"]


def test_accepted_in_the_middle_the_rest_is_trained_with_the_new_one(tiny_set, tmp_path):
    run, settings = tmp_path / "run", {"epochs": (0, 1, 0, 0), "until": "unet"}
    train_tiny(tiny_set, run, steps={"unet": _cell(CELL)}, **settings)
    doubled = {"unet": _cell(CELL.replace(*EDITS["inside it"]))}
    longer = {**settings, "epochs": (0, 2, 0, 0)}
    state = train_tiny(tiny_set, run, steps=doubled, accept_changes=True, **longer)
    first, second = (row for row in state.history if row["phase"] == "unet")
    assert first["loss"] == first["l1"] and second["epoch"] == 2


def test_an_edited_recipe_is_asked_about(trained, tiny_set):
    with pytest.raises(
        ColorizeError, match=r"other settings \(recipe.phases\[1\].rate was 0.001, now 0.0005\).*run_name"
    ):
        train_tiny(tiny_set, trained, rates=(1e-3, 5e-4, 0.0, 5e-5), steps={"unet": _cell(CELL)}, **SETTINGS)


def test_a_step_of_no_phase_is_one_line(tiny_set, tmp_path):
    with pytest.raises(ColorizeError, match="expected steps for phases out of decoder, unet, critic, gan, got unnet"):
        train_tiny(tiny_set, tmp_path / "run", steps={"unnet": _cell(CELL)}, **SETTINGS)
