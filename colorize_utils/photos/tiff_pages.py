"""Which pictures a TIFF holds: its pages, or what a page is only a thumbnail of. Each directory is visited once.

TIFF 6.0, section 2: a page is a directory, and each says where the next one is. What a directory is of is told by tag
254 (NewSubfileType): a reduced copy, as in a pyramid, and a mask are no pages of their own. Adobe's technical note 1:
further directories hang from a page (tag 330, SubIFDs); cameras and raw converters keep the picture there and show a
thumbnail first.
"""

import logging
import math
import os
import struct
from contextlib import contextmanager
from dataclasses import dataclass

import tifffile

from ..errors import ColorizeError
from .spliced import spliced

ORIENTATION, ICC, SIZE, THUMBNAIL, CREDENTIALS = 274, 34675, {256, 257}, 513, 52545  # tags
REDUCED, MASK = 1, 4  # bits of tag 254
MOST_PAGES, MOST_INSIDE = 10_000, 64  # directories of a file, and those that hang from one
BROKEN = "what follows its {} is damaged and was left out"

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # its complaints go to stderr; ours is the one line


@dataclass(frozen=True)
class Picture:
    """Where a picture of the file ``path`` stands. No pixel of it has been read."""

    path: object
    number: int  # of its page, from 1
    place: int  # of the directory that tells of its pixels
    outer: int  # of the page's directory, which tells of the photo; another than ``place`` behind a thumbnail
    size: tuple  # (width, height) as stored
    order: str  # "<" or ">"
    big: bool  # BigTIFF
    reduced: bool = False


def pictures_of(path):
    """[`Picture`] of the TIFF ``path``, in the order of its pages, and notes. ColorizeError (status 1) if none."""
    with _opened(path) as file:
        places, notes = _chain(path, file.tiff)
        found, masks = [], 0
        for number, (place, entries) in enumerate(places.items(), 1):
            try:
                page = _page(file, place)
            except Exception:  # noqa: BLE001  (of a damaged directory any; reading it will say what is wrong)
                found.append(Picture(path, number, place, place, (0, 0), file.byteorder, file.is_bigtiff))
                continue
            if page.subfiletype & MASK:
                masks += 1
            elif entries and not _is_of_no_picture(page):
                found += _behind(path, file, page, number)
    if masks:
        notes += ("a mask beside its picture was left out",)
    # Where all is called reduced, the largest is what there is.
    whole = [picture for picture in found if not picture.reduced]
    if not whole and found:
        whole = [max(found, key=lambda picture: math.prod(picture.size))]
    if not whole:
        raise ColorizeError("expected a photo, got a damaged TIFF, or one with no picture", status=1)
    return whole, notes


@contextmanager
def open_page(picture):
    """The `tifffile.TiffPage` of a `Picture`, orientation (1 to 8) and ICC profile (bytes or None), the file open."""
    with _opened(picture.path) as file:
        page = _page(file, picture.place)
        outer = page if picture.outer == picture.place else _page(file, picture.outer)
        turned = page.tags.valueof(ORIENTATION) or outer.tags.valueof(ORIENTATION)
        profile = page.tags.valueof(ICC) or outer.tags.valueof(ICC)
        profile = bytes(profile) if isinstance(profile, (bytes, tuple)) else None
        yield page, turned if turned in range(1, 9) else 1, profile


@contextmanager
def _opened(path):
    """The `tifffile.TiffFile`; where the first directory is damaged, which it wants whole, with an empty one for it."""
    with open(path, "rb") as handle:
        try:
            file = tifffile.TiffFile(handle, name=os.path.basename(path))
        except Exception:  # noqa: BLE001  (of a damaged directory any)
            file = tifffile.TiffFile(_with_empty_first(handle))
        with file:
            yield file


def _with_empty_first(handle):
    """An open TIFF whose header points to an empty directory behind all else."""
    size = handle.seek(0, 2)
    handle.seek(0)
    order = "<" if handle.read(2) == b"II" else ">"
    head, form = (8, "Q") if handle.read(2) in (b"+\0", b"\0+") else (4, "I")
    start = struct.pack(order + form, size)
    return spliced(handle, [(0, head), start, (head + len(start), size - head - len(start)), bytes(16)])


def _chain(path, form):
    """The directories that follow each other in a file, {place: entries}, and notes. A circle ends where it closes."""
    places = {}
    with open(path, "rb") as handle:
        handle.seek(form.offsetsize if form.offsetsize == 8 else 4)
        while len(places) < MOST_PAGES:
            try:
                (place,) = struct.unpack(form.offsetformat, handle.read(form.offsetsize))
                if place == 0 or place in places:
                    return places, ()
                handle.seek(place)
                (count,) = struct.unpack(form.tagnoformat, handle.read(form.tagnosize))
                handle.seek(place + form.tagnosize + count * form.tagsize)
            except (struct.error, OSError, ValueError):
                break
            places[place] = count
        else:
            return places, (f"it has more than {MOST_PAGES:,} pages; the others were left out",)
    pages = len(places)
    return places, (BROKEN.format(f"page {pages}" if pages > 1 else "first page"),)


def _is_of_no_picture(page):
    """Whether a directory tells of where the file comes from (C2PA), or of a JPEG thumbnail as EXIF has it."""
    codes = {tag.code for tag in page.tags}
    return codes == {CREDENTIALS} or THUMBNAIL in codes and not codes & SIZE and not page.subifds


def _page(file, place):
    file.filehandle.seek(place)
    return tifffile.TiffPage(file, index=0)


def _behind(path, file, page, number):
    """[`Picture`] of a page: itself, or what it is a thumbnail of."""

    def picture(of):
        reduced = bool(of.subfiletype & REDUCED)
        return Picture(path, number, of.offset, page.offset, _size(of), file.byteorder, file.is_bigtiff, reduced)

    inside = []
    for place in (page.subifds or ())[:MOST_INSIDE]:
        try:
            inside.append(_page(file, place))
        except Exception:  # noqa: BLE001  (as in `pictures_of`)
            continue
    inside = [of for of in inside if not of.subfiletype & (REDUCED | MASK) and of.photometric is not None]
    if not page.subfiletype & REDUCED:
        inside = [of for of in inside if math.prod(_size(of)) > math.prod(_size(page))]
    return [picture(of) for of in inside] or [picture(page)]


def _size(page):
    """(width, height); 0 for what is no number."""
    return tuple(number if isinstance(number, int) else 0 for number in (page.imagewidth, page.imagelength))
