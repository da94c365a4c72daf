"""The command `evaluate`: models and pictures measured on photos whose colors are known."""

from pathlib import Path

from ..errors import ColorizeError, reason
from ..evaluation import tables
from ..evaluation.classifier import load_classifier
from ..evaluation.measure import measure, survey
from ..evaluation.report import _report, _write, limited, read_report, write_sheets
from ..evaluation.rows import (
    GREY,
    MEAN,
    TRUTH,
    levin_row,
    model_rows,
    photo_folder,
    picture_row,
    prepared_split,
    reference_rows,
)
from ..guarding import add_overwrite, begins_with, refuse_others
from ..terminal import complain, number, quietly_import_keras, shown

SHIPPED = "shipped"


def add_arguments(parser):
    """Give an ``argparse`` parser the arguments of `main`."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--photos", metavar="DIR", help="a folder of color photos, any depth")
    what.add_argument("--data", metavar="DIR", help="a prepared set")
    parser.add_argument(
        "--split", choices=("test", "val", "train"), default="test", help="part of --data (default: test)"
    )
    parser.add_argument("--output", "-o", metavar="DIR", required=True, help="folder for the report")
    add_row_arguments(parser)
    parser.add_argument(
        "--baseline", metavar="NAME", help="the row others are compared with (default: the shipped model)"
    )
    parser.add_argument("--classifier", action="append", default=[], metavar="NAME[=FILE]",
                        help="for Fréchet distance and agreement: MobileNetV2, MobileNetV2=weights.h5, InceptionV3, "
                             "LABEL=model.keras; repeatable, the first counts for the goals")  # fmt: skip
    parser.add_argument("--size", type=int, default=256, metavar="N", help="side of the center crop (default: 256)")
    parser.add_argument(
        "--fit", choices=("crop", "resize"), default="crop", help="resize: shrink large photos before the crop"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="only N photos, evenly spaced")
    parser.add_argument("--resamples", type=int, default=2000, metavar="N", help="bootstrap resamples (default: 2000)")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap and the halves (default: 0)")
    parser.add_argument("--no-sheets", action="store_true", help="no contact sheets")
    add_overwrite(parser)


def add_row_arguments(parser):
    """Give an ``argparse`` parser the arguments of `asked_rows`."""
    parser.add_argument("--model", action="append", default=[], metavar="NAME=FILE", help="a model; repeatable")
    parser.add_argument("--pictures", action="append", default=[], metavar="NAME=DIR",
                        help="pictures another tool made, named as the photos are; repeatable")  # fmt: skip
    parser.add_argument("--levin", action="append", default=[], type=number(0, 10_000), metavar="N",
                        help="Levin et al. 2004, given the true color of N pixels a photo; repeatable")  # fmt: skip
    parser.add_argument("--hinted", action="append", default=[], type=number(1, 10_000), metavar="N",
                        help="every model a second time, given such hints too; repeatable")  # fmt: skip
    parser.add_argument("--no-shipped", action="store_true", help="leave the shipped model out")
    parser.add_argument("--working-size", type=number(32, 2048), metavar="N",
                        help="short side of the copy that models see (default: what each file says)")  # fmt: skip


def main(args):
    """Run ``evaluate`` -> exit status: 0, or 1 if something was left out (named on stderr and in the report)."""
    _check(args)
    _refuse_others(Path(args.output), args.overwrite)
    quietly_import_keras()
    photos = (
        photo_folder(args.photos, args.size, args.fit)
        if args.photos
        else prepared_split(args.data, args.split, args.size)
    )
    photos = limited(photos, args.limit)
    output = Path(args.output)
    try:
        output.mkdir(parents=True, exist_ok=True)
        rows, classifiers, problems = asked_rows(args), [], []
        for spec in args.classifier:
            try:
                classifiers.append(load_classifier(spec))
            except ColorizeError as error:
                problems.append(str(error))
        usable, mean_ab = survey(photos, problems)
        rows = [*reference_rows(mean_ab), *rows]
        baseline = _baseline(args, rows)
        measured = measure(photos, usable, rows, classifiers, problems, args.seed)
        report = _report(args, photos, usable, rows, measured, baseline)
        _write(output, report, measured)
        if not args.no_sheets:
            write_sheets(output / "sheets", photos, usable, rows, measured, baseline)
    except OSError as error:
        raise ColorizeError(f"expected to write the report to {output}: {reason(error)}", status=1) from None
    complain_of(measured.problems)
    print(*map(shown, tables.goals(report).splitlines()), f"\nReport: {shown(output / 'report.md')}", sep="\n")
    return 1 if measured.problems else 0


def _refuse_others(output, overwrite):
    """Refuse a folder with files of these names that are no report's. Contact sheets are one's if a report is there."""
    for name, is_ours in (
        ("report.json", read_report),
        ("report.md", begins_with("# Evaluation on ")),
        ("photos.csv", begins_with("photo,row,")),
    ):
        refuse_others(output / name, is_ours, overwrite)
    if any((output / "sheets").rglob("*.jpg")) and not (output / "report.json").exists():
        refuse_others(next((output / "sheets").rglob("*.jpg")), lambda path: False, overwrite)


def complain_of(problems, shown=20):
    """A line each on stderr for the first problems, and one for the rest."""
    for problem in problems[:shown]:
        complain(problem)
    if len(problems) > shown:
        complain(f"… and {len(problems) - shown} more of these")


def _check(args):
    for name, least in (("size", 16), ("resamples", 1), ("limit", 1), ("seed", 0)):
        value = getattr(args, name)
        if value is not None and value < least:
            raise ColorizeError(f"expected --{name} of {least} or more, got {value}")


def asked_rows(args):
    """The rows of --model, --pictures and --levin, and the shipped model's unless --no-shipped -> list of `Row`."""
    taken = {GREY, MEAN, TRUTH} | (set() if args.no_shipped else {SHIPPED})
    for spec in (*args.model, *args.pictures):
        name, equals, path = spec.partition("=")
        if not (name and equals and path):
            raise ColorizeError(f"expected NAME=PATH, got {spec}")
        if name in taken:
            raise ColorizeError(f"expected a name of its own for every row, got {name} twice or a name in use")
        taken.add(name)
    levin, hinted = (list(dict.fromkeys(counts)) for counts in (args.levin, args.hinted))
    names = {*(f"levin-{count}" for count in levin), *(f"{name}+{count}" for name in taken for count in hinted)}
    if names & taken:
        raise ColorizeError(f"expected a name of its own for every row, got {min(names & taken)} twice")
    rows = []
    if not args.no_shipped:
        try:
            rows += model_rows(SHIPPED, size=args.working_size, hinted=hinted)
        except ColorizeError as error:
            if args.baseline == SHIPPED:
                raise
            complain(f"no row for the shipped model: {error}")
    for spec in args.model:
        rows += model_rows(*spec.split("=", 1), args.working_size, hinted)
    rows += [levin_row(count) for count in levin]
    return rows + [picture_row(*spec.split("=", 1), args.size, args.fit) for spec in args.pictures]


def _baseline(args, rows):
    """The row asked for, else the shipped model, else the first model or pictures, else grey."""
    names = [row.name for row in rows]
    if args.baseline:
        if args.baseline not in names:
            raise ColorizeError(f"expected --baseline to be one of {', '.join(names)}, got {args.baseline}")
        return args.baseline
    return next((row.name for row in rows if not row.reference), GREY)
