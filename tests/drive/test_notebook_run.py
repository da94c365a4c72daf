"""Which run a notebook's form means, and how a machine that has nothing gets that run's own photos again."""

import csv
import errno
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import kaggle_photos, write_kaggle
from PIL import Image

from colorize_utils.data import kaggle
from colorize_utils.data.batches import PreparedSet
from colorize_utils.data.prepare import prepare
from colorize_utils.data.sources import PhotoFolder, SamplePhotos, label
from colorize_utils.drive import notebook_run
from colorize_utils.drive.notebook_run import AS_BEFORE, PREPARED, RUNS, choose_run
from colorize_utils.errors import ColorizeError, one_line


@pytest.fixture
def drive(tmp_path, monkeypatch):
    """The project's folder on Drive, while the current folder is an empty checkout."""
    (tmp_path / "checkout").mkdir()
    monkeypatch.chdir(tmp_path / "checkout")
    (tmp_path / "drive" / "MyDrive").mkdir(parents=True)
    return tmp_path / "drive" / "MyDrive" / "ColorizeIMG"


def _photos(folder, count=30, seed=3):
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    for number in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (4, 5, 3), np.uint8))
        coarse.resize((80, 64), Image.Resampling.BICUBIC).save(folder / f"{number:03d}.png")
    return folder


def _begin(chosen, say=lambda line: None):
    """As a training would: the set is prepared, and Drive has the run with a checkpoint."""
    chosen.prepare(say)
    (chosen.folder / "manifest.json").write_text("{}")
    shutil.copytree(chosen.folder, chosen.mirror, dirs_exist_ok=True)
    return PreparedSet.open(chosen.prepared).fingerprint


def _fresh():
    shutil.rmtree("saved_models")


def _again(drive, source=AS_BEFORE, photos="", preset="colab"):
    said = []
    chosen = choose_run(preset, source, photos, drive, said.append)
    chosen.prepare(said.append)
    return chosen, PreparedSet.open(chosen.prepared).fingerprint, said


def test_without_any_run_the_samples(drive):
    for place in (drive, None):
        chosen = choose_run("smoke", AS_BEFORE, "", place, pytest.fail)
        assert (chosen.name, chosen.source) == ("notebook_smoke_samples", "samples")
        assert chosen.mirror == (place and drive / "runs" / "notebook_smoke_samples")
    chosen.prepare(lambda line: None)
    assert json.loads((RUNS / chosen.name / "data.json").read_text())["source"] == "samples"


def test_samples_are_prepared_again_with_the_settings_of_the_run(drive):
    prepare(SamplePhotos(), PREPARED / "samples", height=96, width=128, progress=False, say=lambda line: None)
    before = _begin(choose_run("colab", "samples", "", drive))
    _fresh()
    chosen, after, said = _again(drive)
    assert after == before
    assert PreparedSet.open(chosen.prepared).train.codes.shape[1:3] == (96, 128)
    assert said[0].startswith("Going on with notebook_colab_samples (preset colab, the sample photos).")


def test_photos_that_are_not_on_drive_are_kept_there(drive, tmp_path):
    photos, said = _photos(tmp_path / "photos"), []
    chosen = choose_run("full", "my photos", f' "{photos}" ', drive, said.append)
    before = _begin(chosen, said.append)
    assert [line for line in said if line.endswith(f"MB): {photos} is not on Drive.")]
    said.clear()
    chosen.prepare(said.append)
    assert said == []  # once is enough
    shutil.rmtree(photos)
    for source, form, preset in ((AS_BEFORE, "", "colab"), ("my photos", str(photos), "full")):
        _fresh()
        again, after, said = _again(drive, source, form, preset)
        assert (again.name, again.preset, after) == (chosen.name, "full", before)
        assert said[-1] == f"Fetched the prepared photos from {drive / 'prepared' / chosen.prepared.name}."


