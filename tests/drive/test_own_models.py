"""One's own models are found where the notebooks left them: here, on Drive, after any phase."""

import os

import pytest

from colorize_utils import cli
from colorize_utils.drive.own_models import own_model, own_runs
from colorize_utils.errors import ColorizeError
from colorize_utils.networks import build_network
from colorize_utils.weights import load_network, newest_model, read_model, save_network


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "saved_models" / "runs", tmp_path / "drive"


def _model(path, when=1e9):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"model")
    os.utime(path, (when, when))
    return path


def test_without_any_it_is_said_where_they_come_from(place):
    here, drive = place
    (here / "notebook_smoke_samples").mkdir(parents=True)  # begun, with nothing trained
    assert own_runs(drive) == []
    with pytest.raises(ColorizeError, match="no model of your own here .*use_drive is ticked.*notebooks 03 and 04"):
        own_model()
    with pytest.raises(ColorizeError, match="no model of your own here or on Drive: notebooks 03 and 04 make one"):
        own_model(drive)


def test_the_newest_run_here_or_on_drive(place):
    here, drive = place
    old = _model(here / "notebook_colab_samples" / "2-unet" / "generator.h5", 1e9)
    new = _model(drive / "runs" / "notebook_full_kaggle" / "1-decoder" / "snapshots" / "epoch-001.h5", 2e9)
    assert own_model(drive) == new
    assert own_model() == old.relative_to(old.parents[4])
    assert own_model(drive, "samples").name == "generator.h5"
    assert [run.name for run in own_runs(drive)] == ["notebook_full_kaggle", "notebook_colab_samples"]


def test_a_run_that_is_here_and_on_drive_counts_where_it_is_further(place):
    here, drive = place
    _model(here / "notebook_colab_samples" / "2-unet" / "generator.h5", 3e9)
    further = _model(drive / "runs" / "notebook_colab_samples" / "4-gan" / "generator.h5", 2e9)
    assert own_runs(drive) == [further.parents[1]]


def test_of_a_run_the_last_phase_and_in_it_what_is_whole(tmp_path):
    assert newest_model(tmp_path) is None
    first = _model(tmp_path / "1-decoder" / "generator.h5")
    _model(tmp_path / "earlier-1" / "4-gan" / "generator.h5")
    assert newest_model(tmp_path) == first
    _model(tmp_path / "2-unet" / "snapshots" / "epoch-001.h5")
    second = _model(tmp_path / "2-unet" / "snapshots" / "epoch-010.h5")
    assert newest_model(tmp_path) == second
    assert newest_model(tmp_path / "absent") is None
    last = _model(tmp_path / "2-unet" / "generator.h5")
    assert newest_model(tmp_path) == last


def test_a_runs_folder_stands_for_its_newest_model(tmp_path, capsys):
    spec = {"network": "unet", "backbone": "Plain", "weights": None, "widths": (8, 8, 4, 4)}
    for phase in ("1-decoder", "2-unet"):
        save_network(build_network(spec), tmp_path / phase / "generator.h5", spec, {"phase": phase})
    assert read_model(tmp_path)[2] == load_network(tmp_path)[2] == {"phase": "2-unet"}
    assert cli.main(["info", str(tmp_path)]) == 0
    assert f"file: {tmp_path / '2-unet' / 'generator.h5'} (" in capsys.readouterr().out


def test_a_folder_without_a_model_is_one_line(tmp_path, capsys):
    with pytest.raises(ColorizeError, match="expected a model file or a run that has one, but there is none in"):
        read_model(tmp_path)
    assert cli.main(["info", str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
