"""Make the environment: a virtual environment with what the project needs, made once, mended if it was interrupted.

    python scripts/set_up.py            what colorizing and the notebooks need
    python scripts/set_up.py --dev      and what tests, lint and notebook runs need

Standard library only, and no new syntax, so that any Python 3 can start it; it finds one that is new enough. It says
in one line what stands in the way, and exits with 1.
"""

import argparse
import glob
import hashlib
import json
import os
import shutil
import subprocess
import sys

SUPPORTED = ((3, 13), (3, 12), (3, 11))
VERSIONS = [f"{major}.{minor}" for major, minor in SUPPORTED]
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROBE = "import sys; print(sys.version_info[0], sys.version_info[1]); import venv; import ensurepip"
OPTIONS = ("dev", "app", "export", "fast")
CHECK = "import tensorflow, keras, cv2, skimage, scipy, PIL, h5py, matplotlib, tqdm, kagglehub"


def stop(message):
    """Say what is missing, in one line, and end."""
    sys.stderr.write(f"set-up: {message}\n")
    raise SystemExit(1)


def candidates(wanted):
    """Commands that may start a Python, the newest version first."""
    pyenv = os.path.join(os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv")), "versions")
    built = sorted(os.listdir(pyenv), reverse=True) if os.path.isdir(pyenv) else []
    commands = []
    for version in [wanted] if wanted else VERSIONS:
        if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
            commands.append([sys.executable])
        commands.append(["python" + version])
        if os.name == "nt":
            commands.append(["py", "-" + version])
        commands += [[os.path.join(pyenv, n, "bin", "python")] for n in built if n.startswith(version + ".")]
    return commands + ([] if wanted else [["python3"], ["python"], [sys.executable]])


def version_of(command):
    """(major, minor) of the Python that ``command`` starts and whether it can make environments; None if it fails."""
    try:
        done = subprocess.run(command + ["-c", PROBE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    words = done.stdout.decode(errors="replace").split()
    return ((int(words[0]), int(words[1])), done.returncode == 0) if len(words) > 1 else None


def installed(wanted):
    """Whether a Python of the version ``wanted``, such as "3.13", runs here."""
    number = tuple(map(int, wanted.split(".")))
    return any((version_of(command) or [None])[0] == number for command in candidates(wanted))


def find_python(wanted):
    """The first candidate that runs, is new enough and can make environments. Shims that fail are passed over."""
    if wanted and wanted not in VERSIONS:
        stop(f"expected --python 3.11, 3.12 or 3.13, got {wanted}: TensorFlow has no build for others")
    without_venv = other = None
    for command in candidates(wanted):
        version, has_venv = version_of(command) or (None, False)
        name = ".".join(map(str, version or ()))
        if version and (version not in SUPPORTED or wanted and name != wanted):
            other = name
        elif version and not has_venv:
            without_venv = name
        elif version:
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
    with open(log, "wb") as out:
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
        stop(f"what was installed does not start: {last}; to begin afresh, delete the environment")


def stamped(path):
    """What the stamp in the environment says is installed: requirement line -> digest of its constraints."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def digest(constraints):
    """A few letters that change with the text of the constraints file (None: no constraints)."""
    text = b""
    if constraints:
        with open(constraints, "rb") as file:
            text = file.read()
    return hashlib.sha256(text).hexdigest()[:8]


def make(venv, wanted):
    """Make the environment afresh, in place of one that was left half made. Other folders are not touched."""
    base = find_python(wanted)
    ours = os.path.exists(os.path.join(venv, "pyvenv.cfg")) or os.path.basename(venv).startswith(".venv")
    if os.path.isdir(venv) and os.listdir(venv) and not ours:
        stop(f"expected an environment or an empty folder, got {venv}, which holds something else")
    shutil.rmtree(venv, ignore_errors=True)
    done = subprocess.run(base + ["-m", "venv", venv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        last = (done.stdout.decode(errors="replace").strip().splitlines() or ["no reason given"])[-1]
        stop(f"the environment could not be made: {last} (Debian, Ubuntu: apt install python3-venv)")


def healthy(venv):
    """Whether the environment can go on being used. Stops if it has a Python that TensorFlow has no build for."""
    python = python_in(venv)
    version = version_of([python])
    if not version:
        return False
    if version[0] not in SUPPORTED:
        found = ".".join(map(str, version[0]))
        stop(f"{os.path.relpath(venv)} has Python {found}, expected 3.11, 3.12 or 3.13: delete it and call again")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    pip = [python, "-m", "pip", "--version"]
    return not subprocess.call(pip, **quiet) or not subprocess.call([python, "-m", "ensurepip"], **quiet)


def forget_half_installed(venv):
    """Take away the records of packages whose installation was cut off, so that pip does not hold them for whole.

    An installer writes the file INSTALLER after all others.
    """
    library = ["Lib"] if os.name == "nt" else ["lib", "python3*"]
    for record in glob.glob(os.path.join(glob.escape(venv), *(library + ["site-packages", "*.dist-info"]))):
        if not os.path.exists(os.path.join(record, "INSTALLER")):
            shutil.rmtree(record, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dev", action="store_true", help="also what tests, lint and notebook runs need")
    parser.add_argument("--app", action="store_true", help="also what the web page needs")
    parser.add_argument("--export", action="store_true", help="also what ONNX files are made with")
    parser.add_argument("--fast", action="store_true", help="also what runs the network without TensorFlow")
    parser.add_argument("--venv", default=os.path.join(ROOT, ".venv"), help="folder of the environment")
    parser.add_argument("--python", help="which version to use, such as 3.13 (default: the newest that is there)")
    parser.add_argument("--colab", metavar="FILE", help="constraints: Colab's versions, without jupyter")
    args = parser.parse_args()
    args.venv = os.path.abspath(args.venv)
    names = ["requirements.txt"] + [f"requirements-{name}.txt" for name in OPTIONS if getattr(args, name)]
    lines = [line for line in requirement_lines(names) if not (args.colab and line.startswith("jupyter"))]
    lines += ["ipykernel", "ipywidgets"] * bool(args.colab)
    constraints = ["-c", args.colab] if args.colab else []
    stamp, python = os.path.join(args.venv, "set-up.json"), python_in(args.venv)
    marks = dict.fromkeys(lines, digest(args.colab))
    done = stamped(stamp) if os.path.exists(python) else {}
    if all(done.get(line) == mark for line, mark in marks.items()):
        return
    if not healthy(args.venv):
        make(args.venv, args.python)
        done = {}
    forget_half_installed(args.venv)
    print(f"installing what is missing into {os.path.relpath(args.venv)} (2.8 GB from nothing, a few minutes)")
    sys.stdout.flush()
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"] + constraints
    run(pip + lines, "installing", os.path.join(args.venv, "set-up.log"))
    check(python)
    with open(stamp + ".tmp", "w", encoding="utf-8") as file:
        json.dump(dict(done, **marks), file, indent=1)
    os.replace(stamp + ".tmp", stamp)
    print(f"ready: {os.path.relpath(python)}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        stop("interrupted; the next call goes on")
