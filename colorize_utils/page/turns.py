"""Whose photo is next, and who is still there to wait for it."""

import threading
import time
from collections import Counter, deque
from contextlib import contextmanager

PATIENCE = 20  # seconds that a visitor may be away: a browser that reloads, or that has not begun to listen


class Left(Exception):
    """The visitor has gone: nobody waits for this work any more."""


class Presence:
    """Whose browser holds a connection open. Visits are known by the name (session hash) that the browser gives."""

    def __init__(self, patience=PATIENCE):
        self.patience, self._open, self._seen, self._lock = patience, Counter(), {}, threading.Lock()

    @contextmanager
    def listening(self, visit):
        """While the block runs the visit (None: nobody's) is there."""
        if visit is None:
            yield
            return
        with self._lock:
            self._open[visit] += 1
        try:
            yield
        finally:
            with self._lock:
                self._open[visit] -= 1
                if self._open[visit] <= 0:
                    del self._open[visit]
                self._seen[visit] = time.monotonic()

    def is_here(self, visit):
        """Whether somebody listens now."""
        with self._lock:
            return visit in self._open

    def check(self, visit):
        """`Left` if nobody has listened for `PATIENCE` seconds, counted from the first question where nobody ever has.

        visit: None for work that is asked for in this process.
        """
        if visit is None:
            return
        with self._lock:
            now = time.monotonic()
            if visit in self._open:
                return
            if now - self._seen.setdefault(visit, now) > self.patience:
                raise Left
            for old in [v for v, seen in self._seen.items() if now - seen > 3600]:
                del self._seen[old]


class Turns:
    """At most ``count`` pages of photos at a time, in the order in which they came, whoever's they are."""

    def __init__(self, count):
        self.count, self.free, self._line = count, count, deque()
        self._changed, self._ended = threading.Condition(), False

    @contextmanager
    def turn(self, wanted=lambda: None):
        """Wait for a place, and have it while the block runs. ``wanted()`` is called each second, to raise `Left`."""
        self._take(wanted)
        try:
            yield
        finally:
            self._give()

    def let_others(self, wanted=lambda: None):
        """Between two pages: go to the end of the line, if there is one."""
        if self._line or self._ended:
            self._give()
            try:
                self._take(wanted)
            except BaseException:
                with self._changed:  # the block around gives the place back that it has not
                    self.free -= 1
                raise
        wanted()

    def end(self):
        """The page closes: whoever waits, and whoever comes to the end of a page, is told that nobody wants it."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def rest(self, seconds):
        """Wait until nobody is at work, not longer than so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self.free >= self.count, seconds)

    def _take(self, wanted):
        me = object()
        with self._changed:
            self._line.append(me)
            try:
                while self._ended or not (self.free > 0 and self._line[0] is me):
                    if self._ended:
                        raise Left
                    wanted()
                    self._changed.wait(1)
                self.free -= 1
            finally:
                self._line.remove(me)
                self._changed.notify_all()

    def _give(self):
        with self._changed:
            self.free += 1
            self._changed.notify_all()
