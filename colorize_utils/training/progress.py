"""What a person sees while a network trains: one line that tells where it is and how long it will still take."""

import csv
import io
import shutil
import sys
import time
from dataclasses import dataclass, field

from ..disk import write_text
from ..errors import ColorizeError


@dataclass
class Progress:
    """Prints one line, over itself on a terminal and every ``interval`` seconds elsewhere."""

    say: callable = print
    interval: float = 30.0
    _last: float = 0.0
    _marks: list = field(default_factory=list)

    def __post_init__(self):
        self._terminal = self.say is print and sys.stdout.isatty()

    def step(self, where, images, images_left, losses, steps=None):
        """``where`` is text like "phase 2 of 4 (unet), epoch 3 of 8"; counts are photos; ``losses`` name -> float.

        steps: (done, of all), for those who show it.
        """
        now = time.monotonic()
        self._marks = [*self._marks[-200:], (now, images)]
        if now - self._last < (0.5 if self._terminal else self.interval):
            return
        self._last = now
        self.show(where, self._pace(images, images_left), losses, steps)

    def _pace(self, images, images_left):
        """Texts like "40 images/s" and "20 min left", none before a pace is known."""
        (then, before), (now, _) = self._marks[0], self._marks[-1]
        if now <= then or images <= before:
            return []
        rate = (images - before) / (now - then)
        return [f"{rate:.0f} images/s", f"{images_left / rate / 60:.0f} min left"]

    def show(self, where, pace, losses, steps):
        """Show where the training is."""
        line = ", ".join([where, *pace, " ".join(f"{name} {value:.4f}" for name, value in losses.items())])
        if self._terminal:
            print(f"\r\033[K{line}", end="", flush=True)
        else:
            self.say(line)

    def line(self, text):
        """A line that stays."""
        if self._terminal:
            print("\r\033[K", end="")
        self.say(text)


def write_history(path, rows):
    """History (a list of dicts) -> CSV, atomically: the file is always whole and never has a row twice."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


class Board:
    """Logs for TensorBoard: a view of the history. Written anew at each start, so that no row is there twice."""

    def __init__(self, folder, history):
        try:
            import tensorboard  # noqa: F401  (TensorFlow from 2.21 on comes without it)
            import tensorflow as tf
        except ImportError as error:
            raise ColorizeError(f"expected {error.name} for these logs: pip install {error.name}", 1) from None
        self._tf = tf
        shutil.rmtree(folder, ignore_errors=True)
        self._writer = tf.summary.create_file_writer(str(folder))
        for row in history:
            self.add(row)

    def add(self, row):
        """Add one row of the history; the horizontal axis is photos seen."""
        with self._writer.as_default(step=row["images"]):
            for name, value in row.items():
                if name not in ("phase", "epoch", "step", "images"):
                    self._tf.summary.scalar(f"{row['phase']}/{name}", value)
        self._writer.flush()
