"""What may be asked of a run that was begun: to train a phase again, or a finished one for some epochs more."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from ..errors import ColorizeError
from .state import State


@dataclass(frozen=True)
class Asked:
    """Where to start from when a phase is trained again or longer: its number, its first epoch, and the files."""

    phase: int
    epoch: int
    initial: Path | None
    critic: Path | None


def ask(folder, recipe, state, again=None, longer=None):
    """What a run stands like when a phase is trained again from its beginning, or a finished one for more epochs.

    again: a phase's name. longer: (name, epochs). The phases behind it are trained again after it, since they start
    from what it leaves. Returns the new `State` and an `Asked`. ColorizeError if there is no such phase or it was not
    reached yet.
    """
    name, epochs = _checked(recipe, again, longer)
    names = [phase.name for phase in recipe.phases]
    index = names.index(name)
    reached = index < state.phase or (index == state.phase and state.history)
    whole = index < state.phase or state.done
    if not reached or not (again or whole):
        raise ColorizeError(f"phase {name} is not {'begun' if not reached else 'finished'} yet: train on first")
    kept = index + (not again)  # so many phases, from the first one on, stay as they are
    rows = [row for row in state.history if names.index(row["phase"]) < kept]
    lengths = {k: v for k, v in state.longer.items() if names.index(k) < kept}
    if longer:
        lengths[name] = lengths.get(name, 0) + epochs
    last = rows[-1] if rows else {"images": 0, "minutes": 0}
    now = State(state.run, state.settings, state.photos_digest, photos=state.photos, pace=state.pace)
    now.phase, now.history, now.longer = index, rows, lengths
    now.images, now.seconds = last["images"], last["minutes"] * 60
    epoch = 0 if again else max((row["epoch"] for row in rows if row["phase"] == name), default=0)
    folders = [Path(folder) / phase_name(recipe, i) for i in range(kept)]
    return now, Asked(index, epoch, _newest(folders, "generator.h5"), _newest(folders, "critic.h5"))


def _checked(recipe, again, longer):
    """The name of the phase that is asked for and the epochs, 0 for again; ColorizeError if they make no sense."""
    if again and longer:
        raise ColorizeError("expected a phase to train again or one to train longer, got both")
    name, epochs = (again, 0) if again else (longer[0], int(longer[1]))
    phases = {phase.name: phase for phase in recipe.phases}
    if name not in phases:
        raise ColorizeError(f"expected a phase out of {', '.join(phases)}, got {name!r}")
    if longer and epochs < 1:
        raise ColorizeError(f"expected a number of epochs of at least 1, got {epochs}")
    if again and not phases[name].epochs:
        raise ColorizeError(f"expected a phase with epochs to train again, got {name}, which has none in this run")
    return name, epochs


def _newest(folders, name):
    found = [path for folder in folders if (path := folder / name).is_file()]
    return found[-1] if found else None


def phase_name(recipe, index):
    """The name of a phase's folder."""
    return f"{index + 1}-{recipe.phases[index].name}"


def set_aside(folder, recipe, first):
    """Move the folders of the phases from number ``first`` on to ``earlier-N``: nothing that was trained is lost."""
    stale = [p for i in range(first, len(recipe.phases)) if (p := Path(folder) / phase_name(recipe, i)).is_dir()]
    if not stale:
        return None
    number = 1 + max([int(p.name[8:]) for p in Path(folder).glob("earlier-*") if p.name[8:].isdecimal()] + [0])
    place = Path(folder) / f"earlier-{number}"
    place.mkdir()
    for path in stale:
        path.rename(place / path.name)
    if (Path(folder) / "history.csv").is_file():
        shutil.copy2(Path(folder) / "history.csv", place)
    return place
