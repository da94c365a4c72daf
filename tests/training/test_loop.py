"""Training: crops that keep L and ab together, draws that depend on (seed, phase, step) alone, phases, resume."""

import csv
from dataclasses import replace

import keras
import numpy as np
import pytest
from conftest import train_tiny
from scipy.ndimage import map_coordinates

from colorize_utils import color
from colorize_utils.data.batches import PreparedSet, epoch_order, step_photos, step_table, still_table
from colorize_utils.disk import part_beside
from colorize_utils.errors import ColorizeError
from colorize_utils.training import backend
from colorize_utils.training.feed import Feed, crops
from colorize_utils.training.recipes import UNET_GAN, get_preset, get_recipe
from colorize_utils.training.steps import distance, fake, l1, real
from colorize_utils.weights import load_network


def test_crops_are_the_pixels_of_the_photo(tiny_set):
    """Against plain NumPy slicing, for every combination of flip and transposition."""
    codes = np.load(tiny_set / "train.npy")[:4]
    table = still_table((80, 96), np.array([0, 0, 1, 1]), 64)
    table[:, 0], table[:, 1], table[:, 2] = [3, 7, 11, 16], [32, 5, 0, 9], [0, 1, 0, 1]
    photo, ab = crops(keras.ops.convert_to_tensor(codes), keras.ops.convert_to_tensor(table), 64)
    for k in range(4):
        top, left, flip, transposed = table[k, :4].astype(int)
        expected = codes[k, top : top + 64, left : left + 64]
        expected = expected.transpose(1, 0, 2) if transposed else expected
        expected = expected[:, ::-1] if flip else expected
        expected_l, expected_ab = color.normalize(color.decode_lab8(expected))
        np.testing.assert_allclose(np.asarray(photo[k]), expected_l, atol=1e-5)
        np.testing.assert_allclose(np.asarray(ab[k]), expected_ab, atol=1e-6)


def test_zoomed_crops_are_what_scipy_samples_between_the_pixels(tiny_set):
    """Against `scipy.ndimage.map_coordinates`, for every combination of flip and transposition."""
    codes = np.load(tiny_set / "train.npy")[:4]
    table = still_table((80, 96), np.array([0, 0, 1, 1]), 64)
    table[:, 0], table[:, 1], table[:, 2] = [0, 7.25, 11.5, 20.75], [24.5, 5, 0, 9.75], [0, 1, 0, 1]
    table = np.column_stack([table, np.float32([1.25, 0.75, 1.0, 0.8])])
    photo, ab = crops(keras.ops.convert_to_tensor(codes), keras.ops.convert_to_tensor(table), 64)
    for k in range(4):
        top, left, flip, transposed, *_, zoom = table[k]
        places = (np.arange(64) + 0.5) * zoom - 0.5
        grid = np.meshgrid(top + places, left + places, indexing="ij")
        planes = codes[k].astype(float).transpose(2, 0, 1)
        expected = np.stack([map_coordinates(plane, grid, order=1, mode="nearest") for plane in planes], axis=-1)
        expected = expected.transpose(1, 0, 2) if transposed else expected
        expected = expected[:, ::-1] if flip else expected
        expected_l, expected_ab = color.normalize(expected * [100 / 255, 1, 1] - [0, 128, 128])
        np.testing.assert_allclose(np.asarray(photo[k]), expected_l, atol=1e-4)
        np.testing.assert_allclose(np.asarray(ab[k]), expected_ab, atol=1e-4)


def test_zooms_stay_inside_the_photo_and_reach_both_ends():
    zoom = (0.75, 1.125)
    tables = np.concatenate([step_table(3, 0, step, (144, 192), np.zeros(32), 128, zoom=zoom) for step in range(100)])
    (top, left), side = tables[:, :2].T, tables[:, 7] * 128
    assert tables[:, 7].min() == pytest.approx(0.75, abs=0.01) and tables[:, 7].max() == pytest.approx(1.125, abs=0.01)
    assert np.median(tables[:, 7]) == pytest.approx(np.sqrt(0.75 * 1.125), abs=0.02)
    assert top.min() >= 0 and left.min() >= 0
    assert (top + side).max() <= 144.001 and (left + side).max() <= 192.001
    assert top.max() > 40 and left.max() > 85
    plain = step_table(3, 0, 5, (144, 192), np.zeros(32), 128)
    np.testing.assert_array_equal(plain[:, 2:], tables[5 * 32 : 6 * 32, 2:7])  # all else is drawn as without


