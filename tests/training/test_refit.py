"""The averaged network's normalization: statistics of its own weights, not of those that were averaged."""

from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from conftest import train_small

from colorize_utils.data.batches import PreparedSet
from colorize_utils.networks import build_network
from colorize_utils.training.feed import Feed
from colorize_utils.training.recipes import TINY, get_preset
from colorize_utils.training.refit import Refit, refit_average, refit_on
from colorize_utils.training.steps import fed
from colorize_utils.weights import load_network


@pytest.fixture(scope="module")
def feed(tiny_set):
    return Feed(PreparedSet.open(tiny_set), get_preset("smoke", crop=32, batch=8), 0)


def test_statistics_are_the_mean_of_those_of_the_batches(feed):
    photo = keras.Input((None, None, 1))
    convolution = keras.layers.Conv2D(3, 3, padding="same")
    normalized = keras.layers.BatchNormalization(momentum=0.9)
    network = keras.Model(photo, normalized(convolution(photo)))
    normalized.moving_mean.assign([5.0, 5.0, 5.0])
    weights = [np.asarray(v) for v in network.trainable_variables]
    batches = [feed.batch(0, None, step)[1] for step in range(3)]
    Refit(network, 32)(iter(batches))
    seen = [np.asarray(convolution(fed(*batch, crop=32)[0]), np.float64) for batch in batches]
    mean = np.mean([x.mean(axis=(0, 1, 2)) for x in seen], axis=0)
    variance = np.mean([x.var(axis=(0, 1, 2)) for x in seen], axis=0)
    np.testing.assert_allclose(np.asarray(normalized.moving_mean), mean, atol=1e-5)
    np.testing.assert_allclose(np.asarray(normalized.moving_variance), variance, rtol=1e-4)
    assert normalized.momentum == 0.9
    for before, after in zip(weights, network.trainable_variables, strict=True):
        np.testing.assert_array_equal(before, np.asarray(after))


def test_a_pretrained_encoder_keeps_its_own(feed):
    network = build_network({"network": "unet", "backbone": "MobileNetV2", "weights": None, "widths": (8, 8, 8, 8)})
    encoder = network.get_layer("encoder").features
    assert Refit(network, 32).layers
    assert not {id(layer) for layer in Refit(network, 32).layers} & {id(layer) for layer in encoder.layers}
    plain = build_network({"network": "unet", "backbone": "Plain", "weights": None, "widths": (8, 8, 8, 8)})
    names = {layer.name for layer in Refit(plain, 32).layers}
    assert {"plain_2_norm", "bottleneck_norm", "decoder_2b_norm"} <= names


def test_what_a_phase_ends_with_has_statistics_of_its_own(tiny_set, tmp_path):
    """The GAN's network moves fast at this rate; measured again on the same photos nothing is left to be changed."""
    recipe = replace(TINY, generator={**TINY.generator, "dropout": 0.0})  # which is drawn anew each time
    sizes = {"crop": 64, "batch": 8, "epoch_photos": 16, "val_photos": 8, "say": lambda line: None}
    train_small(recipe, tiny_set, tmp_path, epochs=(1, 1, 1, 1), rates=(1e-2, 1e-2, 0, 1e-2), **sizes)
    network = load_network(tmp_path / "4-gan" / "generator.h5")[0]
    before = [np.asarray(v).copy() for v in network.non_trainable_variables]
    feed = Feed(PreparedSet.open(tiny_set), get_preset("smoke", crop=64, batch=8, epoch_photos=16), 0)
    Refit(network, 64)([feed.batch(3, None, 1)[1]])
    for was, now in zip(before, network.non_trainable_variables, strict=True):
        if "moving" in now.path:
            np.testing.assert_allclose(np.asarray(now), was, rtol=1e-3, atol=1e-4)


def test_hints_of_training_have_no_part_in_the_statistics(tiny_set):
    """Most photos are colored without; with statistics of both kinds they came out paler and farther off."""
    network = build_network({**TINY.generator, "hints": True, "dropout": 0.0})
    for variable in network.trainable_variables:
        if "hints_" in variable.path:
            variable.assign(np.full(variable.shape, 0.1, np.float32))
    data, preset, found = PreparedSet.open(tiny_set), get_preset("smoke", crop=32, batch=8), []
    for takes_hints in (True, False):
        Refit(network, 32)([Feed(data, preset, 0, False, takes_hints).batch(0, None, 1)[1]])
        found.append([np.asarray(v).copy() for v in network.non_trainable_variables if "moving" in v.path])
    for with_hints, without in zip(*found, strict=True):
        np.testing.assert_allclose(with_hints, without, rtol=1e-6, atol=1e-7)


def test_a_network_from_elsewhere_is_refitted_on_the_training_photos_of_a_set(tiny_set):
    """The first batches of a run with seed 0, whole photos as far as they are large enough."""
    data, found = PreparedSet.open(tiny_set), []
    sides = min(data.train.codes.shape[1:3]) // 32 * 32
    networks = [build_network({**TINY.generator, "dropout": 0.0}) for _ in range(2)]
    networks[1].set_weights(networks[0].get_weights())
    refit_on(networks[0], tiny_set)
    preset = get_preset("cpu", crop=sides, batch=min(32, len(data.train)))
    batches = [Feed(data, preset, 0).batch(0, None, step)[1] for step in range(512 // preset.batch)]
    Refit(networks[1], sides)(batches)
    for network in networks:
        found.append([np.asarray(v).copy() for v in network.non_trainable_variables if "moving" in v.path])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_measured_twice_it_is_the_same(feed):
    network = build_network(TINY.generator)  # whose dropout draws
    batches = [feed.batch(0, None, step)[1] for step in range(2)]
    refit, found = Refit(network, 32), []
    for _ in range(2):
        refit(batches)
        found.append([np.asarray(v).copy() for v in network.non_trainable_variables])
    assert refit.seeds
    for first, second in zip(*found, strict=True):
        np.testing.assert_array_equal(first, second)


def test_networks_that_are_not_averaged_are_left_alone():
    def never(batches, call):
        raise AssertionError

    for phase in (SimpleNamespace(ema=0.0, step="pix2pix"), SimpleNamespace(ema=0.999, step="critic")):
        run = SimpleNamespace(
            recipe=SimpleNamespace(phases=[phase]), preset=None, state=SimpleNamespace(step=4), refit=never
        )
        refit_average(run, 0)
