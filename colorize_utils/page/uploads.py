"""Uploads as they come over the wire: counted, the room on the disk asked for before, and given back where one fails.

In place of Gradio's own: that keeps what was broken off for an hour, and asks for no room.
"""

import asyncio
import json
import logging
import secrets
import shutil
import threading
from contextlib import contextmanager
from pathlib import Path

from ..inference.archive import allowed_name

SPARE = 1_000_000_000  # bytes that stay free on the disk
MOST_FILES = 1000  # of one upload
LONGEST_NAME = 160  # bytes: what is made of a name stays below the 255 that disks allow
PIECE = 1 << 20  # bytes written at a time

logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # its complaints go to stderr; ours is the one line


class Refused(Exception):
    """An upload that is not taken: an HTTP status, and why."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Disk:
    """The room on the disk of ``folder``, less what was promised and is not written yet: two do not get the same."""

    def __init__(self, folder, spare=None):
        self.folder, self.spare, self.promised, self._lock = folder, spare, 0, threading.Lock()

    def take(self, count):
        """Promise ``count`` bytes; whether there is room for them and for `SPARE` beside them."""
        with self._lock:
            free = shutil.disk_usage(self.folder).free - self.promised
            fits = free - count >= (SPARE if self.spare is None else self.spare)
            self.promised += count if fits else 0
            return fits

    def give_back(self, count):
        """Bytes that were promised are written, or will not be."""
        with self._lock:
            self.promised -= count

    @contextmanager
    def room(self, count):
        """Promise bytes while the block runs -> whether there is room for them."""
        fits = self.take(count)
        try:
            yield fits
        finally:
            if fits:
                self.give_back(count)


def _announced(scope, most_at_once):
    """What a request says of itself -> (its bytes or None, the boundary of its parts), or `Refused`."""
    headers = {name.lower(): value for name, value in scope["headers"]}
    length = headers.get(b"content-length", b"")
    length = int(length) if length.isdigit() and len(length) < 20 else None
    if length is not None and length > most_at_once:
        raise Refused(413, f"expected at most {most_at_once:,} bytes at a time, got {length:,}")
    kind, options = _options(headers.get(b"content-type"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise Refused(400, "expected files as multipart/form-data")
    return length, options[b"boundary"]


async def take_upload(scope, receive, place, disk, most, most_at_once):
    """Write the files of a multipart/form-data request below ``place`` -> their paths. `Refused` if it is too much.

    most, most_at_once: bytes of one file, and of the request. Whatever goes wrong, nothing of it stays on the disk.
    """
    from python_multipart.exceptions import MultipartParseError  # Gradio brings it

    length, boundary = _announced(scope, most_at_once)
    if not disk.take(length or 0):
        raise Refused(507, "there is not enough room on the disk for this upload")
    place, files, left = Path(place) / secrets.token_hex(16), None, length or 0
    try:
        files, got = _Files(boundary, place, most), 0
        async for piece in _pieces(receive):
            got += len(piece)
            if got > most_at_once:
                raise Refused(413, f"expected at most {most_at_once:,} bytes at a time, got more")
            if length is None and not disk.take(len(piece)):
                raise Refused(507, "there is not enough room on the disk for this upload")
            left += len(piece) if length is None else 0
            await asyncio.get_running_loop().run_in_executor(None, files.write, piece)
            disk.give_back(min(left, len(piece)))
            left -= min(left, len(piece))
        if not files.ended:
            raise Refused(400, "expected a whole upload, got a part of one")
        return files.paths
    except BaseException as error:
        if files:
            files.close()
        shutil.rmtree(place, ignore_errors=True)
        if isinstance(error, (MultipartParseError, ValueError)):
            raise Refused(400, "expected files as multipart/form-data") from None
        if isinstance(error, OSError):
            raise Refused(507, "the upload could not be written to the disk") from None
        raise
    finally:
        disk.give_back(left)


async def _pieces(receive):
    """The body of a request, some hundred kilobytes at a time. Ends where the sender went away."""
    waiting, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        waiting.append(message.get("body", b""))
        size, more = size + len(waiting[-1]), message.get("more_body", False)
        if size >= PIECE or not more:
            yield b"".join(waiting)
            waiting, size = [], 0


class _Files:
    """The files of one request (RFC 7578), each written to a folder of its own under its own name."""

    def __init__(self, boundary, place, most):
        from python_multipart.multipart import MultipartParser

        self.place, self.most, self.paths, self.ended = place, most, [], False
        self._file, self._size, self._head, self._field, self._value = None, 0, {}, b"", b""
        steps = ("part_begin", "header_field", "header_value", "header_end", "headers_finished", "part_data")
        callbacks = {f"on_{step}": getattr(self, f"_{step}") for step in (*steps, "part_end", "end")}
        self._parser = MultipartParser(boundary, callbacks)

    def write(self, piece):
        self._parser.write(piece)

    def close(self):
        if self._file:
            self._file.close()

    def _part_begin(self):
        self._head, self._field, self._value = {}, b"", b""

    def _header_field(self, data, start, end):
        self._field += data[start:end]

    def _header_value(self, data, start, end):
        self._value += data[start:end]

    def _header_end(self):
        self._head[self._field.lower()] = self._value
        self._field = self._value = b""

    def _headers_finished(self):
        name = _options(self._head.get(b"content-disposition"))[1].get(b"filename")
        if name is None:
            return
        if len(self.paths) >= MOST_FILES:
            raise Refused(413, f"expected at most {MOST_FILES:,} files at a time, got more")
        path = self.place / str(len(self.paths)) / plain_name(name.decode("utf-8", "replace"))
        path.parent.mkdir(parents=True)
        self._file, self._size = open(path, "wb"), 0  # noqa: SIM115
        self.paths.append(str(path))

    def _part_data(self, data, start, end):
        if self._file:
            self._size += end - start
            if self._size > self.most:
                raise Refused(413, f"expected at most {self.most:,} bytes a file, got more")
            self._file.write(data[start:end])

    def _part_end(self):
        self.close()
        self._file = None

    def _end(self):
        self.ended = True


def _options(header):
    """A header with options, or None -> (what stands before them, option -> value), all bytes."""
    from python_multipart.multipart import parse_options_header

    return parse_options_header(header or b"")


def plain_name(name):
    """A name as a browser sends it -> a name without folders and signs that steer, not too long for any disk."""
    name = name.replace("\\", "/").rpartition("/")[2]
    name = allowed_name("".join(c if c.isprintable() else "_" for c in name).lstrip("."))
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(suffix) > 8:
        stem, dot, suffix = name, "", ""
    room = LONGEST_NAME - len((dot + suffix).encode())
    return stem.encode()[:room].decode(errors="ignore") + dot + suffix


def as_answer(paths):
    """What Gradio's part in the browser expects to hear of an upload."""
    return json.dumps(paths).encode()
