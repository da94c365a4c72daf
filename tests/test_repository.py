"""The repository's address stands in one place, and everything that shows it is equal to that."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
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


def _run_cell(folder, cell, modules=None):
    """Run the set-up cell in a fresh interpreter started in ``folder``, with extra modules if given."""
    stub = "".join(f"import sys, types; sys.modules[{n!r}] = types.ModuleType({n!r})\n" for n in modules or ())
    (folder / "cell.py").write_text(stub + cell, encoding="utf-8")
    return subprocess.run([sys.executable, "cell.py"], cwd=folder, capture_output=True, text=True, check=False)


def _cell(address):
    text = (ROOT / "scripts" / "colab_setup_cell.py").read_text(encoding="utf-8")
    before = 'repository = "https://github.com/aandrijana/Image-Colorization-Project"'
    assert before in text
    return text.replace(before, f"repository = {str(address)!r}")


def _repository(folder, with_package):
    folder.mkdir()
    package = folder / ("colorize_utils" if with_package else "something")
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "one"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


def test_the_set_up_cell_clones_on_a_bare_machine(tmp_path):
    origin = _repository(tmp_path / "origin", with_package=True)
    (tmp_path / "content").mkdir()
    done = _run_cell(tmp_path / "content", _cell(origin), ["google", "google.colab"])
    assert done.returncode == 0, done.stderr
    assert done.stdout == "ready\n"
    assert (tmp_path / "content" / "ColorizeIMG" / "colorize_utils").is_dir()


def test_the_set_up_cell_names_a_wrong_address(tmp_path):
    origin = _repository(tmp_path / "origin", with_package=False)
    (tmp_path / "content").mkdir()
    done = _run_cell(tmp_path / "content", _cell(origin))
    assert done.returncode == 1
    assert done.stderr.strip().endswith("set `repository` above to the project's address.")
    assert "Traceback" not in done.stderr


def test_the_set_up_cell_works_inside_a_checkout(tmp_path):
    (tmp_path / "colorize_utils").mkdir()
    (tmp_path / "notebooks").mkdir()
    done = _run_cell(tmp_path / "notebooks", _cell("https://example.org/none"))
    assert (done.returncode, done.stdout) == (0, "ready\n"), done.stderr


def test_the_set_up_cell_is_plain_python():
    compile(_cell("x"), "cell", "exec")
