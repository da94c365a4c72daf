"""The loop: phases one after the other, epochs inside them, and after each a checkpoint, a history row and pictures."""

import errno
import json
import signal
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from ..errors import ColorizeError
from ..networks import build_network
from ..photos.batches import PreparedSet, step_photos, step_table, still_table
from ..weights import assign_arrays, read_arrays, save_network
from . import backend
from .checkpoint import Checkpoints, network_arrays, restore, settings_hash, write_json
from .lock import only_process
from .optimizers import build_optimizers
from .progress import Progress, write_history
from .recipes import describe, get_preset, get_recipe
from .samples import draw_samples
from .steps import Networks, make_step, make_validation


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
    stop: threading.Event
    state: dict
    on_device: bool = False
    steps: dict = field(default_factory=dict)  # a reader's own step functions by phase name
    photos: dict = field(default_factory=dict)  # split name -> codes on the device

    def phase_folder(self, index):
        return self.folder / f"{index + 1}-{self.recipe.phases[index].name}"


def train(
    recipe="unet-gan",
    preset="smoke",
    *,
    data,
    run,
    seed=0,
    backbone_weights="imagenet",
    initial=None,
    steps=None,
    epochs=None,
    rates=None,
    until=None,
    deterministic=True,
    say=print,
    **changes,
):
    """Train a recipe on a prepared set, or go on with a run that was begun. Returns the run's state (a dict).

    data: folder of a prepared set. run: folder to write; when it holds a run of the same settings, that is continued
    from its newest checkpoint, and a finished one is left alone. backbone_weights: "imagenet", a path, or None.
    initial: a model file to start the generator from. steps: phase name -> step function, to try one's own.
    epochs, rates: a number a phase, instead of the preset's and the recipe's. until: name of the phase to stop after; a
    later call goes on from there. changes: preset fields to change (crop=96, batch=16, ...). An interrupt (Ctrl-C,
    SIGTERM) saves between two steps and returns; state["finished"] and state["stopped"] tell.
    """
    with only_process(run):
        if deterministic:
            backend.configure(True)
        preset = get_preset(preset, **changes)
        recipe = get_recipe(recipe, preset, backbone_weights, epochs, rates)
        return _train(preset, recipe, data, run, seed, initial, steps, until, say)


def _train(preset, recipe, data, run, seed, initial, steps, until, say):
    folder, data = Path(run), PreparedSet.open(data)
    names = [phase.name for phase in recipe.phases]
    if until is not None and until not in names:
        raise ColorizeError(f"expected until to be a phase out of {', '.join(names)}, got {until!r}")
    settings = {**describe(recipe, preset, seed), "data": data.fingerprint}
    keras.config.set_dtype_policy(preset.precision)
    keras.utils.set_random_seed(seed)
    checkpoints = Checkpoints(folder, say)
    found = checkpoints.load()
    _check_settings(folder, settings)
    nets = _networks(recipe, resumed=found is not None, initial=initial)
    state = found[1] if found else _fresh_state()
    progress = Progress(say)
    context = Run(folder, recipe, preset, data, seed, nets, checkpoints, progress, threading.Event(), state)
    context.on_device, context.steps = backend.on_accelerator(), steps or {}
    state["stopped"] = False
    if state["finished"]:
        say(f"{folder} is finished: all {len(recipe.phases)} phases are trained")
        return state
    with _signals(context.stop):
        for index in range(state["phase"], len(recipe.phases)):
            _run_phase(context, index, found[0] if found and index == found[1]["phase"] else None)
            if context.stop.is_set():
                state["stopped"] = True
                say(f"stopped at {where(context)}; the same call goes on from here")
                return state
            if names[index] == until and index + 1 < len(names):
                say(f"{folder}: phase {index + 1} of {len(names)} ({until}) is trained; {names[index + 1]} comes next")
                return state
    state["finished"] = True
    _save(context)
    say(f"finished: {folder}")
    return state


def where(context):
    """Text like "phase 2 of 4 (unet), epoch 7 of 20, step 1,312, best 0.0712"."""
    state, phases = context.state, context.recipe.phases
    phase = phases[state["phase"]]
    best = f", best {state['best']:.4f}" if state["best"] is not None else ""
    epoch = min(state["epoch"] + 1, phase.epochs)
    return (
        f"phase {state['phase'] + 1} of {len(phases)} ({phase.name}), epoch {epoch} of {phase.epochs}, "
        f"step {state['step']:,}{best}"
    )


def _fresh_state():
    return {
        "phase": 0,
        "epoch": 0,
        "step": 0,
        "images": 0,
        "seconds": 0.0,
        "best": None,
        "sums": {},
        "history": [],
        "finished": False,
    }


