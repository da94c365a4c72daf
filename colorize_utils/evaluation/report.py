"""``evaluate``: models and pictures from elsewhere, measured by the same code on the same photos, into one folder.

report.json has every figure, report.md the tables, photos.csv every photo, sheets/ what to look at. The same photos,
seed and machine give the same bytes: nothing in them depends on the time or on where the folders lie.
"""

import csv
import json
import re
from pathlib import Path

import numpy as np

from ..errors import ColorizeError
from ..terminal import complain, number, quietly_import_keras
from ..weights import replace_file
from . import sheets, tables
from .classifier import load_classifier
from .figures import summarize
from .measure import COLUMNS, measure, survey
from .pictures import (
    GREY,
    MEAN,
    TRUTH,
    digest,
    levin_row,
    model_rows,
    photo_folder,
    picture_row,
    prepared_split,
    reference_rows,
)

SHIPPED = "shipped"


def add_arguments(parser):
    """Give an ``argparse`` parser the arguments of `main`."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--photos", metavar="DIR", help="a folder of colour photos, any depth")
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
    parser.add_argument("--size", type=int, default=256, metavar="N", help="side of the centre crop (default: 256)")
    parser.add_argument(
        "--fit", choices=("crop", "resize"), default="crop", help="resize: shrink large photos before the crop"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="only N photos, evenly spaced")
    parser.add_argument("--resamples", type=int, default=2000, metavar="N", help="bootstrap resamples (default: 2000)")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap and the halves (default: 0)")
    parser.add_argument("--no-sheets", action="store_true", help="no contact sheets")


def add_row_arguments(parser):
    """Give an ``argparse`` parser the arguments of `asked_rows`."""
    parser.add_argument("--model", action="append", default=[], metavar="NAME=FILE", help="a model; repeatable")
    parser.add_argument("--pictures", action="append", default=[], metavar="NAME=DIR",
                        help="pictures another tool made, named as the photos are; repeatable")  # fmt: skip
    parser.add_argument("--levin", action="append", default=[], type=number(0, 10_000), metavar="N",
                        help="Levin et al. 2004, given the true colour of N pixels a photo; repeatable")  # fmt: skip
    parser.add_argument("--hinted", action="append", default=[], type=number(1, 10_000), metavar="N",
                        help="every model a second time, given such hints too; repeatable")  # fmt: skip
    parser.add_argument("--no-shipped", action="store_true", help="leave the shipped model out")
    parser.add_argument("--working-size", type=number(32, 2048), metavar="N",
                        help="short side of the copy that models see (default: what each file says)")  # fmt: skip


def main(args):
    """Run ``evaluate`` -> exit status: 0, or 1 if something was left out (named on stderr and in the report)."""
    quietly_import_keras()
    _check(args)
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
        raise ColorizeError(f"expected to write the report to {output}: {error.strerror or error}", status=1) from None
    complain_of(measured.problems)
    print(f"{tables.goals(report)}\n\nReport: {output / 'report.md'}")
    return 1 if measured.problems else 0


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


def limited(photos, limit):
    """A `PhotoSet` of ``limit`` photos of another, evenly spaced; all of them for None."""
    if limit is None or limit >= len(photos):
        return photos
    from dataclasses import replace

    picked = np.linspace(0, len(photos) - 1, limit).round().astype(int)
    return replace(
        photos,
        text=f"{photos.text}; {limit} evenly spaced of {len(photos)}",
        names=tuple(photos.names[i] for i in picked),
        load=lambda index: photos.load(picked[index]),
        stamp=lambda index: photos.stamp(picked[index]),
    )


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


def _report(args, photos, usable, rows, measured, baseline):
    if not measured.rows[baseline].kept.any():
        measured.problems.append(f"row {baseline} has no picture at all: differences are from {GREY} instead")
        baseline = GREY
    entries, yardsticks = summarize(measured, baseline, args.seed, args.resamples)
    texts = {row.name: row.text for row in rows}
    for name in texts.keys() - entries.keys():
        measured.problems.append(f"row {name} has no picture at all and is left out")
    kept = _limited_to(photos, usable)
    truth = measured.rows[TRUTH].columns[:, COLUMNS.index("colorfulness")]
    return {
        "format": 1,
        "photos": {"name": photos.name, "text": photos.text, "count": len(usable), "grey": int((truth == 0).sum()),
                   "sha256": digest(kept)},
        "seed": args.seed,
        "resamples": args.resamples,
        "baseline": baseline,
        "rows": {row.name: {"text": row.text, **entries[row.name]} for row in rows if row.name in entries},
        "yardsticks": yardsticks,
        "left_out": sorted(measured.problems),
    }  # fmt: skip


def _limited_to(photos, usable):
    from dataclasses import replace

    return replace(
        photos, names=tuple(photos.names[i] for i in usable), stamp=lambda index: photos.stamp(usable[index])
    )


def _write(output, report, measured):
    def table(temporary):
        with open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["photo", "row", *COLUMNS, *(f"class {name}" for name in report["yardsticks"])])
            for index, photo in enumerate(measured.names):
                for name, scores in measured.rows.items():
                    if scores.kept[index]:
                        classes = [int(answers[index]) for answers in scores.answers.values()]
                        writer.writerow([photo, name, *map(float, scores.columns[index]), *classes])

    replace_file(output / "photos.csv", table)
    replace_file(
        output / "report.md", lambda path: path.write_text(tables.markdown(report), encoding="utf-8", newline="\n")
    )
    text = json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    replace_file(output / "report.json", lambda path: path.write_text(text, encoding="utf-8", newline="\n"))


def read_report(path):
    """report.json -> dict; a one-line ColorizeError if it is none."""
    try:
        report = json.loads(Path(path).read_text(encoding="utf-8"))
        if report["format"] != 1:
            raise KeyError
        return report
    except (OSError, ValueError, KeyError, TypeError):
        raise ColorizeError(f"expected a report.json written by evaluate, got {path}", status=1) from None


def write_sheets(folder, photos, usable, rows, measured, baseline):
    """Five sheets a model (best, median, worst by ΔE2000, most desaturated, most oversaturated) and one of all rows.

    Where there is no model, the baseline gets its five. The photos are painted anew: no run keeps them all in memory.
    """
    shown = [row for row in rows if not row.reference] or [row for row in rows if row.name == baseline]
    paint = {row.name: row.paint for row in rows}
    liveliness = COLUMNS.index("colorfulness")
    for row in shown:
        scores = measured.rows[row.name]
        error = scores.columns[:, COLUMNS.index("de2000")]
        extra = scores.columns[:, liveliness] - measured.rows[TRUTH].columns[:, liveliness]
        for kind, chosen in sheets.choices(error, extra).items():
            cases = [photos.load(usable[index]) for index in chosen]
            beside = [GREY] if row.name != GREY else []
            groups = [[*(paint[name](case) for name in beside), row.paint(case), case.truth] for case in cases]
            notes = [
                f"{c.name}   ΔE {error[i]:.1f}, colourfulness {extra[i]:+.0f}"
                for i, c in zip(chosen, cases, strict=True)
            ]
            if groups:
                sheet = sheets.contact_sheet(groups, [*beside, row.name, TRUTH], notes, f"{row.name}: {kind}")
                sheets.save_sheet(folder / _slug(row.name) / f"{kind}.jpg", sheet)
    whole = np.all([measured.rows[row.name].kept for row in rows], axis=0)
    chosen = sheets.spread(np.where(whole, measured.rows[baseline].columns[:, COLUMNS.index("de2000")], np.nan))
    order = sorted(rows, key=lambda row: row.name == TRUTH)
    cases = [photos.load(usable[index]) for index in chosen]
    if cases:
        groups = [[row.paint(case) for row in order] for case in cases]
        title = f"all rows, from easy to hard for {baseline}"
        names = [case.name for case in cases]
        sheets.save_sheet(folder / "rows.jpg", sheets.contact_sheet(groups, [row.name for row in order], names, title))


def _slug(name):
    return re.sub(r"[^\w.-]+", "-", name).strip(".-") or "row"
