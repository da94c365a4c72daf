"""Photos as files: read precisely, written whole, found at any depth.

Reading turns any common format into float sRGB, upright, and keeps aside what the output needs: alpha, depth, EXIF,
resolution. Writing goes to a temporary name that is renamed when the file is whole.
"""

import io
import os
import threading
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from ..errors import ColorizeError
from .deep import encode_deep, is_deep, read_deep

SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp")
FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP")
LONGEST = {".jpg": 65_500, ".jpeg": 65_500, ".webp": 16_383}  # pixels a side that a format allows
ORIENTATION = 274
# Of a TIFF, Pillow counts the layout of the pixels among its EXIF tags; copied, they would spoil the output. So only
# what tells of the photo is kept: description, camera, orientation, resolution, software, date, artist, copyright, and
# the pointers to the camera's settings and to GPS.
EXIF_KEPT = {270, 271, 272, 274, 282, 283, 296, 305, 306, 315, 33432, 34665, 34853}
_SRGB = None
_lock, _reading, _restore = threading.Lock(), 0, None


@dataclass
class Photo:
    """A photo: ``rgb`` float32 (H, W, 3) sRGB in [0, 1], upright, and what has to survive to the output."""

    rgb: np.ndarray
    alpha: np.ndarray | None = None  # float32 (H, W) in [0, 1]
    bits: int = 8  # 8 or 16 a channel, as the file had it
    exif: bytes | None = None  # with the orientation already applied and reset
    dpi: tuple | None = None
    was_grey: bool = False
    path: Path | None = None
    notes: list = field(default_factory=list)  # what a person should know, a line each


def find_photos(paths):
    """Files and folders -> sorted list of (path, root): every photo below the folders, hidden files left out.

    A file that is named itself is taken whatever its suffix; its root is its folder. ColorizeError (status 1) for a
    path that does not exist.
    """
    found = []
    for path in map(Path, paths):
        if path.is_dir():
            found += [(p, path) for p in _walk(path)]
        elif path.exists():
            found.append((path, path.parent))
        else:
            raise ColorizeError(f"expected a photo or a folder, but there is no {path}", status=1)
    return found


def _walk(folder):
    # Links to folders are not followed: they may lead in a circle.
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield Path(here) / name


def read_photo(path, max_pixels=300_000_000):
    """Read a photo -> `Photo`. ColorizeError (status 1) in one line for whatever is not a whole photo.

    Orientation is applied, an ICC profile is converted to sRGB, 16-bit values keep their precision. Of a TIFF with
    several pages the first is read. max_pixels guards against files that claim to be enormous.
    """
    path = Path(path)
    try:
        if path.stat().st_size == 0:
            raise ColorizeError(f"{path}: expected a photo, got an empty file", status=1)
        with _unguarded(), Image.open(path, formats=FORMATS) as image:
            return _read(path, image, max_pixels)
    except ColorizeError:
        raise
    except UnidentifiedImageError:
        kinds = ", ".join(s[1:] for s in SUFFIXES)
        raise ColorizeError(
            f"{path}: expected a photo ({kinds}), got a file of another kind or a damaged one", status=1
        ) from None
    except MemoryError:
        raise ColorizeError(f"{path}: not enough memory for a photo of this size", status=1) from None
    except Exception as error:  # noqa: BLE001  (decoders answer damaged files with whatever comes to hand)
        reason = getattr(error, "strerror", None) or (str(error).splitlines() or [type(error).__name__])[0]
        raise ColorizeError(f"{path}: expected a whole photo, got: {reason}", status=1) from None


@contextmanager
def _unguarded():
    """While photos are read: neither Pillow's limit of size (ours is checked) nor its warnings of odd metadata.

    Both are settings of the whole process, so with several threads the first to enter sets and the last restores them.
    """
    global _reading, _restore
    with _lock:
        if _reading == 0:
            quiet = warnings.catch_warnings()
            quiet.__enter__()
            warnings.simplefilter("ignore")
            _restore = quiet, Image.MAX_IMAGE_PIXELS
            Image.MAX_IMAGE_PIXELS = None
        _reading += 1
    try:
        yield
    finally:
        with _lock:
            _reading -= 1
            if _reading == 0:
                quiet, Image.MAX_IMAGE_PIXELS = _restore
                quiet.__exit__(None, None, None)


def _read(path, image, max_pixels):
    width, height = image.size
    if width * height > max_pixels:
        raise ColorizeError(
            f"{path}: expected at most {max_pixels:,} pixels, got {width}x{height}; --max-pixels raises the limit",
            status=1,
        )
    if getattr(image, "n_frames", 1) > 1 and image.format in ("PNG", "WEBP"):
        raise ColorizeError(f"{path}: expected a still photo, got an animation of {image.n_frames} pictures", status=1)
    photo = Photo(np.empty(0), path=path)
    photo.dpi = _resolution(image)
    orientation = _metadata(image, photo)
    if is_deep(path, image):
        values, alpha, upright = read_deep(path, image, photo)
        orientation = 1 if upright else orientation
    else:
        values, alpha = _values(image, photo)
    photo.rgb = _upright(values, orientation)
    photo.alpha = None if alpha is None else _upright(alpha, orientation)
    return photo


