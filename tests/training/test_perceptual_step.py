"""A critic on the features of a frozen network, and the perceptual loss: what they compute, and what may learn."""

from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import ops

from colorize_utils import color
from colorize_utils.evaluation.frechet import FeatureStatistics, frechet_distance
from colorize_utils.networks import build_network
from colorize_utils.networks.projected import HEADS
from colorize_utils.networks.tensor_color import rgb_from_lab
from colorize_utils.training import run
from colorize_utils.training.checkpoint import network_arrays, restore
from colorize_utils.training.optimizers import build_optimizers
from colorize_utils.training.perceptual_step import feature_distance, meaning_distance, perceptual
from colorize_utils.training.recipes import TINY, UNET_PROJECTED, get_preset, get_recipe
from colorize_utils.training.steps import Networks, fake, real, right_share

CRITIC = {"network": "projected", "backbone": "Plain", "weights": None, "width": 4}
PHASE = replace(UNET_PROJECTED.phases[3], warmup_steps=1, ema=0.0)


def _batch(n=2, size=32):
    rng = np.random.default_rng(3)
    rgb = rng.uniform(0, 1, (n, size, size, 3)).astype(np.float32)
    photo, ab = color.normalize(color.rgb_to_lab(rgb))
    return rgb, photo.astype(np.float32), ab.astype(np.float32)


def _networks(phase=PHASE, seed=0):
    keras.utils.set_random_seed(seed)
    generator, critic = build_network(TINY.generator), build_network(CRITIC)
    nets = Networks(generator, build_network(TINY.generator), critic)
    nets.optimizer, nets.critic_optimizer = build_optimizers(nets, phase, generator.trainable_variables, 10, "float32")
    return nets


def _values(variables):
    return [np.asarray(v).copy() for v in variables]


def _moved(before, variables):
    return [not np.array_equal(old, np.asarray(v)) for old, v in zip(before, variables, strict=True)]


def test_lab_becomes_the_same_rgb_as_in_color_py():
    rgb, photo, ab = _batch()
    np.testing.assert_allclose(ops.convert_to_numpy(rgb_from_lab(photo, ab)), rgb, atol=1e-4)
    vivid = ops.convert_to_numpy(rgb_from_lab(photo, ab * 3))  # far outside the gamut: clipped as said
    wanted = np.clip(color.lab_to_rgb_unbounded(color.denormalize(photo, ab * 3)), 0, 1)
    np.testing.assert_allclose(vivid, wanted, atol=1e-4)


def test_its_slope_is_finite_everywhere():
    import tensorflow as tf

    edge = np.float32([-1, -1, 1, 1, 0]).reshape(1, 1, 5, 1)
    ab = tf.constant(np.float32([[0, 0], [1, 1], [0, 0], [-1, 1], [0, 0]]).reshape(1, 1, 5, 2))
    with tf.GradientTape() as tape:
        tape.watch(ab)
        total = tf.reduce_sum(rgb_from_lab(tf.constant(edge), ab))
    slope = tape.gradient(total, ab).numpy()
    assert np.isfinite(slope).all()
    assert np.abs(slope[0, 0, 4]).max() > 0.1


