"""What the notebooks teach: the answer to each question stands in a cell, and exercises change what is there."""

import html
import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BOOKS = {path.name[:2]: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}


def _cells(book):
    cells = json.loads(BOOKS[book].read_text(encoding="utf-8"))["cells"]
    return {c["id"]: (c["cell_type"], " ".join("".join(c["source"]).split())) for c in cells}


def _raw(book):
    return {c["id"]: "".join(c["source"]) for c in json.loads(BOOKS[book].read_text(encoding="utf-8"))["cells"]}


@pytest.mark.parametrize(
    ("question", "cell", "answer"),
    [
        (
            "what a skip connection carries",
            "03-25",
            "across comes *where things begin and end*. A skip carries no color",
        ),
        ("why L1 gives brown", "03-24", "the median of b, each by itself: a dull brown that none of the shirts has"),
        ("what the critic sees", "04-03", "three planes: a and b, and with them the grey photo"),
        ("why its loss starts at 0.69", "04-20", "who knows nothing says ½ to everything and pays −log ½ = 0.69"),
        ("why BatchNorm stays in inference mode", "03-07", "A batch here is a few small crops: their means jump about"),
    ],
)
def test_the_answer_stands_in_a_cell_before_anything_is_asked(question, cell, answer):
    kind, text = _cells(cell[:2])[cell]
    assert kind == "markdown" and answer in text.replace("**", ""), question


@pytest.mark.parametrize("book", BOOKS)
def test_three_questions_with_folded_answers_and_two_things_to_try(book):
    (text,) = [text for text in _raw(book).values() if "## Check yourself" in text]
    questions, _, tries = text.partition("**Try it**")
    assert len(re.findall(r"(?m)^\d\. ", questions)) == 3
    assert len(re.findall(r"(?m)^\* \*", tries)) >= 2
    assert questions.count("<details>") == 3 and tries.count("<details>") == len(re.findall(r"(?m)^\* \*", tries))
    assert text.count("<details>") == text.count("</details>")
    assert "<details open" not in text  # an answer is seen only when it is asked for


def test_the_script_that_does_the_exercises_knows_all_of_them():
    """Each bullet by its title; what it changes stands in a cell before the one that shows the outcome."""
    sys.path.insert(0, str(ROOT / "scripts"))
    import try_exercises

    for book in BOOKS:
        (text,) = [text for text in _raw(book).values() if "## Check yourself" in text]
        titles = re.findall(r"(?m)^\* \*([^*]+)\*", text.split("**Try it**")[1])
        assert titles == list(dict.fromkeys(e.title for e in try_exercises.EXERCISES if e.book == book)), book
    for exercise in try_exercises.EXERCISES:
        if not exercise.until:
            assert all(line.startswith("python -m colorize_utils ") for line in try_exercises.commands(exercise))
            continue
        book = try_exercises.changed(exercise)
        after = "\n".join(cell.source for cell in book.cells)
        for old, new in exercise.changes:
            assert new in after and old != new
        for name, value in exercise.form.items():
            assert f"{name} = {value!r}  # @param" in after
        for cell in book.cells:
            if cell.cell_type == "code":
                compile(cell.source, cell.id, "exec")


@pytest.mark.parametrize("book", BOOKS)
def test_an_exercise_changes_what_stands_in_the_notebook(book):
    """`old` in place of which something is written must be in a code cell, and the cell is Python with the new text."""
    code = [text for cell, text in _raw(book).items() if _cells(book)[cell][0] == "code"]
    (text,) = [text for text in _raw(book).values() if "## Check yourself" in text]
    changes = re.findall(r"[Ww]rite `([^`]+)`[^`]*? (?:for|in place of) `([^`]+)`", html.unescape(text))
    for new, old in changes:
        holding = [source for source in code if old in source]
        assert holding, f"{BOOKS[book].name}: no cell has {old!r}"
        compile(holding[0].replace(old, new), "cell", "exec")
