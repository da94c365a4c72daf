"""A step whose loss asks a network that knows photographs: perceptual loss, and a critic on the same features."""

from keras import ops

from ..networks.hint_input import lightness_of
from .backend import minimize
from .steps import average, distance, fake, l1, real, right_share


def feature_distance(maps, truth):
    """Mean absolute difference of two lists of features, each divided by the truth's mean; averaged over the list.

    After Johnson et al. 2016 (section 3.2), with absolute differences, over every stride of the network: the shallow
    ones see colors, the deep ones what these make of the photo.
    """
    parts = []
    for seen, wanted in zip(maps, truth, strict=True):
        seen, wanted = ops.cast(seen, "float32"), ops.cast(wanted, "float32")
        parts.append(ops.mean(ops.abs(seen - wanted)) / (ops.mean(ops.abs(wanted)) + 1e-6))
    return sum(parts) / len(parts)


def meaning_distance(deepest, truth):
    """How far the colored photos are from the true ones as wholes: squared distance over squared length, float32.

    deepest, truth: features (N, H, W, C) of the last stride. What counts is their mean over a photo, as a classifier
    sees it: where in the photo it is seen is left free, unlike in `feature_distance`. For pairs of photos the mean of
    such squared distances is never below the squared Wasserstein distance of the two sets, of which the Fréchet
    distance (Heusel et al. 2017, section 2) is the value for Gaussians.
    """
    seen, wanted = (ops.mean(ops.cast(maps, "float32"), axis=(1, 2)) for maps in (deepest, truth))
    return ops.mean((seen - wanted) ** 2) / (ops.mean(wanted**2) + 1e-6)


def perceptual(nets, phase, photo, ab, trainable):
    """The generator learns from error, features and critic; then the critic from the same features.

    With a ``meaning_weight`` the features of the whole photo count too, see `meaning_distance`.

    The discriminator is a `networks.projected` one, whose backbone looks once at the photo and once at the colored one
    for both losses. With an ``adversarial_weight`` of 0 the critic has no say, and does not learn.
    """
    features, heads = nets.discriminator.get_layer("features"), nets.discriminator.get_layer("heads")
    deepest = len(heads.inputs)  # those it looks at; the loss compares all
    grey = lightness_of(photo)  # the critic is not told what was hinted
    truth = features([grey, ab])

    def generator_loss():
        predicted = nets.generator(photo, training=True)
        maps = features([grey, predicted])
        error, unlike = distance(phase, predicted, ab), feature_distance(maps, truth)
        value = phase.l1_weight * error + phase.perceptual_weight * unlike
        metrics = {"perceptual": unlike, "l1": l1(predicted, ab)}
        if phase.meaning_weight:
            metrics["meaning"] = meaning_distance(maps[-1], truth[-1])
            value += phase.meaning_weight * metrics["meaning"]
        if phase.adversarial_weight:
            metrics["adversarial"] = real(heads(maps[-deepest:], training=False))
            value += phase.adversarial_weight * metrics["adversarial"]
        return value, {**metrics, "loss": value, "maps": maps}

    _, metrics = minimize(generator_loss, trainable, nets.optimizer)
    average(nets, phase.ema, nets.optimizer.iterations)
    maps = [ops.stop_gradient(seen) for seen in metrics.pop("maps")[-deepest:]]
    if not phase.adversarial_weight:
        return metrics

    def critic_loss():
        on_real, on_fake = heads(truth[-deepest:], training=True), heads(maps, training=True)
        value = (real(on_real) + fake(on_fake)) / 2
        return value, {"critic_loss": value, "critic_right": right_share(on_real, on_fake)}

    _, of_critic = minimize(critic_loss, heads.trainable_variables, nets.critic_optimizer)
    return {**of_critic, **metrics}
