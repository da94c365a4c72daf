"""Networks: shapes, published parameter counts, what an encoder sees, and files that rebuild them."""

import urllib.error
from dataclasses import replace

import keras
import numpy as np
import pytest
from scipy.ndimage import correlate

from colorize_utils import color
from colorize_utils.errors import ColorizeError
from colorize_utils.networks import build_network
from colorize_utils.networks.patchgan import build_patchgan
from colorize_utils.networks.pix2pix import build_pix2pix_unet
from colorize_utils.networks.sharpening import Sharpening
from colorize_utils.networks.tensor_color import backbone_input
from colorize_utils.networks.unet import BACKBONES, Encoder, build_unet
from colorize_utils.training.recipes import RECIPES
from colorize_utils.training.run import build_networks
from colorize_utils.weights import load_network, save_network

TINY = {"network": "unet", "backbone": "Plain", "weights": None, "widths": (8, 8, 8, 8), "dropout": 0.5}


def test_pix2pix_has_the_predecessors_parameter_count():
    model = build_pix2pix_unet()
    assert model.count_params() == 41_834_754
    assert sum(np.prod(v.shape) for v in model.trainable_variables) == 41_825_922
    assert model(np.zeros((1, 128, 256, 1), np.float32)).shape == (1, 128, 256, 2)


def test_patchgan_has_the_predecessors_parameter_count_and_map():
    model = build_patchgan()
    assert model.count_params() == 2_767_361
    photo, ab = np.zeros((1, 128, 128, 1), np.float32), np.zeros((1, 128, 128, 2), np.float32)
    assert model([photo, ab]).shape == (1, 14, 14, 1)


def test_patchgan_sees_exactly_70_pixels():
    model = build_patchgan(width=4)
    rng = np.random.default_rng(0)
    photo, ab = rng.normal(size=(1, 160, 160, 1)), rng.normal(size=(1, 160, 160, 2))
    before = np.asarray(model([photo, ab]))
    middle = before.shape[1] // 2
    seen = []
    for column in range(160):
        changed = photo.copy()
        changed[0, :, column] += 1
        seen.append(abs(np.asarray(model([changed, ab])) - before)[0, middle, middle, 0] > 1e-9)
    columns = np.flatnonzero(seen)
    assert columns[-1] - columns[0] + 1 == 70


def test_spectral_normalization_bounds_the_kernels():
    model = build_patchgan(spectral=True, width=8)
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(2, 64, 64, 1)), rng.normal(size=(2, 64, 64, 2))]
    for _ in range(30):
        model(inputs, training=True)
    layer = model.get_layer("patch_2_spectral").layer
    matrix = np.asarray(layer.kernel).reshape(-1, layer.kernel.shape[-1])
    assert np.linalg.svd(matrix, compute_uv=False)[0] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(("backbone", "limit"), [("MobileNetV2", 9.5e6), ("EfficientNetB0", 12e6), ("Plain", 3e6)])
def test_unet_keeps_the_size_and_starts_grey(backbone, limit):
    model = build_unet(backbone, weights=None)
    assert model.count_params() <= limit
    for height, width in ((64, 96), (32, 32)):
        ab = np.asarray(model(np.random.default_rng(0).uniform(-1, 1, (2, height, width, 1))))
        assert ab.shape == (2, height, width, 2)
        assert ab.dtype == np.float32
        assert abs(ab).max() == 0


def test_encoder_is_shown_the_grey_photo():
    lightness = np.linspace(0, 100, 201, dtype=np.float32).reshape(1, 1, -1, 1)
    seen = np.asarray(backbone_input(lightness / 50 - 1, (0, 255)))
    grey = color.grey_from_lightness(lightness)
    np.testing.assert_allclose(seen, np.repeat(grey, 3, axis=-1) * 255, atol=2e-3)


def test_encoder_features_are_those_of_the_grey_photo():
    encoder = Encoder("MobileNetV2", None)
    grey = np.random.default_rng(1).uniform(0, 1, (1, 64, 64, 1)).astype(np.float32)
    expected = encoder.features(np.repeat(grey, 3, axis=-1) * 2 - 1, training=False)
    got = encoder(color.lightness_from_grey(grey) / 50 - 1, training=True)
    for a, b in zip(expected, got, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=2e-3)


