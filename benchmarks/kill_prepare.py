"""Kill `prepare` with SIGKILL and start it again, start two at once in one folder, flip bits of sets that are ready.

    python benchmarks/kill_prepare.py [--runs 10] [--photos 600] [--seed 0]

Kills: a set made by a process that was killed at a random moment and started again has to equal, byte by byte, the one
of a process left alone. Pairs: two processes with other photos each begin one set at the same moment; one has to end
with status 0 and a set of its own photos only, the other with one line. Flips: of a set with one flipped bit
`prepare --check` has to name the file. Prints how many of each were so, ends with status 1 if any was not.
"""

import argparse
import csv
import hashlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from colorize_utils import ColorizeError  # noqa: E402
from colorize_utils.data.digests import check  # noqa: E402


def write_photos(folder, count, name, rng):
    """Small photos of smooth random color."""
    folder.mkdir()
    for k in range(count):
        codes = rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)
        image = Image.fromarray(codes).resize((240, 180), Image.Resampling.BICUBIC)
        image.save(folder / f"{name}-{k:04d}.jpg", quality=90)
    return folder


def start(photos, folder):
    """Begin to prepare a set, or go on with it, in a new process."""
    command = [sys.executable, "-m", "colorize_utils", "prepare", "--source", "photos", "--input", str(photos)]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*command, "--output", str(folder)], cwd=ROOT, **pipes)


def contents(folder):
    """Name -> digest of each file of a set."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def wait_until(condition, process):
    while not condition() and process.poll() is None:
        time.sleep(0.001)


def kill_once(photos, made, seconds):
    """Prepare for so long after the set's folder is there -> whether that was a kill, and no end."""
    process = start(photos, made)
    wait_until(made.exists, process)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    process.communicate()
    return process.returncode < 0


def kills(folder, photos, alone, runs, draw):
    """Kill and start again ``runs`` times -> how many sets equal the one left alone."""
    process, good = start(photos, alone), 0
    wait_until(alone.exists, process)
    began = time.monotonic()
    if process.wait():
        raise SystemExit(process.stderr.read())
    seconds, expected = time.monotonic() - began, contents(alone)
    for number in range(runs):
        made, killed = folder / f"killed-{number}", 0
        while not killed:  # else it was faster than the one left alone
            shutil.rmtree(made, ignore_errors=True)
            for _ in range(3):
                killed += kill_once(photos, made, draw.uniform(0, seconds))
        last = start(photos, made)
        said = last.communicate()[1]
        found = contents(made)
        equal = last.returncode == 0 and found == expected
        good += equal
        others = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
        what = "equal" if equal else f"DIFFERS in {', '.join(others)} {said[-300:]}"
        print(f"set {number}: killed {killed} times, {what}", flush=True)
        shutil.rmtree(made)
    return good


def pairs(folder, photos, others, runs, draw):
    """Start two at once ``runs`` times -> how often one won whole and the other said one line."""
    good = 0
    for number in range(runs):
        made = folder / f"pair-{number}"
        first = start(photos, made)
        time.sleep(draw.uniform(0, 0.3))
        both = [first, start(others, made)]
        said = [process.communicate()[1] for process in both]
        status = [process.returncode for process in both]
        won = [k for k in (0, 1) if status[k] == 0]
        clean = len(won) == 1 and is_whole(made, ("one", "two")[won[0]]) and "Traceback" not in said[1 - won[0]]
        good += clean
        line = said[1 - won[0]].strip().splitlines()[-1] if len(won) == 1 else said
        print(f"pair {number}: status {status}, {'one whole set' if clean else 'WRONG'}; {line}", flush=True)
        shutil.rmtree(made)
    return good


def is_whole(folder, name):
    """Whether a set is as it was written, of photos of that name."""
    check(folder)
    with open(folder / "index.csv", encoding="utf-8", newline="") as file:
        return all(Path(row["name"]).name.startswith(f"{name}-") for row in csv.DictReader(file))


def flips(folder, alone, count, draw):
    """Flip one bit of a file of the set -> how many were found."""
    copy, found = shutil.copytree(alone, folder / "flipped"), 0
    for _ in range(count):
        path = draw.choice([path for path in sorted(copy.iterdir()) if path.suffix in (".npy", ".csv")])
        data = bytearray(path.read_bytes())
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        path.write_bytes(data)
        try:
            check(copy)
        except ColorizeError as error:
            found += path.name in str(error) and "\n" not in str(error)
        shutil.copy2(alone / path.name, path)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10, help="sets that are killed, pairs, and ten times as many flips")
    parser.add_argument("--photos", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    draw, rng = random.Random(args.seed), np.random.default_rng(args.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos, others = (write_photos(folder / name, args.photos, name, rng) for name in ("one", "two"))
        alone = folder / "alone"
        good = [kills(folder, photos, alone, args.runs, draw), pairs(folder, photos, others, args.runs, draw)]
        good.append(flips(folder, alone, 10 * args.runs, draw))
    asked = args.runs, args.runs, 10 * args.runs
    names = "sets equal after kills", "pairs with one whole set and one line", "flipped bits named"
    print("; ".join(f"{name}: {count} of {of}" for name, count, of in zip(names, good, asked, strict=True)))
    return 0 if tuple(good) == asked else 1


if __name__ == "__main__":
    sys.exit(main())
