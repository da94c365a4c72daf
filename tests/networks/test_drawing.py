"""The picture of a U-Net is drawn from the model: other channels are other numbers, and no skip is no arrow."""

import keras
import pytest
from keras import layers

from colorize_utils.networks.drawing import draw_unet, stages
from colorize_utils.networks.unet import Encoder, build_unet


@pytest.fixture(autouse=True)
def _no_windows():
    pytest.importorskip("matplotlib").use("agg")


def _texts(figure):
    return [text.get_text() for text in figure.axes[0].texts if text.get_text()]


def test_shapes_and_skips_of_the_models_own_layers():
    model = build_unet("Plain", weights=None, widths=(40, 30, 20, 10))
    down, up = stages(model)
    assert down == [(2, 16), (4, 32), (8, 48), (16, 64), (32, 96)]
    assert up == [(16, 40, 40), (8, 30, 30), (4, 20, 20), (2, 10, 10), (1, 2, None)]
    texts = _texts(draw_unet(model, 64, 96))
    assert {"lightness\n64×96×1", "2×3×96", "4×6×40", "32×48×10", "a and b\n64×96×2"} <= set(texts)
    assert [text for text in texts if "skip" in text] == [f"skip: {c} channels" for c in (40, 30, 20, 10)]


def test_without_skips_there_are_none():
    photo = keras.Input((None, None, 1))
    x = Encoder("Plain", None)(photo)[-1]
    for width in (8, 8, 8, 8):
        x = layers.ReLU()(layers.Conv2D(width, 3, padding="same")(layers.UpSampling2D()(x)))
    model = keras.Model(photo, layers.UpSampling2D()(layers.Conv2D(2, 3, padding="same")(x)))
    assert [skip for *_, skip in stages(model)[1]] == [None] * 5
    assert not [text for text in _texts(draw_unet(model)) if "skip" in text]
