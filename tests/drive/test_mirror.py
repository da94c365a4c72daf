"""A run mirrored to a Drive that fails: the run here is never hurt, and what is fetched is the newest whole checkpoint.

Drive is a folder whose calls are watched: each can be made to fail, to run out of room, or to be the last one.
"""

import builtins
import errno
import hashlib
import json
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from conftest import train_tiny

from colorize_utils.drive import copies, fetch
from colorize_utils.drive import mirror as drive
from colorize_utils.drive.mirror import Mirror
from colorize_utils.errors import ColorizeError
from colorize_utils.training import checkpoint
from colorize_utils.training.checkpoint import Checkpoints

WATCHED = ("stat", "scandir", "listdir", "makedirs", "replace", "truncate", "unlink")


class Dead(BaseException):
    """As a kill would end it: from this call on nothing reaches Drive."""


class Drive:
    """A folder and a way to make its calls fail. ``calls`` counts those that reached it."""

    def __init__(self, folder, monkeypatch):
        self.mount = folder / "MyDrive"
        self.mount.mkdir()
        self.run = self.mount / "ColorizeIMG" / "runs" / "one"
        self.calls, self.fails, self.room, self.garble = [], lambda number: None, None, False
        monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # these tests cut no power, and it takes long
        for name in WATCHED:
            monkeypatch.setattr(os, name, self._watched(name, getattr(os, name)))
        for module in (copies, drive, fetch, checkpoint):
            monkeypatch.setattr(module, "open", self._open, raising=False)

    def _here(self, path):
        return isinstance(path, (str, Path)) and str(path).startswith(str(self.mount))

    def _call(self, name, path):
        self.calls.append((name, Path(path).name))
        if error := self.fails(len(self.calls)):
            raise error

    def _watched(self, name, function):
        def wrapped(path=".", *args, **kwargs):
            if self._here(path):
                self._call(name, path)
            return function(path, *args, **kwargs)

        return wrapped

    def _open(self, path, mode="r", **kwargs):
        if not self._here(path):
            return builtins.open(path, mode, **kwargs)
        self._call(f"open {mode}", path)
        return _Written(self, path) if mode == "wb" else builtins.open(path, mode, **kwargs)

    def used(self):
        return sum(p.stat().st_size for p in self.mount.rglob("*") if p.is_file())


