"""Exceptions of any library or system become one line for a person."""

import errno
import os

import pytest

from colorize_utils import errors
from colorize_utils.errors import ColorizeError, is_full, one_line, reason


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "x"), "the disk is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "the disk is full"),
        (PermissionError(13, "Permission denied", "/a/b"), "Permission denied"),
        (OSError("encoder error -2"), "encoder error -2"),
        (MemoryError(), "not enough memory for a photo of this size"),
        (ValueError("\n first line \t of it\nsecond"), "first line of it"),
        (KeyError(), "KeyError"),
        (RuntimeError("x" * 5000), "x" * 200),
        (ColorizeError(f"/{'folder/' * 100}a.jpg: expected a photo"), f"/{'folder/' * 100}a.jpg: expected a photo"),
    ],
)
def test_reason(error, words):
    assert reason(error) == words


@pytest.mark.parametrize(("length", "windows", "said"), [(247, True, False), (248, True, True), (248, False, False)])
def test_windows_says_only_that_nothing_is_there_where_a_path_is_too_long(monkeypatch, length, windows, said):
    monkeypatch.setattr(errors, "WINDOWS", windows)
    path = os.path.abspath("x").ljust(length, "x")
    line = reason(FileNotFoundError(2, "No such file or directory", path))
    words = (
        f" (its path has {length} characters; Windows takes 259, 247 of a folder, where long paths are not turned on)"
    )
    assert line == "No such file or directory" + words * said
    assert reason(PermissionError(13, "Permission denied", path)) == "Permission denied"
    assert reason(FileNotFoundError(2, "No such file or directory")) == "No such file or directory"


def test_a_full_disk_is_told_from_other_errors():
    assert is_full(OSError(errno.ENOSPC, "")) and is_full(OSError(errno.EDQUOT, ""))
    assert not is_full(OSError(errno.EACCES, "")) and not is_full(ValueError())


def test_in_a_notebook_our_errors_end_a_cell_without_a_traceback():
    with pytest.raises(SystemExit, match="^expected this$"), one_line():
        raise ColorizeError("expected this")
    with pytest.raises(ValueError), one_line():
        raise ValueError