def test_pretrained_batch_statistics_never_move():
    model = build_unet("MobileNetV2", weights=None)
    statistics = [v for v in model.get_layer("encoder").variables if v.path.endswith("moving_mean")]
    before = [np.asarray(v) for v in statistics]
    model(np.random.default_rng(0).uniform(-1, 1, (2, 64, 64, 1)), training=True)
    assert len(statistics) > 40
    assert all(np.array_equal(a, np.asarray(b)) for a, b in zip(before, statistics, strict=True))


def test_skip_layers_have_the_strides_they_are_taken_for():
    for backbone in BACKBONES:
        features = Encoder(backbone, None)(np.zeros((1, 64, 96, 1), np.float32))
        assert [f.shape[1:3] for f in features] == [(32, 48), (16, 24), (8, 12), (4, 6), (2, 3)], backbone


def test_a_spec_rebuilds_the_same_network():
    a, b = build_network(TINY), build_network(TINY)
    assert [v.shape for v in a.variables] == [v.shape for v in b.variables]


@pytest.mark.parametrize("spec", [{"network": "resnet"}, {}, {"network": "unet", "backbone": "VGG", "weights": None}])
def test_unknown_networks_are_named(spec):
    with pytest.raises(ColorizeError, match="expected a (network|backbone) out of"):
        build_network(spec)


def test_missing_encoder_weights_are_one_line(tmp_path):
    with pytest.raises(ColorizeError, match="expected a file of MobileNetV2 weights") as caught:
        build_unet(weights=str(tmp_path / "none.weights.h5"))
    assert "\n" not in str(caught.value)


def test_imagenet_weights_that_cannot_be_fetched_are_one_line(tmp_path, monkeypatch):
    """Offline, as Keras finds it out by itself: it raises an exception of no kind."""

    def offline(*args, **kwargs):
        raise urllib.error.URLError("Temporary failure in name resolution")

    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", offline)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path))
    with pytest.raises(
        ColorizeError, match="Temporary failure.*--backbone-weights PATH.*the field backbone_weights"
    ) as e:
        build_unet("MobileNetV2", weights="imagenet")
    assert "\n" not in str(e.value) and e.value.status == 1


def test_mixed_precision_still_gives_float32_colors():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_network(TINY)
    finally:
        keras.config.set_dtype_policy("float32")
    assert keras.backend.standardize_dtype(model(np.zeros((1, 32, 32, 1), np.float32)).dtype) == "float32"


def with_attention(rng):
    model = build_network({**TINY, "dropout": 0.0, "attention": True})
    for variable in model.trainable_variables:
        if variable.path.startswith(("attention", "ab/")):
            variable.assign(rng.normal(0, 0.3, variable.shape))
    return model


def test_attention_lets_every_place_hear_of_all_others():
    rng = np.random.default_rng(0)
    model = with_attention(rng)
    x, far = keras.Input((None, None, 8)), keras.Input((None, None, 8))
    attention, mix = model.get_layer("attention"), model.get_layer("attention_mix")
    layer = keras.Model([x, far], mix(attention(x, far)))
    features = rng.normal(size=(1, 5, 7, 8)).astype(np.float32)
    got = np.asarray(layer([features, features]))[0].reshape(35, 8)
    query, key, value, output, mixed = (np.asarray(w) for w in (*attention.weights, *mix.weights))
    flat, expected = features.reshape(35, 8), 0
    for head in range(query.shape[1]):
        likeness = (flat @ query[:, head]) @ (flat @ key[:, head]).T / np.sqrt(query.shape[2])
        share = np.exp(likeness) / np.exp(likeness).sum(axis=1, keepdims=True)
        expected = expected + share @ (flat @ value[:, head]) @ output[head]
    np.testing.assert_allclose(got, expected @ mixed, atol=1e-4)


def test_attention_starts_from_adding_nothing():
    plain, model = build_network(TINY), build_network({**TINY, "attention": True})
    assert model.count_params() > plain.count_params()
    features = keras.Model(model.input, [model.get_layer(n).output for n in ("decoder_16b_relu", "with_attention")])
    before, after = features(np.random.default_rng(0).uniform(-1, 1, (1, 64, 96, 1)))
    np.testing.assert_array_equal(np.asarray(before), np.asarray(after))
    assert np.asarray(after).any()