@pytest.mark.parametrize("how", ["missing", "cut", "sums"])
def test_what_was_kept_is_damaged(drive, tmp_path, how):
    photos = _photos(tmp_path / "photos")
    chosen = choose_run("colab", "my photos", photos, drive)
    before = _begin(chosen)
    kept = drive / "prepared" / chosen.prepared.name
    path = kept / ("sha256.json" if how == "sums" else "train.npy")
    path.unlink() if how == "missing" else path.write_bytes(path.read_bytes()[:90])
    _fresh()
    _, after, said = _again(drive)  # the photos are still there
    assert after == before
    assert len([line for line in said if "could not be fetched" in line]) == (how != "sums")
    _fresh()
    path.unlink(missing_ok=True)
    (kept / "sha256.json").unlink(missing_ok=True)
    shutil.rmtree(photos)
    with pytest.raises(ColorizeError, match=rf"{chosen.name} was trained on the photos in .*\(\d+ of them\), which"):
        _again(drive)
    assert not (PREPARED / "samples").exists()


def test_drive_is_full_when_photos_are_to_be_kept(drive, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(notebook_run, "copy_checked", full)
    said = []
    choose_run("colab", "my photos", _photos(tmp_path / "photos"), drive).prepare(said.append)
    assert "could not be written (it is full): after a disconnect the photos are needed again" in said[-1]


def test_photos_on_drive_are_read_from_there_again(drive):
    photos = _photos(drive.parent / "old photos")
    before = _begin(choose_run("colab", "my photos", photos, drive))
    assert not (drive / "prepared").exists()
    _fresh()
    assert _again(drive)[1] == before
    _fresh()
    (photos / "005.png").unlink()
    with pytest.raises(ColorizeError, match=r"are not those that .* was trained on \(some were added, removed"):
        _again(drive)


def test_photos_that_are_read_otherwise_by_now(drive):
    photos = _photos(drive.parent / "photos")
    _begin(choose_run("colab", "my photos", photos, drive))
    path = photos / "005.png"
    data = path.read_bytes()
    size = len(data)
    Image.open(photos / "006.png").save(path, compress_level=0)
    path.write_bytes(path.read_bytes()[:size].ljust(size, b"\0"))  # the same name and size, another picture
    _fresh()
    with pytest.raises(ColorizeError, match="though made again as it was: the photos in .* have changed"):
        _again(drive)
    with pytest.raises(ColorizeError, match="delete that folder and run this cell again"):
        _again(drive)


def test_kaggle_is_fetched_again_wherever_it_was_read_from(drive, tmp_path, samples, monkeypatch):
    monkeypatch.setattr(kaggle, "fetched", lambda **_: pytest.fail("its folder is there"))
    here = write_kaggle(tmp_path / "kaggle", kaggle_photos(samples), luma=False)
    before = _begin(choose_run("colab", "kaggle", here, drive))
    _fresh()
    there = here.rename(tmp_path / "cache")
    monkeypatch.setattr(kaggle, "fetched", lambda **_: there)
    chosen, after, _ = _again(drive)
    assert (chosen.name, after) == ("notebook_colab_kaggle", before)
    _fresh()

    def offline(**_):
        raise ColorizeError("could not fetch it from Kaggle: no network", status=1)

    monkeypatch.setattr(kaggle, "fetched", offline)
    with pytest.raises(ColorizeError, match="could not fetch"):
        _again(drive)
    assert not (PREPARED / "samples").exists()


def test_two_folders_of_photos_share_nothing(drive, tmp_path):
    first = choose_run("colab", "my photos", _photos(tmp_path / "a" / "photos"), drive)
    second = choose_run("colab", "my photos", _photos(tmp_path / "b" / "photos", count=29), drive)
    assert len({first.name, second.name}) == len({first.prepared, second.prepared}) == 2
    odd = _photos(tmp_path / "Großmutter & Co. (alt)", count=1)
    assert label(PhotoFolder(odd)).startswith("photos-Großmutter_Co._alt-")


@pytest.mark.parametrize("form", ["", "  ", '""'])
def test_an_empty_field_is_one_line(drive, form):
    with pytest.raises(ColorizeError, match="^write the folder of your photos into `my_photos` above"):
        choose_run("colab", "my photos", form, drive)


def test_a_folder_that_is_not_there_and_that_no_run_knows(drive):
    with pytest.raises(ColorizeError, match="there is no folder .*nowhere"):
        choose_run("colab", "my photos", "nowhere", drive)


def test_an_unknown_source_is_one_line(drive):
    with pytest.raises(ColorizeError, match="expected source_name to be one of"):
        choose_run("colab", "mine", "", drive)


def test_the_newest_run_goes_on_but_never_a_smoke_run_for_a_real_one(drive, tmp_path):
    for at, (preset, source) in enumerate([("colab", "samples"), ("full", "samples"), ("smoke", "samples")]):
        chosen = choose_run(preset, source, "", drive)
        _begin(chosen)
        for name in ("manifest.json", "data.json"):
            os.utime(chosen.mirror / name, (1e9 + at, 1e9 + at))
    _fresh()
    say = lambda line: None  # noqa: E731
    assert choose_run("colab", AS_BEFORE, "", drive, say).preset == "full"
    assert choose_run("smoke", AS_BEFORE, "", drive, say).preset == "smoke"
    assert choose_run("colab", "samples", "", drive, pytest.fail).preset == "colab"


def test_a_run_here_goes_on_without_drive(drive, tmp_path):
    chosen = choose_run("colab", "my photos", _photos(tmp_path / "photos"), None)
    chosen.prepare(lambda line: None)
    assert choose_run("colab", AS_BEFORE, "", None, lambda line: None).name == chosen.name


@pytest.mark.parametrize("how", ["missing", "cut", "other"])
def test_a_run_that_does_not_tell_its_photos_is_one_line(drive, how):
    chosen = choose_run("colab", "samples", "", drive)
    before = _begin(chosen)
    path = chosen.mirror / "data.json"
    path.unlink() if how == "missing" else path.write_text("[]" if how == "other" else path.read_text()[:50])
    _fresh()
    with pytest.raises(ColorizeError, match="has no whole data.json, .*choose preset_name, source_name and my_photos"):
        _again(drive)
    assert _again(drive, "samples")[1] == before


def test_drive_cannot_be_read_is_one_line(drive, monkeypatch):
    chosen = choose_run("colab", "samples", "", drive)
    _begin(chosen)
    true_read = Path.read_text

    def gone(self, *args, **kwargs):
        if self.is_relative_to(drive):
            raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")
        return true_read(self, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", gone)
    for source in (AS_BEFORE, "samples"):
        with pytest.raises(ColorizeError, match=r"cannot be read \(Transport .*\): run the first cell again"):
            choose_run("colab", source, "", drive)


def test_what_is_kept_says_all_that_is_needed(drive, tmp_path):
    photos = _photos(tmp_path / "photos")
    chosen = choose_run("colab", "my photos", photos, drive)
    _begin(chosen)
    known = json.loads((chosen.mirror / "data.json").read_text())
    assert known["photos"] == str(photos)
    assert known["settings"]["contents"] == PhotoFolder(photos).contents
    with open(chosen.prepared / "index.csv", newline="") as file:
        kept = [row for row in csv.DictReader(file) if not row["reason"]]
    assert sum(known["settings"]["counts"].values()) == len(kept)


def test_in_a_notebook_an_error_is_its_line():
    with pytest.raises(SystemExit, match="^only this$"), one_line():
        raise ColorizeError("only this")


def test_a_run_of_its_own_name_is_begun_on_the_photos_of_the_newest(drive, tmp_path):
    photos, said = _photos(tmp_path / "photos"), []
    before = choose_run("smoke", "my photos", photos, drive)
    _begin(before)
    chosen = choose_run("smoke", AS_BEFORE, "", drive, said.append, " no skips! ")
    assert (chosen.name, chosen.prepared) == ("notebook_smoke_no-skips", before.prepared)
    assert said == [f"A new run, notebook_smoke_no-skips, on the photos in {photos}."]
    _begin(chosen)
    _fresh()
    said.clear()
    again = choose_run("smoke", AS_BEFORE, "", drive, said.append, "no skips")
    assert (again.name, again.source, again.known["photos"]) == (chosen.name, "my photos", str(photos))
    assert said[0].startswith("Going on with notebook_smoke_no-skips (preset smoke, the photos in")
    with pytest.raises(ColorizeError, match="no-skips was begun on the photos in .*: choose another run_name"):
        choose_run("smoke", "samples", "", drive, said.append, "no skips")
    assert choose_run("smoke", AS_BEFORE, "", drive, said.append).name == chosen.name  # 04 goes on with the newest


def test_a_name_for_a_first_run_means_the_samples(drive):
    chosen = choose_run("smoke", AS_BEFORE, "", None, lambda line: None, "L2")
    assert (chosen.name, chosen.source, chosen.prepared) == ("notebook_smoke_L2", "samples", PREPARED / "samples")


def test_a_name_of_no_letters_is_one_line(drive):
    with pytest.raises(ColorizeError, match="expected a run_name with letters or digits in it, got '/..'"):
        choose_run("smoke", AS_BEFORE, "", None, lambda line: None, "/..")


def test_a_run_keeps_what_it_was_started_from(drive):
    said = []
    _begin(choose_run("colab", "samples", "", drive, said.append, start="the shipped model"), said.append)
    assert re.match(r"preset colab is about to train on \d+ crops of a few sample photos: it will know", said[-1])
    _fresh()
    chosen = choose_run("colab", AS_BEFORE, "", drive, said.append)  # as notebook 04 asks
    assert chosen.start == "the shipped model"
    recipe, preset, initial = chosen.training("none")
    assert recipe.generator["attention"] and recipe.generator["weights"] is None and preset.name == "colab"
    assert initial.name == "colorizer.h5"
    choose_run("colab", AS_BEFORE, "", drive, said.append, start="nothing")
    assert said[-1].endswith("begun from the shipped model, and goes on so: a start from nothing needs a run_name.")
    fresh = choose_run("colab", AS_BEFORE, "", drive, said.append, "from nothing", "nothing")
    assert fresh.training()[0].generator["weights"] is None and fresh.training()[2] is None
    with pytest.raises(ColorizeError, match="expected start_from to be one of nothing, ImageNet, the shipped model"):
        choose_run("colab", AS_BEFORE, "", drive, said.append, start="imagenet")


def test_a_smoke_run_on_the_samples_is_no_reason_to_warn(drive):
    said = []
    choose_run("smoke", "samples", "", drive).prepare(said.append)
    assert not [line for line in said if "about to train" in line]


def test_any_set_on_kaggle_by_its_name(drive, tmp_path, monkeypatch):
    photos = _photos(tmp_path / "birds")
    monkeypatch.setattr("colorize_utils.data.sources.fetched", lambda handle, say: photos)
    chosen = choose_run("colab", "my photos", "kaggle:jane/birds", drive)
    assert (chosen.name, chosen.prepared) == ("notebook_colab_kaggle-jane-birds", PREPARED / "kaggle-jane-birds")
    before = _begin(chosen)
    _fresh()
    again, after, said = _again(drive)
    assert (again.name, after) == (chosen.name, before)
    assert said[0].startswith("Going on with notebook_colab_kaggle-jane-birds (preset colab, the photos of kaggle:jane")
    with pytest.raises(ColorizeError, match="expected kaggle:OWNER/NAME"):
        choose_run("colab", AS_BEFORE, "kaggle:birds", drive)
