"""The first cell of every notebook: a bare machine gets the project, a checkout is found, and trouble is one line."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


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


def _checkout(folder):
    """What the first cell needs of the project."""
    (folder / "colorize_utils").mkdir(parents=True)
    for name in ("colorize_utils/__init__.py", "colorize_utils/colab.py", "requirements-package.txt"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def _repository(folder, with_package):
    if with_package:
        _checkout(folder)
    else:
        (folder / "something").mkdir(parents=True)
        (folder / "something" / "__init__.py").write_text("", encoding="utf-8")
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
    assert done.stderr.strip() == f"{origin}: no colorize_utils in it"
    assert not (tmp_path / "content" / "ColorizeIMG").exists()


def test_a_host_that_cannot_be_reached_is_told_from_a_repository_without_the_package(tmp_path):
    done = _run_cell(tmp_path, _cell("https://host.invalid/owner/name"))  # .invalid is nobody's, by RFC 2606
    assert done.returncode == 1
    assert re.match(r"https://host\.invalid/owner/name: fatal: unable to access .*host\.invalid", done.stderr)
    assert "colorize_utils" not in done.stderr and "Traceback" not in done.stderr


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
    assert "ColorizeIMG' already exists" in done.stderr and "Traceback" not in done.stderr
    assert [p.name for p in (tmp_path / "content" / "ColorizeIMG").iterdir()] == ["mine.txt"]


COLAB = """
import importlib.metadata, subprocess, sys, types

class Installed:
    def __init__(self, name, version):
        self.metadata, self.version = {"Name": name}, version

distributions = [("tensorflow", "2.20.0"), ("keras", "3.13.2"), ("numpy", "2.0.2"),
        ("opencv-python-headless", "5.0.0.93"),
        ("scikit_image", "0.25.2"), ("tifffile", "2025.5.10"),
        ("matplotlib", "3.10.0"), ("scipy", "1.16.3"), ("Pillow", "11.3.0"),
        ("h5py", "3.16.0"), ("protobuf", "5.29.6"), ("torch", "2.9.0+cu128"),
        ("distro-info", "1.1ubuntu2"), (None, "1")]
importlib.metadata.distributions = lambda: [Installed(*pair) for pair in distributions]

def run(command, check):
    print(*command[1:])
    print(*open(command[command.index("-c") + 1]).read().split())
    return types.SimpleNamespace(returncode=CODE)

subprocess.run = run
"""


@pytest.mark.parametrize("code", [0, 1])
def test_the_set_up_cell_installs_only_what_is_missing_and_replaces_nothing(tmp_path, code):
    _checkout(tmp_path)
    done = _run_cell(tmp_path, COLAB.replace("CODE", str(code)) + _cell("https://example.org/none"))
    assert done.returncode == code
    assert done.stdout.startswith("installing kagglehub tqdm\n")  # one OpenCV is enough, and never jupyter
    assert " kagglehub>=1.0,<2 tqdm>=" in done.stdout  # as requirements-package.txt has them
    assert "protobuf==5.29.6" in done.stdout and "torch==2.9.0+cu128" in done.stdout and "ubuntu2" not in done.stdout
    assert ("ready" in done.stdout) == (code == 0)
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == code


def test_the_set_up_cell_mounts_drive_when_asked(tmp_path):
    _checkout(tmp_path)
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
    _checkout(tmp_path)
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


def test_the_set_up_cell_works_inside_a_checkout(tmp_path):
    _checkout(tmp_path)
    (tmp_path / "notebooks").mkdir()
    ask = "\nimport os; print(os.getcwd())"
    for started in (tmp_path, tmp_path / "notebooks"):
        done = _run_cell(started, _cell("https://example.org/none") + ask)
        assert done.stdout.splitlines() == ["ready", str(tmp_path)], done.stderr


def test_the_set_up_cell_is_short_and_plain_python():
    cell = _cell("x")
    compile(cell, "cell", "exec")
    assert len([line for line in cell.splitlines() if line and not line.startswith("#")]) <= 15


def test_the_set_up_needs_nothing_that_is_not_in_python(tmp_path):
    """It runs before anything is installed: -S leaves out every installed package."""
    _checkout(tmp_path)
    code = "import colorize_utils.colab as c; print([line.split('>')[0] for line in c.missing()])"
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "tensorflow" in done.stdout and "jupyter" not in done.stdout


def test_a_python_that_is_too_old_is_one_line(tmp_path):
    _checkout(tmp_path)
    old = "import sys\nsys.version_info = (3, 10, 4)\n"
    done = _run_cell(tmp_path, old + _cell("https://example.org/none"))
    assert done.returncode == 1
    line = "expected Python 3.11, 3.12 or 3.13, as Keras and TensorFlow have builds for, got 3.10"
    assert done.stderr.strip() == line
