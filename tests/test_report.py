"""``evaluate`` as a whole: its figures against recomputed ones, its determinism, and what it does with bad input."""

import argparse
import csv
import json
import sys
import types

import numpy as np
import pytest
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab

from colorize_utils import color
from colorize_utils.errors import ColorizeError
from colorize_utils.evaluation import figures, report, tables
from colorize_utils.evaluation.pictures import crop

SIDE = 32


def photo(seed, height=40, width=48):
    """A smooth colour picture, uint8: a few waves a channel."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / 20
    waves = [np.sin(rng.uniform(1, 3) * x + rng.uniform(1, 3) * y + rng.uniform(0, 6)) for _ in range(3)]
    return np.rint(128 + rng.uniform(40, 110) * np.stack(waves, axis=-1)).astype(np.uint8)


def save(path, rgb):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rgb).save(path)


@pytest.fixture
def folder(tmp_path):
    for index in range(5):
        save(tmp_path / "photos" / ("deep" if index % 2 else "") / f"p{index}.png", photo(index))
    return tmp_path / "photos"


def evaluate(*arguments):
    parser = argparse.ArgumentParser()
    report.add_arguments(parser)
    given = [str(a) for a in arguments]
    return report.main(parser.parse_args([*given, "--size", str(SIDE), "--resamples", "50", "--no-shipped"]))


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


# Figures


def test_the_reference_rows(folder, tmp_path):
    status, found = run(folder, tmp_path / "out")
    assert status == 0
    assert list(found["rows"]) == ["grey", "mean colour", "truth"]
    assert found["photos"]["count"] == 5
    assert value(found, "grey", "psnr_gain") == 0
    assert value(found, "grey", "de2000_ratio") == 1
    assert value(found, "grey", "colorfulness") == 0
    assert value(found, "truth", "de2000") == 0
    assert value(found, "truth", "psnr") is None
    assert value(found, "truth", "auc_rebalanced") == 1
    assert value(found, "truth", "colorfulness_ratio") == 1
    assert value(found, "grey", "lightness_error") < 0.2
    assert "∞" in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")


def test_figures_are_those_of_the_pictures(folder, tmp_path):
    """By scikit-image's Lab and ΔE, and PSNR written out, on the crops."""
    pictures = copies(folder, tmp_path / "sepia", lambda rgb: (rgb * [0.9, 0.8, 0.6]).astype(np.uint8))
    status, found = run(folder, tmp_path / "out", "--pictures", f"sepia={pictures}")
    assert status == 0
    errors, differences = [], []
    for path in sorted(folder.rglob("*.png")):
        one, other = cut(np.array(Image.open(path))), cut(np.array(Image.open(pictures / path.relative_to(folder))))
        errors.append(np.mean((one / 255 - other / 255) ** 2))
        differences.append(deltaE_ciede2000(rgb2lab(one), rgb2lab(other)).mean())
    assert value(found, "sepia", "psnr") == pytest.approx(np.mean(-10 * np.log10(errors)), abs=1e-9)
    assert value(found, "sepia", "psnr_pooled") == pytest.approx(-10 * np.log10(np.mean(errors)), abs=1e-9)
    assert value(found, "sepia", "de2000") == pytest.approx(np.mean(differences), abs=0.01)
    assert found["baseline"] == "sepia"
    with open(tmp_path / "out" / "photos.csv", encoding="utf-8") as file:
        lines = [line for line in csv.DictReader(file) if line["row"] == "sepia"]
    assert [line["photo"] for line in lines] == sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.png"))
    assert sorted(float(line["mse"]) for line in lines) == pytest.approx(sorted(errors))


@pytest.mark.parametrize("change", [lambda rgb: rgb, cut], ids=["as large as the photo", "as large as the crop"])
def test_pictures_equal_to_the_photos_score_as_the_truth(folder, tmp_path, change):
    pictures = copies(folder, tmp_path / "same", change)
    _, found = run(folder, tmp_path / "out", "--pictures", f"same={pictures}", "--baseline", "grey")
    assert found["rows"]["same"]["figures"] == found["rows"]["truth"]["figures"]
    assert found["rows"]["same"]["difference"]["de2000"]["high"] < 0


