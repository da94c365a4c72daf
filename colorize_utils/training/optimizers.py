"""Optimizers: AdamW with a slower rate for the pretrained encoder, and the learning-rate schedule."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable("colorize_utils")
class WarmupSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up to ``peak``, then a cosine to zero at ``total_steps`` or the peak for good."""

    def __init__(self, peak, warmup_steps, total_steps, shape="cosine"):
        self.peak, self.shape = peak, shape
        self.warmup_steps, self.total_steps = max(1, min(warmup_steps, total_steps // 5)), max(1, total_steps)

    def __call__(self, step):
        step = ops.cast(step, "float32")
        warm = ops.minimum(1.0, (step + 1) / self.warmup_steps)
        if self.shape == "constant":
            return self.peak * warm
        rest = ops.clip((step - self.warmup_steps) / max(1, self.total_steps - self.warmup_steps), 0.0, 1.0)
        return self.peak * warm * 0.5 * (1 + ops.cos(math.pi * rest))

    def get_config(self):
        return {
            "peak": self.peak,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
            "shape": self.shape,
        }


class LayeredAdamW(keras.optimizers.AdamW):
    """AdamW (Loshchilov and Hutter 2019) whose rate is multiplied by ``slow_rate`` for the variables in ``slow``."""

    def __init__(self, *args, slow=(), slow_rate=1.0, **kwargs):
        super().__init__(*args, **kwargs)
        self._slow, self._slow_rate = {variable.path for variable in slow}, slow_rate
        self._slow_indices = set()

    def build(self, variables):
        super().build(variables)
        self._slow_indices = {index for index, variable in enumerate(variables) if variable.path in self._slow}

    def update_step(self, gradient, variable, learning_rate):
        # By index: TensorFlow hands over its own variable here, which has no path.
        slow = self._get_variable_index(variable) in self._slow_indices
        super().update_step(gradient, variable, learning_rate * self._slow_rate if slow else learning_rate)


def build_optimizers(nets, phase, trainable, steps, precision):
    """Fresh, built optimizers for a phase: (generator's or None, discriminator's or None)."""
    generator = critic = None
    if phase.step != "critic":
        encoder = [layer for layer in nets.generator.layers if layer.name == "encoder"]
        slow = [v for layer in encoder for v in layer.trainable_variables]
        generator = _adamw(phase, phase.rate, steps, "generator_optimizer", slow)
        generator = _built(generator, trainable, precision, "generator_scale")
    if phase.has_critic:
        critic = _adamw(phase, phase.critic_rate, steps, "critic_optimizer")
        critic = _built(critic, nets.discriminator.trainable_variables, precision, "critic_scale")
    return generator, critic


def _adamw(phase, rate, steps, name, slow=()):
    optimizer = LayeredAdamW(
        WarmupSchedule(rate, phase.warmup_steps, steps, phase.schedule),
        weight_decay=phase.weight_decay,
        beta_1=phase.beta_1,
        beta_2=phase.beta_2 or 0.999,
        global_clipnorm=None if phase.has_critic else 1.0,
        slow=slow,
        slow_rate=phase.encoder_rate,
        name=name,
    )
    if phase.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    return optimizer


def _built(optimizer, variables, precision, name):
    if precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, name=name)
    # Built now, so that a checkpoint finds every variable there; unbuilt ones would silently restart at zero.
    optimizer.build(variables)
    return optimizer
