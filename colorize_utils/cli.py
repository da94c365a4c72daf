"""The command line: `colorize …` and `python -m colorize_utils …` are the same.

Exit status: 0 all went well; 1 a file or a run failed (the rest was done); 2 wrong usage; 130 stopped with Ctrl-C.
Nothing heavy is imported before it is needed: `--help` and `--version` answer at once.
"""

import os
import sys
from argparse import BooleanOptionalAction
from pathlib import Path

from .errors import ColorizeError
from .terminal import Parser, bar_of, complain, decimal, named, number, quietly_import_keras, shown, silent_decoders

SHOWN = 20  # so many pictures are named one by one at the end


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
    for add in (_add_colorize, _add_samples, _add_prepare, _add_train, _add_export, _add_info):
        add(commands)
    evaluate = commands.add_parser("evaluate", help="measure models and pictures on photos whose colors are known")
    evaluate.set_defaults(run=_evaluate)
    if command == "evaluate":
        from .evaluation import report

        report.add_arguments(evaluate)
    turing = commands.add_parser("turing", help="a page that asks people which of two pictures is the real photo")
    turing.set_defaults(run=_turing)
    if command == "turing":
        from .evaluation import turing as page

        page.add_arguments(turing)
    return parser


def _add_colorize(commands):
    sub = commands.add_parser("colorize", help="color photos and folders of photos")
    sub.add_argument("paths", nargs="+", metavar="PATH", help="a photo, or a folder (its subfolders are mirrored)")
    sub.add_argument("-o", "--output", required=True, metavar="DIR", help="folder for the pictures; made if needed")
    sub.add_argument("--model", metavar="FILE", help="a model file (default: the model that comes with the package)")
    sub.add_argument(
        "--size", type=number(32, 2048), metavar="N", help="short side of the copy the model sees, in pixels"
    )
    sub.add_argument("--strength", type=decimal(0, 1.5), default=1.0, metavar="X", help="0 grey, 1 usual, 1.5 vivid")
    sub.add_argument(
        "--temperature",
        type=decimal(0.001, 1),
        metavar="T",
        help="for models of color bins: near 0 the likeliest color, 1 the mean of all (default: the model's, 0.38)",
    )
    sub.add_argument("--chroma-only", action="store_true", help="write the color as a layer of its own, for an editor")
    sub.add_argument("--overwrite", action="store_true", help="color again what is in the output folder already")
    sub.add_argument("--workers", type=number(1, 64), metavar="N", help="photos in hand at a time (default: the cores)")
    sub.add_argument("--report", metavar="FILE.csv", help="a table of what became of each photo")
    sub.add_argument("--max-pixels", type=number(1), default=300_000_000, metavar="N", help="refuse larger photos")
    sub.set_defaults(run=_colorize)


def _colorize(args):
    from .inference.folders import CHROMA, Result, colorize_files, maker_in, maker_of, plan, prepare_output
    from .inference.results import check_report, summary, write_report

    results = []
    found, failures = _find(args.paths, lambda path, why: results.append(Result(path, None, "failed", [why])))
    planned = plan(found, args.output, CHROMA if args.chroma_only else "")
    if not planned:
        if failures:
            return 1
        raise ColorizeError(f"expected photos in {', '.join(args.paths)}, found only earlier pictures", status=1)
    if args.report:
        check_report(args.report)
    prepare_output(args.output)
    ahead = sum(args.overwrite or not target.is_file() for _, target in planned)
    how = {"size": args.size, "strength": args.strength, "chroma_only": args.chroma_only}
    marks = {**how, "temperature": args.temperature}
    # Where all is done already there is no need to wait for the model.
    colorizer = _colorizer(args.model) if ahead else None
    if colorizer and args.temperature:
        from .networks.bins import set_temperature

        set_temperature(colorizer.network, args.temperature)

    def finished(result):
        results.append(result)
        if result.status != "skipped":
            bar.update()

    try:
        with silent_decoders(), bar_of(ahead, "photo") as bar:
            outcome = colorize_files(
                colorizer,
                planned,
                overwrite=args.overwrite,
                max_pixels=args.max_pixels,
                workers=args.workers or min(4, os.cpu_count() or 1),
                maker=maker_of(getattr(colorizer, "meta", {}), **marks) if ahead else maker_in(args.model, **marks),
                failed=lambda source, why: complain(named(source, why), bar),
                noted=lambda source, note: complain(named(source, note), bar),
                finished=finished,
                **how,
            )
    finally:
        if args.report:
            write_report(args.report, results)
    if len(outcome.written) <= SHOWN:
        print(*map(shown, outcome.written), sep="\n", end="\n" * bool(outcome.written))
    print(summary(results, shown(args.output)))
    return 1 if failures or outcome.failed else 0


def _find(paths, failed):
    """All photos below the paths, and how many paths held none or could not be looked into (each has had its line)."""
    from .photos.files import find_photos

    found, failures = [], 0

    def refused(path, why):
        nonlocal failures
        complain(named(path, why))
        failed(path, why)
        failures += 1

    for path in paths:
        try:
            before = failures
            some = find_photos([path], unreadable=refused)
            if not some and failures == before:
                raise ColorizeError(f"expected photos in {path}, found none", status=1)
            found += some
        except ColorizeError as error:
            if len(paths) == 1:
                raise
            refused(Path(path), str(error))
    return found, failures


def _colorizer(model):
    quietly_import_keras()
    from .inference.colorizer import Colorizer

    return Colorizer.load(model)


