"""Files written whole or not at all, flushed, hashed, locked; and what a full disk says. All who write use this."""

import errno
import hashlib
import json
import os
import platform
import secrets
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from .errors import ColorizeError, reason

STALE = 86_400  # seconds after which a file with a temporary name is nobody's: writers may be slow, or asleep
LOCK = "lock"  # the file in a folder that `only_process` locks
PART = ".part"  # what temporary names end with; they begin with a dot
SMALL = 32 * 2**20  # bytes up to which `sampled` reads a file whole
PIECES, PIECE = 512, 16 * 2**10  # of a larger one: how many pieces, of how many bytes
HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)  # what systems say of a lock that another process has


@contextmanager
def only_process(folder, doing="training in", what="run"):
    """Hold the run folder while the block runs; one-line ColorizeError if another process holds it.

    doing, what: for that line, where the folder is no run that is trained. Where a file system knows no locks (some in
    a network do not) nothing is held, and nobody refused.
    """
    folder = Path(folder)
    try:
        make_folders(folder)
        file = open(folder / LOCK, "a+b", opener=_plainly)  # noqa: SIM115
    except OSError as error:
        line = f"expected a {what} folder that can be written, got {folder}: {reason(error)}"
        raise ColorizeError(line, status=1) from None
    with file:
        try:
            _lock(file)
        except OSError as error:
            if error.errno in HELD:
                raise ColorizeError(
                    f"another process is {doing} {folder}; stop it or use another {what}", status=1
                ) from None
        yield


def _plainly(path, flags):
    """Open a file that is no link (others' folders may hold one that leads anywhere) and no pipe to wait for."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0), 0o666)


def _lock(file):
    if os.name == "nt":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def part_beside(path):
    """A name in the folder of ``path`` to write to before the renaming, which no other writer has.

    Drawn at random: of two machines that share a folder each may have the same process and thread numbers. Not made of
    the name of ``path``: a.png and a.jpg may be written at once, and a name may be as long as is allowed. Short itself:
    Windows counts the folders before it.
    """
    return Path(path).with_name(f".colorize-{_host()}-{os.getpid()}-{secrets.token_hex(4)}.part")


def said_by_the_disk(error, temporary):
    """libtiff says of a full disk, a quota or a limit no more than "encoder error"; here is what the system says."""
    if shutil.disk_usage(temporary.parent).free < 2**20:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(temporary))
    try:
        with open(temporary, "ab") as file:
            file.write(bytes(2**16))
    except OSError as said:
        return said
    return error


@cache
def _host():
    """Of this machine's name what a file name can bear: other machines may write to the same folder."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def make_folders(path):
    """`os.makedirs` for any depth: the standard library's calls itself once for each folder."""
    missing, path = [], os.fspath(path)
    while path and not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for folder in reversed(missing):
        try:
            os.mkdir(folder)
        except FileExistsError:  # made meanwhile by another process, or a file
            if not os.path.isdir(folder):
                raise


def walk(folder, refused=None):
    """`os.walk` from the top for any depth, sorted by name. No links to folders are entered: some lead in a circle.

    Yields (folder, names of folders, names of files); names taken out of the list of folders are not entered.
    ``refused(error)`` is called with the OSError of a folder that may not be looked into.
    """
    waiting = [os.fspath(folder)]
    while waiting:
        here, folders, files, links = waiting.pop(), [], [], set()
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    (folders if os.path.isdir(entry) else files).append(entry.name)
                    if entry.is_symlink():
                        links.add(entry.name)
        except OSError as error:
            if refused:
                refused(error)
            continue
        folders.sort()
        files.sort()
        yield here, folders, files
        waiting += [os.path.join(here, name) for name in reversed(folders) if name not in links]


def sweep(folder, now=None, deep=True):
    """Remove what killed processes left half written below ``folder``; what one at work writes is left alone.

    now: the time by the clock of that disk (default: this machine's). deep: look into the folders in it too.
    """
    for here, folders, names in walk(folder):
        for part in (Path(here) / name for name in names if name.startswith(".colorize-") and name.endswith(PART)):
            with suppress(OSError):  # gone already, or not ours
                if _is_nobodys(part, time.time() if now is None else now):
                    part.unlink()
        if not deep:
            folders.clear()


def _is_nobodys(part, now):
    if now - part.stat().st_mtime > STALE:
        return True
    host, _, rest = part.name.removeprefix(".colorize-").partition("-")
    number = rest.partition("-")[0]
    if host != _host() or not number.isdigit():
        return False
    if os.name == "nt":  # where signal 0 would end the process; but a file that is open refuses to be removed
        return True
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:  # it is another person's
        return False
    return False


def sha256(path):
    """Hex SHA-256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


def sampled(path):
    """Hex SHA-256 of a file's size and content, or of evenly spaced pieces of it, its ends among them, if large."""
    size = os.path.getsize(path)
    digest = hashlib.sha256(str(size).encode())
    with open(path, "rb") as file:
        if size <= SMALL:
            digest.update(file.read())
        else:
            for number in range(PIECES):
                file.seek((size - PIECE) * number // (PIECES - 1))
                digest.update(file.read(PIECE))
    return digest.hexdigest()


def fsync_folder(folder):
    """Make a rename in ``folder`` last through a power cut. Windows cannot open folders; there it does nothing."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:  # some network file systems refuse; the rename itself has happened
        pass
    finally:
        os.close(descriptor)


@contextmanager
def whole(path, lasting=True):
    """Give a temporary path beside ``path`` to write to, which is renamed to it if the block ends well, else removed.

    So readers see the old file or the whole new one, never a part. lasting: flush the new one and its name to the disk,
    so that it is there after a power cut too; what can be made again does without, which is quicker. OSError as the
    disk gives it. What a killed process leaves is removed by `sweep`.
    """
    path = Path(path)
    make_folders(path.parent)
    temporary = part_beside(path)
    try:
        yield temporary
        if lasting:
            _flush(temporary)
        _rename(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    if lasting:
        fsync_folder(path.parent)


def write_text(path, text, encoding="utf-8"):
    """Write a text to ``path``, as `whole` does; lines end as they do in ``text`` on every system."""
    with whole(path) as temporary:
        temporary.write_text(text, encoding=encoding, newline="\n")


def write_hashed(path, pieces):
    """Write bytes to ``path``, whole or not at all -> their SHA-256, found by another thread while they are written.

    pieces: an iterable of bytes-like objects, of which two are held at a time.
    """
    digest, hashed = hashlib.sha256(), None
    with whole(path) as temporary, open(temporary, "wb") as out, ThreadPoolExecutor(1) as beside:
        for piece in pieces:
            if hashed:
                hashed.result()
            hashed = beside.submit(digest.update, piece)
            out.write(piece)
    return digest.hexdigest()


def write_json(path, value):
    """Write JSON to ``path``, as `whole` does."""
    write_text(path, json.dumps(value, indent=1))


def _flush(path):
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _rename(source, target):
    """`os.replace`, tried for two seconds: Windows refuses while another thread reads the target, to copy it, say."""
    for pause in (0.01, 0.1, 0.4, 1.5):
        with suppress(PermissionError):
            return os.replace(source, target)
        time.sleep(pause)
    return os.replace(source, target)
