"""Execute the notebooks, each in a fresh kernel from top to bottom, with the smoke preset.

    python scripts/run_notebooks.py [NAME ...]              into outputs/notebooks (git ignores it)
    python scripts/run_notebooks.py --in-place [NAME ...]   into notebooks/, to be committed

Says how long each took; the first cell that fails ends it with one line and status 1.
"""

import argparse
import os
import re
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 1_500_000  # bytes of a committed notebook
CELL_SECONDS = 600


def execute(path, target):
    """Run one notebook and write it to ``target``. Raises what nbclient raises."""
    book = nbformat.read(path, as_version=4)
    client = NotebookClient(book, timeout=CELL_SECONDS, resources={"metadata": {"path": str(path.parent)}})
    client.execute()
    for cell in book.cells:
        cell.metadata.pop("execution", None)  # times of day: they would change with every run
        if cell.cell_type == "code":
            cell.outputs = merged(cell.outputs)
    book.metadata = {key: book.metadata[key] for key in ("kernelspec", "language_info") if key in book.metadata}
    book.metadata.language_info = {"name": "python"}
    target.parent.mkdir(parents=True, exist_ok=True)
    text = nbformat.writes(book)
    target.write_text(text + "\n", encoding="utf-8")
    return text


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


def complaint(text):
    """What must not be committed: a path of this machine, or too many bytes. None if it is fine."""
    if str(ROOT) in text:
        return "an output shows this machine's path of the project"
    return f"{len(text):,} bytes, expected at most {LIMIT:,}" if len(text) > LIMIT else None


def main():
    """Execute the notebooks asked for. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="notebooks (default: all)")
    parser.add_argument("--in-place", action="store_true", help="write the outputs into notebooks/")
    args = parser.parse_args()
    os.environ.setdefault("COLORIZE_PRESET", "smoke")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    paths = [Path(name) for name in args.names] or sorted((ROOT / "notebooks").glob("*.ipynb"))
    began = time.monotonic()
    for path in paths:
        start = time.monotonic()
        target = path if args.in_place else ROOT / "outputs" / "notebooks" / path.name
        try:
            bad = complaint(execute(path.resolve(), target))
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            reason = str(error).strip().splitlines()
            print(f"{path.name}: {reason[-1] if reason else type(error).__name__}", file=sys.stderr)
            print(str(error), file=sys.stderr)
            return 1
        if bad:
            print(f"{path.name}: {bad}", file=sys.stderr)
            return 1
        print(f"{path.name}: {time.monotonic() - start:.0f} s", flush=True)
    print(f"{len(paths)} notebooks executed in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
