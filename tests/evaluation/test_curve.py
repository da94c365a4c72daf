"""The curve over a run's snapshots: the same figures as `evaluate` gives, in the order of training."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize_utils import cli
from colorize_utils.errors import ColorizeError
from colorize_utils.evaluation import curve
from colorize_utils.evaluation.measure import score
from colorize_utils.evaluation.rows import photo_folder

keras = pytest.importorskip("keras")
ROOT = Path(__file__).resolve().parents[2]
SPEC = {"network": "unet", "backbone": "Plain", "weights": None}


@pytest.fixture(scope="module")
def network():
    from colorize_utils.networks import build_network

    keras.utils.set_random_seed(0)
    built, rng = build_network(SPEC), np.random.default_rng(0)
    fill = [w if w.any() or w.ndim < 4 else rng.normal(0, 0.1, w.shape) for w in built.get_weights()]
    built.set_weights(fill)  # the last layer begins with zeros, which would make every snapshot grey
    return built


def snapshot(network, path, images, scale=1.0, **changes):
    """A snapshot of the network with its kernels scaled, as the training writes it."""
    from colorize_utils.weights import save_network

    before = network.get_weights()
    network.set_weights([np.full_like(w, np.nan) if scale is None else w * scale for w in before])
    place = {"phase": path.parents[1].name.split("-")[1], "epoch": int(path.stem[-3:]), "trained_size": 32}
    meta = {**place, "images": images, "minutes": images / 10, "val_l1": 0.1, "val_grey": 0.2}
    save_network(network, path, SPEC, {key: value for key, value in {**meta, **changes}.items() if value is not None})
    network.set_weights(before)


@pytest.fixture(scope="module")
def run(network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "first"
    snapshot(network, folder / "2-unet" / "snapshots" / "epoch-001.h5", 200, 2.0)
    snapshot(network, folder / "1-decoder" / "snapshots" / "epoch-001.h5", 100)
    snapshot(network, folder / "10-more" / "snapshots" / "epoch-010.h5", 400)
    snapshot(network, folder / "10-more" / "snapshots" / "epoch-009.h5", 300, 0.5)
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory, samples):
    folder = tmp_path_factory.mktemp("photos")
    for name, rgb in list(samples.items())[:3]:
        Image.fromarray(np.ascontiguousarray(rgb[::8, ::8])).save(folder / f"{name}.png")
    return photo_folder(folder, 32)


def test_lines_in_the_order_of_training_with_evaluates_figures(run, photos, tmp_path):
    from colorize_utils.inference.colorizer import Colorizer

    lines, problems = curve.curve([run], photos, resamples=20)
    assert problems == []
    assert [line["phase"] for line in lines] == ["grey", "decoder", "unet", "more", "more"]
    assert [line["images"] for line in lines] == [0, 100, 200, 300, 400]
    assert lines[0]["val_l1"] == 0.2
    assert lines[0]["de2000_ratio"] == 1
    colorizer = Colorizer.load(run / "2-unet" / "snapshots" / "epoch-001.h5")
    cases = [photos.load(index) for index in range(3)]
    expected = [score(case, colorizer(case.truth))[0] for case in cases]
    assert lines[2]["de2000"] == pytest.approx(np.mean([figures[3] for figures in expected]), abs=0.02)
    assert lines[2]["de2000_low"] <= lines[2]["de2000"] <= lines[2]["de2000_high"]
    assert lines[1]["de2000"] == pytest.approx(lines[4]["de2000"])  # equal weights, though others came between
    assert lines[1]["de2000"] != lines[2]["de2000"]
    curve.write_curve(tmp_path / "new" / "curve.csv", lines)
    read = curve.read_curve(tmp_path / "new" / "curve.csv")
    assert [line["phase"] for line in read] == [line["phase"] for line in lines]
    assert read[2]["de2000"] == pytest.approx(lines[2]["de2000"], rel=1e-5)
    assert read[0]["run"] is None
    assert read[0]["frechet"] is None


def test_a_second_run_goes_on_where_the_first_ended(run, photos):
    found = curve.find_snapshots([run, run], [])
    assert [line["images"] for _, line in found] == [100, 200, 300, 400, 500, 600, 700, 800]
    assert found[-1][1]["minutes"] == 80


def test_frechet_with_a_classifier_and_its_own_working_size(run, photos, tmp_path):
    from colorize_utils.evaluation.classifier import load_classifier

    inputs = keras.Input((16, 16, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    keras.Model(inputs, keras.layers.Dense(4, activation="softmax")(x)).save(tmp_path / "toy.keras")
    toy = load_classifier(f"toy={tmp_path / 'toy.keras'}")
    lines, _ = curve.curve([run], photos, toy, size=64, resamples=5)
    assert lines[1]["phase"] == curve.HALVES or len(lines) == 5  # three photos: a half of one has no covariance
    assert lines[0]["frechet_ratio"] == 1
    assert lines[-1]["frechet"] > 0
    assert lines[-1]["features"] == 3
    smaller, _ = curve.curve([run], photos, toy, resamples=5)
    assert smaller[-1]["de2000"] != lines[-1]["de2000"]


def test_what_cannot_be_read_or_painted_is_one_line_and_the_rest_is_made(network, photos, tmp_path):
    folder = tmp_path / "run" / "1-decoder" / "snapshots"
    snapshot(network, folder / "epoch-001.h5", 10)
    snapshot(network, folder / "epoch-002.h5", 20, None)
    snapshot(network, folder / "epoch-003.h5", 30, minutes=None)
    (folder / "epoch-004.h5").write_bytes(b"no HDF5")
    lines, problems = curve.curve([tmp_path / "run"], photos, resamples=5)
    assert [line["images"] for line in lines] == [0, 10]
    assert any("epoch-003.h5: expected a snapshot that says its minutes" in line for line in problems)
    assert any("epoch-004.h5" in line for line in problems)
    broken = [line for line in problems if "1-decoder/epoch-002" in line]
    assert len(broken) == 3  # a photo each, named
    assert all("values that are not numbers" in line and ".png" in line for line in broken)
    assert not any("\n" in line for line in problems)


def test_the_command(run, photos, tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    Image.fromarray(photos.load(0).truth).save(tmp_path / "photos" / "a.png")
    arguments = ["--photos", str(tmp_path / "photos"), "-o", str(tmp_path / "curve.csv"), "--size", "32"]
    assert cli.main(["curve", str(run), *arguments]) == 0
    assert "5 lines" in capsys.readouterr().out
    with open(tmp_path / "curve.csv", encoding="utf-8") as file:
        assert tuple(csv.DictReader(file).fieldnames) == curve.COLUMNS
    assert cli.main(["curve", str(tmp_path), *arguments]) == 1
    assert "expected a run with */snapshots/epoch-*.h5" in capsys.readouterr().err
    assert cli.main(["curve", str(run), *arguments, "--limit", "0"]) == 2
    assert cli.main(["curve", str(run), *arguments[:-1], "32", "-o", str(tmp_path / "photos")]) == 1
    assert "expected to write" in capsys.readouterr().err
    (tmp_path / "curve.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ColorizeError, match="expected a CSV written by"):
        curve.read_curve(tmp_path / "curve.csv")


def test_the_committed_curve_is_whole():
    lines = curve.read_curve(ROOT / "saved_models" / "curve.csv")
    assert [line["phase"] for line in lines[:2]] == ["grey", curve.HALVES]
    seen = [line["images"] for line in lines[2:]]
    assert seen == sorted(seen)
    assert all(line["frechet"] > 0 and line["val_l1"] > 0 and line["photos"] >= 200 for line in lines[2:])


def test_a_curve_goes_on_from_an_earlier_one_of_the_same_photos():
    empty = dict.fromkeys(curve.COLUMNS)
    grey = empty | {"phase": "grey", "images": 0, "minutes": 0, "photos": 9, "frechet": 50.0, "de2000": 10.0}
    halves = empty | {"phase": curve.HALVES, "photos": 9, "frechet": 70.0}
    first = empty | {"run": "a", "phase": "unet", "images": 100, "minutes": 2.5, "photos": 9}
    second = empty | {"run": "b", "phase": "gan", "images": 40, "minutes": 1.25, "photos": 9}
    whole = curve.gone_on([grey, halves, first], [dict(grey), dict(halves), second])
    assert whole[:3] == [grey, halves, first]
    assert [(line["run"], line["images"], line["minutes"]) for line in whole[3:]] == [("b", 140, 3.75)]
    with pytest.raises(ColorizeError, match="its grey has frechet 50.0, now 51.0"):
        curve.gone_on([grey, first], [grey | {"frechet": 51.0}, second])
    with pytest.raises(ColorizeError, match="expected an earlier curve with its line grey"):
        curve.gone_on([first], [grey, second])
