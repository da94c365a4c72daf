"""The feed of a run: from a prepared set to photo and colors as tensors, cropped, flipped, zoomed and faded."""

from dataclasses import dataclass, field

import numpy as np
from keras import ops

from ..color import normalize_lab8
from ..data.batches import ZOOM, PreparedSet, rows_of_part, step_photos, step_table, still_table
from . import backend
from .hint_feed import HINTED, hint_points
from .phases import Preset


@dataclass
class Feed:
    """Hands out the batches of a run, as the arguments of a compiled step (see `steps.make_step`).

    These are codes uint8 (N, H, W, 3), ids int32 (B,) into them, and the step's table float32 (B, 7 or 8). The codes
    are this batch's; where ``resident``, on an accelerator, they are all of that part of the set, which stay there.
    With ``hints``, for a network that takes them, training batches have a fourth, as `hint_feed.hint_points` draws it.
    ``hinted`` is the share of photos that have some, a number a phase (None, or none at all: `hint_feed.HINTED`).
    """

    data: PreparedSet
    preset: Preset
    seed: int
    resident: bool = False
    hints: bool = False
    hinted: tuple[float | None, ...] = ()
    _codes: dict = field(default_factory=dict)  # split name -> codes on the device
    _rows: dict = field(default_factory=dict)  # part of the training photos, or None -> their rows

    def rows(self, part=None):
        """Which of the training photos belong to a phase's part: int64 (n,)."""
        if part not in self._rows:
            self._rows[part] = rows_of_part(self.data, part)
        return self._rows[part]

    def steps_per_epoch(self, part=None):
        """How many steps an epoch has in a phase that sees this part."""
        count = len(self.rows(part))
        return max(1, min(self.preset.epoch_photos or count, count) // self.preset.batch)

    def batch(self, index, part, step):
        """Step ``step`` of phase number ``index``, which sees ``part`` -> (rows of its photos, arguments)."""
        return self._drawn(index, part, step)

    def seen(self, index, part, steps):
        """The arguments of steps that were taken, again, one after the other."""
        return (self._drawn(index, part, step)[1] for step in steps)

    def _drawn(self, index, part, step):
        preset, split, rows = self.preset, self.data.train, self.rows(part)
        places = step_photos(self.seed, index, step, len(rows), preset.batch, self.steps_per_epoch(part))
        ids = rows[places]
        changes = (preset.crop, preset.lightness, preset.zoom)
        table = step_table(self.seed, index, step, split.codes.shape[1:3], split.transposed[ids], *changes)
        arguments = self._arguments("train", ids, table)
        if self.hints:
            share = self.hinted[index] if index < len(self.hinted) else None
            share = HINTED if share is None else share
            points = hint_points(self.seed, index, step, preset.batch, preset.crop, share)
            arguments = *arguments, backend.share(points)
        return ids, arguments

    def validation(self):
        """The validation photos, batch by batch -> (how many of the batch count, arguments)."""
        split, preset = self.data.val, self.preset
        chosen = np.linspace(0, len(split) - 1, min(preset.val_photos or len(split), len(split))).astype(int)
        for start in range(0, len(chosen), preset.batch):
            ids = chosen[start : start + preset.batch]
            count = len(ids)
            ids = np.resize(ids, preset.batch)  # one shape, one compilation; the repeats do not count
            table = still_table(split.codes.shape[1:3], split.transposed[ids], preset.crop)
            yield count, self._arguments("val", ids, table)

    def _arguments(self, name, ids, table):
        split = getattr(self.data, name)
        if self.resident:
            if name not in self._codes:
                self._codes[name] = backend.to_device(split.codes)
            codes = self._codes[name]
        else:
            codes, ids = backend.share(split.codes[ids]), np.arange(len(ids))
        return codes, backend.share(ids.astype(np.int32)), backend.share(table)


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
