"""Join the histories of runs that went on from one another: photos seen and minutes are counted through.

    python scripts/join_histories.py RUN [NEXT_RUN ...] -o saved_models/history.csv

A RUN may also be a history that was joined before, where the runs themselves are gone.
"""

import argparse
import csv
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from colorize_utils.errors import ColorizeError  # noqa: E402
from colorize_utils.training.progress import write_history  # noqa: E402


def joined(runs):
    """The rows of all histories, with the run's name, and with images and minutes from the first one's beginning."""
    rows, images, minutes = [], 0, 0.0
    for run in map(Path, runs):
        try:
            with open(run if run.is_file() else run / "history.csv", newline="", encoding="utf-8") as file:
                own = list(csv.DictReader(file))
            for row in own:
                row |= {"images": int(row["images"]) + images, "minutes": round(float(row["minutes"]) + minutes, 2)}
        except (OSError, KeyError, ValueError) as error:
            raise ColorizeError(f"expected the history of a run in {run}, got: {error}", 1) from None
        rows += [{"run": run.name, **row} for row in own]
        if own:
            images, minutes = own[-1]["images"], own[-1]["minutes"]
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("-o", "--output", required=True, metavar="FILE.csv")
    args = parser.parse_args()
    try:
        rows = joined(args.runs)
        write_history(args.output, rows)
    except ColorizeError as error:
        print(f"join_histories: {error}", file=sys.stderr)
        return error.status
    print(f"{args.output}: {len(rows)} epochs, {rows[-1]['images']:,} photos, {rows[-1]['minutes']:.0f} minutes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