class _Written:
    """A file being written to Drive."""

    def __init__(self, drive, path):
        self.drive, self.file = drive, builtins.open(path, "wb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, piece):
        self.drive._call("write", self.file.name)
        if self.drive.room is not None and self.drive.room < len(piece):
            self.file.write(piece[: self.drive.room])
            self.drive.room = 0
            raise OSError(errno.ENOSPC, "No space left on device")
        if self.drive.room is not None:
            self.drive.room -= len(piece)
        self.file.write(bytes(len(piece)) if self.drive.garble else piece)

    def flush(self):
        self.drive._call("flush", self.file.name)
        self.file.flush()

    def fileno(self):
        return self.file.fileno()


@pytest.fixture
def cloud(tmp_path, monkeypatch):
    return Drive(tmp_path, monkeypatch)


def _arrays(value):
    return {"generator/w": np.full((50, 50), value, np.float32), "ema/seed": np.array([value], np.uint32)}


class Local:
    """A run folder on the local disk, with what a training leaves in it."""

    def __init__(self, folder):
        self.folder, self.step = folder, 0
        self.checkpoints = Checkpoints(folder, say=pytest.fail)
        for name in ("lock", "tensorboard/events", ".history.csv.7.tmp"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("stays here")
        (folder / "settings.json").write_text("{}")
        (folder / "data.json").write_text("{}")

    def save(self, best=False):
        self.step += 1
        phase = self.folder / "1-decoder"
        (phase / "snapshots").mkdir(parents=True, exist_ok=True)
        (phase / "snapshots" / f"epoch-{self.step:03d}.h5").write_bytes(bytes([self.step]) * 3000)
        (self.folder / "history.csv").write_text("row\n" * self.step)
        self.checkpoints.save(_arrays(self.step), {"phase": 0, "step": self.step}, best)
        return self

    def contents(self):
        return _contents(self.folder, without=("lock", "tensorboard/events", ".history.csv.7.tmp"))


def _contents(folder, without=()):
    names = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    return {n: hashlib.sha256(p.read_bytes()).hexdigest() for n, p in names.items() if n not in without}


@pytest.fixture
def local(tmp_path):
    """A run of four saves, the first of them the best."""
    run = Local(tmp_path / "local")
    for step in range(4):
        run.save(best=step == 0)
    return run


def _fetched(cloud, folder):
    """What a fresh machine would go on with -> (step, lines of fetch, lines of Checkpoints)."""
    shutil.rmtree(folder, ignore_errors=True)
    said, later = [], []
    Mirror(folder, cloud.run, said.append).fetch()
    found = Checkpoints(folder, later.append).load()
    if found is None:
        return 0, said, later
    assert np.array_equal(found[0]["generator/w"], _arrays(found[1]["step"])["generator/w"])
    return found[1]["step"], said, later


def test_drive_becomes_what_the_run_is(cloud, local, tmp_path):
    mirror = Mirror(local.folder, cloud.run, pytest.fail)
    assert not mirror.fetch()
    assert mirror.sync()
    assert _contents(cloud.run) == local.contents()
    mirror.close()
    step, said, later = _fetched(cloud, tmp_path / "fresh")
    assert (step, later) == (4, [])
    assert said == [f"fetched from {cloud.run}: checkpoint-000004.h5, phase 1, step 4"]
    assert _contents(tmp_path / "fresh") == local.contents()
    assert Checkpoints(tmp_path / "fresh").load_best()[1]["step"] == 1


def test_only_what_changed_is_copied(cloud, local):
    mirror = Mirror(local.folder, cloud.run, pytest.fail)
    mirror.sync()
    local.save()
    cloud.calls.clear()
    mirror.sync()
    written = sorted(name for kind, name in cloud.calls if kind == "open wb")
    assert [name.split(".")[1] for name in written] == ["checkpoint-000005", "epoch-005", "history", "manifest"]
    assert not any(kind == "open rb" and name.startswith("checkpoint-000004") for kind, name in cloud.calls)


def test_old_checkpoints_go_one_mirroring_later_emptied_first(cloud, local):
    mirror = Mirror(local.folder, cloud.run, pytest.fail)
    mirror.sync()
    local.save()
    mirror.sync()
    assert (cloud.run / "checkpoint-000002.h5").exists()
    cloud.calls.clear()
    local.save()
    mirror.sync()
    kinds = [kind for kind, name in cloud.calls if name == "checkpoint-000002.h5" and kind in ("truncate", "unlink")]
    assert kinds == ["truncate", "unlink"]
    manifest = max(i for i, (kind, name) in enumerate(cloud.calls) if kind == "replace" and "manifest" in name)
    assert manifest < cloud.calls.index(("truncate", "checkpoint-000002.h5"))


def test_what_training_removed_goes_and_what_it_never_saw_stays(cloud, local):
    mirror = Mirror(local.folder, cloud.run, pytest.fail)
    mirror.sync()
    (cloud.run / "note.txt").write_text("mine")
    shutil.move(local.folder / "1-decoder", local.folder / "earlier-1")
    local.save()
    mirror.sync()
    assert _contents(cloud.run, without=("note.txt", "checkpoint-000002.h5")) == local.contents()
    assert (cloud.run / "note.txt").exists()


def _error(kind):
    gone = OSError(errno.ENOTCONN, "Transport endpoint is not connected")
    return {"gone": gone, "once": OSError(errno.EIO, "Input/output error"), "killed": Dead()}[kind]


def _check_named(cloud):
    """The manifest comes last: whatever it names is whole on Drive, at any moment."""
    manifest = json.loads((cloud.run / "manifest.json").read_text())
    for entry in manifest["checkpoints"]:
        assert hashlib.sha256((cloud.run / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]


@pytest.mark.parametrize("kind", ["gone", "once", "killed"])
def test_whatever_call_fails_nothing_is_lost(tmp_path, monkeypatch, kind):
    """Drive fails at each call in turn (once, or from there on), or the process is killed there."""
    steps = set()
    for at in range(1, 500):
        with monkeypatch.context() as patch:
            place = tmp_path / f"{at}"
            place.mkdir()
            cloud, local, said = Drive(place, patch), Local(place / "local"), []
            for _ in range(3):
                local.save()
            mirror = Mirror(local.folder, cloud.run, said.append)
            assert mirror.sync()
            local.save()
            before, began = local.contents(), len(cloud.calls)
            if kind == "once":
                cloud.fails = lambda n, at=began + at: OSError(errno.EIO, "Input/output error") if n == at else None
            else:
                cloud.fails = lambda n, at=began + at: _error(kind) if n >= at else None
            try:
                whole = mirror.sync()
            except Dead:
                whole = False
            made = len(cloud.calls) - began
            assert local.contents() == before
            assert len(said) <= 1 and not any("\n" in line for line in said)
            assert whole or kind == "killed" or len(said) == 1
            cloud.fails = lambda number: None
            _check_named(cloud)
            step, _, later = _fetched(cloud, place / "fresh")
            assert later == []
            assert step == 4 if whole else step in (3, 4)
            steps.add(step)
            again = mirror if kind != "killed" else Mirror(local.folder, cloud.run, said.append)
            assert again.sync()
            assert said[1:] == ([f"{cloud.run} has caught up"] if said else [])
            again.sync()  # the second one removes what the first one's manifest did not name any more
            assert _contents(cloud.run) == local.contents()
        shutil.rmtree(place)
        if made < at:
            break
    else:
        pytest.fail("the mirroring never came to its end")
    assert steps == {3, 4}


@pytest.mark.parametrize("kind", ["gone", "once", "killed"])
def test_whatever_call_of_a_fetch_fails_nothing_is_lost(cloud, local, tmp_path, kind):
    Mirror(local.folder, cloud.run, pytest.fail).sync()
    kept, outcomes = _contents(cloud.run), set()
    for at in range(1, 200):
        said, fresh, began = [], tmp_path / f"fresh{at}", len(cloud.calls)
        cloud.fails = lambda n, last=began + at: _error(kind) if n == last or (n > last and kind != "once") else None
        try:
            mirror = Mirror(fresh, cloud.run, said.append)
            outcome = mirror.fetch()
        except (Dead, ColorizeError) as error:
            outcome = type(error).__name__
        made = len(cloud.calls) - began
        cloud.fails = lambda number: None
        assert len(said) == (outcome in (True, False))
        if outcome is True:
            assert Checkpoints(fresh, pytest.fail).load()[1]["step"] == 4 or kind == "gone"
        elif outcome is False:  # here a run would begin anew; it is kept apart from the one on Drive
            fresh.mkdir(exist_ok=True)
            Local(fresh).save()
            assert not mirror.sync()
        else:
            again = Mirror(fresh, cloud.run, said.append)
            again.fetch()
            assert Checkpoints(fresh, pytest.fail).load()[1]["step"] == 4
        assert _contents(cloud.run) == kept
        outcomes.add(outcome)
        if made < at:
            break
    else:
        pytest.fail("the fetch never came to its end")
    assert outcomes == {"gone": {True, False, "ColorizeError"}, "once": {True}, "killed": {True, "Dead"}}[kind]


@pytest.mark.parametrize("room", [0, 1, 5_000, 12_000, 30_000])
def test_a_full_drive(cloud, local, tmp_path, room):
    said = []
    mirror = Mirror(local.folder, cloud.run, said.append)
    mirror.sync()
    cloud.room = room
    for _ in range(3):
        local.save()
        before = local.contents()
        mirror.sync()
        assert local.contents() == before
    assert len(said) == 1 and "it is full" in said[0]
    cloud.room = None
    step, lines, later = _fetched(cloud, tmp_path / "fresh")
    assert 4 <= step < 7 and later == []
    assert mirror.sync()
    assert said[1:] == [f"{cloud.run} has caught up"]
    assert _fetched(cloud, tmp_path / "fresh")[0] == 7


def test_a_full_drive_makes_room_of_what_is_not_needed(cloud, local):
    mirror = Mirror(local.folder, cloud.run, pytest.fail)
    mirror.sync()
    (cloud.run / ".checkpoint-000009.h5.abcd.part").write_bytes(bytes(50_000))
    (cloud.run / "checkpoint-000002.h5").rename(cloud.run / "checkpoint-000000.h5")
    shutil.copy(cloud.run / "checkpoint-000000.h5", cloud.run / "checkpoint-000002.h5")
    local.save()
    cloud.room = 0
    true_truncate, freed = os.truncate, []

    def truncate(path, size):
        freed.append(Path(path).name)
        cloud.room = 10**6
        true_truncate(path, size)

    os.truncate = truncate
    assert mirror.sync()
    assert {"checkpoint-000000.h5", ".checkpoint-000009.h5.abcd.part"} <= set(freed)
    assert not {"checkpoint-000001.h5", "checkpoint-000004.h5"} & set(freed)


def test_drive_gives_back_something_else(cloud, local, tmp_path):
    said = []
    mirror = Mirror(local.folder, cloud.run, said.append)
    mirror.sync()
    local.save()
    cloud.garble = True
    assert not mirror.sync()
    assert not mirror.sync()
    assert len(said) == 1 and "it gave back something else than was written" in said[0]
    cloud.garble = False
    assert _fetched(cloud, tmp_path / "fresh")[0] == 4
    assert mirror.sync()
    assert _fetched(cloud, tmp_path / "fresh")[0] == 5


def test_drive_goes_away_and_comes_back(cloud, local, tmp_path):
    said = []
    mirror = Mirror(local.folder, cloud.run, said.append)
    mirror.sync()
    away = cloud.mount.rename(tmp_path / "away")
    for _ in range(3):
        local.save()
        assert not mirror.sync()
        assert not cloud.mount.exists()  # what looks like Drive there would be the local disk
    assert len(said) == 1 and "is not there): training stays here until it can" in said[0]
    mirror.close()
    assert len(said) == 2 and said[1].endswith(f"what was trained last is only in {local.folder}")
    away.rename(cloud.mount)
    again = Mirror(local.folder, cloud.run, pytest.fail)
    assert not again.fetch()
    assert again.sync()
    assert _fetched(cloud, tmp_path / "fresh")[0] == 7


def _damage(path, how):
    data = path.read_bytes()
    if how == "missing":
        path.unlink()
    else:
        middle = len(data) // 2
        flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        path.write_bytes(
            {"cut": data[:middle], "emptied": b"", "zeros": bytes(len(data)), "flipped": flipped}[how],
        )


@pytest.mark.parametrize("how", ["missing", "cut", "emptied", "zeros", "flipped"])
@pytest.mark.parametrize("lost", [1, 2, 3])
def test_the_last_writes_are_lost(cloud, local, tmp_path, how, lost):
    """As after a disconnect: the manifest came through, of the newest checkpoints something did not."""
    Mirror(local.folder, cloud.run, pytest.fail).sync()
    for serial in range(5 - lost, 5):
        _damage(cloud.run / f"checkpoint-{serial:06d}.h5", how)
    step, said, later = _fetched(cloud, tmp_path / "fresh")
    assert step == {1: 3, 2: 2, 3: 1}[lost]  # the best one was the first
    assert later == []
    assert len(said) == 1 and "(missing or damaged: checkpoint-" in said[0]
    # And training goes on from there: the same number may come again, with another content.
    fresh = Checkpoints(tmp_path / "fresh", pytest.fail)
    fresh.save(_arrays(9), {"phase": 0, "step": 9})
    before = _contents(tmp_path / "fresh")
    mirror = Mirror(tmp_path / "fresh", cloud.run, said.append)
    assert not mirror.fetch()
    assert _contents(tmp_path / "fresh") == before
    assert mirror.sync()
    assert _fetched(cloud, tmp_path / "other")[0] == 9


@pytest.mark.parametrize("how", ["missing", "cut", "emptied", "zeros"])
def test_the_manifest_is_lost(cloud, local, tmp_path, how):
    Mirror(local.folder, cloud.run, pytest.fail).sync()
    _damage(cloud.run / "manifest.json", how)
    _damage(cloud.run / "checkpoint-000004.h5", "cut")
    step, said, later = _fetched(cloud, tmp_path / "fresh")
    assert (step, later) == (3, [])
    assert len(said) == 1


def test_nothing_whole_is_left_on_drive(cloud, local, tmp_path):
    Mirror(local.folder, cloud.run, pytest.fail).sync()
    for path in cloud.run.glob("*.h5"):
        _damage(path, "cut")
    with pytest.raises(ColorizeError, match=r"^no checkpoint in .* can be read .*begin anew$"):
        Mirror(tmp_path / "fresh", cloud.run, pytest.fail).fetch()
    # A run here that is older goes on, and so does one that is as far, and mends the copy.
    said = []
    assert not Mirror(local.folder, cloud.run, said.append).fetch()
    assert said == []
    Mirror(local.folder, cloud.run, said.append).sync()
    assert _fetched(cloud, tmp_path / "fresh")[0] == 4
    Local(tmp_path / "older").save()
    _damage(cloud.run / "checkpoint-000004.h5", "cut")
    for path in cloud.run.glob("*.h5"):
        _damage(path, "cut")
    assert not Mirror(tmp_path / "older", cloud.run, said.append).fetch()
    assert len(said) == 1 and "has nothing that is newer" in said[0]


@pytest.mark.parametrize("what", ["checkpoint-000005.h5", "manifest.json"])
def test_a_renaming_is_delayed(cloud, local, tmp_path, what):
    """The temporary name is there, the final one not yet; a manifest then is still the old one."""
    mirror = Mirror(local.folder, cloud.run, pytest.fail)
    mirror.sync()
    old = (cloud.run / "manifest.json").read_bytes()
    local.save()
    mirror.sync()
    (cloud.run / what).rename(cloud.run / f".{what}.12ab34cd.part")
    if what == "manifest.json":
        (cloud.run / what).write_bytes(old)
    step, said, later = _fetched(cloud, tmp_path / "fresh")
    assert (step, later, len(said)) == (5, [], 1)
    # The same as seen by the one that wrote: it is copied again, and the temporary one swept.
    assert mirror.sync()
    assert mirror.sync()
    assert _contents(cloud.run) == local.contents()


def test_a_renaming_that_is_not_seen_at_once_counts_as_failed(cloud, local, monkeypatch):
    said = []
    mirror = Mirror(local.folder, cloud.run, said.append)
    mirror.sync()
    local.save()
    true_replace = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: None if cloud._here(b) else true_replace(a, b))
    assert not mirror.sync()
    assert len(said) == 1 and "is not there yet" in said[0]
    monkeypatch.setattr(os, "replace", true_replace)
    assert mirror.sync()
    mirror.sync()
    assert _contents(cloud.run) == local.contents()


def test_a_run_that_is_further_is_never_written_over(cloud, local, tmp_path):
    """Drive was away when a run began anew here; when it is back, it holds hours of training of the old one."""
    Mirror(local.folder, cloud.run, pytest.fail).sync()
    kept = _contents(cloud.run)
    away, said = cloud.mount.rename(tmp_path / "away"), []
    fresh = Local(tmp_path / "fresh")
    mirror = Mirror(fresh.folder, cloud.run, said.append)
    assert not mirror.fetch()
    away.rename(cloud.mount)
    for _ in range(6):
        fresh.save()
        assert not mirror.sync()
    assert _contents(cloud.run) == kept
    assert len(said) == 2 and "is left alone: a run that is further is there, checkpoint 4" in said[1]


def test_the_run_here_goes_on_if_it_is_further(cloud, local, tmp_path):
    Mirror(local.folder, cloud.run, pytest.fail).sync()
    local.save()
    assert not Mirror(local.folder, cloud.run, pytest.fail).fetch()
    assert Checkpoints(local.folder, pytest.fail).load()[1]["step"] == 5


def test_a_damaged_checkpoint_here_is_fetched_and_never_spreads(cloud, local):
    Mirror(local.folder, cloud.run, pytest.fail).sync()
    _damage(local.folder / "checkpoint-000004.h5", "cut")
    _damage(local.folder / "checkpoint-000003.h5", "missing")
    kept = _contents(cloud.run)
    assert Mirror(local.folder, cloud.run, pytest.fail).sync()
    assert _contents(cloud.run) == kept
    said = []
    assert Mirror(local.folder, cloud.run, said.append).fetch()
    assert len(said) == 1
    assert Checkpoints(local.folder, pytest.fail).load()[1]["step"] == 4


def test_a_damaged_checkpoint_that_drive_has_not_is_left_out(cloud, local, tmp_path):
    Mirror(local.folder, cloud.run, pytest.fail).sync()
    local.save()
    _damage(local.folder / "checkpoint-000005.h5", "flipped")
    assert Mirror(local.folder, cloud.run, pytest.fail).sync()
    assert _fetched(cloud, tmp_path / "fresh")[0] == 4


def test_checkpoints_that_vanish_while_they_are_copied(cloud, local, tmp_path, monkeypatch):
    """Training saves, and sweeps the oldest, in the middle of a mirroring: it is listed again."""
    true_copy, saved = drive.copy_checked, []

    def copy(source, target, expected=None):
        if Path(source).name == "checkpoint-000002.h5" and not saved:
            saved.append(local.save())
        return true_copy(source, target, expected)

    monkeypatch.setattr(drive, "copy_checked", copy)
    assert Mirror(local.folder, cloud.run, pytest.fail).sync()
    assert _contents(cloud.run) == local.contents()
    assert _fetched(cloud, tmp_path / "fresh")[0] == 5


class Slow(Mirror):
    """Waits at the beginning of each mirroring until it is let go."""

    def __init__(self, *args):
        super().__init__(*args)
        self.began, self.go, self.rounds = threading.Event(), threading.Event(), 0

    def _mirror(self):
        self.rounds += 1
        self.began.set()
        self.go.wait(30)
        super()._mirror()


def test_pushes_return_at_once_and_become_one(cloud, local):
    mirror = Slow(local.folder, cloud.run, pytest.fail)
    mirror.push()
    mirror.began.wait(30)
    for _ in range(5):  # while the first one is under way
        local.save()
        mirror.push()
    assert mirror.rounds == 1
    mirror.go.set()
    mirror.close()
    assert mirror.rounds in (2, 3)  # the last one looks whether close had anything new
    assert not set(local.contents().items()) - set(_contents(cloud.run).items())
    mirror.push()  # too late, and no error
    assert mirror.rounds in (2, 3)


def test_close_does_not_wait_for_ever(cloud, local):
    said = []
    mirror = Slow(local.folder, cloud.run, said.append)
    mirror.close(seconds=0.05)
    assert said == [f"{cloud.run} is behind (it takes too long): what was trained last is only in {local.folder}"]
    mirror.go.set()
    mirror._thread.join(30)


def test_an_unforeseen_error_stops_no_training(cloud, local, monkeypatch):
    def broken(self):
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(Mirror, "_list", broken)
    said = []
    mirror = Mirror(local.folder, cloud.run, said.append)
    mirror.push()
    mirror.close()
    assert len(said) == 2 and "unforeseen" in said[0]


def test_a_full_disk_here_is_one_line(cloud, local, tmp_path, monkeypatch):
    Mirror(local.folder, cloud.run, pytest.fail).sync()

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fetch, "copy_checked", full)
    with pytest.raises(ColorizeError, match="the disk is full: the run in .* cannot be fetched"):
        Mirror(tmp_path / "fresh", cloud.run, pytest.fail).fetch()


@pytest.mark.parametrize("place", [".", "inside", ".."])
def test_a_folder_inside_the_run_or_around_it_is_refused(local, place):
    with pytest.raises(ColorizeError, match="expected a folder apart from the run"):
        Mirror(local.folder, local.folder / place)


def test_a_manifest_cannot_name_other_files(cloud, local, tmp_path):
    Mirror(local.folder, cloud.run, pytest.fail).sync()
    path = cloud.run / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["checkpoints"][-1]["file"] = "../../checkpoint-000009.h5"
    path.write_text(json.dumps(manifest))
    assert _fetched(cloud, tmp_path / "fresh")[0] == 4  # by the files themselves


def test_a_training_that_lost_its_disk_goes_on_from_drive(tiny_set, tmp_path):
    """Killed in the middle of an epoch, everything here deleted, started again: it goes on in that epoch."""
    import tensorflow as tf

    cloud, run, said = tmp_path / "MyDrive" / "one", tmp_path / "here" / "run", []
    cloud.parent.mkdir()
    settings = {"epochs": (1, 0, 0, 0), "save_steps": 1, "mirror": cloud, "say": said.append}

    def push_and_die(self):
        self.sync()
        raise Dead

    tf.config.run_functions_eagerly(True)  # for two steps tracing does not pay
    try:
        with pytest.MonkeyPatch.context() as patch, pytest.raises(Dead):
            patch.setattr(Mirror, "push", push_and_die)
            patch.setattr(Mirror, "close", lambda self: None)
            train_tiny(tiny_set, run, **settings)
        shutil.rmtree(run.parent)
        said.clear()
        state = train_tiny(tiny_set, run, **settings)
    finally:
        tf.config.run_functions_eagerly(False)
    assert said[0] == f"fetched from {cloud}: checkpoint-000001.h5, phase 1, step 1"
    assert said[1].startswith("going on with phase 1 of 4 (decoder), epoch 1 of 1, step 1")
    assert state.finished and [row["step"] for row in state.history] == [2]
    assert _contents(cloud).items() >= _contents(run, without=("lock",)).items()
