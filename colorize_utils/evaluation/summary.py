"""From scores a photo to figures a row, with intervals: the numbers of report.json."""

import numpy as np

from .. import metrics
from .frechet import frechet_distance, frechet_root
from .intervals import finite, interval, resample_counts, resampled_mean
from .measure import COLUMNS
from .rows import GREY, TRUTH

MEANS = (
    "ssim", "psnr", "de2000", "de2000_p95", "colorfulness", "colorfulness_ddcolor", "chroma",
    "ab_l1", "ab_gradient", "auc", "lightness_error",
)  # fmt: skip
"""Figures that are the mean over photos of a column."""

GOALS = {
    "psnr_gain": ("PSNR of the mean MSE over grey, dB", 1.2, 1.5, 2.0),
    "de2000_ratio": ("ΔE2000 against grey's", 0.95, 0.90, 0.80),
    "colorfulness_ratio": ("colorfulness against truth's", (0.60, 1.10), (0.70, 1.10), (0.85, 1.05)),
    "frechet_ratio": ("Fréchet distance against grey's", 0.66, 0.55, 0.25),
    "recovery": ("semantic recovery", 0.10, 0.18, 0.45),
}
"""What a model is asked for: a label and `LEVELS`. A pair is a range; of the others, ratios fall and the rest rise."""
LEVELS = ("at least", "good", "aim")


def level(goal, value):
    """The highest of `LEVELS` that ``value`` reaches in `GOALS`, or "below"; None without a value."""
    if value is None:
        return None
    reached = "below"
    for name, bound in zip(LEVELS, GOALS[goal][1:], strict=True):
        if isinstance(bound, tuple):
            met = bound[0] <= value <= bound[1]
        else:
            met = value <= bound if goal.endswith("_ratio") else value >= bound
        reached = name if met else reached
    return reached


def summarize(measured, baseline, seed, resamples):
    """`Measurement` -> (rows: name -> entry, yardsticks: classifier -> entry), plain data for JSON.

    Every figure of a row with gaps, and what it is compared with, is taken over the photos that row has.
    """
    counts = resample_counts(len(measured.names), resamples, seed)
    cache = {}

    def figures(name, kept):
        key = (name, kept.tobytes())
        if key not in cache:
            cache[key] = _figures(counts, measured, name, kept)
        return cache[key]

    entries = {}
    for name, scores in measured.rows.items():
        if not scores.kept.any():
            continue
        entry = {"photos": int(scores.kept.sum())}
        entry["figures"] = {k: interval(v) for k, v in figures(name, scores.kept).items()}
        shared = scores.kept & measured.rows[baseline].kept
        if name != baseline and shared.any():
            pair = figures(name, shared), figures(baseline, shared)
            entry["difference"] = {k: _difference(pair[0][k], pair[1][k]) for k in pair[0]}
        entries[name] = entry
    yardsticks = {f.name: _frechet(f, entries, measured) for f in measured.features}
    for entry in entries.values():
        entry["goals"] = _goals(entry, measured.features)
    return entries, yardsticks


def _difference(one, other):
    with np.errstate(invalid="ignore"):
        return interval(one - other)


def _means(counts, scores, kept):
    return {c: resampled_mean(counts, scores.columns[:, i], kept) for i, c in enumerate(COLUMNS)}


@np.errstate(invalid="ignore", divide="ignore")
def _figures(counts, measured, name, kept):
    """All resampled figures (1 + resamples,) of a row over the photos ``kept``, but the Fréchet distances."""
    row, grey, truth = (_means(counts, measured.rows[n], kept) for n in (name, GREY, TRUTH))
    out = {"psnr_pooled": metrics.psnr(row["mse"])}
    out |= {key: row[key] for key in MEANS}
    out["dcf_of_means"] = np.abs(row["colorfulness"] - truth["colorfulness"])
    out["dcf_of_photos"] = row["dcf"]
    # No interval: bins that one photo alone fills are missing from many resamples, which then measure another thing.
    bins = (part[kept].sum(axis=0, dtype=np.float64) for part in (measured.rows[name].credit, measured.pixels))
    out["auc_rebalanced"] = metrics.rebalanced_auc(*bins)[None]
    out["psnr_gain"] = metrics.psnr(row["mse"]) - metrics.psnr(grey["mse"])
    out["de2000_ratio"] = row["de2000"] / grey["de2000"]
    out["colorfulness_ratio"] = row["colorfulness"] / truth["colorfulness"]
    for classifier in measured.rows[TRUTH].answers:
        right = measured.rows[TRUTH].answers[classifier]
        agree, grey_agree = (
            resampled_mean(counts, measured.rows[n].answers[classifier] == right, kept) for n in (name, GREY)
        )
        out[f"agreement {classifier}"] = agree
        out[f"recovery {classifier}"] = (agree - grey_agree) / (1 - grey_agree)
    return out


def _frechet(known, entries, measured):
    """Add the Fréchet distances of one classifier to ``entries``; return what is needed to read them."""
    truth, root = known.rows[TRUTH], None
    photos = len(measured.names)
    yardstick = {"features": known.size, "photos": photos, "rank_deficient": photos <= known.size, "truth_halves": None}
    if photos < 2:
        measured.problems.append(f"Fréchet distance, {known.name}: expected at least 2 photos, got {photos}; left out")
        return yardstick
    odd = [name for name in entries if not known.rows[name].finite]
    for name in odd:
        measured.problems.append(f"Fréchet distance, {known.name}, row {name}: expected finite features; left out")
    if TRUTH in odd or GREY in odd:
        return yardstick
    root = frechet_root(truth)
    if min(half.count for half in known.halves) >= 2:
        yardstick["truth_halves"] = frechet_distance(*known.halves)
    whole_grey = frechet_distance(truth, known.rows[GREY], root)
    for name, entry in entries.items():
        if name in odd:
            continue
        if known.rows[name].count < 2:
            measured.problems.append(
                f"Fréchet distance, {known.name}, row {name}: expected at least 2 photos, got 1; left out"
            )
            continue
        if name in known.lacking:
            part = {key: known.rows[key].without(known.lacking[name][key]) for key in (TRUTH, GREY)}
            value, grey = (frechet_distance(part[TRUTH], s) for s in (known.rows[name], part[GREY]))
        else:
            value, grey = frechet_distance(truth, known.rows[name], root), whole_grey
        entry["figures"][f"frechet {known.name}"] = {"value": finite(value)}
        entry["figures"][f"frechet_ratio {known.name}"] = {"value": finite(value / grey) if grey > 0 else None}
    return yardstick


def _goals(entry, features):
    """The five figures asked for, by the first classifier, and the level each reaches."""
    suffix = f" {features[0].name}" if features else None
    out = {}
    for goal in GOALS:
        key = goal if goal in entry["figures"] else f"{goal}{suffix}"
        value = entry["figures"].get(key, {}).get("value")
        out[goal] = {"value": value, "level": level(goal, value)}
    return out
