"""How steeply the validation error fell in each run: the curve of error against photos seen, with its slope.

    python scripts/slopes.py [saved_models/history.csv]

A table in Markdown, a line a run and phase of four epochs or more. Error is a share of grey's, so that crops of several
sizes compare; the slope is that of the straight line through the second half of the epochs, per 100,000 photos.
"""

import argparse
import csv
import sys
from itertools import groupby
from pathlib import Path

import numpy as np

HISTORY = Path(__file__).resolve().parent.parent / "saved_models" / "history.csv"


def slopes(rows):
    """Rows of a joined history -> list of (run, phase, photos seen at its end, first share, last share, slope)."""
    lines = []
    for (run, phase), group in groupby(rows, key=lambda row: (row["run"], row["phase"])):
        group = list(group)
        if len(group) < 4:
            continue
        seen = np.array([int(row["images"]) for row in group])
        share = np.array([float(row["val_l1"]) / float(row["val_grey"]) for row in group])
        half = len(group) // 2
        slope = np.polyfit(seen[half:] / 100_000, share[half:], 1)[0]
        lines.append((run, phase, seen[-1], share[0], share[-1], slope))
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("history", nargs="?", type=Path, default=HISTORY)
    path = parser.parse_args().history
    try:
        with open(path, newline="", encoding="utf-8") as file:
            lines = slopes(csv.DictReader(file))
    except (OSError, KeyError, ValueError) as error:
        print(f"slopes: expected a history of joined runs in {path}, got: {error}", file=sys.stderr)
        return 1
    print("| run and phase | photos seen | of grey's error, first epoch | last | slope per 100,000 photos |")
    print("|---|---|---|---|---|")
    for run, phase, seen, first, last, slope in lines:
        print(f"| {run} {phase} | {seen:,} | {first:.4f} | {last:.4f} | {slope:+.4f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
