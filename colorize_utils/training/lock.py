"""One process a run folder. The system drops the lock when the process ends, however it ends: none is ever stale."""

import errno
import os
from contextlib import contextmanager
from pathlib import Path

from ..errors import ColorizeError

HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)  # what systems say of a lock that another process has


@contextmanager
def only_process(folder):
    """Hold the run folder while the block runs; one-line ColorizeError if another process holds it.

    Where a file system knows no locks (some in a network do not) nothing is held, and nobody refused.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = open(folder / "lock", "a+b")  # noqa: SIM115
    except OSError as error:
        raise ColorizeError(f"expected a run folder that can be written, got {folder}: {error.strerror}", 1) from None
    with file:
        try:
            _lock(file)
        except OSError as error:
            if error.errno in HELD:
                raise ColorizeError(f"another process is training in {folder}; stop it or use another run", 1) from None
        yield


def _lock(file):
    if os.name == "nt":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
