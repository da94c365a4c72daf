"""Kill real trainings with SIGKILL, start them again, and compare what they end with to a training left alone.

    python benchmarks/kill_resume.py                       30 runs with TensorFlow, then 30 with JAX
    python benchmarks/kill_resume.py --runs 6 --precision mixed_float16

Each run is all four phases of the recipe `tiny` in a process of its own, killed once: at a random moment of its
training, and every third one while a checkpoint is being written. Equal means: every variable of the last checkpoint
(both networks, the average, both optimizers) and of every file a phase leaves, bit for bit; the history but for its
minutes; the digest of the photos seen in their order; and the checkpoint called the best. Prints a table and ends with
status 1 if a run was not equal. About half a minute a run on two cores.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from colorize_utils.data.filters import Filters  # noqa: E402
from colorize_utils.data.prepare import prepare  # noqa: E402
from colorize_utils.data.sources import SamplePhotos  # noqa: E402
from colorize_utils.training.checkpoint import Checkpoints  # noqa: E402
from colorize_utils.weights import read_arrays  # noqa: E402

OUTPUTS = (
    "1-decoder/generator.h5",
    "2-unet/generator.h5",
    "3-critic/critic.h5",
    "4-gan/generator.h5",
    "4-gan/critic.h5",
)


def start(data, run, backend, precision, cache):
    """Begin a training, or go on with it, in a new process."""
    env = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)}
    if backend == "jax":
        env |= {"JAX_COMPILATION_CACHE_DIR": str(cache), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    command = [sys.executable, "-m", "colorize_utils", "train", "--recipe", "tiny", "--preset", "smoke"]
    command += ["--data", str(data), "--run", str(run), "--batch", "4", "--epoch-photos", "24", "--save-steps", "2"]
    log = open(run.with_suffix(".log"), "ab")  # noqa: SIM115  (the process keeps it)
    return subprocess.Popen([*command, "--precision", precision], env=env, cwd=ROOT, stdout=log, stderr=log)


def finish(process, run):
    """Wait for a training to end by itself."""
    if process.wait() != 0:
        raise SystemExit(
            f"{run} ended with status {process.returncode}:\n{run.with_suffix('.log').read_text()[-2000:]}"
        )


def outcome(run):
    """All that must be equal, as a dict."""
    checkpoints = Checkpoints(run)
    arrays, state = checkpoints.load()
    best, best_state = checkpoints.load_best()
    rows = [{k: v for k, v in row.items() if k != "minutes"} for row in state["history"]]
    place = {k: state[k] for k in ("phase", "epoch", "step", "images", "best", "stale", "done", "finished")}
    weights = {"last": arrays} | {name: read_arrays(run / name)[0] for name in OUTPUTS}
    with open(run / "history.csv") as file:
        lines = len(file.read().splitlines())
    return {
        "weights": weights,
        "history": (rows, lines),
        "photos": state["photos"],
        "best": {"best": best, "step": {"phase": np.array(best_state["phase"]), "step": np.array(best_state["step"])}},
        "place": place,
    }


def same(a, b):
    """Whether two outcomes are equal, part by part, as a dict of bools."""
    return {key: _equal(a[key], b[key]) for key in a}


def differences(a, b, name=""):
    """Names of the parts in which two outcomes differ, with the largest difference of an array."""
    if isinstance(a, dict) and isinstance(b, dict):
        return [line for k in a.keys() | b.keys() for line in differences(a.get(k), b.get(k), f"{name}/{k}")]
    if _equal(a, b):
        return []
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and a.shape == b.shape:
        return [f"{name} by up to {np.abs(a.astype(np.float64) - b).max():.3g}"]
    return [f"{name}: {str(a)[:60]} and {str(b)[:60]}"]


def _equal(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_equal(a[k], b[k]) for k in a)
    return np.array_equal(a, b) and a.dtype == b.dtype if isinstance(a, np.ndarray) else a == b


def wait_for(condition, process):
    """Busy wait; False if the process ended before."""
    while not condition():
        if process.poll() is not None:
            return False
        time.sleep(0.0005)
    return True


def saving(run):
    """Whether a checkpoint is being written: its temporary name is there, or its name and not yet in the manifest."""
    if any(run.glob(".checkpoint-*.tmp")):
        return True
    try:
        text = (run / "manifest.json").read_text()
    except OSError:
        text = ""
    return any(path.name not in text for path in run.glob("checkpoint-*.h5"))


def kill_at_random(process, run, draw, seconds):
    wait_for(lambda: (run / "lock").exists(), process)
    try:
        process.wait(timeout=draw.uniform(0, seconds))
    except subprocess.TimeoutExpired:
        process.kill()
    process.wait()


def newest(run):
    """The highest number of a checkpoint in the folder, whole or not yet."""
    files = [*run.glob("checkpoint-*.h5"), *run.glob(".checkpoint-*.tmp")]
    return max([int(path.name.lstrip(".")[11:17]) for path in files], default=0)


def kill_in_save(process, run, draw, saves):
    """Kill inside the save whose number is drawn, at most some milliseconds after it was seen, or inside a later one.

    A save of the tiny networks can be over before its kill arrives, so the process is stopped first: where the save is
    over by then, the process goes on to its next one.
    """
    number = draw.randrange(saves)
    wait_for(lambda: newest(run) > number, process)
    while wait_for(lambda: saving(run), process):
        time.sleep(draw.uniform(0, 0.01))
        process.send_signal(signal.SIGSTOP)
        if saving(run):
            process.kill()
            break
        process.send_signal(signal.SIGCONT)
    process.wait()


def trial(number, folder, straight, seconds, saves, settings, draw):
    """One run, killed once and started again -> a row of the table, whether all was equal, seconds of a whole run."""
    in_save = number % 3 == 0
    for attempt in range(20):
        run = folder / f"run-{number}-{attempt}"
        process = start(run=run, **settings)
        began = time.monotonic()
        (kill_in_save if in_save else kill_at_random)(process, run, draw, saves if in_save else seconds)
        if process.returncode == -9 and (saving(run) or not in_save):
            break
        if process.returncode == 0:  # faster than the one left alone: the moments drawn next fall inside
            seconds = min(seconds, time.monotonic() - began)
        print(
            f"run {number}: attempt {attempt} missed ({'no save under way' if in_save else 'it had ended'})", flush=True
        )
    during = "a save" if saving(run) else "training"
    found = Checkpoints(run, say=lambda text: None).load()
    place = f"{found[1]['phase'] + 1}, {found[1]['step']}" if found else "the beginning"
    finish(start(run=run, **settings), run)
    ended = outcome(run)
    equal = same(straight, ended)
    for line in sorted(differences(straight, ended))[:12]:
        print(f"run {number} differs in {line}")
    return [number, during, place, *equal.values()], all(equal.values()), seconds


def table(backend, runs, folder, data, seed=0, precision="float32"):
    """Kill and resume ``runs`` trainings with a backend; print a table. Returns how many were equal."""
    settings = {"data": data, "backend": backend, "precision": precision, "cache": folder / "cache"}
    alone = folder / "alone"
    if backend == "jax":  # fills the compile cache, as the runs after it find it
        finish(start(run=folder / "first", **settings), folder / "first")
    process = start(run=alone, **settings)
    wait_for(lambda: (alone / "lock").exists(), process)
    began = time.monotonic()
    finish(process, alone)
    seconds = time.monotonic() - began
    straight = outcome(alone)
    saves = newest(alone)
    if backend == "jax":
        for line in sorted(differences(outcome(folder / "first"), straight))[:12]:
            print(f"two runs left alone differ in {line}")
    print(f"\n{backend}, {precision}: {saves} saves in {seconds:.0f} s when left alone")
    print(f"{'run':>4} {'killed in':10} {'from (phase, step)':19}", *(f"{key:>8}" for key in straight), flush=True)
    draw, equal = random.Random(f"{seed} {backend} {precision}"), 0
    for number in range(runs):
        row, good, seconds = trial(number, folder, straight, seconds, saves, settings, draw)
        equal += good
        words = ["equal" if value else "DIFFERS" for value in row[3:]]
        print(f"{row[0]:>4} {row[1]:10} {row[2]:19}", *(f"{word:>8}" for word in words), flush=True)
    print(f"{backend}, {precision}: {equal} of {runs} equal", flush=True)
    return equal


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--backend", nargs="+", choices=("tensorflow", "jax"), default=["tensorflow", "jax"])
    parser.add_argument("--precision", choices=("float32", "mixed_bfloat16", "mixed_float16"), default="float32")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    equal = 0
    for backend in args.backend:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            quiet = {"progress": False, "say": lambda text: None}
            prepare(SamplePhotos(), folder / "set", height=64, width=96, filters=Filters.none(), **quiet)
            equal += table(backend, args.runs, folder, folder / "set", args.seed, args.precision)
    return 0 if equal == args.runs * len(args.backend) else 1


if __name__ == "__main__":
    sys.exit(main())
