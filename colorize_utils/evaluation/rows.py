"""What is compared: the photos with their truth, and the rows, each of which has one picture for every photo.

Every picture is scored as 8-bit RGB, as it would be saved, whoever made it.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from .. import color
from ..errors import ColorizeError
from ..terminal import shown

GREY, MEAN, TRUTH = "grey", "mean color", "truth"


@dataclass(frozen=True)
class Case:
    """One photo: its name, ``truth`` uint8 (H, W, 3), its ``lab`` float32, ``full``: (H, W) before cropping."""

    name: str
    truth: np.ndarray
    lab: np.ndarray
    full: tuple[int, int]


@dataclass(frozen=True)
class PhotoSet:
    """Photos with truth. ``load(i)`` -> `Case`; ``stamp(i)`` -> bytes that identify photo i; ``text`` describes it."""

    name: str
    text: str
    names: tuple[str, ...]
    load: Callable
    stamp: Callable

    def __len__(self):
        return len(self.names)


@dataclass(frozen=True)
class Row:
    """One line of the table: ``paint(case)`` -> uint8 (H, W, 3). ``reference`` rows are the yardsticks, not models.

    ``parallel``: several photos may be painted at once from several threads.
    """

    name: str
    text: str
    paint: Callable
    reference: bool = False
    parallel: bool = True


def crop(rgb, side, fit):
    """RGB (H, W, 3) -> its center square of ``side`` pixels if both sides have as many, else all of it.

    ``fit="resize"`` first shrinks the short side to ``side`` by area; photos smaller than that are left as they are.
    """
    height, width = rgb.shape[:2]
    short = min(height, width)
    if short < side:
        return rgb
    if fit == "resize" and short > side:
        size = (max(side, round(width * side / short)), max(side, round(height * side / short)))
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        height, width = rgb.shape[:2]
    top, left = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(rgb[top : top + side, left : left + side])


def to_bytes(rgb):
    """Float RGB in [0, 1] -> uint8, rounded to nearest; uint8 is returned as it is."""
    rgb = np.asarray(rgb)
    return rgb if rgb.dtype == np.uint8 else np.rint(np.clip(rgb, 0, 1) * 255).astype(np.uint8)


def case_of(name, rgb, full):
    """RGB (H, W, 3), float in [0, 1] or uint8, cut out of a photo of the shape ``full`` (H, W) -> `Case`."""
    truth = to_bytes(rgb)
    return Case(name, truth, color.rgb_to_lab(truth / np.float32(255)), full)


def photo_folder(folder, side=256, fit="crop"):
    """The color photos of a folder, any depth, in order of their names."""
    from ..photos.reading import find_photos

    folder = Path(folder)
    if not folder.is_dir():
        raise ColorizeError(f"expected a folder of color photos, but there is no folder {folder}")
    paths = [Path(path) for path, _ in find_photos([folder])]
    if not paths:
        raise ColorizeError(f"expected color photos in {folder}, found none (jpg, png, tif, webp, avif, bmp, gif)")
    names = [shown(path.relative_to(folder).as_posix()) for path in paths]
    order = sorted(range(len(names)), key=names.__getitem__)
    paths, names = [paths[i] for i in order], tuple(names[i] for i in order)

    def load(index):
        rgb = _read(paths[index], names[index])
        return case_of(names[index], crop(rgb, side, fit), rgb.shape[:2])

    how = "center crops" if fit == "crop" else "area-resized to that short side, center crops"
    text = f"folder `{folder.resolve().name}`, {side}-px {how} where the photo is that large, full size otherwise"
    return PhotoSet(folder.resolve().name, text, names, load, lambda index: paths[index].read_bytes())


def _read(path, name):
    """`read_photo` -> RGB; its error says ``name`` in place of the path, so that a report is the same anywhere."""
    from ..photos.reading import read_photo

    try:
        return read_photo(path).rgb
    except ColorizeError as error:
        raise ColorizeError(str(error).replace(str(path), name), status=1) from None


def prepared_split(folder, split="test", side=256):
    """A split of a prepared set, at stored size (8-bit Lab), portrait photos turned back."""
    from ..data.batches import PreparedSet

    part = getattr(PreparedSet.open(folder), split)
    if not len(part):
        raise ColorizeError(f"expected photos in the {split} part of {folder}, found none")
    name = Path(folder).resolve().name

    def load(index):
        codes = part.codes[index]
        codes = codes.swapaxes(0, 1) if part.transposed[index] else codes
        rgb = color.lab8_to_rgb(codes)
        return case_of(part.names[index], crop(rgb, side, "crop"), rgb.shape[:2])

    height, width = part.codes.shape[1:3]
    cut = f"{side}-px center crops" if min(height, width) >= side else "whole"
    text = f"{split} part of the prepared set `{name}`, stored at {height}×{width} in 8-bit Lab, {cut}"
    return PhotoSet(f"{name} {split}", text, part.names, load, lambda index: part.codes[index].tobytes())


def digest(photos):
    """SHA-256 over names and contents, in order: equal for equal photos, whatever folder they lie in."""
    total = hashlib.sha256()
    for index, name in enumerate(photos.names):
        total.update(hashlib.sha256(name.encode() + b"\0" + photos.stamp(index)).digest())
    return total.hexdigest()


def reference_rows(mean_ab):
    """The rows every report has: grey (ab = 0), the photos' own mean color, and the truth."""

    def paint(ab):
        return lambda case: to_bytes(
            color.join(case.lab[..., 0], np.broadcast_to(np.float32(ab), (*case.lab.shape[:2], 2)))
        )

    a, b = mean_ab
    return [
        Row(GREY, "ab = 0", paint((0, 0)), True),
        Row(MEAN, f"one color, a {a:.1f} b {b:.1f}: the mean of the true photos", paint(mean_ab), True),
        Row(TRUTH, "the photos themselves", lambda case: case.truth, True),
    ]


