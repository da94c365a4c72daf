"""README, docs and cards: chapters in their order, links that lead somewhere, commands and figures that hold."""

import csv
import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from colorize_utils import cli

ROOT = Path(__file__).resolve().parent.parent
DOCS = sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))
TEXTS = ["README.md", *DOCS, *sorted(f"saved_models/{path.name}" for path in (ROOT / "saved_models").glob("*.md"))]
BOOKS = sorted(f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb"))
CHAPTERS = [
    "👀 Overview",
    "➡️ Introduction",
    "📦 Usage",
    "🖌️ Color Space Choice",
    "🗃️ Dataset",
    "🧹 Data Preparation",
    "⌨️ Project Challenges and Key Concepts",
    "⚙️ Model version and optimizers",
    "👀 Results",
    "📏 Metrics",
    "🔮 Conclusion and future steps",
    "📜 References",
    "✒️ License",
]


def _text(name="README.md"):
    """A text file, or the Markdown cells of a notebook."""
    text = (ROOT / name).read_text(encoding="utf-8")
    if not name.endswith(".ipynb"):
        return text
    return "\n\n".join("".join(c["source"]) for c in json.loads(text)["cells"] if c["cell_type"] == "markdown")


def _shown(name):
    """The text without the comments that mark what a script fills."""
    return re.sub(r"<!--.*?-->", "", _text(name), flags=re.DOTALL)


def _blocks(name, language):
    """The fenced blocks of a text, lines that end in a backslash joined with the next."""
    found = re.findall(rf"^```{language}\n(.*?)^```", _text(name), re.DOTALL | re.MULTILINE)
    return [re.sub(r"\\\n\s*", "", block) for block in found]


def _spans(name):
    """What stands in single backticks, a line that goes on in the next joined."""
    prose = re.sub(r"^```.*?^```", "", _text(name), flags=re.DOTALL | re.MULTILINE)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]


# --- the README -----------------------------------------------------------------------------------------------------


def test_the_chapters_are_the_original_projects_in_its_order():
    assert _text().startswith("# 🎨 ColorizeIMG\n")
    headings = re.findall(r"^## (.+)$", _text(), re.MULTILINE)
    assert headings == ["Where things are", "Table of Contents", *CHAPTERS]
    bodies = re.split(r"^## .+$", _text(), flags=re.MULTILINE)[1:]
    assert all(len(body.strip()) > 100 for body in bodies)


def test_the_readme_is_short_and_begins_with_what_one_looks_for():
    assert len(_text().splitlines()) <= 250
    order = ["![Two photographs", "make run ", "make test ", "| notebook |", "## Where things are", "## 👀 Overview"]
    places = [_text().index(part) for part in order]
    assert places == sorted(places)


def test_the_contents_lead_to_the_chapters():
    listed = re.findall(r"^- \[(.+?)\]\(#(.+?)\)$", _text(), re.MULTILINE)
    assert [title for title, _ in listed] == CHAPTERS
    for title, anchor in listed:
        assert f'<a id="{anchor}"></a>\n## {title}\n' in _text()


def test_the_map_names_files_that_are_there_and_every_folder_of_the_package():
    body = _text().split("## Where things are\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\|[^|]*\[`([\w/]+)/`\]\(([\w/]+)\)[^|]*\|(.+)\|$", body, re.MULTILINE)
    seen = set()
    for _, folder, what in rows:
        assert (ROOT / folder).is_dir(), folder
        seen.add(folder)
        for name in re.findall(r"`([\w/]+(?:\.py|/))`", what):
            assert (ROOT / folder / name).exists() or (ROOT / name).exists(), f"{folder}/{name}"
            seen.add(f"{folder}/{name}".rstrip("/"))
    folders = {f"colorize_utils/{path.parent.name}" for path in (ROOT / "colorize_utils").glob("*/__init__.py")}
    assert folders <= seen, folders - seen
    assert len(body.strip().splitlines()) <= 22


def test_the_map_leads_a_newcomer():
    """Four things that one wants to change, each named in the row of the file that does it."""
    body = _text().split("## Where things are\n")[1].split("\n## ")[0]
    for file, word, code in [
        ("data/batches.py", "flips drawn", "rng.integers(0, 2, batch)"),
        ("training/checkpoint.py", "verified", "gave back something else"),
        ("photos/profiles.py", "CMYK", '"CMYK"'),
        ("training/steps.py", "losses of U-Net and critic", "def critic"),
    ]:
        row = next(line for line in body.splitlines() if f"`{file.split('/')[0]}/`" in line)
        assert word in row.split(f"`{file.split('/')[1]}`")[1]
        assert code in (ROOT / "colorize_utils" / file).read_text(encoding="utf-8"), file


def test_the_five_chapters_that_were_empty_show_measured_figures():
    for title in ("👀 Results", "📏 Metrics"):
        body = _text().split(f"## {title}\n")[1].split("\n## ")[0]
        assert "<!-- report:" in body


