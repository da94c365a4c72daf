"""``evaluate`` with what does not fit: it is named in one line, and the rest is reported."""

import json
import os
import sys
import types

import numpy as np
import pytest
from evaluating import copies, evaluate, photo, run, save, toy_classifier, value, write_photos

from colorize_utils import color
from colorize_utils.commands import evaluate as command
from colorize_utils.errors import ColorizeError


@pytest.fixture
def folder(tmp_path):
    return write_photos(tmp_path)


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
    """Paints a warm tint from the lightness; NaN for the second photo."""

    seen: list = []
    size, smallest, meta = 96, 96, {"phase": "unet"}

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
    assert "expected finite colors, got NaN" in found["left_out"][0]
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
    assert list(found["rows"]) == ["grey", "mean color", "truth"]
    assert found["baseline"] == "grey"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--photos", "nowhere"], "no folder nowhere"),
        (["--photos", "."], "expected color photos in"),
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


def test_many_problems_are_not_all_on_the_screen(capsys):
    command.complain_of([f"line {index}" for index in range(30)])
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 21
    assert lines[-1] == "colorize: … and 10 more of these"


def test_two_photos_that_differ_in_their_suffix_have_each_its_picture(folder, tmp_path):
    """`colorize` makes a.png of a.png and a.tif of a.tif. Which of them belongs to an a.jpg nobody can tell."""
    save(folder / "p0.tif", photo(9))
    same = copies(folder, tmp_path / "same")
    save(same / "p0.tif", photo(9))
    status, found = run(folder, tmp_path / "out", "--no-sheets", "--pictures", f"same={same}")
    assert status == 0
    assert value(found, "same", "de2000") == 0
    (folder / "p0.tif").rename(folder / "p0.webp.jpg")
    (folder / "p0.png").rename(folder / "p0.jpg")
    status, found = run(folder, tmp_path / "out2", "--no-sheets", "--pictures", f"same={same}")
    assert status == 1
    assert any("expected one picture for p0.jpg, got p0.png and p0.tif" in line for line in found["left_out"])
    assert found["rows"]["same"]["photos"] == 4


def test_what_is_left_out_is_named_without_the_place_it_lies_at(folder, tmp_path):
    pictures = copies(folder, tmp_path / "pictures")
    (folder / "broken.png").write_bytes(b"\x89PNG but no more")
    (pictures / "p0.png").write_bytes(b"")
    status, found = run(folder, tmp_path / "out", "--pictures", f"dull={pictures}")
    assert status == 1
    assert len(found["left_out"]) == 2
    assert any(line.startswith("broken.png: expected a photo") for line in found["left_out"])
    assert any(line.startswith("pictures dull: p0.png: expected a photo, got an empty") for line in found["left_out"])
    assert str(tmp_path) not in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are Unicode there")
def test_a_name_that_is_no_utf8_or_no_line(folder, tmp_path):
    (folder / "p0.png").rename(folder / os.fsdecode(b"caf\xe9.png"))
    (folder / "p2.png").rename(folder / "two\nlines.png")
    status, found = run(folder, tmp_path / "out", "--pictures", f"same={folder}")
    assert status == 0
    assert found["rows"]["same"]["photos"] == 5
    assert "caf\\udce9.png" in (tmp_path / "out" / "photos.csv").read_text(encoding="utf-8")
    assert "two\\nlines.png" in (tmp_path / "out" / "photos.csv").read_text(encoding="utf-8")
