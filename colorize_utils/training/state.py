"""A run: where it stands, what it was begun with, the networks it trains, and what may be asked of it later."""

import json
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from ..data.batches import PreparedSet, rows_of_part
from ..disk import write_json
from ..errors import ColorizeError
from ..networks import ADDED, build_network
from ..weights import assign_arrays, model_arrays, read_arrays
from .checkpoint import Checkpoints, settings_hash
from .progress import Progress
from .steps import Networks

WITHOUT_EFFECT = ("save_minutes", "save_steps", "save_epochs")  # on what is learned: may change from call to call


@dataclass
class Run:
    """Everything the loop needs to know about the run it is in."""

    folder: Path
    recipe: object
    preset: object
    data: PreparedSet
    seed: int
    nets: Networks
    checkpoints: Checkpoints
    progress: Progress
    state: dict
    stop: threading.Event = field(default_factory=threading.Event)
    on_device: bool = False
    stop_when_full: bool = False
    steps: dict = field(default_factory=dict)  # a reader's own step functions by phase name
    photos: dict = field(default_factory=dict)  # split name -> codes on the device
    parts: dict = field(default_factory=dict)  # part of the training photos, or None -> their rows
    validate: object = None  # compiled once for all phases: what it reads, the averaged generator, is the same in all
    mirror: object = None
    board: object = None

    def phase_folder(self, index):
        """Where phase ``index`` writes its generator, snapshots and pictures."""
        return self.folder / phase_name(self.recipe, index)

    def epochs(self, index):
        """How many epochs phase ``index`` has, with those that were asked for later."""
        phase = self.recipe.phases[index]
        return phase.epochs + self.state["longer"].get(phase.name, 0)

    def rows(self, index):
        """Which of the training photos phase ``index`` sees: int64 (n,)."""
        part = self.recipe.phases[index].part
        if part not in self.parts:
            self.parts[part] = rows_of_part(self.data, part)
        return self.parts[part]

    def steps_per_epoch(self, index):
        """How many steps an epoch of phase ``index`` has."""
        count = len(self.rows(index))
        return max(1, min(self.preset.epoch_photos or count, count) // self.preset.batch)

    @property
    def images_left(self):
        """Photos still to be seen until the last phase is done."""
        now = self.state["phase"]
        steps = 0 if self.state["done"] else self.epochs(now) * self.steps_per_epoch(now) - self.state["step"]
        later = sum(self.epochs(i) * self.steps_per_epoch(i) for i in range(now + 1, len(self.recipe.phases)))
        return (steps + later) * self.preset.batch


def fresh_state():
    """What a run that has done nothing yet knows. A checkpoint holds this dict as it is at its step."""
    return {
        "phase": 0,
        "epoch": 0,
        "step": 0,
        "began": 0,  # the epoch at which the optimizers of this phase began: not 0 if it is continued longer
        "done": False,  # this phase
        "longer": {},  # phase name -> epochs that were asked for later
        "aside": None,  # number of the first phase whose earlier outputs are still to be moved away
        "images": 0,
        "photos": "",  # a running digest of the photos seen, in their order
        "seconds": 0.0,
        "pace": 0.0,  # seconds an image
        "best": None,
        "stale": 0,  # epochs without a better validation error
        "better": False,  # whether an epoch since the last one that ended with a checkpoint had one
        "sums": {},
        "history": [],
        "finished": False,
    }


def phase_name(recipe, index):
    """The name of a phase's folder."""
    return f"{index + 1}-{recipe.phases[index].name}"


def where(context):
    """Text like "phase 2 of 4 (unet), epoch 7 of 20, step 1,312, best 0.0712"."""
    state, phases = context.state, context.recipe.phases
    length = context.epochs(state["phase"])
    best = f", best {state['best']:.4f}" if state["best"] is not None else ""
    return (
        f"phase {state['phase'] + 1} of {len(phases)} ({phases[state['phase']].name}), "
        f"epoch {min(state['epoch'] + 1, length)} of {length}, step {state['step']:,}{best}"
    )


def check_settings(folder, settings, accept=False):
    """Refuse a run that was begun with other settings, naming what changed; with ``accept`` take the new ones.

    Another recipe or other networks are always refused: the weights would not fit.
    """
    path, now = Path(folder) / "settings.json", _plain(settings)
    earlier = []
    if path.is_file():
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            before = _plain(stored["settings"])
        except (ValueError, KeyError, TypeError):
            raise ColorizeError(f"expected the settings of a run in {path}, got something else", 1) from None
        if before == now:
            return
        changed, hint = difference(before, now), "use another run folder, or give the same settings again"
        if _networks_of(before) != _networks_of(now):
            raise ColorizeError(f"{folder} is a run of another recipe ({changed}); use another run folder")
        if not accept:
            raise ColorizeError(f"{folder} was trained with other settings ({changed}); {hint}, or accept the changes")
        earlier = [*stored.get("earlier", []), stored["settings"]]
    write_json(path, {"settings": settings, "hash": settings_hash(now), "earlier": earlier})


def settings_key(settings):
    """A short hash of settings. A setting that is None is as good as absent, so that new ones spoil no old run."""
    return settings_hash(_plain(settings))


def _plain(value):
    value = json.loads(json.dumps(value))
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if v is not None and k not in WITHOUT_EFFECT}
    return [_plain(v) for v in value] if isinstance(value, list) else value


