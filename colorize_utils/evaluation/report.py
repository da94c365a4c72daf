"""``evaluate``: models and pictures from elsewhere, measured by the same code on the same photos, into one folder.

report.json has every figure, report.md the tables, photos.csv every photo, sheets/ what to look at. The same photos,
seed and machine give the same bytes: nothing in them depends on the time or on where the folders lie.
"""

import csv
import json
import re
from pathlib import Path

import numpy as np

from ..disk import whole, write_text
from ..errors import ColorizeError
from ..terminal import cell
from . import sheets, tables
from .measure import COLUMNS
from .rows import (
    GREY,
    TRUTH,
    digest,
)
from .summary import summarize


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
    with whole(output / "photos.csv") as path, open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["photo", "row", *COLUMNS, *(f"class {name}" for name in report["yardsticks"])])
        for index, photo in enumerate(measured.names):
            for name, scores in measured.rows.items():
                if scores.kept[index]:
                    classes = [int(answers[index]) for answers in scores.answers.values()]
                    writer.writerow([cell(photo), cell(name), *map(float, scores.columns[index]), *classes])
    write_text(output / "report.md", tables.markdown(report))
    write_text(output / "report.json", json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


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
                f"{c.name}   ΔE {error[i]:.1f}, colorfulness {extra[i]:+.0f}"
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
