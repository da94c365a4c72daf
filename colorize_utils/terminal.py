"""What a command needs of a terminal: one-line complaints, a progress bar, and a TensorFlow that starts quietly."""

import argparse
import contextlib
import os
import sys
import tempfile

from .errors import ColorizeError


class Parser(argparse.ArgumentParser):
    """argparse that says what is wrong in one line."""

    def error(self, message):
        raise ColorizeError(f"{message} (`{self.prog} --help` explains)")


def quietly_import_keras():
    """Import Keras and its backend without the lines that TensorFlow's C++ writes to the terminal as it starts.

    They come before any setting for them is read, so file descriptor 2 itself points elsewhere meanwhile. If the import
    fails, its last line becomes the error.
    """
    # 3: TensorFlow calls it an error when its graph optimizer leaves a critic's step as it is. Real ones are raised.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # With one inter-op thread TensorFlow repeats itself bit for bit on a CPU, and is no slower; it reads this once.
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
    # What another project left in keras.json says nothing of ours: that file could name a backend that is gone.
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    try:
        with _stderr_elsewhere():
            import keras

            from .networks import usual_keras

            usual_keras()
            keras.ops.zeros((1,))  # wakes the backend: it looks for GPUs, and talks, only now
    except (ImportError, ValueError, AssertionError, AttributeError, TypeError, OSError) as error:
        why = (str(error).splitlines() or ["a setting in keras.json that it does not know"])[-1]
        raise ColorizeError(f"expected Keras with its backend, got: {why}", status=1) from None


def missing(error):
    """One line about an ImportError: a package is not installed, or a library of the system that OpenCV wants."""
    line = (str(error).splitlines() or [type(error).__name__])[-1]
    if any(library in line for library in ("libGL", "libgthread", "libxcb")):
        return f"OpenCV needs a library of the system: {line} (Debian, Ubuntu: apt install libgl1 libglib2.0-0)"
    return f"expected all that requirements.txt names to be installed, got: {line}"


@contextlib.contextmanager
def _stderr_elsewhere():
    sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # there is no stderr, as in a windowed Python: nothing to hide
        yield
        return
    with tempfile.TemporaryFile() as elsewhere:
        os.dup2(elsewhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)


@contextlib.contextmanager
def silent_decoders():
    """Decoders written in C complain to file descriptor 2, many lines a photo. Meanwhile only sys.stderr gets there."""
    own = sys.stderr
    try:
        own.flush()
        saved, ours = os.dup(2), own.fileno() == 2
    except (OSError, AttributeError, ValueError):  # no stderr, or one that is no file: nothing to tell apart
        yield
        return
    if ours:
        sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, encoding=own.encoding, errors="backslashreplace")
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        if ours:
            with contextlib.suppress(OSError):  # a full disk, or a reader that has gone
                sys.stderr.close()
            sys.stderr = own
        os.dup2(saved, 2)
        os.close(saved)


def number(low, high=None):
    """An argparse type: a whole number from ``low`` to ``high``."""

    def whole(text):
        try:
            value = int(text.replace("_", ""))
        except ValueError:
            value = None
        if value is None or value < low or (high is not None and value > high):
            limits = f"from {low} to {high}" if high is not None else f"of {low} or more"
            raise argparse.ArgumentTypeError(f"expected a whole number {limits}, got {text!r}")
        return value

    return whole


def decimal(low, high):
    """An argparse type: a number from ``low`` to ``high``."""

    def real(text):
        try:
            value = float(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:  # written so that NaN fails too
            raise argparse.ArgumentTypeError(f"expected a number from {low} to {high}, got {text!r}")
        return value

    return real


def bar_of(total, unit):
    """A progress bar with units a second and the time left, where stderr is a terminal."""
    from tqdm import tqdm

    return tqdm(total=total, unit=unit, disable=None, file=sys.stderr)


def shown(path):
    """A path as one line of text: names may hold newlines, or what would steer the terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(path))


def cell(text):
    """A text for a table: spreadsheets compute what begins with =, +, - or @, but not with an apostrophe before it."""
    text = str(text)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def named(source, why):
    """A reason with the file's name before it, unless it names the file already."""
    return why if str(source) in why else f"{shown(source)}: {why}"


def complain(message, bar=None):
    """Write one line to stderr; above the progress bar if one is given. Work goes on where nobody reads it."""
    line = f"colorize: {shown(' '.join(str(message).split()))}"
    with contextlib.suppress(OSError, ValueError):
        bar.write(line, file=sys.stderr) if bar is not None else print(line, file=sys.stderr)


def open_streams():
    """Open what was closed of the standard streams (as by `2>&-`), to nowhere.

    Else the next file that is opened gets its number, and what libraries write to the terminal goes into that file.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w" if number else "r", encoding="utf-8"))  # noqa: SIM115
