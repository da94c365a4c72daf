"""A reader of the one kind of HDF5 file that `weights.write_arrays` writes, which trusts nothing in it.

The HDF5 library believes what a file says: a changed byte can end the process, ask for any amount of memory, open other
files, or wait for a pipe. Here every place and length is checked against the file before it is used, and whatever
write_arrays does not write (links, other files' data, chunks, filters, types of its own) is refused. So a file costs
about its own size in memory. Format: "HDF5 File Format Specification Version 3.0", sections II to IV: superblock 0,
groups as symbol tables, object headers of version 1, whole arrays in one piece, texts in global heaps.
"""

import os
import stat
import struct

import numpy as np

MOST = 4 << 30  # bytes of a file
MOST_ARRAYS = 20_000
MOST_TEXT = 16 << 20  # bytes of all attributes
MOST_RANK = 16
DEPTH = 4  # of the tree that lists the arrays: with as few as 16 entries a node, more than MOST_ARRAYS
UNDEFINED = 2**64 - 1
PASSED = (0x00, 0x04, 0x05, 0x0E, 0x12)  # messages that do not matter here: nothing, fill values, times
DATASPACE, DATATYPE, LAYOUT, ATTRIBUTE, CONTINUED, TABLE = 0x01, 0x03, 0x08, 0x0C, 0x10, 0x11


class Bad(ValueError):
    """What the file holds is not what `weights.write_arrays` writes."""


def read_file(path, most=MOST):
    """Read a file -> (attributes: name -> str, [(attributes, ndarray) of each array, in the order of their keys]).

    `Bad` (a ValueError) for any other file; OSError as the system gives it. most: bytes of the file, all together.
    """
    # Without waiting: a pipe has no end, and a device none either.
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0))) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise Bad("it is no file but a device, a pipe or a folder")
        if status.st_size > most:
            raise Bad(f"it is {status.st_size:,} bytes long, and {most:,} are the most that is read")
        return _Reader(file, status.st_size).read()


