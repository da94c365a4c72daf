"""The feed of a step: from a prepared set to photo and colors as tensors, cropped, flipped, zoomed and faded."""

import numpy as np
from keras import ops

from ..color import normalize_lab8
from ..data.batches import ZOOM, step_table
from . import backend


def batch_of(context, index, step, ids):
    """The arguments of a training step: codes (all of them on an accelerator, else this batch's), ids, table."""
    preset, split = context.preset, context.data.train
    shape = split.codes.shape[1:3]
    changes = (preset.crop, preset.lightness, preset.zoom)
    table = step_table(context.seed, index, step, shape, split.transposed[ids], *changes)
    return arguments(context, "train", ids, table)


def _photos(context, name):
    if context.on_device and name not in context.photos:
        context.photos[name] = backend.to_device(getattr(context.data, name).codes)
    return context.photos.get(name)


def arguments(context, name, ids, table):
    """The tensors of a compiled step: codes uint8 (N, H, W, 3), ids int32 (B,) into them, the step's table (B, 7).

    name: "train" or "val". On an accelerator the codes are all of that part, which stay there; else this batch's.
    """
    photos = _photos(context, name)
    if photos is None:
        photos, ids = backend.share(getattr(context.data, name).codes[ids]), np.arange(len(ids))
    return photos, backend.share(ids.astype(np.int32)), backend.share(table)


def crops(codes, table, crop):
    """Lab codes uint8 (B, H, W, 3), a step's table (B, 7 or 8) -> L/50-1 (B, crop, crop, 1), ab/110 (B, crop, crop, 2).

    Crop, flip, zoom and the turning of portrait photos are one gather of pixels, so L and ab cannot come apart.
    """
    whole = ops.cast(table[:, 2:4], "int32")[:, :, None, None]
    flip, transposed = whole[:, 0], whole[:, 1]
    i, j = ops.arange(crop)[None, :, None], ops.arange(crop)[None, None, :]
    j = ops.where(flip == 1, crop - 1 - j, j)
    row, column = ops.where(transposed == 1, j, i), ops.where(transposed == 1, i, j)
    take = _pixels if table.shape[1] <= ZOOM else _between_pixels
    normalized_l, ab = normalize_lab8(take(codes, table, row, column))
    gamma, black, white = (table[:, k, None, None, None] for k in (4, 5, 6))
    brightness = ops.maximum((normalized_l + 1) / 2, 1e-6) ** gamma
    return (black + (white - black) * brightness) * 2 - 1, ab


def _pixels(codes, table, row, column):
    """The pixels at whole ``row`` and ``column`` (B, crop, crop), counted from the crops' corners: float32 codes."""
    batch, height, width, _ = codes.shape
    corner = ops.cast(table[:, :2], "int32")[:, :, None, None]
    pixel = (ops.arange(batch)[:, None, None] * height + corner[:, 0] + row) * width + corner[:, 1] + column
    return ops.cast(ops.take(ops.reshape(codes, (batch * height * width, 3)), pixel, axis=0), "float32")


def _between_pixels(codes, table, row, column):
    """As `_pixels`, each pixel of the crop as wide as the table's zoom says: bilinear between the four nearest."""
    batch, height, width, _ = codes.shape
    zoom, flat = table[:, ZOOM, None, None], ops.reshape(codes, (batch * height * width, 3))
    sides = []
    for corner, place, size in ((table[:, 0], row, height), (table[:, 1], column, width)):
        at = corner[:, None, None] + (ops.cast(place, "float32") + 0.5) * zoom - 0.5
        at = ops.clip(at, 0.0, size - 1.0)
        before = ops.floor(at)
        near = ops.cast(before, "int32")
        sides.append(((near, 1 - (at - before)), (ops.minimum(near + 1, size - 1), at - before)))
    first = ops.arange(batch)[:, None, None] * height
    return sum(
        (down * across)[..., None] * ops.cast(ops.take(flat, (first + y) * width + x, axis=0), "float32")
        for y, down in sides[0]
        for x, across in sides[1]
    )
