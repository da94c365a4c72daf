"""The command `app`: starts the page, says where it is, and takes everything it wrote away again at its end."""

import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from ..errors import ColorizeError
from ..terminal import complain, number, silent_decoders

PREFIX = "colorize-page-"
MISSING = "expected gradio for the page in the browser: pip install -r requirements-app.txt (or 'gradio>=6.20,<7')"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def add_arguments(parser):
    """Give an ``argparse`` parser the arguments of `main`."""
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS", help="default: this computer only, %(default)s"
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
    with temporary_folder() as folder:
        prepare_environment(folder)
        try:
            import gradio  # noqa: F401
        except ImportError as error:
            raise ColorizeError(MISSING if error.name == "gradio" else f"gradio does not start: {error}") from None
        from ..page.page import Page, launch
        from .colorize import load_colorizer

        colorizer = load_colorizer(args.model)
        page = Page(colorizer, folder, args.max_upload * 1_000_000, args.max_pixels, grey_samples(folder / "samples"))
        with stopped_by_signals() as stop:
            try:
                demo, address = launch(page, args.host, args.port)
            except OSError as error:
                raise ColorizeError(f"expected a free port of this computer, got: {error}", status=1) from None
            print(f"the page is at {address} (Ctrl-C ends it)", flush=True)
            if args.host not in LOOPBACK:
                complain(f"everyone who can reach {args.host} can use the page; nothing is encrypted")
            with silent_decoders():
                stop.wait()
            demo.close(verbose=False)
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
        shutil.rmtree(folder, ignore_errors=True)


def _remove_stale(place):
    from ..disk import only_process

    for folder in place.glob(f"{PREFIX}*"):
        try:
            if time.time() - folder.stat().st_mtime > 60:
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
    os.environ["GRADIO_TEMP_DIR"] = str(folder / "uploads")
    (folder / "uploads").mkdir(exist_ok=True)


def grey_samples(folder):
    """Write the sample photos, made grey, into ``folder`` -> their paths."""
    from ..data.sources import write_samples

    folder.mkdir(parents=True, exist_ok=True)
    return list(write_samples(folder))


@contextmanager
def stopped_by_signals():
    """A `threading.Event` that Ctrl-C and the signal to end set, instead of ending the process on the spot."""
    stop, before = threading.Event(), {}
    if threading.current_thread() is threading.main_thread():
        before = {kind: signal.signal(kind, lambda *_: stop.set()) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
