"""The same few validation photos, drawn after every epoch: grey, colored by the network so far, and the truth."""

import numpy as np
from PIL import Image

from ..color import decode_lab8, denormalize, lab8_to_rgb, lab_to_rgb
from ..disk import whole
from ..networks.hint_input import asked


def draw_samples(generator, split, path, count=8, size=128, stride=32):
    """Write a PNG with ``count`` columns (evenly spaced photos of ``split``) and three rows: grey, colored, truth.

    stride: what the sides of a photo have to be multiples of for the generator.
    """
    if not len(split):
        return
    ids = np.linspace(0, len(split) - 1, min(count, len(split))).astype(int)
    height, width = split.codes.shape[1:3]
    size = max(stride, min(size // stride * stride, height // stride * stride, width // stride * stride))
    top, left = (height - size) // 2, (width - size) // 2
    codes = np.stack([np.asarray(split.codes[i, top : top + size, left : left + size]) for i in ids])
    codes = np.where(split.transposed[ids][:, None, None, None], codes.transpose(0, 2, 1, 3), codes)
    lab = decode_lab8(codes)
    normalized_l = lab[..., :1] / 50 - 1
    predicted = np.asarray(generator(asked(generator, normalized_l), training=False))
    painted = [lab_to_rgb(denormalize(normalized_l, ab)) for ab in (predicted * 0, predicted)]
    rows = [np.concatenate(list(row), axis=1) for row in (*painted, lab8_to_rgb(codes))]
    picture = np.concatenate(rows, axis=0)
    image = Image.fromarray(np.rint(picture * 255).astype(np.uint8))
    with whole(path) as temporary:
        image.save(temporary, format="PNG")
