"""The photos one visitor has dropped, their pictures in color, and the folder both lie in. Knows nothing of Gradio."""

import os
import re
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ..errors import ColorizeError, reason
from ..inference.archive import pack_folder
from ..inference.folders import colorize_files, maker_of
from ..inference.outputs import folded, name_of, numbered
from ..photos.reading import read_photo
from .turns import Left

PREVIEW, THUMB = 1600, 240  # pixels, the long side of what the browser shows
GLANCE = 800  # of what is colored for a glance, which is seen for half a second
CANVAS = 1000  # the least that the long side of what is clicked on has
MOST_PHOTOS = 1000  # of one visitor
DOT = 1 / 90  # radius of a hint's mark, as a share of the preview's long side
_PART = r"(\d{1,9}(?:\.\d*)?)"
_COLOR = re.compile(rf"rgba?\({_PART},{_PART},{_PART}(?:,[\d.]+)?\)")


@dataclass(eq=False)
class Item:
    """One photo. ``points`` are its hints: (x, y, "#rrggbb"), x and y as shares (0..1) of width and height."""

    number: int
    photo: Path
    picture: Path  # in color, at full size: what is downloaded
    points: list = field(default_factory=list)
    shape: tuple | None = None  # (H, W) of the photo, upright, once it was read
    notes: list = field(default_factory=list)  # what a person should know of it, a line each
    before: Path | None = None  # previews, upright, in sRGB
    after: Path | None = None
    thumb: Path | None = None
    version: int = 0  # how often it was colored: previews get new names, or a browser would show the old ones

    @property
    def name(self):
        return self.picture.name