def test_figures_of_the_training_are_those_of_its_history():
    with open(ROOT / "saved_models" / "history.csv", encoding="utf-8", newline="") as file:
        minutes = round(float(list(csv.DictReader(file))[-1]["minutes"]))
    assert f"trained for {minutes} minutes" in _shown("README.md")
    assert f"\nIn all {minutes} minutes of two CPU cores" in _shown("saved_models/MODEL_CARD.md")


def test_figures_of_speed_are_those_that_the_benchmark_wrote():
    quoted = _text("docs/colorize.md").split("<!-- speed -->\n")[1].split("<!-- /speed -->")[0].splitlines()
    measured = _text("saved_models/SPEED.md")
    assert len(quoted) > 3 and set(quoted) <= set(measured.splitlines())
    assert "Made by `python benchmarks/photos.py --against " in measured


# --- links ----------------------------------------------------------------------------------------------------------


def _slug(heading):
    """The anchor that GitHub gives a heading."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")


def _anchors(path):
    text = re.sub(r"^```.*?^```", "", _text(str(path.relative_to(ROOT))), flags=re.DOTALL | re.MULTILINE)
    return {_slug(title) for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)} | set(
        re.findall(r'<a id="([^"]+)">', text)
    )


@pytest.mark.parametrize("name", [*TEXTS, *BOOKS])
def test_every_relative_link_leads_somewhere(name):
    text = re.sub(r"^```.*?^```", "", _text(name), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        to = ((ROOT / name).parent / path).resolve() if path else ROOT / name
        assert to.exists(), target
        assert to.is_relative_to(ROOT), target
        if anchor:
            assert anchor in _anchors(to), target


def test_anchors_are_those_of_github():
    assert _slug("405 photos of known kinds: test") == "405-photos-of-known-kinds-test"
    assert _slug("Without `make`, as on [Windows](x.md)") == "without-make-as-on-windows"


@pytest.mark.parametrize("name", TEXTS)
def test_files_that_are_named_are_there(name):
    """Code, tests, benchmarks and scripts named in a sentence; those of the package also without its name."""
    package = [path.parent.name for path in (ROOT / "colorize_utils").glob("*/__init__.py")]
    folders = "|".join(["colorize_utils", "tests", "benchmarks", "scripts", "docs", *package])
    for span in _spans(name):
        found = re.match(rf"(?:python )?((?:{folders})/[\w/.-]+\.(?:py|md))\b", span)
        assert not found or any((place / found[1]).is_file() for place in (ROOT, ROOT / "colorize_utils")), found[1]


# --- commands -------------------------------------------------------------------------------------------------------


def _commands():
    for name in [*TEXTS, *BOOKS]:
        lines = [line for block in _blocks(name, "") for line in block.splitlines()]
        for line in [*lines, *_spans(name)]:
            found = re.match(r"(?:[A-Z_]+=\S+ |srun )*python -m colorize_utils (\S.*)$", line)
            if found:
                yield found[1]


@pytest.mark.parametrize("command", sorted(set(_commands())))
def test_commands_that_are_shown_are_understood(command):
    words = shlex.split(command, comments=True)
    if len(words) == 1 or words[-1] == "--help":  # a sentence that only names the command
        assert words[0] in cli.COMMANDS
    else:
        cli.build_parser(words[0]).parse_args(words)


def _options(command):
    parser = cli.build_parser(command)
    actions = parser._subparsers._group_actions[0].choices[command]._actions
    return {option for action in actions for option in action.option_strings if option.startswith("--")} - {"--help"}


def test_options_that_are_named_exist():
    """Each `--word` belongs to a command of the package, to a program of this project, or to a few of others."""
    known = {"--array", "--install", "--help", "--dev", "--app", "--export"}  # Slurm's, WSL's, and set_up.py's
    for command in cli.COMMANDS:
        known |= _options(command)
    for path in [*ROOT.glob("scripts/*.py"), *ROOT.glob("benchmarks/*.py")]:
        known |= set(re.findall(r"\"(--[a-z][a-z-]+)\"", path.read_text(encoding="utf-8")))
    for name in TEXTS:
        # What follows an equals sign is the value of another program's variable (XLA_FLAGS=--xla_...).
        named = set(re.findall(r"(?<![\w=-])--[a-z][a-z-]+", re.sub(r"<!--.*?-->", "", _text(name), flags=re.DOTALL)))
        assert named <= known, (name, named - known)


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_option_is_explained_in_the_docs(command):
    texts = "\n".join(_text(name) for name in ["README.md", *DOCS])
    missing = {option for option in _options(command) if not re.search(rf"{option}(?![\w-])", texts)}
    assert not missing, missing


@pytest.mark.parametrize("name", TEXTS)
def test_code_that_is_shown_is_well_formed(name):
    for block in _blocks(name, "python"):
        compile(block, name, "exec")
    for block in _blocks(name, "json"):
        json.loads(block)
    targets = set(re.findall(r"^([a-z][a-z-]*(?: [a-z-]+)*):", _text("Makefile"), re.MULTILINE))
    targets = {word for names in targets for word in names.split()}
    for line in [*(line for block in _blocks(name, "") for line in block.splitlines()), *_spans(name)]:
        made = re.match(r"make ([a-z-]+)", line)
        assert not made or made[1] in targets, line
        for listed in re.findall(r"pip install -r (\S+)", line):
            assert (ROOT / listed).is_file(), line


def test_the_first_lines_of_python_color_a_photo():
    import numpy as np

    found = {"grey": np.full((40, 50), 128, np.uint8)}
    exec(next(block for block in _blocks("docs/python-and-export.md", "python") if "Colorizer" in block), found)
    assert found["color"].shape == (40, 50, 3) and found["color"].dtype == np.uint8


def test_the_table_of_presets_is_that_of_the_recipes():
    from colorize_utils.training.recipes import PRESETS

    row = r"^\| `(\w+)` \| [^|]+ \| (\d+) \| (\d+) \| ([^|]+) \| [^|]+ \|$"
    rows = re.findall(row, _text("docs/training.md"), re.MULTILINE)
    assert [row[0] for row in rows] == list(PRESETS)
    for name, crop, batch, epochs in rows:
        preset = PRESETS[name]
        assert (int(crop), int(batch)) == (preset.crop, preset.batch), name
        assert not preset.epochs or epochs == ", ".join(map(str, preset.epochs)), name


def test_every_recipe_is_in_the_table():
    from colorize_utils.training.recipes import RECIPES

    for name in RECIPES.keys() - {"tiny"}:
        assert re.search(rf"^\| `{name}` \|", _text("docs/training.md"), re.MULTILINE), name


# --- figures and words ----------------------------------------------------------------------------------------------


def test_the_samples_table_is_made_by_the_commands_beside_it(tmp_path, monkeypatch):
    """The one table that every reader can make. Figures may differ a little between machines, never by more than said.

    Half a percent of the figure, or 0.001 of its unit: what other versions of the libraries and other processors do.
    """
    section = _text("docs/evaluation.md").split("\n## Six sample photos")[1].split("\n## ")[0]
    lines = re.findall(r"^python -m colorize_utils (.+)$", section, re.MULTILINE)
    assert len(lines) == 2
    monkeypatch.chdir(tmp_path)
    for line in lines:
        assert cli.main(shlex.split(line)) == 0
    made = json.loads((tmp_path / "outputs" / "samples-report" / "report.json").read_text(encoding="utf-8"))
    committed = json.loads((ROOT / "saved_models/reports/samples/report.json").read_text(encoding="utf-8"))
    assert made["rows"].keys() == committed["rows"].keys()
    assert made["photos"]["text"] == committed["photos"]["text"]
    for name, row in committed["rows"].items():
        for key, figure in row["figures"].items():
            value = made["rows"][name]["figures"][key]["value"]
            close = value == figure["value"] or value == pytest.approx(figure["value"], rel=0.005, abs=0.001)
            assert close, (name, key, value, figure["value"])


@pytest.mark.parametrize("name", [*TEXTS, *BOOKS])
def test_a_line_that_begins_with_a_comment_has_nothing_else(name):
    """CommonMark: such a line ends the paragraph, and what stands in it is shown as it is, asterisks and all."""
    assert not re.findall(r"^ *<!-- [^>]*-->[ ]*[^\s<].*$", _text(name), re.MULTILINE)


@pytest.mark.parametrize("name", TEXTS)
def test_no_text_was_left_to_be_filled_in(name):
    assert not re.search(r"[A-Z]+_TEXT|TODO|FIXME|lorem", _text(name))


@pytest.mark.parametrize("name", [*TEXTS, "CHANGELOG.md"])
def test_one_spelling(name):
    """American, as in the field's packages; "grey" stays, and so do the titles of others' works."""
    text = _text(name).replace("Measuring colourfulness in natural images", "")
    assert not re.findall(
        r"\w*(?:colour|licence|neighbour|behaviour|centre\b|normalis|recognis|optimis)\w*", text, re.I
    )


def test_every_mistake_of_the_original_has_its_row():
    table = _text("docs/predecessor.md").split("27 mistakes")[1]
    assert re.findall(r"^\| (\d+) \|", table, re.MULTILINE) == [str(n) for n in range(1, 28)]


def test_the_readme_stays_short_when_an_address_is_set():
    sys.path.insert(0, str(ROOT / "scripts"))
    import set_repository

    for name in ("someone/else", set_repository.PREDECESSOR):
        text = set_repository.changes(name).get(ROOT / "README.md", _text())
        assert len(text.splitlines()) <= 250
