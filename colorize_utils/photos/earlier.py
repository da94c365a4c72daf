"""Pictures of an earlier call: from which photo each was made, and whether it is whole. Nothing is decoded for it."""

import os
import re
import stat
import struct
from typing import NamedTuple

NAMESPACE, PROPERTY = "urn:colorizeimg:", "MadeFrom"
PIECE = 2**18  # bytes read at a time: of most files the first or the last of them hold the XMP data
_LINE = re.compile(rb"""MadeFrom(?:>|\s*=\s*["'])([0-9a-f]{8}) ([0-9a-f]{32}) ([0-9a-f]{16})""")
_LONGEST = 128  # bytes of that line


class Identity(NamedTuple):
    """What makes a photo this one: digests of its name, with the ending, and of its content, as hexadecimal texts."""

    name: str
    content: str


class MadeFrom(NamedTuple):
    """What a picture was made from: the photo, and a digest of the model and the settings that were asked for."""

    photo: Identity
    asked: str

    def __str__(self):
        return f"{self.photo.name} {self.photo.content} {self.asked}"


def read_made_from(path):
    """The `MadeFrom` in the XMP data of the picture ``path``; None where it does not say, or cannot be read.

    XMP data is never compressed, so that it is found in a file of any format (XMP specification part 3, 1.1.1).
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would be waited for
            return None
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            last = max(0, size - PIECE)
            for at in (0, last, *range(PIECE - _LONGEST, last, PIECE - _LONGEST)):
                file.seek(at)
                if found := _LINE.search(file.read(PIECE)):
                    name, content, asked = (part.decode() for part in found.groups())
                    return MadeFrom(Identity(name, content), asked)
    except OSError:
        pass
    return None


def is_torn(path):
    """Whether the file ``path`` is empty, or a picture that breaks off, as a copy or a power cut leaves one.

    A file that is no picture at all is not: it is somebody's. Nor is what cannot be looked at.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        with open(path, "rb") as file:
            return not (_has_its_end(file) or _opens(path))
    except OSError:
        return False


def _has_its_end(file):
    """Whether the end is where each format says that it is. Of zeros alone there is none."""
    size, head = os.fstat(file.fileno()).st_size, file.read(16)
    file.seek(max(0, size - 16))
    tail = file.read()
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return tail[-8:-4] == b"IEND"
    if head.startswith(b"\xff\xd8\xff"):
        return b"\xff\xd9" in tail
    if head[:4] == b"RIFF":
        return int.from_bytes(head[4:8], "little") + 8 <= size
    if head[:2] == b"BM":
        return int.from_bytes(head[2:6], "little") <= size
    if head[:4] in (b"II*\0", b"MM\0*"):
        return _has_all_directories(file, size, "<" if head[:1] == b"I" else ">")
    return head.strip(b"\0") != b""


def _has_all_directories(file, size, order):
    """Whether each page's directory lies in the TIFF; in ours they stand behind what they lead to."""
    link = 4
    while link:
        file.seek(link)
        (at,) = struct.unpack(order + "I", file.read(4).ljust(4, b"\0"))
        if at == 0:
            return link > 4
        file.seek(at)
        (count,) = struct.unpack(order + "H", file.read(2).ljust(2, b"\0"))
        if not link < (link := at + 2 + 12 * count) <= size - 4:  # a chain that leads back is a circle
            return False


def _opens(path):
    """Whether a picture whose end is not where it should be can be read all the same."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            if image.format == "TIFF":
                return False
            image.load()
    except Exception:  # noqa: BLE001  (decoders answer damaged files with whatever comes to hand)
        return False
    return True
