"""Run tests and notebooks with the versions of our packages that Google Colab has, on its Pythons.

Dependencies that moved on are what broke most colourising notebooks. The environments are kept in .venv-colab*.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main():
    """Check each of Colab's Python versions that is installed here. Returns the exit status."""
    checked = 0
    for version in ("3.13", "3.12"):
        name = version.replace(".", "")
        venv = ROOT / f".venv-colab{name}"
        constraints = ROOT / "tests" / f"colab-py{name}.txt"
        set_up = [sys.executable, str(ROOT / "scripts" / "set_up.py"), "--dev", "--venv", str(venv)]
        if subprocess.call([*set_up, "--python", version, "--colab", str(constraints)]):
            print(f"Python {version} left out")
            continue
        python = str(venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python"))
        for command in (["-m", "pytest"], ["scripts/run_notebooks.py"]):
            if subprocess.call([python, *command], cwd=ROOT):
                print(f"Colab's versions on Python {version}: {' '.join(command)} failed")
                return 1
        checked += 1
        print(f"Colab's versions on Python {version}: tests and notebooks pass")
    return 0 if checked else 1


if __name__ == "__main__":
    sys.exit(main())
