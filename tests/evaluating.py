"""What the tests of `evaluate` share: small photos, the command, and a classifier whose answers can be written out."""

import argparse
import json

import numpy as np
import pytest
from PIL import Image

from colorize_utils.commands import evaluate as command
from colorize_utils.evaluation.rows import crop

SIDE = 32


def photo(seed, height=40, width=48):
    """A smooth color picture, uint8: a few waves a channel."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / 20
    waves = [np.sin(rng.uniform(1, 3) * x + rng.uniform(1, 3) * y + rng.uniform(0, 6)) for _ in range(3)]
    return np.rint(128 + rng.uniform(40, 110) * np.stack(waves, axis=-1)).astype(np.uint8)


def save(path, rgb):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rgb).save(path)


def write_photos(tmp_path):
    """Five photos in a folder of it, two of them deeper -> the folder."""
    for index in range(5):
        save(tmp_path / "photos" / ("deep" if index % 2 else "") / f"p{index}.png", photo(index))
    return tmp_path / "photos"


def evaluate(*arguments):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    given = [str(a) for a in arguments]
    return command.main(parser.parse_args([*given, "--size", str(SIDE), "--resamples", "50", "--no-shipped"]))


def run(folder, output, *arguments):
    status = evaluate("--photos", folder, "--output", output, *arguments)
    return status, json.loads((output / "report.json").read_text(encoding="utf-8"))


def value(found, row, key):
    return found["rows"][row]["figures"][key]["value"]


def cut(rgb):
    return crop(rgb, SIDE, "crop")


def copies(folder, target, change=lambda rgb: rgb, suffix=".png"):
    for path in folder.rglob("*.png"):
        save((target / path.relative_to(folder)).with_suffix(suffix), change(np.array(Image.open(path))))
    return target


def toy_classifier(path, side=16, channels=3, flat=True, save="save"):
    keras = pytest.importorskip("keras")
    inputs = keras.Input((side, side, channels))
    x = keras.layers.GlobalAveragePooling2D()(inputs) if flat else inputs
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="last")(x))
    if channels == 3:
        model.get_layer("last").set_weights([np.eye(3, dtype=np.float32), np.zeros(3, np.float32)])
    getattr(model, save)(path)
    return path
