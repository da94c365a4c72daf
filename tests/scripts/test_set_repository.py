"""The repository's address stands in one place, and everything that shows it is equal to that."""

import importlib.util
import json
import re
import subprocess
import sys
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


def _run_cell(folder, cell, modules=None):
    """Run the set-up cell in a fresh interpreter started in ``folder``, with extra modules if given."""
    stub = "".join(f"import sys, types; sys.modules[{n!r}] = types.ModuleType({n!r})\n" for n in modules or ())
    (folder / "cell.py").write_text(stub + cell, encoding="utf-8")
    return subprocess.run([sys.executable, "cell.py"], cwd=folder, capture_output=True, text=True, check=False)


def _cell(address):
    """The set-up cell with another address in its form field."""
    text = (ROOT / "scripts" / "colab_setup_cell.py").read_text(encoding="utf-8")
    changed, count = re.subn(r'^repository = "[^"]+"', lambda _: f"repository = {str(address)!r}", text, flags=re.M)
    assert count == 1
    return changed


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


def test_a_corrected_address_helps_after_a_wrong_one(tmp_path):
    wrong = _repository(tmp_path / "wrong", with_package=False)
    right = _repository(tmp_path / "right", with_package=True)
    (tmp_path / "content").mkdir()
    assert _run_cell(tmp_path / "content", _cell(wrong)).returncode == 1
    done = _run_cell(tmp_path / "content", _cell(right))
    assert (done.returncode, done.stdout) == (0, "ready\n"), done.stderr


def test_another_folder_of_that_name_is_left_alone(tmp_path):
    right = _repository(tmp_path / "right", with_package=True)
    (tmp_path / "content" / "ColorizeIMG").mkdir(parents=True)
    (tmp_path / "content" / "ColorizeIMG" / "mine.txt").write_text("mine")
    done = _run_cell(tmp_path / "content", _cell(right))
    assert done.returncode == 1
    assert "ColorizeIMG is here already" in done.stderr
    assert [p.name for p in (tmp_path / "content" / "ColorizeIMG").iterdir()] == ["mine.txt"]


COLAB = """
import importlib.metadata, subprocess, sys, types

class Installed:
    def __init__(self, name, version):
        self.metadata, self.version = {"Name": name}, version

here = [("tensorflow", "2.20.0"), ("keras", "3.13.2"), ("numpy", "2.0.2"), ("opencv-python-headless", "5.0.0.93"),
        ("scikit_image", "0.25.2"), ("matplotlib", "3.10.0"), ("scipy", "1.16.3"), ("Pillow", "11.3.0"),
        ("h5py", "3.16.0"), ("protobuf", "5.29.6"), ("torch", "2.9.0+cu128"),
        ("distro-info", "1.1ubuntu2"), (None, "1")]
importlib.metadata.distributions = lambda: [Installed(*pair) for pair in here]

def run(command, check):
    print(*command[1:])
    print(*open(command[command.index("-c") + 1]).read().split())
    return types.SimpleNamespace(returncode=CODE)

subprocess.run = run
"""


@pytest.mark.parametrize("code", [0, 1])
def test_the_set_up_cell_installs_only_what_is_missing_and_replaces_nothing(tmp_path, code):
    (tmp_path / "colorize_utils").mkdir()
    done = _run_cell(tmp_path, COLAB.replace("CODE", str(code)) + _cell("https://example.org/none"))
    assert done.returncode == code
    assert done.stdout.startswith("installing kagglehub tqdm\n")  # one OpenCV is enough, and never jupyter
    assert "protobuf==5.29.6" in done.stdout and "torch==2.9.0+cu128" in done.stdout and "ubuntu2" not in done.stdout
    assert ("ready" in done.stdout) == (code == 0)
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == code


def test_the_set_up_cell_mounts_drive_when_asked(tmp_path):
    (tmp_path / "colorize_utils").mkdir()
    drive = (
        "import sys, types; c = types.ModuleType('google.colab'); sys.modules['google'] = types.ModuleType('google')\n"
    )
    drive += (
        "sys.modules['google.colab'] = c; c.drive = types.SimpleNamespace(mount=lambda path: print('mounted', path))\n"
    )
    cell = _cell("https://example.org/none").replace("use_drive = False", "use_drive = True")
    done = _run_cell(tmp_path, drive + cell)
    where = "ready, with Drive: /content/drive/MyDrive/ColorizeIMG"
    assert done.stdout.splitlines() == ["mounted /content/drive", where], done.stderr


def test_no_in_the_dialog_for_drive_is_one_line(tmp_path):
    (tmp_path / "colorize_utils").mkdir()
    refused = """
import sys, types
def mount(path):
    raise ValueError("Error: credential propagation was unsuccessful\\n(and more)")
colab = types.ModuleType("google.colab")
colab.drive = types.SimpleNamespace(mount=mount)
sys.modules["google"], sys.modules["google.colab"] = types.ModuleType("google"), colab
"""
    cell = _cell("https://example.org/none").replace("use_drive = False", "use_drive = True")
    done = _run_cell(tmp_path, refused + cell + "\nprint(drive)")
    assert done.stdout.splitlines() == [
        "Drive is not there: Error: credential propagation was unsuccessful",
        "ready",
        "None",
    ], done.stderr


def test_drive_is_on_where_there_is_training():
    for path in BOOKS:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        cell = next("".join(c["source"]) for c in cells if "setup" in c["metadata"].get("tags", []))
        assert ("use_drive = True " in cell) == (path.name[:2] in ("03", "04")), path.name


def test_the_set_up_cell_works_inside_a_checkout(tmp_path):
    (tmp_path / "colorize_utils").mkdir()
    (tmp_path / "notebooks").mkdir()
    done = _run_cell(tmp_path / "notebooks", _cell("https://example.org/none"))
    assert (done.returncode, done.stdout) == (0, "ready\n"), done.stderr


def test_the_set_up_cell_is_plain_python():
    compile(_cell("x"), "cell", "exec")
