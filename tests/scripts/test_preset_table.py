"""The table of presets is what the command writes; its hours follow from the record of the shipped model's runs."""

import importlib.util
import re
from pathlib import Path

import pytest

from colorize_utils.training.recipes import PRESETS

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("preset_table", ROOT / "scripts" / "preset_table.py")
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)


def test_the_docs_have_the_table_that_the_command_writes():
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    assert f"<!-- presets -->\n{tool.table()}<!-- /presets -->" in text


def test_hours_are_photos_by_pace(tmp_path):
    history = tmp_path / "history.csv"
    rows = ["run,phase,images,minutes", "unet-cpu,unet,1000,5", "unet-cpu-2,unet,2200,6", "unet-cpu-2,unet,3400,7"]
    history.write_text("\n".join([*rows, "unet-cpu-2,critic,4000,8", "unet-cpu-2,gan,4300,9"]))
    paces = tool.paces(history)
    assert paces == pytest.approx({"decoder": 20, "unet": 20, "critic": 10, "gan": 5})
    real, cpu = tool.paces(), PRESETS["cpu"]
    epochs = dict(zip(("decoder", "unet", "critic", "gan"), cpu.epochs, strict=True))
    hours = sum(10_000 * count / real[phase] for phase, count in epochs.items()) / 3600
    (row,) = re.findall(r"^\| `cpu` .*$", tool.table(), re.M)
    assert row.endswith(f"| {hours:.1f} |")
