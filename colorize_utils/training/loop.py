"""The loop: phases one after the other, epochs inside them, and after each a checkpoint, a history row and pictures."""

import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..disk import only_process
from ..errors import ColorizeError
from . import backend, steps
from .ancestor_steps import classification, pix2pix
from .entering import enter
from .epochs import disk_errors, end_epoch, end_phase, save
from .finite import check_values
from .perceptual_step import perceptual
from .phases import Preset, Recipe
from .recipes import check_crop, get_preset, get_recipe
from .run import Options, open_run
from .state import State
from .steps import make_step, trainable_of
from .waiting import PATIENCE, GivenUp, Worker

SLOW = 2.0  # seconds: before a step that may take longer, what is learned is kept in memory


def train(recipe, preset, data, run, *, until=None, steps=None, mirror=None, options=None):
    """Train a recipe on a prepared set, or go on with a run that was begun. Returns where it stands, a `state.State`.

    recipe: a name out of `recipes.RECIPES`, or a `Recipe`: one that `get_recipe` has changed, or of one's own. preset:
    a name out of `PRESETS`, or a `Preset`, as `get_preset` gives it. data: folder of a prepared set. run: folder to
    write; when it holds a run of the same settings, that is continued from its newest checkpoint, and a finished one is
    left alone.

    until: name of the phase to stop after; a later call goes on from there. steps: phase name -> step function, to try
    one's own (see `steps.regression`); a run notices when one was edited since. mirror: keeps a copy of the run
    elsewhere, as `drive.mirror.open_mirror` gives it: its ``fetch()`` is called before the run is opened, ``push()``
    after each checkpoint, ``close()`` at the end.
    options: an `Options`, for all else.

    An interrupt (Ctrl-C, SIGTERM) saves between two steps and returns; `finished` and `stopped` of the state tell.
    ColorizeError if the run cannot begin, go on or be kept, and if a loss, a validation error or a weight is not finite
    any more: the last checkpoint is one from before that.
    """
    options = options or Options()
    preset = preset if isinstance(preset, Preset) else get_preset(preset, recipe)
    recipe = recipe if isinstance(recipe, Recipe) else get_recipe(recipe, preset)
    check_crop(recipe, preset)
    names = [phase.name for phase in recipe.phases]
    if until is not None and until not in names:
        raise ColorizeError(f"expected until to be a phase out of {', '.join(names)}, got {until!r}")
    if unknown := set(steps or {}) - set(names):
        raise ColorizeError(f"expected steps for phases out of {', '.join(names)}, got {', '.join(sorted(unknown))}")
    with only_process(run), disk_errors(run), backend.several_devices(options.devices, preset.batch):
        backend.configure(options.deterministic)
        opened = None
        if mirror:
            mirror.fetch()
        try:
            opened = open_run(recipe, preset, data, run, options, steps)
            opened.mirror, opened.until = mirror, until
            return _phases(opened, until)
        finally:
            if mirror:
                mirror.close(*([PATIENCE] if opened and opened.stop.is_set() else []))


def _phases(run, until):
    """Train the phases that are not trained yet, up to the end, an interrupt, or the phase ``until``."""
    state, phases, say = run.state, run.recipe.phases, run.options.say
    state.stopped, seen = False, state.images
    if state.finished and not run.changed:
        say(f"{run.folder} is finished: all {len(phases)} phases are trained")
        return state
    if until and [phase.name for phase in phases].index(until) < state.phase:
        say(f"{run.folder}: phase {until} is trained, and the run is at {run.where}")
        return state
    state.finished = False
    with _signals(run.stop), _worker(run):
        for index in range(state.phase, len(phases)):
            last = index + 1 == len(phases)
            enter(run, index)
            if not run.state.done:
                _run_phase(run, index)
            state = run.state
            if run.stop.is_set() and not (state.done and last):
                state.stopped = True
                say(f"stopped at {run.where}; the same call goes on from here")
                return state
            if run.changed and state.images == seen and until == phases[index].name:
                say(_nothing_left(run))
                return state
            if phases[index].name == until and not last:
                line = f"phase {index + 1} of {len(phases)} ({until}) is trained; {phases[index + 1].name} comes next"
                say(f"{run.folder}: {line}")
                return state
    state.finished = True
    save(run)
    say(_nothing_left(run) if run.changed and state.images == seen else f"finished: {run.folder}")
    return state


def _nothing_left(run):
    names = ", ".join(phase.name for phase in run.recipe.phases if phase.epochs)
    which = f"phase {run.until} is" if run.until else "all phases are"
    line = f"nothing was trained: in {run.folder} {which} done, from before the changes"
    return f"{line}; train a phase again with them (--again, out of {names}), or begin another run"


