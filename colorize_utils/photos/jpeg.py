"""JPEGs segment by segment: what stands beside the pixels, and whether the pixels of one without an end are whole.

ITU-T T.81, annex B; segments of Photoshop as in Adobe's file format specification, "Image resource blocks".
"""

import math
import mmap
import re
import struct
import zlib
from dataclasses import dataclass

from PIL import Image

from .beside import Beside
from .eight_bits import values_of
from .spliced import spliced

SOI, EOI, SOS, COM = 0xD8, 0xD9, 0xDA, 0xFE
FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # F7: JPEG-LS
XMP, EXTENDED = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
PHOTOSHOP, ICC, JFIF, EXIF = b"Photoshop 3.0\0", b"ICC_PROFILE\0", b"JFIF\0", b"Exif\0\0"
# Of Photoshop's blocks those that are not true of the output: resolution, thumbnails, JPEG quality, color profile and
# "has none", EXIF and XMP, which have places of their own.
UNTRUE = {0x03ED, 0x0406, 0x0409, 0x040C, 0x040F, 0x0411, 0x0422, 0x0423, 0x0424}
PATHS = range(0x07D0, 0x0BB8)  # places in the picture, and which of the paths clips it
SPIFF = b"SPIFF\0"  # in APP8: a header that says of size and kind what the coding says too (T.84, annex F)
OTHERS = {*range(0xE0, 0xF0)} - {0xE0, 0xE1, 0xE2, 0xEC, 0xED, 0xEE}  # EC is of the encoder's quality, EE of its coding
IPTC = 0x0404
MOST = 65_533  # bytes of a segment's body
MOST_SEGMENTS, MOST_KEPT = 20_000, 2**25  # bytes
MOST_SCANS, PASSES = 100, 50  # each goes over the whole picture; programs write 20 at most
MOST_TO_MEND = 3 * 10**9  # pixels times what `Jpeg.effort` says: some seconds
# What is put behind a JPEG without an end. Where something is missing the decoder takes these bits for it.
TAILS = (b"", bytes(512), b"\x55" * 512, b"\xaa" * 512)
END = b"\xff\xd9"
# The next marker, also behind the data of a scan: there, FF is followed by 0 or a restart, in JPEG-LS by less than 80.
_MARKER = re.compile(rb"\xff+[\xc0-\xcf\xd8-\xfe]")


@dataclass(frozen=True)
class Jpeg:
    """A JPEG taken apart. ``segments``: (marker, body) each, but for the scans' data; ``end``: where it ends, or None.

    ``frame``: (marker, bits, height, width, channels) of the first picture, None where there is none.
    """

    segments: tuple
    frame: tuple | None
    end: int | None
    size: int

    @property
    def scans(self):
        """How many passes over the picture it has."""
        return sum(marker == SOS for marker, _ in self.segments)

    @property
    def effort(self):
        """Time that decoding takes for each pixel, in that of a scan which brings nothing new."""
        return self.scans + 10

    @property
    def bytes_to_decode(self):
        """For each pixel: what Pillow makes of it, and all coefficients where several scans bring them."""
        _, bits, _, _, channels = self.frame or (0, 8, 0, 0, 3)
        if bits > 8:
            return 2 * channels
        pillow = 1 if channels == 1 else 4  # it keeps color in four bytes
        return pillow + 2 * self._coefficients() * (self.scans > 1)

    def _coefficients(self):
        """Of all channels, for each pixel: fewer than the channels where some are subsampled (T.81, B.2.2)."""
        frame = next((body for marker, body in self.segments if marker in FRAMES), b"")
        shares = [(each >> 4) * (each & 15) for each in frame[7::3]]
        return sum(shares) / max(1, *shares, 1)


