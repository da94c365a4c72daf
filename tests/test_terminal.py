"""What goes to the terminal and into tables: nothing that steers it, nothing that is computed, wherever it leads."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_cli import files_below, put, run, stub  # noqa: F401  (a fixture)

from colorize_utils import cli, terminal
from colorize_utils.terminal import cell, shown

ROOT = Path(__file__).parents[1]
CODE = """
import sys
import numpy as np
from colorize_utils import cli
from colorize_utils.commands import colorize as command
from colorize_utils.inference.colorizer import Colorizer

command.load_colorizer = lambda *how: Colorizer(lambda x: np.broadcast_to(np.float32([0.2, 0.3]), (*x.shape[:3], 2)))
sys.exit(cli.main(sys.argv[1:]))
"""
posix = pytest.mark.skipif(os.name == "nt", reason="a POSIX shell")


def shell(line, **more):
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(["sh", "-c", line], env=env, capture_output=True, text=True, timeout=300, **more)


@posix
@pytest.mark.parametrize("closed", ["2>&-", ">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_change_nothing(tmp_path, closed):
    """With stderr closed the next file opened gets its number: a decoder's complaint would go into a picture."""
    put(tmp_path / "in" / "a.png"), put(tmp_path / "in" / "b.tif")
    (tmp_path / "in" / "bad.png").write_text("no photo")
    smooth = np.add.outer(np.arange(60), np.arange(80)).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / "in" / "c.tif", compression="tiff_lzw")
    data = bytearray((tmp_path / "in" / "c.tif").read_bytes())
    data[len(data) // 3 : len(data) // 3 + 40] = bytes(range(200, 240))  # libtiff says much about it
    (tmp_path / "in" / "c.tif").write_bytes(data)
    (tmp_path / "code.py").write_text(CODE)
    for out, streams in (("usual", ""), ("closed", closed)):
        line = f"{sys.executable} code.py colorize in -o {out} --workers 1 {streams}"
        assert shell(line, cwd=tmp_path).returncode == 1
    names = files_below(tmp_path / "usual")
    assert names == ["a.png", "b.tif"] == files_below(tmp_path / "closed")
    assert all((tmp_path / "usual" / n).read_bytes() == (tmp_path / "closed" / n).read_bytes() for n in names)


@posix
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_output_that_cannot_be_written_is_a_line(tmp_path):
    command = f"{sys.executable} -m colorize_utils"
    done = shell(f"{command} info > /dev/full", cwd=ROOT)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and "the disk is full" in done.stderr
    put(tmp_path / "in" / "a.png"), (tmp_path / "in" / "bad.png").write_text("no photo")
    (tmp_path / "code.py").write_text(CODE)
    done = shell(f"{sys.executable} code.py colorize in -o out 2> /dev/full", cwd=tmp_path)
    assert done.returncode == 1 and "1 picture written" in done.stdout and files_below(tmp_path / "out") == ["a.png"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_cell_that_a_spreadsheet_would_compute_is_text(text):
    assert cell(text) == "'" + text and cell(cell(text)) == "'" + text


@pytest.mark.parametrize("text", ["", "a=1", "photos/=1.png", "'=1", "naïve.png"])
def test_other_cells_are_left_as_they_are(text):
    assert cell(text) == text


@posix
def test_a_report_has_no_cell_that_is_computed(stub, tmp_path, capsys, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    names = ["=cmd|' /C calc'!A0.png", "@a.png", "+b.png", "-c.png"]
    for name in names:
        put(tmp_path / name)
    assert run(capsys, "colorize", "-o", "=out", "--report", "r.csv", "--", *names)[0] == 0
    with open("r.csv", newline="", encoding="utf-8-sig") as file:
        found = list(csv.reader(file))[1:]
    assert [row[0] for row in found] == [f"'{name}" for name in names]
    assert all(not value.startswith(("=", "+", "-", "@")) for row in found for value in row)


@posix
def test_escape_codes_of_names_and_metadata_are_shown_and_not_sent(stub, tmp_path, capsys, monkeypatch):  # noqa: F811
    evil = "\x1b]0;mine\x07\x1b[2Ja"
    assert shown(evil) == "\\x1b]0;mine\\x07\\x1b[2Ja"
    photo = put(tmp_path / f"{evil}.png")
    stub_out = tmp_path / f"{evil}-out"
    (tmp_path / f"{evil}-bad.png").write_text("no photo")
    said = [run(capsys, "colorize", photo, tmp_path / f"{evil}-bad.png", "-o", stub_out, "--report", f"{evil}.txt")]
    said += [run(capsys, "colorize", photo, tmp_path / f"{evil}-bad.png", "-o", stub_out)]
    said += [run(capsys, "colorize", tmp_path / f"{evil}.none", "-o", stub_out)]
    said += [run(capsys, "samples", tmp_path / f"{evil}-samples")]
    said += [run(capsys, command, tmp_path / f"{evil}.h5") for command in ("info", evil)]
    said += [run(capsys, "export-model", tmp_path / f"{evil}.h5", "-o", tmp_path / "m.h5")]
    said += [run(capsys, "evaluate", "--photos", tmp_path / evil, "-o", tmp_path / "report", "--model", f"{evil}=x")]
    for _, out, complaints in said:
        assert "\x1b" not in out + "".join(complaints) and "\x07" not in out


def test_complaints_that_nobody_can_read_stop_nothing(monkeypatch):
    class Gone:
        def write(self, text):
            raise BrokenPipeError

        flush = write

    monkeypatch.setattr(sys, "stderr", Gone())
    terminal.complain("something")
    assert cli.main(["info", "no such file"]) == 1