def _add_samples(commands):
    sub = commands.add_parser("samples", help="write the sample photos, made grey, to try `colorize` on")
    sub.add_argument("folder", metavar="DIR")
    sub.add_argument("--color", action="store_true", help="write them in color, to try `evaluate` and `prepare` on")
    sub.set_defaults(run=_samples)


def _samples(args):
    from . import color
    from .inference.folders import prepare_output, reason
    from .photos.files import write_photo
    from .photos.sources import sample_photos

    prepare_output(args.folder)
    for index, (name, rgb) in enumerate(sorted(sample_photos().items())):
        path = Path(args.folder) / f"{name}{'.png' if args.color else ('.png', '.jpg')[index % 2]}"
        if not args.color:
            grey = color.grey_from_lightness(color.lightness(rgb.astype("float32") / 255))
            rgb = grey[..., None].repeat(3, axis=-1)
        try:
            write_photo(path, rgb)
        except OSError as error:
            raise ColorizeError(f"{path}: {reason(error)}", status=1) from None
        print(path)


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


def _add_train(commands):
    sub = commands.add_parser("train", help="train a recipe, or go on with a run that was begun")
    sub.add_argument("--recipe", default="unet-gan", metavar="NAME", help="what to train (default: %(default)s)")
    sub.add_argument("--preset", default="colab", metavar="NAME", help="sizes and lengths (default: %(default)s)")
    sub.add_argument("--data", required=True, metavar="DIR", help="a prepared set")
    sub.add_argument("--run", required=True, metavar="DIR", dest="folder", help="folder of the run; resumes by itself")
    sub.add_argument("--backbone", metavar="NAME", help="another encoder: EfficientNetB0, EfficientNetV2B0, ResNet50V2")
    sub.add_argument("--backbone-weights", default="imagenet", metavar="FILE", help="imagenet, a file, or none")
    sub.add_argument("--initial", metavar="FILE", help="a model file to start from")
    sub.add_argument("--epochs", type=number(0), nargs="+", metavar="N", help="one number a phase")
    sub.add_argument("--rates", type=float, nargs="+", metavar="R", help="learning rates, one a phase")
    sub.add_argument("--chroma-weights", type=float, nargs="+", metavar="W", help="colourful pixels count more")
    sub.add_argument("--until", metavar="PHASE", help="stop after this phase; a later call goes on")
    sub.add_argument("--again", metavar="PHASE", help="train a phase again, and those behind it; ask once")
    sub.add_argument("--longer", nargs=2, metavar=("PHASE", "N"), help="N epochs more of a finished phase; ask once")
    sub.add_argument("--accept-changes", action="store_true", help="go on with settings other than the run's")
    sub.add_argument("--mirror", metavar="DIR", help="keep a copy of the run there, and fetch it if it is lost here")
    sub.add_argument("--tensorboard", action="store_true", help="write logs for TensorBoard to RUN/tensorboard")
    sub.add_argument("--stop-when-full", action="store_true", help="end when the disk is full (default: say it, go on)")
    sub.add_argument(
        "--deterministic",
        action=BooleanOptionalAction,
        default=True,
        help="on a CPU, two runs are equal bit for bit (default: yes)",
    )
    sub.add_argument("--crop", type=number(32, 1024), metavar="N")
    sub.add_argument("--batch", type=number(1), metavar="N")
    sub.add_argument("--epoch-photos", type=number(1), metavar="N", help="photos in an epoch (default: all)")
    sub.add_argument("--save-minutes", type=float, metavar="M", help="minutes between two checkpoints")
    sub.add_argument("--save-steps", type=number(1), metavar="N", help="and a checkpoint every N steps")
    sub.add_argument("--patience", type=number(1), metavar="N", help="end a phase after N epochs that were no better")
    sub.add_argument("--precision", choices=("float32", "mixed_bfloat16", "mixed_float16"))
    sub.add_argument("--seed", type=number(0), default=0, metavar="N")
    sub.set_defaults(run=_train)


def _train(args):
    quietly_import_keras()
    from .training.loop import train

    state = train(
        args.recipe,
        args.preset,
        data=args.data,
        run=args.folder,
        seed=args.seed,
        backbone=args.backbone,
        backbone_weights=None if args.backbone_weights == "none" else args.backbone_weights,
        initial=args.initial,
        epochs=tuple(args.epochs) if args.epochs else None,
        rates=tuple(args.rates) if args.rates else None,
        chroma_weights=tuple(args.chroma_weights) if args.chroma_weights else None,
        until=args.until,
        again=args.again,
        longer=_longer(args.longer),
        accept_changes=args.accept_changes,
        mirror=args.mirror,
        tensorboard=args.tensorboard,
        stop_when_full=args.stop_when_full,
        deterministic=args.deterministic,
        save_minutes=args.save_minutes,
        save_steps=args.save_steps,
        patience=args.patience,
        crop=args.crop,
        batch=args.batch,
        epoch_photos=args.epoch_photos,
        precision=args.precision,
    )
    return 130 if state["stopped"] else 0


def _longer(words):
    if words is None:
        return None
    if not words[1].isdecimal():
        raise ColorizeError(f"expected --longer PHASE and a number of epochs, got {words[1]!r}")
    return words[0], int(words[1])


def _evaluate(args):
    quietly_import_keras()
    from .evaluation import report

    return report.main(args)


def _turing(args):
    from .evaluation import turing

    return turing.main(args)


def _add_export(commands):
    sub = commands.add_parser("export-model", help="take the generator of a run as one small model file")
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
