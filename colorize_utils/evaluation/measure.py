"""Score every row on every photo, a few dozen photos in memory at a time."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from .. import color, metrics
from ..errors import ColorizeError
from .classifier import BATCH
from .frechet import FeatureStatistics
from .rows import GREY, TRUTH

COLUMNS = (
    "mse", "psnr", "ssim", "de2000", "de2000_p95", "colorfulness", "colorfulness_ddcolor", "dcf", "chroma",
    "ab_l1", "ab_gradient", "auc", "lightness_error",
)  # fmt: skip
"""Figures of one photo, in the order of the arrays below and of photos.csv."""


@dataclass
class RowScores:
    """Of one row: ``columns`` (n, len(COLUMNS)), ``credit`` (n, 484) of `auc_by_bin`, ``kept`` (n,): has a picture."""

    columns: np.ndarray
    credit: np.ndarray
    kept: np.ndarray
    answers: dict = field(default_factory=dict)  # classifier -> class of each photo (n,), -1 where there is none


@dataclass
class Features:
    """Of one classifier: statistics a row, two halves of the truth, what a row with gaps lacks of grey and truth."""

    name: str
    size: int
    rows: dict
    halves: tuple
    lacking: dict


@dataclass
class Measurement:
    """Everything measured: ``names`` of the photos, scores a row, pixels a bin (n, 484), features a classifier."""

    names: tuple
    rows: dict
    pixels: np.ndarray
    features: list
    problems: list


def survey(photos, problems):
    """Indices of the photos that can be read, and their mean ab in Lab units. Others are named in ``problems``."""

    def look(index):
        try:
            return photos.load(index).lab[..., 1:].mean(axis=(0, 1), dtype=np.float64)
        except ColorizeError as error:
            return error

    with ThreadPoolExecutor(_threads()) as pool:
        looks = list(pool.map(look, range(len(photos))))
    problems += [str(found) for found in looks if isinstance(found, ColorizeError)]
    usable = [index for index, found in enumerate(looks) if not isinstance(found, ColorizeError)]
    if not usable:
        raise ColorizeError(
            f"expected at least one readable photo in {photos.name}, found none: {problems[-1]}", status=1
        )
    return usable, np.mean([looks[index] for index in usable], axis=0)


def _threads():
    return max(1, os.cpu_count() or 1)


def score(case, painted):
    """A picture uint8 (H, W, 3) of a `Case` -> (figures (len(COLUMNS),), AuC credit a bin (484,))."""
    lab = color.rgb_to_lab(painted / np.float32(255))
    ab, true_ab = lab[..., 1:], case.lab[..., 1:]
    normalized, true_normalized = color.normalize(lab)[1], color.normalize(case.lab)[1]
    error = metrics.mse(painted, case.truth)
    difference = metrics.ciede2000(lab, case.lab)
    lively = metrics.colorfulness(painted)
    figures = (
        error,
        float(metrics.psnr(error)),
        metrics.ssim(painted, case.truth),
        float(difference.mean()),
        float(np.percentile(difference, 95)),
        lively,
        metrics.colorfulness_ddcolor(painted),
        abs(lively - metrics.colorfulness(case.truth)),
        metrics.chroma(ab),
        metrics.ab_l1(normalized, true_normalized),
        metrics.ab_gradient(normalized, true_normalized),
        float(metrics.auc_credit(ab, true_ab).mean()),
        float(np.abs(lab[..., 0].astype(np.float64) - case.lab[..., 0]).mean()),
    )
    return np.array(figures), metrics.auc_by_bin(ab, true_ab)[0]


def measure(photos, usable, rows, classifiers, problems, seed):
    """Score ``rows`` on the photos ``usable`` of a `PhotoSet` -> `Measurement`. What rows lack goes to ``problems``."""
    count = len(usable)
    scores = {
        row.name: RowScores(
            np.full((count, len(COLUMNS)), np.nan), np.zeros((count, 484), np.float32), np.zeros(count, bool),
            {c.name: np.full(count, -1) for c in classifiers},
        )
        for row in rows
    }  # fmt: skip
    pixels = np.zeros((count, 484), np.float32)
    first_half = np.random.default_rng([seed, 1]).permutation(count) < count // 2
    features = [Features(c.name, c.features, {}, (), {}) for c in classifiers]
    rows = sorted(
        rows, key=lambda row: (row.name != TRUTH, row.name != GREY)
    )  # those the others are compared with first
    with ThreadPoolExecutor(_threads()) as pool, tqdm(total=count, unit="photo", desc="evaluate", disable=None) as bar:
        for start in range(0, count, BATCH):
            places = np.arange(start, min(start + BATCH, count))
            cases = list(pool.map(photos.load, [usable[place] for place in places]))
            for place, case in zip(places, cases, strict=True):
                pixels[place] = metrics.auc_by_bin(case.lab[..., 1:], case.lab[..., 1:])[1]
            looks, waiting = [{} for _ in classifiers], []
            for row in rows:  # a network paints one photo after the other: meanwhile the pool scores earlier rows
                painted = _paint(pool, row, cases, problems)
                have = np.array([picture is not None for picture in painted])
                waiting += _start_scores(pool, scores[row.name], cases, painted, places)
                for classifier, known, seen in zip(classifiers, features, looks, strict=True):
                    _keep_looks(classifier, known, seen, row.name, painted, have, scores[row.name], places, first_half)
            for kept, place, task in waiting:
                kept.columns[place], kept.credit[place] = task.result()
                kept.kept[place] = True
            bar.update(len(places))
    return Measurement(tuple(photos.names[index] for index in usable), scores, pixels, features, problems)


def _paint(pool, row, cases, problems):
    def attempt(case):
        try:
            return row.paint(case)
        except ColorizeError as error:
            return error

    painted = list((pool.map if row.parallel else map)(attempt, cases))
    problems += [str(picture) for picture in painted if isinstance(picture, ColorizeError)]
    return [None if isinstance(picture, ColorizeError) else picture for picture in painted]


def _start_scores(pool, scores, cases, painted, places):
    return [
        (scores, place, pool.submit(score, case, picture))
        for place, case, picture in zip(places, cases, painted, strict=True)
        if picture is not None
    ]


def _keep_looks(classifier, known, seen, name, painted, have, scores, places, first_half):
    """Add what a classifier sees of one row's pictures. ``seen`` keeps truth's and grey's features of this batch."""
    if not have.any():
        vectors, answers = np.zeros((0, known.size), np.float32), np.zeros(0, int)
    else:
        vectors, answers = classifier.look([picture for picture in painted if picture is not None])
    scores.answers[classifier.name][places[have]] = answers
    if name == TRUTH and not known.halves:
        known.halves = (FeatureStatistics(vectors[0]), FeatureStatistics(vectors[0]))
    center = known.halves[0].center
    known.rows.setdefault(name, FeatureStatistics(center)).add(vectors)
    if name in (TRUTH, GREY):
        seen[name] = vectors
    if name == TRUTH:
        known.halves[0].add(vectors[first_half[places]])
        known.halves[1].add(vectors[~first_half[places]])
    if not have.all():
        lacking = known.lacking.setdefault(name, {key: FeatureStatistics(center) for key in (GREY, TRUTH)})
        for key in (GREY, TRUTH):
            lacking[key].add(seen[key][~have])
