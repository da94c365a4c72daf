"""What a photo's file tells beside its pixels, and which of it goes to the output."""

from dataclasses import dataclass

from .exif import CAMERA, GPS, INTEROP, IPTC, number_in, read_block, read_directory, short, text, write_block
from .png import text_chunks

ORIENTATION, WIDTH, HEIGHT, COLORS, XMP, UNIT = 274, 40962, 40963, 40961, 700, 296
# In a TIFF the layout of the pixels stands among the rest; copied, it would spoil the output. So only what tells of the
# photo is kept: names of document and page, description, camera, orientation, resolution, software, date, artist, host,
# rating, copyright, Windows' title, comment, author, keywords and subject; IPTC; the camera's settings and GPS.
EXIF_KEPT = {269, 270, 271, 272, ORIENTATION, 282, 283, 285, UNIT, 305, 306, 315, 316, 18246, 18249, 33432}
EXIF_KEPT |= {CAMERA, GPS, IPTC, 36867, *range(40091, 40096)}
RESOLUTION = {282, 283, UNIT}
MOST_XMP = 2**20  # bytes
PHOTOSHOP_IPTC = 0x0404


def resolution(image):
    """Dots an inch (x, y), or None where the file does not say (Pillow then gives 1, 72 or nothing)."""
    try:
        dpi = tuple(float(value) for value in image.info["dpi"])
        if image.format == "JPEG" and image.info.get("jfif_unit") not in (1, 2) and 282 not in image.getexif():
            return None
    except Exception:  # noqa: BLE001  (as in `read_orientation`)
        return None
    return dpi if len(dpi) == 2 and all(1 < value < 1e6 for value in dpi) else None


def read_orientation(image):
    """How the picture is to be turned (1 to 8, TIFF 6.0, tag 274); 1 where the file does not say."""
    try:
        # Pillow 11 gives up on a damaged block as a whole, and the photo would lie on its side.
        own = {} if image.format == "TIFF" else read_block(_block(image))[0]
        orientation = number_in(own.get(ORIENTATION)) or image.getexif().get(ORIENTATION, 1)
        return orientation if orientation in range(1, 9) else 1
    except Exception:  # noqa: BLE001  (Pillow raises many kinds for damaged EXIF; the photo itself may be fine)
        return 1


@dataclass(frozen=True)
class Metadata:
    """What goes from a photo's file to the output, as `reading.Photo` has it."""

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    comment: bytes | None = None
    texts: tuple = ()
    dpi: tuple | None = None
    notes: tuple = ()  # what a person should know, a line each


def read_metadata(path, image, orientation):
    """The `Metadata` of a picture that is turned as ``orientation`` asks; it is opened with Pillow as ``image``."""
    notes, iptc = [], None
    try:
        directory, whole = _directory(path, image)
    except (OSError, ValueError, OverflowError):
        directory, whole = {}, False
    if not whole:
        notes.append("its EXIF data is damaged and was left out" + " in part" * bool(directory))
    if image.format == "TIFF":
        xmp = directory[XMP].data if XMP in directory else None
    else:
        xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
        blocks = image.info.get("photoshop")
        iptc = blocks.get(PHOTOSHOP_IPTC) if isinstance(blocks, dict) else None
    xmp, more = _xmp(xmp)
    comment = image.info.get("comment") if image.format in ("JPEG", "MPO") else None
    unit = number_in(directory.get(UNIT))
    left_out = RESOLUTION if unit not in (None, 1, 2, 3) else set()
    kept = {tag: value for tag, value in directory.items() if tag in EXIF_KEPT - left_out}
    return Metadata(
        exif=write_block(_as_written(kept, orientation)) if kept else None,
        xmp=xmp,
        iptc=iptc if isinstance(iptc, bytes) else None,
        comment=comment if isinstance(comment, bytes) else None,
        texts=tuple(text_chunks(path)) if image.format == "PNG" else (),
        dpi=resolution(image),
        notes=(*notes, *more),
    )


def _directory(path, image):
    """The file's own EXIF -> (directory, whether all of it was whole)."""
    if image.format == "TIFF":
        with open(path, "rb") as file:
            head = file.read(4)
            order = "<" if head[:2] == b"II" else ">"
            return read_directory(file, image.tag_v2.offset, order, big=43 in head[2:])
    block = _block(image)
    return read_block(block) if block else ({}, True)


def _block(image):
    block = image.info.get("exif")
    if not block and image.info.get("Raw profile type exif"):  # as ImageMagick writes it into PNGs
        block = bytes.fromhex("".join(image.info["Raw profile type exif"].split("\n")[3:]))
    return bytes(block or b"")


def _as_written(directory, orientation):
    """The directory of an upright picture in sRGB."""
    directory = directory | {ORIENTATION: short(1)}
    camera = dict(directory.get(CAMERA) or {})
    if orientation in (5, 6, 7, 8) and {WIDTH, HEIGHT} <= set(camera):
        camera[WIDTH], camera[HEIGHT] = camera[HEIGHT], camera[WIDTH]
    if COLORS in camera:
        camera[COLORS] = short(1)
    if 1 in camera.get(INTEROP, {}):  # R03 is Adobe RGB
        camera[INTEROP] = camera[INTEROP] | {1: text("R98")}
    return directory | {CAMERA: camera} if camera else directory


def _xmp(xmp):
    """XMP as Pillow has it -> bytes or None, and notes."""
    xmp = xmp.encode("utf-8", "replace") if isinstance(xmp, str) else xmp
    if not isinstance(xmp, bytes) or not xmp.strip(b"\0 "):
        return None, ()
    if len(xmp) > MOST_XMP:
        return None, ("its XMP data is too long and was left out",)
    return xmp, ()
