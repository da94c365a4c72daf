"""Networks for inference: batch normalization folded away, the same answers, one graph."""

import keras
import numpy as np
import pytest
from keras import layers

from colorize_utils.inference.colorizer import Colorizer
from colorize_utils.networks import build_network
from colorize_utils.networks.fold import fold_norms, for_inference
from colorize_utils.weights import save_network

SPECS = {
    "unet": {"network": "unet", "weights": None, "widths": (16, 8, 8, 8)},
    "unet, sharpened": {
        "network": "unet",
        "backbone": "Plain",
        "weights": None,
        "widths": (8,) * 4,
        "sharpening": (1.5, 32, 96),
    },
    "unet, ResNet50V2": {"network": "unet", "backbone": "ResNet50V2", "weights": None, "widths": (8, 8, 8, 8)},
    "unet-bins": {"network": "unet-bins", "backbone": "Plain", "weights": None, "widths": (8, 8, 8), "grid": 20},
    "zhang": {"network": "zhang", "width": 4, "grid": 20},
    "pix2pix": {"network": "pix2pix", "levels": 5, "width": 4},
}


def _stirred(spec):
    """A network in which every weight and every moving statistic has a value of its own."""
    keras.utils.set_random_seed(1)
    model, rng = build_network(spec), np.random.default_rng(2)
    for variable in model.variables:
        if "seed" in variable.path:
            continue
        if any(word in variable.path for word in ("gamma", "variance")):
            variable.assign(rng.uniform(0.8, 1.25, variable.shape))
        else:
            variable.assign(np.asarray(variable) + rng.normal(0, 0.01, variable.shape))
    return model


def _norms(model):
    return [layer for layer in model._flatten_layers() if isinstance(layer, layers.BatchNormalization)]


@pytest.mark.parametrize("name", SPECS)
def test_the_answers_stay_the_same(name):
    model = _stirred(SPECS[name])
    folded = fold_norms(model)
    photo = np.random.default_rng(0).uniform(-1, 1, (2, 64, 96, 1)).astype(np.float32)
    wanted = np.asarray(model(photo))
    assert np.abs(wanted).max() > 0.01
    np.testing.assert_allclose(folded(photo), wanted, atol=2e-5)
    # Zhang's norms come after the activation, where no convolution can take them in.
    assert (len(_norms(folded)) < len(_norms(model))) == (name != "zhang")


def test_a_folded_unet_has_no_norm_left_and_the_given_one_has_all():
    model = _stirred(SPECS["unet"])
    norms = len(_norms(model))
    assert not _norms(fold_norms(model))
    assert len(_norms(model)) == norms > 50


def test_what_may_not_be_folded_is_left_alone():
    photo = keras.Input((8, 8, 3))
    twice = layers.Conv2D(4, 3, name="twice")(photo)  # its output is seen by others too
    active = layers.Conv2D(4, 3, activation="relu", name="active")(photo)
    shown = layers.Conv2D(4, 3, name="shown")(photo)  # and this one is an output itself
    normed = [layers.BatchNormalization(name=f"norm_{i}")(x) for i, x in enumerate((twice, active, shown))]
    model = keras.Model(photo, [layers.Add()([*normed, twice]), shown])
    for norm in _norms(model):
        norm.moving_mean.assign([0.5, -0.2, 0.1, 0.3])
    x = np.random.default_rng(0).normal(size=(1, 8, 8, 3)).astype(np.float32)
    folded = fold_norms(model)
    for got, wanted in zip(folded(x), model(x), strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-5)
    assert len(_norms(folded)) == 3


def test_the_quick_network_takes_any_size_and_stays_a_model():
    model = _stirred(SPECS["unet"])
    quick = for_inference(model)
    rng = np.random.default_rng(0)
    for shape in ((1, 32, 32, 1), (2, 64, 32, 1), (1, 96, 160, 1)):
        photo = rng.uniform(-1, 1, shape).astype(np.float32)
        np.testing.assert_allclose(quick(photo), model(photo), atol=2e-5)
        np.testing.assert_allclose(quick.predict_on_batch(photo), model(photo), atol=2e-5)
    assert quick.get_layer("ab").weights


def test_a_loaded_colorizer_is_folded_unless_asked_otherwise(tmp_path):
    spec = {"network": "unet", "backbone": "Plain", "weights": None, "widths": [8, 8, 8, 8]}
    model = _stirred(spec)
    save_network(model, tmp_path / "small.h5", spec, {"trained_size": 32}, dtype="float32")
    quick, plain = Colorizer.load(tmp_path / "small.h5"), Colorizer.load(tmp_path / "small.h5", fold=False)
    assert not _norms(quick.network)
    assert len(plain.network.variables) == len(model.variables)
    grey = np.random.default_rng(0).integers(0, 256, (40, 50), np.uint8)
    assert np.abs(quick(grey).astype(int) - plain(grey)).max() <= 1