@pytest.mark.parametrize("zoom", [(1.2, 0.8), (0.0, 1.0), (0.8, 1.2)])
def test_zooms_that_cannot_be_are_refused(zoom):
    with pytest.raises(ColorizeError, match="zoom"):
        step_table(0, 0, 0, (144, 192), np.zeros(4), 128, zoom=zoom)


def test_lightness_changes_leave_color_alone(tiny_set):
    codes = np.load(tiny_set / "train.npy")[:2]
    table = still_table((80, 96), np.zeros(2), 64)
    plain_l, plain_ab = crops(codes, table, 64)
    table[:, 4:] = [[1.5, 0.1, 0.9]] * 2
    changed_l, changed_ab = crops(codes, table, 64)
    np.testing.assert_array_equal(np.asarray(plain_ab), np.asarray(changed_ab))
    expected = (0.1 + 0.8 * ((np.asarray(plain_l) + 1) / 2) ** 1.5) * 2 - 1
    np.testing.assert_allclose(np.asarray(changed_l), expected, atol=1e-4)


def test_half_of_the_photos_are_flipped_each_on_its_own():
    tables = [step_table(0, 1, step, (144, 192), np.zeros(32), 96) for step in range(200)]
    flips = np.array([table[:, 2] for table in tables])
    assert flips.mean() == pytest.approx(0.5, abs=0.02)
    # Not one draw for a whole batch, as the predecessor's flips would have been.
    assert np.all((flips.mean(axis=1) > 0) & (flips.mean(axis=1) < 1))
    assert len({tuple(row) for row in flips}) == 200


def test_crops_reach_every_corner():
    tables = np.concatenate([step_table(3, 0, step, (144, 192), np.zeros(32), 96) for step in range(300)])
    assert (tables[:, 0].min(), tables[:, 0].max()) == (0, 48)
    assert (tables[:, 1].min(), tables[:, 1].max()) == (0, 96)


def test_draws_are_functions_of_seed_phase_and_step():
    first = step_table(7, 1, 12, (144, 192), np.zeros(8), 96)
    step_table(7, 1, 13, (144, 192), np.zeros(8), 96)
    np.testing.assert_array_equal(first, step_table(7, 1, 12, (144, 192), np.zeros(8), 96))
    for other in ((8, 1, 12), (7, 2, 12), (7, 1, 0)):
        assert not np.array_equal(first, step_table(*other, (144, 192), np.zeros(8), 96))


def test_an_epoch_sees_every_photo_once():
    seen = np.concatenate([step_photos(1, 0, step, 96, 8, 12) for step in range(12, 24)])
    np.testing.assert_array_equal(np.sort(seen), np.arange(96))
    assert not np.array_equal(epoch_order(1, 0, 0, 96), epoch_order(1, 0, 1, 96))


def test_losses_against_closed_forms():
    logits = np.array([[-3.0, 0.0, 2.5]], np.float32)
    probability = 1 / (1 + np.exp(-logits))
    assert float(real(logits)) == pytest.approx(-np.log(probability).mean(), rel=1e-5)
    assert float(fake(logits)) == pytest.approx(-np.log(1 - probability).mean(), rel=1e-5)
    assert float(l1(np.zeros((2, 4, 4, 2)), np.full((2, 4, 4, 2), 0.25))) == 0.25


def test_colorful_pixels_count_more_where_a_phase_says_so():
    ab = np.zeros((1, 1, 2, 2), np.float32)
    ab[0, 0, 1] = [0.18, 0.24]  # chroma 0.3, twice the mean of photographs
    predicted = ab + np.array([[[[0.1], [0.2]]]], np.float32)
    phase = UNET_GAN.phases[1]
    assert float(distance(phase, predicted, ab)) == pytest.approx(0.15)
    weighted = distance(replace(phase, chroma_weight=2.0), predicted, ab)
    assert float(weighted) == pytest.approx((1 * 0.1 + 5 * 0.2) / 2 / 3, rel=1e-5)


