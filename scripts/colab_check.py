"""Run tests and notebooks with the versions of our packages that Google Colab has, on its Pythons.

Dependencies that moved on are what broke most colorizing notebooks. The environments are kept in .venv-colab*.
"""

import subprocess
import sys
from pathlib import Path

import set_up

ROOT = Path(__file__).resolve().parent.parent


def main():
    """Check each of Colab's Python versions that is installed here. Returns the exit status."""
    checked = 0
    for version in ("3.13", "3.12"):
        if not set_up.installed(version):
            print(f"Python {version} is not installed: left out")
            continue
        name = version.replace(".", "")
        venv = ROOT / f".venv-colab{name}"
        constraints = ROOT / "tests" / f"colab-py{name}.txt"
        environment = ["--dev", "--venv", str(venv), "--python", version, "--colab", str(constraints)]
        steps = [
            [sys.executable, "scripts/set_up.py", *environment],
            [set_up.python_in(venv), "-m", "pytest", "-n", "2", "--dist", "loadfile"],
            [set_up.python_in(venv), "scripts/run_notebooks.py"],
        ]
        for step in steps:
            if subprocess.call(step, cwd=ROOT):
                print(f"Colab's versions on Python {version}: {' '.join(step[1:3])} failed", file=sys.stderr)
                return 1
        checked += 1
        print(f"Colab's versions on Python {version}: tests and notebooks pass")
    if not checked:
        print("expected Python 3.13 or 3.12, found neither", file=sys.stderr)
    return 0 if checked else 1


if __name__ == "__main__":
    sys.exit(main())
