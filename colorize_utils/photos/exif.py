"""EXIF as directories of tags whose values stay the bytes they were: types, UTF-8 captions, makers' notes.

Pillow guesses the type of each value anew and writes text as ASCII, so that captions lose their umlauts. A directory
here is a dict, tag -> `Value`, or a dict of the directory that the tag points to. TIFF 6.0, section 2; EXIF 2.32, 4.6.
"""

import io
import struct
from typing import NamedTuple

CAMERA, GPS, INTEROP, MAKERNOTE, IPTC = 34665, 34853, 40965, 37500, 33723
POINTERS = (CAMERA, GPS, INTEROP)
# Bytes of each type of value, and of the numbers it is made of (a fraction is two).
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
WORDS = SIZES | {5: 4, 10: 4}
BYTE, TEXT, SHORT, LONG, FRACTION, UNDEFINED = 1, 2, 3, 4, 5, 7
MOST = 4096  # entries of a directory
LONGEST = 2**24  # bytes of a value, and of all values together: thousands of tags may name the same place
_HEAD = b"Exif\0\0"


class Value(NamedTuple):
    """A value of a tag: its type, and its bytes with the lowest first. ``at``: where a maker's note stood."""

    kind: int
    data: bytes
    at: int = 0


def text(words):
    return Value(TEXT, words.encode("utf-8") + b"\0")


def short(number):
    return Value(SHORT, struct.pack("<H", number))


def fraction(number):
    return Value(FRACTION, struct.pack("<II", round(number * 10_000), 10_000))


def number_in(value):
    """The first whole number of a `Value`; None where it has none."""
    form = {1: "<B", 3: "<H", 4: "<I", 13: "<I"}.get(value.kind) if isinstance(value, Value) else None
    return struct.unpack_from(form, value.data)[0] if form and len(value.data) >= SIZES[value.kind] else None


def read_block(block):
    """The bytes of an EXIF block, as JPEG has it -> (directory, whether all of it was whole)."""
    while block.startswith(_HEAD):
        block = block[len(_HEAD) :]
    file = io.BytesIO(block)
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None or len(block) < 8:
        return {}, not block
    return read_directory(file, struct.unpack_from(order + "I", block, 4)[0], order)


def read_directory(file, at, order, big=False, inside=(), left=None):
    """The directory at ``at`` of an open binary file -> (directory, whether all of it was whole).

    order: "<" or ">"; big: BigTIFF. Of a damaged one what can be read is kept. left: [bytes that its values, and those
    of the directories in it, may still have].
    """
    left = [LONGEST] if left is None else left
    places, entry = ("HHQ8s", 20) if big else ("HHI4s", 12)
    size = file.seek(0, 2)
    file.seek(at)
    counted = file.read(8 if big else 2)
    if at in inside or len(inside) > 2 or len(counted) < (8 if big else 2):
        return {}, False
    (count,) = struct.unpack(order + ("Q" if big else "H"), counted)
    raw = file.read(entry * min(count, MOST))
    found, whole = {}, len(raw) == entry * count
    for k in range(len(raw) // entry):
        tag, kind, number, value = struct.unpack_from(order + places, raw, entry * k)
        if kind in (16, 17, 18) and tag not in POINTERS:
            continue  # of BigTIFF; nothing that tells of a photo is so long
        length = {16: 8, 18: 8}.get(kind) or SIZES.get(kind, 0) * number
        start = 0
        if length > len(value):
            (start,) = struct.unpack(order + ("Q" if big else "I"), value)
            whole &= start + length <= size
            if start + length > size or length > LONGEST:
                continue
            if length > left[0]:
                whole = False
                continue
            left[0] -= length
            file.seek(start)
            value = file.read(length)
        if tag in POINTERS:
            if tag in found:
                continue
            (start,) = struct.unpack(order + ("Q" if length == 8 else "I"), value[: 8 if length == 8 else 4])
            inner, fine = read_directory(file, start, order, big, (*inside, at), left)
            found |= {tag: inner} if inner else {}
            whole &= fine
        elif length:
            found[tag] = Value(kind, _turned(value[:length], kind, order, tag), start)
        else:
            whole &= kind in SIZES  # a value of no length is no fault
    return found, whole


def _turned(data, kind, order, tag):
    """Bytes in the order of the file <-> lowest first. IPTC is text even where it is called numbers."""
    word = WORDS[kind]
    if order == "<" or word == 1 or tag == IPTC:
        return data
    turned = bytearray(data[: len(data) // word * word])
    for k in range(word):
        turned[k::word] = data[word - 1 - k : len(turned) : word]
    return bytes(turned)


def write_block(directory):
    """A directory -> the bytes of an EXIF block, ``Exif\\0\\0`` before it."""
    start, before = 8, b""
    note = directory.get(CAMERA, {}).get(MAKERNOTE)
    if note and 8 < note.at < 2**14:  # places inside a maker's note are counted from the beginning: it stays there
        before = bytes(note.at - 8) + note.data
        before += bytes(len(before) % 2)
        start += len(before)
    values, entries = lay_out(directory, start, "<", bool(before))
    return _HEAD + struct.pack("<2sHI", b"II", 42, start + len(values)) + before + values + closed(entries, "<")


def lay_out(directory, start, order, note_stands=False):
    """(bytes to stand at ``start``: the values; tag -> 12 bytes of its entry, which say where)."""
    tail, entries = b"", {}
    for tag, value in sorted(directory.items()):
        if isinstance(value, dict):
            if not value:
                continue
            inner, rows = lay_out(value, start + len(tail), order, note_stands)
            tail += inner
            entries[tag] = struct.pack(order + "HHII", tag, LONG, 1, start + len(tail))
            tail += closed(rows, order)
            continue
        data, count = _turned(value.data, value.kind, order, tag), len(value.data) // SIZES[value.kind]
        if len(data) <= 4:
            entries[tag] = struct.pack(order + "HHI", tag, value.kind, count) + data.ljust(4, b"\0")
        elif tag == MAKERNOTE and note_stands:
            entries[tag] = struct.pack(order + "HHII", tag, value.kind, count, value.at)
        else:
            entries[tag] = struct.pack(order + "HHII", tag, value.kind, count, start + len(tail))
            tail += data + bytes(len(data) % 2)
    return tail, entries


def closed(entries, order):
    """Entries as `lay_out` gives them -> the bytes of a directory behind which none follows."""
    return struct.pack(order + "H", len(entries)) + b"".join(row for _, row in sorted(entries.items())) + bytes(4)
