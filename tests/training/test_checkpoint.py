"""Checkpoints: whatever happens to the files, the newest good one is found, and one line says what was passed over."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from colorize_utils.disk import only_process
from colorize_utils.errors import ColorizeError
from colorize_utils.training import checkpoint
from colorize_utils.training.checkpoint import Checkpoints

ROOT = Path(__file__).resolve().parents[2]


def _arrays(value):
    return {"generator/w": np.full((200, 50), value, np.float32), "ema/seed": np.array([value], np.uint32)}


@pytest.fixture
def run(tmp_path):
    """A run folder with checkpoints of steps 1 to 5, the third of them the best."""
    checkpoints = Checkpoints(tmp_path, say=pytest.fail)
    for step in range(1, 6):
        checkpoints.save(_arrays(step), {"phase": 0, "step": step}, best=step == 3)
    return tmp_path


def _load(run):
    said = []
    arrays, state = Checkpoints(run, say=said.append).load()
    assert np.array_equal(arrays["generator/w"], _arrays(state["step"])["generator/w"])
    return state["step"], said


def test_the_last_three_and_the_best_are_kept(run):
    assert sorted(p.name for p in run.iterdir()) == [
        "checkpoint-000003.h5",
        "checkpoint-000004.h5",
        "checkpoint-000005.h5",
        "manifest.json",
    ]
    checkpoints = Checkpoints(run, say=pytest.fail)
    for step in (6, 7):
        checkpoints.save(_arrays(step), {"phase": 0, "step": step})
    assert "checkpoint-000003.h5" in {p.name for p in run.iterdir()}
    assert checkpoints.load_best()[1]["step"] == 3


def test_old_ones_are_emptied_before_they_are_deleted(run, monkeypatch):
    """Where the run folder itself is on Drive they would fill its trash."""
    true_unlink, sizes = Path.unlink, {}

    def unlink(self, missing_ok=False):
        if self.exists():
            sizes[self.name] = self.stat().st_size
        true_unlink(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    for step in (6, 7):
        Checkpoints(run, say=pytest.fail).save(_arrays(step), {"phase": 0, "step": step})
    assert sizes == {"checkpoint-000004.h5": 0}


def test_the_newest_comes_back(run):
    assert _load(run) == (5, [])


@pytest.mark.parametrize("damage", ["truncated", "emptied", "flipped", "missing", "stale"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(run, damage):
    path = run / "checkpoint-000005.h5"
    data = path.read_bytes()
    if damage == "truncated":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "emptied":
        path.write_bytes(b"")
    elif damage == "flipped":
        path.write_bytes(data[:30000] + bytes([data[30000] ^ 1]) + data[30001:])
    elif damage == "stale":  # whole, and another one
        path.write_bytes((run / "checkpoint-000003.h5").read_bytes())
    else:
        path.unlink()
    step, said = _load(run)
    assert step == 4
    assert len(said) == 1
    assert "checkpoint-000005.h5" in said[0]
    assert "\n" not in said[0]


@pytest.mark.parametrize("damage", ["deleted", "emptied", "cut", "nonsense"])
def test_without_a_manifest_the_files_themselves_are_looked_at(run, damage):
    path = run / "manifest.json"
    if damage == "deleted":
        path.unlink()
    else:
        path.write_text({"emptied": "", "cut": path.read_text()[:40], "nonsense": "[1, 2]"}[damage])
    step, said = _load(run)
    assert step == 5
    assert "manifest.json" in said[0]
    # The best one knows by itself that it is, and is not swept away as the oldest.
    checkpoints = Checkpoints(run, say=lambda text: None)
    for step in (6, 7):
        checkpoints.save(_arrays(step), {"phase": 0, "step": step})
    assert checkpoints.load_best()[1]["step"] == Checkpoints(run, pytest.fail).load_best()[1]["step"] == 3


def test_without_a_manifest_a_checkpoint_tells_by_itself_that_it_is_damaged(run):
    (run / "manifest.json").unlink()
    path = run / "checkpoint-000005.h5"
    data = path.read_bytes()
    path.write_bytes(data[:30000] + bytes([data[30000] ^ 1]) + data[30001:])
    step, said = _load(run)
    assert step == 4
    assert "checkpoint-000005.h5 is damaged" in said[1]


def test_a_bit_of_the_manifest_is_flipped(run):
    """Many of its bits in turn: a good checkpoint is found, and what was passed over is said."""
    path = run / "manifest.json"
    text = path.read_bytes()
    for at in range(0, len(text) * 8, 61):
        path.write_bytes(text[: at // 8] + bytes([text[at // 8] ^ (1 << at % 8)]) + text[at // 8 + 1 :])
        said = []
        try:
            step = Checkpoints(run, said.append).load()[1]["step"]
        except ColorizeError as error:
            assert "newer version" in str(error)
            continue
        assert (step, len(said)) in ((5, 0), (5, 1), (4, 1)), text[at // 8 - 20 :]


def test_copies_of_checkpoints_are_not_ours(run):
    """Drive makes some by itself; they are neither read, nor named, nor swept away."""
    for name in ("checkpoint-000004 (1).h5", "checkpoint-mine.h5"):
        (run / name).write_bytes(b"a copy")
    Checkpoints(run, pytest.fail).save(_arrays(6), {"phase": 0, "step": 6})
    (run / "manifest.json").unlink()
    step, said = _load(run)
    assert (step, len(said)) == (6, 1)
    Checkpoints(run, said.append).save(_arrays(7), {"phase": 0, "step": 7})
    assert _load(run) == (7, [])
    assert (run / "checkpoint-mine.h5").exists()


def test_when_nothing_can_be_read_it_says_so_and_does_not_begin_anew(run):
    for path in run.glob("*.h5"):
        path.write_bytes(b"junk")
    with pytest.raises(ColorizeError, match="no checkpoint in .* can be read"):
        Checkpoints(run, say=lambda text: None).load()


def test_a_run_of_a_newer_version_is_refused(run):
    path = run / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 99}))
    with pytest.raises(ColorizeError, match="newer version"):
        Checkpoints(run)


@pytest.mark.parametrize("at", ["write", "manifest"])
def test_a_full_disk_loses_nothing(run, monkeypatch, at):
    def full(path, *args, **kwargs):
        if at == "write":
            path.write_bytes(b"so much of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    before = sorted(p.name for p in run.iterdir())
    monkeypatch.setattr(checkpoint, "write_arrays" if at == "write" else "write_json", full)
    with pytest.raises(OSError, match="No space"):
        Checkpoints(run, say=pytest.fail).save(_arrays(6), {"phase": 0, "step": 6})
    monkeypatch.undo()
    assert _load(run) == (5, [])
    assert not list(run.glob(".*tmp"))
    if at == "write":
        assert sorted(p.name for p in run.iterdir()) == before
    Checkpoints(run, say=pytest.fail).save(_arrays(7), {"phase": 0, "step": 7})
    assert _load(run) == (7, [])


FULL = """
import resource, sys
from pathlib import Path
import numpy as np
from colorize_utils.training.checkpoint import Checkpoints
run, size = Path(sys.argv[1]), int(sys.argv[2])
arrays = {f"generator/{k}": np.full((100, 50), 6, np.float32) for k in range(5)}
for limit in range(0, size, 4096):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, -1))
    try:
        Checkpoints(run).save(arrays, {"phase": 0, "step": 6})
    except OSError:
        print("refused", flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot limit the size of files")
def test_a_disk_that_really_takes_no_more_ends_no_process(run):
    """The system refuses to write any further, wherever in the file: HDF5 by itself would crash the process there."""
    size = 100_000  # less than those arrays
    done = subprocess.run([sys.executable, "-c", FULL, run, str(size)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == ["refused"] * len(range(0, size, 4096))
    assert not list(run.glob(".*tmp"))
    assert _load(run) == (5, [])


def test_what_was_written_is_read_back(run, monkeypatch):
    true_write = checkpoint.write_arrays

    def bad_disk(path, arrays, meta):
        digest = true_write(path, arrays, meta)
        true_write(path, {k: a + 1 for k, a in arrays.items()}, meta)
        return digest

    monkeypatch.setattr(checkpoint, "write_arrays", bad_disk)
    with pytest.raises(ColorizeError, match="the disk gave back something else"):
        Checkpoints(run, say=pytest.fail).save(_arrays(6), {"phase": 0, "step": 6})
    assert _load(run) == (5, [])


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from colorize_utils import weights
from colorize_utils.training import checkpoint
run, at = Path(sys.argv[1]), int(sys.argv[2])
calls = [0]
def counted(function):
    def wrapped(*args, **kwargs):
        calls[0] += 1
        if calls[0] == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return wrapped
for name in ("replace", "fsync", "unlink", "open"):
    setattr(os, name, counted(getattr(os, name)))
Path.unlink = counted(Path.unlink)
checkpoint.read_arrays = counted(checkpoint.read_arrays)
arrays = {"generator/w": np.full((200, 50), 6, np.float32), "ema/seed": np.array([6], np.uint32)}
checkpoint.Checkpoints(run).save(arrays, {"phase": 0, "step": 6})
print("saved")
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_killed_at_any_step_of_a_save_a_whole_checkpoint_is_left(tmp_path):
    """A real process, killed at each call that touches the disk in turn, leaves the old state or the new one."""
    seen = set()
    for at in range(1, 40):
        run = tmp_path / str(at)
        checkpoints = Checkpoints(run, say=pytest.fail)
        for step in range(1, 6):
            checkpoints.save(_arrays(step), {"phase": 0, "step": step}, best=step == 4)
        done = subprocess.run([sys.executable, "-c", KILLED, run, str(at)], cwd=ROOT, capture_output=True, text=True)
        step, said = _load(run)
        assert step in (5, 6)
        assert said == []
        # The oldest one goes, and only after the manifest has ceased to name it.
        named = json.loads((run / "manifest.json").read_text())["checkpoints"]
        assert all(checkpoint.sha256(run / entry["file"]) == entry["sha256"] for entry in named)
        assert Checkpoints(run, say=pytest.fail).load_best()[1]["step"] == 4
        seen.add(step)
        if "saved" in done.stdout:
            break
    else:
        pytest.fail("the save never came to its end")
    assert seen == {5, 6}


def test_a_second_process_is_refused(tmp_path):
    code = (
        "import sys; from colorize_utils.disk import only_process\n"
        "try:\n    with only_process(sys.argv[1]): print('in')\n"
        "except Exception as error: print(error)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with only_process(tmp_path):
        held = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    free = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert held.startswith("another process is training in")
    assert free == "in\n"


@pytest.mark.skipif(os.name == "nt", reason="there is no fcntl")
def test_a_file_system_without_locks_refuses_nobody(tmp_path, monkeypatch):
    import fcntl

    def unknown(*args):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unknown)
    with only_process(tmp_path), only_process(tmp_path):
        pass


def test_a_run_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(ColorizeError, match="expected a run folder that can be written"),
        only_process(tmp_path / "file" / "run"),
    ):
        pass
