"""Texts with figures: filled from report.json, and the committed ones equal to what it says."""

import json
import sys
from pathlib import Path

import pytest

from colorize_utils.errors import ColorizeError

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import fill_reports  # noqa: E402


def entry(de):
    keys = [k for k in fill_reports.tables.LABELS if not k.startswith(("frechet", "agreement", "recovery"))]
    figures = {key: {"value": de, "low": de - 0.5, "high": de + 0.25} for key in keys}
    goals = {"psnr_gain": {"value": 1.25, "level": "at least"}}
    return {"text": "a row", "photos": 7, "figures": figures, "goals": goals}


REPORT = {
    "format": 1,
    "photos": {"name": "test", "text": "folder `test`", "count": 7, "grey": 0, "sha256": "0" * 64},
    "seed": 0,
    "resamples": 10,
    "baseline": "grey",
    "rows": {"grey": entry(11.0), "our model": entry(10.5)},
    "yardsticks": {},
    "left_out": [],
}


def test_tables_and_single_figures_are_filled_in_and_stay():
    text = (
        "# T\n<!-- report:test errors -->old<!-- /report -->\n"
        "ΔE is <!-- report:test figure de2000 of our model -->9<!-- /report -->, so.\n"
    )
    filled = fill_reports.fill(text, {"test": REPORT}, "README.md")
    assert "ΔE is <!-- report:test figure de2000 of our model -->10.50 (10.00 to 10.75)<!-- /report -->, so." in filled
    assert "| our model | 7 | 10.50 (10.00 to 10.75) |" in filled
    assert "old" not in filled
    assert fill_reports.fill(filled, {"test": REPORT}, "README.md") == filled


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<!-- report:test errors -->", "to be closed"),
        ("<!-- report:test errors --><!-- report:test ab --><!-- /report -->", "to be closed|next block"),
        ("<!-- report:other errors --><!-- /report -->", "a report named other, there are: test"),
        ("<!-- report:test results --><!-- /report -->", "expected one of about"),
        ("<!-- report:test figure de2000 of yours --><!-- /report -->", "figure KEY of ROW"),
    ],
)
def test_a_block_that_cannot_be_filled_is_named(text, message):
    with pytest.raises(ColorizeError, match=message):
        fill_reports.fill(text, {"test": REPORT}, "README.md")


def test_the_command_rewrites_and_checks(tmp_path, capsys):
    folder = tmp_path / "saved_models" / "reports" / "test"
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(json.dumps(REPORT), encoding="utf-8")
    readme = tmp_path / "README.md"
    readme.write_text("<!-- report:test figure de2000 of grey -->?<!-- /report -->", encoding="utf-8")
    assert fill_reports.main(["--root", str(tmp_path), "--check"]) == 1
    assert "?" in readme.read_text(encoding="utf-8")
    assert fill_reports.main(["--root", str(tmp_path)]) == 0
    assert "11.00" in readme.read_text(encoding="utf-8")
    assert fill_reports.main(["--root", str(tmp_path), "--check"]) == 0
    (folder / "report.json").write_text("{}", encoding="utf-8")
    assert fill_reports.main(["--root", str(tmp_path)]) == 1
    assert "expected a report.json" in capsys.readouterr().err


def test_the_committed_texts_say_what_the_reports_say():
    assert fill_reports.update(ROOT, check=True) == []


def test_the_committed_reports_say_in_words_what_they_say_in_figures():
    reports = fill_reports.find_reports(ROOT)
    assert reports.keys() >= {"test", "ood", "samples"}
    for name, report in reports.items():
        text = (ROOT / "saved_models" / "reports" / name / "report.md").read_text(encoding="utf-8")
        assert text == fill_reports.tables.markdown(report), name


@pytest.mark.parametrize("name", ["test", "ood", "samples"])
def test_the_reports_are_of_the_model_that_is_shipped(name):
    """A new model needs new reports: these are where the figures in README and card come from."""
    from colorize_utils.weights import read_arrays, shipped_model

    version = read_arrays(shipped_model())[1]["meta"]["version"]
    row = fill_reports.find_reports(ROOT)[name]["rows"]["shipped"]
    assert f"version {version}," in row["text"]
    card = (ROOT / "saved_models" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card.startswith(f"# Model card: the shipped colorizer, version {version}\n")
    assert f"Version {version} of the shipped model" in (ROOT / "README.md").read_text(encoding="utf-8")
