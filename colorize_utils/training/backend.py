"""The one place that knows which Keras backend runs: one step function, compiled for TensorFlow or for JAX.

A step is written statefully, as for eager TensorFlow: it calls `minimise` and assigns to variables. On TensorFlow it is
traced by `tf.function`. On JAX `compile_step` jits a pure function that puts the values of all variables into a
`keras.StatelessScope` and returns the values they have at its end.
"""

import os

import keras
import numpy as np

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


def to_device(array):
    """Hand an array to the backend once, so that steps can use it without copying it again."""
    return keras.ops.convert_to_tensor(np.asarray(array))


if BACKEND == "jax":
    import jax

    _scopes = []  # the variables of the step being traced, for the scope that `minimise` nests inside

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

        compiled = jax.jit(pure, donate_argnums=0)

        def run(*arrays):
            result, values = compiled([v.value for v in variables], *arrays)
            for variable, value in zip(variables, values, strict=True):
                variable._value = value  # `assign` would copy; the old buffer was donated to this call
            return result

        return run

    def minimise(loss_fn, variables, optimizer):
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

    def minimise(loss_fn, variables, optimizer):
        """One optimizer step on ``loss_fn() -> (loss, aux)`` with respect to ``variables``; returns (loss, aux)."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([v.value for v in variables])
            loss, aux = loss_fn()
            scaled = optimizer.scale_loss(loss)
        optimizer.apply(tape.gradient(scaled, [v.value for v in variables]), variables)
        return loss, aux
