"""What a photo's file tells beside its pixels, and which of it goes to the output."""

import struct
from dataclasses import dataclass, replace

from . import jp2, jpeg, png, xmp
from .beside import Beside, Carried
from .exif import (
    CAMERA,
    FRACTION,
    GPS,
    INTEROP,
    IPTC,
    Value,
    number_in,
    read_block,
    read_directory,
    short,
    text,
    write_block,
)
from .told_color import of_bmp, of_boxes, of_exif

ORIENTATION, WIDTH, HEIGHT, COLORS, GAMMA, XMP, UNIT = 274, 40962, 40963, 40961, 42240, 700, 296
# In a TIFF the layout of the pixels stands among the rest; copied, it would spoil the output. So only what tells of the
# photo is kept: names of document and page, description, camera, orientation, resolution, software, date, artist, host,
# rating, copyright, Windows' title, comment, author, keywords and subject; IPTC; the camera's settings and GPS.
EXIF_KEPT = {269, 270, 271, 272, ORIENTATION, 282, 283, 285, UNIT, 305, 306, 315, 316, 18246, 18249, 33432}
EXIF_KEPT |= {CAMERA, GPS, IPTC, 36867, *range(40091, 40096)}
RESOLUTION = (282, 283, UNIT)
MOST_XMP = 2**22  # bytes
ON_ITS_SIDE = (5, 6, 7, 8)


def stands_beside(file, image, parts):
    """What an open file, which Pillow has opened as ``image``, has beside its pixels -> `Beside`.

    parts: a `jpeg.Jpeg`, `png.Png` or `jp2.Jp2` of it, or None.
    """
    if isinstance(parts, png.Png):
        return png.beside(parts)
    if isinstance(parts, jpeg.Jpeg):
        return replace(jpeg.beside(parts, image), dpi=resolution(image))
    profile, notes = image.info.get("icc_profile"), ()
    if isinstance(parts, jp2.Jp2):
        profile, notes = parts.profile, parts.notes
    elif image.format == "BMP":
        profile, notes = of_bmp(file)
    elif not profile and image.format in ("AVIF", "HEIF"):
        file.seek(0)
        profile, notes = of_boxes(file.read(2**16))
    if image.format == "HEIF" and getattr(image, "n_frames", 1) > 1:
        notes = (*notes, f"it holds {image.n_frames} pictures; the first was read, the others were left out")
    comment = image.info.get("comment") if image.format in ("GIF", "JPEG2000") else None
    comment = None if isinstance(comment, bytes) and comment.startswith(jp2.MADE_BY) else comment
    return Beside(
        exif=bytes(image.info.get("exif") or getattr(parts, "exif", b"")),
        xmp=image.info.get("xmp") or getattr(parts, "xmp", None),
        profile=profile,
        comments=(comment,) if isinstance(comment, bytes) and comment else (),
        dpi=resolution(image),
        notes=notes,
    )


def resolution(image):
    """Dots an inch (x, y), or None where the file does not say (Pillow then gives 1, 72 or nothing)."""
    try:
        dpi = tuple(float(value) for value in image.info["dpi"])
        jpeg_without = image.format in ("JPEG", "MPO") and image.info.get("jfif_unit") not in (1, 2)
        if jpeg_without and 282 not in read_block(bytes(image.info.get("exif") or b""))[0]:
            return None
    except Exception:  # noqa: BLE001  (Pillow raises many kinds for damaged EXIF; the photo itself may be fine)
        return None
    return dpi


@dataclass(frozen=True)
class Metadata(Carried):
    """What goes from a photo's file to the output, and how to read the pixels."""

    profile: bytes | None = None  # of the values of the pixels; None: sRGB
    orientation: int = 1  # how the picture is to be turned (1 to 8, TIFF 6.0, tag 274)
    notes: tuple = ()  # what a person should know, a line each


def read_metadata(beside):
    """The `Metadata` of a picture that has `Beside` ``beside`` its pixels."""
    return _metadata(beside, lambda: read_block(beside.exif) if beside.exif else ({}, True))


def read_tiff_metadata(picture, pixels):
    """The `Metadata` of a `tiff_pages.Picture`, whose orientation and profile its ``pixels`` have."""
    with open(picture.path, "rb") as file:
        found, whole = read_directory(file, picture.outer, picture.order, picture.big)
        found = {tag: value for tag, value in found.items() if tag != ORIENTATION}
        found |= {ORIENTATION: short(pixels.orientation)} if pixels.orientation != 1 else {}
    return _metadata(Beside(profile=pixels.profile, dpi=_tiff_resolution(found)), lambda: (found, whole))


