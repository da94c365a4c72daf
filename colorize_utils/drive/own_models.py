"""One's own models: what the runs of notebooks 03 and 04 ended with, on this machine and on Drive."""

from pathlib import Path

from ..errors import ColorizeError, reason
from ..weights import newest_model
from .notebook_run import RUNS


def own_runs(drive=None):
    """The folders of the notebooks' runs that have a model, the one that was trained last first.

    drive: the project's folder on Drive, or None. A run that is here and there counts once, where it is further.
    ColorizeError if Drive cannot be read.
    """
    newest = {}
    try:
        for place in [RUNS, *([Path(drive) / "runs"] if drive else [])]:
            for folder in place.glob("notebook_*"):
                if model := newest_model(folder):
                    found = model.parent.name, model.stat().st_mtime, folder
                    newest[folder.name] = max(newest.get(folder.name, found), found, key=lambda each: each[:2])
    except OSError as error:
        raise ColorizeError(f"{drive} cannot be read ({reason(error)}): run the first cell again", 1) from None
    return [folder for _, _, folder in sorted(newest.values(), key=lambda each: each[1], reverse=True)]


def own_model(drive=None, name=""):
    """The model file of the run that was trained last, or of the one whose name ends so. ColorizeError without one."""
    runs = [run for run in own_runs(drive) if not name.strip() or run.name.endswith(f"_{name.strip()}")]
    if not runs:
        where = "here or on Drive" if drive else "here (one on Drive is found if use_drive is ticked in the first cell)"
        raise ColorizeError(f"there is no model of your own {where}: notebooks 03 and 04 make one", 1)
    return newest_model(runs[0])
