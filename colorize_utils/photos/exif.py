"""EXIF as directories of tags whose values stay the bytes they were: types, UTF-8 captions, makers' notes.

Pillow guesses the type of each value anew and writes text as ASCII, so that captions lose their umlauts. A directory
here is a dict, tag -> `Value`, or a dict of the directory that the tag points to. TIFF 6.0, section 2; EXIF 2.32, 4.6.
"""

import io
import struct
from typing import NamedTuple

CAMERA, GPS, INTEROP, MAKERNOTE, IPTC = 34665, 34853, 40965, 37500, 33723
NOTHING = {274, 59932}  # orientation, which is 1 in all that we write, and filling: nothing is lost with them
POINTERS = (CAMERA, GPS, INTEROP)
# Bytes of each type of value, and of the numbers it is made of (a fraction is two).
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
WORDS = SIZES | {5: 4, 10: 4}
BYTE, TEXT, SHORT, LONG, FRACTION, UNDEFINED = 1, 2, 3, 4, 5, 7
# Make, model, program, date, artist, copyright, description; of the camera exposure, aperture, speed, dates, lens.
TELLING = {270, 271, 272, 305, 306, 315, 33432, 33434, 33437, 34855, 36867, 36868, 37386, 42036}
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
            value, fine = _elsewhere(file, start, length, size, left)
            whole &= fine
            if value is None:
                continue
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


def _elsewhere(file, start, length, size, left):
    """A value that stands at ``start`` -> (its bytes, or None where they are not to be had; whether that is no fault).

    size: of the file. left: as `read_directory` has it.
    """
    if start + length > size:
        return None, False
    if length > LONGEST:
        return None, True
    if length > left[0]:
        return None, False
    left[0] -= length
    file.seek(start)
    return file.read(length), True


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
    note, place = directory.get(CAMERA, {}).get(MAKERNOTE), 0
    if note and 8 < note.at < 2**14:  # places inside a maker's note are counted from the beginning: it stays there
        place = note.at
    before, behind = bytearray(), bytearray(note.data + bytes((place + len(note.data)) % 2) if place else b"")

    def put(data):
        data += bytes(len(data) % 2)
        room = before if len(before) + len(data) <= place - 8 else behind
        start = 8 + len(room) if room is before else max(place, 8) + len(room)
        room += data
        return start

    entries = _laid_out(directory, put, "<", place)
    start = put(closed(entries, "<"))
    return _HEAD + struct.pack("<2sHI", b"II", 42, start) + bytes(before.ljust(place - 8, b"\0") + behind)


def fitted(directory, most):
    """`write_block` within ``most`` bytes -> (bytes, tags left out): as little as will do, what tells most at last.

    First what is no camera, date, author or word about the photo; then these; and the maker's note at the very end.
    """
    lost, kept = [], dict(directory)
    while (over := len(block := write_block(kept)) - most) > 0:
        inside = kept.get(CAMERA) or {}
        rows = [(tag, value, False) for tag, value in kept.items() if isinstance(value, Value)]
        rows += [(tag, value, True) for tag, value in inside.items() if isinstance(value, Value)]
        if not rows:
            return b"", lost
        least = min(_worth(tag) for tag, _, _ in rows)
        gone = _enough([row for row in rows if _worth(row[0]) == least], over)
        lost += [tag for tag, _ in gone]
        inside = {tag: value for tag, value in inside.items() if (tag, True) not in gone}
        kept = {tag: value for tag, value in kept.items() if (tag, False) not in gone} | {CAMERA: inside}
    return block, lost


def _worth(tag):
    return tag == MAKERNOTE, tag in TELLING, tag not in NOTHING


def _enough(rows, over):
    """{(tag, whether the camera's)} of the shortest row that frees ``over`` bytes; else of the longest together."""
    sizes = sorted((len(value.data) + 12, tag, within) for tag, value, within in rows)
    alone = [(tag, within) for size, tag, within in sizes if size >= over]
    if alone:
        return set(alone[:1])
    chosen = set()
    for size, tag, within in reversed(sizes):
        chosen.add((tag, within))
        over -= size
        if over <= 0:
            break
    return chosen


def lay_out(directory, start, order):
    """(bytes to stand at ``start``: the values; tag -> 12 bytes of its entry, which say where)."""
    tail = bytearray()

    def put(data):
        tail.extend(data + bytes(len(data) % 2))
        return start + len(tail) - len(data) - len(data) % 2

    entries = _laid_out(directory, put, order)
    return bytes(tail), entries


def _laid_out(directory, put, order, note_at=0):
    """tag -> 12 bytes of its entry. ``put(bytes)`` takes values and says where they stand; a note may stand already."""
    entries = {}
    for tag, value in sorted(directory.items()):
        if isinstance(value, dict):
            if value:
                place = put(closed(_laid_out(value, put, order, note_at), order))
                entries[tag] = struct.pack(order + "HHII", tag, LONG, 1, place)
            continue
        data, count = _turned(value.data, value.kind, order, tag), len(value.data) // SIZES[value.kind]
        if len(data) <= 4:
            entries[tag] = struct.pack(order + "HHI", tag, value.kind, count) + data.ljust(4, b"\0")
        else:
            place = note_at if note_at and (tag, value.at) == (MAKERNOTE, note_at) else put(data)
            entries[tag] = struct.pack(order + "HHII", tag, value.kind, count, place)
    return entries


def closed(entries, order):
    """Entries as `lay_out` gives them -> the bytes of a directory behind which none follows."""
    return struct.pack(order + "H", len(entries)) + b"".join(row for _, row in sorted(entries.items())) + bytes(4)
