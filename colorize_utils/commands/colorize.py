"""The command `colorize`: photos and folders of photos in, the same in color out, one line for what cannot be done."""

import argparse
import os
import re
from pathlib import Path

from ..errors import ColorizeError
from ..inference.engines import ENGINES
from ..terminal import bar_of, complain, decimal, named, number, shown, silent_decoders

SHOWN = 20  # so many pictures are named one by one at the end


def add_arguments(parser):
    """Give an ``argparse`` parser the arguments of `main`."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a photo, or a folder (its subfolders are mirrored)")
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="folder for the pictures; made if needed")
    parser.add_argument(
        "--model",
        metavar="FILE",
        help="a model file or a run's folder (default: the model that comes along); none: color from --hints alone",
    )
    parser.add_argument(
        "--hints", metavar="FILE", help="colors for places of one photo: JSON, or the photo with colored strokes on it"
    )
    parser.add_argument(
        "--size",
        type=number(32, 2048),
        metavar="N",
        help="short side, in pixels, of the copy the model sees; of long photos, and from 1024 on, it may be less",
    )
    parser.add_argument("--strength", type=decimal(0, 1.5), default=1.0, metavar="X", help="0 grey, 1 usual, 1.5 vivid")
    parser.add_argument(
        "--temperature",
        type=decimal(0.001, 1),
        metavar="T",
        help="for models of color bins: near 0 the likeliest color, 1 the mean of all (default: the model's, 0.38)",
    )
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        default="auto",
        help="what runs the network; auto: LiteRT or ONNX Runtime where installed (they start faster), else tensorflow",
    )
    parser.add_argument("--flips", action="store_true", help="show each photo mirrored too, and take the mean of both")
    parser.add_argument("--chroma-only", action="store_true", help="write the color alone, as a layer for an editor")
    parser.add_argument("--overwrite", action="store_true", help="color again what is in the output folder already")
    parser.add_argument(
        "--workers", type=number(1, 64), metavar="N", help="photos in hand at a time (default: the cores)"
    )
    parser.add_argument("--shard", type=_shard, metavar="K/N", help="only the K-th of N equal parts, as 3/16")
    parser.add_argument("--report", metavar="FILE.csv", help="a table of what became of each photo")
    parser.add_argument("--max-pixels", type=number(1), default=300_000_000, metavar="N", help="refuse larger photos")


def main(args):
    """Color what ``args`` names. Returns the exit status: 0, or 1 if a file failed."""
    from ..inference.folders import prepare_output
    from ..inference.results import check_report, summary, write_report

    if not args.output:
        raise ColorizeError("expected --output DIR, got an empty name")
    results = []
    planned, notes, failures = _plan(args, results)
    if not planned:
        if failures:
            return 1
        raise ColorizeError(f"expected photos in {', '.join(args.paths)}, found only earlier pictures", status=1)
    if args.shard:
        planned = _shard_of(args.shard, planned)
    hints = _hints(args, planned)
    if args.report:
        check_report(args.report, args.overwrite)
    prepare_output(args.output)
    try:
        outcome = _color(args, planned, hints, notes, results)
    finally:
        if args.report:
            write_report(args.report, results)
    if len(outcome.written) <= SHOWN:
        print(*map(shown, outcome.written), sep="\n", end="\n" * bool(outcome.written))
    print(summary(results, shown(args.output)))
    return 1 if failures or outcome.failed or outcome.incomplete else 0


def _plan(args, results):
    """(What `plan` planned, its note on each photo that had to make way, how many paths failed)."""
    from ..inference.folders import CHROMA, Result, plan

    notes = {}

    def not_taken(status, path, why):
        results.append(Result(path, None, status, [why]))

    found, failures = _find(args.paths, Path(args.output), not_taken)
    tag = CHROMA if args.chroma_only else ""
    return plan(found, args.output, tag, args.overwrite, notes.__setitem__), notes, failures


def _shard_of(shard, planned):
    from ..inference.folders import shard_of

    part = shard_of(planned, *shard)
    print(f"shard {shard[0]} of {shard[1]}: {len(part):,} of {len(planned):,} photos")
    return part


def _file_of(model):
    """The model file meant: of a run's folder its newest, else what was given."""
    if model is None or not os.path.isdir(model):
        return model
    from ..weights import model_file

    return model_file(model)


