"""The loop: phases one after the other, epochs inside them, and after each a checkpoint, a history row and pictures."""

import hashlib
import signal
import threading
import time
from pathlib import Path

import numpy as np

from ..data.batches import PreparedSet, step_photos
from ..disk import only_process
from ..drive.mirror import open_mirror
from ..errors import ColorizeError
from . import backend, steps
from .ancestor_steps import classification, pix2pix
from .checkpoint import Checkpoints, restore
from .epochs import disk_errors, end_epoch, end_phase, save
from .feed import batch_of
from .optimizers import build_optimizers
from .perceptual_step import perceptual
from .progress import Board, Progress, write_history
from .recipes import describe, get_preset, get_recipe
from .state import (
    Run,
    ask,
    build_networks,
    check_settings,
    copy_variables,
    fresh_state,
    set_aside,
    set_seed,
    settings_key,
    where,
)
from .steps import make_step, make_validation

NETWORKS = ("generator", "ema", "discriminator")


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
    chroma_weights=None,
    backbone=None,
    settings=None,
    until=None,
    again=None,
    longer=None,
    accept_changes=False,
    mirror=None,
    tensorboard=False,
    stop_when_full=False,
    deterministic=True,
    devices=1,
    say=print,
    **changes,
):
    """Train a recipe on a prepared set, or go on with a run that was begun. Returns the run's state (a dict).

    recipe: a name out of `recipes.RECIPES`, or a `recipes.Recipe` of one's own. preset: a name out of `PRESETS`. data:
    folder of a prepared set. run: folder to write; when it holds a run of the same settings, that is continued from its
    newest checkpoint, and a finished one is left alone. backbone_weights: "imagenet", a path, or None. initial: a model
    file to start the generator from. steps: phase name -> step function, to try one's own.
    epochs, rates, chroma_weights: a number a phase, instead of the preset's and the recipe's. backbone: another encoder
    than the recipe's. settings: "PHASE.SETTING" -> number, see `recipes.get_recipe`. until: name of the phase to stop
    after; a later call goes on from there.

    again: name of a phase to train again from its beginning. longer: (name, epochs), to go on with a finished phase for
    that many more. Both are asked once: after an interruption the call without them goes on. What the phases behind it
    had learned is moved to ``earlier-N`` in the run folder, and they are trained again. accept_changes: take settings
    that differ from those the run was begun with (the epoch it is in begins again); else they are refused.

    mirror: a folder (on Drive, say) that is given a copy of every checkpoint and from which a lost run is fetched.
    tensorboard: write logs for TensorBoard to ``run/tensorboard``. stop_when_full: end when the disk is full, where
    otherwise that is said and training goes on. deterministic: on a CPU, make two runs equal bit for bit.
    devices: how many devices share each batch, a number or "all" (JAX only). A run may go on with another number.
    changes: preset fields to change (crop=96, batch=16, ...).

    An interrupt (Ctrl-C, SIGTERM) saves between two steps and returns; state["finished"] and state["stopped"] tell.
    """
    preset = get_preset(preset, recipe, **changes)
    with only_process(run), disk_errors(run), backend.several_devices(devices, preset.batch):
        if deterministic:
            backend.configure(True)
        recipe = get_recipe(recipe, preset, backbone_weights, epochs, rates, chroma_weights, backbone, settings)
        copies = open_mirror(run, mirror, say)
        try:
            context, found, asked = _open(
                preset, recipe, data, Path(run), seed, initial, until, again, longer, accept_changes, say
            )
            context.steps, context.mirror, context.stop_when_full = steps or {}, copies, stop_when_full
            context.board = Board(context.folder / "tensorboard", context.state["history"]) if tensorboard else None
            return _phases(context, found, asked, until, say)
        finally:
            if copies:
                copies.close()


