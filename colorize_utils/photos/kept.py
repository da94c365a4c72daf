"""What of a photo goes into the output beside the pixels: all that the output's format has a place and room for.

What it has not costs a line: a PNG that is called .jpg becomes a JPEG, and has no transparency then.
"""

import re
from dataclasses import dataclass, fields, replace

import numpy as np

from .beside import Carried
from .exif import NOTHING, fitted, read_block
from .jpeg import MOST, PHOTOSHOP, iptc_block
from .provenance import stamped_exif, stamped_xmp

TIFF, JPEG, DEEP = (".tif", ".tiff"), (".jpg", ".jpeg"), (".png", ".tif", ".tiff")
JPEG_XMP = 65_502  # bytes that a JPEG segment holds beside its header (XMP specification part 3, 1.1.3)
WORDS = {
    "alpha": "its transparency",
    "exif": "its EXIF data",
    "xmp": "its XMP data",
    "iptc": "its IPTC data",
    "photoshop": "its Photoshop data (clipping paths, copyright flag)",
    "comments": "its comments",
    "texts": "its texts",
    "dpi": "its resolution",
    "aspect": "the shape of its pixels",
}
PLACES = {
    "JPEG": {"exif", "xmp", "iptc", "photoshop", "comments", "dpi", "aspect"},
    "PNG": {"alpha", "exif", "xmp", "comments", "texts", "dpi", "aspect"},
    "TIFF": {"alpha", "exif", "xmp", "iptc", "dpi", "aspect"},
    "WEBP": {"alpha", "exif", "xmp"},
    "BMP": {"alpha", "dpi"},
}


@dataclass(frozen=True)
class Kept(Carried):
    """What of the photo goes into the file beside the pixels."""

    bits: int = 8
    alpha: np.ndarray | None = None

    @classmethod
    def of(cls, photo):
        return cls() if photo is None else cls(**{field.name: getattr(photo, field.name) for field in fields(cls)})


def format_of(suffix):
    """ ".tif" -> "TIFF", as Pillow calls it."""
    return {".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF"}.get(suffix, suffix[1:].upper())


def for_format(suffix, kept, made):
    """`Kept` as a file with this suffix can have it, with the mark of ``made`` (a `Maker` or None); and notes."""
    kind, nothing, notes = format_of(suffix), Kept(), []
    if kept.alpha is not None and kind == "JPEG" and _is_opaque(kept.alpha):
        kept = replace(kept, alpha=None)
    lost = [name for name in WORDS if name not in PLACES[kind] and _is_there(getattr(kept, name))]
    notes += [f"{WORDS[name]} cannot be kept: a {kind} has no place for it" for name in lost]
    kept = replace(kept, **{name: getattr(nothing, name) for name in lost})
    if kept.bits == 16 and suffix not in DEEP:
        notes.append(f"of its 16 bits a channel 8 were kept: a {kind} has no more")
    exif = kept.exif if made is None else stamped_exif(kept.exif, made)
    packet = kept.xmp
    if made is not None and (packet or made.in_xmp):
        packet = stamped_xmp(packet, made, notes)
    if kind == "JPEG":
        exif, more = _short_exif(exif, kept.exif)
        packet, others = _short_xmp(packet, kept.xmp, made)
        kept, lost = _segments(kept)
        notes += [*more, *others, *lost]
    if kind == "PNG" and kept.comments:
        kept = replace(kept, texts=(*kept.texts, *map(_as_text, kept.comments)))
    return replace(kept, exif=exif, xmp=packet), notes


def _as_text(comment):
    """A comment, bytes, as a PNG's chunk of text: ASCII, or UTF-8 if it is that, or whatever it is as Latin-1."""
    comment = comment.strip(b"\0").replace(b"\0", b" ")
    try:
        comment.decode("utf-8")
    except ValueError:
        return b"tEXt", b"Comment\0" + comment
    return (b"tEXt", b"Comment\0" + comment) if comment.isascii() else (b"iTXt", b"Comment" + bytes(5) + comment)


def _is_opaque(alpha):
    return bool(alpha.min() >= (1 if alpha.dtype.kind == "f" else np.iinfo(alpha.dtype).max))


def _is_there(value):
    return value is not None and len(value) > 0


def _short_exif(exif, before):
    """EXIF that fits into a JPEG's segment, and notes. before: the same without our mark, which goes first."""
    if not exif or len(exif) <= MOST:
        return exif, []
    unmarked, lost = fitted(read_block(before)[0], MOST) if before else (b"", [])
    if exif != before and unmarked and not set(lost) - NOTHING:
        return unmarked, ["its EXIF data are almost full: what colored it is not said there"]
    exif, lost = fitted(read_block(exif)[0], MOST)
    said = ", ".join(f"0x{tag:04X}" for tag in lost if tag not in NOTHING)
    return exif or None, [f"its EXIF data are too long for a JPEG; left out of it: {said}"]


def _short_xmp(packet, before, made):
    """XMP that fits into a JPEG's segment, and notes: without its filling, or without our mark, or none."""
    for short, marked in ((packet, True), (_unfilled(packet), True), (_unfilled(before), False)):
        if short is None or len(short) <= JPEG_XMP:
            return short, ["its XMP data are almost full: what colored it is not said there"] * (not marked)
    packet = stamped_xmp(None, made, []) if made else None
    return packet, ["its XMP data is too long for a JPEG and was left out"]


def _unfilled(packet):
    """A packet without the spaces that are left for changes at its end."""
    return packet and re.sub(rb"\s+(?=<\?xpacket end)", b"\n", packet)


def _segments(kept):
    """`Kept` of a JPEG, IPTC being one of Photoshop's blocks, without blocks that no segment holds; and notes."""
    blocks = (*((iptc_block(kept.iptc),) if kept.iptc else ()), *kept.photoshop)
    fitting = tuple(block for block in blocks if len(PHOTOSHOP) + len(block) + len(block) % 2 <= MOST)
    lost = ["a part of its Photoshop data is too long for a JPEG and was left out"] * (len(fitting) < len(blocks))
    return replace(kept, iptc=None, photoshop=fitting), lost
