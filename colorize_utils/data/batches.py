"""A prepared set opened for reading, and the random draws of training: each a function of (seed, phase, step)."""

import csv
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import ColorizeError
from .digests import check_sampled

ORDER, AUGMENT = 1, 2  # streams: NumPy pads short seeds with zeros, so all four words are always given

TABLE_COLUMNS = ("row", "column", "flip", "transposed", "gamma", "black", "white")
ZOOM = len(TABLE_COLUMNS)  # the column behind them, where photos are enlarged or reduced too


@dataclass(frozen=True)
class Split:
    """One part of a prepared set: ``codes`` uint8 (N, H, W, 3) memory-mapped, ``transposed`` bool (N,), ``names``."""

    codes: np.ndarray
    transposed: np.ndarray
    names: tuple[str, ...]

    def __len__(self):
        return len(self.codes)


@dataclass(frozen=True)
class PreparedSet:
    """What `prepare` wrote: train, val and test, the settings it was made with, and two digests.

    ``fingerprint`` is that of the index: which photos these are. ``digest`` is that of a sample of the arrays: what is
    stored of them (see `digests`); ``vouched`` says that `prepare` wrote it down, as it does since version 0.7.0.
    """

    folder: Path
    train: Split
    val: Split
    test: Split
    settings: dict
    fingerprint: str
    digest: str
    vouched: bool

    @classmethod
    def open(cls, folder):
        """Open a prepared set.

        One-line ColorizeError if it is none, unfinished, changed since, or its parts do not fit together.
        """
        folder = Path(folder)
        if not (folder / "settings.json").is_file() or not (folder / "index.csv").is_file():
            raise ColorizeError(
                f"expected a prepared set (train.npy, val.npy, test.npy, index.csv, settings.json) in {folder}; "
                f"make one with: python -m colorize_utils prepare --source samples --output {folder}"
            )
        index, kept = _read_index(folder / "index.csv")
        splits = {name: _open_split(folder, name, kept[name]) for name in kept}
        settings = _read_settings(folder / "settings.json")
        fingerprint = hashlib.sha256(index).hexdigest()
        digest, vouched = check_sampled(folder, settings), "digests" in settings
        return cls(folder, **splits, settings=settings, fingerprint=fingerprint, digest=digest, vouched=vouched)


def _read_index(path):
    """index.csv -> (its bytes, the rows that were kept: dict split -> list of dicts in the order of the arrays)."""
    kept = {"train": [], "val": [], "test": []}
    try:
        index = path.read_bytes()
        for row in csv.DictReader(io.StringIO(index.decode("utf-8"), newline="")):
            if not row["reason"]:
                kept[row["split"]].append(row | {"row": int(row["row"]), "transposed": row["transposed"] == "1"})
    except (OSError, KeyError, TypeError, ValueError, csv.Error):
        raise ColorizeError(f"expected the index that prepare writes in {path}, got something else", 1) from None
    return index, {split: sorted(rows, key=lambda row: row["row"]) for split, rows in kept.items()}


def _read_settings(path):
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        settings = None
    if not isinstance(settings, dict):
        raise ColorizeError(f"expected the settings of a prepared set in {path}, got something else", status=1)
    return settings


def _open_split(folder, name, kept):
    path = folder / f"{name}.npy"
    try:
        codes = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ColorizeError(f"expected a NumPy array in {path}: {str(error).splitlines()[0]}", status=1) from None
    if codes.dtype != np.uint8 or codes.ndim != 4 or codes.shape[-1] != 3 or len(codes) != len(kept):
        raise ColorizeError(
            f"expected {path} to hold {len(kept)} photos as uint8 (N, H, W, 3), as index.csv says, "
            f"got {codes.dtype} {codes.shape}",
            status=1,
        )
    transposed = np.array([row["transposed"] for row in kept], bool)
    return Split(codes, transposed, tuple(row["name"] for row in kept))


