"""How a phase is entered: from its beginning, as it was asked for, or from a checkpoint inside it."""

from ..errors import ColorizeError
from .asked import set_aside
from .checkpoint import restore
from .epochs import save
from .optimizers import build_optimizers
from .progress import write_history
from .run import copy_variables
from .steps import trainable_of

NETWORKS = ("generator", "ema", "discriminator")


def enter(run, index):
    """Give networks, optimizers and state what phase ``index`` starts with. The state says if it is done already."""
    if run.found is None:
        _begin(run, index)
    else:
        _go_on(run, index)
    run.found = run.asked = None  # what comes after it begins


def _begin(run, index):
    """From the averaged weights that the phase before it ended with; where it was asked longer, behind its epochs."""
    state, asked = run.state, run.asked
    copy_variables(run.nets.ema, run.nets.generator)
    epoch, total = asked.epoch if asked else 0, run.total_steps(index)
    state.begin_phase(index, run.recipe.phases[index].name, epoch, epoch * run.steps_per_epoch(index), done=not total)
    if state.done:
        return
    _give_optimizers(run, index)
    if asked:
        state.aside = index + (epoch > 0)
        save(run)  # at once: what was asked for is not asked again after an interruption
        _set_aside(run)


def _go_on(run, index):
    """From the checkpoint that was found; what is behind its last epoch is done."""
    state = run.state
    if run.changed:  # to other lengths, perhaps
        state.done = state.done and state.epoch >= run.epochs(index)
    _give_optimizers(run, index)
    if run.changed:
        _restore_changed(run, index)
    else:
        restore(run.nets, run.found, str(run.folder))
    # Outputs may be ahead of the checkpoint, never behind: they are written before it.
    write_history(run.folder / "history.csv", state.history)
    _say_where(run)
    if not state.done:
        _set_aside(run)


def _restore_changed(run, index):
    """After accepted changes the epoch begins again, and the optimizers keep what they remember if it fits."""
    nets, state, folder, per_epoch = run.nets, run.state, str(run.folder), run.steps_per_epoch(index)
    restore(nets, run.found, folder, NETWORKS)
    state.step, state.sums = state.epoch * per_epoch, {}
    try:
        restore(nets, run.found, folder, ("optimizer", "critic_optimizer"))
    except ColorizeError:  # of another precision, say
        run.progress.line("the optimizers begin anew: what they remembered does not fit the changed settings")
    for optimizer in (nets.optimizer, nets.critic_optimizer):
        if optimizer is not None:
            inner = getattr(optimizer, "inner_optimizer", optimizer)
            inner.iterations.assign(state.step - state.began * per_epoch)


def _give_optimizers(run, index):
    nets, phase = run.nets, run.recipe.phases[index]
    length = run.total_steps(index) - run.state.began * run.steps_per_epoch(index)
    trainable = trainable_of(nets.generator, phase)
    nets.optimizer, nets.critic_optimizer = build_optimizers(nets, phase, trainable, length, run.preset.precision)


def _set_aside(run):
    """Move away the outputs of what is trained again, if that is still to be done."""
    state = run.state
    if state.aside is not None:
        if place := set_aside(run.folder, run.recipe, state.aside):
            run.progress.line(f"what was trained before is in {place}")
        state.aside = None
        write_history(run.folder / "history.csv", state.history)


def _say_where(run):
    state = run.state
    begin = f"going on behind {run.where}" if state.done else f"going on with {run.where}"
    minutes = round(run.images_left * state.pace / 60)
    counted = "1 minute" if minutes == 1 else f"{minutes} minutes"
    left = f"; about {counted} left at the pace so far" if state.pace else ""
    run.progress.line(begin + left)
