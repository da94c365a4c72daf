"""The one error a person is meant to read."""

from contextlib import contextmanager


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


def reason(error):
    """One line about an exception for a person."""
    if isinstance(error, MemoryError):
        return "not enough memory for a photo of this size"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
