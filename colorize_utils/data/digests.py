"""Digests of a prepared set's files: every byte when it is made and checked, a sample where it is opened.

Opening a set should take no minutes, so of a large array only evenly spaced pieces are read then. That finds arrays
that were replaced, cut or written over; a single changed photo is found by `check`.
"""

import hashlib
import json
from pathlib import Path

from ..disk import sampled, sha256
from ..errors import ColorizeError

ARRAYS = ("train.npy", "val.npy", "test.npy")


def digests_of(folder, arrays):
    """What ``settings.json`` of a prepared set says of its files: name -> SHA-256, and those of the arrays' samples.

    arrays: the SHA-256 of each of `ARRAYS`, as `disk.write_hashed` gave them.
    """
    folder = Path(folder)
    return {
        "sha256": {"index.csv": sha256(folder / "index.csv"), **arrays},
        "sampled": {name: sampled(folder / name) for name in ARRAYS},
    }


def check_sampled(folder, settings):
    """Read samples of a set's arrays -> one hex digest of them all.

    ColorizeError (status 1) if they are not as ``settings`` say; those of sets from before 0.7.0 say nothing.
    """
    now = {name: sampled(Path(folder) / name) for name in ARRAYS}
    before = settings["digests"].get("sampled", {}) if "digests" in settings else now
    if wrong := [name for name in ARRAYS if before.get(name) != now[name]]:
        raise _changed(folder, wrong)
    return hashlib.sha256("".join(now.values()).encode()).hexdigest()


def _changed(folder, names):
    return ColorizeError(f"{', '.join(names)} in {folder} changed since the set was prepared; prepare it again", 1)


def check(folder):
    """Read a prepared set whole. ColorizeError (status 1) if a byte of it is not as `prepare` wrote it."""
    folder = Path(folder)
    try:
        expected = json.loads((folder / "settings.json").read_text(encoding="utf-8"))["digests"]["sha256"]
        wrong = [name for name, digest in expected.items() if sha256(folder / name) != digest]
    except FileNotFoundError as error:
        raise ColorizeError(f"expected a prepared set in {folder}, found no {Path(error.filename).name}", 1) from None
    except (KeyError, TypeError, ValueError, AttributeError):
        line = f"expected the digests that prepare writes since version 0.7.0 in {folder / 'settings.json'}, got none"
        raise ColorizeError(line, status=1) from None
    if wrong:
        raise _changed(folder, wrong)
