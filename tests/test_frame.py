"""The frame: requirements that Colab can keep, an import that costs nothing, one version, a set-up that explains."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import colorize_utils

ROOT = Path(__file__).resolve().parent.parent
EIGHT = {"tensorflow", "keras", "numpy", "opencv-python", "scikit-image", "kagglehub", "jupyter", "matplotlib"}


def _requirements(name="requirements.txt"):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return {re.match(r"[a-z0-9-]+", line).group(): line for line in lines if re.match(r"[a-z]", line)}


def test_requirements_name_the_eight_packages():
    assert _requirements().keys() >= EIGHT


def test_an_installed_package_needs_the_same_versions():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = {line for name, line in _requirements().items() if name != "jupyter"}
    assert set(project["dependencies"]) == listed


@pytest.mark.parametrize("name", ["colab-py312.txt", "colab-py313.txt"])
def test_colabs_versions_are_within_the_ranges(name):
    packaging = pytest.importorskip("packaging.requirements")
    lines = (ROOT / "tests" / name).read_text(encoding="utf-8").splitlines()
    pins = dict(line.lower().split("==") for line in lines if "==" in line and not line.startswith("#"))
    for package, line in _requirements().items():
        if package != "jupyter":
            assert packaging.Requirement(line).specifier.contains(pins[package]), line


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, colorize_utils, colorize_utils.cli;"
        "print([m for m in ('tensorflow','keras','cv2','numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_photos_never_import_keras():
    code = (
        "import sys, colorize_utils.photos.prepare, colorize_utils.photos.batches, colorize_utils.photos.sources;"
        "print([m for m in ('tensorflow','keras','jax') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_every_promised_name_is_there():
    for name in colorize_utils.__all__:
        assert getattr(colorize_utils, name) is not None
    with pytest.raises(AttributeError):
        _ = colorize_utils.nothing


def test_one_version():
    version = colorize_utils.__version__
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n## {version}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def _set_up(tmp_path, *arguments, **env):
    import os

    command = [sys.executable, str(ROOT / "scripts" / "set_up.py"), "--venv", str(tmp_path / "venv"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env}, check=False)


def test_set_up_says_which_python_is_missing(tmp_path):
    done = _set_up(tmp_path, "--python", "3.10", PATH=str(tmp_path), PYENV_ROOT=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.strip() == "set-up: expected Python 3.10; TensorFlow has no build for others"


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in Python is a shell script")
def test_set_up_passes_over_a_broken_python_and_names_a_missing_venv(tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "python3.13").write_text("#!/bin/sh\necho 3 13\nexit 1\n")
    (tools / "python3.13").chmod(0o755)
    done = _set_up(tmp_path, "--python", "3.13", PATH=f"{tools}:/bin:/usr/bin", PYENV_ROOT=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("set-up: Python 3.13 has no venv module")
    assert len(done.stderr.splitlines()) == 1


def test_set_up_is_instant_when_all_is_there(tmp_path):
    import importlib.util
    import json

    spec = importlib.util.spec_from_file_location("set_up", ROOT / "scripts" / "set_up.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    python = Path(tool.python_in(str(tmp_path / "venv")))
    python.parent.mkdir(parents=True)
    python.write_text("not to be run")
    import hashlib

    mark = hashlib.sha256(b"").hexdigest()[:8]
    stamp = {line: mark for line in tool.requirement_lines(["requirements.txt"])}
    (tmp_path / "venv" / "set-up.json").write_text(json.dumps(stamp))
    done = _set_up(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
