"""Rows of `evaluate` that are given true colors: Levin's system, and models with hints on top."""

import numpy as np
import pytest
import skimage.data
from evaluating import run, save, value, write_photos

from colorize_utils import color
from colorize_utils.evaluation.rows import Case, levin_row, model_rows, true_hints
from colorize_utils.inference.colorizer import Colorizer


@pytest.fixture(scope="module")
def case():
    truth = np.ascontiguousarray(skimage.data.coffee()[100:228:2, 200:360:2])
    return Case("coffee", truth, color.rgb_to_lab(truth / np.float32(255)), truth.shape[:2])


def test_hints_are_true_nested_and_drawn_by_the_photo(case):
    few, many = true_hints(case, 10), true_hints(case, 50)
    places = [set(zip(h.rows.tolist(), h.columns.tolist(), strict=True)) for h in (few, many)]
    assert [len(p) for p in places] == [10, 50] and places[0] < places[1]
    padded = np.pad(case.lab[..., 1:], ((1, 1), (1, 1), (0, 0)), mode="edge")
    for row, column, ab in zip(few.rows, few.columns, few.ab, strict=True):
        assert ab == pytest.approx(padded[row : row + 3, column : column + 3].mean((0, 1)), abs=1e-3)
    other = Case("other", case.truth[::-1].copy(), case.lab[::-1].copy(), case.full)
    assert true_hints(other, 10).rows.tolist() != few.rows.tolist()
    assert true_hints(case, 10**6).rows.size == case.truth.shape[0] * case.truth.shape[1]


def test_levin_is_grey_without_hints_and_nearer_with_more(case):
    pictures = [levin_row(count).paint(case) for count in (0, 10, 50)]
    assert np.ptp(pictures[0].astype(int), axis=-1).max() == 0 and "grey" in levin_row(0).text
    errors = [np.abs(picture.astype(float) - case.truth).mean() for picture in pictures]
    assert errors[0] > errors[1] > errors[2]


def test_a_report_has_rows_of_levin_the_same_every_time(tmp_path):
    folder = write_photos(tmp_path)
    for out in ("a", "b"):
        status, found = run(folder, tmp_path / out, *"--levin 0 --levin 10 --levin 10 --levin 50".split())
        assert status == 0
    assert list(found["rows"]) == ["grey", "mean color", "truth", "levin-0", "levin-10", "levin-50"]
    assert value(found, "levin-0", "de2000") == value(found, "grey", "de2000")
    assert value(found, "levin-50", "de2000") < value(found, "levin-10", "de2000") < value(found, "grey", "de2000")
    for name in ("report.json", "photos.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_models_are_measured_with_hints_on_top(case, monkeypatch):
    loaded = []

    def load(path=None):
        loaded.append(path)
        return Colorizer(lambda x: np.broadcast_to(np.float32([0, -0.3]), (*x.shape[:3], 2)), {"trained_size": 64})

    monkeypatch.setattr(Colorizer, "load", load)
    rows = model_rows("blue", "blue.h5", hinted=[3, 40])
    assert [row.name for row in rows] == ["blue", "blue+3", "blue+40"] and loaded == ["blue.h5"]
    assert "the true color of 40 pixels" in rows[2].text
    errors = [np.abs(row.paint(case).astype(float) - case.truth).mean() for row in rows]
    assert errors[0] > errors[1] > errors[2]


@pytest.mark.parametrize(
    "arguments, line",
    [
        (["--levin", "-1"], "expected a whole number from 0"),
        (["--levin", "many"], "expected a whole number from 0"),
        (["--hinted", "0"], "expected a whole number from 1"),
        (["--levin", "10", "--pictures", "levin-10=x"], "expected a name of its own for every row, got levin-10 twice"),
    ],
)
def test_counts_that_are_none_and_names_in_use_are_one_line(tmp_path, capsys, arguments, line):
    from colorize_utils import cli

    save(tmp_path / "photos" / "a.png", np.zeros((40, 40, 3), np.uint8) + np.uint8([200, 100, 50]))
    words = ["evaluate", "--photos", tmp_path / "photos", "-o", tmp_path / "out", "--no-shipped", *arguments]
    assert cli.main([str(word) for word in words]) == 2
    (complaint,) = capsys.readouterr().err.strip().splitlines()
    assert line in complaint
