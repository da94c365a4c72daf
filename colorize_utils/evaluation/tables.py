"""report.json as text: every table of report.md, the model card and the README comes from here, or is not there."""

from .rows import GREY, TRUTH
from .summary import GOALS, level

LABELS = {
    "psnr_pooled": ("PSNR of the mean MSE, dB", 2), "psnr": ("PSNR, mean of photos, dB", 2), "ssim": ("SSIM", 4),
    "de2000": ("ΔE2000", 2), "de2000_p95": ("ΔE2000, 95th percentile", 2), "lightness_error": ("lightness error", 3),
    "colorfulness": ("colorfulness", 1), "colorfulness_ddcolor": ("DDColor's variant", 1),
    "dcf_of_means": ("ΔCF of the means", 1), "dcf_of_photos": ("ΔCF, mean of photos", 1), "chroma": ("chroma", 1),
    "auc": ("AuC, %", 2), "auc_rebalanced": ("AuC rebalanced, %", 2), "ab_l1": ("L1 of ab / 110", 4),
    "ab_gradient": ("gradient error of ab / 110", 4), "agreement": ("agreement, %", 1), "recovery": ("recovery", 3),
    "frechet": ("Fréchet distance", 2), "frechet_ratio": ("… against grey's", 3),
    "psnr_gain": ("PSNR over grey, dB", 2),
    "de2000_ratio": ("ΔE2000 against grey's", 3), "colorfulness_ratio": ("colorfulness against truth's", 3),
}  # fmt: skip
ERRORS = ("psnr_pooled", "psnr", "ssim", "de2000", "de2000_p95", "lightness_error")
COLOR = ("colorfulness", "colorfulness_ddcolor", "dcf_of_means", "dcf_of_photos", "chroma")
AB = ("ab_l1", "ab_gradient", "auc", "auc_rebalanced")
DIFFERENCES = ("psnr_pooled", "ssim", "de2000", "colorfulness", "dcf_of_photos", "ab_l1", "auc_rebalanced")
_PERCENT = {"auc", "auc_rebalanced", "agreement"}


def number(key, value, signed=False):
    """A figure as text, with the digits and the unit its key has; a dash where there is none."""
    if value is None:
        return "–"
    base = key.split(" ")[0]
    value = value * 100 if base in _PERCENT else value
    value = round(value, LABELS[base][1]) + 0.0  # no "-0.00"
    return f"{value:{'+' if signed else ''}.{LABELS[base][1]}f}"


def cell(key, figure, signed=False):
    """ "value (low to high)", or the value alone where there is no interval."""
    if figure is None or figure.get("value") is None:
        return "–"
    text = number(key, figure["value"], signed)
    if figure.get("low") is None or figure["low"] == figure["high"]:
        return text
    return f"{text} ({number(key, figure['low'], signed)} to {number(key, figure['high'], signed)})"


def _table(head, lines):
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *lines])


def _figures(report, keys):
    lines = []
    for name, entry in report["rows"].items():
        cells = []
        for key in keys:
            figure = entry["figures"].get(key)
            exact = (
                key.startswith("psnr")
                and figure
                and figure["value"] is None
                and entry["figures"]["ab_l1"]["value"] == 0
            )
            cells.append("∞" if exact else cell(key, figure))
        lines.append([name, str(entry["photos"]), *cells])
    return _table(["row", "photos", *(LABELS[key.split(" ")[0]][0] for key in keys)], lines)


def errors(report):
    """How far the pictures are from the photos."""
    return _figures(report, ERRORS)


def color(report):
    """How much color they have; the truth's row is the mark to meet, not the top."""
    return _figures(report, COLOR)


def ab(report):
    """The two color channels alone."""
    return _figures(report, AB)