def _networks_of(settings):
    recipe = settings.get("recipe", {})
    names = [phase.get("name") for phase in recipe.get("phases", [])]
    return recipe.get("name"), recipe.get("generator"), recipe.get("discriminator"), names


def difference(before, now, prefix=""):
    """The first few settings that differ, as text."""
    if isinstance(before, dict) and isinstance(now, dict):
        parts = [
            difference(before.get(key), now.get(key), f"{prefix}.{key}" if prefix else str(key))
            for key in sorted(before.keys() | now.keys())
            if before.get(key) != now.get(key)
        ]
        return "; ".join(parts[:4])
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = enumerate(zip(before, now, strict=True))
        return "; ".join([difference(a, b, f"{prefix}[{i}]") for i, (a, b) in pairs if a != b][:4])
    return f"{prefix} was {before!r}, now {now!r}"


def build_networks(recipe, initial=None, critic=None, resumed=False):
    """A recipe's networks. initial, critic: files to start them from; resumed: a checkpoint fills them anyway."""
    # Where everything comes from a checkpoint or a file, pretrained weights need not be there any more.
    spec = _untrained(recipe.generator) if resumed or initial else recipe.generator
    generator, ema = build_network(spec), build_network(_untrained(spec))
    if initial and not resumed:
        arrays = read_arrays(initial, "a model file")[0]
        # These start from adding nothing, so a network that was trained without them can be given them.
        new = {key: array for key, array in model_arrays(generator).items() if key.startswith(ADDED)}
        assign_arrays(generator.variables, {**new, **arrays}, str(initial))
    copy_variables(generator, ema)
    spec = recipe.discriminator
    discriminator = build_network(_untrained(spec) if resumed or critic else spec) if spec else None
    if critic and not resumed:
        assign_arrays(discriminator.variables, read_arrays(critic, "a discriminator")[0], str(critic))
    return Networks(generator, ema, discriminator)


def _untrained(spec):
    return {**spec, "weights": None} if "weights" in spec else spec


def copy_variables(source, target):
    """Give the variables of one network the values of another of the same kind."""
    for a, b in zip(source.variables, target.variables, strict=True):
        b.assign(np.asarray(a))  # a copy: JAX would let both share one buffer, and a step gives its buffers away


@dataclass(frozen=True)
class Asked:
    """Where to start from when a phase is trained again or longer: its number, its first epoch, and the files."""

    phase: int
    epoch: int
    initial: Path | None
    critic: Path | None


def ask(folder, recipe, state, again=None, longer=None):
    """Change ``state`` so that a phase is trained again from its beginning, or a finished one for some more epochs.

    again: a phase's name. longer: (name, epochs). The phases behind it are trained again after it, since they start
    from what it leaves. Returns an `Asked`. ColorizeError if there is no such phase or it was not reached yet.
    """
    names = [phase.name for phase in recipe.phases]
    name, epochs = (again, 0) if again else longer
    if again and longer:
        raise ColorizeError("expected a phase to train again or one to train longer, got both")
    if name not in names:
        raise ColorizeError(f"expected a phase out of {', '.join(names)}, got {name!r}")
    if int(epochs) < (0 if again else 1):
        raise ColorizeError(f"expected a number of epochs of at least 1, got {epochs}")
    index = names.index(name)
    reached = index < state["phase"] or (index == state["phase"] and state["history"])
    whole = index < state["phase"] or state["done"]
    if not reached or not (again or whole):
        raise ColorizeError(f"phase {name} is not {'begun' if not reached else 'finished'} yet: train on first")
    rows = [row for row in state["history"] if names.index(row["phase"]) < index + (not again)]
    last = rows[-1] if rows else {"images": 0, "minutes": 0}
    epoch = 0 if again else max(row["epoch"] for row in rows if row["phase"] == name)
    kept = {k: v for k, v in state["longer"].items() if names.index(k) < index + (not again)}
    if longer:
        kept[name] = kept.get(name, 0) + int(epochs)
    fresh = {k: v for k, v in fresh_state().items() if k not in ("photos", "pace")}
    state.update(fresh, phase=index, history=rows, longer=kept, images=last["images"], seconds=last["minutes"] * 60)
    folders = [Path(folder) / phase_name(recipe, i) for i in range(index + (not again))]
    return Asked(index, epoch, _newest(folders, "generator.h5"), _newest(folders, "critic.h5"))


def _newest(folders, name):
    found = [path for folder in folders if (path := folder / name).is_file()]
    return found[-1] if found else None


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


def set_seed(seed, precision):
    """Keras' seed and precision: before any network is built."""
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(seed)