def test_the_same_photos_give_the_same_bytes_wherever_they_lie(folder, tmp_path):
    pictures = copies(folder, tmp_path / "dull", lambda rgb: rgb // 2 + 60)
    moved = copies(folder, tmp_path / "elsewhere" / "photos")
    outputs = tmp_path / "one", tmp_path / "two"
    for source, output in zip((folder, moved), outputs, strict=True):
        run(source, output, "--pictures", f"dull={pictures}")
    names = sorted(p.relative_to(outputs[0]) for p in outputs[0].rglob("*.*") if p.is_file())
    assert len(names) == 3 + 5 + 1
    for name in names:
        assert (outputs[0] / name).read_bytes() == (outputs[1] / name).read_bytes()
        assert str(tmp_path).encode() not in (outputs[0] / name).read_bytes()


def test_a_large_photo_can_be_shrunk_before_the_crop(tmp_path):
    save(tmp_path / "photos" / "big.png", photo(1, 64, 96))
    _, found = run(tmp_path / "photos", tmp_path / "out", "--fit", "resize")
    assert "area-resized" in found["photos"]["text"]
    assert crop(photo(1, 64, 96), SIDE, "resize").shape == (SIDE, SIDE, 3)
    assert (crop(photo(1, 20, 96), SIDE, "resize") == photo(1, 20, 96)).all()


def test_a_prepared_set_with_portrait_photos_turned_back(tmp_path):
    rows, codes = ["name,source,split,row,hash,dhash,transposed,reason"], []
    for index in range(4):
        rgb = photo(index, 24, 32)
        codes.append(color.encode_lab8(color.rgb_to_lab(rgb / np.float32(255))))
        rows.append(f"p{index}.png,x,test,{index},h{index},d,{index % 2},")
    empty = np.zeros((0, 24, 32, 3), np.uint8)
    for split, array in (("train", empty), ("val", empty), ("test", np.array(codes))):
        np.save(tmp_path / f"{split}.npy", array)
    (tmp_path / "index.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (tmp_path / "settings.json").write_text("{}", encoding="utf-8")
    output = tmp_path / "out"
    assert evaluate("--data", tmp_path, "--output", output, "--no-sheets") == 0
    found = json.loads((output / "report.json").read_text(encoding="utf-8"))
    assert "24×32" in found["photos"]["text"]
    photos = report.prepared_split(tmp_path, "test", 256)
    assert photos.load(0).truth.shape == (24, 32, 3)
    assert photos.load(1).truth.shape == (32, 24, 3)
    assert np.abs(photos.load(0).truth.astype(int) - photo(0, 24, 32)).mean() < 2
    assert not (output / "sheets").exists()


def test_levels_of_what_is_asked_for():
    assert [figures.level("psnr_gain", v) for v in (1.0, 1.1, 1.6, 2.5)] == ["below", "at least", "good", "aim"]
    assert [figures.level("frechet_ratio", v) for v in (0.95, 0.9, 0.5, 0.2)] == ["below", "at least", "good", "aim"]
    assert [figures.level("colorfulness_ratio", v) for v in (0.4, 0.6, 0.9, 1.07, 1.2)] == [
        "below", "at least", "aim", "good", "below",
    ]  # fmt: skip
    assert figures.level("recovery", None) is None


# A classifier


def toy_classifier(path, side=16, channels=3, flat=True):
    keras = pytest.importorskip("keras")
    inputs = keras.Input((side, side, channels))
    x = keras.layers.GlobalAveragePooling2D()(inputs) if flat else inputs
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="last")(x))
    if channels == 3:
        model.get_layer("last").set_weights([np.eye(3, dtype=np.float32), np.zeros(3, np.float32)])
    model.save(path)
    return path


def test_agreement_and_frechet_with_a_classifier_of_mean_colors(folder, tmp_path):
    """Its features are the mean RGB (/127.5 - 1), its answer the strongest channel: both can be written out."""
    toy = toy_classifier(tmp_path / "toy.keras")
    pictures = copies(folder, tmp_path / "swapped", lambda rgb: rgb[..., ::-1].copy())
    arguments = "--pictures", f"swapped={pictures}", "--classifier", f"toy={toy}"
    status, found = run(folder, tmp_path / "out", *arguments)
    assert status == 0
    means = (
        np.array([cut(np.array(Image.open(p))).mean(axis=(0, 1)) for p in sorted(folder.rglob("*.png"))]) / 127.5 - 1
    )
    agreement = np.mean(means.argmax(axis=1) == means[:, ::-1].argmax(axis=1))
    assert value(found, "swapped", "agreement toy") == pytest.approx(agreement)
    # Swapping channels keeps all but the mean and the cross terms: compare with the definition by SciPy's matrix root.
    from scipy import linalg

    c1 = np.cov(means.T)
    c2 = c1[::-1, ::-1]
    apart = ((means.mean(axis=0) - means[:, ::-1].mean(axis=0)) ** 2).sum()
    expected = apart + np.trace(c1 + c2 - 2 * linalg.sqrtm(c1 @ c2).real)
    assert value(found, "swapped", "frechet toy") == pytest.approx(expected, rel=1e-3)
    assert value(found, "truth", "frechet toy") == pytest.approx(0, abs=1e-6)
    assert value(found, "grey", "recovery toy") == 0
    assert value(found, "truth", "agreement toy") == 1
    assert found["yardsticks"]["toy"]["features"] == 3
    assert not found["yardsticks"]["toy"]["rank_deficient"]
    assert found["rows"]["swapped"]["goals"]["frechet_ratio"]["value"] is not None


