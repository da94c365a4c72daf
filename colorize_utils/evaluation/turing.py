"""A perceptual test for at home: which of two pictures, seen for a second, is the real photo?

After the "colorization Turing test" of Zhang, Isola and Efros 2016. `main` writes one HTML page with all pictures and
its script inside: it loads nothing, sends nothing, and works from the disk. It counts how often the viewer takes the
colored picture for the real one, and saves a CSV, which `summarize_answers` reads. 50 % is the mark to meet: nobody can
tell. About a tenth of the pairs are checks, colored so wrongly that whoever looks does not miss them.
"""

import base64
import csv
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from .. import color, metrics
from ..errors import ColorizeError
from .rows import to_bytes

MILLISECONDS = 1000
LATEST = 1500
"""Pairs that stood longer than this (a browser that was busy, or hidden) are not counted."""
COLUMNS = ("page", "viewer", "trial", "name", "maker", "kind", "real_side", "answer", "shown_ms", "answer_ms")
PAIR, CHECK = "pair", "check"
GROSS = "gross recoloring"


@dataclass(frozen=True)
class Trial:
    """One pair. ``real`` and ``fake``: uint8 (H, W, 3). ``real_side``: "left" or "right". ``kind``: PAIR or CHECK."""

    name: str
    maker: str
    kind: str
    real_side: str
    real: np.ndarray
    fake: np.ndarray


