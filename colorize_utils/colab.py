"""What a notebook's first cell calls: the folder, what is missing installed, Drive mounted. Standard library only.

It runs before anything is installed, on Google Colab and in a Jupyter that was started anywhere in a checkout.
"""

import importlib
import importlib.metadata
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OLDEST = (3, 11)
_VERSION = re.compile(r"[\w.-]+==\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[\w.]+)?")  # as pip reads it


def set_up(use_drive=False):
    """Make the project ready in this notebook. Returns (on_colab, drive).

    The current folder becomes the project's. on_colab: whether this is Google Colab. drive: the project's folder on
    Google Drive (a `Path`), or None where there is none or ``use_drive`` is False. SystemExit with one line if this
    Python is too old or what is missing cannot be installed.
    """
    if sys.version_info < OLDEST:
        found = ".".join(map(str, sys.version_info[:2]))
        raise SystemExit(f"expected Python 3.11, 3.12 or 3.13, as Keras and TensorFlow have builds for, got {found}")
    os.chdir(ROOT)
    _install(missing())
    on_colab = _on_colab()
    drive = _drive(on_colab) if use_drive else None
    print("ready" + (f", with Drive: {drive}" if drive else ""))
    return on_colab, drive


def missing():
    """The lines of requirements-package.txt whose packages are not installed (no jupyter: this runs in it)."""
    lines = (ROOT / "requirements-package.txt").read_text(encoding="utf-8").splitlines()
    needed = {re.match(r"[\w-]+", line).group(): line for line in lines if re.match(r"\w", line)}
    here = _installed()
    if any(name.startswith("opencv-") for name in here):
        needed.pop("opencv-python", None)  # one of its kind is enough: they all fill the same folder
    return [line for name, line in needed.items() if name not in here]


def _installed():
    """name -> "name==version" of every distribution."""
    found = [(each.metadata["Name"], each.version) for each in importlib.metadata.distributions()]
    return {name.lower().replace("_", "-"): f"{name}=={version}" for name, version in found if name}


def _install(lines):
    """Install what is missing; nothing that is there is replaced."""
    if not lines:
        return
    names = [re.match(r"[\w-]+", line).group() for line in lines]
    print("installing", *names)
    with tempfile.TemporaryDirectory() as folder:
        keep = Path(folder) / "keep.txt"
        keep.write_text("\n".join(line for line in _installed().values() if _VERSION.fullmatch(line)))
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "-c", str(keep), *lines]
        if subprocess.run(pip, check=False).returncode:
            raise SystemExit(f"{', '.join(names)} could not be installed beside what is here; pip says above why.")
    importlib.invalidate_caches()


def _on_colab():
    try:
        import google.colab  # noqa: F401
    except ImportError:
        return False
    return True


def _drive(on_colab):
    """The project's folder on Drive, mounted; None if it cannot be had, which is said."""
    if not on_colab:
        played = os.environ.get("COLORIZE_DRIVE")  # a folder that plays Drive, for tests
        return Path(played) if played else None
    from google.colab import drive

    try:
        drive.mount("/content/drive")
    except Exception as error:  # noqa: BLE001  ("no" in Colab's dialog comes as one of several kinds)
        print("Drive is not there:", *str(error).splitlines()[:1])
        return None
    return Path("/content/drive/MyDrive/ColorizeIMG")
