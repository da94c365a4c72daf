"""A run: its folder opened, its networks built, and all that the loop needs to know about it in one place."""

import copy
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from ..data.batches import PreparedSet
from ..disk import sha256
from ..errors import ColorizeError
from ..networks import ADDED, build_network, takes_hints
from ..weights import assign_arrays, model_arrays, read_arrays
from . import backend
from .asked import Asked, ask, phase_name
from .checkpoint import Checkpoints, network_arrays
from .feed import Feed
from .live import progress_of
from .own_steps import source_of
from .phases import Preset, Recipe
from .progress import Board, Progress
from .refit import Refit
from .settings import check_settings, describe, settings_key, with_first_precision
from .state import State
from .steps import Networks, make_validation
from .teachers import load_teachers
from .waiting import Stop

# How many times as long as a photo of a regression one takes: a critic's step is two networks', a GAN's is both in
# turn (saved_models/history.csv, unet-cpu-2: 26.6 photos a second in phase unet, 31.9 in critic, 9.8 in gan).
COSTS = {"adversarial": 3, "pix2pix": 3, "perceptual": 3}


@dataclass(frozen=True)
class Options:
    """How `train` is carried out, where the usual way will not do.

    initial: a model file to start the generator from. teachers: model files whose mean answer is learned in place of
    the truth in phases of regression (`teachers`).

    again: name of a phase to train again from its beginning. longer: (name, epochs), to go on with a finished phase for
    that many more. Both are asked once: after an interruption the call without them goes on. What the phases behind it
    had learned is moved to ``earlier-N`` in the run folder, and they are trained again. accept_changes: take settings
    or photos that differ from those the run was begun with (the epoch it is in begins again); else they are refused.

    seed: what all that is random depends on. deterministic: on a CPU, make two runs equal bit for bit. devices: how
    many devices share each batch, a number or "all" (JAX only); a run may go on with another number.
    stop_when_full: end when the disk is full, where otherwise that is said and training goes on. tensorboard: write
    logs for TensorBoard to ``run/tensorboard``. live: in a notebook, draw losses and pictures in place. say: called
    with each line for a person.
    """

    initial: str | Path | None = None
    teachers: tuple[str | Path, ...] = ()
    again: str | None = None
    longer: tuple[str, int] | None = None
    accept_changes: bool = False
    seed: int = 0
    deterministic: bool = True
    devices: int | str = 1
    stop_when_full: bool = False
    tensorboard: bool = False
    live: bool = False
    say: callable = print


@dataclass
class Run:
    """A run that was opened. ``found``, ``changed`` and ``asked`` say how its first phase is entered (`entering`)."""

    folder: Path
    recipe: Recipe
    preset: Preset
    options: Options
    feed: Feed
    checkpoints: Checkpoints
    state: State
    nets: Networks
    progress: Progress
    validate: callable  # compiled once for all phases: what it reads, the averaged generator, is the same in all
    refit: Refit  # as well
    board: Board | None = None
    found: dict | None = None  # the arrays of the checkpoint that is gone on from
    changed: bool = False  # other settings or photos than that checkpoint's were accepted
    asked: Asked | None = None
    steps: dict = field(default_factory=dict)  # a reader's own step functions by phase name
    mirror: object = None
    until: str | None = None  # name of the phase after which this call ends
    stop: Stop = field(default_factory=Stop)
    worker: callable = None  # while it trains: what steps are called by, a `waiting.Worker`
    intact: bool = True  # whether the networks are as the state says: not while a step changes them
    kept: tuple | None = None  # arrays and state of before a step that may take long

    def phase_folder(self, index):
        """Where phase ``index`` writes its generator, snapshots and pictures."""
        return self.folder / phase_name(self.recipe, index)

    def epochs(self, index):
        """How many epochs phase ``index`` has, with those that were asked for later."""
        phase = self.recipe.phases[index]
        return phase.epochs + self.state.longer.get(phase.name, 0)

    def steps_per_epoch(self, index):
        """How many steps an epoch of phase ``index`` has."""
        return self.feed.steps_per_epoch(self.recipe.phases[index].part)

    def total_steps(self, index):
        """How many steps phase ``index`` has."""
        return self.epochs(index) * self.steps_per_epoch(index)

    def keep(self):
        """Keep what is learned, and where it stands, in memory."""
        arrays = {name: np.array(array) for name, array in network_arrays(self.nets).items()}
        self.kept = arrays, State.from_json(copy.deepcopy(self.state.to_json()))

    @property
    def steps_of_all(self):
        """(Steps that are done, steps that there are) of all phases up to the one that this call ends with."""
        names = [phase.name for phase in self.recipe.phases]
        last = names.index(self.until) if self.until else len(names) - 1
        before = sum(self.total_steps(index) for index in range(self.state.phase))
        return before + self.state.step, sum(self.total_steps(index) for index in range(last + 1))

    @property
    def images_left(self):
        """Photos still to be seen until this call ends: one of a later phase counts as many as it takes longer."""
        now, phases = self.state.phase, self.recipe.phases
        names = [phase.name for phase in phases]
        last = names.index(self.until) if self.until else len(phases) - 1
        steps = 0 if self.state.done else self.total_steps(now) - self.state.step
        cost = COSTS.get(phases[now].step, 1)
        later = sum(self.total_steps(i) * COSTS.get(phases[i].step, 1) / cost for i in range(now + 1, last + 1))
        return round((steps + later) * self.preset.batch)

    @property
    def where(self):
        """Text like "phase 2 of 4 (unet), epoch 7 of 20, step 1,312, best 0.0712"."""
        return self.where_in(min(self.state.epoch + 1, self.epochs(self.state.phase)))

    def where_in(self, epoch):
        """The same, naming this epoch, where the one that is done is meant and not the one that comes."""
        state, phases = self.state, self.recipe.phases
        best = f", best {state.best:.4f}" if state.best is not None else ""
        return (
            f"phase {state.phase + 1} of {len(phases)} ({phases[state.phase].name}), "
            f"epoch {epoch} of {self.epochs(state.phase)}, step {state.step:,}{best}"
        )


