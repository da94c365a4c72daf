"""What happens when something on the page is used, and what all its visitors share."""

import secrets
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from html import escape
from pathlib import Path

import gradio as gr

from ..inference.folders import Room
from ..photos.reading import count_pixels
from .session import Session, hex_color
from .turns import Left, Presence, Turns
from .uploads import Disk

SMALLEST, LARGEST, STEP = 64, 1024, 32  # working sizes that can be chosen
MOST_HINTS = 500  # a photo
KEPT = 3600  # seconds that uploads lie there, and what a visitor has on the page after the tab is closed
AT_ONCE = 2  # photos that are colored at the same time
WAITING = 200  # visitors' requests that may wait for a photo's turn; what is beyond is refused
WIDEST = 6  # bytes a pixel that a colored picture may take on the disk
GLANCED = 2_000_000  # pixels: of a larger photo a small copy is colored first


@dataclass
class Page:
    """What all visitors share. ``folder`` is the page's own temporary one; ``samples`` are grey photos to try."""

    colorizer: object
    folder: Path
    most: int = 500_000_000  # bytes a file
    max_pixels: int = 300_000_000
    samples: list = field(default_factory=list)
    sessions: dict = field(default_factory=dict)
    room: Room = field(default_factory=Room)
    turns: Turns = field(default_factory=lambda: Turns(AT_ONCE))
    present: Presence = field(default_factory=Presence)
    disk: Disk = None

    def __post_init__(self):
        self.disk = self.disk or Disk(self.folder)

    def __deepcopy__(self, memo):
        """Gradio copies what its components hold for every visitor, and would copy the network along."""
        return self

    @property
    def most_at_once(self):
        """Bytes of one upload, all its files together."""
        return 4 * self.most

    def session(self, key, request=None):
        """(key, `Session`) of a visitor; new ones for a key that is None or forgotten."""
        if key not in self.sessions:
            key = secrets.token_urlsafe(16)
            self.sessions[key] = Session(self.folder / "visitors" / key, 2 * self.most_at_once)
        session = self.sessions[key]
        session.visit = getattr(request, "session_hash", None)
        session.used = time.monotonic()
        return key, session

    def forget(self, key):
        """Delete a visitor's photos."""
        if session := self.sessions.pop(key, None):
            session.clear()

    def sweep(self):
        """Delete what broken uploads left, and the photos of visitors who have long gone without a word."""
        remove_old(self.folder / "uploads")
        for key, session in list(self.sessions.items()):
            if time.monotonic() - session.used > KEPT and not self.present.is_here(session.visit):
                self.forget(key)

    # What happens when something is used. Each gives what `view` gives, some of them again and again as work goes on.

    def add(self, key, paths, strength, size, request: gr.Request = None):
        """Color what was dropped."""
        key, session = self.session(key, request)
        self.sweep()
        session.failed.clear()
        items = session.add(paths or [])
        self._remove_uploads(paths or [])
        first = len(session.items)
        for count, item in enumerate(items):
            status = f"Coloring {_of(count + 1, items)} {item.photo.name}"
            yield self.view(key, status, pictures=False)
            seen = len(session.items) > first
            try:
                colored = yield from self._color(key, item, strength, size, None if seen else status)
            except Left:
                return
            if colored and not seen:
                session.at = first
                yield self.view(key, f"Coloring {_of(count + 1, items)}")
        yield self.view(key, pictures=False)

    def add_sample(self, key, strength, size, event: gr.SelectData, request: gr.Request = None):
        """Color one of the photos to try."""
        index = event.index if isinstance(event.index, int) and 0 <= event.index < len(self.samples) else 0
        yield from self.add(key, [self.samples[index]], strength, size, request)

    def again(self, key, strength, size, request: gr.Request = None):
        """Color all photos with other settings, the one that is looked at first."""
        key, session = self.session(key, request)
        items = sorted(session.items, key=lambda item: item is not session.current)
        for count, item in enumerate(items):
            status = f"Coloring {_of(count + 1, items)} {item.name}"
            yield self.view(key, status, pictures=count == 1)
            try:
                yield from self._color(key, item, strength, size, None if count else status)
            except Left:
                return
        yield self.view(key, pictures=len(items) < 2)

    def hint(self, key, color, strength, size, event: gr.SelectData, request: gr.Request = None):
        """Give the place that was clicked a color."""
        key, session = self.session(key, request)
        if item := session.current:
            item.points = [*item.points[: MOST_HINTS - 1], (*session.share(event.index), hex_color(color))]
        yield from self._recolor(key, session, strength, size)

    def undo(self, key, strength, size, request: gr.Request = None):
        """Take the last hint back."""
        key, session = self.session(key, request)
        if session.current and session.current.points:
            session.current.points.pop()
            yield from self._recolor(key, session, strength, size)

    def no_hints(self, key, strength, size, request: gr.Request = None):
        """Take all hints of this photo back."""
        key, session = self.session(key, request)
        if session.current and session.current.points:
            session.current.points.clear()
            yield from self._recolor(key, session, strength, size)

    def look(self, key, event: gr.SelectData, request: gr.Request = None):
        """Show another of the photos."""
        key, session = self.session(key, request)
        if isinstance(event.index, int):
            session.at = max(0, min(event.index, len(session.items) - 1))
        return self.view(key)

    def marked(self, key):
        """The photo that is looked at, with a dot for each hint: its path."""
        session = self.sessions.get(key)
        return str(session.marked()) if session and session.current else None

    def clear(self, key, request: gr.Request = None):
        """Remove all photos."""
        key, session = self.session(key, request)
        session.clear()
        return self.view(key)

    def pack(self, key):
        """All pictures as one .zip."""
        session = self.sessions.get(key)
        pictures = session.colored() if session else []
        if not pictures:
            return None
        with self.disk.room(sum(path.stat().st_size for path in pictures)) as fits:
            if not fits:
                raise gr.Error("there is not enough room on the disk for a .zip: download the pictures one by one")
            return str(session.pack())

    def _recolor(self, key, session, strength, size):
        if session.current:
            status = f"Coloring {session.current.name}"
            yield self.view(key, status, pictures=False)
            try:
                yield from self._color(key, session.current, strength, size, status)
            except Left:
                return
        yield self.view(key)

    def _color(self, key, item, strength, size, status):
        """Color one photo when it is its turn; whether that went well. `Left` if its visitor has gone meanwhile.

        Of a large photo a small copy comes first, and gives a `view` that says ``status``; with None it does not.
        """
        session = self.sessions[key]
        size = None if size == self.colorizer.size else min(max(int(size), SMALLEST), LARGEST)
        pixels, together = count_pixels(item.photo), count_pixels(item.photo, together=True)
        if max(self.max_pixels, pixels) < together:  # not begun: what cannot be ended keeps others waiting
            session.drop(item, f"expected at most {self.max_pixels:,} pixels in all its pages, got {together:,}")
            return False
        if status is not None and pixels > GLANCED:
            with self._place(session, pixels, 0):
                shown = session.glance(item, self.colorizer, strength, size, self.max_pixels)
            if shown:
                yield self.view(key, status)
        with self._place(session, pixels, WIDEST * together) as fits:
            if not fits:
                session.drop(item, "there is not enough room on the disk of this page")
                return False
            between = partial(self.turns.let_others, partial(self.present.check, session.visit))
            return session.color(item, self.colorizer, strength, size, self.max_pixels, between)

    @contextmanager
    def _place(self, session, pixels, room):
        """When it is this visitor's turn, and a photo of so many pixels fits into memory -> whether ``room`` bytes fit.

        A very large photo waits until others are done.
        """
        wanted = partial(self.present.check, session.visit)
        with self.turns.turn(wanted), self.room.of(pixels), self.disk.room(room) as fits:
            yield fits

    def _remove_uploads(self, paths):
        """What a session has taken in is not needed twice."""
        for path in map(Path, paths):
            if (self.folder / "uploads") in path.parents:
                path.unlink(missing_ok=True)

    def view(self, key, status="", pictures=True):
        """Values for `SHOWN`, in that order. pictures: also of the photo that is looked at, which may have changed."""
        session = self.sessions[key]
        item, many = session.current, len(session.items) > 1
        thumbs = [(str(one.thumb), one.name) for one in session.items] if many else []
        return (
            key,
            None,
            _lines(session),
            gr.HTML(f"<p>{escape(status)}</p>", visible=bool(status)),
            gr.Column(visible=not session.items and not status),
            gr.Column(visible=bool(session.items)),
            gr.Gallery(thumbs, visible=many, selected_index=session.at if many else None),
            ((str(item.before), str(item.after)) if item else None) if pictures else gr.skip(),
            self.marked(key) if pictures else gr.skip(),
            *(gr.Button(interactive=bool(item and item.points)) for _ in range(2)),
            [str(path) for path in session.colored()],
            gr.Button(visible=many),
        )


SHOWN = ("key", "drop", "lines", "status", "tries", "results", "strip", "compare", "canvas", "undo", "none")
SHOWN += ("files", "zip")


def _of(number, items):
    return f"{number} of {len(items)}:" if len(items) > 1 else ""


def _lines(session):
    """What could not be done, and what one should know, a line each, as HTML."""
    lines = [("bad", name, why) for name, why in session.failed]
    lines += [("note", item.name, note) for item in session.items for note in item.notes]
    rows = (f'<li class="{kind}"><b>{escape(name)}</b> {escape(text)}</li>' for kind, name, text in lines)
    return f'<ul class="lines">{"".join(rows)}</ul>' if lines else ""


def remove_old(folder, age=KEPT):
    """Delete what lies in ``folder`` for more than ``age`` seconds: uploads that nobody came for."""
    for path in folder.iterdir():
        try:
            if time.time() - path.stat().st_mtime > age:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        except OSError:  # another visitor's call was faster
            continue
