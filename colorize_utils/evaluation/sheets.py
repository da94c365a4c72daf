"""Contact sheets: pictures side by side, to look at. A figure says how much; only a sheet says what."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..disk import whole

SHOWN = 12
_PAPER, _INK, _GAP, _LINE = 250, (30, 30, 30), 6, 15


@cache
def _font():
    import matplotlib  # for the font it ships: it has Δ, and is the same on every system

    return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")), 11)


def thumbnail(picture, side):
    """A uint8 picture (H, W, 3), fitted by area into a square (side, side, 3) of paper."""
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    tile = np.full((side, side, 3), _PAPER, np.uint8)
    top, left = (side - size[1]) // 2, (side - size[0]) // 2
    tile[top : top + size[1], left : left + size[0]] = small
    return tile


def contact_sheet(groups, headings=None, captions=None, title="", side=160, columns=2):
    """Groups of uint8 pictures that belong together (such as grey, colorized, truth) -> one sheet, uint8 (H, W, 3).

    ``groups``: a list of equally long lists. ``headings``: one word above each picture of a group, in the first line.
    ``captions``: a text under each group. ``columns``: groups beside each other.
    """
    if not groups or len({len(group) for group in groups}) != 1:
        raise ValueError(f"expected groups of equally many pictures, got {[len(group) for group in groups]}")
    columns = min(columns, len(groups))
    wide, tall = len(groups[0]) * side + _GAP, side + _LINE + _GAP
    top = (_LINE + _GAP) * bool(title) + _LINE * bool(headings)
    sheet = np.full((top + -(-len(groups) // columns) * tall + _GAP, columns * wide + _GAP, 3), _PAPER, np.uint8)
    words = [((_GAP, 2), title, wide * columns)]
    for index, group in enumerate(groups):
        y, x = top + index // columns * tall, _GAP + index % columns * wide
        for place, picture in enumerate(group):
            sheet[y : y + side, x + place * side : x + (place + 1) * side] = thumbnail(picture, side)
            if headings and index < columns:
                words.append(((x + place * side, y - _LINE), headings[place], side))
        words.append(((x, y + side), captions[index] if captions else "", wide - _GAP))
    image = Image.fromarray(sheet)
    pen = ImageDraw.Draw(image)
    for place, text, room in words:
        pen.text(place, _shortened(text, room), _INK, _font())
    return np.array(image)


def _shortened(text, room):
    while text and _font().getlength(text) > room:
        text = text[:-2].rstrip("…") + "…"
        if text == "…":
            return ""
    return text


def save_sheet(path, sheet):
    """Write a sheet as JPEG (quality 92, 4:4:4), whole or not at all."""
    with whole(path) as temporary:
        Image.fromarray(sheet).save(temporary, "JPEG", quality=92, subsampling=0)


def choices(difference, extra_color, shown=SHOWN):
    """Which photos to show -> dict name -> indices.

    ``difference`` (n,): mean ΔE2000 a photo; ``extra_color`` (n,): colorfulness minus the truth's. NaN: no picture.
    """
    by_error = _order(difference)
    by_color = _order(extra_color)
    start = max(0, (len(by_error) - shown) // 2)
    return {
        "best": by_error[:shown],
        "median": by_error[start : start + shown],
        "worst": by_error[::-1][:shown],
        "desaturated": by_color[:shown],
        "oversaturated": by_color[::-1][:shown],
    }


def _order(values):
    order = np.argsort(values, kind="stable")
    return [int(index) for index in order if np.isfinite(values[index])]


def spread(difference, shown=SHOWN):
    """Indices of photos from easy to hard, evenly by rank: a fair sample for comparing rows."""
    order = _order(difference)
    places = np.unique(np.linspace(0, len(order) - 1, min(shown, len(order))).round().astype(int)) if order else []
    return [order[place] for place in places]