def test_a_compiled_step_learns_and_is_the_plain_gradient_step():
    """`minimize` with SGD against the gradient worked out by hand, compiled, with a non-trainable variable too."""
    weight = keras.Variable(np.array([1.0, -2.0], np.float32), name="weight")
    count = keras.Variable(0.0, trainable=False, name="count")
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build([weight])

    def step(x):
        def loss_fn():
            count.assign(count + 1)
            loss = keras.ops.sum((weight * x) ** 2)
            return loss, {"loss": loss}

        return backend.minimize(loss_fn, [weight], optimizer)[1]

    compiled = backend.compile_step(step, [weight, count, *optimizer.variables])
    x = np.array([1.0, 3.0], np.float32)
    expected = np.array([1.0, -2.0])
    for _ in range(3):
        result = compiled(keras.ops.convert_to_tensor(x))
        assert float(result["loss"]) == pytest.approx(((expected * x) ** 2).sum(), rel=1e-5)
        expected = expected - 0.1 * 2 * expected * x**2
    np.testing.assert_allclose(np.asarray(weight), expected, rtol=1e-4)
    assert float(count) == 3
    assert int(optimizer.iterations) == 3


@pytest.fixture(scope="module")
def finished(tiny_set, tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "one"
    return run, train_tiny(tiny_set, run)


def test_all_four_phases_run_and_leave_what_they_promise(finished):
    run, state = finished
    assert state.finished
    with open(run / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["phase"], r["epoch"]) for r in rows] == [
        ("decoder", "1"),
        ("unet", "1"),
        ("unet", "2"),
        ("critic", "1"),
        ("gan", "1"),
    ]
    for index, phase in enumerate(UNET_GAN.phases):
        folder = run / f"{index + 1}-{phase.name}"
        assert load_network(folder / "generator.h5")[2]["phase"] == phase.name
        assert list((folder / "samples").glob("*.png"))
    assert len(list(run.glob("checkpoint-*.h5"))) <= 4


def test_a_finished_run_is_left_alone(finished, tiny_set):
    run, _ = finished
    before = {p: p.stat().st_mtime_ns for p in run.rglob("*") if p.is_file()}
    said = []
    train_tiny(tiny_set, run, say=said.append)
    assert "finished" in said[-1]
    assert before == {p: p.stat().st_mtime_ns for p in run.rglob("*") if p.is_file()}


def test_a_run_needs_few_characters_behind_its_folder(finished):
    """docs/colorize.md says 60: Windows allows no long paths. A file at work has another name beside its own."""
    run, _ = finished
    written = [path.relative_to(run) for path in run.rglob("*") if path.is_file()]
    assert len(written) > 10
    assert max(len(str(path.with_name(part_beside(run / path).name))) for path in written) <= 60
    assert max(len(str(path)) for path in written) <= 60


def test_only_the_phase_s_own_variables_train(finished):
    run, _ = finished
    decoder = load_network(run / "1-decoder" / "generator.h5")[0]
    critic = load_network(run / "3-critic" / "generator.h5")[0]
    unet = load_network(run / "2-unet" / "generator.h5")[0]
    start = [np.asarray(v) for v in unet.variables]
    assert all(np.array_equal(a, np.asarray(b)) for a, b in zip(start, critic.variables, strict=True))
    changed = [
        not np.array_equal(np.asarray(a), np.asarray(b))
        for a, b in zip(
            decoder.get_layer("encoder").trainable_variables,
            unet.get_layer("encoder").trainable_variables,
            strict=True,
        )
    ]
    assert all(changed)


def test_interrupted_and_continued_equals_uninterrupted(finished, tiny_set, tmp_path):
    """Stopped inside an epoch of the second phase and inside the GAN phase; weights, history, best: all equal."""
    straight_run, straight = finished
    stops = []
    for steps in (3, 6, 99):
        state = _train_until(tiny_set, tmp_path / "run", steps)
        stops.append((state.phase, state.step))
    assert stops[:2] == [(1, 1), (3, 1)] and state.finished
    drop = {"minutes", "seconds"}
    for a, b in zip(straight.history, state.history, strict=True):
        assert {k: v for k, v in a.items() if k not in drop} == {k: v for k, v in b.items() if k not in drop}
    for index, phase in enumerate(UNET_GAN.phases):
        name = f"{index + 1}-{phase.name}/generator.h5"
        a, b = load_network(straight_run / name)[0], load_network(tmp_path / "run" / name)[0]
        assert all(np.array_equal(np.asarray(x), np.asarray(y)) for x, y in zip(a.variables, b.variables, strict=True))


