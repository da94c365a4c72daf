"""What became of each photo, as a table that a spreadsheet opens."""

import csv
from collections import Counter
from pathlib import Path

from ..disk import make_folders, part_beside, whole
from ..errors import ColorizeError, reason
from ..guarding import begins_with, refuse_others
from ..terminal import cell, shown
from .folders import ANOTHERS, MADE_BY, OLDER, UNSAID

COLUMNS = ("photo", "picture", "status", "notes", "width", "height", "seconds", "model")


def check_report(path, overwrite=False):
    """See that a table can be written to ``path``, before hours of work. ColorizeError (status 2) if not."""
    path = Path(path)
    if path.suffix.lower() != ".csv":  # so that a slip of the hand never writes over a photo
        raise ColorizeError(f"expected --report FILE.csv, got {path}")
    if path.is_dir():
        raise ColorizeError(f"expected --report FILE.csv, but {path} is a folder")
    refuse_others(path, begins_with(",".join(COLUMNS[:4]) + ","), overwrite)
    try:
        make_folders(path.parent)
        probe = part_beside(path)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise ColorizeError(f"expected a report that can be written, got {path}: {reason(error)}") from None


def write_report(path, results):
    """Write `folders.Result`s, a row each, to the .csv ``path``: the whole table or none. OSError if the disk will not.

    UTF-8 with the mark that spreadsheets look for. Bytes of a name that are no UTF-8 are written as ``\\\\udcXX``.
    """
    how = {"newline": "", "encoding": "utf-8-sig", "errors": "backslashreplace"}
    with whole(path) as temporary, open(temporary, "w", **how) as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for result in results:
            width, height = result.size or ("", "")
            row = map(cell, (result.source, result.target or "", result.status, "; ".join(result.notes)))
            seconds = f"{result.seconds:.3f}" if result.status == "done" else ""
            table.writerow((*row, width, height, seconds, cell(result.model)))


def summary(results, folder):
    """One line about all of them; ``folder`` is where the pictures went."""
    by = {status: [r for r in results if r.status == status] for status in ("done", "skipped", "failed")}
    count = len(by["done"])
    parts = [f"{count} {'picture' if count == 1 else 'pictures'} written to {folder}"]
    short = sum(bool(result.lost) for result in by["done"])
    if short:
        parts.append(f"{short} of them without pages that could not be read")
    if by["skipped"]:
        kinds = {OLDER: OLDER, MADE_BY: "by another model or setting", ANOTHERS: ANOTHERS, UNSAID: UNSAID}
        counts = {kind: sum(any(note.startswith(kind) for note in r.notes) for r in by["skipped"]) for kind in kinds}
        why = [f"{count} {kinds[kind]}" for kind, count in counts.items() if count]
        why = ", ".join([*why, "--overwrite colors them again"])
        parts.append(f"{len(by['skipped'])} there already and left alone ({why})")
    if by["failed"]:
        parts.append(f"{len(by['failed'])} failed")
    if others := [r for r in results if r.status == "left out"]:
        parts.append(f"{len(others)} no photos by name, or hidden, left out ({endings(r.source for r in others)})")
    return "; ".join(parts)


def endings(paths):
    """The endings of files, the most frequent first, with how many there are of each."""
    count = Counter(path.suffix.lower() or path.name for path in paths)
    named = [f"{number} {shown(ending)}" for ending, number in count.most_common(5)]
    return ", ".join(named) + ", and others" * (len(count) > 5)
