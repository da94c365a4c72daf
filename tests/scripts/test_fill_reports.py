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
    goals = {key: {"value": de / 8, "level": "good"} for key in fill_reports.MEASURED}
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
        ("<!-- report:test figure weight of grey --><!-- /report -->", "figure KEY of ROW"),
        ("<!-- report:test change of grey from yours --><!-- /report -->", "change of ROW from ROW"),
        ("<!-- model:color --><!-- /model -->", "a fact of the model named color, there are: version"),
        ("<!-- card:habits --><!-- /card -->", "a passage of the card named habits, there are: none"),
        ("<!-- card:habits --><!-- /model -->", "to be closed"),
    ],
)
def test_a_block_that_cannot_be_filled_is_named(text, message):
    with pytest.raises(ColorizeError, match=message):
        fill_reports.fill(text, {"test": REPORT}, "README.md", model={"version": "1.0"})


@pytest.mark.parametrize(
    ("block", "text"),
    [
        ("report:test goals of our model", "1.31, 1.312, 1.312, 1.312, 1.312"),
        ("report:test levels of grey", "at least, below, below, below, aim"),
        (
            "report:test change of our model from grey",
            "PSNR -0.06 dB, ΔE2000 -0.062, colorfulness -0.062, Fréchet distance -0.062, recovery -0.062",
        ),
        ("model:minutes", "12"),
        ("card:habits", "\n- It sleeps.\n"),
    ],
)
def test_what_a_sentence_can_take(block, text):
    kind = block.split(":")[0]
    given = f"So: <!-- {block} -->old<!-- /{kind} -->."
    known = {"model": {"minutes": "12"}, "passages": {"habits": "\n- It sleeps.\n"}}
    filled = fill_reports.fill(given, {"test": REPORT}, "README.md", **known)
    assert filled == f"So: <!-- {block} -->{text}<!-- /{kind} -->."


def test_the_command_of_a_report_names_its_models_and_its_classifier():
    models = {"version-1": entry(1) | {"text": "model `a.h5`, version 1"}, "mine": entry(1) | {"text": "model `b.h5`"}}
    report = REPORT | {"rows": REPORT["rows"] | models, "yardsticks": {"MobileNetV2": {}}}
    filled = fill_reports.fill("<!-- report:ood command --><!-- /report -->", {"ood": report}, "README.md")
    line = "python -m colorize_utils evaluate --photos OOD --classifier MobileNetV2=FILE --model version-1=FILE"
    assert f"\n```\n{line} --model mine=FILE -o saved_models/reports/ood\n```\n" in filled


def test_facts_of_the_model_are_those_of_its_file_and_its_history():
    known = fill_reports.facts(ROOT)
    assert known["parameters"] == "5.8 million" and known["megabytes"] == "12 MB"
    last = (ROOT / "saved_models" / "history.csv").read_text(encoding="utf-8").splitlines()[-1].split(",")
    assert known["images"] == f"{int(last[4]):,}" and known["minutes"] == str(round(float(last[5])))


def test_passages_go_from_the_card_into_texts_and_notebooks(tmp_path):
    """A notebook stays byte for byte as it is but for its text."""
    (tmp_path / "saved_models").mkdir()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "saved_models" / "MODEL_CARD.md").write_text(
        "<!-- passage:a -->é *b*<!-- /passage -->", encoding="utf-8"
    )
    book = {
        "cells": [
            {"cell_type": kind, "id": kind, "source": ["One\n", "<!-- card:a -->?<!-- /card -->"]}
            for kind in ("markdown", "code")
        ]
    }
    path = tmp_path / "notebooks" / "1.ipynb"
    path.write_text(json.dumps(book, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    before = path.read_text(encoding="utf-8")
    assert (
        fill_reports.update(tmp_path, check=True) == ["notebooks/1.ipynb"]
        and path.read_text(encoding="utf-8") == before
    )
    assert fill_reports.update(tmp_path) == ["notebooks/1.ipynb"]
    assert path.read_text(encoding="utf-8") == before.replace("-->?<!--", "-->é *b*<!--", 1)
    assert fill_reports.update(tmp_path) == []


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
    assert card.startswith(
        f"# Model card: the shipped colorizer, version <!-- model:version -->{version}<!-- /model -->\n"
    )
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"Version <!-- model:version -->{version}<!-- /model --> of the shipped model" in readme
