# @title Set up { display-mode: "form" }
repository = "https://github.com/aandrijana/Image-Colorization-Project"  # @param {type:"string"}
use_drive = False  # @param {type:"boolean"}

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import google.colab  # noqa: F401

    on_colab = True
except ImportError:
    on_colab = False

# Opened from a checkout, the project is this folder or one above it; on Colab it is cloned.
root = next((p for p in (Path.cwd(), *Path.cwd().parents) if (p / "colorize_utils").is_dir()), None)
if root is None:
    root = Path("ColorizeIMG").resolve()
    if not (root / "colorize_utils").is_dir():
        if root.exists():
            raise SystemExit(f"{root.name} is here already and is not the project: rename it or delete it.")
        with tempfile.TemporaryDirectory() as folder:
            clone = Path(folder) / "clone"
            subprocess.run(["git", "clone", "--quiet", "--depth", "1", repository, str(clone)], check=False)
            if not (clone / "colorize_utils").is_dir():
                raise SystemExit(
                    f"{repository} has no colorize_utils in it: set `repository` above to the project's address."
                )
            shutil.move(clone, root)
os.chdir(root)
sys.path.insert(0, str(root))

# Only what is missing is installed; nothing that is there is replaced, and never jupyter.
needed = "tensorflow keras numpy opencv-python scikit-image kagglehub matplotlib scipy pillow h5py tqdm".split()
found = [(d.metadata["Name"], d.version) for d in importlib.metadata.distributions() if d.metadata["Name"]]
installed = {name.lower().replace("_", "-"): f"{name}=={version}" for name, version in found}
if any(name.startswith("opencv-") for name in installed):
    needed.remove("opencv-python")  # one of its kind is enough: they all fill the same folder
missing = [name for name in needed if name not in installed]
if missing:
    print("installing", *missing)
    with tempfile.TemporaryDirectory() as folder:
        keep = Path(folder) / "keep.txt"
        version = re.compile(r"[\w.-]+==\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[\w.]+)?")  # as pip reads it
        keep.write_text("\n".join(line for line in installed.values() if version.fullmatch(line)))
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "-c", str(keep), *missing]
        if subprocess.run(pip, check=False).returncode:
            raise SystemExit(f"{', '.join(missing)} could not be installed beside what is here; pip says above why.")

drive = None  # the project's folder on Drive, where there is one
if on_colab and use_drive:
    from google.colab import drive as colab_drive

    try:
        colab_drive.mount("/content/drive")
        drive = Path("/content/drive/MyDrive/ColorizeIMG")
    except Exception as error:  # "no" in Colab's dialog comes as one of several kinds
        print("Drive is not there:", *str(error).splitlines()[:1])
elif use_drive and os.environ.get("COLORIZE_DRIVE"):
    drive = Path(os.environ["COLORIZE_DRIVE"])  # a folder that plays Drive, for tests
print("ready" + (f", with Drive: {drive}" if drive else ""))