def _resolution(image):
    """Dots an inch (x, y), or None where the file does not say (Pillow then gives 1, or nothing)."""
    try:
        dpi = tuple(float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return dpi if len(dpi) == 2 and all(1 < value < 1e6 for value in dpi) else None


def _metadata(image, photo):
    """EXIF for the output, with its orientation reset. Returns the orientation that is to be applied (1 to 8)."""
    try:
        exif = image.getexif()
        orientation = exif.get(ORIENTATION, 1)
        for tag in set(exif) - EXIF_KEPT:
            del exif[tag]
        if len(exif):
            exif[ORIENTATION] = 1
            photo.exif = exif.tobytes()
        return orientation if orientation in range(1, 9) else 1
    except Exception:  # noqa: BLE001  (Pillow raises many kinds for damaged EXIF; the photo itself may be fine)
        photo.notes.append("its EXIF data is damaged and was left out")
        return 1


def _values(image, photo):
    """8-bit pixels of any mode -> float32 RGB in sRGB and alpha or None."""
    alpha = None
    if image.mode == "P" or "transparency" in image.info:
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    photo.was_grey = image.mode in ("1", "L", "LA")
    if image.mode == "1":
        photo.notes.append("it has black and white only, no greys")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        straight = image.convert("RGBA")
        alpha = np.asarray(straight.getchannel("A"), np.float32) / 255
        image, profile = straight.convert("RGB"), image.info.get("icc_profile")
        image.info["icc_profile"] = profile
    values = np.array(_to_srgb(image, photo), np.float32)
    values /= 255
    return values, alpha


def _to_srgb(image, photo):
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "L", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            return ImageCms.profileToProfile(image, source, _srgb(), outputMode="RGB") or image.convert("RGB")
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            photo.notes.append("its colour profile could not be used; sRGB is assumed")
    elif image.mode == "CMYK":
        photo.notes.append("CMYK without a profile; its lightness is approximate")
    return image.convert("RGB")


def _srgb():
    global _SRGB
    if _SRGB is None:
        _SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    return _SRGB


def _upright(values, orientation):
    """Apply EXIF orientation 1 to 8 (TIFF 6.0, tag 274) to an array (H, W, ...)."""
    if orientation in (5, 6, 7, 8):
        values = values.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    return np.ascontiguousarray(values)


def write_photo(path, rgb, like=None):
    """Write sRGB (H, W, 3), float in [0, 1], to ``path``; the suffix says the format. The file appears whole or not.

    ``like`` is the `Photo` the picture was made from: its depth (PNG and TIFF), alpha, EXIF and resolution are kept.
    JPEG is quality 95 with full-size chroma, WebP is lossless: both keep the colours. EXIF that cannot be written costs
    a line in ``like.notes``, not the picture. OSError if the disk will not; ColorizeError (status 1) for anything else.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ColorizeError(f"{path}: expected a name ending in {', '.join(SUFFIXES)}", status=1)
    _refuse_size(path, np.shape(rgb))
    # Not made of the photo's name: a.png and a.jpg may be written at once, and a name may be as long as is allowed.
    temporary = path.with_name(f".colorize-{os.getpid()}-{threading.get_ident()}.part")
    try:
        try:
            _write(temporary, path.suffix.lower(), np.asarray(rgb), like)
        except (OSError, MemoryError):
            raise
        except Exception:  # noqa: BLE001  (Pillow and its encoders raise many kinds for EXIF that does not suit them)
            if like is None or not like.exif:
                raise
            _write(temporary, path.suffix.lower(), np.asarray(rgb), replace(like, exif=None))
            like.notes.append("its EXIF data could not be written and was left out")
        os.replace(temporary, path)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001  (as above)
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ColorizeError(f"{path}: could not be written: {reason}", status=1) from error
    finally:
        temporary.unlink(missing_ok=True)


def _refuse_size(path, shape):
    if len(shape) != 3 or shape[2] != 3 or 0 in shape:
        raise ColorizeError(f"{path}: expected a picture of shape (H, W, 3), got {tuple(shape)}", status=1)
    limit = LONGEST.get(path.suffix.lower())
    if limit and max(shape) > limit:
        raise ColorizeError(
            f"{path}: expected at most {limit:,} pixels a side for this format, got {shape[1]}x{shape[0]}", status=1
        )


def _write(path, suffix, rgb, like):
    if like is not None and like.bits == 16 and suffix in (".png", ".tif", ".tiff"):
        path.write_bytes(encode_deep(suffix, rgb, like, _srgb().tobytes()))
        return
    values = rgb if rgb.dtype == np.uint8 else np.rint(rgb.clip(0, 1) * 255).astype(np.uint8)
    if like is not None and like.alpha is not None and suffix not in (".jpg", ".jpeg", ".bmp"):
        alpha = np.rint(like.alpha * 255).astype(np.uint8)
        values = np.concatenate([values, alpha[..., None]], axis=-1)
    options = {"icc_profile": _srgb().tobytes()}
    if like is not None and like.exif and suffix != ".bmp":
        options["exif"] = like.exif
    if like is not None and like.dpi and suffix != ".webp":
        options["dpi"] = like.dpi
    options |= {
        ".jpg": {"quality": 95, "subsampling": 0},
        ".jpeg": {"quality": 95, "subsampling": 0},
        ".webp": {"lossless": True},
        ".tif": {"compression": "tiff_lzw"},
        ".tiff": {"compression": "tiff_lzw"},
    }.get(suffix, {})
    kind = {".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF"}.get(suffix, suffix[1:].upper())
    Image.fromarray(values).save(path, format=kind, **options)
