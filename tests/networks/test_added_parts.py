"""What a trained U-Net can be given: color queries and hints as an input. Both start from adding nothing."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from colorize_utils.networks import build_network
from colorize_utils.networks.fold import fold_norms
from colorize_utils.networks.hint_input import HintsAt, asked, without_hints
from colorize_utils.networks.queries import PaletteMix, Queries
from colorize_utils.networks.sharpening import NearHints
from colorize_utils.training.recipes import RECIPES
from colorize_utils.training.run import build_networks
from colorize_utils.weights import assign_arrays, load_network, model_arrays, save_network

TINY = {"network": "unet", "backbone": "Plain", "weights": None, "widths": (8, 8, 8, 8)}
SHARP = {**TINY, "hints": True, "sharpening": (2, 0, 1)}
PARTS = {"queries": {"queries": 5}, "hints": {"hints": True}, "both": {"queries": 5, "hints": True}}


def photo_and_hints(seed=0, height=64, width=96):
    rng = np.random.default_rng(seed)
    photo = rng.uniform(-1, 1, (2, height, width, 1)).astype(np.float32)
    hints = np.zeros((2, height, width, 3), np.float32)
    hints[0, 20:23, 40:43] = (0.5, -0.25, 1)
    return photo, hints


def given(model, photo, hints):
    return [photo, hints] if len(model.inputs) == 2 else photo


def stirred(spec, seed=1):
    """A network in which every weight and every moving statistic has a value of its own."""
    model, rng = build_network(spec), np.random.default_rng(seed)
    for variable in model.variables:
        if "seed" in variable.path:
            continue
        if any(word in variable.path for word in ("gamma", "variance")):
            variable.assign(rng.uniform(0.8, 1.25, variable.shape))
        else:
            variable.assign(np.asarray(variable) + rng.normal(0, 0.05, variable.shape))
    return model


@pytest.mark.parametrize("part", PARTS)
def test_a_network_that_is_given_them_paints_as_before(tmp_path, part):
    model = stirred(TINY)
    save_network(model, tmp_path / "plain.h5", TINY, dtype=None)
    recipe = replace(RECIPES["tiny"], generator={**TINY, **PARTS[part]}, discriminator=None)
    nets = build_networks(recipe, initial=tmp_path / "plain.h5")
    photo, hints = photo_and_hints()
    for network in (nets.generator, nets.ema):
        assert network.count_params() > model.count_params()
        painted = np.asarray(network(given(network, photo, hints)))
        np.testing.assert_allclose(painted, np.asarray(model(photo)), atol=1e-6)
        assert np.abs(painted).max() > 0.01


@pytest.mark.parametrize("part", PARTS)
def test_they_are_saved_loaded_and_folded(tmp_path, part):
    spec = {**TINY, **PARTS[part]}
    model, (photo, hints) = stirred(spec), photo_and_hints()
    save_network(model, tmp_path / "m.h5", spec, dtype=None)
    again, found, _ = load_network(tmp_path / "m.h5")
    assert {**found, "widths": tuple(found["widths"])} == spec
    wanted = np.asarray(model(given(model, photo, hints)))
    np.testing.assert_array_equal(np.asarray(again(given(again, photo, hints))), wanted)
    folded = fold_norms(model)
    np.testing.assert_allclose(np.asarray(folded(given(folded, photo, hints))), wanted, atol=2e-5)


def test_a_hint_changes_the_picture_it_was_given_for():
    model, (photo, hints) = stirred({**TINY, "hints": True}), photo_and_hints()
    without, with_it = (np.asarray(model([photo, h])) for h in (0 * hints, hints))
    assert np.abs(with_it - without)[0, 21, 41].max() > 1e-3
    np.testing.assert_allclose(with_it[1], without[1], atol=1e-6)


@pytest.mark.parametrize("spec", [{**TINY, "hints": True}, SHARP], ids=["soft", "sharp"])
def test_the_network_with_the_photo_alone_is_that_without_hints(spec):
    model, (photo, hints) = stirred(spec), photo_and_hints()
    alone = without_hints(model)
    assert alone.count_params() < model.count_params()  # the convolutions of hints are not in it
    for small in (photo[:, :32, :32], photo[:, :32], photo[:, :, :32]):  # at stride 32 one row, one column
        wanted = np.asarray(model(asked(model, small)))
        np.testing.assert_allclose(np.asarray(alone(small)), wanted, atol=1e-6)
    for folded in (fold_norms(alone), fold_norms(model)):  # each as if the other were not there
        assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in folded.layers)
    np.testing.assert_allclose(np.asarray(fold_norms(alone)(photo)), np.asarray(alone(photo)), atol=2e-5)
    assert len(alone.inputs) == 1
    np.testing.assert_allclose(np.asarray(alone(photo)), np.asarray(model([photo, 0 * hints])), atol=1e-6)
    np.testing.assert_allclose(np.asarray(model(asked(model, photo))), np.asarray(alone(photo)), atol=1e-6)
    assert asked(alone, photo) is photo


def test_near_a_hint_colors_are_not_sharpened():
    """Elsewhere they are as sharp as without: a hint at row 21, column 41 is near from row 8 to 40, column 24 to 56."""
    photo, hints = photo_and_hints(height=96, width=128)
    hints[..., :2] = 0
    soft, sharp = stirred({**SHARP, "sharpening": ()}), build_network(SHARP)
    assign_arrays(sharp.variables, model_arrays(soft), "the soft one")
    asks = ((soft, hints), (sharp, hints), (sharp, 0 * hints))
    plain, keen, unhinted = (np.asarray(network([photo, told])) for network, told in asks)
    changed = np.abs(keen - plain).max(axis=-1)[0]
    assert changed[10:34, 26:54].max() < 1e-6 < 1e-3 < changed[60:, 80:].max()
    assert np.abs(unhinted - plain)[0, 10:34, 26:54].max() > 1e-3
    near = np.asarray(NearHints()(hints))[0, ..., 0]
    assert near.shape == (48, 64) and near[5:17, 13:27].min() == 1 and near[30:].max() == near[:, 40:].max() == 0


@pytest.mark.parametrize("stride", [1, 2, 8, 32])
def test_hints_are_averaged_over_what_is_hinted(stride):
    rng = np.random.default_rng(3)
    mask = (rng.uniform(size=(1, 64, 64)) < 0.03).astype(np.float32)
    ab = rng.uniform(-1, 1, (1, 64, 64, 2)).astype(np.float32) * mask[..., None]
    got = np.asarray(HintsAt(stride)(np.concatenate([ab, mask[..., None]], axis=-1)))
    for i in range(64 // stride):
        for j in range(64 // stride):
            cell = slice(stride * i, stride * (i + 1)), slice(stride * j, stride * (j + 1))
            hinted = mask[0][cell] > 0
            mean = ab[0][cell][hinted].mean(axis=0) if hinted.any() else np.zeros(2)
            np.testing.assert_allclose(got[0, i, j], [*mean, np.sqrt(hinted.mean())], atol=1e-5)


def test_a_pixel_is_a_mix_of_the_palette():
    rng = np.random.default_rng(0)
    pixels, keys, colors = (rng.normal(size=size).astype(np.float32) for size in ((2, 3, 4, 6), (2, 5, 6), (2, 5, 2)))
    got = np.asarray(PaletteMix()([pixels, keys, colors]))
    for n in range(2):
        products = np.einsum("hwd,kd->hwk", pixels[n], keys[n]) / np.sqrt(6)
        share = np.exp(products) / np.exp(products).sum(axis=-1, keepdims=True)
        np.testing.assert_allclose(got[n], share @ colors[n], atol=1e-5)
    np.testing.assert_allclose(np.asarray(PaletteMix()([1000 * pixels, keys, 0 * colors + 0.5])), 0.5, atol=1e-6)


def test_queries_are_not_alike_and_the_same_for_every_photo():
    layer = Queries(7, 4)
    got = np.asarray(layer(np.zeros((3, 2, 2, 5), np.float32)))
    assert got.shape == (3, 7, 4)
    assert len(np.unique(got[0].round(3), axis=0)) == 7
    np.testing.assert_array_equal(got[0], got[2])


def test_with_everything_it_stays_within_its_size():
    model = build_network(
        {"network": "unet", "backbone": "MobileNetV2", "weights": None, "attention": True, "queries": 48, "hints": True}
    )
    assert model.count_params() < 9.5e6
    assert [tensor.name for tensor in model.inputs] == ["lightness", "hints"]
    assert keras.backend.standardize_dtype(model.output.dtype) == "float32"
