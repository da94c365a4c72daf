"""Copying to and from a folder that may fail at any moment, as a mounted Drive does: nothing half done has a name."""

import errno
import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

from .. import errors
from ..disk import PART, fsync_folder, sha256
from ..errors import is_full


class Changed(Exception):
    """A file vanished while it was copied, or is not the one that was expected."""


def copy_checked(source, target, expected=None):
    """Copy a file under a new temporary name, flush it, read it back, and only then rename it. Returns its SHA-256.

    expected: the SHA-256 that the source should have. Raises Changed if it has another or is not there, OSError for all
    that a disk can do; ``target`` is then what it was before.
    """
    digest = hashlib.sha256()

    def pieces():
        try:
            file = open(source, "rb")  # noqa: SIM115
        except FileNotFoundError:
            raise Changed(source) from None
        with file:
            while piece := file.read(1 << 20):
                digest.update(piece)
                yield piece
        if expected and digest.hexdigest() != expected:
            raise Changed(source)

    _write_checked(target, pieces(), digest)
    return digest.hexdigest()


def write_checked(target, data):
    """Write bytes as `copy_checked` copies a file."""
    _write_checked(target, [data], hashlib.sha256(data))


def _write_checked(target, pieces, digest):
    # Not by `disk.whole`: what is written is read back, and on Drive the temporary name tells which file it will be, so
    # that one whose renaming did not arrive can still be used.
    target = Path(target)
    os.makedirs(target.parent, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}{PART}")
    try:
        with open(temporary, "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        if sha256(temporary) != digest.hexdigest():
            raise OSError(errno.EIO, "it gave back something else than was written")
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            remove(temporary)
        raise
    if not os.path.exists(target):
        raise OSError(errno.EIO, "a file that was renamed is not there yet")
    fsync_folder(target.parent)


def remove(path):
    """Empty a file, then delete it: Drive keeps what is deleted in a trash that counts against the quota."""
    with suppress(FileNotFoundError):
        os.truncate(path, 0)
        os.unlink(path)


def files_of(folder, parts=False, without=()):
    """Relative names (forward slashes) of all files below ``folder``; hidden and temporary ones are left out.

    parts: give temporary ones of `copy_checked` too. without: names to leave out. No folder: no names.
    """
    found = []

    def look(here, prefix):
        with os.scandir(here) as listing:
            for item in listing:
                name = f"{prefix}{item.name}"
                if name in without:
                    continue
                if item.is_dir(follow_symlinks=False):
                    with suppress(FileNotFoundError):
                        look(item.path, f"{name}/")
                elif item.name.startswith("."):
                    found.extend([name] if parts and name.endswith(PART) else [])
                elif not name.endswith(".tmp"):
                    found.append(name)

    with suppress(FileNotFoundError):
        look(folder, "")
    return sorted(found)


def mounted_at(folder):
    """The folder whose absence tells that Drive is not mounted: MyDrive, else the nearest one that is there now."""
    folder = Path(os.path.abspath(folder))
    for parent in folder.parents:
        if parent.name == "MyDrive":
            return parent
    return next(p for p in (folder, *folder.parents) if os.path.isdir(p))


def stamp(path):
    """(size, time of change) of a file, None if there is none: another stamp, another content."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns


def reason(error):
    """Why something failed, in a few words about Drive."""
    return "it is full" if is_full(error) else errors.reason(error)


def twice(function, *args, **kwargs):
    """Call a function, and once more if Drive stumbled; what is lost for good is so the second time too."""
    try:
        return function(*args, **kwargs)
    except OSError as error:
        if is_full(error):
            raise
        return function(*args, **kwargs)
