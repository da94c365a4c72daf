"""Write figures and repeated passages into marked blocks of texts, so that none is typed by hand twice.

    <!-- report:NAME TABLE --> … <!-- /report -->               a table
    <!-- report:NAME figure KEY of ROW -->…<!-- /report -->     one figure with its interval, within a sentence
    <!-- report:NAME goals of ROW -->…<!-- /report -->          its five figures of the table of goals
    <!-- report:NAME levels of ROW -->…<!-- /report -->         which level each of these reaches
    <!-- report:NAME change of ROW from ROW -->…<!-- /report -->   how these differ from another row's
    <!-- report:NAME command -->…<!-- /report -->               the command that measured it
    <!-- model:FACT -->…<!-- /model -->      the shipped model's version, parameters, megabytes, runs, minutes, images
    <!-- card:NAME -->…<!-- /card -->        what the model card has between <!-- passage:NAME --> and <!-- /passage -->

NAME of a report is a folder in saved_models/reports with a report.json; TABLE is about, goals, errors, color, ab,
networks or differences. ``python scripts/fill_reports.py`` rewrites README.md, docs/*.md, saved_models/*.md, the
text cells of notebooks/*.ipynb and the report.md beside each report.json; with ``--check`` it only says what differs
(exit status 1).
"""

import argparse
import csv
import json
import re
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from colorize_utils.disk import write_text  # noqa: E402
from colorize_utils.errors import ColorizeError  # noqa: E402
from colorize_utils.evaluation import tables  # noqa: E402
from colorize_utils.evaluation.report import read_report  # noqa: E402
from colorize_utils.evaluation.summary import GOALS, level  # noqa: E402
from colorize_utils.weights import read_arrays  # noqa: E402

TEXTS = ("README.md", "docs/*.md", "saved_models/*.md", "notebooks/*.ipynb")
CARD = "saved_models/MODEL_CARD.md"
MEASURED = tuple(GOALS)
NAMES = ("PSNR {} dB", "ΔE2000 {}", "colorfulness {}", "Fréchet distance {}", "recovery {}")
_BLOCK = re.compile(r"(<!-- (report|model|card):(.*?) -->)(.*?)(<!-- /\2 -->)", re.DOTALL)
_OPEN = re.compile(r"<!-- (?:report|model|card):.*?-->")
_CLOSED = re.compile(r"<!-- /(?:report|model|card) -->")
_PASSAGE = re.compile(r"<!-- passage:(\w+) -->(.*?)<!-- /passage -->", re.DOTALL)


def fill(text, reports, where, model=None, passages=None):
    """``text`` with every block filled. A ColorizeError names one that cannot be.

    reports, model, passages: dicts by name, as `find_reports`, `facts` and `find_passages` give them.
    """
    if not len(_OPEN.findall(text)) == len(_BLOCK.findall(text)) == len(_CLOSED.findall(text)):
        raise ColorizeError(
            f"{where}: expected every <!-- report:NAME TABLE --> to be closed by <!-- /report -->, model and card too",
            1,
        )

    def filled(match):
        start, kind, what, inside, end = match.groups()
        if _OPEN.search(inside):
            raise ColorizeError(f"{where}: expected <!-- /{kind} --> before the next block after {start}", status=1)
        known = {"report": reports, "model": model or {}, "card": passages or {}}[kind]
        name, _, rest = what.partition(" ")
        if name not in known:
            one = {"report": "a report", "model": "a fact of the model", "card": "a passage of the card"}[kind]
            raise ColorizeError(f"{where}: expected {one} named {name}, there are: {', '.join(known) or 'none'}", 1)
        content = _content(reports[name], name, rest, f"{where}: {start}") if kind == "report" else known[name]
        return f"{start}{content}{end}"

    return _BLOCK.sub(filled, text)


def _content(report, name, what, where):
    if what in tables.TABLES:
        return f"\n{tables.TABLES[what](report)}\n"
    if what == "command":
        return f"\n```\n{_command(report, name)}\n```\n"
    rows = "|".join(map(re.escape, report["rows"]))
    for pattern, made in (
        (rf"figure (.+) of ({rows})", _figure),
        (rf"goals of ({rows})", _goals),
        (rf"levels of ({rows})", _levels),
        (rf"change of ({rows}) from ({rows})", _change),
    ):
        if (found := re.fullmatch(pattern, what)) and (text := made(report, *found.groups())):
            return text
    raise ColorizeError(
        f"{where}: expected one of {', '.join(tables.TABLES)}, command, or figure KEY of ROW, goals of ROW, "
        f"levels of ROW, change of ROW from ROW, with keys and rows as report.json has them",
        status=1,
    )


