"""The one place that knows which Keras backend runs: one step function, compiled for TensorFlow or for JAX.

A step is written statefully, as for eager TensorFlow: it calls `minimize` and assigns to variables. On TensorFlow it is
traced by `tf.function`. On JAX `compile_step` jits a pure function that puts the values of all variables into a
`keras.StatelessScope` and returns the values they have at its end.
"""

import os
from contextlib import contextmanager

import keras
import numpy as np

from ..errors import ColorizeError

BACKEND = keras.backend.backend()


def configure(deterministic):
    """Make runs repeatable bit for bit on a CPU, where the backend needs telling. Returns whether that was possible.

    TensorFlow on a CPU repeats itself only with op determinism *and* one inter-op thread, which can be set only before
    its first operation. JAX on a CPU does so by itself.
    """
    if BACKEND != "tensorflow" or not deterministic:
        return BACKEND == "jax"
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    try:
        tf.config.threading.set_inter_op_parallelism_threads(1)
        return True
    except RuntimeError:  # TensorFlow has started already; what it was started with counts
        started_with = tf.config.threading.get_inter_op_parallelism_threads()
        return (started_with or int(os.environ.get("TF_NUM_INTEROP_THREADS", 0))) == 1


def on_accelerator():
    """Whether a GPU or TPU does the work."""
    if BACKEND == "jax":
        import jax

        return jax.default_backend() != "cpu"
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


@contextmanager
def several_devices(wanted, batch):
    """Inside, variables that are made live on ``wanted`` devices, "all" or a number, and `share` deals batches out.

    It is `keras.distribution.DataParallel`: each device has all variables and computes its part of a batch, and XLA
    joins sums and means over the batch (losses, gradients, BatchNorm's statistics), so that several devices learn what
    one would, up to rounding. ColorizeError (status 2) if they are not there, cannot share ``batch`` photos equally, or
    the backend is TensorFlow and they are more than one.
    """
    count = _count(wanted, batch)
    if count == 1:
        yield
        return
    before = keras.distribution.distribution()
    devices = keras.distribution.list_devices()[:count]
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)


def _count(wanted, batch):
    if wanted == 1:
        return 1
    if wanted != "all" and not (isinstance(wanted, int) and wanted > 0):
        raise ColorizeError(f"expected devices to be all or a number from 1, got {wanted!r}")
    if BACKEND != "jax":
        raise ColorizeError(f"expected JAX to train on several devices, got {BACKEND}: set KERAS_BACKEND=jax")
    there = keras.distribution.list_devices()
    count = len(there) if wanted == "all" else wanted
    if count > len(there):
        raise ColorizeError(f"expected at most {len(there)} devices ({', '.join(there)}), got {wanted}")
    if batch % count:
        raise ColorizeError(f"expected a batch that {count} devices can share equally, got {batch}")
    return count


def to_device(array):
    """Hand an array to the backend once, so that steps can use it without copying it again; whole, to each device."""
    return _placed(array, lambda distribution, array: distribution.get_variable_layout(array))


def share(array):
    """Hand an array to the backend, (B, ...), each of `several_devices` its part of the B."""
    return _placed(array, lambda distribution, array: distribution.get_data_layout(array.shape))


def _placed(array, layout_of):
    distribution = keras.distribution.distribution()
    array = np.asarray(array)
    if distribution is None:
        return keras.ops.convert_to_tensor(array)
    return keras.distribution.distribute_tensor(array, layout_of(distribution, array))


if BACKEND == "jax":
    import jax

    _scopes = []  # the variables of the step being traced, for the scope that `minimize` nests inside

    def compile_step(step, variables):
        """Compile ``step(*arrays) -> dict`` that may read and assign ``variables`` (all it touches, as a list)."""
        variables = list(variables)

        def pure(values, *arrays):
            _scopes.append(variables)
            try:
                with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))) as scope:
                    result = step(*arrays)
                return result, [_value_in(scope, v, old) for v, old in zip(variables, values, strict=True)]
            finally:
                _scopes.pop()

        # Where the variables are they stay: on several devices XLA would be free to cut them into parts.
        places = [v.value.sharding for v in variables] if keras.distribution.distribution() else None
        compiled = jax.jit(pure, donate_argnums=0, out_shardings=(None, places))

        def run(*arrays):
            result, values = compiled([v.value for v in variables], *arrays)
            for variable, value in zip(variables, values, strict=True):
                variable._value = value  # `assign` would copy; the old buffer was donated to this call
            return result

        return run

    def minimize(loss_fn, variables, optimizer):
        """One optimizer step on ``loss_fn() -> (loss, aux)`` with respect to ``variables``; returns (loss, aux)."""
        everything = _scopes[-1]
        trained = {id(v) for v in variables}
        others = [v for v in everything if id(v) not in trained]
        held = [v.value for v in others]

        def pure(values):
            mapping = list(zip(variables, values, strict=True)) + list(zip(others, held, strict=True))
            # A scope does not look into the one around it, so this one is given the values of all variables.
            with keras.StatelessScope(state_mapping=mapping) as scope:
                loss, aux = loss_fn()
                scaled = optimizer.scale_loss(loss)
            changed = [_value_in(scope, v, old) for v, old in zip(others, held, strict=True)]
            return scaled, (loss, aux, changed)

        gradient = jax.value_and_grad(pure, has_aux=True)
        (_, (loss, aux, changed)), gradients = gradient([v.value for v in variables])
        for variable, old, new in zip(others, held, changed, strict=True):
            if new is not old:
                variable.assign(new)
        optimizer.apply(gradients, variables)
        return loss, aux

    def _value_in(scope, variable, default):
        value = scope.get_current_value(variable)
        return default if value is None else value

else:
    import tensorflow as tf

    def compile_step(step, variables):
        """Compile ``step(*arrays) -> dict`` that may read and assign ``variables`` (all it touches, as a list)."""
        del variables  # TensorFlow finds them by itself
        return tf.function(step, jit_compile=False, reduce_retracing=False)

    def minimize(loss_fn, variables, optimizer):
        """One optimizer step on ``loss_fn() -> (loss, aux)`` with respect to ``variables``; returns (loss, aux)."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([v.value for v in variables])
            loss, aux = loss_fn()
            scaled = optimizer.scale_loss(loss)
        optimizer.apply(tape.gradient(scaled, [v.value for v in variables]), variables)
        return loss, aux
