# @title Set up { display-mode: "form" }
repository = "https://github.com/aandrijana/Image-Colorization-Project"  # @param {type:"string"}
use_drive = False  # @param {type:"boolean"}

import importlib.metadata
import os
import subprocess
import sys
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
    if not root.is_dir():
        subprocess.run(["git", "clone", "--quiet", "--depth", "1", repository, str(root)], check=False)
    if not (root / "colorize_utils").is_dir():
        raise SystemExit(f"{repository} has no colorize_utils in it: set `repository` above to the project's address.")
os.chdir(root)
sys.path.insert(0, str(root))

# Only what is missing is installed; nothing that is there is replaced, and never jupyter.
needed = "tensorflow keras numpy opencv-python scikit-image kagglehub matplotlib scipy pillow h5py tqdm".split()
installed = {d.metadata["Name"].lower().replace("_", "-"): d.version for d in importlib.metadata.distributions()}
missing = [name for name in needed if name not in installed]
if missing:
    Path("kept.txt").write_text("\n".join(f"{name}=={installed[name]}" for name in needed if name in installed))
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "-c", "kept.txt", *missing], check=True)
    Path("kept.txt").unlink()

drive = None
if on_colab and use_drive:
    from google.colab import drive as colab_drive

    colab_drive.mount("/content/drive")
    drive = Path("/content/drive/MyDrive/ColorizeIMG")
print("ready" + (f", keeping runs in {drive}" if drive else ""))
