"""Photos found at any depth below folders, by their names. Imports nothing that takes time."""

import os
from pathlib import Path

from ..disk import walk
from ..errors import ColorizeError, reason, too_long

SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp")  # of what is written
HEIF = (".heic", ".heif")
JPEG2000 = (".jp2", ".j2k", ".j2c", ".jpf", ".jpx")
READABLE = (*SUFFIXES, ".jpe", ".jfif", ".mpo", ".jls", ".gif", ".avif", *JPEG2000, *HEIF)
HIDDEN, NO_PHOTO = "hidden", "no photo by its name"  # why something in a folder is left out


def find_photos(paths, unreadable=None, left_out=None):
    """Files and folders -> sorted list of (path, root): every photo below the folders, hidden files left out.

    A file that is named itself is taken whatever its suffix; its root is its folder. ColorizeError (status 1) for a
    path that does not exist. ``unreadable(folder, reason)`` is called for a folder that may not be looked into, and
    ``left_out(path, reason)`` for what is in a folder and is not taken.
    """
    found = []
    for name in paths:
        if not os.fspath(name):  # which `Path` would take for the folder that one is in
            raise ColorizeError("expected a photo or a folder, got an empty name")
        path = Path(name)
        if os.path.isdir(path):
            found += [(p, path) for p in _walk(path, unreadable, left_out)]
            continue
        try:
            os.lstat(path)  # a link that leads nowhere has its own line when it is read
        except (FileNotFoundError, NotADirectoryError):
            line = f"expected a photo or a folder, but there is no {path}{too_long(path)}"
            raise ColorizeError(line, status=1) from None
        except (OSError, ValueError) as error:  # too long a name, one with a zero in it, a folder that is closed
            raise ColorizeError(f"{path}: could not be read: {reason(error)}", status=1) from None
        found.append((path, path.parent))
    return found


def _walk(folder, unreadable, left_out):
    def refused(error):
        if unreadable:
            unreadable(Path(error.filename), error.strerror)

    def leave(path, why):
        if left_out:
            left_out(path, why)

    for here, folders, names in walk(folder, refused):
        here = Path(here)
        for name in folders:
            if name.startswith(".") or (here / name).is_symlink():
                leave(here / name, HIDDEN if name.startswith(".") else "a link to a folder, which is not followed")
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith(".") and Path(name).suffix.lower() in READABLE:
                yield here / name
            else:
                leave(here / name, HIDDEN if name.startswith(".") else NO_PHOTO)
