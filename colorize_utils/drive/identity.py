"""Whose copy a folder on Drive is: a run is known by what was drawn when it began, an older one by its settings."""

from ..errors import ColorizeError
from ..training.checkpoint import entries_of, serial, survey
from ..training.settings import difference, first_settings
from ..weights import read_arrays


def another_run(local, remote, manifest):
    """Why the run in the folder ``remote``, whose manifest this is, is not the one in ``local``; "" if it may be.

    Where one of them has no checkpoint yet there is nothing to lose. OSError where a disk fails.
    """
    here = survey(local)
    if not entries_of(here) or not entries_of(manifest):
        return ""
    ours, theirs = identity(local, here), identity(remote, manifest)
    if ours and theirs and ours == theirs:
        return ""
    mine, other = first_settings(local), first_settings(remote)
    if mine and other and mine != other:
        return f"another run ({difference(mine, other, words=('here', 'there'))})"
    if ours and theirs:
        return "another run, begun on its own"
    return "" if mine == other else "a run without readable settings, which may be another one"


def identity(folder, manifest):
    """The identity of the run in a folder with this manifest; None for one of before 0.7.0.

    Where the manifest was lost (its entries have no SHA-256) the newest checkpoint that can be read tells.
    """
    if manifest.get("run") or not any(entry["sha256"] is None for entry in entries_of(manifest)):
        return manifest.get("run")
    for entry in sorted(entries_of(manifest), key=serial, reverse=True):
        try:
            return read_arrays(folder / entry["file"], "a checkpoint")[1]["state"].get("run")
        except (ColorizeError, KeyError, TypeError, AttributeError):
            continue
    return None
