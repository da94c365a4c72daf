"""The command line: `colorize …` and `python -m colorize_utils …` are the same.

Exit status: 0 all went well; 1 a file or a run failed (the rest was done); 2 wrong usage; 130 stopped with Ctrl-C.
Nothing heavy is imported before it is needed: `--help` and `--version` answer at once.
"""

import os
import sys
from contextlib import suppress
from importlib import import_module

from .errors import ColorizeError, reason
from .terminal import Parser, complain, missing, named, open_streams

# Each is a module of `commands`, imported when it is called.
COMMANDS = {
    "colorize": "color photos and folders of photos",
    "train": "train a recipe, or go on with a run that was begun",
    "evaluate": "measure models and pictures on photos whose colors are known",
    "export": "write a model as ONNX or LiteRT, to use without this package",
    "turing": "a page that asks people which of two pictures is the real photo",
    "app": "a page in the browser that colors photos dropped on it",
    "samples": "write the sample photos, made grey, to try `colorize` on",
    "prepare": "make a set to train on out of photos",
    "export-model": "take the model out of a training run, as one .h5 file",
    "info": "say what a model file holds",
    "curve": "measure every snapshot that runs have kept",
}


def main(argv=None):
    """Run one command with the arguments ``argv`` (default: the process'). Returns the exit status."""
    argv = sys.argv[1:] if argv is None else list(argv)
    open_streams()
    for stream in (sys.stdout, sys.stderr):  # a file name may hold what the terminal's encoding has not
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        parser = build_parser(argv[0] if argv else None)
        args = parser.parse_args(argv)
        if not args.command:
            parser.print_help(sys.stderr)
            return 2
        status = args.run(args) or 0
        sys.stdout.flush()  # here a full disk is a line; when Python ends it is a traceback
        return status
    except SystemExit as end:  # --help and --version
        return end.code or 0
    except ColorizeError as error:
        complain(error)
        return error.status
    except KeyboardInterrupt:
        complain("stopped; what is finished is kept, and the same command goes on from there")
        return 130
    except ImportError as error:
        complain(missing(error))
        return 1
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        _drop_output()
        return 1
    except OSError as error:  # a disk that is full or gone, a folder without permission
        complain(named(error.filename, error.strerror) if error.filename and error.strerror else reason(error))
        _drop_output()
        return 1


def _drop_output():
    """What waits to be written to stdout goes nowhere: Python would try again at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def build_parser(command=None):
    """The parser of all commands. Only for the one that is called are settings asked of modules that load slowly."""
    from . import __version__

    parser = Parser(prog="colorize", description="Put color into black-and-white photos; train and measure models.")
    parser.add_argument("--version", action="version", version=f"colorize {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, text in COMMANDS.items():
        sub = commands.add_parser(name, help=text)
        if command == name:
            found = import_module(f".commands.{name.replace('-', '_')}", __package__)
            found.add_arguments(sub)
            sub.set_defaults(run=found.main)
    return parser