def _open(preset, recipe, data, folder, seed, initial, until, again, longer, accept, say):
    """The run in ``folder`` as it was left, or a new one -> (Run, (arrays, changed) or None, what was asked)."""
    data = PreparedSet.open(data)
    names = [phase.name for phase in recipe.phases]
    if until is not None and until not in names:
        raise ColorizeError(f"expected until to be a phase out of {', '.join(names)}, got {until!r}")
    settings = {**describe(recipe, preset, seed), "data": data.fingerprint}
    set_seed(seed, preset.precision)
    checkpoints = Checkpoints(folder, say)
    found = checkpoints.load()
    check_settings(folder, settings, accept)
    state = {**fresh_state(), **(found[1] if found else {})}
    key = settings_key(settings)
    changed = state.get("settings", key) != key
    state["settings"] = key
    asked = ask(folder, recipe, state, again, longer) if again or longer else None
    if asked:
        nets = build_networks(recipe, asked.initial or initial, asked.critic)
    else:
        nets = build_networks(recipe, initial, resumed=found is not None)
    context = Run(folder, recipe, preset, data, seed, nets, checkpoints, Progress(say), state)
    context.on_device = backend.on_accelerator()
    context.validate = backend.compile_step(make_validation(nets, preset.crop), nets.ema.variables)
    return context, (found[0], changed) if found and not asked else None, asked


def _phases(context, found, asked, until, say):
    state, phases = context.state, context.recipe.phases
    state["stopped"] = False
    if state["finished"] and not (found and found[1]):
        say(f"{context.folder} is finished: all {len(phases)} phases are trained")
        return state
    state["finished"] = False
    with _signals(context.stop):
        first = state["phase"]
        for index in range(first, len(phases)):
            _run_phase(context, index, found if index == first else None, asked if index == first else None)
            if context.stop.is_set() and not (state["done"] and index + 1 == len(phases)):
                state["stopped"] = True
                say(f"stopped at {where(context)}; the same call goes on from here")
                return state
            if phases[index].name == until and index + 1 < len(phases):
                line = f"phase {index + 1} of {len(phases)} ({until}) is trained; {phases[index + 1].name} comes next"
                say(f"{context.folder}: {line}")
                return state
    state["finished"] = True
    save(context)
    say(f"finished: {context.folder}")
    return state


def _run_phase(context, index, found, asked):
    """Train one phase to its end (or to a stop), from a checkpoint inside it, from its beginning, or as asked."""
    nets, state, preset = context.nets, context.state, context.preset
    phase = context.recipe.phases[index]
    if not len(context.data.train) or not len(context.data.val):
        raise ColorizeError(f"expected photos in train.npy and val.npy of {context.data.folder}, got none")
    rows, per_epoch = context.rows(index), context.steps_per_epoch(index)
    total = per_epoch * context.epochs(index)
    if found is None:
        # A phase starts from the averaged weights that the one before it ended with.
        copy_variables(nets.ema, nets.generator)
        began = asked.epoch if asked else 0
        mine = [row["val_l1"] for row in state["history"] if row["phase"] == phase.name]
        state.update(phase=index, epoch=began, step=began * per_epoch, began=began, sums={}, done=not total)
        state.update(best=min(mine, default=None), stale=0)
    elif found[1]:
        state["done"] = state["done"] and state["epoch"] >= context.epochs(index)
    if state["done"] and found is None:
        return
    trainable = _trainable(nets.generator, phase)
    length = total - state["began"] * per_epoch
    nets.optimizer, nets.critic_optimizer = build_optimizers(nets, phase, trainable, length, preset.precision)
    if found is not None:
        _resume(context, *found)
    if state["done"]:
        return
    if asked:
        state["aside"] = index + (asked.epoch > 0)
        save(context)  # at once: what was asked for is not asked again after an interruption
    if state["aside"] is not None:
        if place := set_aside(context.folder, context.recipe, state["aside"]):
            context.progress.line(f"what was trained before is in {place}")
        state["aside"] = None
        write_history(context.folder / "history.csv", state["history"])
    step_fn = make_step(nets, phase, trainable, preset.crop, step_of(context, phase))
    compiled = backend.compile_step(step_fn, nets.variables())
    began, saved = time.monotonic(), time.monotonic()
    already, images = state["seconds"], state["images"]
    pending = []
    for step in range(state["step"], total):
        ids = rows[step_photos(context.seed, index, step, len(rows), preset.batch, per_epoch)]
        pending.append(compiled(*batch_of(context, index, step, ids)))
        seconds = time.monotonic() - began
        state.update(step=step + 1, images=state["images"] + preset.batch, seconds=already + seconds)
        state.update(photos=_digest(state["photos"], ids), pace=seconds / (state["images"] - images))
        # Reading a metric waits for the accelerator, so they are read in groups.
        if len(pending) >= (50 if context.on_device else 1) or (step + 1) % per_epoch == 0:
            _flush(context, pending)
        if (step + 1) % per_epoch == 0:
            end_epoch(context, index)
            saved = time.monotonic()
            if state["done"]:
                return
        elif context.stop.is_set() or _due(preset, step, time.monotonic() - saved):
            _flush(context, pending)
            save(context)
            saved = time.monotonic()
        if context.stop.is_set():
            return
    # Reached only where accepted changes made the phase shorter than it already was.
    end_phase(context, index, {"phase": phase.name, "recipe": context.recipe.name, "trained_size": preset.crop})
    save(context)


