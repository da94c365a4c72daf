"""Zips in and out: photos people upload as one .zip, pictures handed back as one."""

import os
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from ..errors import ColorizeError
from ..photos.files import SUFFIXES

MOST_BYTES = 4_000_000_000
MOST_FILES = 10_000


def unpack_photos(archive, folder, most_bytes=MOST_BYTES, most_files=MOST_FILES):
    """Unpack the photos of a .zip below ``folder`` (made if needed) -> list of their paths.

    Only files with a photo's suffix are taken, never outside ``folder`` whatever their names say, and never more bytes
    than were announced. ColorizeError (status 1) for what is no .zip, is damaged, protected, or unpacks to too much.
    """
    archive, folder = Path(archive), Path(folder)
    try:
        with zipfile.ZipFile(archive) as packed:
            photos = [info for info in packed.infolist() if _is_photo(info)]
            total = sum(info.file_size for info in photos)
            if len(photos) > most_files or total > most_bytes:
                raise ColorizeError(
                    f"{archive.name}: expected at most {most_files:,} photos and {most_bytes / 1e9:g} GB, "
                    f"got {len(photos):,} and {total / 1e9:.1f} GB",
                    status=1,
                )
            return [_unpack(packed, info, folder) for info in photos]
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, ValueError) as error:
        raise ColorizeError(f"{archive.name}: expected a whole .zip without password, got: {error}", 1) from None


def _is_photo(info):
    path = PurePosixPath(info.filename)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return not info.is_dir() and not hidden and path.suffix.lower() in SUFFIXES


def _unpack(packed, info, folder):
    parts = [part for part in PurePosixPath(info.filename.replace("\\", "/")).parts if part not in ("/", "..", ".")]
    target = folder.joinpath(*(part.replace(":", "_") for part in parts))
    target.parent.mkdir(parents=True, exist_ok=True)
    left = info.file_size
    with packed.open(info) as source, open(target, "wb") as out:
        while left and (piece := source.read(min(left, 1 << 20))):
            out.write(piece)
            left -= len(piece)
    return target


def pack_folder(folder, archive):
    """All files below ``folder`` as one .zip, written whole or not at all. Returns its path."""
    folder, archive = Path(folder), Path(archive)
    archive.parent.mkdir(parents=True, exist_ok=True)
    temporary = archive.with_name(f".{archive.name}.part")
    try:
        # Stored, not deflated: pictures are compressed already.
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as packed:
            for path in sorted(p for p in folder.rglob("*") if p.is_file()):
                packed.write(path, path.relative_to(folder).as_posix())
        os.replace(temporary, archive)
    finally:
        temporary.unlink(missing_ok=True)
    return archive