def _networks(recipe, resumed, initial):
    spec = dict(recipe.generator)
    if (resumed or initial) and "weights" in spec:
        spec["weights"] = None  # everything comes from the checkpoint, or from ``initial``
    generator = build_network(spec)
    ema = build_network({**spec, "weights": None} if "weights" in spec else spec)
    if initial and not resumed:
        assign_arrays(generator.variables, read_arrays(initial, "a model file")[0], str(initial))
    _copy(generator, ema)
    discriminator = build_network(recipe.discriminator) if recipe.discriminator else None
    return Networks(generator, ema, discriminator)


def _copy(source, target):
    for a, b in zip(source.variables, target.variables, strict=True):
        b.assign(np.asarray(a))  # a copy: JAX would let both share one buffer, and a step gives its buffers away


def _check_settings(folder, settings):
    path = folder / "settings.json"
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))["settings"]
        now = json.loads(json.dumps(settings))
        if before != now:
            raise ColorizeError(
                f"{folder} was trained with other settings ({_difference(before, now)}); "
                f"use another run folder, or give the same settings again"
            )
        return
    write_json(path, {"settings": settings, "hash": settings_hash(settings)})


def _difference(before, now, prefix=""):
    """The first few settings that differ, as text."""
    if isinstance(before, dict) and isinstance(now, dict):
        parts = [
            _difference(before.get(key), now.get(key), f"{prefix}.{key}" if prefix else str(key))
            for key in sorted(before.keys() | now.keys())
            if before.get(key) != now.get(key)
        ]
        return "; ".join(parts[:4])
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = enumerate(zip(before, now, strict=True))
        return "; ".join([_difference(a, b, f"{prefix}[{i}]") for i, (a, b) in pairs if a != b][:4])
    return f"{prefix} was {before!r}, now {now!r}"


