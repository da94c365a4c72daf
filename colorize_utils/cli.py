"""The command line: `colorize …` and `python -m colorize_utils …` are the same.

Exit status: 0 all went well; 1 a file or a run failed (the rest was done); 2 wrong usage; 130 stopped with Ctrl-C.
Nothing heavy is imported before it is needed: `--help` and `--version` answer at once.
"""

import os
import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from .errors import ColorizeError
from .terminal import Parser, complain, missing, named, number, quietly_import_keras

# Commands that have a module of their own: ``add_arguments(parser)`` and ``main(args)``, imported when called.
MODULES = {
    "colorize": (".inference.command", "color photos and folders of photos"),
    "train": (".training.command", "train a recipe, or go on with a run that was begun"),
    "evaluate": (".evaluation.report", "measure models and pictures on photos whose colors are known"),
    "export": (".inference.elsewhere", "write a model as ONNX or LiteRT, to use without this package"),
    "turing": (".evaluation.turing", "a page that asks people which of two pictures is the real photo"),
    "app": ("colorize_utils_app.command", "a page in the browser that colors photos dropped on it"),
}


def main(argv=None):
    """Run one command with the arguments ``argv`` (default: the process'). Returns the exit status."""
    argv = sys.argv[1:] if argv is None else list(argv)
    for stream in (sys.stdout, sys.stderr):  # a file name may hold what the terminal's encoding has not
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        parser = build_parser(argv[0] if argv else None)
        args = parser.parse_args(argv)
        if not args.command:
            parser.print_help(sys.stderr)
            return 2
        return args.run(args) or 0
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
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # a disk that is full or gone, a folder without permission
        complain(named(error.filename, error.strerror) if error.filename and error.strerror else error)
        return 1


def build_parser(command=None):
    """The parser of all commands. Only for the one that is called are settings asked of modules that load slowly."""
    from . import __version__

    parser = Parser(prog="colorize", description="Put color into black-and-white photos; train and measure models.")
    parser.add_argument("--version", action="version", version=f"colorize {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, (module, text) in MODULES.items():
        sub = commands.add_parser(name, help=text)
        if command == name:
            if module.startswith("colorize_utils_app"):
                _find_page()
            found = import_module(module, __package__)
            found.add_arguments(sub)
            sub.set_defaults(run=found.main)
    for add in (_add_samples, _add_prepare, _add_export, _add_info):
        add(commands)
    return parser


def _find_page():
    """Make the page's package known. Installed it lies beside this one; in a checkout it is the folder apps/."""
    place = Path(__file__).resolve().parents[1]
    if "colorize_utils_app" in sys.modules or not (place / "pyproject.toml").is_file():
        return
    spec = spec_from_file_location("colorize_utils_app", place / "apps" / "__init__.py")
    sys.modules[spec.name] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules[spec.name])


def _add_samples(commands):
    sub = commands.add_parser("samples", help="write the sample photos, made grey, to try `colorize` on")
    sub.add_argument("folder", metavar="DIR")
    sub.add_argument("--color", action="store_true", help="write them in color, to try `evaluate` and `prepare` on")
    sub.set_defaults(run=_samples)


def _samples(args):
    from .inference.folders import prepare_output, reason
    from .photos.sources import write_samples

    prepare_output(args.folder)
    try:
        for path in write_samples(args.folder, args.color):
            print(path)
    except OSError as error:
        raise ColorizeError(f"{args.folder}: {reason(error)}", status=1) from None


def _add_prepare(commands):
    sub = commands.add_parser("prepare", help="make a set to train on out of photos")
    sub.add_argument("--source", required=True, choices=("kaggle", "photos", "samples"), help="what kind of photos")
    sub.add_argument("--input", metavar="DIR", help="folder of photos or of the Kaggle set (else kagglehub gets it)")
    sub.add_argument("--part", type=int, choices=(1, 2, 3), help="one part of the Kaggle set only")
    sub.add_argument("--output", required=True, metavar="DIR", help="folder for the prepared set")
    sub.add_argument("--height", type=number(32, 2048), default=144, metavar="N")
    sub.add_argument("--width", type=number(32, 2048), default=192, metavar="N")
    sub.add_argument("--fit", choices=("crop", "squash"), default="crop", help="keep the aspect and crop, or squash")
    sub.set_defaults(run=_prepare)


def _prepare(args):
    if args.source == "photos" and not args.input:
        raise ColorizeError("expected --input DIR with --source photos")
    if args.part and args.source != "kaggle":
        raise ColorizeError("expected --part only with --source kaggle")
    from .photos.prepare import prepare
    from .photos.sources import KaggleLab, PhotoFolder, SamplePhotos

    if args.source == "kaggle":
        source = KaggleLab(args.input, part=args.part)
    else:
        source = PhotoFolder(args.input) if args.source == "photos" else SamplePhotos()
    prepare(source, args.output, height=args.height, width=args.width, fit=args.fit)
    print(f"the prepared set is in {args.output}")


def _add_export(commands):
    sub = commands.add_parser("export-model", help="take the model out of a training run, as one .h5 file")
    sub.add_argument("sources", metavar="RUN", nargs="+", help="a run's folder or a model file; of several, the mean")
    sub.add_argument("-o", "--output", required=True, metavar="FILE", help="for instance colorizer.h5")
    sub.add_argument("--name", default="colorizer", help="the model's name (default: %(default)s)")
    sub.add_argument("--model-version", default="0", metavar="TEXT", help="the model's version")
    sub.add_argument("--working-size", type=number(32, 2048), metavar="N", help="short side of the copy the model sees")
    sub.set_defaults(run=_export)


def _export(args):
    quietly_import_keras()
    from .inference.exports import export_model

    digest = export_model(args.sources, args.output, args.name, args.model_version, args.working_size)
    print(f"{args.output}: SHA-256 {digest}")


def _add_info(commands):
    sub = commands.add_parser("info", help="say what a model file holds")
    sub.add_argument("model", nargs="?", metavar="FILE", help="default: the model that comes with the package")
    sub.set_defaults(run=_info)


def _info(args):
    from .inference.exports import describe_model

    print(describe_model(args.model))