def test_few_photos_are_stated_and_one_is_refused(tmp_path):
    toy = toy_classifier(tmp_path / "toy.keras")
    save(tmp_path / "three" / "a.png", photo(1))
    save(tmp_path / "three" / "b.png", photo(2))
    save(tmp_path / "three" / "c.png", photo(3))
    save(tmp_path / "one" / "a.png", photo(1))
    status, found = run(tmp_path / "three", tmp_path / "out", "--classifier", f"toy={toy}")
    assert status == 0
    assert found["yardsticks"]["toy"]["rank_deficient"]
    assert "at most 2 of its directions" in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    status, found = run(tmp_path / "one", tmp_path / "out", "--classifier", f"toy={toy}")
    assert status == 1
    assert "frechet toy" not in found["rows"]["grey"]["figures"]
    assert "expected at least 2 photos, got 1" in found["left_out"][0]
    assert value(found, "grey", "agreement toy") in (0, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"channels": 1}, r"input of shape \(None, n, n, 3\)"), ({"flat": False}, r"last layer from \(None, features\)")],
)
def test_a_classifier_of_another_shape_is_named_and_left_out(folder, tmp_path, capsys, arguments, message):
    toy = toy_classifier(tmp_path / "toy.keras", **arguments)
    status, found = run(folder, tmp_path / "out", "--no-sheets", "--classifier", f"toy={toy}")
    assert status == 1
    assert found["yardsticks"] == {}
    assert found["rows"]["grey"]["goals"]["recovery"] == {"value": None, "level": None}
    error = capsys.readouterr().err
    assert "classifier toy" in error
    with pytest.raises(ColorizeError, match=message):
        report.load_classifier(f"toy={toy}")


def test_classifiers_that_cannot_be_had(folder, tmp_path):
    wrong = tmp_path / "weights.h5"
    wrong.write_bytes(b"not HDF5")
    given = [f"--classifier={spec}" for spec in (f"MobileNetV2={wrong}", "NoSuchNet", "MobileNetV2=missing.h5")]
    status, found = run(folder, tmp_path / "out", "--no-sheets", *given)
    assert status == 1
    assert len(found["left_out"]) == 3
    assert all(line.startswith("classifier ") and "\n" not in line for line in found["left_out"])


# Bad input