def _color(args, planned, hints, notes, results):
    """Color what is planned, with a bar and a line for each complaint -> `Outcome`. Adds to ``results``."""
    from ..inference.folders import colorize_files, is_done, maker_in, maker_of

    model = _file_of(args.model)
    ahead = sum(args.overwrite or not is_done(target) for _, target in planned)
    how = {"size": args.size, "strength": args.strength, "chroma_only": args.chroma_only, "hints": hints}
    marks = {**how, "temperature": args.temperature, "flips": args.flips}
    # Where all is done already there is no need to wait for the model.
    workers = args.workers or min(4, os.cpu_count() or 1)
    at_once = min(ahead, workers)
    colorizer = load_colorizer(model, args.engine, args.temperature, bool(hints), at_once) if ahead else None
    if colorizer and args.flips:
        colorizer.flips = True

    def finished(result):
        results.append(result)
        if result.status == "skipped":
            return
        if note := notes.get(result.source):
            result.notes.append(note)
            complain(named(result.source, note), bar)
        bar.update()

    with silent_decoders(), bar_of(ahead, "photo") as bar:
        return colorize_files(
            colorizer,
            planned,
            overwrite=args.overwrite,
            max_pixels=args.max_pixels,
            workers=workers,
            maker=maker_of(getattr(colorizer, "meta", {}), **marks) if ahead else maker_in(model, **marks),
            failed=lambda source, why: complain(named(source, why), bar),
            noted=lambda source, note: complain(named(source, note), bar),
            finished=finished,
            **how,
        )


def _hints(args, planned):
    """The hints asked for, or None. ColorizeError where they cannot be used; the network is not waited for."""
    from ..inference.folders import NO_MODEL

    if args.model == NO_MODEL and not args.hints:
        raise ColorizeError("expected --hints FILE with --model none: without a model all color is from hints")
    if args.model == NO_MODEL and args.temperature:
        raise ColorizeError("expected a model with --temperature, got --model none")
    if not args.hints:
        return None
    if len(planned) != 1:
        raise ColorizeError(f"expected one photo with --hints, got {len(planned)}")
    from ..inference.hints.given import read_hints
    from ..photos.reading import read_photo

    photo = read_photo(planned[0][0], max_pixels=args.max_pixels, codes=True)
    if photo.pages > 1:
        raise ColorizeError(f"expected one photo with --hints, got a TIFF of {photo.pages} pages")
    return read_hints(args.hints, photo.rgb)


def _shard(text):
    """An argparse type: "3/16" -> (3, 16)."""
    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    number, count = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= count:
        raise argparse.ArgumentTypeError(f"expected a shard K/N with K from 1 to N, as 3/16, got {text!r}")
    return number, count


def _find(paths, out, not_taken):
    """All photos below the paths, and how many paths held none or could not be looked into (each has had its line).

    ``not_taken(status, path, why)`` is called for these, and for what folders hold beside photos, but for pictures and
    reports of earlier calls in ``out``.
    """
    from ..inference.results import endings
    from ..photos.finding import find_photos

    found, failures, others = [], 0, []

    def refused(path, why):
        nonlocal failures
        complain(named(path, why))
        not_taken("failed", path, why)
        failures += 1

    def left_out(path, why):
        if path != out and out not in path.parents:
            others.append(path)
            not_taken("left out", path, why)

    for path in paths:
        try:
            before = failures
            others.clear()
            some = find_photos([path], unreadable=refused, left_out=left_out)
            if not some and failures == before:
                among = f" among {len(others):,} files: {endings(others)}" if others else ""
                raise ColorizeError(f"expected photos in {path}, found none{among}", status=1)
            found += some
        except ColorizeError as error:
            if len(paths) == 1:
                raise
            refused(Path(path), str(error))
    return found, failures


def load_colorizer(model, engine="tensorflow", temperature=None, hinted=False, at_once=1):
    """The model in the file ``model``, or the shipped one (None), run by ``engine``; "none": no network."""
    from ..inference.colorizer import Colorizer
    from ..inference.engines import load
    from ..inference.folders import BY_HAND, NO_MODEL

    return Colorizer(None, BY_HAND) if model == NO_MODEL else load(model, engine, temperature, hinted, at_once)
