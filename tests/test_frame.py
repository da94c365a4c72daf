"""The frame: requirements that Colab can keep, an import that costs nothing, one version, a set-up that explains."""

import ast
import importlib
import importlib.util
import json
import os
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
    """package -> its line, with "-r" followed."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = {}
    for line in lines:
        if line.startswith("-r "):
            found |= _requirements(line[3:])
    return found | {re.match(r"[a-z0-9-]+", line).group(): line for line in lines if re.match(r"[a-z]", line)}


def test_requirements_name_the_eight_packages():
    assert _requirements().keys() >= EIGHT


def test_an_installed_package_needs_the_same_versions():
    """Dependencies stand in one file, which setuptools, pip and the set-up cell read; setuptools is asked itself."""
    setuptools = pytest.importorskip("setuptools.config.pyprojecttoml")
    read = setuptools.read_configuration(ROOT / "pyproject.toml", expand=True)["project"]
    listed = {line for name, line in _requirements().items() if name != "jupyter"}
    assert set(read["dependencies"]) == listed
    assert read["optional_dependencies"]["app"] == list(_requirements("requirements-app.txt").values())


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


@pytest.mark.parametrize(
    "words, status",
    [
        (["--help"], 0),
        (["--version"], 0),
        (["colorize", "--help"], 0),
        (["colorize"], 2),
        (["colorize", ".", "--size", "no number"], 2),
        (["colorize", "empty", "-o", "out"], 1),
        (["colorize", "missing", "-o", "out"], 1),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else str(words),
)
def test_what_needs_no_photo_answers_without_loading_anything_heavy(words, status, tmp_path):
    (tmp_path / "empty").mkdir()
    heavy = ("tensorflow", "keras", "numpy", "cv2", "PIL", "scipy", "h5py", "skimage", "ai_edge_litert", "onnxruntime")
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from colorize_utils.cli import main;"
        f"status = main({words!r}); print(status, [m for m in {heavy!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.splitlines()[-1] == f"{status} []"


def test_no_test_fails_because_the_machine_is_busy():
    hypothesis = pytest.importorskip("hypothesis")
    assert hypothesis.settings().deadline is None
    assert hypothesis.HealthCheck.too_slow in hypothesis.settings(max_examples=3).suppress_health_check


PROGRAMS = sorted([*ROOT.glob("benchmarks/*.py"), *ROOT.glob("scripts/*.py")])


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_programs_find_the_package_in_a_checkout_where_nothing_is_installed(path):
    text = path.read_text(encoding="utf-8")
    first_import = re.search(r"^(from|import) colorize_utils", text, re.MULTILINE)
    if first_import:
        assert "sys.path.insert(0," in text[: first_import.start()]


def test_photos_never_import_keras():
    code = (
        "import sys, colorize_utils.data.prepare, colorize_utils.data.batches, colorize_utils.data.sources;"
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


BOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def _imports(path):
    """(cell's source, module, name) of everything that a notebook imports from the package, its first cell apart."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code" and "setup" not in cell["metadata"].get("tags", []):
            source = "".join(cell["source"])
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("colorize_utils"):
                    yield from ((source, node.module, alias.name) for alias in node.names)


def test_the_door_has_what_notebooks_use_and_nothing_else():
    used = {name for path in BOOKS for _, module, name in _imports(path) if module == "colorize_utils"}
    assert used == set(colorize_utils.__all__) - {"__version__"}
    for name in used:
        assert f"``{name}``" in colorize_utils.__doc__


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem[:2])
def test_notebooks_come_in_by_the_door(path):
    """Where a cell shows the inside of a module on purpose it says so, and what it shows exists."""
    for source, module, name in _imports(path):
        if module != "colorize_utils":
            assert "# a look inside:" in source, f"{path.name} imports {name} from {module}"
            if not hasattr(importlib.import_module(module), name):
                importlib.import_module(f"{module}.{name}")


def _script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tool():
    return _script("set_up")


def _set_up(tmp_path, *arguments, **env):
    command = [sys.executable, str(ROOT / "scripts" / "set_up.py"), "--venv", str(tmp_path / "venv"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env}, check=False)


