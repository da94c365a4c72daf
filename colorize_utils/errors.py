"""The one error a person is meant to read, and the one way that others' errors become a line of it."""

import errno
import os
from contextlib import contextmanager

WINDOWS = os.name == "nt"
LONGEST, LONGEST_FOLDER = 259, 247  # characters of a path that Windows takes where long paths are not turned on
FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}  # the disk is full, or what one may use of it


class ColorizeError(Exception):
    """One clear line for a person: what was expected, what was found, and where.

    ``status`` is the process exit status: 2 for wrong usage, 1 for a file or a run that failed.
    """

    def __init__(self, message: str, status: int = 2):
        super().__init__(message)
        self.status = status


@contextmanager
def one_line():
    """In a notebook: an error of ours inside the block stops the cell with its one line, without a traceback."""
    try:
        yield
    except ColorizeError as error:
        raise SystemExit(str(error)) from None


def is_full(error):
    """Whether an exception says that the disk, or what one may use of it, is full."""
    return getattr(error, "errno", None) in FULL


def too_long(path):
    """In brackets, for a line: that Windows may not take so long a ``path``; "" elsewhere, and for a short one.

    Windows itself says no more than that nothing is there.
    """
    length = len(os.path.abspath(path)) if WINDOWS and path else 0
    if length <= LONGEST_FOLDER:
        return ""
    allowed = f"Windows takes {LONGEST}, {LONGEST_FOLDER} of a folder, where long paths are not turned on"
    return f" (its path has {length} characters; {allowed})"


def reason(error):
    """Why something failed, as one line for a person: the words of an exception of any library or system."""
    if isinstance(error, MemoryError):
        return "not enough memory for a photo of this size"
    if is_full(error):
        return "the disk is full"
    if getattr(error, "strerror", None):
        length = too_long(error.filename) if isinstance(error, FileNotFoundError) else ""
        return f"{error.strerror}{length}"
    lines = [" ".join(line.split()) for line in str(error).splitlines() if line.strip()]
    line = (lines or [type(error).__name__])[0]
    return line if isinstance(error, ColorizeError) else line[:200]  # a line of ours names a path, which may be long
