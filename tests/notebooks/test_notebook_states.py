"""Notebooks 03 and 04: every cell behind the training cell works, in whatever state the run was left."""

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from colorize_utils.networks import build_network
from colorize_utils.training.progress import write_history
from colorize_utils.weights import save_network

ROOT = Path(__file__).resolve().parents[2]
SPEC = {"network": "unet", "backbone": "Plain", "weights": None, "widths": (8, 8, 4, 4)}
ROWS = [("decoder", 1), ("unet", 1), ("critic", 1), ("gan", 1)]


def _cells(book):
    (path,) = (ROOT / "notebooks").glob(f"{book}_*.ipynb")
    code = [c for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
    return {c["id"]: "".join(c["source"]) for c in code}


def _left(folder, state):
    """A run as it is left: begun; in phase 1, behind its first epoch; behind phase 2; finished."""
    folder.mkdir()
    phases = {"begun": 0, "interrupted in phase 1": 1, "behind phase 2": 2, "finished": 4}[state]
    rows = [
        {"phase": name, "epoch": epoch, "step": 1, "images": 8 * (at + 1), "val_l1": 0.1, "val_grey": 0.15}
        for at, (name, epoch) in enumerate(ROWS[:phases])
    ]
    for at, (name, epoch) in enumerate(ROWS[:phases], 1):
        picture = folder / f"{at}-{name}" / "samples" / f"epoch-{epoch:03d}.png"
        picture.parent.mkdir(parents=True)
        Image.fromarray(np.zeros((96, 256, 3), np.uint8)).save(picture)
        if state != "interrupted in phase 1":
            save_network(build_network(SPEC), picture.parents[1] / "generator.h5", SPEC, {})
    if rows:
        write_history(folder / "history.csv", rows)
    return folder


def _names(run):
    import matplotlib.pyplot as plt

    from colorize_utils import asked, color, export_model, fit_photo, load_network, one_line, sample_photos

    names = {"Path": Path, "csv": csv, "np": np, "plt": plt, "Image": Image, "run": run, "smoke": True, "drive": None}
    names |= {"color": color, "export_model": export_model, "fit_photo": fit_photo, "load_network": load_network}
    return names | {"asked": asked, "one_line": one_line, "sample_photos": sample_photos}


@pytest.mark.parametrize("state", ["begun", "interrupted in phase 1", "behind phase 2", "finished"])
@pytest.mark.parametrize(("book", "cells"), [("03", ("03-13", "03-15")), ("04", ("04-11", "04-13", "04-18"))])
def test_the_cells_behind_the_training_cell(book, cells, state, tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib").use("agg")
    monkeypatch.chdir(tmp_path)
    run = SimpleNamespace(folder=_left(tmp_path / "run", state), name="notebook_smoke_samples")
    names, code = _names(run), _cells(book)
    for cell in cells:
        exec(compile(code[cell], cell, "exec"), names)
    printed = capsys.readouterr().out
    assert ("Run the training cell on" in printed or "run the training cell on" in printed) == (
        state == "begun" if book == "03" else state != "finished"
    )
    assert (tmp_path / "saved_models" / "my_model_smoke_samples.h5").is_file() == (
        book == "04" and state in ("behind phase 2", "finished")
    )