def read_jpeg(file):
    """An open JPEG -> `Jpeg`. Damaged segments end the search, which is no error here."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        segments, end, at, room = [], None, 2, MOST_KEPT
        while len(segments) < MOST_SEGMENTS:
            found = _MARKER.search(data, at)
            if not found:
                break
            marker, at = data[found.end() - 1], found.end()
            if marker == EOI:
                end = at
                break
            if marker == SOI:
                continue
            length = int.from_bytes(data[at : at + 2], "big")
            if length < 2 or at + length > len(data):
                break
            kept = length if room > length else 64  # enough to see what it is
            room -= kept
            segments.append((marker, data[at + 2 : at + kept]))
            at += length
        frame = next(((marker, *_frame(body)) for marker, body in segments if marker in FRAMES and len(body) > 5), None)
        return Jpeg(tuple(segments), frame, end, len(data))


def most_scans(size, max_pixels):
    """How many scans a picture of (width, height) may have: of a very large one fewer, for each takes its time."""
    return min(MOST_SCANS, PASSES * max_pixels // max(1, math.prod(size)))


def _frame(body):
    return struct.unpack(">BHHB", body[:6])


def with_end(file, jpeg):
    """The file of a JPEG without an end mark, with one, if its pixels are whole; else None.

    They are if no bits that follow change the picture: a decoder needs none of them.
    """
    if not _all_scans(jpeg):
        return None
    size = jpeg.size
    file.seek(size - 1)
    size -= file.read(1) == b"\xff"  # the first half of the end mark
    first = _sum_of(spliced(file, [(0, size), TAILS[0] + END]))
    whole = first is not None and all(first == _sum_of(spliced(file, [(0, size), tail + END])) for tail in TAILS[1:])
    return spliced(file, [(0, size), END]) if whole else None


def _sum_of(file):
    try:
        with Image.open(file, formats=("JPEG",)) as image:
            return zlib.crc32(values_of(image))
    except Exception:  # noqa: BLE001  (decoders raise many kinds for what is damaged)
        return None


def _all_scans(jpeg):
    """Whether the scans give every coefficient of every channel all its bits (T.81, B.2.3)."""
    frame = next((body for marker, body in jpeg.segments if marker in FRAMES), b"")
    missing = {(channel, k) for channel in frame[6::3] for k in range(64)}
    for marker, body in jpeg.segments:
        if marker == SOS and len(body) >= 4 and len(body) == 4 + 2 * body[0]:
            first, last, bits = body[-3:]
            if bits & 15 == 0:
                missing -= {(channel, k) for channel in body[1:-3:2] for k in range(first, last + 1)}
    return not missing


def beside(jpeg, image):
    """What stands in a `Jpeg` beside its pixels -> `Beside`. image: the same, opened with Pillow."""
    bodies = {marker: [body for kind, body in jpeg.segments if kind == marker] for marker in (0xE0, 0xE1, 0xE2, 0xED)}
    notes = []
    profile = image.info.get("icc_profile")
    if not profile and any(body.startswith(ICC) for body in bodies[0xE2]):
        notes.append("its color profile is damaged and was left out; sRGB is assumed")
    if extended := sum(len(body) for body in bodies[0xE1] if body.startswith(EXTENDED)):
        notes.append(f"its extended XMP ({_amount(extended)}) was left out")
    if behind := _behind(jpeg, image):
        notes.append(behind)
    spiff = {0xE8} if any(body.startswith(SPIFF) for marker, body in jpeg.segments if marker == 0xE8) else set()
    if others := sorted({marker - 0xE0 for marker, _ in jpeg.segments if marker in OTHERS - spiff}):
        notes.append(f"what other programs keep in its segments APP{', APP'.join(map(str, others))} was left out")
    blocks, whole = photoshop_blocks(b"".join(b[len(PHOTOSHOP) :] for b in bodies[0xED] if b.startswith(PHOTOSHOP)))
    if not whole:
        notes.append("its Photoshop data are damaged and were left out in part")
    return Beside(
        exif=next((body for body in bodies[0xE1] if body.startswith(EXIF)), b""),
        xmp=next((body[len(XMP) :] for body in bodies[0xE1] if body.startswith(XMP)), None),
        profile=profile,
        photoshop=blocks,
        comments=tuple(body for kind, body in jpeg.segments if kind == COM),
        aspect=next((_density(body) for body in bodies[0xE0] if body.startswith(JFIF) and len(body) >= 12), None),
        notes=tuple(notes),
    )


def _density(body):
    unit, *density = struct.unpack_from(">BHH", body, 7)
    return tuple(density) if unit == 0 else None


def _behind(jpeg, image):
    """A note of what follows the picture in its file, where that is more than filling."""
    pictures = getattr(image, "n_frames", 1)
    if pictures > 1:
        return f"it holds {pictures} pictures; the first was read, the others were left out"
    count = jpeg.size - jpeg.end if jpeg.end else 0
    if count < 32:
        return None
    return f"what follows the picture in its file ({_amount(count)}, as the film of a motion photo) was left out"


def _amount(count):
    return f"{count:,} bytes" if count < 10_000 else f"{count // 1000:,} kB"


def photoshop_blocks(data):
    """Image resource blocks -> ((number, name and length and data as they stand), ...), and whether all were whole."""
    blocks, at = [], 0
    while at + 12 <= len(data):
        if data[at : at + 4] not in (b"8BIM", b"AgHg", b"DCSR", b"MeSa", b"PHUT"):
            return tuple(blocks), not any(data[at:])
        (number,) = struct.unpack_from(">H", data, at + 4)
        start = at + 6 + (data[at + 6] + 2) // 2 * 2  # behind the name, which is filled up to an even length
        if start + 4 > len(data):
            return tuple(blocks), False
        (length,) = struct.unpack_from(">I", data, start)
        end = start + 4 + length
        if end > len(data):
            return tuple(blocks), False
        blocks.append((number, data[at:end]))
        at = end + length % 2
    return tuple(blocks), not any(data[at:])


def block_data(block):
    """The data of a resource block that stands as `photoshop_blocks` gives it."""
    return block[6 + (block[6] + 2) // 2 * 2 + 4 :]


def iptc_block(data):
    """IPTC (IIM 4.2) -> the resource block that holds it."""
    return b"8BIM" + struct.pack(">HHI", IPTC, 0, len(data)) + data


def segments_of(blocks, comments):
    """Resource blocks and comments as the bytes of a JPEG's segments."""
    found = b""
    for block in blocks:
        body = PHOTOSHOP + block + bytes(len(block) % 2)
        found += b"\xff\xed" + struct.pack(">H", len(body) + 2) + body
    for comment in comments:
        comment = comment[:MOST]
        found += b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment
    return found


def set_aspect(file, aspect):
    """Write the shape of pixels into the JFIF segment that a JPEG in ``file``, open for both, begins with."""
    file.seek(0)
    head = file.read(20)
    if head[2:4] == b"\xff\xe0" and head[6:11] == JFIF:
        file.seek(13)
        file.write(struct.pack(">BHH", 0, *aspect))
