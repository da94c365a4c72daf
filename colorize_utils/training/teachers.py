"""Teachers: finished models whose mean answer is learned in place of the truth.

Of several models each errs in its own way, so the mean of their answers is nearer to the truth and to photographs than
any of them; one network that has learned this mean gives it in the time of one (Hinton et al. 2015, Distilling the
Knowledge in a Neural Network). The mean of weights needs models of one training, this does not.
"""

from keras import ops

from ..errors import ColorizeError
from ..networks import COLORIZERS, takes_hints
from ..networks.fold import fold_norms
from ..networks.hint_input import asked, lightness_of


def load_teachers(paths):
    """The networks of model files, for `taught`. ColorizeError for a file that holds none that colorizes."""
    from ..weights import load_network

    teachers = []
    for path in paths:
        network, spec, _ = load_network(path)
        if spec.get("network") not in COLORIZERS:
            raise ColorizeError(f"expected a teacher that colorizes, but {path} holds a {spec.get('network')}", 1)
        teachers.append(fold_norms(network))
    return teachers


def taught(teachers, photo, ab):
    """What is to be learned of a batch, ab/110 (N, H, W, 2): the mean of the teachers' answers; without any the truth.

    photo: as a step is given it, L/50-1 (N, H, W, 1), or a list of that and the hints. Of a photo with hints teachers
    that take none say nothing, and if that is all of them the truth is learned. ab: the truth.
    """
    if not teachers:
        return ab
    grey, hints = lightness_of(photo), photo[1] if isinstance(photo, (list, tuple)) else None
    some = ops.zeros_like(grey[:, :1, :1]) if hints is None else ops.max(hints[..., 2:], axis=(1, 2), keepdims=True)
    total, voices = ops.zeros_like(ab), ops.zeros_like(some)
    for teacher in teachers:
        says = ops.ones_like(some) if takes_hints(teacher) else 1 - some
        answer = ops.cast(teacher(asked(teacher, grey, hints), training=False), ab.dtype)
        total, voices = total + says * answer, voices + says
    return ops.stop_gradient(ops.where(voices > 0, total / ops.maximum(voices, 1), ab))