def choose_trials(photos, rows, pairs=40, seed=0, problems=None):
    """A `PhotoSet` and the `Row` s to test -> list of `Trial`, in the order to be shown; the same for the same seed.

    Each photo is shown once, so rows share the photos evenly; real ones are left and right equally often (among pairs
    and among checks, but for one where their number is odd). Of fewer photos than pairs and checks need, about a
    tenth are checks. Photos without color, unreadable ones and those a row has no picture for are passed over, the
    latter two named in ``problems``.
    """
    problems = [] if problems is None else problems
    if not rows:
        raise ColorizeError("expected at least one model or folder of pictures to show beside the photos")
    rng = np.random.default_rng([seed, 2])
    total = min(pairs + -(-pairs // 10), len(photos))
    checks = -(-total // 11)
    kinds = np.array([CHECK] * checks + [PAIR] * (total - checks))
    kinds = np.append(PAIR, rng.permutation(kinds[:-1])) if total > checks else kinds  # never begin with a check
    sides = {kind: rng.permutation(np.arange((kinds == kind).sum()) % 2) for kind in (PAIR, CHECK)}
    trials, done = [], {PAIR: 0, CHECK: 0}
    for index in rng.permutation(len(photos)):
        if len(trials) == total:
            break
        kind = str(kinds[len(trials)])
        row = rows[done[PAIR] % len(rows)]
        try:
            case = photos.load(index)
            if metrics.colorfulness(case.truth) < 1:
                continue
            fake = recolored(case) if kind == CHECK else row.paint(case)
        except ColorizeError as error:
            problems.append(str(error))
            continue
        side = ("left", "right")[sides[kind][done[kind]]]
        done[kind] += 1
        trials.append(Trial(case.name, GROSS if kind == CHECK else row.name, kind, side, case.truth, fake))
    if not done[PAIR]:
        raise ColorizeError(f"expected at least two color photos in {photos.name} to make pairs of", status=1)
    return trials


def recolored(case):
    """A `Case` with its colors turned to their opposites and drowned in violet, at its own lightness, uint8."""
    ab = np.float32((45, -60)) - case.lab[..., 1:]
    return to_bytes(color.join(case.lab[..., 0], ab))


def build_page(trials):
    """List of `Trial` -> the page's HTML, whole in itself (str)."""
    shown = [
        {"name": t.name, "maker": t.maker, "kind": t.kind, "real_side": t.real_side,
         "real": _address(t.real), "fake": _address(t.fake)} for t in trials
    ]  # fmt: skip
    page = hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:12]
    text = json.dumps({"page": page, "milliseconds": MILLISECONDS, "trials": shown})
    text = text.replace("<", "\\u003c")  # so that no name can end the script
    before, _, after = (Path(__file__).with_suffix(".html").read_text(encoding="utf-8")).split("/*DATA*/")
    return before + text + after


def _address(picture):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=92, subsampling=0)  # both of a pair alike
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def wilson(k, n):
    """k of n answers -> (low, high), the 95 % score interval of the rate (Wilson 1927); it holds at 0 and at n too."""
    from scipy.stats import binomtest

    interval = binomtest(k, n).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def read_answers(path):
    """A CSV that the page saved -> list of dicts with `COLUMNS`, numbers as int; a one-line ColorizeError otherwise."""
    allowed = {"kind": (PAIR, CHECK), "real_side": ("left", "right"), "answer": ("left", "right")}
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if set(COLUMNS) - set(reader.fieldnames or ()):
                raise ColorizeError(f"{path}: expected the columns {', '.join(COLUMNS)} of a page's answers", status=1)
            lines = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise ColorizeError(f"{path}: expected a CSV that the page saved, got: {reason}", status=1) from None
    for number, line in enumerate(lines, 2):
        for key, values in allowed.items():
            if line[key] not in values:
                raise _odd(path, number, f"{key} {' or '.join(values)}", line[key])
        for key in ("trial", "shown_ms", "answer_ms"):
            try:
                line[key] = int(line[key])
            except (TypeError, ValueError):
                raise _odd(path, number, f"a number as {key}", line[key]) from None
    if not lines:
        raise ColorizeError(f"{path}: expected answers, found none", status=1)
    return lines


def _odd(path, number, expected, got):
    return ColorizeError(f"{path}, line {number}: expected {expected}, got {got!r}", status=1)


def summarize_answers(paths):
    """CSVs of one or more viewers -> {"makers": {name: {"fooled", "answers", "rate", "low", "high"}}, "checks":
    (right, all), "late": pairs not counted, "viewers": their number}. The same file twice is a ColorizeError."""
    seen, makers, checks, late = {}, {}, [0, 0], 0
    for path in paths:
        lines = read_answers(path)
        for viewer in {(line["page"], line["viewer"]) for line in lines}:
            if viewer in seen:
                raise ColorizeError(f"{path}: expected other answers than {seen[viewer]} has, got the same viewer's", 1)
            seen[viewer] = path
        for line in lines:
            fooled = line["answer"] != line["real_side"]
            if line["kind"] == CHECK:
                checks[0] += not fooled
                checks[1] += 1
            elif line["shown_ms"] > LATEST:
                late += 1
            else:
                k, n = makers.get(line["maker"], (0, 0))
                makers[line["maker"]] = (k + fooled, n + 1)
    found = {name: {"fooled": k, "answers": n, "rate": k / n, **dict(zip(("low", "high"), wilson(k, n), strict=True))}
             for name, (k, n) in makers.items()}  # fmt: skip
    return {"makers": found, "checks": tuple(checks), "late": late, "viewers": len(seen)}


def answers_text(summary):
    """What `summarize_answers` found, in lines to read."""
    lines = [
        f"{name}: fooled in {m['fooled']} of {m['answers']} answers, {m['rate']:.0%} "
        f"(95 % interval {m['low']:.0%} to {m['high']:.0%}; 50 % would be: nobody can tell)"
        for name, m in summary["makers"].items()
    ]
    right, all_checks = summary["checks"]
    if all_checks:
        warning = "" if right >= 0.8 * all_checks else ": too few, somebody did not look; the rates mean little"
        lines.append(f"checks: {right} of {all_checks} right{warning}")
    if summary["late"]:
        lines.append(f"not counted: {summary['late']} that stood longer than {LATEST / 1000:g} s")
    if summary["viewers"] > 1:
        lines.append(f"{summary['viewers']} viewers, whose answers hang together: the interval is somewhat too narrow")
    return "\n".join(lines)