def model_rows(name, path=None, size=None, hinted=()):
    """The row of a model file (None: the shipped one), painted from the photos' lightness alone, in a list.

    ``size``: short side of the copy the model sees, by default what its file says. Models are compared fairly at one.
    ``hinted``: for each of these counts another row, ``name+count``, in which the model is given so many `true_hints`.
    """
    from ..inference.colorizer import Colorizer

    colorizer = Colorizer.load(path)
    if size:
        colorizer.size = colorizer.smallest = size
    known = {key: colorizer.meta[key] for key in ("version", "phase", "epoch") if key in colorizer.meta}
    text = [f"model `{Path(path).name}`" if path else "the shipped model", *(f"{k} {v}" for k, v in known.items())]
    sizes = f"{colorizer.smallest} to {colorizer.size}" if colorizer.smallest < colorizer.size else colorizer.size
    text = ", ".join([*text, f"sees copies with a short side of {sizes} px"])
    rows = [Row(name, text, lambda case: painted_by(colorizer, case, f"model {name}"), parallel=False)]
    for count in hinted:
        full = f"{name}+{count}"

        def paint(case, full=full, count=count):
            return painted_by(colorizer, case, f"model {full}", true_hints(case, count))

        rows.append(Row(full, f"{text}, and is given {_given(count)}", paint, parallel=False))
    return rows


def true_hints(case, count):
    """``count`` pixels of a `Case` with their true colors -> `inference.hints.Hints`.

    The places are drawn by the photo's content, those of fewer hints are among those of more, and a hint's ab is the
    mean of the 3x3 pixels round it, as it would be for someone who knows the colors and points at things.
    """
    from ..inference.hints.given import Hints

    height, width = case.truth.shape[:2]
    seed = int.from_bytes(hashlib.sha256(case.truth.tobytes()).digest()[:8], "big")
    cells = np.random.default_rng(seed).permutation(height * width)[:count]
    rows, columns = np.divmod(cells.astype(np.int64), width)
    near = cv2.blur(np.ascontiguousarray(case.lab[..., 1:]), (3, 3), borderType=cv2.BORDER_REPLICATE)
    return Hints(rows, columns, near[rows, columns], (height, width))


def _given(count):
    return f"the true color of {count} pixel{'s' * (count != 1)} a photo"


def levin_row(count):
    """A row by Levin et al. 2004: no network, ``count`` pixels of each photo are given with their true color."""
    from ..inference.colorizer import Colorizer

    name, colorizer = f"levin-{count}", Colorizer(None)
    text = _given(count) if count else "no hint: grey"
    return Row(
        name,
        f"Levin et al. 2004, given {text}",
        lambda case: painted_by(colorizer, case, name, true_hints(case, count)),
    )


def painted_by(colorizer, case, maker, hints=None):
    """What a colorizer makes of a `Case` -> uint8 (H, W, 3). It is given a photo without any color."""
    grey = np.repeat(color.grey_from_lightness(case.lab[..., 0])[..., None], 3, axis=-1)
    try:
        return _accept(np.asarray(colorizer(grey) if hints is None else colorizer(grey, hints=hints)), case, maker)
    except ColorizeError as error:
        line = str(error)
        raise error if line.startswith(maker) else ColorizeError(f"{maker}: {case.name}: {line}", 1) from None


def _accept(rgb, case, maker):
    if rgb.shape != case.truth.shape:
        raise ColorizeError(
            f"{maker}: {case.name}: expected a picture of {case.truth.shape}, got {rgb.shape}", status=1
        )
    if not np.isfinite(rgb).all():
        raise ColorizeError(f"{maker}: {case.name}: expected finite colors, got NaN or infinity", status=1)
    return to_bytes(rgb)


def picture_row(name, folder, side=256, fit="crop"):
    """A row of pictures some other tool made, found by the photo's relative name, else by that name with any suffix.

    A picture as large as the photo is cut as the photo was; one as large as the cut is taken whole; else it is refused.
    """
    from ..photos.reading import find_photos

    folder, exact, alike = Path(folder), {}, {}
    if not folder.is_dir():
        raise ColorizeError(f"pictures {name}: expected a folder, but there is no folder {folder}")
    for path, _ in find_photos([folder]):
        known = shown(path.relative_to(folder).as_posix())
        exact[known] = path
        alike.setdefault(_bare(known), []).append(known)

    def paint(case):
        found = [case.name] if case.name in exact else alike.get(_bare(case.name), [])
        if not found:
            missing = f"{folder.name} has no {_bare(case.name)}.*"
            raise ColorizeError(f"pictures {name}: expected a picture for {case.name}, but {missing}", 1)
        if len(found) > 1:
            raise ColorizeError(f"pictures {name}: expected one picture for {case.name}, got {' and '.join(found)}", 1)
        rgb = _read(exact[found[0]], f"pictures {name}: {found[0]}")
        if rgb.shape[:2] == tuple(case.full):
            rgb = crop(rgb, side, fit)
        elif rgb.shape != case.truth.shape:
            (h, w), (ch, cw) = case.full, case.truth.shape[:2]
            got = f"{rgb.shape[1]}×{rgb.shape[0]}"
            raise ColorizeError(
                f"pictures {name}: {found[0]}: expected {w}×{h} or {cw}×{ch} pixels, got {got}", status=1
            )
        return _accept(rgb, case, f"pictures {name}")

    return Row(name, f"pictures in `{folder.resolve().name}`", paint)


def _bare(name):
    return Path(name).with_suffix("").as_posix()
