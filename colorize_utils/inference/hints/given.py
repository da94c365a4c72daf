"""Color hints: what a person says about the color of some pixels, as points, as lines, or painted over the photo.

A file of hints is JSON, a list with one entry a hint. x is the column and y the row, in pixels from 0 at the top left
of the photo as it is seen (EXIF rotation applied); ``color`` is ``#rrggbb`` or a name that CSS has; ``radius`` in
pixels may be left out::

    [{"x": 312, "y": 440, "color": "red"}, {"line": [[10, 20], [90, 25]], "color": "#3060a0", "radius": 4}]

Or it is a picture as large as the photo: a copy of it with colored strokes painted over.
"""

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import ImageColor

from ... import color
from ...errors import ColorizeError, reason

RADIUS = 0.01  # of the short side, where a hint does not say
# A pixel is part of a stroke if it is that far (Euclidean, in Lab) from the photo and from the photo made grey. Saved
# as JPEG of quality 50 and up, what was not painted over stays within it but for single pixels, and those are dropped.
DIFFERENT = 20.0
MOST_BYTES = 50_000_000  # of a file of hints as JSON
MOST_POINTS = 300_000  # of all hints together
MOST_PAINTED = 20_000_000  # pixels of all strokes together, with what lies in the corners around them
MOST = 0.5  # a picture of which more than this differs is not the photo with strokes on it


@dataclass(frozen=True, eq=False)
class Hints:
    """Hinted pixels of a photo: ``rows`` and ``columns`` int64 (n,), ``ab`` float32 (n, 2) in Lab units.

    ``shape``: (H, W) of the photo. ``lightness`` float32 (n,): the L of the colors as they were named, or None. Of a
    color only the ab is used, every pixel keeps the lightness it has; see `seen_at` for what L is wanted for.
    """

    rows: np.ndarray
    columns: np.ndarray
    ab: np.ndarray
    shape: tuple[int, int]
    lightness: np.ndarray | None = None

    def __len__(self):
        return len(self.rows)

    @classmethod
    def from_points(cls, points, shape):
        """Dots ``(x, y, color)`` or ``(x, y, color, radius)`` on a photo of shape (H, W) -> `Hints`.

        x: column, y: row, in pixels of the upright photo, from 0 at the top left; of fractions the pixel they lie in.
        color: "#rrggbb", a name that CSS has, or (r, g, b) in 0..255. radius: in pixels, 0 for one pixel; by default
        `RADIUS` of the short side, at least 1. ColorizeError (status 2) for points outside the photo, colors nobody
        knows, and pixels that are given two colors.
        """
        strokes = []
        for point in points:
            if not isinstance(point, (tuple, list)) or len(point) not in (3, 4):
                raise ColorizeError(f"expected (x, y, color) or (x, y, color, radius), got {_short(point)}")
            strokes.append(([point[:2]], point[2], point[3] if len(point) == 4 else None))
        return _from_strokes(strokes, shape)

    def check(self, shape):
        """ColorizeError (status 2) unless the hints were made for a photo of ``shape`` (H, W)."""
        if tuple(self.shape) != tuple(shape):
            (h, w), (height, width) = self.shape, shape
            raise ColorizeError(f"expected hints for a photo of {width}x{height} pixels, got ones for {w}x{h}")

    def seen_at(self, lightness):
        """These hints as they look on pixels of L ``lightness`` (n,): the same hue to the eye, the same chroma."""
        if self.lightness is None:
            return self
        given = np.column_stack([self.lightness, self.ab])
        return Hints(self.rows, self.columns, color.same_hue(given, lightness), self.shape)

    def digest(self):
        """Eight hexadecimal digits that other hints do not have."""
        parts = [self.rows, self.columns, self.ab, self.ab[:0] if self.lightness is None else self.lightness]
        whole = repr(tuple(self.shape)).encode() + b"".join(np.ascontiguousarray(part).tobytes() for part in parts)
        return hashlib.sha256(whole).hexdigest()[:8]