def test_features_are_the_backbones_own_and_each_head_sees_its_scale():
    critic = build_network(CRITIC)
    rgb, photo, ab = _batch(2, 64)
    features = critic.get_layer("features")
    maps = features([photo, ab])
    wanted = features.features(rgb * 2 - 1, training=False)
    for seen, own in zip(maps, wanted, strict=True):
        np.testing.assert_allclose(seen, own, atol=1e-3)
    assert [tuple(x.shape) for x in critic([photo, ab])] == [(2, 64 // s, 64 // s, 1) for s in HEADS]
    assert features.weights and not features.trainable_weights
    learning = {id(v) for v in critic.trainable_variables}
    assert learning == {id(v) for v in critic.get_layer("heads").trainable_variables}


def test_feature_distance_is_relative_absolute_error_averaged_over_layers():
    truth = [np.float32([[1, 3]]), np.float32([[10, 10]])]
    seen = [np.float32([[2, 3]]), np.float32([[10, 4]])]
    assert float(feature_distance(truth, truth)) == 0
    assert float(feature_distance(seen, truth)) == pytest.approx(((0.5 / 2) + (3 / 10)) / 2, rel=1e-5)


def test_meaning_is_what_a_photo_has_on_average_wherever_it_is_seen():
    truth = np.float32([[[[1, 0]], [[3, 0]]], [[[0, 2]], [[0, 2]]]])  # two photos of 2x1 places, two features
    assert float(meaning_distance(truth, truth)) == 0
    assert float(meaning_distance(truth[:, ::-1], truth)) == 0
    seen = truth + np.float32([0, 1])
    assert float(meaning_distance(seen, truth)) == pytest.approx((0 + 1 + 0 + 1) / (4 + 0 + 0 + 4), rel=1e-5)


def test_the_distance_of_pairs_is_never_below_the_frechet_distance_of_the_sets():
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 1, (64, 1, 1, 4)).astype(np.float32)
    seen = 0.5 * truth[..., ::-1] + rng.normal(0.3, 0.4, truth.shape).astype(np.float32)
    pairs = float(meaning_distance(seen, truth)) * (truth.squeeze() ** 2).sum() / len(truth)
    sets = [FeatureStatistics(np.zeros(4)) for _ in range(2)]
    for statistics, features in zip(sets, (seen, truth), strict=True):
        statistics.add(features.squeeze())
    assert 0 < frechet_distance(*sets) <= pairs * 64 / 63  # its covariances are divided by n - 1


def test_meaning_is_a_part_of_the_loss_only_where_it_has_a_weight():
    _, photo, ab = _batch()
    phase = replace(PHASE, meaning_weight=2.0, adversarial_weight=None)
    nets = _networks(phase)
    metrics = perceptual(nets, phase, photo, ab, nets.generator.trainable_variables)
    total = phase.l1_weight * metrics["l1"] + phase.perceptual_weight * metrics["perceptual"]
    assert float(metrics["meaning"]) > 0
    assert float(metrics["loss"]) == pytest.approx(float(total + 2 * metrics["meaning"]), rel=1e-5)


def test_scales_count_alike_however_many_patches_they_have():
    logits = [np.zeros((1, 8, 8, 1), np.float32), np.full((1, 1, 1, 1), 30, np.float32)]
    assert float(fake(logits)) == pytest.approx((np.log(2) + 30) / 2)
    assert float(real(logits)) == pytest.approx(np.log(2) / 2)
    assert float(right_share(logits, logits)) == pytest.approx((0.5 + 0) / 2)


def test_a_step_moves_generator_and_heads_but_not_what_they_look_through():
    nets = _networks()
    _, photo, ab = _batch()
    parts = {
        "generator": nets.generator.trainable_variables,
        "heads": nets.discriminator.get_layer("heads").trainable_variables,
        "features": nets.discriminator.get_layer("features").variables,
    }
    before = {name: _values(variables) for name, variables in parts.items()}
    metrics = perceptual(nets, PHASE, photo, ab, nets.generator.trainable_variables)
    moved = {name: _moved(before[name], variables) for name, variables in parts.items()}
    assert any(moved["generator"])
    assert all(moved["heads"])
    assert not any(moved["features"])
    total = PHASE.l1_weight * metrics["l1"] + PHASE.perceptual_weight * metrics["perceptual"]
    total += PHASE.adversarial_weight * metrics["adversarial"]
    assert float(metrics["loss"]) == pytest.approx(float(total), rel=1e-5)


def test_without_a_say_the_critic_neither_learns_nor_is_asked():
    phase = replace(PHASE, adversarial_weight=None)
    nets = _networks(phase)
    _, photo, ab = _batch()
    before = _values(nets.discriminator.variables)
    metrics = perceptual(nets, phase, photo, ab, nets.generator.trainable_variables)
    assert nets.critic_optimizer is None
    assert set(metrics) == {"perceptual", "l1", "loss"}
    assert not any(_moved(before, nets.discriminator.variables))


def test_the_critic_looks_through_the_encoder_that_was_asked_for():
    recipe = get_recipe("unet-projected", get_preset("smoke"), backbone_weights="file.h5", backbone="EfficientNetB0")
    assert recipe.discriminator["network"] == "projected"
    assert recipe.discriminator["backbone"] == "EfficientNetB0"
    assert recipe.discriminator["weights"] == "file.h5"
    assert recipe.generator["weights"] == "file.h5"


def test_what_is_frozen_is_in_the_checkpoint_and_comes_back_from_it():
    saved, other = network_arrays(_networks()), _networks(seed=1)
    frozen = [key for key in saved if key.startswith("discriminator/plain_")]
    assert frozen
    assert not any(np.array_equal(saved[key], network_arrays(other)[key]) for key in frozen if key.endswith("kernel"))
    restore(other, saved, "checkpoint")
    now = network_arrays(other)
    assert now.keys() == saved.keys()
    assert all(np.array_equal(now[key], saved[key]) for key in saved)


def test_a_run_that_goes_on_asks_for_no_pretrained_file(monkeypatch):
    asked = []
    monkeypatch.setattr(run, "build_network", lambda spec: asked.append(spec) or SimpleNamespace(variables=[]))
    recipe = get_recipe("unet-projected", get_preset("smoke"), backbone_weights="gone.h5")
    run.build_networks(recipe)
    assert [spec["weights"] for spec in asked] == ["gone.h5", None, "gone.h5"]
    asked.clear()
    run.build_networks(recipe, resumed=True)
    assert [spec["weights"] for spec in asked] == [None, None, None]
