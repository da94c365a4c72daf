"""Files and folders of photos colored one by one: what is skipped, what failed and why."""

import hashlib
import os
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..disk import make_folders, sha256
from ..errors import ColorizeError, is_full, reason
from ..photos.earlier import MadeFrom, is_torn, read_made_from
from .outputs import CHROMA, folded, identity, plan, prepare_output, shard_of

__all__ = ["CHROMA", "Outcome", "Result", "colorize_files", "folded", "plan", "prepare_output", "shard_of"]

ROOM = 60_000_000  # pixels that workers have in hand together; a larger photo is worked on alone
NO_MODEL = "none"  # in place of a model's name: all colors are from hints (a file of that name is ./none)
BY_HAND = {"name": NO_MODEL, "by_hand": True}  # in place of what a model says of itself; no file may say it
# What is said of a picture that is there already, and of one that was.
MADE_BY, OLDER, UNSAID = "made by ", "older than its photo", "does not say of which photo it is"
ANOTHERS, TORN = "the picture of another photo", "the picture that was there broke off, and was made again"


@dataclass
class Result:
    """What became of one photo. status: "done", "skipped" or "failed"; notes: why, or what a person should know.

    "left out": something else in a folder of photos, or what is hidden there.
    """

    source: Path
    target: Path | None
    status: str
    notes: list = field(default_factory=list)
    size: tuple | None = None  # (width, height) of the first page
    seconds: float = 0.0
    model: str = ""  # what colored the picture, as `provenance.Maker` has it as text
    lost: list = field(default_factory=list)  # of a photo that was colored: pages that could not be read, a line each


@dataclass
class Outcome:
    """What became of the photos: output paths, those that were there already, and (source, reason) of failures.

    ``incomplete`` are (source, line) of pages that could not be read, of photos whose other pages were colored.
    """

    written: list = field(default_factory=list)
    skipped: list = field(default_factory=list)
    failed: list = field(default_factory=list)
    incomplete: list = field(default_factory=list)


def _pixels(photo):
    from ..photos.reading import count_pixels  # where all is done already it is not waited for

    return count_pixels(photo)


def colorize_files(
    colorizer,
    planned,
    *,
    overwrite=False,
    size=None,
    strength=1.0,
    chroma_only=False,
    hints=None,
    max_pixels=300_000_000,
    workers=1,
    maker=None,
    failed=None,
    noted=None,
    finished=None,
):
    """Color what `plan` planned, in its order -> `Outcome`. ``planned`` may be a generator that shows how far it is.

    An output that exists is skipped unless ``overwrite``. A photo that cannot be read, colored or written costs an
    entry in ``failed`` (and a call ``failed(photo, reason)``); the others are done. Only a full disk stops everything.
    ``noted(photo, note)`` is called for what a person should know of a photo that was colored all the same, and
    ``finished(result)`` for every photo, with a `Result`: all in the order of the plan and in the calling thread.

    size, strength, chroma_only, hints: as `Colorizer.__call__` has them. workers: photos read, colored and written at a
    time; the network takes one after the other, unless it says otherwise (`engines.Several`). maker: what the metadata
    name, by default the colorizer's model.
    """
    outcome, room = Outcome(), Room()
    options = _unusual(size=size, strength=strength, chroma_only=chroma_only, hints=hints)
    maker = maker or maker_of(getattr(colorizer, "meta", {}), **options)

    def work(pair):
        source, target = pair
        if not overwrite and is_done(target):
            return skipped(source, target, maker)
        with room.of(_pixels(source) if workers > 1 else 0):
            return _colorize_file(colorizer, source, target, options, max_pixels, maker)

    for result in map(work, planned) if workers == 1 else _in_threads(work, planned, workers):
        _tell(result, outcome, failed, noted, finished)
    return outcome


def _unusual(**options):
    """Of what a colorizer can be asked for, the size and what is not as usual: others' functions take no more."""
    usual = {"strength": 1, "chroma_only": False, "hints": None}
    return {name: value for name, value in options.items() if name == "size" or value != usual[name]}


def _tell(result, outcome, failed, noted, finished):
    if result.status == "failed":
        outcome.failed.append((result.source, result.notes[0]))
        if failed:
            failed(*outcome.failed[-1])
    else:
        (outcome.written if result.status == "done" else outcome.skipped).append(result.target)
        outcome.incomplete += [(result.source, line) for line in result.lost]
    for note in result.notes if noted and result.status == "done" else ():
        noted(result.source, note)
    if finished:
        finished(result)


def is_done(target):
    """Whether a whole file lies where a picture should go; `skipped` then says what speaks for making it again."""
    return os.path.isfile(target) and not is_torn(target)


