"""What the notebooks' prose says in figures, or of figures, is what the records say."""

import csv
import json
import re
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


def _prose(book):
    (path,) = (ROOT / "notebooks").glob(f"{book}_*.ipynb")
    cells = [c for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "markdown"]
    shown = (re.sub(r"<!--.*?-->", "", "".join(c["source"]), flags=re.DOTALL) for c in cells)
    return " ".join(" ".join(text.split()) for text in shown)


def _history():
    with open(ROOT / "saved_models" / "history.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    runs = {}
    for row in rows:
        runs.setdefault(row["run"], []).append(row)
    return runs


# Runs whose average was measured with the trained network's statistics, before training/refit.py measured them anew.
BEFORE_REFIT = {"projected-4", "projected-5", "run-10"}


def test_the_humps_of_the_history_are_those_that_are_explained():
    runs = _history()
    assert f"in {len(runs)} runs, each from what the ones before had ended with" in _prose("03")
    assert "**The humps** on the right are real: there the rate was high" in _prose("03")
    highest = {name: max(float(r["val_l1"]) / float(r["val_grey"]) for r in rows) for name, rows in runs.items()}
    humps = {name for name, error in highest.items() if error > 0.9}
    assert humps and humps <= BEFORE_REFIT
    last = [float(rows[-1]["val_l1"]) / float(rows[-1]["val_grey"]) for rows in runs.values()]
    assert max(last) < 0.83  # "as at the end of each run"


def test_the_picture_of_the_training_has_the_rows_that_the_notebooks_cut_out():
    assert "after each phase of the first three runs" in _prose("03")
    picture = np.asarray(Image.open(ROOT / "saved_models" / "pictures" / "phases.jpg").convert("L")).astype(float)
    assert picture.shape[0] == 6 * 142 - 6
    for row in range(6):  # text on white, then photos
        assert picture[row * 142 : row * 142 + 15, 300:].mean() > 250 > picture[row * 142 + 20 : row * 142 + 130].mean()


def test_the_distance_has_seven_times_the_say_of_the_critic():
    assert "as much as the critic (seven times in the shipped model's first two GAN phases)" in _prose("04")
    rows = [row for name in ("unet-cpu-2", "unet-cpu-3") for row in _history()[name] if row["phase"] == "gan"]
    assert [round(100 * float(row["l1"]) / float(row["adversarial"])) for row in rows] == [7, 7]


def test_what_is_said_of_the_systems_is_what_their_report_says():
    text = _prose("05")
    assert "`zhang` has the largest ΔE2000" in text
    assert "(`unet-bins`) are the liveliest of those that were trained so, and have the second largest" in text
    report = json.loads((ROOT / "saved_models" / "reports" / "systems" / "report.json").read_text(encoding="utf-8"))
    trained = ("unet-gan", "unet-projected", "unet-bins", "pix2pix", "zhang")
    error, color = ({row: _figure(report, row, key) for row in trained} for key in ("de2000", "colorfulness"))
    assert sorted(trained, key=error.get)[-2:] == ["unet-bins", "zhang"]
    assert max((row for row in trained if row.startswith("unet")), key=color.get) == "unet-bins"


def _figure(report, row, key):
    return report["rows"][row]["figures"][key]["value"]