def rows_of_part(data, part=None):
    """The rows of ``data.train`` that belong to part 1, 2 or 3 of the photos: int64 (n,). None: all of them.

    Of the whole Kaggle set these are the photos of ab1, ab2 and ab3, told by their numbers: two, two and one fifth of
    all, whatever the filters left out. Of any other set they are every third photo, so that the parts are alike and
    equally many. ColorizeError if there is none.
    """
    rows = np.arange(len(data.train))
    if part is None:
        return rows
    if part not in (1, 2, 3):
        raise ColorizeError(f"expected part to be 1, 2 or 3, got {part!r}")
    if data.settings.get("source") == "kaggle":
        with open(data.folder / "index.csv", encoding="utf-8", newline="") as file:
            count = sum(1 for _ in csv.DictReader(file))
        numbers = np.array([int(name) for name in data.train.names], int)
        rows = rows[np.searchsorted([count * 2 // 5, count * 4 // 5], numbers, side="right") == part - 1]
    else:
        rows = rows[part - 1 :: 3]
    if not len(rows):
        raise ColorizeError(f"expected photos in part {part} of those in {data.folder}, got none", status=1)
    return rows


def epoch_order(seed, phase, epoch, count):
    """The order of the photos in an epoch: a permutation of 0..count-1, the same whenever it is asked for."""
    return np.random.default_rng([seed, ORDER, phase, epoch]).permutation(count)


def step_photos(seed, phase, step, count, batch, steps_per_epoch):
    """Which photos step ``step`` of a phase sees: int64 (batch,). An epoch that is short of a batch wraps around."""
    order = epoch_order(seed, phase, step // steps_per_epoch, count)
    start = (step % steps_per_epoch) * batch
    return np.take(order, np.arange(start, start + batch), mode="wrap")


def step_table(seed, phase, step, split_shape, transposed, crop, lightness=True, zoom=None):
    """The random draws of one training step: float32 (batch, 7 or 8), a row a photo, columns `TABLE_COLUMNS`.

    row, column: the crop's corner in the stored photo. flip: 0 or 1, half of the photos, each on its own. transposed:
    1 undoes the turning of a portrait photo. gamma, black, white: how the lightness is changed, as in old prints
    (``black + (white - black) * L ** gamma`` with L in [0, 1]); 1, 0, 1 leave it alone, as for half of the photos.
    zoom: (low, high), how many stored pixels a pixel of the crop is wide; one more column, drawn between the two (all
    ratios alike likely), with the corner anywhere between pixels. None: 1, and no such column.
    """
    height, width = split_shape
    smallest, largest = zoom or (1, 1)
    if not 0 < smallest <= largest:
        raise ColorizeError(f"expected zoom to be two numbers above 0, the smaller one first, got {list(zoom)}")
    if min(height, width) < crop * largest:
        raise ColorizeError(
            f"expected stored photos of {crop}x{crop} or more for this preset"
            f"{f', {largest} times that for this zoom' if zoom else ''}, got {height}x{width}"
        )
    rng = np.random.default_rng([seed, AUGMENT, phase, step])
    batch = len(transposed)
    table = np.empty((batch, len(TABLE_COLUMNS)), np.float32)
    table[:, 0] = rng.integers(0, height - crop + 1, batch)
    table[:, 1] = rng.integers(0, width - crop + 1, batch)
    table[:, 2] = rng.integers(0, 2, batch)
    table[:, 3] = transposed
    changed = rng.integers(0, 2, batch) * bool(lightness)
    table[:, 4] = np.exp(changed * rng.normal(0, 0.2, batch))
    table[:, 5] = changed * rng.uniform(0, 0.12, batch)
    table[:, 6] = 1 - changed * rng.uniform(0, 0.12, batch)
    if not zoom:
        return table
    factor = np.exp(rng.uniform(np.log(smallest), np.log(largest), batch))
    corner = rng.uniform(0, 1, (2, batch)) * (np.array([[height], [width]]) - crop * factor)
    table[:, :2] = corner.T
    return np.column_stack([table, factor.astype(np.float32)])


def still_table(split_shape, transposed, crop):
    """The table that changes nothing: center crops, no flips. For validation and for the sample pictures."""
    height, width = split_shape
    if height < crop or width < crop:
        raise ColorizeError(f"expected stored photos of {crop}x{crop} or more for this preset, got {height}x{width}")
    table = np.zeros((len(transposed), len(TABLE_COLUMNS)), np.float32)
    table[:, 0], table[:, 1] = (height - crop) // 2, (width - crop) // 2
    table[:, 3] = transposed
    table[:, 4], table[:, 6] = 1, 1
    return table
