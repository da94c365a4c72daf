"""Figures in sentences and hand-made tables about the model: each is what a record of the repository says."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "saved_models"
GOALS = ("psnr_gain", "de2000_ratio", "colorfulness_ratio", "frechet_ratio", "recovery")


def _text(name):
    return re.sub(r"<!--.*?-->", "", (MODELS / name).read_text(encoding="utf-8"), flags=re.DOTALL)


def _prose(name):
    return " ".join(_text(name).split())


def _csv(name):
    with open(MODELS / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _rows(report):
    return json.loads((MODELS / "reports" / report / "report.json").read_text(encoding="utf-8"))["rows"]


def _goals(row):
    """The five figures of the table of goals, as the texts have them."""
    digits = (2, 3, 3, 3, 3)
    return [f"{round(row['goals'][key]['value'], n):.{n}f}" for key, n in zip(GOALS, digits, strict=True)]


def _lines():
    """EXPERIMENTS.md's table: number -> (what changed, why, val, test, ood, kept)."""
    found = re.findall(r"^\| (\d+) \| (.*) \|$", _text("EXPERIMENTS.md"), re.MULTILINE)
    return {int(number): [cell.strip() for cell in cells.split(" | ")] for number, cells in found}


def _figures(cell):
    return re.findall(r"-?\d+\.\d+", cell.replace("−", "-"))


# --- the model card -------------------------------------------------------------------------------------------------


def test_each_row_of_the_cards_training_table_is_a_row_of_the_history():
    """Photos, minutes, error and error over grey's; rows of means have only errors, which `validation.py` measured."""
    known = {int(row["images"]): row for row in _csv("history.csv")}
    rows = re.findall(
        r"^\| \d+ [^|]*\|[^|]*\| ([\d,]+) \| (\d+) \| ([\d.]+) \| ([\d.]+) \|$", _text("MODEL_CARD.md"), re.M
    )
    assert len(rows) >= 15
    for images, minutes, error, ratio in rows:
        row = known[int(images.replace(",", ""))]
        assert minutes == f"{float(row['minutes']):.0f}"
        assert error == f"{float(row['val_l1']):.4f}"
        assert ratio == f"{float(row['val_l1']) / float(row['val_grey']):.3f}"
    assert int(rows[-1][0].replace(",", "")) == max(known)  # the table ends where the history ends


def test_what_grey_has_in_the_card_is_what_it_has_in_the_history():
    greys = list(dict.fromkeys(f"{float(row['val_grey']):.4f}" for row in _csv("history.csv")))
    assert list(dict.fromkeys(re.findall(r"of grey's (0\.\d{4})", _text("MODEL_CARD.md")))) == greys


def test_what_the_third_run_brought_is_what_the_history_says():
    second, third = (
        [r for r in _csv("history.csv") if (r["run"], r["phase"]) == (run, "unet")][-1]
        for run in ("unet-cpu-2", "unet-cpu-3")
    )
    said = f"from {float(second['l1']):.4f} to {float(third['l1']):.4f}"
    assert f"its 55,296 photos brought the training error {said}" in _prose("MODEL_CARD.md")
    assert f"the training error still fell ({said[5:]})" in _prose("EXPERIMENTS.md")
    assert int(third["images"]) - 349_824 == 55_296


def test_the_photos_are_those_of_the_list_of_sources():
    card = _prose("MODEL_CARD.md")
    first, more = (
        re.search(rf"{words} of (\d+) {of}collections", card)
        for words, of in ((r"Of ([\d,]+) photos", "research "), (r"([\d,]+) photos", "more "))
    )
    for said, table in zip((first, more), _text("WEIGHTS-LICENSE.md").split("The runs from the tenth on"), strict=True):
        counts = re.findall(r"^\| [^|]*\| ([\d, /]+) \|", table, re.MULTILINE)
        offered = [
            int(number.replace(",", "")) for cell in counts for number in re.findall(r"\d{1,3}(?:,\d{3})+|\d+", cell)
        ]
        assert len(offered) == int(said[2])
        assert said is first or sum(offered) == int(said[1].replace(",", ""))
    assert f"from {int(first[2]) + int(more[2])} research collections" in card


# --- the experiments ------------------------------------------------------------------------------------------------

PHASES = {"decoder": 1, "shipped": 2, "unet": 3, "critic": 4, "gan": 7, "mean-gan": 8}
PHASES_OOD = {"shipped": 2, "unet2": 3, "mean-unet": 5, "gan2": 6, "gan3": 7, "mean-gan": 8}


@pytest.mark.parametrize(("report", "column", "of"), [("phases-test", 3, PHASES), ("phases-ood", 4, PHASES_OOD)])
def test_lines_of_the_first_runs_have_the_figures_of_their_report(report, column, of):
    for row, number in of.items():
        assert _figures(_lines()[number][column]) == _goals(_rows(report)[row]), (row, number)


@pytest.mark.parametrize(("report", "column"), [("test", 3), ("ood", 4)])
def test_every_model_of_the_reports_has_its_line(report, column):
    """The shipped model, the version before it, and whatever else was measured: named by `NAME` in the last column."""
    by_figures = {tuple(_figures(line[column])): line for line in _lines().values()}
    for name, row in _rows(report).items():
        if name in ("grey", "mean color", "truth"):
            continue
        line = by_figures.get(tuple(_goals(row)))
        assert line, f"{name} of {report} is in no line of EXPERIMENTS.md: {', '.join(_goals(row))}"
        version = re.search(r"version ([\d.]+)", row["text"])[1]
        said = {"shipped": f"**shipped, {version}**"}.get(
            name, name.replace("-", " ", 1) if "version" in name else f"`{name}`"
        )
        assert said in line[5], (name, line[5])


