"""The systems this project descends from: their settings, their parts of the photos, training, resuming, inference."""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from conftest import kaggle_photos, train_small, write_kaggle

from colorize_utils.data.batches import PreparedSet, rows_of_part
from colorize_utils.data.filters import Filters
from colorize_utils.data.prepare import prepare
from colorize_utils.data.sources import KaggleLab
from colorize_utils.errors import ColorizeError
from colorize_utils.inference.colorizer import Colorizer
from colorize_utils.networks import build_network, stride_of
from colorize_utils.networks.unet import BACKBONES
from colorize_utils.training.ancestor_steps import classification
from colorize_utils.training.feed import Feed
from colorize_utils.training.phases import BinsLoss
from colorize_utils.training.recipes import (
    PIX2PIX,
    PRESETS,
    RECIPES,
    TINY,
    UNET_BINS,
    UNET_GAN,
    UNET_HINTED,
    UNET_PROJECTED,
    ZHANG,
    get_preset,
    get_recipe,
)
from colorize_utils.training.settings import describe, settings_key
from colorize_utils.training.steps import Networks, regression
from colorize_utils.weights import load_network, read_arrays

ROOT = Path(__file__).resolve().parents[2]
CRITIC = {"network": "patchgan", "width": 4}
# The recipes themselves, with networks of a size that trains in seconds.
SMALL = {
    "pix2pix": replace(PIX2PIX, generator={"network": "pix2pix", "levels": 5, "width": 2}, discriminator=CRITIC),
    "zhang": replace(ZHANG, generator={**ZHANG.generator, "grid": 20, "width": 4}),
    "unet-bins": replace(
        UNET_BINS,
        generator={**UNET_BINS.generator, "backbone": "Plain", "grid": 20, "widths": (8, 8, 8)},
    ),
    "unet-hinted": replace(
        UNET_HINTED,
        generator={**TINY.generator, "widths": (8, 8, 8, 8), "hints": True},
        discriminator={"network": "projected", "backbone": "Plain", "weights": None, "width": 4},
    ),
    "unet-projected": replace(
        UNET_PROJECTED,
        generator={**TINY.generator, "widths": (8, 8, 8, 8)},
        discriminator={"network": "projected", "backbone": "Plain", "weights": None, "width": 4},
    ),
}


pytestmark = pytest.mark.usefixtures("eagerly")


def _train(name, tiny_set, run, **changes):
    settings = {"batch": 4, "crop": 32, "epoch_photos": 8, "val_photos": 4}
    settings |= {"epochs": (1,) * len(SMALL[name].phases), "backbone_weights": None, "say": lambda text: None}
    return train_small(SMALL[name], tiny_set, run, **{**settings, **changes})


def _weights(run):
    return {str(p.relative_to(run)): read_arrays(p)[0] for p in sorted(run.glob("*/*.h5"))}


@pytest.mark.parametrize("name", SMALL)
def test_every_recipe_trains_resumes_and_colors(name, tiny_set, tmp_path, monkeypatch):
    epochs = (1, 0, 1) if name == "pix2pix" else (1,) * len(SMALL[name].phases)
    state = _train(name, tiny_set, tmp_path / "alone", epochs=epochs)
    assert state.finished
    trained = [phase.name for phase, count in zip(SMALL[name].phases, epochs, strict=True) if count]
    assert [row["phase"] for row in state.history] == trained
    assert all(np.isfinite(v) for row in state.history for v in row.values() if isinstance(v, float))

    # Stopped, as Ctrl-C does, after the first step of each phase.
    true_batch = Feed.batch

    def stopping(self, index, part, step):
        if step == 0:
            signal.raise_signal(signal.SIGINT)
        return true_batch(self, index, part, step)

    stops = 0
    monkeypatch.setattr(Feed, "batch", stopping)
    while not (state := _train(name, tiny_set, tmp_path / "stopped", epochs=epochs)).finished:
        stops += 1
        monkeypatch.setattr(Feed, "batch", true_batch if stops % 2 else stopping)
        assert stops < 9
    assert stops
    alone, stopped = _weights(tmp_path / "alone"), _weights(tmp_path / "stopped")
    assert alone.keys() == stopped.keys()
    for file in alone:
        assert all(np.array_equal(alone[file][key], stopped[file][key]) for key in alone[file]), file

    last = sorted((tmp_path / "alone").glob("*/generator.h5"))[-1]
    photo = np.random.default_rng(0).integers(0, 256, (50, 71), np.uint8)
    colorizer = Colorizer.load(last)
    assert colorizer(photo).shape == (50, 71, 3)  # no multiple of anything: padded by reflection
    assert colorizer.stride % stride_of(SMALL[name].generator) == 0


