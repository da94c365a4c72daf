"""The command `app`: starts the page, says where it is, and takes everything it wrote away again at its end."""

import os
import shutil
import signal
import socket
import stat
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import ColorizeError
from ..terminal import complain, number, silent_decoders

PREFIX = "colorize-page-"
MISSING = "expected gradio for the page in the browser: pip install -r requirements-app.txt (or 'gradio>=6.31,<7')"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
ENDING = (signal.SIGINT, signal.SIGTERM)
LAST = 3  # seconds that the end may take
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy")


def add_arguments(parser):
    """Give an ``argparse`` parser the arguments of `main`."""
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS", help="default: this computer only, %(default)s"
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name under which this computer is known to others, beside its addresses; repeatable",
    )
    parser.add_argument("--port", type=number(1, 65535), metavar="N", help="default: the first free one from 7860 on")
    parser.add_argument("--model", metavar="FILE", help="a model file (default: the model that comes with the package)")
    parser.add_argument(
        "--max-upload",
        type=number(1, 100_000),
        default=500,
        metavar="MB",
        help="largest file taken (default: %(default)s)",
    )
    parser.add_argument("--max-pixels", type=number(1), default=300_000_000, metavar="N", help="refuse larger photos")


def main(args):
    """Serve the page until it is stopped with Ctrl-C or a signal. Returns the exit status, 0."""
    check_port(args.host, args.port)
    with temporary_folder() as folder, stopped_by_signals(folder) as stop:
        prepare_environment(folder)
        try:
            import gradio  # noqa: F401
        except ImportError as error:
            raise ColorizeError(MISSING if error.name == "gradio" else f"gradio does not start: {error}") from None
        from ..page.layout import launch
        from ..page.page import Page
        from .colorize import load_colorizer

        colorizer = load_colorizer(args.model)
        page = Page(colorizer, folder, args.max_upload * 1_000_000, args.max_pixels, grey_samples(folder / "samples"))
        try:
            server, address = launch(page, args.host, args.port, args.allow_host)
        except OSError as error:
            raise ColorizeError(f"expected a free port of this computer, got: {error}", status=1) from None
        print(f"the page is at {address} (Ctrl-C ends it)", flush=True)
        if args.host not in LOOPBACK:
            complain(f"everyone who can reach {args.host} can use the page; nothing is encrypted")
        with silent_decoders():
            stop.wait()
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  (photos in hand will miss their folder)
        page.turns.end()
        server.should_exit = True
        page.turns.rest(1)
    return 0


def check_port(host, port):
    """ColorizeError (status 1) unless a page can be served there: said at once, not when the model is loaded."""
    try:
        found = socket.getaddrinfo(host, port or 0, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as probe:
            if os.name != "nt":  # there it would let two servers share a port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        place = f"{host}:{port}" if port else host
        raise ColorizeError(f"expected a free port of this computer, got {place}: {error.strerror}", status=1) from None


@contextmanager
def temporary_folder():
    """A folder of the page's own, removed at its end; those that killed pages left are removed too."""
    from ..disk import only_process

    _remove_stale(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()  # only its owner may look into it
    try:
        with only_process(folder):
            yield folder
    finally:
        _remove(folder)


def _remove_stale(place):
    from ..disk import only_process

    for folder in place.glob(f"{PREFIX}*"):
        try:
            status = folder.lstat()  # others may put links and folders of their own there
            own = stat.S_ISDIR(status.st_mode) and status.st_uid == (os.getuid() if hasattr(os, "getuid") else 0)
            if own and time.time() - status.st_mtime > 60:
                with only_process(folder):  # else it is somebody's
                    pass
                shutil.rmtree(folder, ignore_errors=True)
        except (ColorizeError, OSError):
            continue


def prepare_environment(folder):
    """Set what Gradio reads as it is imported: no reports to its makers, no records of what was done."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_RUN_HISTORY"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    for name in PROXIES:  # it asks nobody but itself, and no proxy is to stand between
        os.environ.pop(name, None)
        os.environ.pop(name.upper(), None)
    os.environ["GRADIO_TEMP_DIR"] = str(folder / "uploads")
    (folder / "uploads").mkdir(exist_ok=True)


def grey_samples(folder):
    """Write the sample photos, made grey, into ``folder`` -> their paths."""
    from ..data.sources import write_samples

    folder.mkdir(parents=True, exist_ok=True)
    return list(write_samples(folder))


class Stop:
    """That the page is to end, said by a signal. However busy the process is then, it ends within `LAST` seconds.

    Python has signals answered by the main thread alone, between two of its steps, and that thread may be waiting for
    another or be inside a library. What happens at once, wherever the system delivers the signal, is that a byte is
    written to `signal.set_wakeup_fd`: a thread that waits for it sees to the end.
    """

    def __init__(self, folder):
        self.folder, self.serving, self._said, self._ended = folder, False, threading.Event(), threading.Event()
        self._ear, self._mouth = socket.socketpair()
        self._mouth.setblocking(False)
        threading.Thread(target=self._listen, daemon=True).start()

    def wait(self):
        """Wait for a signal."""
        self.serving = True
        while not self._said.wait(1):  # now and then awake: a wait without an end hears no Ctrl-C on Windows
            pass

    def leave(self):
        """The end, if a signal was what ended the page: what other threads still do is of no use to anyone."""
        if self._said.is_set():
            self._exit(0)

    def _listen(self):
        while (byte := self._ear.recv(1)) and byte[0] not in ENDING:
            pass
        if byte:
            self._said.set()
            if not self.serving:
                complain("stopped")
                self._exit(130)
            if not self._ended.wait(LAST):
                self._exit(0)

    def _exit(self, status):
        _remove(self.folder)
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError, OSError, ValueError):
                stream.flush()
        os._exit(status)


@contextmanager
def stopped_by_signals(folder):
    """A `Stop` for Ctrl-C and the signal to end. ``folder`` is gone when they have ended the process."""
    stop, before = Stop(folder), None
    if threading.current_thread() is threading.main_thread():
        before = {kind: signal.signal(kind, lambda *_: None) for kind in ENDING}
        fd = signal.set_wakeup_fd(stop._mouth.fileno(), warn_on_full_buffer=False)
    try:
        yield stop
        stop.leave()
    finally:
        stop._ended.set()
        if before:
            signal.set_wakeup_fd(fd)
            for kind, handler in before.items():
                signal.signal(kind, handler)
        stop._mouth.close()


def _remove(folder):
    for _ in range(3):  # while it is removed a photo may still be written to it
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