def test_errors_of_the_lines_are_those_of_the_histories():
    """But for means of weights and what was measured again, whose errors come from `benchmarks/validation.py`."""
    known = {
        f"{float(row['val_l1']):.4f}"
        for name in ("history.csv", *(path.name for path in sorted(MODELS.glob("run-*.csv"))))
        for row in _csv(name)
        if row["val_l1"]
    }
    for number, line in _lines().items():
        measured_again = "mean of the weights" in line[0] or "two thirds of" in line[0] or "statistics of" in line[0]
        assert measured_again or line[2] in known, (number, line[2])


def test_the_table_of_slopes_is_what_its_script_prints():
    printed = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "slopes.py")], capture_output=True, text=True, cwd=ROOT
    )
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout.strip() in _text("EXPERIMENTS.md")


def test_what_the_lines_are_said_to_say():
    lines, prose = _lines(), _prose("EXPERIMENTS.md")
    test, ood = ({n: [float(f) for f in _figures(line[c])] for n, line in lines.items() if n <= 23} for c in (3, 4))
    gained = f"{test[18][0] - test[16][0]:.2f} and {ood[18][0] - ood[16][0]:.2f} dB more"
    assert f"line 18 against line 16 has {gained}" in prose
    assert (
        f"line 21 has the smallest errors since the critic came ({test[21][1]:.3f} and {ood[21][1]:.3f} of grey's"
        in prose
    )
    assert min(test[n][1] for n in range(10, 24) if test[n]) == test[21][1]
    on_test, on_ood = (f"{of[14][3]:.3f} to {of[16][3]:.3f}" for of in (test, ood))
    assert f"took from {on_test} of grey's on *test* and from {on_ood} on *ood*" in prose
    assert f"only to {test[20][3]:.3f} and {ood[20][3]:.3f} (run 8)" in prose
    assert f"the distance not at all ({test[22][3]:.3f} and {ood[22][3]:.3f})" in prose


def test_spikes_are_said_to_be_as_high_as_they_were():
    prose = _prose("EXPERIMENTS.md")
    late = [float(r["val_l1"]) for r in _csv("history.csv") if r["run"] in ("projected-4", "projected-5")]
    assert f"validation errors of up to {int(max(late) * 1000) / 1000:.3f} in the middle" in prose
    gan = [float(row["val_l1"]) for row in _csv("run-10.csv") if row["phase"] == "gan"]
    assert f"its error went from 0.0837 to {gan[2]:.4f} in three epochs and to {gan[4]:.4f} in five" in prose
    assert f"{gan[0]:.4f}" == "0.0837"


# --- the systems ----------------------------------------------------------------------------------------------------


def test_what_each_system_had_is_what_its_curve_says():
    last = {row["system"]: row for row in _csv("reports/systems/curves.csv")}
    prose = _prose("SYSTEMS.md")
    said = ", ".join(
        f"*{name}* {float(last[name]['minutes']):.1f}" for name in ("unet-projected", "unet-gan", "pix2pix", "zhang")
    )
    assert f"*unet-bins* took {float(last['unet-bins']['minutes']):.1f} minutes of processor time, {said}" in prose
    assert (
        f"pix2pix has seen {last['pix2pix']['images']} photos and Zhang's network {last['zhang']['images']}," in prose
    )
    version = re.search(r"version ([\d.]+)", _rows("systems")["shipped"]["text"])[1]
    ended = max(float(r["minutes"]) for r in _csv("history.csv") if r["run"] == "run-17")  # 0.9.0 is its end
    assert f"*shipped* is the shipped model as it was in version {version}, {ended:.0f} minutes" in prose
    assert version == "0.9.0"


def test_the_network_sizes_are_those_that_are_asserted_of_the_networks():
    """In millions; docs/training.md has the exact counts, which tests/networks asserts."""
    docs = " ".join((ROOT / "docs" / "training.md").read_text(encoding="utf-8").split())
    asserted = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "networks").glob("test_*.py"))
    counts = re.search(
        r"([\d,]+) parameters, and its PatchGAN with ([\d,]+)\), that of Zhang et al. has ([\d,]+)", docs
    )
    for count in counts.groups():
        assert count.replace(",", "_") in asserted, count
    unet, critic, zhang = (f"{int(count.replace(',', '')) / 1e6:.1f}" for count in counts.groups())
    prose = _prose("SYSTEMS.md")
    assert f"`networks/zhang.py`, `bins.py` | {zhang} million" in prose
    assert f"`patchgan.py` | {unet} and {critic} million" in prose


# --- pictures -------------------------------------------------------------------------------------------------------


def test_the_pictures_are_of_the_model_that_is_shipped(capsys):
    """Made anew and compared: those of the version before are farther off (1.0 of 255 on average) than a JPEG is."""
    sys.path.insert(0, str(ROOT / "scripts"))
    import make_pictures

    assert make_pictures.main(["--check"]) == 0, capsys.readouterr().out


def test_the_picture_of_progress_has_a_row_for_each_version():
    from PIL import Image

    versions = {
        found
        for line in _lines().values()
        for found in re.findall(r"(?:version|shipped,) (\d+\.\d+\.\d+)", " ".join(line))
    }
    with Image.open(MODELS / "pictures" / "progress.jpg") as picture:
        assert picture.height == 144 * len(versions) - 6