def _figure(report, key, row):
    return tables.figure(report, row, key) if key in report["rows"][row]["figures"] else None


def _goals(report, row):
    return ", ".join(tables.number(key, report["rows"][row]["goals"][key]["value"]) for key in MEASURED)


def _levels(report, row):
    return ", ".join(level(key, report["rows"][row]["goals"][key]["value"]) for key in MEASURED)


def _change(report, row, before):
    new, old = (report["rows"][name]["goals"] for name in (row, before))
    parts = zip(NAMES, MEASURED, strict=True)
    return ", ".join(
        text.format(tables.number(key, new[key]["value"] - old[key]["value"], signed=True)) for text, key in parts
    )


def _command(report, name):
    """The call of `evaluate`, with FILE for files that only who measured it has."""
    models = [row for row, entry in report["rows"].items() if entry["text"].startswith("model ")]
    words = [f"--photos {name.upper()}", *(f"--classifier {judge}=FILE" for judge in report["yardsticks"])]
    words += [*(f"--model {row}=FILE" for row in models), f"-o saved_models/reports/{name}"]
    return f"python -m colorize_utils evaluate {' '.join(words)}"


def find_reports(root):
    """saved_models/reports/NAME/report.json under ``root`` -> dict NAME -> report."""
    paths = sorted((Path(root) / "saved_models" / "reports").glob("*/report.json"))
    return {path.parent.name: read_report(path) for path in paths}


def find_passages(root):
    """What the model card has in passages -> dict NAME -> text."""
    path = Path(root) / CARD
    return dict(_PASSAGE.findall(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def facts(root):
    """What texts say of the shipped model under ``root``, from its file and its history -> dict FACT -> text."""
    model, history = (Path(root) / "saved_models" / name for name in ("colorizer.h5", "history.csv"))
    if not (model.is_file() and history.is_file()):
        return {}
    arrays, known = read_arrays(model)
    with open(history, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {
        "version": known["meta"]["version"],
        "parameters": f"{sum(array.size for array in arrays.values()) / 1e6:.1f} million",
        "megabytes": f"{model.stat().st_size / 1e6:.0f} MB",
        "runs": str(len({row["run"] for row in rows})),
        "minutes": f"{float(rows[-1]['minutes']):.0f}",
        "images": f"{int(rows[-1]['images']):,}",
    }


def _of_notebook(text, filled):
    """The notebook with its text cells filled, otherwise byte for byte as it was."""
    book = json.loads(text)
    for cell in book["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = filled("".join(cell["source"])).splitlines(keepends=True)
    return json.dumps(book, indent=1, ensure_ascii=False) + "\n"


def update(root, texts=TEXTS, check=False):
    """Fill the blocks of the texts (patterns) under ``root`` -> those that differed. ``check``: write nothing."""
    reports, model, differing = find_reports(root), facts(root), []
    for path in sorted({path for text in texts for path in Path(root).glob(text)}, key=_card_first):
        name = path.relative_to(root).as_posix()
        passages = find_passages(root)  # the card itself is filled first, and with it its passages
        filled = partial(fill, reports=reports, where=name, model=model, passages=passages)
        old = path.read_text(encoding="utf-8")
        new = _of_notebook(old, filled) if path.suffix == ".ipynb" else filled(old)
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


def _card_first(path):
    return path.name != Path(CARD).name, path.as_posix()


def main(argv=None):
    """The command: see the module's text."""
    parser = argparse.ArgumentParser(prog="python scripts/fill_reports.py", description=__doc__.split("\n")[0])
    parser.add_argument("texts", nargs="*", default=TEXTS, help=f"texts to fill (default: {' '.join(TEXTS)})")
    parser.add_argument("--root", default=".", help="the checkout (default: here)")
    parser.add_argument("--check", action="store_true", help="change nothing; exit status 1 if a text is outdated")
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
