"""``evaluate`` as a whole: its figures against recomputed ones, its determinism, and where photos may come from."""

import csv
import json

import cv2
import numpy as np
import pytest
from evaluating import SIDE, copies, cut, evaluate, photo, run, save, toy_classifier, value, write_photos
from PIL import Image
from scipy import ndimage
from skimage.color import deltaE_ciede2000, lab2lch, rgb2lab
from skimage.metrics import structural_similarity as ssim

from colorize_utils import color
from colorize_utils.evaluation import measure, summary, tables
from colorize_utils.evaluation.rows import crop, prepared_split


@pytest.fixture
def folder(tmp_path):
    return write_photos(tmp_path)


def test_the_reference_rows(folder, tmp_path):
    status, found = run(folder, tmp_path / "out")
    assert status == 0
    assert list(found["rows"]) == ["grey", "mean color", "truth"]
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


def hasler(rgb):
    """Colorfulness written out a second time, by OpenCV's opponents and population variances."""
    r, g, b = cv2.split(rgb.astype(np.float64))
    (m1, s1), (m2, s2) = ([float(x[0, 0]) for x in cv2.meanStdDev(p)] for p in (r - g, 0.5 * (r + g) - b))
    return (s1**2 + s2**2) ** 0.5 + 0.3 * (m1**2 + m2**2) ** 0.5


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
    pairs = [
        (cut(np.array(Image.open(path))), cut(np.array(Image.open(pictures / path.relative_to(folder)))))
        for path in sorted(folder.rglob("*.png"))
    ]
    window = {"channel_axis": -1, "gaussian_weights": True, "use_sample_covariance": False}
    assert value(found, "sepia", "ssim") == pytest.approx(np.mean([ssim(*pair, **window) for pair in pairs]), abs=1e-9)
    lively = np.array([[hasler(one), hasler(other)] for one, other in pairs])
    assert value(found, "sepia", "colorfulness") == pytest.approx(lively[:, 1].mean())
    assert value(found, "sepia", "dcf_of_means") == pytest.approx(abs(lively[:, 0].mean() - lively[:, 1].mean()))
    assert value(found, "sepia", "dcf_of_photos") == pytest.approx(np.abs(lively[:, 0] - lively[:, 1]).mean())
    assert found["baseline"] == "sepia"
    with open(tmp_path / "out" / "photos.csv", encoding="utf-8") as file:
        lines = [line for line in csv.DictReader(file) if line["row"] == "sepia"]
    assert [line["photo"] for line in lines] == sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.png"))
    assert sorted(float(line["mse"]) for line in lines) == pytest.approx(sorted(errors))


def test_figures_of_lab_are_those_of_the_pictures(folder, tmp_path):
    """By scikit-image's Lab, and each figure written out as its definition has it."""
    pictures = copies(folder, tmp_path / "sepia", lambda rgb: (rgb * [0.9, 0.8, 0.6]).astype(np.uint8))
    _, found = run(folder, tmp_path / "out", "--no-sheets", "--pictures", f"sepia={pictures}")
    wanted = {key: [] for key in ("de2000_p95", "lightness_error", "chroma", "ab_l1", "ab_gradient", "auc")}
    for path in sorted(folder.rglob("*.png")):
        truth, lab = (rgb2lab(cut(np.array(Image.open(p)))) for p in (path, pictures / path.relative_to(folder)))
        error = lab - truth
        wanted["de2000_p95"].append(np.percentile(deltaE_ciede2000(truth, lab), 95))
        wanted["lightness_error"].append(np.abs(error[..., 0]).mean())
        wanted["chroma"].append(lab2lch(lab)[..., 1].mean())
        wanted["ab_l1"].append(np.abs(error[..., 1:]).mean() / 110)
        across, down = (ndimage.correlate1d(error[..., 1:], [-1, 1], axis, origin=-1) / 110 for axis in (1, 0))
        wanted["ab_gradient"].append((np.abs(across[:, :-1]).mean() + np.abs(down[:-1]).mean()) / 2)
        distance = np.sqrt((error[..., 1:] ** 2).sum(axis=-1))
        wanted["auc"].append(np.mean([(distance <= threshold).mean() for threshold in range(151)]))
    for key, values in wanted.items():
        assert value(found, "sepia", key) == pytest.approx(np.mean(values), rel=2e-3), key
    gain = value(found, "sepia", "psnr_pooled") - value(found, "grey", "psnr_pooled")
    assert value(found, "sepia", "psnr_gain") == pytest.approx(gain)


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


def test_batching_and_order_change_nothing(folder, tmp_path, monkeypatch):
    toy = toy_classifier(tmp_path / "toy.keras")
    pictures = copies(folder, tmp_path / "dull", lambda rgb: rgb // 2 + 60)
    arguments = "--no-sheets", "--classifier", f"toy={toy}"
    _, whole = run(folder, tmp_path / "whole", *arguments, "--pictures", f"dull={pictures}")
    monkeypatch.setattr(measure, "BATCH", 2)
    for source, target in ((folder, "turned"), (pictures, "dull2")):
        for index, path in enumerate(sorted(source.rglob("*.png"), reverse=True)):
            save(tmp_path / target / f"{index}.png", np.array(Image.open(path)))
    _, turned = run(tmp_path / "turned", tmp_path / "out", *arguments, "--pictures", f"dull={tmp_path / 'dull2'}")
    for row, entry in whole["rows"].items():
        for key, figure in entry["figures"].items():
            found = turned["rows"][row]["figures"][key]["value"]
            assert found == (None if figure["value"] is None else pytest.approx(figure["value"], rel=1e-6, abs=1e-6)), (
                key
            )


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
    photos = prepared_split(tmp_path, "test", 256)
    assert photos.load(0).truth.shape == (24, 32, 3)
    assert photos.load(1).truth.shape == (32, 24, 3)
    assert np.abs(photos.load(0).truth.astype(int) - photo(0, 24, 32)).mean() < 2
    assert not (output / "sheets").exists()


def test_levels_of_what_is_asked_for():
    assert [summary.level("psnr_gain", v) for v in (1.1, 1.2, 1.6, 2.5)] == ["below", "at least", "good", "aim"]
    assert [summary.level("frechet_ratio", v) for v in (0.7, 0.66, 0.5, 0.2)] == ["below", "at least", "good", "aim"]
    assert [summary.level("colorfulness_ratio", v) for v in (0.5, 0.6, 0.9, 1.07, 1.2)] == [
        "below", "at least", "aim", "good", "below",
    ]  # fmt: skip
    assert summary.level("recovery", None) is None


def test_a_limit_takes_evenly_spaced_photos(folder, tmp_path):
    _, found = run(folder, tmp_path / "out", "--limit", "3", "--no-sheets")
    assert found["photos"]["count"] == 3
    assert "3 evenly spaced of 5" in found["photos"]["text"]


def test_every_figure_has_a_label(folder, tmp_path):
    toy = toy_classifier(tmp_path / "toy.keras")
    _, found = run(folder, tmp_path / "out", "--no-sheets", "--classifier", f"toy={toy}")
    assert {key.split(" ")[0] for row in found["rows"].values() for key in row["figures"]} == set(tables.LABELS)