@dataclass
class Session:
    """What one visitor has on the page. ``failed`` holds (name, reason) of what could not be colored."""

    folder: Path
    most: int = 4_000_000_000  # bytes of all that lies there
    visit: str | None = None  # whose connection tells that somebody is there, as `turns.Presence` knows it
    used: float = 0.0  # when, by `time.monotonic`
    items: list = field(default_factory=list)  # those in color, and those of which there is a glance
    failed: list = field(default_factory=list)
    at: int = 0  # the item that is looked at
    _photos: list = field(default_factory=list)  # (photo, its folder) of all
    _names: dict = field(default_factory=dict)  # photo -> path of its picture
    _count: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def current(self):
        """The item that is looked at; None where there is none."""
        return self.items[self.at] if self.at < len(self.items) else None

    def share(self, place):
        """(x, y) in pixels of what `with_marks` gives -> the same place as shares (0..1) of width and height."""
        with Image.open(self.current.after) as image:
            sides = _canvas_size(image.size)
        return tuple(min(1.0, max(0.0, at / max(1, side - 1))) for at, side in zip(place, sides, strict=True))

    def add(self, paths):
        """Take uploaded files in -> their new `Item`s, not colored yet. The uploads themselves may vanish later."""
        with self._lock:
            before, held = self._count, self._held()
            for path in map(Path, paths):
                size = path.stat().st_size if path.is_file() else 0
                if why := self._too_much(held + size):
                    self.failed.append((path.name, why))
                    continue
                self._count, held = self._count + 1, held + size
                place = self.folder / "photos" / str(self._count) / path.name
                try:
                    place.parent.mkdir(parents=True)
                    _link(path, place)
                except OSError as error:
                    self.failed.append((path.name, reason(error)))
                else:
                    self._photos.append((place, place.parent))
            new = [photo for photo, _ in self._photos if int(photo.parent.name) > before]
            taken = {folded(name) for name in self._names.values()}  # also of pictures that are still on their way
            names = [self.folder / "pictures" / name_of(photo) for photo in new]
            self._names |= zip(new, numbered(names, lambda path: folded(path) not in taken), strict=True)
            return [Item(int(photo.parent.name), photo, self._names[photo]) for photo in new]

    def _held(self):
        """Bytes of all its files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def _too_much(self, held):
        if len(self._photos) >= MOST_PHOTOS:
            return f"expected at most {MOST_PHOTOS:,} photos on the page at a time; remove some"
        if held > self.most:
            return f"expected at most {self.most / 1e9:g} GB of photos and pictures at a time; remove some"
        return None

    def color(self, item, colorizer, strength=1.0, size=None, max_pixels=300_000_000, between=None):
        """Color one photo at full size into ``item.picture``, and make its previews. Returns whether that went well.

        Then it is one of ``items``; what cannot be colored is none any more, and its reason is the last of ``failed``.
        max_pixels: of all pages of a file together. between: called between two pages; `turns.Left` from it ends all.
        """
        with self._lock:
            if (item.photo, item.photo.parent) not in self._photos:
                return False  # removed while it waited
            marks, failed = {"size": size, "strength": strength}, []
            if item.points:
                marks["hints"] = hints_of(item.points, item.shape)
            pages = _Pages(colorizer, marks.get("hints"), max_pixels, between)
            item.notes = []
            try:
                colorize_files(
                    pages,
                    [(item.photo, item.picture)],
                    overwrite=True,
                    size=size,
                    strength=strength,
                    max_pixels=max_pixels,
                    maker=maker_of(colorizer.meta, **marks),
                    failed=lambda _, why: failed.append(why),
                    noted=lambda _, note: item.notes.append(note),
                )
                if not (failed or pages.left):
                    self._preview(item, *pages.shown)
            except (ColorizeError, OSError) as error:  # a full disk
                failed.append(reason(error))
            if pages.left:
                raise pages.left
            if failed:
                self.drop(item, failed[0])
                return False
            item.shape = pages.shape
            if item not in self.items:
                self.items.append(item)
            return True

    def glance(self, item, colorizer, strength=1.0, size=None, max_pixels=300_000_000):
        """Show a photo in color, from a small copy, before `color` has all of it. Returns whether that went well.

        A fraction of the work, so that a person sees something soon. Why a photo cannot be read, `color` says.
        """
        with self._lock:
            if (item.photo, item.photo.parent) not in self._photos:
                return False  # removed while it waited
            try:
                before, shown = self._small(item, max_pixels), item.before
                small = _reduced(before, GLANCE)
                hints = hints_of(item.points, small.shape[:2]) if item.points else None
                after = colorizer(small, size=size, strength=strength, hints=hints)
                after = cv2.resize(after, before.shape[1::-1], interpolation=cv2.INTER_CUBIC)
                self._preview(item, None if shown else before, after)
            except (ColorizeError, OSError):
                return False
            if item not in self.items:
                self.items.append(item)
            self.at = self.items.index(item)
            return True

    def _small(self, item, max_pixels):
        """A photo as it is shown before it has color: uint8, upright."""
        if item.before:
            with Image.open(item.before) as image:
                return np.array(image)
        photo = read_photo(item.photo, max_pixels, codes=True).rgb
        item.shape = photo.shape[:2]
        return _reduced(photo, PREVIEW)

    def colored(self):
        """The pictures that there are: paths. A photo of which only a glance was had has none yet."""
        return [item.picture for item in self.items if item.picture.exists()]

    def pack(self):
        """All pictures as one .zip; its path."""
        with self._lock:
            return pack_folder(self.folder / "pictures", self.folder / "zip" / "colorized.zip")

    def clear(self):
        """Forget all photos, and delete their files."""
        with self._lock:
            self.items, self.failed, self._photos, self._names, self.at = [], [], [], {}, 0
            shutil.rmtree(self.folder, ignore_errors=True)

    def marked(self):
        """The photo that is looked at with its hints marked, as `with_marks` gives it: the path of a .jpg."""
        with self._lock:
            path = self.current.after.with_name(f"{self.current.number}-{self.current.version}-marks.jpg")
            if not path.exists():
                Image.fromarray(with_marks(self.current)).save(path, quality=92, subsampling=0)
            return path

    def drop(self, item, why):
        """Take a photo out, with the reason."""
        self.failed.append((item.photo.name, plain_reason(why, item)))
        if (item.photo, item.photo.parent) in self._photos:
            self._photos.remove((item.photo, item.photo.parent))
            self._names.pop(item.photo, None)
        if item in self.items:
            self.items.remove(item)
            self.at = max(0, min(self.at, len(self.items) - 1))
        for path in (item.photo, item.picture, item.before, item.after, item.thumb):
            if path:
                path.unlink(missing_ok=True)

    def _preview(self, item, before, after):
        """Write what the browser shows of a photo; ``before`` None: as it is shown already."""
        marks = item.before and item.before.with_name(f"{item.number}-{item.version}-marks.jpg")
        old = before is not None and item.before, item.after, item.thumb, marks
        item.version += 1
        folder = self.folder / "previews"
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{item.number}-{item.version}"
        pictures = {"after": after, "thumb": _reduced(after, THUMB)} | ({} if before is None else {"before": before})
        for kind, pixels in pictures.items():
            setattr(item, kind, folder / f"{name}-{kind}.jpg")
            Image.fromarray(pixels).save(getattr(item, kind), quality=92, subsampling=0)
        for path in old:
            if path:
                path.unlink(missing_ok=True)


class _Pages:
    """A colorizer for the pages of one photo, which bounds what they cost together and keeps previews of the first."""

    def __init__(self, colorizer, hints, max_pixels, between):
        self.colorizer, self.hints, self.most, self.between = colorizer, hints, max_pixels, between
        self.seen, self.shown, self.shape, self.left = 0, (), None, None

    def __call__(self, photo, **options):
        self.seen += photo.shape[0] * photo.shape[1]
        if self.seen > self.most:
            raise ColorizeError(f"expected at most {self.most:,} pixels in all its pages, got more", status=1)
        if self.shown:  # hints are for the first page of several, and so is the preview
            self._between()
            return self.colorizer(photo, **options)
        before, self.shape = _reduced(photo, PREVIEW), photo.shape[:2]
        rgb = self.colorizer(photo, **options, **({} if self.hints is None else {"hints": self.hints}))
        self.shown = before, _reduced(rgb, PREVIEW)
        return rgb

    def _between(self):
        try:
            if self.between:
                self.between()
        except Left as error:  # writers of pictures make a failed photo of whatever stops them
            self.left = error
            raise


def hints_of(points, shape):
    """Points as `Item` has them -> hints for a photo of ``shape`` (H, W). Where two would overlap, the later holds."""
    from ..inference.hints.given import RADIUS, Hints

    height, width = shape
    radius, kept = max(1, round(RADIUS * min(shape))), []
    for x, y, color in reversed(points):
        x, y = round(x * (width - 1)), round(y * (height - 1))
        if all(max(abs(x - one[0]), abs(y - one[1])) > 2 * radius + 1 for one in kept):
            kept.append((x, y, color, radius))
    return Hints.from_points(kept, shape)


def with_marks(item):
    """The preview in color with a dot where each hint is: uint8 (h, w, 3). Small photos are enlarged for it."""
    with Image.open(item.after) as image:
        pixels = np.array(image.convert("RGB").resize(_canvas_size(image.size), Image.Resampling.BICUBIC))
    height, width = pixels.shape[:2]
    radius = max(4, round(max(height, width) * DOT))
    for x, y, color in item.points:
        center = round(x * (width - 1)), round(y * (height - 1))
        inside = tuple(int(color[k : k + 2], 16) for k in (1, 3, 5))
        for grow, paint in ((4, (0, 0, 0)), (2, (255, 255, 255)), (0, inside)):
            cv2.circle(pixels, center, radius + grow, paint, cv2.FILLED, cv2.LINE_AA)
    return pixels


def _canvas_size(size):
    scale = max(1, CANVAS / max(size))
    return tuple(max(1, round(side * scale)) for side in size)


def hex_color(text):
    """A color as browsers write it, "#b06030", "#abc" or "rgba(176, 96, 48, 1)" -> "#rrggbb". ColorizeError if not."""
    text = re.sub(r"\s", "", str(text)).lower()
    if found := _COLOR.fullmatch(text):
        return "#" + "".join(f"{min(255, round(float(part))):02x}" for part in found.groups())
    if re.fullmatch(r"#[0-9a-f]{3}", text):
        text = "#" + "".join(2 * digit for digit in text[1:])
    if not re.fullmatch(r"#[0-9a-f]{6}([0-9a-f]{2})?", text):
        raise ColorizeError(f"expected a color such as #b06030, got {text[:40]!r}")
    return text[:7]


def plain_reason(why, item):
    """A reason without the places on this machine: a visitor has given a name and knows no folders."""
    for path in (item.photo, item.picture):
        why = (
            why.replace("; --max-pixels raises the limit", "")
            .replace(f"{path}: ", "")
            .replace(f"{path} (", "(")
            .replace(str(path), path.name)
        )
    return why


def _link(source, target):
    """The file at a second place, without a second copy where the disk can do that."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _reduced(photo, longest):
    """uint8 or uint16 codes, (H, W) or (H, W, 3) -> uint8 of at most ``longest`` pixels a side, area-averaged."""
    scale = min(1, longest / max(photo.shape[:2]))
    height, width = (max(1, round(side * scale)) for side in photo.shape[:2])
    small = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA) if scale < 1 else photo.copy()
    return small if small.dtype == np.uint8 else (small >> 8).astype(np.uint8)