def _shell_python(folder, name, version, status=0):
    """A stand-in Python that says it is ``version`` and exits with ``status``."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho {version}\nexit {status}\n")
    (folder / name).chmod(0o755)
    return folder


def test_set_up_refuses_a_version_that_tensorflow_lacks(tmp_path):
    done = _set_up(tmp_path, "--python", "3.10")
    assert done.returncode == 1
    assert done.stderr.startswith("set-up: expected --python 3.11, 3.12 or 3.13, got 3.10")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in Python is a shell script")
def test_set_up_says_which_python_is_missing(tmp_path, tool, monkeypatch, capsys):
    _shell_python(tmp_path / "tools", "python3.13", "3 14")
    _shell_python(tmp_path / "tools", "python3", "", status=127)  # as a pyenv shim without a version behind it
    monkeypatch.setenv("PATH", str(tmp_path / "tools"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setattr(tool.sys, "executable", str(tmp_path / "none"))
    with pytest.raises(SystemExit):
        tool.find_python(None)
    line = "set-up: expected Python 3.11, 3.12 or 3.13 (found 3.14); TensorFlow has no build for others\n"
    assert capsys.readouterr().err == line


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in Python is a shell script")
def test_set_up_takes_the_newest_python_that_runs(tmp_path, tool, monkeypatch):
    tools = _shell_python(tmp_path / "tools", "python3.13", "", status=127)
    _shell_python(tools, "python3.12", "3 12")
    _shell_python(tools, "python3.11", "3 11")
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setattr(tool.sys, "version_info", (3, 9, 0))
    assert tool.find_python(None) == ["python3.12"]
    assert tool.installed("3.12") and not tool.installed("3.13")


def test_set_up_leaves_a_folder_alone_that_is_no_environment(tmp_path):
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "thesis.txt").write_text("mine")
    done = _set_up(tmp_path)
    assert done.returncode == 1
    assert "which holds something else" in done.stderr
    assert (tmp_path / "venv" / "thesis.txt").read_text() == "mine"


def test_set_up_forgets_packages_whose_installation_was_cut_off(tmp_path, tool):
    packages = tmp_path.joinpath(*(("Lib",) if sys.platform == "win32" else ("lib", "python3.12")), "site-packages")
    for name, whole in (("a-1.dist-info", True), ("b-1.dist-info", False)):
        (packages / name).mkdir(parents=True)
        (packages / name / "METADATA").write_text("Name: x")
        if whole:
            (packages / name / "INSTALLER").write_text("pip")
    tool.forget_half_installed(str(tmp_path))
    assert [path.name for path in packages.iterdir()] == ["a-1.dist-info"]


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in Python is a shell script")
def test_set_up_names_the_package_of_a_missing_system_library(tmp_path, tool, capsys):
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho 'ImportError: libGL.so.1: cannot open shared object file' >&2\nexit 1\n")
    fake.chmod(0o755)
    with pytest.raises(SystemExit):
        tool.check(str(fake))
    error = capsys.readouterr().err
    assert "libGL.so.1" in error and "apt install libgl1 libglib2.0-0" in error and error.count("\n") == 1


def test_an_installed_package_has_every_module():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "colorize_utils").rglob("*.py")}
    elsewhere = {"colorize_utils.shipped"}  # a folder of another name in a checkout
    assert {".".join(folder.parts) for folder in folders} == set(listed) - elsewhere


def test_an_installed_package_has_the_page():
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    page = ROOT / "colorize_utils" / "page"
    others = {path.name for path in page.iterdir() if path.suffix not in ("", ".py", ".pyc")}
    assert others == set(setuptools["package-data"]["colorize_utils.page"])
    assert not [path for path in page.iterdir() if path.is_dir() and path.name != "__pycache__"]


def test_the_package_imports_nothing_of_the_page():
    for path in (ROOT / "colorize_utils").rglob("*.py"):
        if path.parent.name == "page" or path.name == "app.py":
            continue
        imports = re.findall(r"^\s*(?:from|import) ([\w.]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert not [name for name in imports if re.search(r"\bgradio\b|\.page\b", name)], path


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in Python is a shell script")
def test_set_up_names_a_missing_venv_module(tmp_path, tool, monkeypatch, capsys):
    tools = _shell_python(tmp_path / "tools", "python3.13", "3 13", status=1)
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setattr(tool.sys, "executable", str(tools / "python3.13"))
    with pytest.raises(SystemExit) as stopped:
        tool.find_python("3.13")
    assert stopped.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("set-up: Python 3.13 has no venv module") and error.count("\n") == 1


def test_set_up_is_instant_when_all_is_there(tmp_path, tool):
    python = Path(tool.python_in(str(tmp_path / "venv")))
    python.parent.mkdir(parents=True)
    python.write_text("not to be run")
    stamp = dict.fromkeys(tool.requirement_lines(["requirements.txt"]), tool.digest(None))
    (tmp_path / "venv" / "set-up.json").write_text(json.dumps(stamp))
    done = _set_up(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def _book(*cells):
    nbformat = pytest.importorskip("nbformat")
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    code = [nbformat.v4.new_code_cell(text, id=f"x-{number}") for number, text in enumerate(cells)]
    return nbformat.v4.new_notebook(cells=code, metadata={**spec, "accelerator": "GPU", "colab": {"name": "mine"}})


def test_a_notebook_is_executed_and_cleaned(tmp_path):
    nbformat, tool = pytest.importorskip("nbformat"), _script("run_notebooks")
    nbformat.write(_book("print('a')\nprint(object())"), tmp_path / "one.ipynb")
    book = tool.execute(tmp_path / "one.ipynb")
    assert [output.text for output in book.cells[0].outputs] == ["a\n<object object>\n"]
    assert book.metadata.keys() == {"accelerator", "kernelspec", "language_info"}
    assert "execution" not in book.cells[0].metadata
    assert tool.complaint(book, "text") is None


def test_the_cell_that_fails_is_named(tmp_path):
    nbformat, tool = pytest.importorskip("nbformat"), _script("run_notebooks")
    nbformat.write(_book("1", "1 / 0", "2"), tmp_path / "one.ipynb")
    with pytest.raises(tool.CellFailed, match=r"^cell 2 \(x-1\): ZeroDivisionError: division by zero$"):
        tool.execute(tmp_path / "one.ipynb")


def test_a_smoke_run_is_begun_anew_for_notebooks_that_train_and_no_other_run_is_touched(tmp_path, monkeypatch):
    tool = _script("run_notebooks")
    runs = tmp_path / "saved_models" / "runs"
    for name in ("notebook_smoke_samples", "notebook_colab_samples"):
        (runs / name).mkdir(parents=True)

    def left(preset, source, *names):
        monkeypatch.setenv("COLORIZE_PRESET", preset)
        monkeypatch.setenv("COLORIZE_SOURCE", source)
        tool.begin_anew([Path(name) for name in names], tmp_path)
        return sorted(path.name for path in runs.iterdir())

    both = ["notebook_colab_samples", "notebook_smoke_samples"]
    assert left("smoke", "samples", "05_x.ipynb") == left("colab", "samples", "03_x.ipynb") == both
    assert left("smoke", "samples", "02_x.ipynb", "04_x.ipynb") == both[:1]


def test_notebooks_that_train_ask_colab_for_a_gpu_and_show_a_training():
    for path in BOOKS:
        book = json.loads(path.read_text(encoding="utf-8"))
        trains = path.name[:2] in ("03", "04")
        assert (book["metadata"].get("accelerator") == "GPU") == trains, path.name
        if trains:
            (cell,) = [
                c for c in book["cells"] if c["cell_type"] == "code" and "state = train(" in "".join(c["source"])
            ]
            shown = "".join(text for o in cell["outputs"] for text in o.get("text", []))
            for part in ("epoch", "validation |ab|", *(("(unet)",), ("(gan)",))[path.name > "04"]):
                assert part in shown, f"{path.name} shows no {part!r}"
            # Losses are drawn, with the pictures, in one picture that was redrawn in place.
            assert len([o for o in cell["outputs"] if "image/jpeg" in o.get("data", {})]) == 1, path.name


def test_slopes_of_a_history_are_those_of_its_second_half(tmp_path, capsys, monkeypatch):
    tool = _script("slopes")
    errors = [0.5, 0.3, 0.2, 0.19, 0.18, 0.17]
    rows = [
        {"run": "a", "phase": "unet", "images": (k + 1) * 50_000, "val_l1": e, "val_grey": 0.5}
        for k, e in enumerate(errors)
    ]
    ((run, phase, seen, first, last, slope),) = tool.slopes([*rows, {**rows[0], "run": "b"}])
    assert (run, phase, seen) == ("a", "unet", 300_000)
    assert (first, last, slope) == pytest.approx((1, 0.34, -0.04))  # 0.01 of 0.5 in 50,000 photos
    (tmp_path / "x.csv").write_text("no,history\n1,2\n")
    monkeypatch.setattr(sys, "argv", ["slopes.py", str(tmp_path / "x.csv")])
    assert tool.main() == 1
    assert capsys.readouterr().err.startswith(f"slopes: expected a history of joined runs in {tmp_path / 'x.csv'}")


def test_a_notebook_that_is_not_there_is_one_line(monkeypatch, capsys, tmp_path):
    pytest.importorskip("nbformat")
    monkeypatch.setattr(sys, "argv", ["run_notebooks.py", str(tmp_path / "seven.ipynb")])
    assert _script("run_notebooks").main() == 2
    assert capsys.readouterr().err == f"{tmp_path / 'seven.ipynb'}: expected a notebook, found no such file\n"


def test_paths_of_this_machine_and_large_notebooks_are_complained_about():
    tool = _script("run_notebooks")
    book = _book("1")
    book.cells[0].outputs = [{"output_type": "stream", "name": "stdout", "text": f"read {ROOT / 'x'}\n"}]
    assert "shows a path of this machine: read " in tool.complaint(book, "text")
    book.cells[0].outputs = [{"output_type": "display_data", "data": {"image/png": str(ROOT / "x")}, "metadata": {}}]
    assert tool.complaint(book, "text") is None
    assert tool.complaint(book, "é" * 800_000) == "1,600,000 bytes, expected at most 1,500,000"