def _run_phase(run, index):
    """Train a phase from where it was entered to its end, or to an interrupt.

    Each step sees its batch and is counted. At the end of an epoch the network is validated and saved; in between, it
    is saved when a checkpoint is due or the training is to stop.
    """
    try:
        _train_phase(run, index)
    except GivenUp:
        if run.intact:  # an epoch's validation was given up: the next call makes up for it
            save(run)
        elif run.kept:
            arrays, run.state = run.kept
            save(run, arrays=arrays)
        elif found := run.checkpoints.load():
            run.state = State.from_json(found[1])


def _train_phase(run, index):
    """As `_run_phase`, but `GivenUp` where an interrupt cannot wait for a step or a validation."""
    state, phase, per_epoch = run.state, run.recipe.phases[index], run.steps_per_epoch(index)
    if state.step // per_epoch > state.epoch:  # an interrupt came between an epoch's last step and its end
        end_epoch(run, index)
        if state.done or run.stop.is_set():
            return
    train_step, clock, metrics = _compiled_step(run, phase), _Clock(state), []
    run.progress.line(f"compiling phase {index + 1} ({phase.name}): its first step takes longest")
    for step in range(state.step, run.total_steps(index)):
        ids, arguments = run.feed.batch(index, phase.part, step)
        if clock.slow:
            _read(run, metrics)
            run.keep()
        run.intact = False
        metrics.append(run.worker(train_step, *arguments))
        state.count_step(ids)
        clock.count()
        epoch_ends = state.step % per_epoch == 0
        due = run.stop.is_set() or clock.is_due(run.preset)
        # Reading a metric waits for the accelerator, so they are read in groups.
        if epoch_ends or due or not run.feed.resident or len(metrics) >= 50:
            _read(run, metrics)
        run.kept, run.intact = None, True
        if epoch_ends:
            end_epoch(run, index)
        elif due:
            save(run)
        if epoch_ends or due:
            clock.saved = time.monotonic()
        if state.done or run.stop.is_set():
            return
    # Reached only where accepted changes made the phase shorter than it already was.
    end_phase(run, index, {"phase": phase.name, "recipe": run.recipe.name, "trained_size": run.preset.crop})
    save(run)


@dataclass
class _Clock:
    """Counts a phase's seconds in the state, how many an image takes, and those since the last checkpoint."""

    state: State
    began: float = field(default_factory=time.monotonic)
    saved: float = field(default_factory=time.monotonic)
    slow: bool = True  # whether the next step may take long: the first one, which is compiled, or the last one did

    def __post_init__(self):
        self.seconds, self.images, self.last = self.state.seconds, self.state.images, self.began

    def count(self):
        now = time.monotonic()
        passed, self.slow, self.last = now - self.began, now - self.last > SLOW, now
        self.state.seconds, self.state.pace = self.seconds + passed, passed / (self.state.images - self.images)

    def is_due(self, preset):
        """Whether it is time for a checkpoint."""
        steps = preset.save_steps and self.state.step % preset.save_steps == 0
        return bool(steps) or time.monotonic() - self.saved > preset.save_minutes * 60


def _read(run, waiting):
    """Read the metrics of the steps since the last time, add them to the epoch's, and show their means."""
    if not waiting:
        return
    for metrics in run.worker(_floats, waiting):
        check_values(run, metrics)
        run.state.add_metrics(metrics)
    waiting.clear()
    run.progress.step(run.where, run.state.images, run.images_left, run.state.means(), run.steps_of_all)


def _floats(waiting):
    return [{name: float(value) for name, value in metrics.items()} for metrics in waiting]


def _compiled_step(run, phase):
    trainable = trainable_of(run.nets.generator, phase)
    step = make_step(run.nets, phase, trainable, run.preset.crop, step_of(run, phase))
    return backend.compile_step(step, run.nets.variables())


def step_of(run, phase):
    """The step function of a phase: the reader's own, one of `steps.STEPS`, or one from here."""
    if own := run.steps.get(phase.name):
        return own
    if phase.step == "bins":
        return classification(run.nets.generator, phase.bins, run.feed.data.train.codes)
    return {**steps.STEPS, "pix2pix": pix2pix, "perceptual": perceptual}[phase.step]


@contextmanager
def _worker(run):
    """Give the run its `Worker` while it trains."""
    run.worker = Worker(run.stop)
    try:
        yield
    finally:
        run.worker.close()


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
