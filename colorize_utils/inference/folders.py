"""Files and folders of photos colored one by one: where each picture goes, what is skipped, what failed and why."""

import os
import threading
import time
import unicodedata
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ColorizeError, is_full, reason

KEPT = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp")
OTHERS = {".jpe": ".jpg", ".jfif": ".jpg", ".mpo": ".jpg"}  # these are JPEGs; other formats come out as PNG
CHROMA = "-chroma"  # stands behind the name of a picture that is a layer of color alone
ROOM = 60_000_000  # pixels that workers have in hand together; a larger photo is worked on alone
NO_MODEL = "none"  # in place of a model's name: all colors are from hints (a file of that name is ./none)
BY_HAND = {"name": NO_MODEL, "by_hand": True}  # in place of what a model says of itself; no file may say it
MADE_BY, OLDER = "made by ", "older than its photo"


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


def plan(found, out, tag=""):
    """Pairs (photo, root) as `photos.files.find_photos` gives them -> list of (photo, output path below ``out``).

    Folders below a root are mirrored, names kept (with ``tag`` behind them). Two photos that would meet in one output
    (also on a system to which a and A, or two ways to write ü, are one name) get ``-2``, ``-3`` ... after the name of
    the later one. What stands in ``out`` itself is no input when ``out`` lies inside a root: those are pictures of an
    earlier call.
    ColorizeError if an output would be one of the inputs.
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
        suffix = photo.suffix.lower()
        suffix = photo.suffix if suffix in KEPT else OTHERS.get(suffix, ".png")
        place = out / photo.relative_to(root).parent
        target, number = place / f"{photo.stem}{tag}{suffix}", 1
        while folded(target) in taken:
            number += 1
            target = place / f"{photo.stem}{tag}-{number}{suffix}"
        taken.add(folded(target))
        if _key(target) in sources:
            raise ColorizeError(f"expected an output folder apart from the photos, got {out}: {target} is an input")
        planned.append((photo, target))
    return planned


def shard_of(planned, number, count):
    """The part of what `plan` planned that shard ``number`` of ``count`` (from 1) has to do, in the plan's order.

    Every ``count``-th output in the order of their names. So each photo is in one shard, whatever order a file system
    or a shell names them in; shards differ by one photo at most, and a folder of large scans is dealt to all. It is a
    function of the whole list, not of what is done already: a shard that begins again has the same photos as before.
    """
    mine = set(sorted(target.as_posix() for _, target in planned)[number - 1 :: count])
    return [(photo, target) for photo, target in planned if target.as_posix() in mine]


def prepare_output(out):
    """Make the folder ``out`` and see that it can be written. ColorizeError (status 2) in one line if not.

    What a killed run left there half written is removed; what another process may still be writing is left alone.
    """
    from ..disk import part_beside, sweep

    out = Path(out)
    probe = part_beside(out / "any")
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        now = probe.stat().st_mtime  # by the clock of that disk, which may be another machine's
        probe.unlink()
        sweep(out, now)
    except OSError as error:
        raise ColorizeError(f"expected an output folder that can be written, got {out}: {reason(error)}") from None


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
    time; the network takes one after the other. maker: what the metadata name, by default the colorizer's model.
    """
    from ..photos.reading import count_pixels

    outcome = Outcome()
    options = {"size": size}
    if strength != 1:
        options["strength"] = strength
    if chroma_only:
        options["chroma_only"] = True
    if hints is not None:
        options["hints"] = hints
    maker = maker or maker_of(getattr(colorizer, "meta", {}), **options)
    room = Room()

    def work(pair):
        source, target = pair
        if not overwrite and target.is_file():
            return skipped(source, target, maker)
        with room.of(count_pixels(source) if workers > 1 else 0):
            return _colorize_file(colorizer, source, target, options, max_pixels, maker)

    def take(result):
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

    for result in map(work, planned) if workers == 1 else _in_threads(work, planned, workers):
        take(result)
    return outcome


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
    return Maker(name, version, ", ".join(settings), by_hand=meta.get("by_hand") is True)


def maker_in(model=None, **settings):
    """`maker_of` for a model file (default: the shipped one; `NO_MODEL`: none), without building its network."""
    if model == NO_MODEL:
        return maker_of(BY_HAND, **settings)
    from ..weights import read_model, shipped_model

    return maker_of(read_model(model or shipped_model())[2], **settings)


def skipped(source, target, maker):
    """The `Result` for a picture that is there already, with what speaks for making it again."""
    from ..photos.reading import read_mark

    mark, notes = read_mark(target), []
    if mark and mark != str(maker):
        notes.append(MADE_BY + mark)
    try:
        if source.stat().st_mtime > target.stat().st_mtime:
            notes.append(OLDER)
    except OSError:
        pass
    return Result(source, target, "skipped", notes, model=mark or "")


def _over(values):
    """A color photo is written over where it can be: of a large scan one copy less."""
    return {"out": values} if values.ndim == 3 and values.flags.writeable else {}


def _colorize_file(colorizer, source, target, options, max_pixels, maker):
    from ..photos.reading import read_pages
    from ..photos.writing import write_pages

    began, notes, sizes, lost = time.perf_counter(), [], [], []

    def pages():
        for photo in read_pages(source, max_pixels=max_pixels, codes=True, lost=lost.append):
            notes.append(photo.notes)
            sizes.append(photo.rgb.shape[1::-1])
            rgb = colorizer(photo.rgb, **_over(photo.rgb), **options)
            photo.rgb = None
            target.parent.mkdir(parents=True, exist_ok=True)
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


def folded(path):
    """One text for paths that are one file on some system: Windows and macOS tell no A from a, macOS no two ü."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def _key(path):
    """One text for one file, links followed; on Windows also whatever the case."""
    return os.path.normcase(os.path.realpath(path))


def _below(path, folder):
    """Whether ``path`` lies inside ``folder`` (and is not the folder itself)."""
    return Path(_key(folder)) in Path(_key(path)).parents