def test_pix2pix_sees_a_part_a_phase_and_learns_from_both_losses(tiny_set, tmp_path, monkeypatch):
    seen, true_batch = {0: set(), 1: set(), 2: set()}, Feed.batch

    def watching(self, index, part, step):
        ids, arguments = true_batch(self, index, part, step)
        seen[index] |= set(ids.tolist())
        return ids, arguments

    monkeypatch.setattr(Feed, "batch", watching)
    state = _train("pix2pix", tiny_set, tmp_path / "run")
    assert seen == {k: set(range(k, 24, 3)) for k in range(3)}  # 24 photos, eight a part: an epoch sees each
    for row in state.history:
        assert row["loss"] == pytest.approx(row["adversarial"] + 100 * row["l1"], rel=1e-4)
        assert row["critic_loss"] > 0


def test_pix2pix_colors_without_dropout_and_by_moving_statistics(tiny_set, tmp_path):
    _train("pix2pix", tiny_set, tmp_path, epochs=(1, 0, 0))
    network = load_network(tmp_path / "1-ab1" / "generator.h5")[0]
    photos = np.random.default_rng(0).uniform(-1, 1, (3, 32, 32, 1)).astype(np.float32)
    alone, beside = network.predict_on_batch(photos[:1]), network.predict_on_batch(photos)
    np.testing.assert_array_equal(alone, network.predict_on_batch(photos[:1]))
    np.testing.assert_allclose(alone[0], beside[0], atol=1e-5)  # whatever else is in the batch
    noisy = [np.asarray(network(photos[:1], training=True)) for _ in range(2)]
    assert not np.array_equal(*noisy)


def test_parts_of_the_kaggle_set_are_its_files(samples, tmp_path):
    photos = kaggle_photos(samples)
    source = KaggleLab(write_kaggle(tmp_path / "kaggle", photos, luma=False), say=lambda text: None)
    prepare(
        source,
        tmp_path / "set",
        height=32,
        width=32,
        filters=Filters.none(),
        val=0.1,
        test=0.1,
        progress=False,
        say=lambda text: None,
    )
    data = PreparedSet.open(tmp_path / "set")
    for part, (low, high) in enumerate(((0, 10), (10, 20), (20, 25)), 1):
        numbers = [int(name) for name in np.array(data.train.names)[rows_of_part(data, part)]]
        assert numbers
        assert sorted(numbers) == sorted(n for n in map(int, data.train.names) if low <= n < high)
    assert len(rows_of_part(data)) == len(data.train)
    with pytest.raises(ColorizeError, match="expected part to be 1, 2 or 3, got 4"):
        rows_of_part(data, 4)


def test_a_part_without_photos_is_one_line(tiny_set):
    data = PreparedSet.open(tiny_set)
    few = replace(data, train=replace(data.train, codes=data.train.codes[:2], names=data.train.names[:2]))
    with pytest.raises(ColorizeError, match="expected photos in part 3 of those in .*, got none"):
        rows_of_part(few, 3)


def test_grey_photos_teach_nothing(tiny_set):
    """The loss of a batch that is half grey is that of its other half, unless a setting says otherwise."""
    codes = np.load(tiny_set / "train.npy")[:4, :32, :32]
    ab = (codes[..., 1:].astype(np.float32) - 128) / 110
    ab[2:] = np.random.default_rng(0).uniform(-4, 4, ab[2:].shape) / 110  # neither |a| nor |b| above 5
    # The same lightness throughout, so that BatchNorm sees the same batch whatever its size.
    photo = np.repeat(codes[:1, ..., :1] / np.float32(127.5) - 1, 4, axis=0)
    network = build_network(SMALL["zhang"].generator)
    optimizer = keras.optimizers.SGD(0.0)
    optimizer.build(network.trainable_variables)
    nets = Networks(network, network, optimizer=optimizer)

    def loss(grey_below, count):
        settings = BinsLoss(grey_below=grey_below)
        step = classification(network, settings, codes)
        phase = replace(ZHANG.phases[0], ema=0.0, bins=settings)
        return float(step(nets, phase, photo[:count], ab[:count], network.trainable_variables)["loss"])

    assert loss(5.0, 4) == pytest.approx(loss(5.0, 2), rel=1e-4)
    assert loss(0.0, 4) != pytest.approx(loss(0.0, 2), rel=1e-2)


