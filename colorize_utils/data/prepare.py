"""Prepare: any source -> one folder of equally large photos in 8-bit Lab codes, filtered, split, without near copies.

Two passes in constant memory. The first reads every photo once and appends what is kept to ``photos.raw``, with a
journal of what was decided; it can be interrupted and goes on where it was. The second looks for near copies and
writes ``train.npy``, ``val.npy``, ``test.npy``, ``index.csv`` and, last, ``settings.json`` with the digests of these:
where that is, all is.
"""

import csv
import io
import json
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from ..disk import LOCK, only_process, sweep, write_hashed, write_json
from ..errors import ColorizeError, reason
from ..terminal import cell
from .digests import digests_of
from .filters import Filters
from .near_copies import leave_out_copies
from .stored import (
    content_hash,
    difference_hash,
    difference_hashes,
    fit_photo,
    position_of,
    split_of,
    stored_codes,
    usual_shares,
)

__all__ = ["content_hash", "difference_hash", "difference_hashes", "fit_photo", "prepare", "split_of", "stored_codes"]

VERSION = 1
COLUMNS = ("name", "source", "split", "row", "hash", "dhash", "transposed", "reason")
WORKING = ("photos.raw", "journal.jsonl")  # what is there until a set is finished
CHUNK = 16  # photos a task
FEW = 1000  # photos: below it a line says so


def _settings(source, height, width, filters, fit, val, test):
    return {
        "version": VERSION,
        "source": source.name,
        "height": height,
        "width": width,
        "fit": fit,
        "val": val,
        "test": test,
        "filters": asdict(filters),
        "contents": getattr(source, "contents", ""),
    }


