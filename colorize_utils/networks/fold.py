"""Batch normalization folded into the convolutions before it: the same network with half the layers, for inference."""

import keras
import numpy as np

from .unet import Encoder

CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)


def for_inference(model):
    """A trained functional model -> `fold_norms` of it, whose plain call ``model(x)`` runs as one graph on TensorFlow.

    Layer by layer TensorFlow spends two thirds of a small photo's time between the layers (`benchmarks/speed.py`).
    Elsewhere, and in ``predict``, Keras compiles by itself.
    """
    folded = fold_norms(model)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        folded.call = tf.function(folded.call, reduce_retracing=True)
    return folded


def fold_norms(model):
    """A functional model -> one that gives the same answers (up to float rounding) in inference, and is faster.

    Where a BatchNormalization is all that sees the output of a convolution without activation, its scale and offset, as
    its moving statistics make them, become part of the convolution's kernel and bias, and it is left out (Jacob et al.
    2018, section 3.2). Models nested in an `unet.Encoder` are folded too. The model given is not changed. Not for
    training: what batch normalization would learn and measure is gone.
    """
    pairs = _pairs(model)
    norms = {norm.name for _, norm in pairs}
    known = {convolution.name: norm for convolution, norm in pairs}

    def clone(layer):
        if layer.name in known:
            return type(layer).from_config({**layer.get_config(), "use_bias": True})
        if isinstance(layer, Encoder):
            return Encoder(layer.backbone, features=fold_norms(layer.features), name=layer.name)
        return type(layer).from_config(layer.get_config())

    def call(layer, *args, **kwargs):
        return args[0] if layer.name in norms else layer(*args, **kwargs)

    folded = keras.models.clone_model(model, clone_function=clone, call_function=call)
    for layer in model.layers:
        if layer.name in norms or not layer.weights or isinstance(layer, Encoder):
            continue
        weights = layer.get_weights()
        if layer.name in known:
            weights = _folded(layer, weights, known[layer.name])
        folded.get_layer(layer.name).set_weights(weights)
    return folded


def _pairs(model):
    """[(convolution, the BatchNormalization that alone sees its output)] of a functional model."""
    pairs = []
    for layer in model.layers:
        # Each once: layers that two models share (`hint_input.without_hints`) are connected once for each of them.
        consumers = list(dict.fromkeys(n.operation for n in layer._outbound_nodes if n.operation in model.operations))
        if (
            isinstance(layer, CONVOLUTIONS)
            and layer.activation is keras.activations.linear
            and len(consumers) == 1
            and isinstance(consumers[0], keras.layers.BatchNormalization)
            and all(output is not layer.output for output in model.outputs)
        ):
            pairs.append((layer, consumers[0]))
    return pairs


def _folded(convolution, weights, norm):
    kernel, bias = weights[0], weights[1] if len(weights) > 1 else 0.0
    mean, variance = np.asarray(norm.moving_mean), np.asarray(norm.moving_variance)
    scale = 1 / np.sqrt(variance + norm.epsilon)
    scale = scale * np.asarray(norm.gamma) if norm.scale else scale
    offset = np.asarray(norm.beta) if norm.center else 0.0
    # A depthwise kernel is (h, w, channels, 1), any other (h, w, in, channels).
    axis = scale[:, None] if isinstance(convolution, keras.layers.DepthwiseConv2D) else scale
    return [kernel * axis, (bias - mean) * scale + offset]
