"""What is done at the end of an epoch and of a phase: validation, pictures, history, files to use, a checkpoint."""

from contextlib import contextmanager

import numpy as np

from ..errors import ColorizeError, reason
from ..networks import stride_of
from ..weights import save_network
from .checkpoint import network_arrays
from .finite import check_arrays, check_values
from .progress import write_history
from .refit import refit_average
from .samples import draw_samples
from .waiting import GivenUp


def validation(run):
    """Mean |ab| error of the averaged generator on the validation photos, and that of grey, in units of 110."""
    errors, greys = [], []
    for count, arguments in run.feed.validation():
        result = run.worker(_arrays, run.validate, arguments)
        errors.extend(result["l1"][:count])
        greys.extend(result["grey"][:count])
        if run.stop.overdue:
            raise GivenUp
    return float(np.mean(errors)), float(np.mean(greys))


def _arrays(step, arguments):
    return {name: np.asarray(values) for name, values in step(*arguments).items()}


def end_epoch(run, index):
    """Validate, write what can be used on its own, and last the checkpoint: outputs are never behind it.

    ColorizeError, and nothing written, if the validation error or a weight is not finite.
    """
    state, phase, preset = run.state, run.recipe.phases[index], run.preset
    refit_average(run, index)
    error, grey = validation(run)
    check_values(run, {"validation |ab|": error})
    arrays = _finite_arrays(run)
    best = _count_epoch(run, phase, error, grey)
    length = run.epochs(index)
    tired = bool(preset.patience) and phase.step == "regression" and state.stale >= preset.patience
    last = tired or state.epoch >= length
    meta = {"phase": phase.name, "recipe": run.recipe.name, "trained_size": preset.crop, **state.history[-1]}
    _write_outputs(run, index, meta, pictures=last or state.epoch % -(-length // 20) == 0)  # at most 20 a phase
    if last:
        end_phase(run, index, meta)
    state.better = state.better or best
    if last or state.epoch % preset.save_epochs == 0 or run.stop.is_set():
        better, state.better = state.better, False
        save(run, better, arrays)
    share = f", {error / grey:.3f} of grey's {grey:.4f}" if grey else ""
    run.progress.line(f"{run.where_in(state.epoch)}: validation |ab| {error:.4f}{share}")
    if tired and state.epoch < length:
        run.progress.line(f"no better for {preset.patience} epochs: phase {phase.name} ends here")


def _count_epoch(run, phase, error, grey):
    """Count an epoch with this validation error in the state, with a row of the history -> whether it is the best."""
    state = run.state
    row = {"phase": phase.name, "epoch": state.epoch + 1, "step": state.step, "images": state.images}
    row |= {"minutes": round(state.seconds / 60, 2)}
    row |= {name: round(mean, 6) for name, mean in state.means().items()}
    row |= {"val_l1": round(error, 6), "val_grey": round(grey, 6)}
    best = state.best is None or error < state.best
    state.epoch, state.sums = state.epoch + 1, {}
    state.best, state.stale = (error, 0) if best else (state.best, state.stale + 1)
    state.history.append(row)
    return best


def _write_outputs(run, index, meta, pictures):
    with _full_disk(run, "pictures or history", fatal=False):
        if pictures:
            folder, name = run.phase_folder(index), f"epoch-{run.state.epoch:03d}"
            save_network(run.nets.ema, folder / "snapshots" / f"{name}.h5", run.recipe.generator, meta)
            stride = stride_of(run.recipe.generator)
            draw_samples(run.nets.ema, run.feed.data.val, folder / "samples" / f"{name}.png", stride=stride)
        write_history(run.folder / "history.csv", run.state.history)
        if run.board:
            run.board.add(run.state.history[-1])


def end_phase(run, index, meta):
    """Write what the next phase, or a user, can start from."""
    nets, recipe, folder = run.nets, run.recipe, run.phase_folder(index)
    with _full_disk(run, f"{folder.name}/generator.h5", fatal=True):
        save_network(nets.ema, folder / "generator.h5", recipe.generator, meta, dtype="float32")
        if recipe.phases[index].has_critic:
            save_network(nets.discriminator, folder / "critic.h5", recipe.discriminator, meta, dtype="float32")
    run.state.done = True


def save(run, best=False, arrays=None):
    """A checkpoint now. A full disk is said in a line; the last good checkpoint stays and training goes on.

    arrays: those of all networks and optimizers, if they were looked at already. ColorizeError if one is not finite.
    """
    arrays = arrays or _finite_arrays(run)
    with _full_disk(run, "checkpoint", fatal=run.options.stop_when_full):
        run.checkpoints.save(arrays, run.state.to_json(), best)
    if run.mirror:
        run.mirror.push()


def _finite_arrays(run):
    arrays = network_arrays(run.nets)
    check_arrays(run, arrays)
    return arrays


@contextmanager
def disk_errors(folder):
    """In one line: an error of the disk where a run cannot begin, or go on, without what was to be read or written."""
    try:
        yield
    except OSError as error:
        # Of a renaming that failed the second name is the one a person knows.
        line = f"{error.filename2 or error.filename or folder}: {reason(error)}"
        raise ColorizeError(f"{line}; what the run in {folder} has learned is kept, start again", 1) from None


@contextmanager
def _full_disk(run, what, fatal):
    """Say in one line that something could not be written; end the training if it is ``fatal``."""
    try:
        yield
    except OSError as error:
        line = f"no {what} at {run.where}: {reason(error)}; the checkpoint before it is kept"
        if fatal:
            raise ColorizeError(f"{line}. Make room and start again", status=1) from None
        run.progress.line(f"{line}, training goes on")
