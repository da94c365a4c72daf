# @title Set up { display-mode: "form" }
repository = "https://github.com/aandrijana/Image-Colorization-Project"  # @param {type:"string"}
use_drive = False  # @param {type:"boolean"}
import pathlib, shutil, subprocess, sys  # noqa: E401, I001

here = pathlib.Path("ColorizeIMG").resolve()
root = next((folder for folder in here.parents if (folder / "colorize_utils").is_dir()), here)
if not (root / "colorize_utils").is_dir():  # not in a checkout, as on Colab: fetch one
    git = ["git", "-c", "core.askPass=true", "clone", "--quiet", "--depth=1", repository, str(root)]
    done = subprocess.run(git, capture_output=True, text=True)
    if not (root / "colorize_utils").is_dir():
        if done.returncode == 0:
            shutil.rmtree(root, ignore_errors=True)
        raise SystemExit(f"{repository}: {done.stderr.strip() if done.returncode else 'no colorize_utils in it'}")
sys.path.insert(0, str(root))
from colorize_utils.colab import set_up

on_colab, drive = set_up(use_drive)