def _due(preset, step, seconds):
    return seconds > preset.save_minutes * 60 or (preset.save_steps and (step + 1) % preset.save_steps == 0)


def _resume(context, arrays, changed):
    """Fill the networks and optimizers from a checkpoint. After accepted changes the epoch begins again."""
    nets, state, folder = context.nets, context.state, str(context.folder)
    per_epoch = context.steps_per_epoch(state["phase"])
    if not changed:
        restore(nets, arrays, folder)
    else:
        restore(nets, arrays, folder, NETWORKS)
        state.update(step=state["epoch"] * per_epoch, sums={})
        try:
            restore(nets, arrays, folder, ("optimizer", "critic_optimizer"))
        except ColorizeError:  # of another precision, say
            context.progress.line("the optimizers begin anew: what they remembered does not fit the changed settings")
        for optimizer in (nets.optimizer, nets.critic_optimizer):
            if optimizer is not None:
                inner = getattr(optimizer, "inner_optimizer", optimizer)
                inner.iterations.assign(state["step"] - state["began"] * per_epoch)
    # Outputs may be ahead of the checkpoint, never behind: they are written before it.
    write_history(context.folder / "history.csv", state["history"])
    _say_found(context)


def _say_found(context):
    state = context.state
    begin = f"going on behind {where(context)}" if state["done"] else f"going on with {where(context)}"
    minutes = round(context.images_left * state["pace"] / 60)
    counted = "1 minute" if minutes == 1 else f"{minutes} minutes"
    left = f"; about {counted} left at the pace so far" if state["pace"] else ""
    context.progress.line(begin + left)


def _digest(before, ids):
    return hashlib.sha256(bytes.fromhex(before) + np.asarray(ids, np.int64).tobytes()).hexdigest()


def _trainable(generator, phase):
    if phase.trains == "all":
        return generator.trainable_variables
    encoder = {id(v) for v in generator.get_layer("encoder").variables}
    return [v for v in generator.trainable_variables if id(v) not in encoder]


def _flush(context, pending):
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
    n = max(1, state["sums"].get("steps", 0))
    means = {name: value / n for name, value in state["sums"].items() if name != "steps"}
    context.progress.step(where(context), state["images"], context.images_left, means)


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


def step_of(context, phase):
    """The step function of a phase: the reader's own, one of `steps.STEPS`, or one from here."""
    if own := context.steps.get(phase.name):
        return own
    if phase.step == "bins":
        return classification(context.nets.generator, phase.bins, context.data.train.codes)
    return {**steps.STEPS, "pix2pix": pix2pix, "perceptual": perceptual}[phase.step]
