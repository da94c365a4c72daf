"""Execute the notebooks, each in a fresh kernel from top to bottom, with the smoke preset.

    python scripts/run_notebooks.py [NAME ...]              into outputs/notebooks (git ignores it)
    python scripts/run_notebooks.py --in-place [NAME ...]   into notebooks/, to be committed

Says how long each took; the first cell that fails ends it with one line and status 1. The smoke run that notebooks 03
and 04 share (minutes, and it learns nothing) is begun anew, so that their training cells have a training to show.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 1_500_000  # bytes of a committed notebook
CELL_SECONDS = 600
SMOKE_RUN = Path("saved_models/runs/notebook_smoke_samples")


class CellFailed(Exception):
    """Which cell stopped a notebook, and why, in one line; ``details`` has the whole of it."""

    def __init__(self, line, details):
        super().__init__(line)
        self.details = details


def execute(path):
    """Run one notebook -> the notebook with its outputs, ready to be written. Raises CellFailed."""
    book = nbformat.read(path, as_version=4)
    at = {}

    def began(cell, cell_index):
        at.update(cell=cell, index=cell_index)

    client = NotebookClient(
        book,
        timeout=CELL_SECONDS,
        on_cell_start=began,
        resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=["--log-level=ERROR"],
    )
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        details = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip() or type(error).__name__
        last = details.splitlines()[-1]
        if isinstance(error, CellTimeoutError):
            last = f"more than {CELL_SECONDS} s"
        elif isinstance(error, DeadKernelError):
            last = "the kernel died (out of memory?)"
        raise CellFailed(f"cell {at['index'] + 1} ({at['cell'].get('id', 'no id')}): {last}", details) from None
    return cleaned(book)


def begin_anew(paths, root=ROOT):
    """Delete the smoke run if a notebook that trains is among ``paths`` and would go on with it."""
    form = os.environ["COLORIZE_PRESET"], os.environ["COLORIZE_SOURCE"]
    if form == ("smoke", "samples") and any(path.name[:2] in ("03", "04") for path in paths):
        shutil.rmtree(root / SMOKE_RUN, ignore_errors=True)


def cleaned(book):
    """The notebook without what would differ in every run: times of day, pieces of streams, addresses, versions."""
    for cell in book.cells:
        cell.metadata.pop("execution", None)  # times of day: they would change with every run
        if cell.cell_type == "code":
            cell.outputs = merged(cell.outputs)
    kept = ("accelerator", "kernelspec", "language_info")  # the first asks Colab for a GPU
    book.metadata = {key: book.metadata[key] for key in kept if key in book.metadata}
    book.metadata.language_info = {"name": "python"}
    return book


def merged(outputs):
    """Outputs with what one stream printed in pieces put together, and memory addresses taken out."""
    result = []
    for output in outputs:
        if output.output_type == "stream":
            output.text = re.sub(r" at 0x[0-9a-f]{6,}", "", output.text)
            if result and result[-1].output_type == "stream" and result[-1].name == output.name:
                result[-1].text += output.text
                continue
        result.append(output)
    return result


def shown(book):
    """All text that the outputs show, pictures left out."""
    for cell in book.cells:
        for output in cell.get("outputs", []):
            yield output.get("text", "")
            yield from (str(value) for kind, value in output.get("data", {}).items() if kind.startswith("text/"))


def complaint(book, text):
    """What must not be committed: a path of this machine in an output, or too many bytes. None if it is fine."""
    machine = {str(ROOT), str(Path.home()), tempfile.gettempdir(), sys.prefix, sys.base_prefix}
    for part in shown(book):
        for folder in machine:
            if folder + os.sep in part or str(ROOT) in part:
                line = next(line for line in part.splitlines() if folder in line or str(ROOT) in line)
                return f"an output shows a path of this machine: {line.strip()[:100]}"
    size = len(text.encode())
    return f"{size:,} bytes, expected at most {LIMIT:,}" if size > LIMIT else None


def main():
    """Execute the notebooks asked for. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="notebooks (default: all)")
    parser.add_argument("--in-place", action="store_true", help="write the outputs into notebooks/")
    args = parser.parse_args()
    os.environ.setdefault("COLORIZE_PRESET", "smoke")
    os.environ.setdefault("COLORIZE_SOURCE", "samples")  # whatever was trained here before
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # kernels' debuggers would warn of every start
    paths = [Path(name) for name in args.names] or sorted((ROOT / "notebooks").glob("*.ipynb"))
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        print(f"{missing[0]}: expected a notebook, found no such file", file=sys.stderr)
        return 2
    began = time.monotonic()
    begin_anew(paths)
    for path in paths:
        start = time.monotonic()
        target = path if args.in_place else ROOT / "outputs" / "notebooks" / path.name
        try:
            book = execute(path.resolve())
        except CellFailed as error:
            print(f"{error.details}\n{path.name}, {error}", file=sys.stderr)
            return 1
        text = nbformat.writes(book) + "\n"
        bad = complaint(book, text)
        if bad:
            print(f"{path.name}: {bad}", file=sys.stderr)
            return 1
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")
        print(f"{path.name}: {time.monotonic() - start:.0f} s", flush=True)
    print(f"{len(paths)} notebook{'s' * (len(paths) != 1)} executed in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