def prepare(
    source, folder, *, height=144, width=192, filters=None, fit="crop", val=None, test=None, progress=True, say=print
):
    """Write the prepared set of ``source`` into ``folder`` (see the module's first lines) and return the folder.

    source: iterable of `sources.Item`, with ``name`` and ``__len__``. height, width: stored size in pixels. val, test:
    shares of the photos (default: those the set was begun with, else the source's own, else `stored.usual_shares`).
    A second call with the same settings does nothing on a finished set and goes on with an interrupted one; other
    settings, other photos, a folder with something else in it, or one that another process is preparing, are refused.
    """
    folder, filters = Path(folder), filters or Filters()
    if fit not in ("crop", "squash"):
        raise ColorizeError(f"expected fit to be crop or squash, got {fit!r}")
    val, test = _shares(source, folder, val, test)
    settings = _settings(source, height, width, filters, fit, val, test)
    if _finished(folder, settings):
        say(f"{folder} is prepared already")
        return folder
    if len(source) < FEW and not hasattr(source, "val"):
        kept = f"{val:.0%} are kept to validate and {test:.0%} to test (--val and --test change that)"
        say(f"{len(source)} photos are few to learn color from, some thousands are better; {kept}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _refuse_foreign(folder)
        with only_process(folder, doing="preparing", what="set"):
            _make(source, folder, settings, filters, progress, say)
    except OSError as error:
        raise ColorizeError(
            f"could not write the prepared set to {folder}: {reason(error)}. "
            f"What is there is kept; the same command goes on from it",
            status=1,
        ) from None
    return folder


def _make(source, folder, settings, filters, progress, say):
    if _finished(folder, settings):  # by the process that held the folder until now
        say(f"{folder} is prepared already")
        return
    sweep(folder, deep=False)  # a process that was killed while it wrote the splits leaves gigabytes
    rows = _read_all(source, folder, settings, filters, progress)
    _validate_with_one(rows, settings["val"])
    leave_out_copies(rows)
    counts = _write_splits(folder, rows, settings)
    with suppress(OSError):  # Windows removes no file that is open
        (folder / LOCK).unlink()  # who locks it after this finds a finished set
    say(f"{folder}: {counts['train']} photos to train, {counts['val']} to validate, {counts['test']} to test")


def _shares(source, folder, val, test):
    """The shares of val and test that hold: as asked, as the set in ``folder`` was begun with, or the usual ones."""
    begun = _begun(folder)
    usual = usual_shares(len(source))
    found = []
    for name, asked, share in (("val", val, usual[0]), ("test", test, usual[1])):
        found.append(begun.get(name, getattr(source, name, share)) if asked is None else asked)
    if not (0 <= found[0] and 0 <= found[1] and sum(found) < 1):
        raise ColorizeError(f"expected shares of val and test from 0, together under 1, got {found[0]} and {found[1]}")
    return found


def _begun(folder):
    """The settings that a set in ``folder``, finished or not, was begun with; {} where there is none to be read."""
    for name in ("settings.json", "journal.jsonl"):
        try:
            with open(folder / name, encoding="utf-8") as file:
                found = json.loads(file.read() if name.endswith(".json") else file.readline())
            return found if isinstance(found, dict) else {}
        except (OSError, ValueError):
            continue
    return {}


def _validate_with_one(rows, val):
    """Where chance left no photo to validate, the one nearest to that part goes there: no training is without one."""
    kept = [row for row in rows if not row["reason"]]
    train = [row for row in kept if row["split"] == "train" and not row.get("parent")]
    if val and len(train) > 1 and not any(row["split"] == "val" for row in kept):
        min(train, key=lambda row: position_of(row["hash"]))["split"] = "val"


def _finished(folder, settings):
    path = folder / "settings.json"
    if not path.is_file():
        return False
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise ColorizeError(f"expected the settings of a prepared set in {path}, got something else", 1) from None
    if not isinstance(before, dict):
        raise ColorizeError(f"expected the settings of a prepared set in {path}, got something else", 1)
    # Sets of the first days do not say what they were made from.
    _refuse_others(folder, "was prepared", {"contents": settings["contents"]} | before, settings)
    for name in WORKING:
        (folder / name).unlink(missing_ok=True)  # where the call that finished was killed before it tidied up
    return True


def _refuse_others(folder, how, before, settings):
    """ColorizeError if a set, finished or not, was begun with other settings or from other photos."""
    now = {key: value for key, value in settings.items() if key != "contents"}
    if isinstance(before.get("filters"), dict):  # sets of earlier versions know nothing of newer thresholds
        before = before | {"filters": now["filters"] | before["filters"]}
    changed = [
        f"{key} was {before.get(key)!r}, now {value!r}" for key, value in now.items() if before.get(key) != value
    ]
    if changed:
        raise ColorizeError(f"{folder} {how} with other settings ({'; '.join(changed[:3])}); use another folder")
    if before.get("contents") != settings["contents"]:
        raise ColorizeError(
            f"{folder} {how} from other photos (some were added, removed or changed since); use another folder"
        )


def _refuse_foreign(folder):
    """ColorizeError if ``folder`` has files of someone else: they would be mixed with ours or written over."""
    found = sorted(path.name for path in folder.iterdir() if not path.name.startswith(".") and path.name != LOCK)
    if found and not set(found) & {*WORKING, "settings.json"}:  # which another process has just written, perhaps
        raise ColorizeError(f"expected an empty folder or a half-prepared set in {folder}, found {found[0]}")


def _read_all(source, folder, settings, filters, progress):
    """First pass. Returns the index rows; the kept photos' codes are in ``photos.raw`` in the order of their rows."""
    raw, journal = folder / "photos.raw", folder / "journal.jsonl"
    size = settings["height"] * settings["width"] * 3
    rows = _resume(journal, raw, settings, size)
    with (
        open(raw, "ab") as codes_file,
        open(journal, "a", encoding="utf-8") as lines,
        ThreadPoolExecutor(os.cpu_count() or 1) as pool,
        tqdm(total=len(source), initial=len(rows), unit="photo", disable=None if progress else True) as bar,
        closing(_in_order(pool, source.items(len(rows)), settings, filters)) as batches,
    ):
        if not rows and lines.tell() == 0:
            lines.write(json.dumps(settings) + "\n")
        kept = sum(not row["reason"] for row in rows)
        for done in batches:
            for row, codes in done:
                if not row["reason"]:
                    codes_file.write(codes)
                    row["row"], kept = kept, kept + 1
            # The photos first, then the lines that speak of them.
            codes_file.flush()
            lines.write("".join(json.dumps(row) + "\n" for row, _ in done))
            lines.flush()
            rows += [row for row, _ in done]
            bar.update(len(done))
    return rows


def _in_order(pool, items, settings, filters):
    """Convert items on all cores, a few ahead, and yield lists of (row, codes) in the order of the source.

    Several photos a task: what one takes is so short that threads would mostly hand the interpreter to each other.
    """
    waiting, items, threads = deque(), iter(items), cv2.getNumThreads()
    cv2.setNumThreads(1)  # the pool has a thread a core already
    try:
        while some := list(islice(items, CHUNK)):
            waiting.append(pool.submit(_convert, some, settings, filters))
            if len(waiting) > 2 * (os.cpu_count() or 1):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for task in waiting:
            task.cancel()
        cv2.setNumThreads(threads)


def _convert(items, settings, filters):
    """Some items -> a list of (index row, Lab codes (H, W, 3) or None)."""
    done = [_convert_one(item, settings) for item in items]
    readable = [(row, codes) for row, codes in done if codes is not None]
    if readable:
        reasons = filters.reasons(np.stack([codes for _, codes in readable]))
        for (row, _), reason in zip(readable, reasons, strict=True):
            row["reason"] = reason or ""
    return done


def _convert_one(item, settings):
    row = dict.fromkeys(COLUMNS, "") | {"name": item.name, "source": settings["source"]}
    try:
        pixels, is_lab = item.read()
    except ColorizeError as error:
        return row | {"reason": f"not readable: {error}"}, None
    row["hash"] = content_hash(pixels)
    row["split"] = split_of(item.parent or row["hash"], settings["val"], settings["test"])
    codes, transposed = stored_codes(pixels, is_lab, settings["height"], settings["width"], settings["fit"])
    row["transposed"] = int(transposed)
    row["dhash"], row["mirror"] = (found.tobytes().hex() for found in difference_hashes(codes, transposed))
    row["parent"] = item.parent or ""
    return row, codes


def _resume(journal, raw, settings, size):
    """Rows decided by an interrupted call, after cutting both files back to what is whole in both."""
    if not journal.is_file():
        raw.unlink(missing_ok=True)
        return []
    whole = []
    for line in journal.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]:  # the last piece was cut
        try:
            whole.append(json.loads(line))
        except ValueError:
            break  # a crash of the whole machine may leave anything; from here on it is done again
    if whole:
        _refuse_others(journal.parent, "was begun", whole[0], settings)
    rows, kept, available = [], 0, (raw.stat().st_size if raw.is_file() else 0) // size
    for row in whole[1:]:
        if not row["reason"]:
            if kept == available:
                break
            kept += 1
        rows.append(row)
    if raw.is_file():
        os.truncate(raw, kept * size)
    journal.write_text(
        "".join(json.dumps(line) + "\n" for line in [settings, *rows]) if whole else "", encoding="utf-8"
    )
    return rows


