"""The Kaggle set `shravankumar9892/image-colorization`: 25,000 photos of 224x224 as one grey and three ab arrays."""

import hashlib
import json
import os
import shutil
import urllib.request
from pathlib import Path

import cv2
import numpy as np

from .. import color
from ..errors import ColorizeError, reason
from .items import Item

HANDLE = "shravankumar9892/image-colorization"
GREY = "l/gray_scale.npy"
PARTS = ("ab1.npy", "ab2.npy", "ab3.npy")
_A, _B = np.arange(42, 227), np.arange(20, 224)  # the codes that a and b of sRGB colors can have


class KaggleLab:
    """The set in ``folder`` (the layout Kaggle ships), or as kagglehub fetches it. Memory-mapped, nothing is loaded.

    part: 1, 2 or 3 takes only the photos of ab1, ab2 or ab3, as the original project trained in stages. ``luma`` says
    whether the grey array turned out to be BT.601 luma instead of the L of Lab; then L is worked out from luma and ab.
    """

    def __init__(self, folder=None, part=None, say=print):
        if part not in (None, 1, 2, 3):
            raise ColorizeError(f"expected part to be 1, 2 or 3, got {part!r}")
        self.folder = _root(fetched(say=say) if folder is None else Path(folder))
        grey = _open(self.folder / GREY, 3)
        colors = [_open(self.folder / _ab_folder(self.folder) / name, 4) for name in PARTS]
        _check(self.folder, grey, colors)
        starts = np.cumsum([0, *map(len, colors)])
        chosen = range(len(PARTS)) if part is None else [part - 1]
        self.name = "kaggle" if part is None else f"kaggle-part{part}"
        self._pieces = [(grey, int(starts[k]), colors[k]) for k in chosen]
        self.luma = self._is_luma()
        self._table = _table_of_all_codes() if self.luma else None
        kind = "BT.601 luma; L is worked out from it and ab" if self.luma else "the L of Lab"
        say(f"{self.folder}: {len(self):,} photos; gray_scale.npy is {kind}")

    def __len__(self):
        return sum(len(ab) for _, _, ab in self._pieces)

    @property
    def contents(self):
        """A digest that differs for another set: its lengths and the first photo of each part."""
        digest = hashlib.sha256(str((self.luma, [len(ab) for _, _, ab in self._pieces])).encode())
        for grey, first, ab in self._pieces:
            digest.update(grey[first : first + 1].tobytes() + ab[:1].tobytes())
        return digest.hexdigest()[:16]

    def items(self, start=0):
        """The photos from number ``start`` on, as `Item`s with Lab codes."""
        number = 0
        for grey, first, ab in self._pieces:
            for index in range(len(ab)):
                if number >= start:
                    yield self._item(grey, first + index, ab, index)
                number += 1

    def _item(self, grey, position, ab, index):
        return Item(f"{position:05d}", lambda: (self._codes(grey[position], ab[index]), True))

    def _codes(self, grey, ab):
        grey, ab = np.asarray(grey), np.asarray(ab)
        if self.luma:
            # The three codes side by side are one number, by which the table is looked up.
            key = np.zeros((*grey.shape, 4), np.uint8)
            cv2.mixChannels([grey, ab], [key], [0, 0, 2, 1, 1, 2])
            grey = self._table.take(key.view("<u4")[..., 0])
        codes = np.empty((*grey.shape, 3), np.uint8)
        cv2.mixChannels([grey, ab], [codes], [0, 0, 1, 1, 2, 2])
        return codes

    def _is_luma(self, count=144):
        """Whether ab fits the grey array better as luma than as L: which of the two leaves the sRGB gamut less?

        About ``count`` photos are asked, however many parts are taken. What 8 bits alone push outside is less than
        5e-5 a pixel: with so little there is nothing to tell by (photos without strong colors), and L is assumed.
        """
        outside, pixels, share = np.zeros(2), 0, -(-count // len(self._pieces))
        for grey, first, ab in self._pieces:
            for index in np.linspace(0, len(ab) - 1, min(share, len(ab))).astype(int):
                plane = np.asarray(grey[first + index])[::12, ::12]
                chroma = np.asarray(ab[index])[::12, ::12].astype(np.float32) - 128
                as_luma = color.luma_to_lightness(plane / 255, chroma)
                pixels += plane.size
                for k, lightness in enumerate((plane / 2.55, as_luma)):
                    lab = np.concatenate([lightness[..., None], chroma], axis=-1)
                    rgb = color.lab_to_rgb_unbounded(lab)
                    # 0.03: what 8-bit codes alone may push a color outside
                    outside[k] += np.maximum(np.maximum(-rgb, rgb - 1) - 0.03, 0).sum()
        return bool(outside[1] < outside[0] * 0.5 and outside[0] > 5e-5 * pixels)


def lightness_table():
    """uint8 (185, 204, 256): the L code of the color with code a = 42 + i, code b = 20 + j and luma k / 255.

    Luma rises with L at constant a and b, so each row is inverted by interpolation; within half a code of exact.
    """
    grid = np.linspace(0, 100, 256, dtype=np.float32)
    table = np.empty((len(_A), len(_B), 256), np.uint8)
    for i, a in enumerate(_A):
        lab = np.empty((len(_B), 256, 3), np.float32)
        lab[..., 0], lab[..., 1], lab[..., 2] = grid, a - 128, (_B - 128)[:, None]
        luma = color.luma(color.lab_to_rgb_unbounded(lab))
        for j in range(len(_B)):
            table[i, j] = np.rint(np.interp(np.arange(256) / 255, luma[j], grid) * 2.55)
    return table


def _table_of_all_codes():
    """uint8 (2^24,): `lightness_table` by ``(a * 256 + b) * 256 + luma``; ab beyond sRGB counts as its nearest."""
    around = ((_A[0], 255 - _A[-1]), (_B[0], 255 - _B[-1]), (0, 0))
    return np.pad(lightness_table(), around, mode="edge").ravel()


def fetched(handle=HANDLE, say=print):
    """The folder of a Kaggle data set, "OWNER/NAME", as kagglehub fetches and keeps it.

    ColorizeError if there is no room for it, or if it cannot be had and was not fetched earlier.
    """
    earlier = _fetched_earlier(handle)
    if earlier is None:
        _check_room(handle, say)
    try:
        import kagglehub

        return Path(kagglehub.dataset_download(handle))
    except Exception as error:  # noqa: BLE001  (kagglehub and its transports raise many kinds)
        if earlier is not None:
            return earlier
        raise ColorizeError(
            f"could not fetch {handle} from Kaggle: {reason(error)}. Download it and give its folder with --input DIR",
            status=1,
        ) from None


def _cache():
    return Path(os.environ.get("KAGGLEHUB_CACHE") or Path.home() / ".cache" / "kagglehub")


def _check_room(handle, say):
    """Say how large a set is, as Kaggle tells; ColorizeError if the disk has no room for its archive and its files."""
    try:
        with urllib.request.urlopen(f"https://www.kaggle.com/api/v1/datasets/view/{handle}", timeout=20) as answer:
            size = int(json.loads(answer.read())["totalBytes"])
    except (OSError, ValueError, KeyError, TypeError):
        return  # whether it can be had at all is said when it is fetched
    place = next(folder for folder in (_cache(), *_cache().parents) if folder.is_dir())
    free = shutil.disk_usage(place).free
    say(f"{handle}: {size / 1e9:.1f} GB to fetch from Kaggle, {free / 1e9:.1f} GB free in {place}")
    if 2 * size > free:
        raise ColorizeError(
            f"expected {2 * size / 1e9:.1f} GB free in {place} for {handle}, its archive and its files", 1
        )


def _fetched_earlier(handle=HANDLE):
    """The newest whole version in kagglehub's cache, which kagglehub leaves alone while Kaggle is out of reach."""
    place = Path(_cache(), "datasets", *handle.split("/"))
    whole = [int(path.stem) for path in place.glob("*.complete") if path.stem.isdecimal()]
    found = [folder for number in sorted(whole) if (folder := place / "versions" / str(number)).is_dir()]
    return found[-1] if found else None


def _root(folder):
    for root in (folder, folder / "image_colorization_data"):
        if (root / "l").is_dir() or (root / "ab").is_dir():
            return root
    raise ColorizeError(f"expected the Kaggle set ({GREY} and ab/ab/ab1.npy, ab2.npy, ab3.npy) in {folder}")


def _ab_folder(root):
    return "ab/ab" if (root / "ab" / "ab").is_dir() else "ab"


def _open(path, dimensions):
    if not path.is_file():
        raise ColorizeError(f"expected the Kaggle set to have {path}, but it is missing", status=1)
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ColorizeError(f"expected a whole NumPy array in {path}, got: {str(error).splitlines()[0]}", 1) from None
    shape = "(N, H, W)" if dimensions == 3 else "(N, H, W, 2)"
    if array.dtype != np.uint8 or array.ndim != dimensions or (dimensions == 4 and array.shape[3] != 2):
        raise ColorizeError(f"expected {path} to be uint8 {shape}, got {array.dtype} {array.shape}", status=1)
    return array


def _check(folder, grey, colors):
    for name, ab in zip(PARTS, colors, strict=True):
        if ab.shape[1:3] != grey.shape[1:3]:
            raise ColorizeError(
                f"expected {folder / _ab_folder(folder) / name} to have photos of {grey.shape[1:3]} as {GREY} has, "
                f"got {ab.shape[1:3]}",
                status=1,
            )
    total = sum(map(len, colors))
    if total != len(grey):
        raise ColorizeError(
            f"expected {folder / GREY} to have as many photos as ab1, ab2, ab3 together ({total}), got {len(grey)}",
            status=1,
        )
