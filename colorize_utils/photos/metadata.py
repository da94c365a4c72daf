"""What a photo's file tells beside its pixels, and which of it goes to the output."""

ORIENTATION, CAMERA, WIDTH, HEIGHT, XMP, UNIT = 274, 34665, 40962, 40963, 700, 296
# Of a TIFF, Pillow counts the layout of the pixels among its EXIF tags; copied, they would spoil the output. So only
# what tells of the photo is kept: description, camera, orientation, resolution, software, date, artist, copyright, and
# the pointers to the camera's settings and to GPS.
EXIF_KEPT = {270, 271, 272, ORIENTATION, 282, 283, UNIT, 305, 306, 315, 33432, CAMERA, 34853}
RESOLUTION = {282, 283, UNIT}
MOST_XMP = 2**20  # bytes


def resolution(image):
    """Dots an inch (x, y), or None where the file does not say (Pillow then gives 1, or nothing)."""
    try:
        dpi = tuple(float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return dpi if len(dpi) == 2 and all(1 < value < 1e6 for value in dpi) else None


def read_orientation(image):
    """How the picture is to be turned (1 to 8, TIFF 6.0, tag 274); 1 where the file does not say."""
    try:
        orientation = image.getexif().get(ORIENTATION, 1)
        return orientation if orientation in range(1, 9) else 1
    except Exception:  # noqa: BLE001  (as below)
        return 1


def read_metadata(image, photo, orientation):
    """Set ``photo.exif``, for a picture that has been turned as ``orientation`` asks, and ``photo.xmp``."""
    photo.xmp = _xmp(image, photo)
    try:
        exif = image.getexif()
        bad = RESOLUTION if exif.get(UNIT, 2) not in (1, 2, 3) else set()
        for tag in set(exif) - EXIF_KEPT | bad & set(exif):
            del exif[tag]
        if len(exif):
            exif[ORIENTATION] = 1
            if orientation in (5, 6, 7, 8) and CAMERA in exif:
                camera = exif.get_ifd(CAMERA)
                if {WIDTH, HEIGHT} <= set(camera):
                    camera[WIDTH], camera[HEIGHT] = camera[HEIGHT], camera[WIDTH]
            photo.exif = exif.tobytes()
    except Exception:  # noqa: BLE001  (Pillow raises many kinds for damaged EXIF; the photo itself may be fine)
        photo.notes.append("its EXIF data is damaged and was left out")


def _xmp(image, photo):
    xmp = image.tag_v2.get(XMP) if image.format == "TIFF" else image.info.get("xmp")
    xmp = xmp or image.info.get("XML:com.adobe.xmp")
    if isinstance(xmp, str):
        xmp = xmp.encode("utf-8", "replace")
    if not isinstance(xmp, bytes) or not xmp.strip(b"\0 "):
        return None
    if len(xmp) > MOST_XMP:
        photo.notes.append("its XMP data is too long and was left out")
        return None
    return xmp
