"""Make the environment: a virtual environment with what the project needs, made once, mended if it was interrupted.

    python scripts/set_up.py            what colourising and the notebooks need
    python scripts/set_up.py --dev      and what tests, lint and notebook runs need

Standard library only, and no new syntax, so that any Python 3 can start it; it finds one that is new enough. It says
in one line what stands in the way, and exits with 1.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys

SUPPORTED = ((3, 13), (3, 12), (3, 11))
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROBE = "import sys; print(sys.version_info[0], sys.version_info[1]); import venv; import ensurepip"
CHECK = "import tensorflow, keras, cv2, skimage, scipy, PIL, h5py, matplotlib, tqdm, kagglehub"


def stop(message):
    """Say what is missing, in one line, and end."""
    sys.stderr.write(f"set-up: {message}\n")
    raise SystemExit(1)


def candidates(wanted):
    """Commands that may start a Python, the likeliest first."""
    versions = [wanted] if wanted else [f"{major}.{minor}" for major, minor in SUPPORTED]
    commands = [] if wanted else [[sys.executable]]
    commands += [["python" + v] for v in versions]
    if os.name == "nt":
        commands += [["py", "-" + v] for v in versions]
    if not wanted:
        commands += [["python3"], ["python"]]
    pyenv = os.path.join(os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv")), "versions")
    if os.path.isdir(pyenv):
        for name in sorted(os.listdir(pyenv), reverse=True):
            if any(name.startswith(v + ".") for v in versions):
                commands.append([os.path.join(pyenv, name, "bin", "python")])
    return commands


def find_python(wanted):
    """The first candidate that runs, is new enough and can make environments. Shims that fail are passed over."""
    without_venv = other = None
    for command in candidates(wanted):
        if not (os.path.exists(command[0]) or shutil.which(command[0])):
            continue
        try:
            done = subprocess.run(command + ["-c", PROBE], capture_output=True, timeout=60)
        except (OSError, subprocess.SubprocessError):
            continue
        words = done.stdout.decode().split()
        if len(words) < 2:
            continue
        version = (int(words[0]), int(words[1]))
        if version not in SUPPORTED:
            other = ".".join(words[:2])
        elif done.returncode:
            without_venv = ".".join(words[:2])
        else:
            return command
    if without_venv:
        stop(f"Python {without_venv} has no venv module: install it (Debian, Ubuntu: apt install python3-venv)")
    found = f" (found {other})" if other else ""
    stop(f"expected Python {wanted or '3.11, 3.12 or 3.13'}{found}; TensorFlow has no build for others")


def python_in(venv):
    """The environment's own Python."""
    return os.path.join(venv, "Scripts", "python.exe") if os.name == "nt" else os.path.join(venv, "bin", "python")


def requirement_lines(names):
    """The lines of requirement files, with "-r" followed."""
    lines = []
    for name in names:
        with open(os.path.join(ROOT, name), encoding="utf-8") as file:
            for line in file.read().splitlines():
                if line.startswith("-r "):
                    lines += requirement_lines([line[3:].strip()])
                elif line.strip() and not line.startswith("#"):
                    lines.append(line.strip())
    return lines


def run(command, what, log):
    """Run a command with its output in a log file; one line and the log's end if it fails."""
    with open(log, "ab") as out:
        code = subprocess.call(command, stdout=out, stderr=subprocess.STDOUT)
    if code:
        with open(log, encoding="utf-8", errors="replace") as file:
            errors = [line.strip() for line in file if "error" in line.lower()]
        stop(f"{what} failed: {errors[-1] if errors else f'status {code}'} (the whole log: {log})")


def check(python):
    """Import what was installed: a wheel may need a library of the system that is not there."""
    done = subprocess.run(
        [python, "-c", CHECK], stderr=subprocess.PIPE, env=dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3"), timeout=600
    )
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1]
        if "libGL" in last or "libgthread" in last or "libxcb" in last:
            stop(f"OpenCV needs a library of the system: {last} (Debian, Ubuntu: apt install libgl1 libglib2.0-0)")
        stop(f"what was installed does not start: {last}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dev", action="store_true", help="also what tests, lint and notebook runs need")
    parser.add_argument("--app", action="store_true", help="also what the web page needs")
    parser.add_argument("--venv", default=os.path.join(ROOT, ".venv"), help="folder of the environment")
    parser.add_argument("--python", help="which version to use, such as 3.13 (default: the newest that is there)")
    parser.add_argument("--colab", metavar="FILE", help="constraints: Colab's versions, without jupyter")
    args = parser.parse_args()
    names = ["requirements.txt"] + ["requirements-dev.txt"] * args.dev + ["requirements-app.txt"] * args.app
    lines = [line for line in requirement_lines(names) if not (args.colab and line.startswith("jupyter"))]
    lines += ["ipykernel"] * bool(args.colab)
    constraints = ["-c", args.colab] if args.colab else []
    stamp, python = os.path.join(args.venv, "set-up.json"), python_in(args.venv)
    done = {}
    if os.path.exists(stamp) and os.path.exists(python):
        with open(stamp, encoding="utf-8") as file:
            done = json.load(file)
    digest = {line: hashlib.sha256(" ".join(constraints).encode()).hexdigest()[:8] for line in lines}
    if all(done.get(line) == mark for line, mark in digest.items()):
        return
    if not os.path.exists(python) or subprocess.call([python, "-m", "pip", "--version"], stdout=subprocess.DEVNULL):
        base = find_python(args.python)
        shutil.rmtree(args.venv, ignore_errors=True)
        log = os.path.join(ROOT, ".set-up.log")
        run(base + ["-m", "venv", args.venv], "making the environment (is python3-venv installed?)", log)
        os.remove(log)
    print(f"installing what is missing into {os.path.relpath(args.venv)} (2.8 GB from nothing, a few minutes)")
    sys.stdout.flush()
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"] + constraints
    run(pip + lines, "installing", os.path.join(args.venv, "set-up.log"))
    check(python)
    with open(stamp + ".tmp", "w", encoding="utf-8") as file:
        json.dump(dict(done, **digest), file, indent=1)
    os.replace(stamp + ".tmp", stamp)


if __name__ == "__main__":
    main()