def read_hints(path, photo):
    """Hints from a file: JSON as above, or a picture of the photo's size with colored strokes -> `Hints`.

    photo: the photo, upright: uint8, uint16 or float in [0, 1], (H, W) or (H, W, 3). Strokes are what differs clearly
    from it (`DIFFERENT`); their outermost pixels, where colors mix, are left out. ColorizeError in one line for a file
    that is neither, that holds no hint, or is of another size, and for what `Hints.from_points` refuses.
    """
    path = Path(path)
    try:
        if not path.is_file() and path.exists():  # a pipe would be waited for, a device read without an end
            raise ColorizeError(f"{path}: expected a file of hints, got something that is no file", status=1)
        with open(path, "rb") as file:
            text = file.read(4096)
            start = text.lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")[:1]
            if is_json := path.suffix.lower() == ".json" or start in (b"[", b"{"):
                text += file.read(MOST_BYTES)
    except OSError as error:
        raise ColorizeError(f"{path}: expected a file of hints, got: {reason(error)}", status=1) from None
    if is_json:
        if len(text) > MOST_BYTES:
            raise ColorizeError(f"{path}: expected hints of at most {MOST_BYTES / 1e6:g} MB, got more", status=1)
        strokes = _strokes(path, text)
        try:
            return _from_strokes(strokes, np.shape(photo)[:2])
        except ColorizeError as error:
            raise ColorizeError(f"{path}: {error}", status=error.status) from None
    if not start:
        raise ColorizeError(f"{path}: expected hints, got an empty file", status=1)
    return _painted_over(path, photo)


def _strokes(path, text):
    """JSON as bytes -> list of (points, color, radius or None)."""
    try:
        entries = json.loads(text)  # in UTF-8, 16 or 32, with or without the mark that editors put before
    except (ValueError, RecursionError) as error:
        reason = "an empty file" if not text.strip() else str(error).splitlines()[0]
        raise ColorizeError(f"{path}: expected hints as JSON, got: {reason}", status=1) from None
    if not isinstance(entries, list) or not entries:
        got = "an empty list" if entries == [] else type(entries).__name__
        raise ColorizeError(f"{path}: expected a list of hints, got {got}", status=1)
    strokes = []
    for number, entry in enumerate(entries, 1):
        keys = set(entry) - {"radius"} if isinstance(entry, dict) else None
        if keys == {"x", "y", "color"}:
            points = [(entry["x"], entry["y"])]
        elif keys == {"line", "color"} and isinstance(entry["line"], list) and entry["line"]:
            points = entry["line"]
        else:
            got = _short(entry, lambda x: json.dumps(x, ensure_ascii=False))
            raise ColorizeError(
                f'{path}: hint {number}: expected {{"x", "y", "color"}} or {{"line", "color"}}, "radius" if wanted, '
                f"got {got}",
                status=1,
            )
        strokes.append((points, entry["color"], entry.get("radius")))
    return strokes


def _short(value, write=repr):
    """What was given, as text of at most 80 characters."""
    try:
        text = write(value)
    except RecursionError:
        return "lists without an end"
    except ValueError:
        return "a number of very many digits"
    return text if len(text) < 80 else text[:79] + "…"


def _from_strokes(strokes, shape):
    """Lines of one or more points, with color and radius (None: the usual one) -> `Hints`."""
    shape = tuple(int(side) for side in shape)
    cells, labs, names, left = [], [], [], MOST_PAINTED
    if (count := sum(len(points) for points, _, _ in strokes)) > MOST_POINTS:
        raise ColorizeError(f"expected at most {MOST_POINTS:,} places in all hints, got {count:,}")
    for points, name, radius in strokes:
        places = [_place(point, shape) for point in points]
        rows, columns, painted = _disks(places, _radius(radius, shape), shape, left)
        left -= painted
        cells.append(rows * shape[1] + columns)
        labs.append(np.broadcast_to(_lab(name), (len(rows), 3)))
        names.append(np.full(len(rows), len(names)))
    if not strokes:
        return Hints(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 2), np.float32), shape)
    cells, labs, names = map(np.concatenate, (cells, labs, names))
    order = np.lexsort((*labs.T, cells))  # whatever order they were given in
    cells, labs, names = cells[order], labs[order], names[order]
    same = cells[1:] == cells[:-1]
    clash = np.flatnonzero(same & (labs[1:] != labs[:-1]).any(-1))
    if clash.size:
        row, column = divmod(int(cells[clash[0]]), shape[1])
        one, other = (strokes[names[at]][1] for at in (clash[0], clash[0] + 1))
        raise ColorizeError(
            f"expected one color a pixel, got {_short(one, str)} and {_short(other, str)} at x {column}, y {row}"
        )
    kept = np.append(True, ~same)
    cells, labs = cells[kept].astype(np.int64), labs[kept]
    return Hints(cells // shape[1], cells % shape[1], np.ascontiguousarray(labs[:, 1:]), shape, labs[:, 0].copy())


def _place(point, shape):
    """(x, y) -> (column, row), whole numbers inside the photo."""
    if not isinstance(point, (tuple, list)) or len(point) != 2 or not all(map(_is_number, point)):
        raise ColorizeError(f"expected a place (x, y) in pixels, got {_short(point)}")
    height, width = shape
    x, y = (math.floor(value) for value in point)
    if not (0 <= x < width and 0 <= y < height):
        raise ColorizeError(
            f"expected a hint inside the photo, x 0 to {width - 1} and y 0 to {height - 1}, got x {x}, y {y}"
        )
    return x, y


def _is_number(value):
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool) and abs(value) < 1e9


