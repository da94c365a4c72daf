"""The repository's address stands in one place, and everything that shows it is equal to that."""

import importlib.util
import json
import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("set_repository", ROOT / "scripts" / "set_repository.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "address",
    ["a/b-c", "https://github.com/a/b-c", "https://github.com/a/b-c.git", "git@github.com:a/b-c.git", " a/b-c\n"],
)
def test_addresses_are_understood(tool, address):
    assert tool.owner_and_name(address) == "a/b-c"


@pytest.mark.parametrize("address", ["", "a", "https://github.com/a", "a b/c", "a/b/c/d"])
def test_others_are_refused(tool, address):
    with pytest.raises(ValueError, match="expected OWNER/NAME"):
        tool.owner_and_name(address)


def test_everything_shows_the_one_address(tool):
    assert [str(path.relative_to(ROOT)) for path in tool.changes(tool.current())] == []


@pytest.fixture
def tree(tmp_path, tool):
    """A copy of all that shows an address, with none set."""
    for name in ["README.md", "CITATION.cff", "repository.txt", "scripts/colab_setup_cell.py"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for folder, pattern in [("docs", "*.md"), ("notebooks", "*.ipynb")]:
        (tmp_path / folder).mkdir()
        for path in (ROOT / folder).glob(pattern):
            shutil.copy(path, tmp_path / folder)
    assert tool.main(["--unset"], tmp_path) == 0
    return tmp_path


def _texts(tree):
    return {str(path.relative_to(tree)): path.read_text("utf-8") for path in tree.rglob("*") if path.is_file()}


def test_without_an_address_there_is_no_dead_link(tree, tool):
    assert not tool.is_set(tool.current(tree))
    for name, text in _texts(tree).items():
        assert "colab-badge" not in text and "colab.research.google.com/github" not in text, name
        assert "pip install git+" not in text and "git clone https" not in text, name
    readme = _texts(tree)["README.md"]
    assert len(re.findall(r"^`python scripts/set_repository.py OWNER/NAME` sets it", readme, re.MULTILINE)) == 1
    assert "repository-code" not in _texts(tree)["CITATION.cff"]


def test_an_address_brings_badges_clone_and_install_lines_everywhere(tree, tool, capsys):
    assert tool.main(["https://github.com/someone/else.git"], tree) == 0
    texts = _texts(tree)
    for path in BOOKS:
        link = f"](https://colab.research.google.com/github/someone/else/blob/main/notebooks/{path.name})"
        rows = [line for line in texts["README.md"].splitlines() if f"](notebooks/{path.name})" in line]
        assert len(rows) == 1 and rows[0].count(link) == 1
        cells = json.loads(texts[f"notebooks/{path.name}"])["cells"]
        assert re.match(
            rf"# [^\n]+\n\n\[!\[Open in Colab\]\([^)]+\){re.escape(link)}\n\n\S", "".join(cells[0]["source"])
        )
        setup = next("".join(c["source"]) for c in cells if "setup" in c["metadata"].get("tags", []))
        assert 'repository = "https://github.com/someone/else"' in setup
    assert "git clone https://github.com/someone/else ColorizeIMG\n" in texts["README.md"]
    assert "git clone https://github.com/someone/else ColorizeIMG\n" in texts["docs/colorize.md"]
    assert "pip install git+https://github.com/someone/else\n" in texts["docs/python-and-export.md"]
    assert '\nrepository-code: "https://github.com/someone/else"\n' in texts["CITATION.cff"]
    assert "set_repository" not in texts["README.md"]
    assert texts["repository.txt"] == "someone/else\n"
    assert tool.changes("someone/else", tree) == {}
    capsys.readouterr()


def test_an_address_set_and_taken_away_again_leaves_nothing(tree, tool):
    before = _texts(tree)
    for name in ("someone/else", "another/one"):
        assert tool.main([name], tree) == 0
        assert _texts(tree) != before
    assert "someone/else" not in "".join(_texts(tree).values())
    assert tool.main(["--unset"], tree) == 0
    assert _texts(tree) == before


def test_what_differs_from_the_address_is_named(tree, tool, capsys):
    capsys.readouterr()
    (tree / "repository.txt").write_text("someone/else\n")
    assert tool.main(["--check"], tree) == 1
    assert "README.md: differs\n" in capsys.readouterr().out
    (tree / "repository.txt").write_text("nothing\n")
    assert tool.main(["--check"], tree) == 2
    assert (
        capsys.readouterr().err == "set_repository: expected OWNER/NAME or the address of a repository, got 'nothing'\n"
    )


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_laid_out_as_it_will_be_written(path):
    text = path.read_text(encoding="utf-8")
    assert json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n" == text


def test_drive_is_on_where_there_is_training():
    for path in BOOKS:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        cell = next("".join(c["source"]) for c in cells if "setup" in c["metadata"].get("tags", []))
        assert ("use_drive = True " in cell) == (path.name[:2] in ("03", "04")), path.name
