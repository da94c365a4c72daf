"""Files that are written whole or not at all, flushed and locked."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from colorize_utils import disk
from colorize_utils.errors import ColorizeError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("lasting", [True, False])
def test_a_file_appears_whole_under_its_name(tmp_path, lasting):
    target = tmp_path / "deep" / "a.txt"
    with disk.whole(target, lasting=lasting) as temporary:
        temporary.write_text("half")
        assert not target.exists() and temporary.parent == target.parent
        temporary.write_text("whole")
    assert target.read_text() == "whole" and names(target.parent) == ["a.txt"]


@pytest.mark.parametrize("problem", [OSError(28, "No space left on device"), KeyboardInterrupt(), ColorizeError("no")])
def test_what_goes_wrong_leaves_the_old_file_and_nothing_else(tmp_path, problem):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(type(problem)), disk.whole(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise problem
    assert (tmp_path / "a.txt").read_text() == "old" and names(tmp_path) == ["a.txt"]


def test_a_temporary_name_is_short_whatever_the_name(tmp_path):
    """On Windows a path has at most 259 characters, and a photo's picture should not need many more than the photo."""
    names = {disk.part_beside(tmp_path / ("x" * 200 + ".png")).name for _ in range(20)}
    assert len(names) == 20 and max(map(len, names)) <= len(".colorize-12345678-4194304-12345678.part")


def test_a_file_that_is_being_read_is_replaced_a_moment_later(tmp_path, monkeypatch):
    """As Windows refuses it meanwhile."""
    true_replace, refused = os.replace, []

    def busy(source, target):
        if len(refused) < 2:
            refused.append(target)
            raise PermissionError(13, "Access is denied")
        true_replace(source, target)

    monkeypatch.setattr(os, "replace", busy)
    disk.write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"
    assert len(refused) == 2


def test_texts_and_json_are_the_same_bytes_on_every_system(tmp_path):
    disk.write_text(tmp_path / "a.txt", "grün\n")
    assert (tmp_path / "a.txt").read_bytes() == b"gr\xc3\xbcn\n"
    disk.write_json(tmp_path / "a.json", {"ü": [1, 2.5]})
    assert json.loads((tmp_path / "a.json").read_bytes()) == {"ü": [1, 2.5]}
    assert disk.sha256(tmp_path / "a.txt") == hashlib.sha256("grün\n".encode()).hexdigest()


def test_a_folder_that_another_process_holds_is_one_line(tmp_path):
    code = "from colorize_utils.disk import only_process\nwith only_process('.'): print('in', flush=True); input()"
    other = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(disk.__file__).parents[1])},
    )
    assert other.stdout.readline() == "in\n"
    with pytest.raises(ColorizeError, match="another process") as caught, disk.only_process(tmp_path):
        pass
    assert caught.value.status == 1 and "\n" not in str(caught.value)
    other.kill()
    other.communicate()
    with disk.only_process(tmp_path):  # the system lets go of it when a process ends, however it ends
        pass


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="this system follows links")
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_lock_that_leads_elsewhere_is_not_followed(tmp_path, kind):
    """In a folder that all may write to, another user's link had files made wherever it pointed."""
    (tmp_path / "run").mkdir()
    if kind == "link":
        (tmp_path / "run" / "lock").symlink_to(tmp_path / "made by another")
    else:
        os.mkfifo(tmp_path / "run" / "lock")
        os.chmod(tmp_path / "run" / "lock", 0o000)
    with pytest.raises(ColorizeError, match="run folder"), disk.only_process(tmp_path / "run"):
        pass
    assert not (tmp_path / "made by another").exists()
