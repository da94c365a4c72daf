"""Quality over training: the snapshots of runs, measured one after the other on the same photos, as a CSV.

    python -m colorize_utils curve saved_models/runs/NAME [RUN ...] --photos DIR -o curve.csv \\
        --classifier MobileNetV2 --limit 200 --working-size 160

Training keeps ``RUN/PHASE/snapshots/epoch-NNN.h5``: the generator, with the photos seen, the minutes and the validation
error so far. The CSV has a line each, by the same code as ``evaluate``; before them the lines *grey* and *truth, two
halves*. Several runs are taken as one that was gone on with: each begins at the photos and minutes of the one before.
With ``--after EARLIER.csv`` they go on from the last line of a CSV of the same photos, whose lines come first: for runs
that are gone.
"""

import csv
import sys
from pathlib import Path

import numpy as np

from ..disk import whole
from ..errors import ColorizeError
from ..terminal import cell
from ..weights import assign_arrays, read_arrays
from .measure import measure, survey
from .rows import GREY, TRUTH, Row, painted_by, reference_rows
from .summary import summarize

HALVES = "truth, two halves"
MEASURED = ("frechet", "frechet_ratio", "agreement", "recovery", "de2000", "de2000_ratio", "psnr_gain", "colorfulness",
            "colorfulness_ratio")  # fmt: skip
"""Figures of a line, from `summary.summarize`; the first four need a classifier."""
INTERVALS = ("recovery", "de2000", "colorfulness")
"""Those of them that have two columns more, NAME_low and NAME_high: the 95 % bootstrap interval."""
COLUMNS = ("run", "phase", "epoch", "images", "minutes", "val_l1", "photos", "classifier", "features", *MEASURED,
           *(f"{key}_{end}" for key in INTERVALS for end in ("low", "high")))  # fmt: skip


class Snapshots:
    """One network of each kind in memory; it is given the weights of whichever snapshot is to paint."""

    def __init__(self, size=None):
        self._size, self._networks, self._inside = size, {}, {}

    def paint(self, path, maker, case):
        """What the snapshot in the file ``path`` makes of a `Case` -> uint8 (H, W, 3)."""
        if self._inside.get("path") != path:
            self._inside = {"path": path, "colorizer": self._load(path)}
        return painted_by(self._inside["colorizer"], case, maker)

    def _load(self, path):
        from ..inference.colorizer import Colorizer

        arrays, description = read_arrays(path, "a snapshot")
        kind = str(sorted(description["spec"].items()))
        if kind not in self._networks:
            self._networks[kind] = Colorizer.load(path, fold=False)
        known = self._networks[kind]
        assign_arrays(known.network.variables, arrays, str(path))
        colorizer = Colorizer(known.network, description["meta"], known.stride)
        if self._size:
            colorizer.size = colorizer.smallest = self._size
        return colorizer


def find_snapshots(runs, problems):
    """Folders of runs -> list of (path, line: dict of the first six `COLUMNS`), in the order of training.

    A file that cannot be read is named in ``problems``; a ColorizeError if a run has none that can.
    """
    found, images, minutes = [], 0, 0.0
    for run in map(Path, runs):
        paths = sorted(run.glob("*/snapshots/epoch-*.h5"), key=lambda path: (_phase(path), path.name))
        lines = []
        for path in paths:
            try:
                description = read_arrays(path, "a snapshot")[1]
                meta = {**description["meta"], "spec": description["spec"]}
                lines.append((path, {"run": run.resolve().name, **{key: meta[key] for key in COLUMNS[1:6]},
                                     "grey": meta.get("val_grey")}))  # fmt: skip
            except KeyError as error:
                problems.append(f"{path}: expected a snapshot that says its {error.args[0]}; left out")
            except ColorizeError as error:
                problems.append(f"{error}; left out")
        if not lines:
            raise ColorizeError(f"expected a run with */snapshots/epoch-*.h5 that can be read, got {run}", status=1)
        for path, line in lines:
            line.update(images=line["images"] + images, minutes=round(line["minutes"] + minutes, 2))
            found.append((path, line))
        images, minutes = found[-1][1]["images"], found[-1][1]["minutes"]
    return found


