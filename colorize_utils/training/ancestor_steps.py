"""The training steps of the systems this project descends from: pix2pix's, and classification over bins of color."""

from keras import ops

from ..color import AB_SCALE
from ..networks import bins
from .backend import minimize
from .steps import average, fake, l1, real, right_share


def pix2pix(nets, phase, photo, ab, trainable):
    """Isola et al. 2017, section 3.3 and train.lua: the critic against photo and generator, then the generator.

    Both networks run as in training throughout: dropout is the generator's noise, and each batch is normalized by its
    own statistics, real and colored ones apart. The critic's loss is halved (section 3.3; the predecessor did not).
    The generator runs once for each, with noise of its own, where the released code keeps the first answer.
    """
    colored = ops.stop_gradient(nets.generator(photo, training=True))

    def critic_loss():
        on_real = nets.discriminator([photo, ab], training=True)
        on_fake = nets.discriminator([photo, colored], training=True)
        value = (real(on_real) + fake(on_fake)) / 2
        return value, {"critic_loss": value, "critic_right": right_share(on_real, on_fake)}

    _, critic_metrics = minimize(critic_loss, nets.discriminator.trainable_variables, nets.critic_optimizer)

    def loss():
        predicted = nets.generator(photo, training=True)
        fooled = real(nets.discriminator([photo, predicted], training=True))
        value = fooled + phase.l1_weight * l1(predicted, ab)
        return value, {"loss": value, "adversarial": fooled, "l1": l1(predicted, ab)}

    _, metrics = minimize(loss, trainable, nets.optimizer)
    average(nets, phase.ema, nets.optimizer.iterations)
    return {**critic_metrics, **metrics}


def classification(generator, settings, codes):
    """A step that learns bins of color by rebalanced cross-entropy (Zhang et al. 2016, section 2.2).

    settings: `recipes.BinsLoss`. codes: the training photos, uint8 Lab (N, H, W, 3), on which the bins' frequency is
    measured, again whenever a phase is begun or resumed: the same photos give the same weights.
    """
    mean = generator.get_layer("annealed_mean")
    centers = bins.in_gamut_bins(mean.grid)
    prior = bins.measure_prior(codes, centers, settings.neighbors, settings.sigma, settings.smoothing)
    rarity = bins.rebalancing(prior, settings.mixing)
    head = bins.logits_of(generator)

    def step(nets, phase, photo, ab, trainable):
        # One pixel near the middle of each 4x4 stands for it: a mean of two colors would be a third one.
        truth = ab[:, 2 :: bins.STRIDE, 2 :: bins.STRIDE] * AB_SCALE
        indices, weights = bins.encode(truth, centers, settings.neighbors, settings.sigma)
        pixel_weights = ops.take(ops.convert_to_tensor(rarity), indices[..., 0])
        # A photo without a pixel of some color has nothing to teach (NonGrayMaskLayer of the released code).
        colorful = ops.max(ops.abs(ab), axis=(1, 2, 3)) * AB_SCALE > settings.grey_below
        kept = ops.cast(colorful, "float32")[:, None, None] * ops.ones_like(pixel_weights)

        def loss_fn():
            logits = head(photo, training=True)
            errors = bins.cross_entropy(logits, indices, weights) * pixel_weights
            value = ops.sum(errors * kept) / ops.maximum(ops.sum(kept), 1.0)
            predicted = bins.decode(ops.stop_gradient(logits), centers, mean.temperature)
            return value, {"loss": value, "l1": l1(predicted, truth) / AB_SCALE}

        _, metrics = minimize(loss_fn, trainable, nets.optimizer)
        average(nets, phase.ema, nets.optimizer.iterations)
        return metrics

    return step
