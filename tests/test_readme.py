"""The README: thirteen chapters in their order, links that lead somewhere, commands that exist."""

import re
import shlex
from pathlib import Path

import pytest

from colorize_utils import cli

ROOT = Path(__file__).resolve().parent.parent
TEXTS = ["README.md", "saved_models/MODEL_CARD.md", "saved_models/WEIGHTS-LICENSE.md"]
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
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_chapters_are_the_original_projects_in_its_order():
    assert _text().startswith("# 🎨 ColorizeIMG\n")
    headings = re.findall(r"^## (.+)$", _text(), re.MULTILINE)
    assert headings == ["Table of Contents", *CHAPTERS]
    bodies = re.split(r"^## .+$", _text(), flags=re.MULTILINE)[2:]
    assert all(len(body.strip()) > 100 for body in bodies)


def test_the_contents_lead_to_the_chapters():
    listed = re.findall(r"^- \[(.+?)\]\(#(.+?)\)$", _text(), re.MULTILINE)
    assert [title for title, _ in listed] == CHAPTERS
    for title, anchor in listed:
        assert f'<a id="{anchor}"></a>\n## {title}\n' in _text()


@pytest.mark.parametrize("name", TEXTS)
def test_files_that_are_linked_or_shown_exist(name):
    folder = (ROOT / name).parent
    for target in re.findall(r"\]\(([^)#]+)\)", _text(name)):
        if not target.startswith("http"):
            assert (folder / target).exists(), target


def _commands():
    for name in TEXTS:
        for block in re.findall(r"^```\n(.*?)^```", _text(name), re.DOTALL | re.MULTILINE):
            block = re.sub(r"\\\n\s*", "", block)  # a line that ends in a backslash goes on in the next
            yield from re.findall(r"^python -m colorize_utils (.+)$", block, re.MULTILINE)


@pytest.mark.parametrize("command", sorted(set(_commands())))
def test_commands_that_are_shown_are_understood(command):
    words = shlex.split(command)
    cli.build_parser(words[0]).parse_args(words)


def test_options_that_are_named_exist():
    """Each `--word` of the README belongs to a command of the package."""
    known = {"--array"}  # Slurm's, in the line that splits a folder of photos
    for command in cli.build_parser()._subparsers._group_actions[0].choices:
        parser = cli.build_parser(command)
        for action in parser._subparsers._group_actions[0].choices[command]._actions:
            known.update(action.option_strings)
    # What follows an equals sign is the value of another program's variable (XLA_FLAGS=--xla_...).
    named = set(re.findall(r"(?<![\w=-])--[a-z][a-z-]+", re.sub(r"<!--.*?-->", "", _text(), flags=re.DOTALL)))
    assert len(named) > 20
    assert named <= known, named - known


def test_the_five_chapters_that_were_empty_show_measured_figures_or_commands():
    for title in ("👀 Results", "📏 Metrics"):
        body = _text().split(f"## {title}\n")[1].split("\n## ")[0]
        assert "<!-- report:" in body


@pytest.mark.parametrize("name", TEXTS)
def test_no_text_was_left_to_be_filled_in(name):
    assert not re.search(r"[A-Z]+_TEXT|TODO|FIXME|lorem", _text(name))


def test_every_mistake_of_the_original_has_its_row_and_its_proof_exists():
    table = _text().split("27 mistakes")[1].split("</details>")[0]
    assert re.findall(r"^\| (\d+) \|", table, re.MULTILINE) == [str(n) for n in range(1, 28)]
    for target in re.findall(r"`((?:tests|benchmarks)/[\w.]+)`", _text()):
        assert (ROOT / target).is_file(), target


def test_every_recipe_is_in_the_table():
    from colorize_utils.training.recipes import RECIPES

    for name in RECIPES.keys() - {"tiny"}:
        assert re.search(rf"^\| `{name}` \|", _text(), re.MULTILINE), name
