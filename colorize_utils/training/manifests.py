"""What a folder says of the run in it: its manifest, or where that is lost, what the files themselves are."""

import os
from pathlib import Path

from .checkpoint import VERSION, is_checkpoint, parse_manifest, serial_of
from .copies import PART

MANIFEST = "manifest.json"


def read_manifest(path):
    """A manifest, or None if there is none or it is damaged. OSError where the disk fails."""
    try:
        with open(path, "rb") as file:
            return parse_manifest(file.read(), Path(path).parent)
    except FileNotFoundError:
        return None


def survey(folder):
    """The manifest of the run in a folder; without one, what the files themselves are.

    One whose renaming did not arrive counts too if it is newer.
    """
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        names = []
    candidates = [n for n in names if n == MANIFEST or (n.startswith(f".{MANIFEST}.") and n.endswith(PART))]
    found = [m for name in candidates if (m := read_manifest(folder / name))]
    if found:
        return max(found, key=newest)
    scanned = [{"file": name, "sha256": None} for name in sorted(names) if is_checkpoint(name)]
    return {"version": VERSION, "checkpoints": scanned, "best": None}


def entries_of(manifest):
    """All checkpoints that a manifest names, each once; none for None."""
    if manifest is None:
        return []
    best = [manifest["best"]] if manifest["best"] else []
    return list({entry["file"]: entry for entry in [*manifest["checkpoints"], *best]}.values())


def serial(entry):
    """The serial number of the checkpoint of an entry."""
    return serial_of(entry["file"])


def newest_of(entries):
    """The largest serial number of these, 0 for none."""
    return max(map(serial, entries), default=0)


def newest(manifest):
    """The largest serial number that a manifest names, 0 for none."""
    return newest_of(entries_of(manifest))
