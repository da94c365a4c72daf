"""Files and folders of photos colored one by one: where each picture goes, what is skipped, what failed and why."""

import errno
import os
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ColorizeError

KEPT = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp")  # other formats come out as PNG


@dataclass
class Outcome:
    """What became of the photos: output paths, those that were there already, and (source, reason) of failures."""

    written: list = field(default_factory=list)
    skipped: list = field(default_factory=list)
    failed: list = field(default_factory=list)


def plan(found, out):
    """Pairs (photo, root) as `photos.files.find_photos` gives them -> list of (photo, output path below ``out``).

    Folders below a root are mirrored, names kept. Two photos that would meet in one output (also on a file system that
    does not tell A from a) get ``-2``, ``-3`` ... after the name of the later one. What stands in ``out`` itself is no
    input when ``out`` lies inside a root: those are pictures of an earlier call. ColorizeError if an output would be
    one of the inputs.
    """
    out = Path(out)
    inside = [(Path(photo), Path(root)) for photo, root in found]
    inside = [(photo, root) for photo, root in inside if not (_below(out, root) and _below(photo, out))]
    sources = {_key(photo) for photo, _ in inside}
    planned, taken, seen = [], set(), set()
    for photo, root in inside:
        if _key(photo) in seen:  # named twice, as in "folder folder/photo.jpg"
            continue
        seen.add(_key(photo))
        suffix = photo.suffix if photo.suffix.lower() in KEPT else ".png"
        place = out / photo.relative_to(root).parent
        target, number = place / (photo.stem + suffix), 1
        while str(target).casefold() in taken:
            number += 1
            target = place / f"{photo.stem}-{number}{suffix}"
        taken.add(str(target).casefold())
        if _key(target) in sources:
            raise ColorizeError(f"expected an output folder apart from the photos, got {out}: {target} is an input")
        planned.append((photo, target))
    return planned


def prepare_output(out):
    """Make the folder ``out`` and see that it can be written. ColorizeError (status 2) in one line if not."""
    out = Path(out)
    probe = out / f".colorize-{os.getpid()}.tmp"
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise ColorizeError(f"expected an output folder that can be written, got {out}: {reason(error)}") from None


def colorize_files(colorizer, planned, *, overwrite=False, size=None, max_pixels=300_000_000, failed=None, noted=None):
    """Color what `plan` planned, in its order -> `Outcome`. ``planned`` may be wrapped in a progress bar.

    An output that exists is skipped unless ``overwrite``. A photo that cannot be read, colored or written costs an
    entry in ``failed`` (and a call ``failed(photo, reason)``); the others are done. Only a full disk stops everything.
    ``noted(photo, note)`` is called for what a person should know of a photo that was colored all the same.
    """
    outcome = Outcome()
    for source, target in planned:
        if target.exists() and not overwrite:
            outcome.skipped.append(target)
            continue
        try:
            notes = _colorize_file(colorizer, source, target, size, max_pixels)
            outcome.written.append(target)
            for note in notes if noted else ():
                noted(source, note)
        except (ColorizeError, OSError, MemoryError) as error:
            if getattr(error, "errno", None) == errno.ENOSPC:
                raise ColorizeError(f"the disk is full at {target}; earlier pictures are whole", status=1) from None
            outcome.failed.append((source, reason(error)))
            if failed:
                failed(*outcome.failed[-1])
    return outcome


def _colorize_file(colorizer, source, target, size, max_pixels):
    from ..photos.files import read_photo, write_photo

    photo = read_photo(source, max_pixels=max_pixels)
    rgb = colorizer(photo.rgb, size=size)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_photo(target, rgb, like=photo)
    return photo.notes


def reason(error):
    """One line about an exception for a person."""
    if isinstance(error, MemoryError):
        return "not enough memory for a photo of this size"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def _key(path):
    """One text for one file, links followed; on Windows also whatever the case."""
    return os.path.normcase(os.path.realpath(path))


def _below(path, folder):
    """Whether ``path`` lies inside ``folder`` (and is not the folder itself)."""
    return Path(_key(folder)) in Path(_key(path)).parents