def test_attention_is_saved_and_loaded(tmp_path):
    rng = np.random.default_rng(0)
    model, photo = with_attention(rng), rng.uniform(-1, 1, (1, 64, 32, 1)).astype(np.float32)
    save_network(model, tmp_path / "m.h5", {**TINY, "dropout": 0.0, "attention": True}, dtype=None)
    again, spec, _ = load_network(tmp_path / "m.h5")
    assert spec["attention"] is True
    assert np.asarray(model(photo)).any()
    np.testing.assert_array_equal(np.asarray(model(photo)), np.asarray(again(photo)))


def test_training_can_give_attention_to_a_network_that_had_none(tmp_path):
    model, spec = build_network(TINY), TINY
    model.get_layer("ab").kernel.assign(np.random.default_rng(0).normal(0, 0.3, (3, 3, 8, 2)))
    save_network(model, tmp_path / "plain.h5", spec, dtype=None)
    photo = np.random.default_rng(1).uniform(-1, 1, (1, 64, 32, 1)).astype(np.float32)
    for attention in (False, True):
        recipe = replace(RECIPES["tiny"], generator={**TINY, "attention": attention}, discriminator=None)
        nets = build_networks(recipe, initial=tmp_path / "plain.h5")
        for network in (nets.generator, nets.ema):
            np.testing.assert_allclose(np.asarray(network(photo)), np.asarray(model(photo)), atol=1e-6)


def test_training_does_not_drop_attention_in_silence(tmp_path):
    spec = {**TINY, "attention": True}
    save_network(build_network(spec), tmp_path / "with.h5", spec)
    recipe = replace(RECIPES["tiny"], generator=TINY, discriminator=None)
    with pytest.raises(ColorizeError, match="has a variable attention"):
        build_networks(recipe, initial=tmp_path / "with.h5")


def test_sharpening_is_scipys_unsharp_mask_and_leaves_one_color_alone():
    x = np.random.default_rng(0).normal(size=(2, 9, 7, 2)).astype(np.float32)
    window = np.ones((1, 3, 3, 1))
    inside = correlate(np.ones_like(x), window, mode="constant")  # 9 places, and 6 or 4 at the edges
    wanted = x + 0.75 * (x - correlate(x, window, mode="constant") / inside)
    np.testing.assert_allclose(Sharpening(0.75, 4, 14)(x), wanted, atol=1e-5)
    same = np.full((1, 5, 4, 2), 0.3, np.float32)
    np.testing.assert_allclose(Sharpening(4, 0, 0)(same), same, atol=1e-6)


@pytest.mark.parametrize(("soft", "sharp", "share"), [(14, 20, 0), (16, 20, 0), (10, 18, 0.5), (13, 13, 1), (0, 7, 1)])
def test_the_colors_of_small_pictures_are_sharpened_less(soft, sharp, share):
    x = np.random.default_rng(0).normal(size=(1, 9, 7, 2)).astype(np.float32)  # of a picture 18 by 14 pixels large
    wanted = x + share * (np.asarray(Sharpening(1, 0, 1)(x)) - x)
    np.testing.assert_allclose(Sharpening(1, soft, sharp)(x), wanted, atol=1e-5)


def test_sharpening_has_no_weights_and_comes_before_the_enlarging():
    plain = build_network(TINY)
    sharp = build_network({**TINY, "sharpening": (1.5, 32, 64)})
    rng = np.random.default_rng(0)
    for variable, own in zip(sharp.variables, plain.variables, strict=True):
        variable.assign(rng.uniform(0.05, 0.15, variable.shape))
        own.assign(variable)
    photo = rng.uniform(-1, 1, (1, 64, 96, 1)).astype(np.float32)
    last = keras.Model(plain.input, plain.get_layer("ab").output)(photo)
    half = np.asarray(Sharpening(1.5, 0, 1)(last))
    enlarged = keras.layers.UpSampling2D(interpolation="bilinear")(half)
    np.testing.assert_allclose(sharp(photo), np.tanh(enlarged), atol=1e-5)
    assert np.abs(np.asarray(sharp(photo)) - np.asarray(plain(photo))).max() > 1e-3
