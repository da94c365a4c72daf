"""The training steps: what happens between one batch and the next. Each runs on TensorFlow and on JAX unchanged."""

from dataclasses import dataclass

import keras
from keras import ops

from ..networks.hint_input import asked, lightness_of
from .backend import minimize
from .feed import crops
from .hint_feed import hint_planes
from .teachers import taught

MEAN_CHROMA = 0.15  # of photographs, in units of 110


@dataclass
class Networks:
    """All that a step may read or change. ``ema`` is the generator's running average: the one that is kept."""

    generator: keras.Model
    ema: keras.Model
    discriminator: keras.Model | None = None
    optimizer: keras.optimizers.Optimizer | None = None
    critic_optimizer: keras.optimizers.Optimizer | None = None
    teachers: tuple[keras.Model, ...] = ()  # whose answers are learned in place of the truth; they never change

    def variables(self):
        """Every variable, in an order that depends on nothing but the networks."""
        parts = (self.generator, self.ema, self.discriminator, self.optimizer, self.critic_optimizer)
        return [variable for part in parts if part is not None for variable in part.variables]


def l1(predicted_ab, ab):
    """Mean absolute error of ab in units of 110, over the batch, its pixels and both channels."""
    return ops.mean(ops.abs(predicted_ab - ab))


def distance(phase, predicted_ab, ab):
    """What a phase counts as the error of colors: `l1`, with colorful pixels counted more if the phase says so.

    The weights are divided by their mean over the batch, so that the learning rate means the same with and without.
    """
    if not phase.chroma_weight:
        return l1(predicted_ab, ab)
    chroma = ops.sqrt(ops.sum(ab**2, axis=-1, keepdims=True)) / MEAN_CHROMA
    weight = 1 + phase.chroma_weight * chroma
    return ops.mean(ops.abs(predicted_ab - ab) * weight / ops.mean(weight))


def real(logits):
    """Binary cross-entropy of patch logits against "this is a real photo"; of logits at several scales, their mean."""
    return _over_scales(lambda some: ops.softplus(-some), logits)


def fake(logits):
    """Binary cross-entropy of patch logits against "this was colored by the network", as `real`."""
    return _over_scales(ops.softplus, logits)


def right_share(on_real, on_fake):
    """The share of patches of which a critic is right, from its logits of photographs and of colored ones."""
    return (_over_scales(lambda some: some > 0, on_real) + _over_scales(lambda some: some < 0, on_fake)) / 2


def _over_scales(function, logits):
    scales = logits if isinstance(logits, (list, tuple)) else [logits]
    means = [ops.mean(ops.cast(function(ops.cast(some, "float32")), "float32")) for some in scales]
    return sum(means) / len(means)


def regression(nets, phase, photo, ab, trainable):
    """Predict ab, be told by how much it is off. The loss rewards the average of all plausible colors.

    Where there are teachers their answer is learned, see `teachers.taught`.
    """
    wanted = taught(nets.teachers, photo, ab)

    def loss_fn():
        predicted = nets.generator(photo, training=True)
        value = distance(phase, predicted, wanted)
        return value, {"loss": value, "l1": l1(predicted, ab)}

    _, metrics = minimize(loss_fn, trainable, nets.optimizer)
    average(nets, phase.ema, nets.optimizer.iterations)
    return metrics


def critic(nets, phase, photo, ab, trainable):
    """The discriminator alone learns to tell photographs from the generator's colors."""
    del phase, trainable
    grey = lightness_of(photo)  # the critic is not told what was hinted
    colored = ops.stop_gradient(nets.generator(photo, training=False))

    def loss_fn():
        on_real = nets.discriminator([grey, ab], training=True)
        on_fake = nets.discriminator([grey, colored], training=True)
        value = (real(on_real) + fake(on_fake)) / 2
        return value, {"critic_loss": value, "critic_right": right_share(on_real, on_fake)}

    _, metrics = minimize(loss_fn, nets.discriminator.trainable_variables, nets.critic_optimizer)
    return {**metrics, "l1": l1(colored, ab)}


def adversarial(nets, phase, photo, ab, trainable):
    """One step of the discriminator, then one of the generator, which must fool it and stay near the truth."""
    metrics = critic(nets, phase, photo, ab, trainable)

    def loss_fn():
        predicted = nets.generator(photo, training=True)
        fooled = real(nets.discriminator([lightness_of(photo), predicted], training=False))
        value = fooled + phase.l1_weight * distance(phase, predicted, ab)
        return value, {"adversarial": fooled, "l1": l1(predicted, ab)}

    loss, generator_metrics = minimize(loss_fn, trainable, nets.optimizer)
    average(nets, phase.ema, nets.optimizer.iterations)
    return {**metrics, **generator_metrics, "loss": loss}


STEPS = {"regression": regression, "critic": critic, "adversarial": adversarial}


def average(nets, decay, iterations):
    """Move the averaged generator a little towards the trained one (Polyak averaging; faster in the first steps)."""
    t = ops.cast(iterations, "float32")
    decay = ops.minimum(decay, (1 + t) / (10 + t))
    learned = {id(v) for v in nets.ema.trainable_variables}
    for kept, trained in zip(nets.ema.variables, nets.generator.variables, strict=True):
        # BatchNorm's statistics are averages already; seeds are no numbers to average.
        kept.assign(decay * kept + (1 - decay) * trained if id(kept) in learned else trained)


def trainable_of(generator, phase):
    """The variables of the generator that a phase trains: all, or those outside the pretrained encoder."""
    if phase.trains == "all":
        return generator.trainable_variables
    encoder = {id(v) for v in generator.get_layer("encoder").variables}
    return [v for v in generator.trainable_variables if id(v) not in encoder]


def make_step(nets, phase, trainable, crop, step=None):
    """The function to compile: ``(photos, ids, table) -> metrics``; ``photos`` are codes on the device, all or some.

    For a network that takes hints it is ``(photos, ids, table, points)``, see `hint_feed.hint_points`: what the step is
    given as ``photo`` is a list then, the photo and the hints.
    """
    run = step or STEPS[phase.step]

    def training_step(*arguments):
        photo, ab = fed(*arguments, crop=crop)
        return run(nets, phase, photo, ab, trainable)

    return training_step


def fed(photos, ids, table, points=None, *, crop):
    """The arguments of a compiled step -> (photo, or photo and hints; ab), as a step function is given them."""
    photo, ab = crops(ops.take(photos, ids, axis=0), table, crop)
    return (photo if points is None else [photo, hint_planes(ab, points)]), ab


def make_validation(nets, crop):
    """``(photos, ids, table) -> {"l1": (B,), "grey": (B,)}``: the averaged generator's error and grey's, per photo."""

    def validation_step(photos, ids, table):
        photo, ab = crops(ops.take(photos, ids, axis=0), table, crop)
        predicted = nets.ema(asked(nets.ema, photo), training=False)
        return {
            "l1": ops.mean(ops.abs(predicted - ab), axis=(1, 2, 3)),
            "grey": ops.mean(ops.abs(ab), axis=(1, 2, 3)),
        }

    return validation_step
