"""Shared by all tests: the sample photos, and a synthetic set in the Kaggle layout made from them."""

import csv
import dataclasses
import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2  # noqa: E402
import hypothesis  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

from colorize_utils import color  # noqa: E402
from colorize_utils.data.sources import sample_photos  # noqa: E402

# Hypothesis calls an example of more than 200 ms a failure: on a busy machine that says nothing of the code.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")


@pytest.fixture(scope="session")
def samples():
    """name -> uint8 RGB of the photos that scikit-image and matplotlib install."""
    return sample_photos()


def kaggle_photos(samples, count=25, size=56):
    """``count`` small square color photos, uint8 RGB (count, size, size, 3), cut from the sample photos."""
    rng = np.random.default_rng(0)
    photos = []
    for index in range(count):
        photo = list(samples.values())[index % len(samples)]
        side = min(photo.shape[:2]) // 2
        top, left = (int(rng.integers(0, n - side)) for n in photo.shape[:2])
        photos.append(
            cv2.resize(photo[top : top + side, left : left + side], (size, size), interpolation=cv2.INTER_AREA)
        )
    return np.stack(photos)


def write_kaggle(folder, photos, luma, parts=(10, 10, 5)):
    """Write photos as the Kaggle set has them: grey and three ab arrays, 8-bit codes by OpenCV. Returns the folder."""
    lab = np.stack([cv2.cvtColor(photo, cv2.COLOR_RGB2LAB) for photo in photos])
    grey = np.rint(color.luma(photos / 255.0) * 255).astype(np.uint8) if luma else lab[..., 0]
    root = folder / "image_colorization_data"
    (root / "l").mkdir(parents=True)
    (root / "ab" / "ab").mkdir(parents=True)
    np.save(root / "l" / "gray_scale.npy", grey)
    start = 0
    for k, count in enumerate(parts, 1):
        np.save(root / "ab" / "ab" / f"ab{k}.npy", lab[start : start + count, ..., 1:])
        start += count
    return folder


@pytest.fixture(scope="session")
def tiny_set(tmp_path_factory):
    """A prepared set of smooth random color photos, 24 to train on, some portrait (stored transposed)."""
    folder = tmp_path_factory.mktemp("tiny_set")
    rng = np.random.default_rng(5)
    rows = []
    for split, count in (("train", 24), ("val", 8), ("test", 4)):
        coarse = rng.uniform(0, 1, (count, 5, 6, 3)).astype(np.float32)
        smooth = np.repeat(np.repeat(coarse, 16, axis=1), 16, axis=2)
        np.save(folder / f"{split}.npy", color.encode_lab8(color.rgb_to_lab(smooth)))
        rows += [
            {"name": f"{split}{i}", "split": split, "row": i, "transposed": i % 2, "reason": ""} for i in range(count)
        ]
    with open(folder / "index.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    (folder / "settings.json").write_text(json.dumps({"height": 80, "width": 96}))
    return folder


@pytest.fixture(scope="module")
def eagerly():
    """For runs of a few steps: tracing them takes longer than running them."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def train_tiny(tiny_set, run, **changes):
    """The recipe `tiny` with the preset `smoke`, made smaller still: some seconds."""
    sizes = {"crop": 64, "batch": 8, "epoch_photos": 16, "val_photos": 8}
    return train_small("tiny", tiny_set, run, **{**sizes, **changes})


def train_small(recipe, data, run, mirror=None, until=None, steps=None, interrupt_waits=600.0, **changes):
    """`train` with the preset `smoke` and with changes to whatever they are a part of: recipe, preset or options.

    interrupt_waits: seconds that an interrupt waits for a step; long, since on a busy machine a step takes any time.
    """
    from colorize_utils.drive.mirror import open_mirror
    from colorize_utils.training import waiting
    from colorize_utils.training.loop import train
    from colorize_utils.training.recipes import get_preset, get_recipe
    from colorize_utils.training.run import Options

    def some(*names):
        return {name: changes.pop(name) for name in names if name in changes}

    for_recipe = some("epochs", "rates", "chroma_weights", "settings", "backbone", "backbone_weights")
    waiting.PATIENCE = interrupt_waits
    options = Options(**some(*(field.name for field in dataclasses.fields(Options))))
    preset = get_preset("smoke", recipe, **changes)
    recipe, mirror = get_recipe(recipe, preset, **for_recipe), open_mirror(run, mirror, options.say)
    return train(recipe, preset, data, run, until=until, steps=steps, mirror=mirror, options=options)


@pytest.fixture(scope="session")
def page_server(tmp_path_factory):
    """The page, served by a process of its own; at most 2 MB a file and a megapixel a photo."""
    from serving import serving

    with serving(tmp_path_factory.mktemp("page"), "--max-upload", "2", "--max-pixels", "1000000") as server:
        yield server