def networks(report):
    """Fréchet distances and semantic agreement, a table a classifier."""
    if not report["yardsticks"]:
        return "Left out: no classifier was given (`--classifier MobileNetV2`)."
    parts = []
    for name, known in report["yardsticks"].items():
        keys = [f"{key} {name}" for key in ("frechet", "frechet_ratio", "agreement", "recovery")]
        rank = (
            f"; at most {known['photos'] - 1} of its directions are seen, so distances are biased"
            if known["rank_deficient"]
            else ""
        )
        halves = known["truth_halves"]
        floor = (
            ""
            if halves is None
            else f" Truth against truth, two random halves: {halves:.2f}, more than whole sets would give."
        )
        note = f"{name}, {known['features']} features, {known['photos']} photos{rank}.{floor}"
        parts.append(f"{note}\n\n{_figures(report, keys)}")
    return "\n\n".join(parts)


def goals(report):
    """The five figures asked for, with the level of today's `GOALS` that each reaches."""
    lines = []
    for name, entry in report["rows"].items():
        cells = [f"{number(k, g['value'])}{_reached(name, level(k, g['value']))}" for k, g in entry["goals"].items()]
        lines.append([name, *cells])
    bounds = [["*at least · good · aim*", *(" · ".join(map(_bound, goal[1:])) for goal in GOALS.values())]]
    return _table(["row", *(goal[0] for goal in GOALS.values())], bounds + lines)


def _bound(bound):
    return f"{bound[0]:g}–{bound[1]:g}" if isinstance(bound, tuple) else f"{bound:g}"


def _reached(name, reached):
    return "" if reached is None or name in (GREY, TRUTH) else f", {reached}"


def differences(report):
    """Paired differences from the baseline; bold where the interval excludes 0."""
    lines = []
    for name, entry in report["rows"].items():
        if "difference" in entry:
            lines.append([name, *(_marked(key, entry["difference"].get(key)) for key in DIFFERENCES)])
    return _table([f"row − {report['baseline']}", *(LABELS[key][0] for key in DIFFERENCES)], lines)


def _marked(key, figure):
    text = cell(key, figure, signed=True)
    clear = figure and figure["low"] is not None and (figure["low"] > 0 or figure["high"] < 0)
    return f"**{text}**" if clear else text


def about(report):
    """What was measured, on what."""
    photos = report["photos"]
    grey = (
        f" {photos['grey']} of them are grey: their PSNR is infinite for a grey answer and left out of that mean."
        if photos["grey"]
        else ""
    )
    lines = [
        f"{photos['count']} photos: {photos['text']}.{grey} SHA-256 of names and contents `{photos['sha256'][:16]}…`."
    ]
    lines += [f"- **{name}**: {entry['text']}" for name, entry in report["rows"].items()]
    return "\n".join(lines)


def figure(report, row, key):
    """One figure with its interval, for a sentence."""
    return cell(key, report["rows"][row]["figures"][key])


TABLES = {f.__name__: f for f in (about, goals, errors, color, ab, networks, differences)}

READING = """\
Every picture is scored as 8-bit RGB. In brackets: 95 % bootstrap interval over photos, the same {resamples} resamples
for every row. It says how much a figure would move on other photos of the same kind; nothing of photos of another kind.
A difference smaller than its interval, that is, one whose interval holds 0, may be chance: it is not an improvement.
The row *grey* is the answer "no color": what a figure owes to the lightness, which all rows are given; *mean color*
is one color for all, the mean of the true ones, known only from the truth."""


def markdown(report):
    """The whole of report.md."""
    parts = [
        f"# Evaluation on {report['photos']['name']}",
        about(report),
        READING.format(resamples=report["resamples"]),
    ]
    if report["left_out"]:
        parts.append("## Left out\n\n" + "\n".join(f"- {line}" for line in report["left_out"]))
    titles = {"goals": "What is asked for", "errors": "Distance from the truth", "color": "Amount of color",
              "ab": "The ab channels", "networks": "What a classifier sees"}  # fmt: skip
    parts += [f"## {title}\n\n{TABLES[name](report)}" for name, title in titles.items()]
    parts.append(
        f"## Differences from {report['baseline']}, paired\n\n{differences(report)}\n\nBold: the interval excludes 0."
    )
    return "\n\n".join(parts) + "\n"
