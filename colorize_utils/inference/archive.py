"""Zips in and out: photos people upload as one .zip, pictures handed back as one."""

import lzma
import re
import zipfile
import zlib
from collections import defaultdict
from pathlib import Path

from ..disk import whole
from ..errors import ColorizeError, is_full, reason
from ..photos.reading import READABLE
from .folders import folded

MOST_BYTES = 4_000_000_000
MOST_FILES = 10_000
# What Python's zipfile raises for damage, a password (RuntimeError), or a method of packing it does not know.
_DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, RuntimeError, NotImplementedError, EOFError, ValueError)
_NO_NAMES = str.maketrans(dict.fromkeys('<>:"|?*' + "".join(map(chr, range(32))), "_"))  # Windows takes none of them
_DEVICE = re.compile(r"con|prn|aux|nul|(com|lpt)[0-9¹²³]", re.IGNORECASE)


def unpack_photos(archive, folder, most_bytes=MOST_BYTES, most_files=MOST_FILES, failed=None):
    """Unpack the photos of a .zip below ``folder`` (made if needed) -> list of their paths, in the order of the zip.

    Only files with a photo's suffix are taken, never outside ``folder`` whatever their names say, never one over
    another, and never more bytes than were announced. ColorizeError (status 1) for what is no .zip or unpacks to too
    much. A photo in it that is damaged or protected is an error too, unless ``failed(name, reason)`` takes it: then the
    others are unpacked.
    """
    archive, folder = Path(archive), Path(folder)
    try:
        with zipfile.ZipFile(archive) as packed:
            photos = [info for info in packed.infolist() if _is_photo(info)]
            _check_size(archive, photos, most_bytes, most_files)
            targets = _targets(photos, folder)
            return [t for info, t in zip(photos, targets, strict=True) if _unpack(packed, archive, info, t, failed)]
    except _DAMAGE as error:
        raise ColorizeError(f"{archive.name}: expected a whole .zip, got: {reason(error)}", status=1) from None
    except OSError as error:
        raise ColorizeError(f"{archive.name}: could not be unpacked: {reason(error)}", status=1) from None


def _is_photo(info):
    parts = _parts(info)
    hidden = any(part.startswith((".", "__MACOSX")) for part in parts)
    return bool(parts) and not info.is_dir() and not hidden and Path(parts[-1]).suffix.lower() in READABLE


def _parts(info):
    """The names a path in the zip is made of. Split by hand: pathlib takes "//" for a root, and keeps it."""
    return [part for part in info.filename.replace("\\", "/").split("/") if part not in ("", ".", "..")]


def _check_size(archive, photos, most_bytes, most_files):
    total = sum(info.file_size for info in photos)
    if len(photos) > most_files or total > most_bytes:
        raise ColorizeError(
            f"{archive.name}: expected at most {most_files:,} photos and {most_bytes / 1e9:g} GB, "
            f"got {len(photos):,} and {total / 1e9:.1f} GB",
            status=1,
        )


def _targets(photos, folder):
    """Where each photo goes: below ``folder``, under a name every system takes, no two the same."""
    targets, taken, numbers = [], set(), defaultdict(lambda: 1)
    for info in photos:
        parts = [allowed_name(part) for part in _parts(info)]
        first = target = folder.joinpath(*parts)
        while folded(target) in taken:
            numbers[first] += 1
            target = first.with_stem(f"{first.stem}-{numbers[first]}")
        taken.add(folded(target))
        # The names cannot lead out any more; a link that lies in the folder already could.
        if folder.resolve() not in target.resolve().parents:
            raise ValueError(f"a path that leads elsewhere: {info.filename!r}")
        targets.append(target)
    return targets


def allowed_name(name):
    """A name that every system takes: Windows has characters and words of its own, also before a suffix."""
    name = name.translate(_NO_NAMES).rstrip(". ") or "_"
    return f"_{name}" if _DEVICE.fullmatch(name.partition(".")[0].rstrip()) else name


def _unpack(packed, archive, info, target, failed):
    """Write one photo; whether that went well. What was written of a damaged one is removed."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with packed.open(info) as source, open(target, "wb") as out:
            left = info.file_size
            while left and (piece := source.read(min(left, 1 << 20))):
                out.write(piece)
                left -= len(piece)
        if left:
            raise EOFError("it ends too early")
        return True
    except (*_DAMAGE, OSError) as error:
        target.unlink(missing_ok=True)
        if is_full(error):
            raise ColorizeError(f"{archive.name}: the disk is full", status=1) from None
        name = f"{info.filename} in {archive.name}"
        protected = info.flag_bits & 1
        why = "it has a password" if protected else f"expected a whole photo, got: {reason(error)}"
        if failed is None:
            raise ColorizeError(f"{name}: {why}", status=1) from None
        failed(name, why)
        return False


def pack_folder(folder, archive):
    """All files below ``folder`` as one .zip, written whole or not at all. Returns its path."""
    folder, archive = Path(folder), Path(archive)
    with whole(archive, lasting=False) as temporary:
        outputs = {archive.resolve(), temporary.resolve()}  # they may stand in the folder itself
        # Stored, not deflated: pictures are compressed already. Not strict: a file may be dated before 1980.
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED, strict_timestamps=False) as packed:
            for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.resolve() not in outputs):
                packed.write(path, path.relative_to(folder).as_posix())
    return archive