def test_presets_and_recipes_are_those_of_the_originals():
    preset = get_preset("predecessor", "pix2pix")
    assert (preset.crop, preset.batch, preset.lightness) == (128, 32, False)
    recipe = get_recipe("pix2pix", preset)
    assert [(p.name, p.part, p.epochs) for p in recipe.phases] == [("ab1", 1, 100), ("ab2", 2, 50), ("ab3", 3, 50)]
    for phase in recipe.phases:
        assert (phase.rate, phase.critic_rate, phase.beta_1, phase.l1_weight) == (2e-4, 2e-4, 0.5, 100)
        assert (phase.schedule, phase.weight_decay) == ("constant", 0)

    preset = get_preset("tutorial", "unet-gan")
    assert (preset.crop, preset.batch) == (256, 16)
    recipe = get_recipe("unet-gan", preset, backbone="ResNet50V2")
    assert [(p.step, p.epochs, p.rate) for p in recipe.phases] == [("regression", 20, 1e-4), ("pix2pix", 20, 2e-4)]
    assert recipe.phases[1].l1_weight == 100
    assert recipe.generator["backbone"] == "ResNet50V2"
    assert {"MobileNetV2", "EfficientNetB0", "EfficientNetV2B0", "ResNet50V2"} <= set(BACKBONES)

    (phase,) = get_recipe("zhang", get_preset("colab", "zhang")).phases
    assert (phase.beta_1, phase.beta_2, phase.weight_decay) == (0.9, 0.99, 1e-3)
    assert phase.bins == BinsLoss(neighbors=5, sigma=5.0, mixing=0.5, grey_below=5.0)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_fits_every_preset(name):
    for preset_name in PRESETS:
        preset = get_preset(preset_name, name)
        recipe = get_recipe(name, preset)
        assert preset.crop % stride_of(recipe.generator) == 0
        assert all(phase.epochs > 0 for phase in recipe.phases)
        if preset_name == "smoke":
            assert all(phase.epochs <= 2 for phase in recipe.phases)


def test_sizes_that_cannot_be_halved_so_often_are_refused_with_the_reason():
    with pytest.raises(ColorizeError, match=r"multiple of 128 for the recipe pix2pix, got 112: its network halves"):
        get_recipe("pix2pix", get_preset("predecessor", "pix2pix", crop=112))
    with pytest.raises(ColorizeError, match="multiple of 32 for the recipe unet-gan, got 100"):
        get_recipe("unet-gan", get_preset("smoke", crop=100))


def test_backbones_that_do_not_exist_or_fit_are_refused():
    preset = get_preset("smoke")
    with pytest.raises(ColorizeError, match="expected a backbone out of MobileNetV2, EfficientNetB0"):
        get_recipe("unet-gan", preset, backbone="VGG16")
    with pytest.raises(ColorizeError, match="only for recipes with an encoder, and pix2pix has none"):
        get_recipe("pix2pix", get_preset("smoke", "pix2pix"), backbone="MobileNetV2")
    with pytest.raises(ColorizeError, match="expected a recipe out of unet-gan, unet-projected, unet-bins, pix2pix"):
        get_preset("smoke", "levin")


def test_a_phase_is_given_the_hints_it_asks_for(tiny_set, tmp_path):
    given = {"decoder": [], "unet": []}

    def step_of(name):
        def step(nets, phase, photo, ab, trainable):
            given[name].append(bool(np.asarray(photo[1]).any()))
            return regression(nets, phase, photo, ab, trainable)

        return step

    settings = {"decoder.hinted": 0.0, "unet.hinted": 1.0}
    steps = {name: step_of(name) for name in given}
    _train("unet-hinted", tiny_set, tmp_path, epochs=(1, 1, 0, 0), settings=settings, steps=steps)
    assert given == {"decoder": [False, False], "unet": [True, True]}


def test_single_settings_of_a_phase_can_be_set():
    preset = get_preset("smoke")
    usual = get_recipe("unet-projected", preset)
    tuned = get_recipe("unet-projected", preset, settings={"gan.adversarial_weight": 0.4, "unet.ema": 0.0})
    assert tuned.phases[3] == replace(usual.phases[3], adversarial_weight=0.4)
    assert tuned.phases[1] == replace(usual.phases[1], ema=0.0)
    assert (tuned.phases[0], tuned.phases[2]) == (usual.phases[0], usual.phases[2])
    for wrong in ("gan.steps", "gam.ema", "ema", ""):
        with pytest.raises(
            ColorizeError, match="expected PHASE.SETTING with a phase out of decoder, unet, critic, gan"
        ):
            get_recipe("unet-projected", preset, settings={wrong: 1.0})
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ColorizeError, match="expected a number of 0 or more for gan.ema"):
            get_recipe("unet-projected", preset, settings={"gan.ema": wrong})
    with pytest.raises(ColorizeError, match="expected a share of the photos, 0 to 1, for gan.hinted, got 1.5"):
        get_recipe("unet-hinted", preset, settings={"gan.hinted": 1.5})