def _radius(radius, shape):
    if radius is None:
        return max(1, round(RADIUS * min(shape)))
    if not _is_number(radius) or radius < 0:
        raise ColorizeError(f"expected a radius in pixels, 0 or more, got {_short(radius)}")
    return min(float(radius), math.hypot(*shape))


def _lab(name):
    """A color as a person gives it -> its Lab, float32 (3,)."""
    values = None
    if isinstance(name, str):
        try:
            values = ImageColor.getrgb(name.strip())[:3]
        except ValueError:
            pass
    elif isinstance(name, (tuple, list)) and len(name) == 3 and all(map(_is_number, name)):
        values = name
    if values is None or not all(0 <= value <= 255 for value in values):
        raise ColorizeError(f"expected a color such as red, #c02030 or (192, 32, 48), got {_short(name)}")
    return color.rgb_to_lab(np.float32(values) / 255)


def _disks(places, radius, shape, most):
    """Pixels not farther than ``radius`` from a line through places (column, row) -> rows, columns, pixels looked at.

    ColorizeError for more of the latter than ``most``.
    """
    line, reach = np.array([*places, places[-1]]), math.ceil(radius)  # of one point OpenCV draws nothing
    left, top = np.maximum(line.min(0) - reach, 0)
    right, bottom = np.minimum(line.max(0) + reach + 1, shape[::-1])
    looked_at = int(bottom - top) * int(right - left)
    if looked_at > most:
        raise ColorizeError(f"expected strokes over at most {MOST_PAINTED / 1e6:g} megapixels in all, got more")
    canvas = np.ones((bottom - top, right - left), np.uint8)
    cv2.polylines(canvas, [(line - (left, top)).astype(np.int32)], False, 0)
    rows, columns = np.nonzero(cv2.distanceTransform(canvas, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= radius + 1e-3)
    return rows.astype(np.int64) + top, columns.astype(np.int64) + left, looked_at


def _painted_over(path, photo):
    """The strokes of a picture -> `Hints`."""
    from ...photos.reading import count_pixels, read_photo

    shape = np.shape(photo)[:2]
    if (pixels := count_pixels(path)) > shape[0] * shape[1]:  # before it is decoded
        raise ColorizeError(
            f"{path}: expected a picture of {shape[1]}x{shape[0]} pixels, as the photo is, got one of {pixels:,}", 1
        )
    try:
        picture = read_photo(path).rgb
    except ColorizeError as error:
        line = str(error).removeprefix(f"{path}: ")
        raise ColorizeError(f"{path}: expected hints as JSON or as a picture: {line}", status=1) from None
    if picture.shape[:2] != shape:
        (height, width), (h, w) = shape, picture.shape[:2]
        raise ColorizeError(
            f"{path}: expected a picture of {width}x{height} pixels, as the photo is, got {w}x{h}", status=1
        )
    painted, plain = color.rgb_to_lab(picture), color.rgb_to_lab(_float(photo))
    difference = np.linalg.norm(painted - plain, axis=-1)
    plain[..., 1:] = 0
    difference = np.minimum(difference, np.linalg.norm(painted - plain, axis=-1))
    strokes = _inner(difference > DIFFERENT)
    if not strokes.any():
        raise ColorizeError(f"{path}: expected colored strokes over the photo, found none", status=1)
    if strokes.mean() > MOST:
        raise ColorizeError(
            f"{path}: expected the photo with some strokes on it, but {strokes.mean():.0%} of it differs", status=1
        )
    rows, columns = np.nonzero(strokes)
    lab = painted[rows, columns]
    return Hints(rows, columns, np.ascontiguousarray(lab[:, 1:]), tuple(shape), lab[:, 0].copy())


def _inner(mask):
    """A mask (H, W) without specks and without its outermost pixels, where it is wide enough to have others."""
    window = np.ones((3, 3), np.uint8)
    mask = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, window)
    core = cv2.erode(mask, window, borderValue=1)
    _, parts = cv2.connectedComponents(mask)
    thick = np.unique(parts[core > 0])
    return np.where(np.isin(parts, thick), core, mask).astype(bool)


def _float(photo):
    """A photo as `read_hints` takes it -> float32 (H, W, 3) in [0, 1]."""
    photo = np.asarray(photo)
    if np.issubdtype(photo.dtype, np.integer):
        photo = photo / np.float32(np.iinfo(photo.dtype).max)
    photo = photo.astype(np.float32, copy=False)
    return photo if photo.ndim == 3 and photo.shape[-1] == 3 else np.dstack([photo] * 3)
