"""The averaged network's normalization: statistics that belong to its own weights."""

import keras
import numpy as np

from ..data.batches import PreparedSet
from ..networks.hint_input import asked, lightness_of
from ..networks.unet import Encoder
from . import backend
from .feed import Feed
from .recipes import get_preset
from .steps import fed

MOST = 512  # photos; more change the third digit of a statistic


class Refit:
    """Gives the BatchNorm layers of an averaged network the statistics that its own weights make.

    Averaged weights (Polyak) never saw a batch, and the trained network's statistics belong to other weights. While
    these move fast, as when a GAN begins, the averaged network painted by them is far off: in one run its validation
    error rose from 0.084 to 0.091 within two epochs, and was 0.084 with statistics of its own. So, as Izmailov et al.
    2018 do ("Averaging weights leads to wider optima and better generalization", section 3.2), it is run over some
    training photos, and the mean of the batches' statistics is kept. No weight changes.
    """

    def __init__(self, network, crop):
        """network: whose layers; crop: pixels a side of the training photos. What is compiled is compiled once."""
        self.layers = _layers(network)
        self.seeds = [v for v in network.non_trainable_variables if not v.dtype.startswith("float")]
        self.step = backend.compile_step(self._measuring(network, crop), network.variables)

    def _measuring(self, network, crop):
        def step(*arguments):
            photo, _ = fed(*arguments, crop=crop)
            before = [layer.momentum for layer in self.layers]
            try:
                for layer in self.layers:
                    layer.momentum = 0.0  # of what was, nothing is kept: this batch's own
                # Without hints, as nearly all photos are colored.
                network(asked(network, lightness_of(photo)), training=True)
            finally:
                for layer, momentum in zip(self.layers, before, strict=True):
                    layer.momentum = momentum
            return {}

        return step

    def __call__(self, batches, call=lambda step, *arguments: step(*arguments)):
        """batches: arguments of a training step, one or more. call: how the compiled step is called (`waiting`)."""
        variables = [v for layer in self.layers for v in (layer.moving_mean, layer.moving_variance)]
        if not variables:
            return
        found, drawn = [], [np.asarray(v).copy() for v in self.seeds]
        try:
            for arguments in batches:
                call(self.step, *arguments)
                found.append([np.asarray(v, np.float64) for v in variables])
        finally:  # what dropout drew is put back: done once or twice, after an interruption, it is the same
            for seed, before in zip(self.seeds, drawn, strict=True):
                seed.assign(before)
        for variable, values in zip(variables, zip(*found, strict=True), strict=True):
            variable.assign(np.mean(values, axis=0).astype(np.float32))


def refit_average(run, index):
    """Refit the averaged network of a `run.Run` on the last photos of phase ``index``, as many as it is validated on.

    What it had is put back by the next training step (`steps.average`), so a run goes on as if nothing had been done.
    """
    phase, preset, last = run.recipe.phases[index], run.preset, run.state.step
    if not phase.ema or phase.step == "critic":  # not averaged, or not trained
        return
    count = max(1, min(preset.val_photos or MOST, MOST) // preset.batch)
    run.refit(run.feed.seen(index, phase.part, range(max(0, last - count), last)), run.worker)


def refit_on(network, folder, crop=128):
    """`Refit` a network on `MOST` training photos of a prepared set, as a mean of several networks' weights needs it.

    crop: pixels a side of what is seen of them, as far as they are so large. ColorizeError if there is no such set.
    """
    data = PreparedSet.open(folder)
    sides = min(crop, *data.train.codes.shape[1:3])
    preset = get_preset("cpu", crop=sides - sides % 32, batch=min(32, len(data.train)))
    feed = Feed(data, preset, 0)
    Refit(network, preset.crop)(feed.batch(0, None, step)[1] for step in range(max(1, MOST // preset.batch)))


def _layers(network):
    """The BatchNorm layers that see a batch's statistics in training: not those of a pretrained encoder."""
    found = []
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            found.append(layer)
        elif isinstance(layer, keras.Model):
            found += _layers(layer)
        elif isinstance(layer, Encoder) and layer.backbone == "Plain":
            found += _layers(layer.features)
    return found
