"""Exceptions of any library or system become one line for a person."""

import errno

import pytest

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
    ],
)
def test_reason(error, words):
    assert reason(error) == words


def test_a_full_disk_is_told_from_other_errors():
    assert is_full(OSError(errno.ENOSPC, "")) and is_full(OSError(errno.EDQUOT, ""))
    assert not is_full(OSError(errno.EACCES, "")) and not is_full(ValueError())


def test_in_a_notebook_our_errors_end_a_cell_without_a_traceback():
    with pytest.raises(SystemExit, match="^expected this$"), one_line():
        raise ColorizeError("expected this")
    with pytest.raises(ValueError), one_line():
        raise ValueError
