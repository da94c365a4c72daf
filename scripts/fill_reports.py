"""Write the figures of report.json into marked blocks of texts, so that no figure is typed by hand.

    <!-- report:NAME TABLE --> … <!-- /report -->               a table
    <!-- report:NAME figure KEY of ROW -->…<!-- /report -->     one figure with its interval, within a sentence

NAME is a folder in saved_models/reports with a report.json; TABLE is about, goals, errors, color, ab, networks or
differences. ``python scripts/fill_reports.py`` rewrites README.md, docs/evaluation.md, saved_models/MODEL_CARD.md,
saved_models/SYSTEMS.md and the report.md beside each report.json; with ``--check`` it only says what differs (exit
status 1).
"""

import argparse
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from colorize_utils.disk import write_text  # noqa: E402
from colorize_utils.errors import ColorizeError  # noqa: E402
from colorize_utils.evaluation import tables  # noqa: E402
from colorize_utils.evaluation.report import read_report  # noqa: E402

TEXTS = ("README.md", "docs/evaluation.md", "saved_models/MODEL_CARD.md", "saved_models/SYSTEMS.md")
_BLOCK = re.compile(r"(<!-- report:(\S+) ([^>]*?) -->)(.*?)(<!-- /report -->)", re.DOTALL)
_OPEN = re.compile(r"<!-- report:[^>]*-->")


def fill(text, reports, where):
    """``text`` with every block filled from ``reports`` (name -> dict). A ColorizeError names one that cannot be."""
    if len(_OPEN.findall(text)) != len(_BLOCK.findall(text)) or text.count("<!-- /report -->") != len(
        _BLOCK.findall(text)
    ):
        raise ColorizeError(
            f"{where}: expected every <!-- report:NAME TABLE --> to be closed by <!-- /report -->", status=1
        )

    def filled(match):
        start, name, what, inside, end = match.groups()
        if _OPEN.search(inside):
            raise ColorizeError(f"{where}: expected <!-- /report --> before the next block after {start}", status=1)
        if name not in reports:
            raise ColorizeError(
                f"{where}: expected a report named {name}, there are: {', '.join(reports) or 'none'}", 1
            )
        return f"{start}{_content(reports[name], what, f'{where}: {start}')}{end}"

    return _BLOCK.sub(filled, text)


def _content(report, what, where):
    if what in tables.TABLES:
        return f"\n{tables.TABLES[what](report)}\n"
    kind, _, rest = what.partition(" ")
    key, _, row = rest.rpartition(" of ")
    if kind != "figure" or row not in report["rows"] or key not in report["rows"][row]["figures"]:
        raise ColorizeError(
            f"{where}: expected one of {', '.join(tables.TABLES)}, or figure KEY of ROW as report.json has them",
            status=1,
        )
    return tables.figure(report, row, key)


def find_reports(root):
    """saved_models/reports/NAME/report.json under ``root`` -> dict NAME -> report."""
    paths = sorted((Path(root) / "saved_models" / "reports").glob("*/report.json"))
    return {path.parent.name: read_report(path) for path in paths}


def update(root, texts=TEXTS, check=False):
    """Fill the blocks of the texts under ``root`` -> the texts that differed. With ``check`` nothing is written."""
    reports, differing = find_reports(root), []
    for name in texts:
        path = Path(root) / name
        if not path.is_file():
            continue
        old = path.read_text(encoding="utf-8")
        new = fill(old, reports, name)
        if new != old:
            differing.append(name)
            if not check:
                write_text(path, new)
    return differing


def rewrite(root, check=False):
    """Write each report.md under ``root`` from its report.json, as `update` does texts."""
    differing = []
    for name, report in find_reports(root).items():
        path, new = Path(root) / "saved_models" / "reports" / name / "report.md", tables.markdown(report)
        if not path.is_file() or path.read_text(encoding="utf-8") != new:
            differing.append(path.relative_to(root).as_posix())
            if not check:
                write_text(path, new)
    return differing


def main(argv=None):
    """The command: see the module's text."""
    parser = argparse.ArgumentParser(prog="python scripts/fill_reports.py", description=__doc__.split("\n")[0])
    parser.add_argument("texts", nargs="*", default=TEXTS, help=f"texts to fill (default: {' '.join(TEXTS)})")
    parser.add_argument("--root", default=".", help="the checkout (default: here)")
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit status 1 if a text differs from the reports"
    )
    args = parser.parse_args(argv)
    try:
        differing = update(args.root, args.texts, args.check) + rewrite(args.root, args.check)
    except ColorizeError as error:
        print(f"colorize: {error}", file=sys.stderr)
        return error.status
    for name in differing:
        print(f"{name}: {'differs from the reports' if args.check else 'rewritten'}")
    return 1 if args.check and differing else 0


if __name__ == "__main__":
    sys.exit(main())
