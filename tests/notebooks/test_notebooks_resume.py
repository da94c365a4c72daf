"""Notebooks 03 and 04 on a machine that is lent: killed in the middle, all but Drive deleted, all cells run again."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
# Runs cells as a kernel would, in their order, and is killed at a checkpoint (its number is the second argument) as
# soon as Drive has it. Epochs are of two steps, and for so few tracing does not pay.
RUNNER = """
import dataclasses, json, os, signal, sys
import tensorflow as tf
from colorize_utils.training import recipes
from colorize_utils.drive.mirror import Mirror
tf.config.run_functions_eagerly(True)
recipes.PRESETS["smoke"] = dataclasses.replace(recipes.PRESETS["smoke"], epoch_photos=16, val_photos=8)
killed_at, true_push, pushes = int(sys.argv[2]), Mirror.push, []
def push(self):
    pushes.append(1)
    if len(pushes) == killed_at:
        assert self.sync()
        sys.stdout.flush()
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    true_push(self)
Mirror.push = push
names = {"__name__": "__main__"}
for name, source in json.load(open(sys.argv[1], encoding="utf-8")):
    exec(compile(source, name, "exec"), names)
"""


class Machine:
    """A checkout in which nothing was trained, and a folder that plays Drive."""

    def __init__(self, folder):
        self.folder, self.drive = folder / "checkout", folder / "drive" / "ColorizeIMG"
        self.drive.parent.mkdir()
        self.begin()

    def begin(self):
        """A fresh one: everything but Drive is gone."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        shutil.copytree(
            ROOT / "colorize_utils", self.folder / "colorize_utils", ignore=shutil.ignore_patterns("__pycache__")
        )
        shutil.copy(ROOT / "requirements-package.txt", self.folder)
        for name in (
            "colorizer.h5",
            "colorizer.sha256",
            "pictures/phases.jpg",
            "pictures/progress.jpg",
        ):  # of what a checkout has
            (self.folder / "saved_models" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / "saved_models" / name, self.folder / "saved_models" / name)

    def run(self, book, only=None, killed_at=0, drive=True, **fields):
        """Run a notebook's cells (or those whose names are in ``only``) -> the finished process."""
        (path,) = (ROOT / "notebooks").glob(f"{book}_*.ipynb")
        cells = [c for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
        code = [(c["id"], "".join(c["source"])) for c in cells if only is None or c["id"] in only]
        for name, value in fields.items():
            form = re.compile(rf"^{name} = .*?(?=  # @param)", re.M)
            assert sum(len(form.findall(source)) for _, source in code) == 1
            code = [(cell, form.sub(lambda _, n=name, v=value: f"{n} = {v!r}", source)) for cell, source in code]
        (self.folder / "cells.json").write_text(json.dumps(code), encoding="utf-8")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("COLORIZE_")}
        environment |= {"COLORIZE_PRESET": "smoke", "MPLBACKEND": "Agg", "TF_CPP_MIN_LOG_LEVEL": "3"}
        environment |= {"COLORIZE_DRIVE": str(self.drive), "PYTHONPATH": str(self.folder)} if drive else {}
        command = [sys.executable, "-c", RUNNER, "cells.json", str(killed_at)]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def _photos(folder, count=60):
    rng = np.random.default_rng(3)
    folder.mkdir(parents=True)
    for number in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (4, 5, 3), np.uint8))
        coarse.resize((80, 64), Image.Resampling.BICUBIC).save(folder / f"{number:03d}.png")
    return folder


def test_everything_but_drive_is_deleted_and_all_cells_run_again(machine, tmp_path):
    """Notebook 03 trains on photos that were only on that machine; notebook 04 goes on, with its form as it came."""
    photos = _photos(tmp_path / "photos")
    matter = ("03-01", "03-02", "03-06", "03-08", "03-10", "03-12")
    killed = machine.run("03", matter, killed_at=2, source_name="my photos", my_photos=str(photos))
    assert killed.returncode not in (0, 1), killed.stderr
    (run,) = (machine.drive / "runs").iterdir()
    assert re.fullmatch(r"notebook_smoke_photos-photos-[0-9a-f]{6}", run.name)
    assert f"{photos} is not on Drive." in killed.stdout
    shutil.rmtree(photos)
    machine.begin()
    again = machine.run("04")
    lines = again.stdout.splitlines()
    assert again.returncode == 0, again.stderr
    assert (
        f"Going on with {run.name} (preset smoke, the photos in {photos}). For another run choose a source_name."
        in lines
    )
    assert f"Fetched the prepared photos from {machine.drive / 'prepared' / run.name[15:]}." in lines
    at = next(i for i, line in enumerate(lines) if line.startswith(f"fetched from {run}: checkpoint-000002.h5"))
    assert re.match(r"going on with phase 2 of 4 \(unet\), epoch 2 of 2, step [1-9]\d*, best 0\.\d+", lines[at + 1])
    assert f"finished: {Path('saved_models/runs') / run.name}" in lines
    assert not (machine.folder / "saved_models" / "prepared" / "samples").exists()
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["checkpoints"][-1]["phase"] == 3
    assert (run / "4-gan" / "generator.h5").exists()


@pytest.mark.parametrize("book", ["03", "04"])
@pytest.mark.parametrize("drive", [None, Path("MyDrive")])
@pytest.mark.parametrize("on_colab", [True, False])
def test_without_drive_it_is_said_that_a_disconnect_will_lose_the_training(book, drive, on_colab, capsys):
    (path,) = (ROOT / "notebooks").glob(f"{book}_*.ipynb")
    cells = {c["id"]: "".join(c["source"]) for c in json.loads(path.read_text(encoding="utf-8"))["cells"]}
    names = {"drive": drive, "on_colab": on_colab, "run": SimpleNamespace(mirror=drive), "smoke": False}
    exec(cells[f"{book}-02"].partition("\nif drive:\n")[2].join(["if drive:\n", ""]), names)
    printed = capsys.readouterr().out
    assert printed.startswith("Without Drive a disconnect will lose this training.") == (on_colab and not drive)
    assert ("up to 1.2 GB" in printed) == bool(drive)
    assert len(printed.splitlines()) == (on_colab or bool(drive))
