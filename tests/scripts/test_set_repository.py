"""The repository's address stands in one place, and everything that shows it is equal to that."""

import importlib.util
import json
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


def test_another_address_reaches_every_notebook_and_the_readme(tool):
    changed = tool.changes("someone/else")
    assert {path for path in changed if path.suffix == ".ipynb"} == set(BOOKS)
    if (ROOT / "README.md").is_file():
        assert changed[ROOT / "README.md"].count("someone/else") >= len(BOOKS)
    for text in changed.values():
        assert tool.current() not in "".join(
            line for line in text.splitlines() if "badge" in line or "git clone" in line
        )


def test_every_badge_opens_its_own_notebook(tool):
    for path in BOOKS:
        first = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
        assert f"github/{tool.current()}/blob/main/notebooks/{path.name})" in first, path.name


def test_drive_is_on_where_there_is_training():
    for path in BOOKS:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        cell = next("".join(c["source"]) for c in cells if "setup" in c["metadata"].get("tags", []))
        assert ("use_drive = True " in cell) == (path.name[:2] in ("03", "04")), path.name
