"""Do what the notebooks' "Try it" lists say, with the smoke preset, and see how long each takes.

    python scripts/try_exercises.py [BOOK ...]     BOOK: 01 to 06 (default: all)

Each exercise runs from the top of its notebook to the cell that shows the outcome, in a fresh kernel. The notebook with
its outputs goes to outputs/exercises (git ignores it), to be held beside the folded answer. Exit status 1 if a cell
fails or one takes more than two minutes, on a machine that has nothing else to do (processor seconds are said too).
Slow: it is not a part of `make test`.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field

import nbformat
from run_notebooks import ROOT, CellFailed, execute, shown

SECONDS = 120
COARSE = "np.stack([L, coarse(a), coarse(b)], axis=-1)", "np.stack([coarse(L), coarse(a), coarse(b)], axis=-1)"


@dataclass(frozen=True)
class Exercise:
    """One bullet of a list: the notebook, the title of the bullet, (old, new) texts, the last cell that is run."""

    book: str
    title: str
    changes: tuple
    until: str
    form: dict = field(default_factory=dict)  # fields of a form and what is written into them


EXERCISES = (
    Exercise("01", "Why not RGB?", (COARSE,), "01-06"),
    Exercise("01", "Bad normalization.", (("/ 206 * 255", "/ 215 * 255"),), "01-16"),
    Exercise("02", "Another line for dark.", (("Filters()", "Filters(min_lightness=15)"),), "02-08"),
    Exercise("02", "Fewer bits.", (("cat[::2, ::2]", "cat[::8, ::8]"),), "02-16"),
    Exercise("03", "L2 in place of L1.", (("ops.abs", "ops.square"),), "03-15", {"run_name": "exercise L2"}),
    Exercise("03", "Half of the skips.", (("if skips:", "if skips and width < 32:"),), "03-27"),
    Exercise("03", "Half of the skips.", (("if skips:", "if skips and width > 32:"),), "03-27"),
    Exercise("04", "The weight of the distance.", (("100 *", "10 *"),), "04-13", {"run_name": "exercise weight 10"}),
    Exercise("04", "The weight of the distance.", (("100 *", "1 *"),), "04-13", {"run_name": "exercise weight 1"}),
    Exercise("04", "The weight of the distance.", (("100 *", "0 *"),), "04-13", {"run_name": "exercise weight 0"}),
    Exercise("04", "At the edge.", (("[0, 7, 7, 0]", "[0, 13, 13, 0]"),), "04-04"),
    Exercise("05", "How pale is best?", (("ab * 0.4", "ab * 0.7"),), "eval-03"),
    Exercise("05", "Temperature.", (), ""),  # in a terminal
    Exercise("06", "Another color.", (), "06-07", {"hint_color": "gold"}),
    Exercise("06", "A dot on the background.", (), "06-07", {"x": 60, "y": 300}),
)


def notebook(book):
    """The path of notebook ``book``."""
    (path,) = (ROOT / "notebooks").glob(f"{book}_*.ipynb")
    return path


def changed(exercise):
    """The notebook of an exercise as a student would have it: its cells up to the last one, the changes made."""
    cells = nbformat.read(notebook(exercise.book), as_version=4)
    last = next(at for at, cell in enumerate(cells.cells) if cell.id == exercise.until)
    cells.cells = cells.cells[: last + 1]
    code = [cell for cell in cells.cells if cell.cell_type == "code"]
    for old, new in exercise.changes:
        cell = next(cell for cell in reversed(code) if old in cell.source)
        cell.source = cell.source.replace(old, new, 1)
    for name, value in exercise.form.items():
        cell = next(cell for cell in code if re.search(rf"^{name} = ", cell.source, re.MULTILINE))
        cell.source = re.sub(rf"^{name} = .*?(?=  # @param)", f"{name} = {value!r}", cell.source, flags=re.MULTILINE)
    return cells


def commands(exercise):
    """The commands in the bullet of an exercise for a terminal, the last also as it is to be called a second time.

    What they write has names of its own: a run of yours may have theirs.
    """
    cells = nbformat.read(notebook(exercise.book), as_version=4).cells
    text = next(cell.source for cell in cells if f"* *{exercise.title}*" in cell.source)
    text = text.split(f"* *{exercise.title}*")[1].split("<details>")[0]
    text = text.replace("runs/bins", "runs/exercise-bins").replace("outputs/cold", "outputs/exercises/cold")
    lines = re.findall(r"`(python -m colorize_utils [^`]+)`", text)
    return [*lines, lines[-1].replace("0.1", "1").replace("cold", "warm")]


def run(exercise, target):
    """Do the exercise -> what it showed, as text. CellFailed if a cell or a command did not end well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not exercise.until:
        return "\n".join(_called(line) for line in commands(exercise))
    beside = notebook(exercise.book).with_name(f"exercise-{target.name}")  # notebooks are run in their folder
    nbformat.write(changed(exercise), beside)
    try:
        book = execute(beside)
    finally:
        beside.unlink()
    nbformat.write(book, target)
    return "\n".join(shown(book))


def _called(line):
    done = subprocess.run([sys.executable, *shlex.split(line)[1:]], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise CellFailed(f"{line}: {done.stderr.strip().splitlines()[-1]}", done.stderr)
    return done.stdout


def _processor():
    """Processor seconds of all processes that were started here and have ended."""
    times = os.times()
    return times.children_user + times.children_system


def forget():
    """Delete what an earlier call trained: a finished run is not trained again."""
    for name in ("exercise-*", "notebook_smoke_exercise-*"):
        for folder in (ROOT / "saved_models" / "runs").glob(name):
            shutil.rmtree(folder)


def main():
    """Do the exercises of the notebooks asked for. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("books", nargs="*", help="numbers of notebooks (default: all)")
    args = parser.parse_args()
    os.environ.update(COLORIZE_PRESET="smoke", COLORIZE_SOURCE="samples")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    asked = [exercise for exercise in EXERCISES if not args.books or exercise.book in args.books]
    forget()
    status = 0
    for number, exercise in enumerate(asked, 1):
        start, spent = time.monotonic(), _processor()
        try:
            run(exercise, ROOT / "outputs" / "exercises" / f"{exercise.book}-{number}.ipynb")
            took = time.monotonic() - start
            words = f"{took:.0f} s, {_processor() - spent:.0f} of a processor" + " (too long)" * (took > SECONDS)
        except CellFailed as error:
            took, words = float("inf"), f"failed: {error}"
        status |= took > SECONDS
        done = "; ".join(
            [*(f"{new}" for _, new in exercise.changes), *(f"{k} = {v}" for k, v in exercise.form.items())]
        )
        print(f"{exercise.book} {exercise.title} {done}: {words}", flush=True)
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