class _Reader:
    """One open file. ``base``: where its HDF5 part begins; all places are counted from there."""

    def __init__(self, file, size):
        self.file, self.size, self.base, self.heaps = file, size, 0, {}
        self.texts = MOST_TEXT
        self.left = 2 * size + 2**16  # bytes that may be read in all: no part of a sane file is read twice

    def at(self, place, length, what):
        """``length`` bytes at ``place``, all of them inside the file and not more than were ever written."""
        if place > self.size - self.base or length > self.size - self.base - place:
            raise Bad(f"{what} is beyond the end of the file")
        self.left -= length
        if self.left < 0:
            raise Bad("its parts lie over one another")
        self.file.seek(self.base + place)
        data = self.file.read(length)
        if len(data) != length:
            raise Bad(f"{what} is beyond the end of the file")
        return data

    def read(self):
        header, table = self._superblock()
        attributes, _, tree_and_heap = self._object(header)
        if tree_and_heap != table:
            raise Bad("its root is in two places")
        arrays, names = [], set()
        for name, place in self._entries(*table):
            if name in names:
                raise Bad("an array is in it twice")
            if len(names) == MOST_ARRAYS:
                raise Bad(f"it holds more than {MOST_ARRAYS:,} arrays")
            names.add(name)
            arrays.append((name, place))
        return attributes, [self._array(place) for _, place in sorted(arrays)]

    def _superblock(self):
        """-> the place of the root's header, and (tree, heap) of the table of arrays."""
        for self.base in (0, 512):
            if self.size >= self.base + 96 and self.at(0, 8, "the superblock") == b"\x89HDF\r\n\x1a\n":
                break
        else:
            raise Bad("it does not begin as HDF5 files do")
        head = self.at(0, 96, "the superblock")
        versions, sizes = head[8:13], head[13:15]
        base, _, end, driver, _, header = struct.unpack_from("<6Q", head, 24)
        kind, _, tree, heap = struct.unpack_from("<II2Q", head, 72)
        if any(versions) or sizes != b"\x08\x08" or base != self.base or driver != UNDEFINED or kind != 1:
            raise Bad("its superblock is of another kind")
        if end != self.size:
            raise Bad(f"expected {end:,} bytes, got {self.size:,}")
        return header, (tree, heap)

    def _entries(self, tree, heap):
        """Names and places of the headers of all arrays."""
        head = self.at(heap, 32, "a heap")
        length, _, segment = struct.unpack_from("<3Q", head, 8)
        if head[:8] != b"HEAP\0\0\0\0" or length > MOST_ARRAYS * 64:
            raise Bad("its heap of names is of another kind")
        names = self.at(segment, length, "a heap")
        for node in self._leaves(tree, DEPTH):
            signature, count = self.at(node, 8, "a node of names"), None
            count = struct.unpack_from("<H", signature, 6)[0]
            if signature[:6] != b"SNOD\x01\0":
                raise Bad("a node of names is of another kind")
            rows = self.at(node + 8, 40 * count, "a node of names")
            for name, place, kind in (struct.unpack_from("<2QI", rows, 40 * k) for k in range(count)):
                if kind:
                    raise Bad("it holds a group or a link")
                end = names.find(b"\0", name) if name < length else -1
                if not 0 < end - name <= 32:
                    raise Bad("a name is of another kind")
                yield names[name:end], place

    def _leaves(self, place, depth):
        head = self.at(place, 24, "a node")
        kind, level, count = struct.unpack_from("<BBH", head, 4)
        if head[:4] != b"TREE" or kind or level >= depth or count > 4096:
            raise Bad("a node is of another kind")
        children = struct.unpack(f"<{2 * count}Q", self.at(place + 24, 16 * count, "a node"))[1::2]
        if level == 0:
            yield from children
            return
        for child in children:
            yield from self._leaves(child, level)

    def _object(self, place):
        """The header at ``place`` -> (attributes, other messages by their kind, (tree, heap) of a group or None)."""
        head = self.at(place, 16, "a header")
        version, _, count, references, length = struct.unpack_from("<BBHII", head)
        if version != 1 or count > 64 or references != 1 or length > 2**16:
            raise Bad("a header is of another kind")
        found, attributes, blocks, seen = {}, {}, [(place + 16, length)], 0
        while blocks and seen < count:
            block, at = self.at(*blocks.pop(0), "a header"), 0
            while at + 8 <= len(block) and seen < count:
                kind, size, flags = struct.unpack_from("<HHB", block, at)
                body, at, seen = block[at + 8 : at + 8 + size], at + 8 + size, seen + 1
                if len(body) != size or flags & ~1 or size % 8:
                    raise Bad("a message is of another kind")
                if kind == CONTINUED and size == 16:
                    blocks.append(struct.unpack("<2Q", body))
                    if blocks[-1][1] > 2**16:
                        raise Bad("a header is of another kind")
                elif kind == ATTRIBUTE:
                    name, value = self._attribute(body)
                    attributes[name] = value
                elif kind in (DATASPACE, DATATYPE, LAYOUT, TABLE) and kind not in found:
                    found[kind] = body
                elif kind not in PASSED:
                    raise Bad(f"it holds what is not read here (message {kind:#x})")
        if seen != count or blocks:
            raise Bad("a header ends too early")
        table = found.get(TABLE)
        if table is not None and len(table) != 16:
            raise Bad("a group is of another kind")
        return attributes, found, None if table is None else struct.unpack("<2Q", table)

    def _attribute(self, body):
        """An attribute's message -> (name, text)."""
        if len(body) < 9:
            raise Bad("an attribute is of another kind")
        version, flags, *sizes = struct.unpack_from("<BBHHH", body)
        if version not in (1, 3) or flags:
            raise Bad("an attribute is of another kind")
        at, parts = (8 if version == 1 else 9), []
        for size in sizes:
            parts.append(body[at : at + size])
            at += -(-size // 8) * 8 if version == 1 else size
        name, kind, space = parts
        if kind[:1] != b"\x19" or kind[1:2] != b"\x01" or _shape(space) != ():
            raise Bad("an attribute is no text")
        value = body[at : at + 16]
        if len(value) != 16:
            raise Bad("an attribute is of another kind")
        return _text(name.rstrip(b"\0")), _text(self._from_heap(*struct.unpack("<IQI", value)))

    def _from_heap(self, length, place, index):
        """A text of variable length: the object of that number in the global heap at ``place``."""
        if place not in self.heaps:
            head = self.at(place, 16, "a heap of texts")
            (size,) = struct.unpack_from("<Q", head, 8)
            self.texts -= size
            if head[:8] != b"GCOL\x01\0\0\0" or size < 16 or self.texts < 0:
                raise Bad("a heap of texts is of another kind")
            self.heaps[place] = _objects(self.at(place, size, "a heap of texts"))
        text = self.heaps[place].get(index, b"")
        if len(text) != length:
            raise Bad("a text is not where it should be")
        return text

    def _array(self, place):
        attributes, found, _ = self._object(place)
        if not {DATASPACE, DATATYPE, LAYOUT} == found.keys():
            raise Bad("it holds a group or an array without a shape")
        shape, kind, layout = _shape(found[DATASPACE]), _type(found[DATATYPE]), found[LAYOUT]
        length = kind.itemsize
        for side in shape:  # whole numbers of Python: no product of sides goes round
            length *= side
        if len(layout) < 18 or layout[:2] != b"\x03\x01":
            raise Bad("an array is not in one piece of this file")
        where, size = struct.unpack_from("<2Q", layout, 2)
        if size != length:
            raise Bad("an array is not as long as its shape says")
        data = self.at(where, length, "an array") if length else b""
        return attributes, np.frombuffer(bytearray(data), kind).reshape(shape)


def _shape(space):
    """A dataspace's message -> shape."""
    if len(space) < 8:
        raise Bad("a shape is of another kind")
    version, rank, flags = space[:3]
    if version != 1 or rank > MOST_RANK or flags & ~1 or len(space) < 8 + 8 * rank * (1 + flags):
        raise Bad("a shape is of another kind")
    sides = struct.unpack_from(f"<{rank}Q", space, 8)
    if flags and struct.unpack_from(f"<{rank}Q", space, 8 + 8 * rank) != sides:
        raise Bad("an array may grow")
    if any(side > MOST for side in sides):
        raise Bad("an array is larger than any file")
    return sides


def _numbers():
    """Bytes of a datatype's message -> NumPy type, of the numbers that are read: IEEE 754 and two's complement."""
    found = {}
    for size, exponent, mantissa in ((2, 5, 10), (4, 8, 23), (8, 11, 52)):
        bits = struct.pack("<BBBBI", 0x11, 0x20, 8 * size - 1, 0, size)
        parts = (0, 8 * size, mantissa, exponent, 0, mantissa, 2 ** (exponent - 1) - 1)
        found[bits + struct.pack("<HHBBBBI", *parts)] = np.dtype(f"<f{size}")
    for size in (1, 2, 4, 8):
        for sign, letter in ((0, "u"), (8, "i")):
            bits = struct.pack("<BBBBI", 0x10, sign, 0, 0, size)
            found[bits + struct.pack("<HH", 0, 8 * size)] = np.dtype(f"<{letter}{size}")
    return found


_NUMBERS = _numbers()


def _type(message):
    """A datatype's message -> NumPy type."""
    for length in (20, 12):
        if (kind := _NUMBERS.get(message[:length])) is not None and not any(message[length:]):
            return kind
    raise Bad("an array is of a type that is not read here")


def _objects(heap):
    """The bytes of a global heap -> number -> bytes of each object in it."""
    found, at = {}, 16
    while at + 16 <= len(heap):
        index, _, _, size = struct.unpack_from("<HHIQ", heap, at)
        if index == 0:  # what is free: the rest
            break
        if size > len(heap) - at - 16 or index in found:
            raise Bad("a heap of texts is of another kind")
        found[index] = heap[at + 16 : at + 16 + size]
        at += 16 + -(-size // 8) * 8
    return found


def _text(data):
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Bad("a text is no UTF-8") from None