def _in_threads(work, items, workers):
    """`map` by several threads, in order and not far ahead. After an error those at work end, no others begin."""
    pool, waiting, items = ThreadPoolExecutor(workers), deque(), iter(items)
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except ColorizeError:
        for future in waiting:
            future.cancel()
        for future in waiting:  # those that were in hand have a result too
            if not future.cancelled() and future.exception() is None:
                yield future.result()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


class Room:
    """Keeps what workers hold in memory together below `ROOM` pixels."""

    def __init__(self):
        self.taken, self.changed = 0, threading.Condition()

    @contextmanager
    def of(self, pixels):
        pixels = min(pixels, ROOM)
        with self.changed:
            self.changed.wait_for(lambda: self.taken + pixels <= ROOM)
            self.taken += pixels
        try:
            yield
        finally:
            with self.changed:
                self.taken -= pixels
                self.changed.notify_all()


def maker_of(meta, size=None, strength=1.0, chroma_only=False, temperature=None, hints=None, flips=False):
    """What the metadata of a picture name: of a model file's ``meta`` name and version, and unusual settings."""
    from ..photos.provenance import Maker

    settings = [f"working size {size}"] if size else []
    settings += [f"strength {strength:g}"] if strength != 1 else []
    settings += [f"temperature {temperature:g}"] if temperature else []
    settings += ["flips averaged"] if flips else []
    settings += ["a layer of color alone"] if chroma_only else []
    settings += [f"color hints {hints.digest()}"] if hints is not None else []
    name, version = str(meta.get("name") or Maker().model), str(meta.get("version") or "")
    digest = str(meta.get("sha256") or "")
    return Maker(name, version, ", ".join(settings), by_hand=meta.get("by_hand") is True, digest=digest)


def maker_in(model=None, **settings):
    """`maker_of` for a model file (default: the shipped one; `NO_MODEL`: none), without building its network."""
    if model == NO_MODEL:
        return maker_of(BY_HAND, **settings)
    from ..weights import read_model, shipped_model

    path = model or shipped_model()
    return maker_of({**read_model(path)[2], "sha256": sha256(path)}, **settings)


def skipped(source, target, maker):
    """The `Result` for a picture that is there already, with what speaks for making it again."""
    made, mark, notes = read_made_from(target), None, []
    if made is None or made.asked != asked(maker):
        from ..photos.reading import read_mark  # loads what decodes photos

        mark = read_mark(target)
        if made or mark and mark != str(maker):
            notes.append(MADE_BY + (mark if mark and mark != str(maker) else "another model of this name"))
    try:
        if source.stat().st_mtime > target.stat().st_mtime:
            notes.append(OLDER)
    except OSError:
        pass
    if made is None:
        notes.append(UNSAID)
    elif made.photo != identity(source):
        notes.append(ANOTHERS)
    return Result(source, target, "skipped", notes, model=mark or ("" if made is None else str(maker)))


def asked(maker):
    """A digest of the model and of the settings that ``maker`` names, as pictures have it."""
    return hashlib.sha256(repr((maker.model, maker.version, maker.settings, maker.digest)).encode()).hexdigest()[:16]


def _over(values):
    """A color photo is written over where it can be: of a large scan one copy less."""
    return {"out": values} if values.ndim == 3 and values.flags.writeable else {}


def _colorize_file(colorizer, source, target, options, max_pixels, maker):
    from ..photos.reading import read_pages
    from ..photos.writing import write_pages

    began, notes, sizes, lost = time.perf_counter(), [], [], []
    if is_torn(target):
        notes.append([TORN])
    maker = maker._replace(made_from=str(MadeFrom(identity(source), asked(maker))))

    def pages():
        for photo in read_pages(source, max_pixels=max_pixels, codes=True, lost=lost.append):
            notes.append(photo.notes)
            sizes.append(photo.rgb.shape[1::-1])
            rgb = colorizer(photo.rgb, **_over(photo.rgb), **options)
            photo.rgb = None
            make_folders(target.parent)
            yield rgb, photo
            del rgb, photo

    try:
        write_pages(target, pages(), maker)
    except (ColorizeError, OSError, MemoryError) as error:
        if is_full(error):
            raise ColorizeError(f"the disk is full at {target}; earlier pictures are whole", status=1) from None
        why = f"{target} could not be written: " if isinstance(error, OSError) else ""
        status, notes, model = "failed", [[why + reason(error)]], ""
    else:
        status, model = "done", str(maker)
    lost = lost if status == "done" else []
    notes = list(dict.fromkeys(note for some in [*notes, lost] for note in some))
    size = sizes[0] if sizes else None
    return Result(source, target, status, notes, size, time.perf_counter() - began, model, lost)