def _run_phase(context, index, arrays):
    """Train one phase to its end (or to a stop), from ``arrays`` of a checkpoint inside it or from its beginning."""
    nets, state, preset = context.nets, context.state, context.preset
    phase = context.recipe.phases[index]
    split = context.data.train
    count = min(preset.epoch_photos or len(split), len(split))
    if not count or not len(context.data.val):
        raise ColorizeError(f"expected photos in train.npy and val.npy of {context.data.folder}, got none")
    steps_per_epoch = max(1, count // preset.batch)
    total = steps_per_epoch * phase.epochs
    if arrays is None:
        # A phase starts from the averaged weights that the one before it ended with.
        _copy(nets.ema, nets.generator)
        state.update(phase=index, epoch=0, step=0, sums={}, best=None)
    trainable = _trainable(nets.generator, phase)
    nets.optimizer, nets.critic_optimizer = build_optimizers(nets, phase, trainable, total, preset.precision)
    if arrays is not None:
        restore(nets, arrays, str(context.folder))
        context.progress.line(f"going on with {where(context)}")
    if state["step"] >= total:
        return
    step_fn = make_step(nets, phase, trainable, preset.crop, context.steps.get(phase.name))
    compiled = backend.compile_step(step_fn, nets.variables())
    validate = backend.compile_step(make_validation(nets, preset.crop), nets.variables())
    began, saved = time.monotonic(), time.monotonic()
    already = state["seconds"]
    pending = []
    for step in range(state["step"], total):
        pending.append(compiled(*_batch(context, index, step, steps_per_epoch)))
        state.update(step=step + 1, images=state["images"] + preset.batch, seconds=already + time.monotonic() - began)
        # Reading a metric waits for the accelerator, so they are read in groups.
        if len(pending) >= (50 if context.on_device else 1) or (step + 1) % steps_per_epoch == 0:
            _flush(context, index, pending, total)
        if (step + 1) % steps_per_epoch == 0:
            _end_epoch(context, index, validate, step + 1 == total)
            saved = time.monotonic()
        elif context.stop.is_set() or time.monotonic() - saved > preset.save_minutes * 60:
            _flush(context, index, pending, total)
            _save(context)
            saved = time.monotonic()
        if context.stop.is_set():
            return


def _trainable(generator, phase):
    if phase.trains == "all":
        return generator.trainable_variables
    encoder = {id(v) for v in generator.get_layer("encoder").variables}
    return [v for v in generator.trainable_variables if id(v) not in encoder]


def _photos(context, name):
    if context.on_device and name not in context.photos:
        context.photos[name] = backend.to_device(getattr(context.data, name).codes)
    return context.photos.get(name)


def _batch(context, index, step, steps_per_epoch):
    """The arguments of a training step: codes (all of them on an accelerator, else this batch's), ids, table."""
    preset, split = context.preset, context.data.train
    ids = step_photos(context.seed, index, step, len(split), preset.batch, steps_per_epoch)
    shape = split.codes.shape[1:3]
    table = step_table(context.seed, index, step, shape, split.transposed[ids], preset.crop, preset.lightness)
    return _arguments(context, "train", ids, table)


def _arguments(context, name, ids, table):
    photos = _photos(context, name)
    if photos is None:
        photos, ids = np.asarray(getattr(context.data, name).codes[ids]), np.arange(len(ids))
    convert = keras.ops.convert_to_tensor
    return convert(photos), convert(ids.astype(np.int32)), convert(table)


def _flush(context, index, pending, total):
    state = context.state
    metrics = {}
    for result in pending:
        metrics = {name: float(value) for name, value in result.items()}
        for name, value in metrics.items():
            state["sums"][name] = state["sums"].get(name, 0.0) + value
        state["sums"]["steps"] = state["sums"].get("steps", 0) + 1
    pending.clear()
    if metrics and not all(np.isfinite(list(metrics.values()))):
        raise ColorizeError(f"the loss became {metrics} at {where(context)}; the last checkpoint is kept", status=1)
    phases = context.recipe.phases[index + 1 :]
    per_epoch = min(context.preset.epoch_photos or len(context.data.train), len(context.data.train))
    left = (total - state["step"]) * context.preset.batch + sum(p.epochs for p in phases) * per_epoch
    n = max(1, state["sums"].get("steps", 0))
    means = {name: value / n for name, value in state["sums"].items() if name != "steps"}
    context.progress.step(where(context), state["images"], left, means)


def _validate(context, validate):
    """Mean |ab| error of the averaged generator on the validation photos, and that of grey, in units of 110."""
    split, preset = context.data.val, context.preset
    chosen = np.linspace(0, len(split) - 1, min(preset.val_photos or len(split), len(split))).astype(int)
    errors, greys = [], []
    for start in range(0, len(chosen), preset.batch):
        ids = chosen[start : start + preset.batch]
        n = len(ids)
        ids = np.resize(ids, preset.batch)  # one shape, one compilation; the repeats are cut off again
        table = still_table(split.codes.shape[1:3], split.transposed[ids], preset.crop)
        result = validate(*_arguments(context, "val", ids, table))
        errors.extend(np.asarray(result["l1"])[:n])
        greys.extend(np.asarray(result["grey"])[:n])
    return float(np.mean(errors)), float(np.mean(greys))


def _save(context, best=False):
    """A checkpoint now. A full disk is said in a line; the last good checkpoint stays and training goes on."""
    try:
        context.checkpoints.save(network_arrays(context.nets), context.state, best)
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
        context.progress.line(
            f"no checkpoint at {where(context)}: {reason}; the one before it is kept, training goes on"
        )


def _end_epoch(context, index, validate, last):
    state, nets, phase = context.state, context.nets, context.recipe.phases[index]
    error, grey = _validate(context, validate)
    n = max(1, state["sums"].pop("steps", 1))
    row = {"phase": phase.name, "epoch": state["epoch"] + 1, "step": state["step"], "images": state["images"]}
    row |= {"minutes": round(state["seconds"] / 60, 2)}
    row |= {name: round(total / n, 6) for name, total in state["sums"].items()}
    row |= {"val_l1": round(error, 6), "val_grey": round(grey, 6)}
    best = state["best"] is None or error < state["best"]
    state.update(epoch=state["epoch"] + 1, sums={}, best=error if best else state["best"])
    state["history"].append(row)
    _save(context, best)
    write_history(context.folder / "history.csv", state["history"])
    folder = context.phase_folder(index)
    every = -(-phase.epochs // 20)  # at most 20 snapshots a phase
    meta = {"phase": phase.name, "recipe": context.recipe.name, "trained_size": context.preset.crop, **row}
    if last or state["epoch"] % every == 0:
        save_network(nets.ema, folder / "snapshots" / f"epoch-{state['epoch']:03d}.h5", context.recipe.generator, meta)
        draw_samples(nets.ema, context.data.val, folder / "samples" / f"epoch-{state['epoch']:03d}.png")
    if last:
        save_network(nets.ema, folder / "generator.h5", context.recipe.generator, meta, dtype="float32")
    context.progress.line(f"{where(context)}: validation |ab| {error:.4f}, {error / grey:.3f} of grey's {grey:.4f}")


class _signals:
    """Turn Ctrl-C and SIGTERM into a flag that is looked at between two steps, and put the old handlers back."""

    def __init__(self, stop):
        self.stop, self.before = stop, {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self.before[number] = signal.signal(number, lambda *_: self.stop.set())

    def __exit__(self, *_):
        for number, handler in self.before.items():
            signal.signal(number, handler)