def _phase(path):
    number = path.parents[1].name.split("-")[0]
    return (int(number) if number.isdigit() else 0, path.parents[1].name)


def curve(runs, photos, classifier=None, size=None, seed=0, resamples=1000):
    """Runs, a `PhotoSet` and perhaps a `Classifier` -> (list of dicts with `COLUMNS`, list of problems).

    ``size``: short side of the copy that the networks see, by default the one they were trained at.
    """
    problems, snapshots = [], Snapshots(size)
    found = find_snapshots(runs, problems)
    usable, mean_ab = survey(photos, problems)
    rows = [row for row in reference_rows(mean_ab) if row.name in (GREY, TRUTH)]
    for index, (path, _) in enumerate(found):
        maker = f"{path.parents[1].name}/{path.stem}"
        rows.append(Row(str(index), maker, lambda case, p=path, m=maker: snapshots.paint(p, m, case), parallel=False))
    classifiers = [classifier] if classifier else []
    measured = measure(photos, usable, rows, classifiers, problems, seed)
    entries, yardsticks = summarize(measured, GREY, seed, resamples)
    known = {"classifier": classifier.name, "features": classifier.features} if classifier else {}
    lines = [{"phase": GREY, "images": 0, "minutes": 0, "val_l1": found[0][1]["grey"], **known, **_line(entries[GREY])}]
    halves = yardsticks[classifier.name]["truth_halves"] if classifier else None
    if halves is not None:
        lines.append({"phase": HALVES, "photos": len(usable), **known, "frechet": halves})
    for index, (_, line) in enumerate(found):
        if str(index) in entries:
            lines.append({**line, **known, **_line(entries[str(index)])})
    return [{key: line.get(key) for key in COLUMNS} for line in lines], problems


def _line(entry):
    figures = {key.split(" ")[0]: figure for key, figure in entry["figures"].items()}
    line = {"photos": entry["photos"], **{key: figures[key]["value"] for key in MEASURED if key in figures}}
    ends = {f"{key}_{end}": figures[key][end] for key in INTERVALS if key in figures for end in ("low", "high")}
    return line | ends


def gone_on(earlier, lines):
    """Lines of an earlier `curve`, and behind them those of runs that went on from there.

    ColorizeError (status 1) if the two were not measured on the same photos by the same classifier: their grey differs.
    """
    if not earlier or earlier[0]["phase"] != GREY or not earlier[-1]["images"]:
        raise ColorizeError("expected an earlier curve with its line grey and lines of snapshots", status=1)
    was, now = (dict.fromkeys(("photos", "frechet", "de2000")) | lines[0] for lines in (earlier, lines))
    for key in ("photos", "frechet", "de2000"):
        if was[key] != now[key] and not np.isclose(was[key] or 0, now[key] or 0, rtol=1e-3):
            raise ColorizeError(f"expected the earlier curve's photos and classifier: its grey has {key} {was[key]}, "
                                f"now {now[key]}", status=1)  # fmt: skip
    images, minutes = earlier[-1]["images"], earlier[-1]["minutes"]
    new = [line for line in lines if line["phase"] not in (GREY, HALVES)]
    return earlier + [
        line | {"images": line["images"] + images, "minutes": round(line["minutes"] + minutes, 2)} for line in new
    ]


def write_curve(path, lines):
    """Lines of `curve` as CSV; what a line has not is empty."""
    with whole(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: _written(value) for key, value in line.items()} for line in lines)


def _written(value):
    return f"{value:.6g}" if isinstance(value, float) else cell(value) if isinstance(value, str) else value


def read_curve(path):
    """The CSV of `write_curve` -> list of dicts, numbers as float, None where empty; ColorizeError if it is none."""
    words = ("run", "phase", "classifier")
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return [
                {key: (line[key] or None) if key in words or not line[key] else float(line[key]) for key in COLUMNS}
                for line in csv.DictReader(file)
            ]
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        raise ColorizeError(f"expected a CSV written by `colorize curve`, got {path}", status=1) from None


if __name__ == "__main__":
    sys.exit("expected `python -m colorize_utils curve`, which this has become")
