"""What is done at the end of an epoch and of a phase: validation, pictures, history, files to use, a checkpoint."""

from contextlib import contextmanager

import numpy as np

from ..data.batches import still_table
from ..errors import ColorizeError, reason
from ..networks import stride_of
from ..weights import save_network
from .checkpoint import network_arrays
from .feed import arguments
from .progress import write_history
from .samples import draw_samples
from .state import where


def validation(context):
    """Mean |ab| error of the averaged generator on the validation photos, and that of grey, in units of 110."""
    split, preset = context.data.val, context.preset
    chosen = np.linspace(0, len(split) - 1, min(preset.val_photos or len(split), len(split))).astype(int)
    errors, greys = [], []
    for start in range(0, len(chosen), preset.batch):
        ids = chosen[start : start + preset.batch]
        n = len(ids)
        ids = np.resize(ids, preset.batch)  # one shape, one compilation; the repeats are cut off again
        table = still_table(split.codes.shape[1:3], split.transposed[ids], preset.crop)
        result = context.validate(*arguments(context, "val", ids, table))
        errors.extend(np.asarray(result["l1"])[:n])
        greys.extend(np.asarray(result["grey"])[:n])
    return float(np.mean(errors)), float(np.mean(greys))


def end_epoch(context, index):
    """Validate, write what can be used on its own, and last the checkpoint: outputs are never behind it."""
    state, phase = context.state, context.recipe.phases[index]
    error, grey = validation(context)
    n = max(1, state["sums"].pop("steps", 1))
    row = {"phase": phase.name, "epoch": state["epoch"] + 1, "step": state["step"], "images": state["images"]}
    row |= {"minutes": round(state["seconds"] / 60, 2)}
    row |= {name: round(total / n, 6) for name, total in state["sums"].items()}
    row |= {"val_l1": round(error, 6), "val_grey": round(grey, 6)}
    best = state["best"] is None or error < state["best"]
    state.update(epoch=state["epoch"] + 1, sums={}, best=error if best else state["best"])
    state["stale"] = 0 if best else state["stale"] + 1
    state["history"].append(row)
    length, patience = context.epochs(index), context.preset.patience
    tired = bool(patience) and phase.step == "regression" and state["stale"] >= patience
    last = tired or state["epoch"] >= length
    line = f"{where(context)}: validation |ab| {error:.4f}, {error / grey:.3f} of grey's {grey:.4f}"
    meta = {"phase": phase.name, "recipe": context.recipe.name, "trained_size": context.preset.crop, **row}
    with _full_disk(context, "pictures or history", fatal=False):
        every = -(-length // 20)  # at most 20 snapshots a phase
        if last or state["epoch"] % every == 0:
            _snapshot(context, index, meta)
        write_history(context.folder / "history.csv", state["history"])
        if context.board:
            context.board.add(row)
    if last:
        end_phase(context, index, meta)
    state["better"] = state["better"] or best
    if last or state["epoch"] % context.preset.save_epochs == 0:
        better, state["better"] = state["better"], False
        save(context, better)
    context.progress.line(line)
    if tired and state["epoch"] < length:
        context.progress.line(f"no better for {patience} epochs: phase {phase.name} ends here")


def _snapshot(context, index, meta):
    folder, name = context.phase_folder(index), f"epoch-{context.state['epoch']:03d}"
    save_network(context.nets.ema, folder / "snapshots" / f"{name}.h5", context.recipe.generator, meta)
    stride = stride_of(context.recipe.generator)
    draw_samples(context.nets.ema, context.data.val, folder / "samples" / f"{name}.png", stride=stride)


def end_phase(context, index, meta):
    """Write what the next phase, or a user, can start from."""
    nets, recipe, folder = context.nets, context.recipe, context.phase_folder(index)
    with _full_disk(context, f"{folder.name}/generator.h5", fatal=True):
        save_network(nets.ema, folder / "generator.h5", recipe.generator, meta, dtype="float32")
        if recipe.phases[index].has_critic:
            save_network(nets.discriminator, folder / "critic.h5", recipe.discriminator, meta, dtype="float32")
    context.state["done"] = True


def save(context, best=False):
    """A checkpoint now. A full disk is said in a line; the last good checkpoint stays and training goes on."""
    with _full_disk(context, "checkpoint", fatal=context.stop_when_full):
        context.checkpoints.save(network_arrays(context.nets), context.state, best)
    if context.mirror:
        context.mirror.push()


@contextmanager
def disk_errors(folder):
    """In one line: an error of the disk where a run cannot begin, or go on, without what was to be read or written."""
    try:
        yield
    except OSError as error:
        line = f"{error.filename or folder}: {reason(error)}"
        raise ColorizeError(f"{line}; what the run in {folder} has learned is kept, start again", 1) from None


@contextmanager
def _full_disk(context, what, fatal):
    """Say in one line that something could not be written; end the training if it is ``fatal``."""
    try:
        yield
    except OSError as error:
        line = f"no {what} at {where(context)}: {reason(error)}; the checkpoint before it is kept"
        if fatal:
            raise ColorizeError(f"{line}. Make room and start again", status=1) from None
        context.progress.line(f"{line}, training goes on")