def open_run(recipe, preset, data, folder, options, steps=None):
    """The run in ``folder`` as it was left, or a new one, as a `Run`. ColorizeError if it is another one."""
    steps = steps or {}
    data, folder = PreparedSet.open(data), Path(folder)
    if not len(data.train) or not len(data.val):
        raise ColorizeError(f"expected photos in train.npy and val.npy of {data.folder}, got none")
    settings = {**describe(recipe, preset, options.seed), "data": data.fingerprint}
    settings = with_first_precision(folder, settings)
    set_seed(options.seed, preset.precision)
    teachers = _teachers(recipe, options.teachers)  # before anything is written of them
    settings["teachers"] = [sha256(path) for path in options.teachers] or None
    checkpoints = Checkpoints(folder, options.say)
    arrays, stored = checkpoints.load() or (None, {})
    state = State.from_json(stored)
    sources = {name: source_of(step) for name, step in steps.items()}
    edited = check_settings(folder, settings, options.accept_changes, sources)
    same_photos = _check_photos(folder, data, state, options)
    key = settings_key(settings)
    changed = arrays is not None and (bool(edited) or not (same_photos and state.settings in (None, key)))
    state.settings, state.photos_digest = key, data.digest
    asked, start = None, (options.initial, None, arrays is not None)
    if options.again or options.longer:
        state, asked = ask(folder, recipe, state, options.again, options.longer)
        start = asked.initial or options.initial, asked.critic, False
    nets = build_networks(recipe, *start)
    nets.teachers = teachers
    hints = takes_hints(nets.generator), tuple(phase.hinted for phase in recipe.phases)
    return Run(
        folder,
        recipe,
        preset,
        options,
        feed=Feed(data, preset, options.seed, backend.on_accelerator(), *hints),
        checkpoints=checkpoints,
        state=state,
        nets=nets,
        progress=progress_of(options.say, folder, options.live),
        validate=backend.compile_step(make_validation(nets, preset.crop), nets.ema.variables),
        refit=Refit(nets.ema, preset.crop),
        board=Board(folder / "tensorboard", state.history) if options.tensorboard else None,
        found=None if asked else arrays,
        changed=changed,
        asked=asked,
        steps=steps,
    )


def _teachers(recipe, paths):
    """The networks of the model files ``paths``. ColorizeError where none of their answers would be learned."""
    if paths and not any(phase.step == "regression" and phase.epochs for phase in recipe.phases):
        raise ColorizeError("expected a phase of regression with epochs to learn from teachers, got none")
    return tuple(load_teachers(paths))


def _check_photos(folder, data, state, options):
    """Whether the set's arrays are those the run was trained on; ColorizeError if they were changed under it."""
    if state.photos_digest in (None, data.digest) or options.accept_changes:
        return state.photos_digest in (None, data.digest)
    if not data.vouched:
        line = f"the photos in {data.folder} are not those that {folder} was trained on: they were changed since"
        raise ColorizeError(f"{line}; put them back, use another run folder, or accept the changes", status=1)
    # `prepare` made these out of the same photos, as their fingerprint tells; on another machine, say.
    options.say(f"{data.folder} was prepared again since {folder} was trained on it; pixels may be rounded otherwise")
    return True


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


def set_seed(seed, precision):
    """Keras' seed and precision: before any network is built."""
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(seed)
