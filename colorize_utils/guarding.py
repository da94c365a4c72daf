"""No command writes over a file that it has not made, unless it is told to."""

import os
from pathlib import Path

from .errors import ColorizeError


def add_overwrite(parser):
    """Give an ``argparse`` parser the option that `refuse_others` asks for."""
    parser.add_argument("--overwrite", action="store_true", help="also over files that this command has not made")


def refuse_others(path, is_ours, overwrite=False):
    """ColorizeError (status 2) if ``path`` is there and was not made by the command that is about to write to it.

    ``is_ours(path)`` looks into the file and says whether the command made it; an error means that it did not.
    """
    path = Path(path)
    if overwrite or not os.path.lexists(path) or os.path.isdir(path):  # a folder has a line of its own later
        return
    try:
        ours = os.path.isfile(path) and is_ours(path)
    except (OSError, ValueError, ColorizeError):
        ours = False
    if not ours:
        raise ColorizeError(
            f"{path} is there already, and this command has not made it; --overwrite writes over it all the same"
        )


def begins_with(*texts):
    """A check for `refuse_others`: whether a text file begins with one of ``texts``, after a mark of UTF-8 or none."""

    def begins(path):
        with open(path, "rb") as file:
            head = file.read(2**12).removeprefix(b"\xef\xbb\xbf")
        return head.startswith(tuple(text.encode() for text in texts))

    return begins


def holds(*texts):
    """A check for `refuse_others`: whether all of ``texts`` are somewhere in a file."""

    def has(path):
        content = Path(path).read_bytes()
        return all(text.encode() in content for text in texts)

    return has