def _train_until(tiny_set, run, steps):
    """Train, but pull the plug (as Ctrl-C does) after a few steps."""
    import signal
    import unittest.mock

    calls = []
    true_batch = Feed.batch

    def counted(*args):
        calls.append(1)
        if len(calls) == steps:
            signal.raise_signal(signal.SIGINT)
        return true_batch(*args)

    with unittest.mock.patch.object(Feed, "batch", counted):
        return train_tiny(tiny_set, run)


def test_a_full_disk_is_said_and_training_goes_on(tiny_set, tmp_path, monkeypatch):
    from colorize_utils.training.checkpoint import Checkpoints

    true_save, calls = Checkpoints.save, []

    def full_once(self, arrays, state, best=False):
        calls.append(state["step"])
        if len(calls) == 1:
            raise OSError(28, "No space left on device")
        return true_save(self, arrays, state, best)

    monkeypatch.setattr(Checkpoints, "save", full_once)
    said = []
    state = train_tiny(tiny_set, tmp_path / "run", epochs=(1, 1, 0, 0), say=said.append)
    assert state.finished
    assert sum("no checkpoint at phase 1 of 4 (decoder)" in line and "the disk is full" in line for line in said) == 1
    assert (tmp_path / "run" / "manifest.json").exists()


def test_other_settings_are_refused_and_named(finished, tiny_set):
    run, _ = finished
    with pytest.raises(ColorizeError, match=r"other settings .*preset\.batch was 8, now 4"):
        train_tiny(tiny_set, run, batch=4)


def test_a_run_of_another_recipe_is_refused_even_where_changes_are_accepted(finished, tiny_set):
    run, _ = finished
    path = run / "settings.json"
    text = path.read_text()
    path.write_text(text.replace('"tiny"', '"pix2pix"'))
    for accept in (False, True):
        with pytest.raises(ColorizeError, match=r"another recipe .*recipe\.name was 'pix2pix', now 'tiny'"):
            train_tiny(tiny_set, run, accept_changes=accept)
    path.write_text("{")
    with pytest.raises(ColorizeError, match=r"expected the settings of a run in .*settings\.json"):
        train_tiny(tiny_set, run)
    path.write_text(text)


def test_crops_larger_than_the_photos_are_refused(tiny_set, tmp_path):
    with pytest.raises(ColorizeError, match="expected stored photos of 96x96 or more"):
        train_tiny(tiny_set, tmp_path / "run", crop=96)


def test_names_that_do_not_exist_are_listed():
    with pytest.raises(ColorizeError, match="expected a preset out of smoke"):
        get_preset("tiny")
    with pytest.raises(ColorizeError, match="expected a recipe out of unet-gan"):
        get_recipe("gan", get_preset("smoke"))
    with pytest.raises(ColorizeError, match="expected 4 numbers as epochs"):
        get_recipe("unet-gan", get_preset("smoke"), epochs=(1, 2))
    with pytest.raises(ColorizeError, match=r"expected 4 numbers as rate, one a phase .* got \[1, 2, 3, -1\]"):
        get_recipe("unet-gan", get_preset("smoke"), rates=(1, 2, 3, -1))
    recipe = get_recipe("unet-gan", get_preset("smoke"), chroma_weights=(0, 1, 2, 3))
    assert [phase.chroma_weight for phase in recipe.phases] == [0, 1, 2, 3]


def test_a_prepared_set_that_is_none_is_one_line(tmp_path, tiny_set):
    with pytest.raises(ColorizeError, match="expected a prepared set"):
        PreparedSet.open(tmp_path)
    for name in ("index.csv", "settings.json", "train.npy", "val.npy", "test.npy"):
        (tmp_path / name).write_bytes((tiny_set / name).read_bytes())
    np.save(tmp_path / "val.npy", np.zeros((3, 80, 96, 3), np.uint8))
    with pytest.raises(ColorizeError, match=r"expected .*val\.npy to hold 8 photos"):
        PreparedSet.open(tmp_path)
    (tmp_path / "val.npy").write_bytes(b"junk")
    with pytest.raises(ColorizeError, match=r"expected a NumPy array in .*val\.npy"):
        PreparedSet.open(tmp_path)
