"""Teachers: what is learned of them, with hints and without, and what a run says of them."""

import json
from hashlib import sha256

import numpy as np
import pytest
from conftest import train_tiny

from colorize_utils.cli import main
from colorize_utils.errors import ColorizeError
from colorize_utils.networks import build_network
from colorize_utils.training.run import Options
from colorize_utils.training.teachers import load_teachers, taught
from colorize_utils.weights import load_network, save_network

PLAIN = {"network": "unet", "backbone": "Plain", "weights": None, "widths": (8, 8, 8, 8)}
HINTED = {**PLAIN, "hints": True}


def stirred(path, spec, seed):
    """A model file whose network gives every photo some color of its own."""
    network, rng = build_network(spec), np.random.default_rng(seed)
    for variable in network.variables:
        if "variance" not in variable.path and "seed" not in variable.path:
            variable.assign(np.asarray(variable) + rng.normal(0, 0.05, variable.shape))
    save_network(network, path, spec, dtype=None)
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Files of two networks without hints, and of one that takes them."""
    folder = tmp_path_factory.mktemp("teachers")
    specs = {"one": PLAIN, "two": PLAIN, "hearing": HINTED}
    return {name: stirred(folder / f"{name}.h5", spec, k) for k, (name, spec) in enumerate(specs.items())}


@pytest.fixture(scope="module")
def batch():
    """Two photos, hints for the first alone, and the true ab."""
    rng = np.random.default_rng(0)
    photo = rng.uniform(-1, 1, (2, 32, 64, 1)).astype(np.float32)
    hints = np.zeros((2, 32, 64, 3), np.float32)
    hints[0, 10:13, 20:23] = (0.5, -0.25, 1)
    return photo, hints, rng.uniform(-1, 1, (2, 32, 64, 2)).astype(np.float32)


def learned(models, names, asked, ab):
    return np.asarray(taught(load_teachers([models[name] for name in names]), asked, ab))


def answer(path, *inputs):
    return np.asarray(load_network(path)[0](list(inputs) if len(inputs) > 1 else inputs[0], training=False))


def test_what_is_learned_is_the_mean_of_the_teachers_answers(models, batch):
    photo, hints, ab = batch
    answers = answer(models["one"], photo), answer(models["two"], photo), answer(models["hearing"], photo, 0 * hints)
    assert np.abs(answers[0] - answers[1]).mean() > 1e-3
    got = learned(models, models, photo, ab)
    np.testing.assert_allclose(got, np.mean(answers, axis=0), atol=2e-5)
    np.testing.assert_array_equal(taught((), photo, ab), ab)


def test_of_a_photo_with_hints_only_those_speak_who_heard_them(models, batch):
    photo, hints, ab = batch
    heard, deaf = answer(models["hearing"], photo, hints), answer(models["one"], photo)
    got = learned(models, ["one", "hearing"], [photo, hints], ab)
    np.testing.assert_allclose(got[0], heard[0], atol=2e-5)
    np.testing.assert_allclose(got[1], (heard[1] + deaf[1]) / 2, atol=2e-5)
    alone = learned(models, ["one"], [photo, hints], ab)
    np.testing.assert_array_equal(alone[0], ab[0])  # nobody heard: the truth
    np.testing.assert_allclose(alone[1], deaf[1], atol=2e-5)


def test_a_run_with_a_teacher_comes_nearer_to_its_answers_and_names_it(models, tiny_set, tmp_path, eagerly):
    teacher, run = models["one"], tmp_path / "run"
    said = {"epochs": (0, 6, 0, 0), "rates": (0, 3e-3, 0, 0), "teachers": (teacher,), "say": lambda line: None}
    state = train_tiny(tiny_set, run, **said)
    losses = [row["loss"] for row in state.history]
    assert losses[-1] < losses[0] * 0.8
    assert losses[-1] < state.history[-1]["l1"]  # nearer to the teacher than to the truth
    kept = json.loads((run / "settings.json").read_text())["settings"]
    assert kept["teachers"] == [sha256(teacher.read_bytes()).hexdigest()]
    with pytest.raises(ColorizeError, match="trained with other settings \\(teachers"):
        train_tiny(tiny_set, run, **{**said, "teachers": (models["two"],)})
    with pytest.raises(ColorizeError, match="trained with other settings \\(teachers"):
        train_tiny(tiny_set, run, **{**said, "teachers": ()})


def test_runs_without_teachers_are_those_of_before(tiny_set, tmp_path, eagerly):
    train_tiny(tiny_set, tmp_path / "run", epochs=(0, 1, 0, 0), say=lambda line: None)
    path = tmp_path / "run" / "settings.json"
    stored = json.loads(path.read_text())
    assert stored["settings"].pop("teachers") is None
    path.write_text(json.dumps(stored))
    assert train_tiny(tiny_set, tmp_path / "run", epochs=(0, 1, 0, 0), say=lambda line: None).finished


def test_teachers_that_cannot_teach_are_refused_in_one_line(models, tiny_set, tmp_path, capsys):
    critic = {"network": "patchgan", "width": 4}
    save_network(build_network(critic), tmp_path / "critic.h5", critic)
    for wrong, match in (
        (tmp_path / "none.h5", "expected a model file of this project, but there is no file .*none.h5"),
        (tmp_path / "critic.h5", "expected a teacher that colorizes, but .*critic.h5 holds a patchgan"),
        (tiny_set / "train.npy", "train.npy"),
    ):
        with pytest.raises(ColorizeError, match=match):
            train_tiny(tiny_set, tmp_path / "run", epochs=(0, 1, 0, 0), teachers=(wrong,), say=lambda line: None)
    with pytest.raises(ColorizeError, match="expected a phase of regression with epochs to learn from teachers"):
        train_tiny(tiny_set, tmp_path / "run", epochs=(0, 0, 1, 1), teachers=(models["one"],), say=lambda line: None)
    words = ["train", "--recipe", "tiny", "--preset", "smoke", "--data", str(tiny_set), "--run", str(tmp_path / "cli")]
    assert main([*words, "--teacher", str(tmp_path / "none.h5"), "--epochs", "0", "1", "0", "0"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert Options().teachers == ()
