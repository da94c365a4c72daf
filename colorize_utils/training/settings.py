"""What a run was begun with: written into its folder, compared at each start, and refused where it changed."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from ..disk import write_json
from ..errors import ColorizeError

WITHOUT_EFFECT = ("save_minutes", "save_steps", "save_epochs")  # on what is learned: may change from call to call
FILE = "settings.json"
IN_NOTEBOOKS = "in a notebook: another run_name, or tick accept_changes"


def describe(recipe, preset, seed):
    """Recipe, preset and seed as one JSON-able dict: what a run is, for its settings file and its hash."""
    described = asdict(recipe)
    # Where the encoder's weights came from matters once, at the start: a resumed run reads its own checkpoint.
    for name in ("generator", "discriminator"):
        described[name] = described[name] and {k: v for k, v in described[name].items() if k != "weights"}
    return {"recipe": described, "preset": asdict(preset), "seed": seed}


def with_first_precision(folder, settings):
    """The settings with the precision that the run in ``folder`` was begun with: it may go on in another one.

    Precision is the machine's: half where there is a GPU, and a run may move to a machine without one.
    """
    stored = read_settings(folder)
    first = stored and stored["settings"].get("preset", {}).get("precision")
    return {**settings, "preset": {**settings["preset"], "precision": first}} if first else settings


def check_settings(folder, settings, accept=False, steps=None):
    """Refuse a run that was begun with other settings, naming what changed; with ``accept`` take the new ones.

    Another recipe or other networks are always refused: the weights would not fit. steps: phase name -> source of a
    step of one's own (`own_steps.source_of`). Returns the names of phases whose step was edited since it was used.
    """
    path, now, steps = Path(folder) / FILE, _plain(settings), steps or {}
    earlier, before, known = [], None, {}
    if path.is_file():
        stored = read_settings(folder)
        if stored is None:
            raise ColorizeError(f"expected the settings of a run in {path}, got something else", 1)
        before, earlier, known = _plain(stored["settings"]), stored.get("earlier", []), stored.get("steps", {})
        if before != now:
            _refuse(folder, before, now, accept)
            earlier = [*earlier, stored["settings"]]
    edited = [name for name in steps if known.get(name, steps[name]) != steps[name]]
    if edited and not accept:
        line = f"{folder} was trained with another step in phase {', '.join(edited)}: it was edited since"
        raise ColorizeError(f"{line}; use another run folder, or accept the changes ({IN_NOTEBOOKS})")
    if before != now or {**known, **steps} != known:
        write_json(path, {"settings": settings, "hash": _hash(now), "earlier": earlier, "steps": {**known, **steps}})
    return edited


def _refuse(folder, before, now, accept):
    changed, hint = difference(before, now), "use another run folder, or give the same settings again"
    if _networks_of(before) != _networks_of(now):
        line = f"{folder} is a run of another recipe ({changed}); use another run folder"
        raise ColorizeError(f"{line} (in a notebook: another run_name)")
    if not accept:
        line = f"{folder} was trained with other settings ({changed}); {hint}, or accept the changes"
        raise ColorizeError(f"{line} ({IN_NOTEBOOKS})")


def read_settings(folder):
    """The settings file of a run -> dict with "settings" and "earlier" ones; None without one that is whole.

    OSError where the disk fails.
    """
    try:
        stored = json.loads((Path(folder) / FILE).read_bytes())
        _networks_of(stored["settings"])
        return stored
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def first_settings(folder):
    """What the run in a folder was begun with, whatever changes were accepted since; None if that cannot be read."""
    stored = read_settings(folder)
    return stored and _plain([*stored.get("earlier", []), stored["settings"]][0])


def settings_key(settings):
    """A short hash of settings. A setting that is None is as good as absent, so that new ones spoil no old run."""
    return _hash(_plain(settings))


def _hash(settings):
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def _plain(value):
    value = json.loads(json.dumps(value))
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if v is not None and k not in WITHOUT_EFFECT}
    return [_plain(v) for v in value] if isinstance(value, list) else value


def _networks_of(settings):
    recipe = settings.get("recipe", {})
    names = [phase.get("name") for phase in recipe.get("phases", [])]
    return recipe.get("name"), recipe.get("generator"), recipe.get("discriminator"), names


def difference(before, now, prefix="", words=("was", "now")):
    """The first few settings that differ, as text."""
    if isinstance(before, dict) and isinstance(now, dict):
        parts = [
            difference(before.get(key), now.get(key), f"{prefix}.{key}" if prefix else str(key), words)
            for key in sorted(before.keys() | now.keys())
            if before.get(key) != now.get(key)
        ]
        return "; ".join(parts[:4])
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = enumerate(zip(before, now, strict=True))
        return "; ".join([difference(a, b, f"{prefix}[{i}]", words) for i, (a, b) in pairs if a != b][:4])
    return f"{prefix} {words[0]} {before!r}, {words[1]} {now!r}"
