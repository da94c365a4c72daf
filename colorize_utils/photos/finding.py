"""Photos found at any depth below folders, by their names. Imports nothing that takes time."""

import os
from pathlib import Path

from ..errors import ColorizeError

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
    for path in map(Path, paths):
        if path.is_dir():
            found += [(p, path) for p in _walk(path, unreadable, left_out)]
        elif os.path.lexists(path):  # a link that leads nowhere has its own line when it is read
            found.append((path, path.parent))
        else:
            raise ColorizeError(f"expected a photo or a folder, but there is no {path}", status=1)
    return found


def _walk(folder, unreadable, left_out):
    def refused(error):
        if unreadable:
            unreadable(Path(error.filename), error.strerror)

    def leave(path, why):
        if left_out:
            left_out(path, why)

    # Links to folders are not followed: they may lead in a circle.
    for here, folders, names in os.walk(folder, onerror=refused):
        here = Path(here)
        for name in folders:
            if name.startswith(".") or (here / name).is_symlink():
                leave(here / name, HIDDEN if name.startswith(".") else "a link to a folder, which is not followed")
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in READABLE:
                yield here / name
            else:
                leave(here / name, HIDDEN if name.startswith(".") else NO_PHOTO)