@pytest.mark.parametrize(
    ("recipe", "setting", "said"),
    [
        (
            "unet-projected",
            "unet.meaning_weight",
            "expected gan.meaning_weight, got unet.meaning_weight: the phase unet does not look at it",
        ),
        (
            "unet-projected",
            "critic.adversarial_weight",
            "expected gan.adversarial_weight, got critic.adversarial_weight",
        ),
        (
            "unet-gan",
            "gan.perceptual_weight",
            "expected a recipe with a phase that looks at perceptual_weight, got gan",
        ),
        ("unet-gan", "unet.critic_rate", "expected critic.critic_rate or gan.critic_rate, got unet.critic_rate: "),
        ("unet-gan", "decoder.l1_weight", "expected gan.l1_weight, got decoder.l1_weight: the phase decoder does not"),
        ("unet-projected", "gan.hinted", "expected a recipe whose network takes hints, as unet-hinted, for gan.hinted"),
    ],
)
def test_settings_that_a_phase_would_not_look_at_are_refused(recipe, setting, said):
    with pytest.raises(ColorizeError, match=re.escape(said)):
        get_recipe(recipe, get_preset("smoke", recipe), settings={setting: 0.5})


def test_runs_that_were_begun_before_there_were_other_recipes_go_on():
    """Their settings lack the new fields, and must count as the same."""
    preset = get_preset("cpu", "unet-gan")
    now = json.loads(json.dumps(describe(get_recipe("unet-gan", preset), preset, 0)))
    before = json.loads(json.dumps(now))
    for phase in before["recipe"]["phases"]:
        later = "chroma_weight beta_2 part bins perceptual_weight meaning_weight adversarial_weight hinted"
        for field in later.split():
            del phase[field]
    assert before["recipe"]["phases"][0].keys() == {
        *("name", "step", "trains", "epochs", "rate", "encoder_rate", "schedule", "warmup_steps", "weight_decay"),
        *("beta_1", "ema", "l1_weight", "critic_rate"),
    }
    assert settings_key(before) == settings_key(now)
    assert [phase.name for phase in UNET_GAN.phases] == ["decoder", "unet", "critic", "gan"]


JAX = """
import sys
sys.path[:0] = ["tests", "tests/training"]
import jax, keras, numpy as np
from test_recipes import SMALL
from colorize_utils.networks import build_network
from colorize_utils.training import backend
from colorize_utils.training.ancestor_steps import classification, pix2pix
from colorize_utils.training.optimizers import build_optimizers
from colorize_utils.training.perceptual_step import perceptual
from colorize_utils.training.steps import Networks, regression

codes = np.random.default_rng(0).integers(100, 150, (2, 32, 32, 3), np.uint8)
photo, ab = codes[..., :1] / np.float32(127.5) - 1, (codes[..., 1:] - np.float32(128)) / 110
for name in ("zhang", "pix2pix", "unet-hinted"):
    recipe = SMALL[name]
    phase, critic = recipe.phases[-1], recipe.discriminator and build_network(recipe.discriminator)
    generator = build_network(recipe.generator)
    nets = Networks(generator, build_network(recipe.generator), critic)
    trainable = generator.trainable_variables
    nets.optimizer, nets.critic_optimizer = build_optimizers(nets, phase, trainable, 10, "float32")
    step = {"pix2pix": pix2pix, "perceptual": perceptual}.get(phase.step)
    step = step or classification(generator, phase.bins, codes)
    compiled = backend.compile_step(lambda *arrays: step(nets, phase, *arrays, trainable), nets.variables())
    hints = np.concatenate([ab, np.ones_like(photo)], axis=-1)
    metrics = compiled([photo, hints] if name == "unet-hinted" else photo, ab)
    assert all(np.isfinite(float(value)) for value in metrics.values()), metrics
    print(name, sorted(metrics))
"""


def test_the_same_steps_run_on_jax():
    pytest.importorskip("jax")
    # Compiling well would take longer than all else.
    env = os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT), "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    done = subprocess.run([sys.executable, "-c", JAX], env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == [
        "zhang ['l1', 'loss']",
        "pix2pix ['adversarial', 'critic_loss', 'critic_right', 'l1', 'loss']",
        "unet-hinted ['adversarial', 'critic_loss', 'critic_right', 'l1', 'loss', 'perceptual']",
    ]