def _array_file(raw, places, shape):
    """The bytes of a .npy file with those of the photos in ``raw``, some photos at a time."""
    header, size = io.BytesIO(), int(np.prod(shape))
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (len(places), *shape)}
    )
    yield header.getvalue()
    for start in range(0, len(places), CHUNK):
        some = places[start : start + CHUNK]
        piece = memoryview(bytearray(len(some) * size))
        for number, place in enumerate(some):
            raw.seek(place * size)
            raw.readinto(piece[number * size : (number + 1) * size])
        yield piece


def _write_splits(folder, rows, settings):
    """Second pass: the splits as .npy files (in the order of their content hashes), the index, the settings."""
    shape = (settings["height"], settings["width"], 3)
    counts, digests = {}, {}
    with open(folder / "photos.raw", "rb") as raw:
        for split in ("train", "val", "test"):
            kept = sorted((r for r in rows if not r["reason"] and r["split"] == split), key=lambda r: r["hash"])
            counts[split] = len(kept)
            for new, row in enumerate(kept):
                row["final"] = new
            name = f"{split}.npy"
            digests[name] = write_hashed(folder / name, _array_file(raw, [row["row"] for row in kept], shape))
    # A file's name may hold bytes that are no UTF-8, as old disks have them.
    with open(folder / "index.csv", "w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow(row | {"name": cell(row["name"]), "row": row.get("final", "") if not row["reason"] else ""})
    write_json(folder / "settings.json", settings | {"counts": counts, "digests": digests_of(folder, digests)})
    for name in WORKING:
        (folder / name).unlink(missing_ok=True)
    return counts
