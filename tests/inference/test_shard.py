"""`colorize --shard K/N`: an archive shared by machines that do not talk, and two of them writing to one folder."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_cli import files_below, is_orange, put, run, stub  # noqa: F401  (a fixture)

from colorize_utils import disk
from colorize_utils.inference.folders import plan, prepare_output, shard_of
from colorize_utils.photos import writing

ROOT = Path(__file__).resolve().parents[2]


def planned(count=100, root="in"):
    """A plan for ``count`` photos in folders of different sizes, in the order of their names."""
    names = sorted(f"{'abc'[k % 7 % 3]}/{k:03d}.jpg" for k in range(count))
    return plan([(Path(root) / name, Path(root)) for name in names], "out")


@pytest.mark.parametrize("count", [1, 3, 16, 100, 130])
def test_shards_are_apart_complete_and_equally_large(count):
    whole = planned()
    shards = [shard_of(whole, number, count) for number in range(1, count + 1)]
    assert sorted(pair for shard in shards for pair in shard) == sorted(whole)  # each once
    sizes = [len(shard) for shard in shards]
    assert max(sizes) - min(sizes) <= 1
    for shard in shards:  # in the order of the plan
        assert shard == [pair for pair in whole if pair in shard]


def test_the_order_in_which_photos_are_found_does_not_matter():
    whole = planned()
    shuffled = random.Random(0).sample(whole, len(whole))
    for number in (1, 2, 7):
        assert set(shard_of(whole, number, 7)) == set(shard_of(shuffled, number, 7))


def test_every_folder_is_dealt_to_all_shards():
    for number in (1, 2, 3, 4):
        folders_of = {photo.parent.name for photo, _ in shard_of(planned(), number, 4)}
        assert folders_of == {"a", "b", "c"}


@pytest.mark.parametrize("text", ["0/4", "5/4", "4", "3/0", "-1/4", "1/4/2", "1.5/2", "", "a/b", "٣/٤", "1 / 4"])
def test_what_is_no_shard_is_refused_in_one_line(tmp_path, capsys, text):
    status, _, complaints = run(capsys, "colorize", tmp_path, "-o", tmp_path / "out", f"--shard={text}")
    assert status == 2 and len(complaints) == 1 and not (tmp_path / "out").exists()
    assert f"expected a shard K/N with K from 1 to N, as 3/16, got {text!r}" in complaints[0]


def test_shards_together_make_what_one_call_makes(stub, tmp_path, capsys):  # noqa: F811
    for name in ("a.png", "b.jpg", "s/a.png", "s/c.tif", "t/A.png"):
        put(tmp_path / "in" / name)
    put(tmp_path / "more" / "a.png")  # becomes a-2.png, whichever shard it is in
    ask = ("colorize", tmp_path / "in", tmp_path / "more", "-o")
    assert run(capsys, *ask, tmp_path / "whole")[0] == 0
    seen = []
    for number in (1, 2, 3, 4):
        status, said, complaints = run(capsys, *ask, tmp_path / "shared", "--shard", f"{number}/4")
        assert status == 0 and not complaints
        seen.append(said.splitlines()[0])
    assert seen == [f"shard {k} of 4: {n} of 6 photos" for k, n in ((1, 2), (2, 2), (3, 1), (4, 1))]
    made = files_below(tmp_path / "shared")
    assert made == files_below(tmp_path / "whole") and "a-2.png" in made
    assert all((tmp_path / "shared" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes() for name in made)


def test_a_shard_that_was_interrupted_has_the_same_photos_again(stub, tmp_path, capsys, monkeypatch):  # noqa: F811
    for k in range(9):
        put(tmp_path / "in" / f"{k}.png")
    ask = ("colorize", tmp_path / "in", "-o", tmp_path / "out", "--workers", 1, "--shard")
    assert run(capsys, *ask, "1/2")[0] == 0
    write, count = writing.write_pages, []

    def stop_at_third(path, *args):
        count.append(path)
        if len(count) == 3:
            raise KeyboardInterrupt
        write(path, *args)

    monkeypatch.setattr(writing, "write_pages", stop_at_third)
    assert run(capsys, *ask, "2/2")[0] == 130
    monkeypatch.setattr(writing, "write_pages", write)
    status, said, _ = run(capsys, *ask, "2/2")
    assert status == 0 and "shard 2 of 2: 4 of 9 photos" in said
    assert "2 pictures written" in said and "2 there already" in said
    assert files_below(tmp_path / "out") == [f"{k}.png" for k in range(9)]


def test_a_shard_without_photos_is_no_failure(stub, tmp_path, capsys):  # noqa: F811
    put(tmp_path / "a.png")
    status, said, complaints = run(capsys, "colorize", tmp_path / "a.png", "-o", tmp_path / "out", "--shard", "3/3")
    assert (status, complaints, stub) == (0, [], [])  # and the model was not waited for
    assert said.splitlines()[0] == "shard 3 of 3: 0 of 1 photos" and "0 pictures written" in said


# --- two processes, one folder --------------------------------------------------------------------------------------


def test_no_two_writers_have_one_temporary_name(tmp_path, monkeypatch):
    """Also where the numbers of processes and threads are the same, as in containers on two machines."""
    monkeypatch.setattr(os, "getpid", lambda: 1)
    names = {disk.part_beside(tmp_path / "a.png") for _ in range(1000)}
    assert len(names) == 1000 and {name.parent for name in names} == {tmp_path}


def test_what_another_process_is_writing_is_left_alone(tmp_path, monkeypatch):
    ages = {".colorize-1.part": 0, "s/.colorize-2.part": 3600, "s/.colorize-3.part": 2 * 86_400, "s/old.part": 10**7}
    for name, age in ages.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    ahead = time.time() + 10**6
    monkeypatch.setattr(time, "time", lambda: ahead)  # this machine's clock is not the disk's
    prepare_output(tmp_path)
    assert files_below(tmp_path) == [".colorize-1.part", "s/.colorize-2.part", "s/old.part"]


def test_a_file_that_is_renamed_meanwhile_is_no_trouble(tmp_path, monkeypatch):
    gone = tmp_path / ".colorize-1.part"
    monkeypatch.setattr(disk, "walk", lambda folder: iter([(str(tmp_path), [], [gone.name])]))
    prepare_output(tmp_path)


CODE = """
import os, sys
import numpy as np
from colorize_utils import cli
from colorize_utils.commands import colorize as command
from colorize_utils.inference.colorizer import Colorizer

os.getpid = lambda: 1
orange = lambda x: np.broadcast_to(np.float32([0.2, 0.3]), (*x.shape[:3], 2))
command.load_colorizer = lambda model, *_: Colorizer(orange)
print("ready", flush=True)
sys.stdin.readline()
sys.exit(cli.main(sys.argv[1:]))
"""


def test_two_processes_in_one_folder_do_not_disturb_each_other(tmp_path):
    """Both color all photos, over each other's pictures: the hardest case, and what --shard makes a rare one."""
    names = [f"{'ab'[k % 2]}/{k:02d}.{'png' if k % 3 else 'tif'}" for k in range(30)]
    for name in names:
        put(tmp_path / "in" / name)
    command = [sys.executable, "-c", CODE, "colorize", tmp_path / "in", "-o", tmp_path / "out", "--overwrite"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    both = [subprocess.Popen([str(c) for c in command], env=env, text=True, **pipes) for _ in range(2)]
    for process in both:
        assert process.stdout.readline() == "ready\n"
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in both:
        said, complaints = process.communicate(timeout=120)
        assert process.returncode == 0 and "30 pictures written" in said, complaints
    assert files_below(tmp_path / "out") == sorted(names)
    assert all(is_orange(tmp_path / "out" / name) for name in names)