def test_pictures_that_do_not_fit_are_named_and_the_rest_is_reported(folder, tmp_path, capsys):
    pictures = copies(folder, tmp_path / "dull", lambda rgb: rgb // 2 + 60)
    (pictures / "p0.png").unlink()
    save(pictures / "p2.png", photo(2, 20, 20))
    status, found = run(folder, tmp_path / "out", "--pictures", f"dull={pictures}")
    assert status == 1
    lines = found["left_out"]
    assert any("p0" in line and "expected a picture" in line for line in lines)
    assert any("p2.png: expected 48×40 or 32×32 pixels, got 20×20" in line for line in lines)
    assert found["rows"]["dull"]["photos"] == 3
    assert found["rows"]["grey"]["photos"] == 5
    error = capsys.readouterr().err
    assert all(line in error for line in lines)


def test_a_row_with_gaps_is_compared_on_the_photos_it_has(folder, tmp_path):
    toy = toy_classifier(tmp_path / "toy.keras")
    pictures = copies(folder, tmp_path / "dull", lambda rgb: rgb // 2 + 60)
    (pictures / "p0.png").unlink()
    arguments = "--no-sheets", "--pictures", f"dull={pictures}", "--classifier", f"toy={toy}"
    _, gaps = run(folder, tmp_path / "gaps", *arguments)
    (folder / "p0.png").unlink()
    status, whole = run(folder, tmp_path / "whole", *arguments)
    assert status == 0
    for key in (
        "psnr_gain",
        "de2000_ratio",
        "colorfulness_ratio",
        "auc_rebalanced",
        "frechet_ratio toy",
        "recovery toy",
    ):
        assert value(gaps, "dull", key) == pytest.approx(value(whole, "dull", key), rel=1e-6), key
    assert value(gaps, "grey", "de2000") != pytest.approx(value(whole, "grey", "de2000"), rel=1e-6)


class StubColorizer:
    """Paints a warm tint from the lightness; NaN for the photo whose lightness is highest."""

    seen: list = []

    @classmethod
    def load(cls, path=None):
        if path is None or "missing" in str(path):
            raise ColorizeError("expected a model file, but there is none", status=1)
        return cls()

    def __call__(self, rgb):
        self.seen.append(rgb)
        ab = np.zeros((*rgb.shape[:2], 2), np.float32)
        ab[:] = (5, 15)
        if len(self.seen) == 2:
            ab[3, 4] = np.nan
        with np.errstate(invalid="ignore"):
            return color.join(color.lightness(rgb), ab)


@pytest.fixture
def stub(monkeypatch):
    module = types.ModuleType("colorize_utils.inference.colorizer")
    module.Colorizer = StubColorizer
    monkeypatch.setattr(StubColorizer, "seen", [])
    monkeypatch.setitem(sys.modules, "colorize_utils.inference.colorizer", module)
    return StubColorizer


def test_a_model_gets_no_color_and_its_nan_is_named(folder, tmp_path, stub):
    status, found = run(folder, tmp_path / "out", "--no-sheets", "--model", "warm=warm.h5")
    assert len(stub.seen) == 5
    assert all(np.ptp(rgb, axis=-1).max() == 0 and rgb.dtype == np.float32 for rgb in stub.seen)
    assert status == 1
    assert found["rows"]["warm"]["photos"] == 4
    assert "model warm" in found["left_out"][0]
    assert "expected finite colours, got NaN" in found["left_out"][0]
    assert found["baseline"] == "warm"
    assert value(found, "warm", "lightness_error") < 0.2
    assert "NaN" not in json.dumps(found["rows"])


def test_an_unreadable_photo_is_named_and_skipped(folder, tmp_path):
    (folder / "broken.png").write_bytes(b"\x89PNG but no more")
    status, found = run(folder, tmp_path / "out", "--no-sheets")
    assert status == 1
    assert found["photos"]["count"] == 5
    assert "broken.png" in found["left_out"][0]


def test_a_row_without_any_picture_is_left_out(folder, tmp_path):
    (tmp_path / "none").mkdir()
    status, found = run(folder, tmp_path / "out", "--pictures", f"none={tmp_path / 'none'}")
    assert status == 1
    assert list(found["rows"]) == ["grey", "mean colour", "truth"]
    assert found["baseline"] == "grey"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--photos", "nowhere"], "no folder nowhere"),
        (["--photos", "."], "expected colour photos in"),
        (["--data", "nowhere"], "expected a prepared set"),
        (["--photos", "P", "--pictures", "x"], "expected NAME=PATH, got x"),
        (["--photos", "P", "--pictures", "grey=P"], "expected a name of its own"),
        (["--photos", "P", "--pictures", "a=P", "--pictures", "a=P"], "expected a name of its own"),
        (["--photos", "P", "--pictures", "a=nowhere"], "no folder nowhere"),
        (["--photos", "P", "--baseline", "best"], "expected --baseline to be one of grey"),
        (["--photos", "P", "--limit", "0"], "expected --limit of 1 or more"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(folder, tmp_path, monkeypatch, arguments, message):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(ColorizeError, match=message) as caught:
        evaluate(
            *[str(folder) if a == "P" else a.replace("=P", f"={folder}") for a in arguments], "-o", tmp_path / "out"
        )
    assert caught.value.status == 2
    assert "\n" not in str(caught.value)


def test_an_output_that_cannot_be_written(folder, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ColorizeError, match="expected to write the report to") as caught:
        evaluate("--photos", folder, "-o", tmp_path / "file")
    assert caught.value.status == 1
    assert (tmp_path / "file").read_text() == "mine"


def test_a_model_that_is_missing_is_one_line(folder, tmp_path, stub):
    with pytest.raises(ColorizeError, match="expected a model file"):
        evaluate("--photos", folder, "-o", tmp_path / "out", "--model", "m=missing.h5")


def test_a_limit_takes_evenly_spaced_photos(folder, tmp_path):
    _, found = run(folder, tmp_path / "out", "--limit", "3", "--no-sheets")
    assert found["photos"]["count"] == 3
    assert "3 evenly spaced of 5" in found["photos"]["text"]


def test_every_figure_has_a_label(folder, tmp_path):
    toy = toy_classifier(tmp_path / "toy.keras")
    _, found = run(folder, tmp_path / "out", "--no-sheets", "--classifier", f"toy={toy}")
    assert {key.split(" ")[0] for row in found["rows"].values() for key in row["figures"]} == set(tables.LABELS)