def _tiff_resolution(directory):
    """As `resolution` for a TIFF's directory. Without a unit they are inches (TIFF 6.0, tag 296)."""
    scale = {None: 1, 2: 1, 3: 2.54}.get(number_in(directory.get(UNIT)))
    both = [directory.get(tag) for tag in RESOLUTION[:2]]
    if scale is None or not all(isinstance(value, Value) and value.kind == FRACTION for value in both):
        return None
    pairs = [struct.unpack("<II", value.data[:8]) for value in both]
    return tuple(scale * over / under if under else 0 for over, under in pairs)


def _metadata(beside, read):
    """`Metadata` of what stands beside the pixels and of EXIF: ``read()`` gives it, and whether it was whole."""
    notes = list(beside.notes)
    try:
        directory, whole = read()
    except (OSError, ValueError, OverflowError):
        directory, whole = {}, False
    if not whole:
        notes.append("its EXIF data is damaged and was left out" + " in part" * bool(directory))
    orientation = number_in(directory.get(ORIENTATION))
    orientation = orientation if orientation in range(1, 9) else 1
    packet, more = _xmp(directory[XMP].data if XMP in directory else beside.xmp)
    notes += more
    if packet and ORIENTATION not in directory and (xmp.orientation(packet) or 1) != 1:  # MWG guidelines 2.0, 5.5
        notes.append("only its XMP says that it lies on its side; EXIF is what counts, and it was not turned")
    profile = beside.profile
    if not profile:
        profile, more = of_exif(directory)
        notes += more
    photoshop, more = _blocks(beside.photoshop, orientation)
    aspect = _aspect(beside, orientation)
    if aspect:
        more = (*more, f"its pixels are not square (density {aspect[0]}:{aspect[1]}); it was left as it is")
    kept = {tag: value for tag, value in directory.items() if tag in EXIF_KEPT}
    if number_in(directory.get(UNIT)) not in (None, 1, 2, 3):
        kept = {tag: value for tag, value in kept.items() if tag not in RESOLUTION}
    return Metadata(
        exif=write_block(_as_written(kept, orientation)) if kept else None,
        xmp=packet,
        iptc=next((jpeg.block_data(block) for number, block in beside.photoshop if number == jpeg.IPTC), None),
        photoshop=photoshop,
        comments=beside.comments,
        texts=beside.texts,
        dpi=_dpi(beside.dpi, orientation),
        aspect=aspect,
        profile=profile,
        orientation=orientation,
        notes=(*notes, *more),
    )


def _dpi(dpi, orientation):
    if not dpi or not all(1 < value < 1e6 for value in dpi):
        return None
    return tuple(dpi[::-1]) if orientation in ON_ITS_SIDE else tuple(dpi)


def _aspect(beside, orientation):
    aspect = beside.aspect
    if beside.dpi or not aspect or not all(aspect) or aspect[0] == aspect[1]:
        return None
    return aspect[::-1] if orientation in ON_ITS_SIDE else aspect


def _blocks(blocks, orientation):
    """Photoshop's blocks that are true of an upright picture, and notes. Paths are places in the picture."""
    kept = [(number, block) for number, block in blocks if number not in jpeg.UNTRUE and number != jpeg.IPTC]
    paths = [number for number, _ in kept if number in jpeg.PATHS]
    if orientation == 1 or not paths:
        return tuple(block for _, block in kept), ()
    notes = ("its clipping paths were left out, because it was turned",)
    return tuple(block for number, block in kept if number not in jpeg.PATHS), notes


def _as_written(directory, orientation):
    """The directory of an upright picture in sRGB."""
    directory = directory | {ORIENTATION: short(1)}
    camera = dict(directory.get(CAMERA) or {})
    if orientation in ON_ITS_SIDE:
        for one, other, tags in ((WIDTH, HEIGHT, camera), (282, 283, directory)):
            if {one, other} <= set(tags):
                tags[one], tags[other] = tags[other], tags[one]
    camera.pop(GAMMA, None)  # of Adobe RGB
    if COLORS in camera:
        camera[COLORS] = short(1)
    if 1 in camera.get(INTEROP, {}):  # R03 is Adobe RGB
        camera[INTEROP] = camera[INTEROP] | {1: text("R98")}
    return directory | {CAMERA: camera} if camera else directory


def _xmp(packet):
    """XMP as it stands in the file -> bytes or None, and notes."""
    packet = packet.encode("utf-8", "replace") if isinstance(packet, str) else packet
    if not isinstance(packet, bytes) or not packet.strip(b"\0 "):
        return None, ()
    if len(packet) > MOST_XMP:
        return None, ("its XMP data is too long and was left out",)
    return xmp.without_pointers(packet), ()
