"""Folders of photos as people have them: odd names, odd files, full disks, other models; workers; the table."""

import csv
import errno
import os
import shutil
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from test_cli import files_below, is_orange, put, run, see

from colorize_utils import cli, disk
from colorize_utils.commands import colorize
from colorize_utils.inference import folders
from colorize_utils.inference.colorizer import CHROMA_LIGHTNESS, Colorizer
from colorize_utils.photos import reading, writing


def orange(x):
    return np.broadcast_to(np.float32([0.2, 0.3]), (*x.shape[:3], 2))


@pytest.fixture
def stub(monkeypatch):
    """In place of a trained model; what it says of itself can be changed."""
    meta = {"name": "stub", "version": "1"}
    monkeypatch.setattr(colorize, "load_colorizer", lambda model, *_: Colorizer(orange, meta))
    monkeypatch.setattr(folders, "maker_in", lambda model=None, **how: folders.maker_of(meta, **how))
    return meta


def rows(path):
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


# --- what is asked for ----------------------------------------------------------------------------------------------


def test_the_report_has_a_row_for_every_photo(stub, tmp_path, capsys):
    for name in ("a.png", "b.jpg", "s/c.png"):
        put(tmp_path / "in" / name)
    (tmp_path / "in" / "bad.png").write_text("no photo")
    (tmp_path / "out").mkdir()
    shutil.copy(tmp_path / "in" / "a.png", tmp_path / "out" / "a.png")
    report = tmp_path / "deep" / "er" / "report.csv"
    args = ("colorize", tmp_path / "in", tmp_path / "absent.png", "-o", tmp_path / "out", "--report", report)
    status, said, complaints = run(capsys, *args)
    assert status == 1 and len(complaints) == 2
    assert "2 pictures written" in said and "1 there already" in said and "2 failed" in said
    found = {os.path.basename(row["photo"]): row for row in rows(report)}
    assert {name: row["status"] for name, row in found.items()} == {
        "a.png": "skipped", "b.jpg": "done", "c.png": "done", "bad.png": "failed", "absent.png": "failed",
    }  # fmt: skip
    done = found["c.png"]
    assert (done["width"], done["height"], done["model"]) == ("40", "30", "model stub 1")
    assert done["picture"] == str(tmp_path / "out" / "s" / "c.png") and 0 < float(done["seconds"]) < 60
    assert "another kind" in found["bad.png"]["notes"] and "there is no" in found["absent.png"]["notes"]
    assert [path.name for path in report.parent.iterdir()] == ["report.csv"]


def test_where_all_is_done_nothing_is_loaded_that_decodes_or_colors(tmp_path):
    put(tmp_path / "in" / "a.png"), put(tmp_path / "in" / "b.jpg")
    planned = folders.plan([(tmp_path / "in" / name, tmp_path / "in") for name in ("a.png", "b.jpg")], tmp_path / "out")
    folders.colorize_files(Colorizer(orange), planned, maker=folders.maker_in())  # as if by the shipped model
    heavy = ("tensorflow", "keras", "cv2", "PIL", "scipy", "h5py", "tifffile", "ai_edge_litert", "onnxruntime")
    words = ["colorize", str(tmp_path / "in"), "-o", str(tmp_path / "out")]
    code = (
        f"import sys; from colorize_utils.cli import main; status = main({words!r});"
        f"print(status, [m for m in {heavy!r} if m in sys.modules])"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    first, last = done.stdout.splitlines()
    assert "0 pictures written" in first and "2 there already" in first and last == "0 []"


def test_what_a_folder_leaves_out_is_counted_and_listed_in_the_report(stub, tmp_path, capsys):
    put(tmp_path / "in" / "a.png"), put(tmp_path / "in" / "out" / "before.png")
    for name in ("notes.txt", "s/raw.cr2", "s/other.CR2", ".hidden.png", "out/done.csv"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"")
    report = tmp_path / "in" / "out" / "report.csv"
    status, said, complaints = run(
        capsys, "colorize", tmp_path / "in", "-o", tmp_path / "in" / "out", "--report", report
    )
    assert (status, complaints) == (0, [])
    assert "1 picture written" in said and "4 no photos by name, or hidden, left out (2 .cr2, 1 " in said
    found = {os.path.basename(row["photo"]): (row["status"], row["notes"]) for row in rows(report)}
    assert found == {
        "a.png": ("done", ""),
        "notes.txt": ("left out", "no photo by its name"),
        "raw.cr2": ("left out", "no photo by its name"),
        "other.CR2": ("left out", "no photo by its name"),
        ".hidden.png": ("left out", "hidden"),
    }
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "x.nef").write_bytes(b"")
    status, _, complaints = run(capsys, "colorize", tmp_path / "raw", "-o", tmp_path / "out")
    assert status == 1 and complaints[0].endswith("found none among 1 files: 1 .nef")


@pytest.mark.parametrize("name", ["a.png", "in/a.png", "report", "folder.csv", "a.png/report.csv"])
def test_a_report_that_is_no_csv_or_cannot_be_is_refused_first(stub, tmp_path, capsys, name):
    before = put(tmp_path / "in" / "a.png").read_bytes()
    put(tmp_path / "a.png"), (tmp_path / "folder.csv").mkdir()
    args = ("colorize", tmp_path / "in", "-o", tmp_path / "out", "--report", tmp_path / name)
    status, said, complaints = run(capsys, *args)
    assert (status, said, len(complaints)) == (2, "", 1) and "report" in complaints[0]
    assert (tmp_path / "in" / "a.png").read_bytes() == before and not (tmp_path / "out").exists()


def test_workers_give_what_one_gives_in_the_same_order(stub, tmp_path, capsys):
    for k in range(9):
        put(tmp_path / "in" / f"{k}.png", (20 + 3 * k, 40))
        (tmp_path / "in" / f"{k}-bad.png").write_text("no photo")
    said = {}
    for workers in (1, 3):
        out = tmp_path / f"out{workers}"
        status, _, complaints = run(capsys, "colorize", tmp_path / "in", "-o", out, "--workers", workers)
        said[workers] = status, complaints
        assert status == 1 and len(complaints) == 9
    assert said[1] == said[3]
    assert files_below(tmp_path / "out1") == files_below(tmp_path / "out3")
    for name in files_below(tmp_path / "out1"):
        assert (tmp_path / "out1" / name).read_bytes() == (tmp_path / "out3" / name).read_bytes()


def test_workers_work_at_the_same_time_but_not_at_too_many_pixels(tmp_path, monkeypatch):
    planned = [(put(tmp_path / f"{k}.png", (30, 40)), tmp_path / "out" / f"{k}.png") for k in range(8)]
    for room, expected in ((10**6, 4), (2 * 1200, 2), (5, 1)):
        monkeypatch.setattr(folders, "ROOM", room)
        busy, most, counting, together = [0], [0], threading.Lock(), threading.Barrier(expected)

        def color(photo, size=None, busy=busy, most=most, counting=counting, together=together):
            with counting:
                busy[0] += 1
                most[0] = max(most[0], busy[0])
            together.wait(60)  # for as many as there should be; a photo is not done before
            with counting:
                busy[0] -= 1
            return np.dstack([photo] * 3)

        outcome = folders.colorize_files(color, planned, workers=4, overwrite=True)
        assert len(outcome.written) == 8 and most[0] == expected


def test_strength_and_color_alone_from_the_command(stub, tmp_path, capsys):
    photo = put(tmp_path / "a.tif", (30, 40))
    photo.write_bytes(cv2.imencode(".tif", np.full((30, 40), 120, np.uint8))[1].tobytes())
    chroma = {}
    for strength in ("0", "0.5", "1", "1.5"):
        out = tmp_path / strength
        assert run(capsys, "colorize", photo, "-o", out, "--strength", strength)[0] == 0
        lab = cv2.cvtColor(see(out / "a.tif").astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
        chroma[strength] = float(np.hypot(lab[..., 1], lab[..., 2]).mean())
    assert chroma["0"] < 0.1 and chroma["0.5"] * 3 == pytest.approx(chroma["1.5"], rel=0.05)
    assert reading.read_mark(tmp_path / "1.5" / "a.tif") == "model stub 1, strength 1.5"
    out = tmp_path / "1"
    assert run(capsys, "colorize", photo, "-o", out, "--chroma-only")[0] == 0
    assert files_below(out) == ["a-chroma.tif", "a.tif"]
    lab = cv2.cvtColor(see(out / "a-chroma.tif").astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    assert np.abs(lab[..., 0] - CHROMA_LIGHTNESS).max() < 0.5 and lab.shape == (30, 40, 3)
    assert np.hypot(lab[..., 1], lab[..., 2]).mean() == pytest.approx(chroma["1"], abs=0.5)
    for wrong in ("1.6", "-1", "nan", "much"):
        status, _, complaints = run(capsys, "colorize", photo, "-o", out, "--strength", wrong)
        assert status == 2 and len(complaints) == 1 and "from 0 to 1.5" in complaints[0]


def test_every_page_of_a_tiff_is_colored_and_stays_in_its_file(stub, tmp_path, capsys):
    pages = np.stack([np.full((30, 40), 60 + 50 * k, np.uint16) * 257 for k in range(3)])
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in" / "album.tif", pages, photometric="minisblack", metadata=None)
    assert run(capsys, "colorize", tmp_path / "in", "-o", tmp_path / "out")[0] == 0
    done, pictures = cv2.imreadmulti(str(tmp_path / "out" / "album.tif"), flags=cv2.IMREAD_UNCHANGED)
    assert done and len(pictures) == 3
    for picture in pictures:
        assert picture.dtype == np.uint16 and picture.shape == (30, 40, 3)
        assert (picture[..., 2].astype(int) - picture[..., 0]).mean() > 20 * 257


def test_heic_is_colored_where_its_plug_in_is_installed(stub, tmp_path, capsys, monkeypatch):
    heif = pytest.importorskip("pillow_heif")
    grey = Image.fromarray(np.full((40, 64, 3), 120, np.uint8))
    exif = Image.Exif()
    exif[271], exif[274] = "Phone", 6
    (tmp_path / "in").mkdir()
    heif.from_pillow(grey).save(tmp_path / "in" / "a.heic", exif=exif.tobytes(), quality=90)
    assert run(capsys, "colorize", tmp_path / "in", "-o", tmp_path / "out")[0] == 0
    assert is_orange(tmp_path / "out" / "a.png", (64, 40))
    with Image.open(tmp_path / "out" / "a.png") as picture:
        assert (picture.getexif()[271], picture.getexif()[274]) == ("Phone", 1)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as if it were not installed
    status, _, complaints = run(capsys, "colorize", tmp_path / "in", "-o", tmp_path / "other")
    assert status == 1 and len(complaints) == 1 and "pip install pillow-heif" in complaints[0]


# --- going on -------------------------------------------------------------------------------------------------------


def test_what_is_there_already_but_old_or_another_models_is_said(stub, tmp_path, capsys):
    names = ("a.png", "b.jpg", "c.tif")
    for name in names:
        put(tmp_path / "in" / name)
    args = ("colorize", tmp_path / "in", "-o", tmp_path / "out", "--report", tmp_path / "r.csv")
    assert run(capsys, *args)[0] == 0
    status, said, _ = run(capsys, *args)
    assert "3 there already and left alone (--overwrite colors them again)" in said
    stub["version"] = "2"
    ahead = time.time() + 100
    os.utime(tmp_path / "in" / "a.png", (ahead, ahead))
    before = {name: (tmp_path / "out" / name).read_bytes() for name in names}
    status, said, complaints = run(capsys, *args)
    assert (status, complaints) == (0, [])
    assert "left alone (1 older than its photo, 3 by another model or setting, --overwrite colors them again)" in said
    assert {name: (tmp_path / "out" / name).read_bytes() for name in names} == before
    first = rows(tmp_path / "r.csv")[0]
    assert first["notes"] == "made by model stub 1; older than its photo" and first["model"] == "model stub 1"
    assert run(capsys, *args, "--overwrite")[0] == 0
    assert {row["model"] for row in rows(tmp_path / "r.csv")} == {"model stub 2"}


def test_a_stopped_run_goes_on_and_sweeps_up_what_a_killed_one_left(stub, tmp_path, capsys, monkeypatch):
    for k in range(6):
        put(tmp_path / "in" / f"{k}.png")
    write, count = writing.write_pages, []

    def stop_at_third(path, *args):
        count.append(path)
        if len(count) == 3:
            raise KeyboardInterrupt
        write(path, *args)

    monkeypatch.setattr(writing, "write_pages", stop_at_third)
    args = ("colorize", tmp_path / "in", "-o", tmp_path / "out", "--report", tmp_path / "r.csv")
    status, _, complaints = run(capsys, *args, "--workers", 1)
    assert status == 130 and len(complaints) == 1
    assert [row["status"] for row in rows(tmp_path / "r.csv")] == ["done", "done"]  # what is known is written down
    monkeypatch.setattr(writing, "write_pages", write)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    here = disk._host()
    kept = sorted([f".colorize-{here}-{os.getpid()}-4.part", ".colorize-elsewhere-3-4.part"])  # of processes at work
    if os.name == "nt":
        kept = kept[1:]
    for name, age in [
        (".colorize-1-2.part", 2 * 86_400),
        (f".colorize-{here}-{dead.pid}-2.part", 5),
        *((n, 5) for n in kept),
    ]:
        (tmp_path / "out" / name).write_bytes(b"half")
        os.utime(tmp_path / "out" / name, (time.time() - age,) * 2)
    status, said, _ = run(capsys, *args)
    assert status == 0 and "4 pictures written" in said and "2 there already" in said
    assert files_below(tmp_path / "out") == [*kept, *(f"{k}.png" for k in range(6))]


@pytest.mark.parametrize("kind", ["open", "write", "encoder"])
def test_a_disk_that_fills_up_stops_workers_in_one_line(stub, tmp_path, capsys, monkeypatch, kind):
    for k in range(8):
        put(tmp_path / "in" / f"{k}.tif")
    save, lock, count = Image.Image.save, threading.Lock(), []

    def full(self, file, **options):
        with lock:
            count.append(1)
            whole = len(count) <= 3
        if whole:
            return save(self, file, **options)
        file.write(b"half")
        # libtiff gives no number: then the free space tells.
        raise (
            OSError("encoder error -2 when writing image file") if kind == "encoder" else OSError(errno.ENOSPC, "full")
        )

    if kind == "encoder":
        monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, 0))
    monkeypatch.setattr(Image.Image, "save", full)
    args = ("colorize", tmp_path / "in", "-o", tmp_path / "out", "--report", tmp_path / "r.csv")
    status, _, complaints = run(capsys, *args, "--workers", 1 if kind == "open" else 3)
    assert status == 1 and len(complaints) == 1 and "disk is full" in complaints[0]
    assert len(files_below(tmp_path / "out")) == 3  # and nothing half written
    assert all(is_orange(tmp_path / "out" / name) for name in files_below(tmp_path / "out"))
    assert len([row for row in rows(tmp_path / "r.csv") if row["status"] == "done"]) == 3


def test_decoders_say_nothing_beside_the_one_line(stub, tmp_path, capfd):
    """libtiff writes a line of its own for every code it does not know."""
    smooth = np.add.outer(np.arange(60), np.arange(80)).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / "a.tif", compression="tiff_lzw")
    data = bytearray((tmp_path / "a.tif").read_bytes())
    data[len(data) // 3 : len(data) // 3 + 40] = bytes(range(200, 240))
    (tmp_path / "a.tif").write_bytes(data)
    status = cli.main(["colorize", str(tmp_path / "a.tif"), "-o", str(tmp_path / "out")])
    assert status == 1 and len(capfd.readouterr().err.splitlines()) == 1


# --- odd names and odd files ----------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="Windows allows none of these names")
def test_names_of_all_kinds_are_kept_and_cost_one_line_each(stub, tmp_path, capsys):
    names = ["two  words.png", "grün 📷.png", "new\nline.png", "tab\t.png", "\x1b[31mred.png", "=1+1.png", "-o.png"]
    if sys.platform == "linux":
        names.append(os.fsdecode(b"latin-\xe9.png"))
    for name in names:
        put(tmp_path / "in" / name)
        (tmp_path / "in" / f"bad {name}").write_text("no photo")
    args = ("colorize", tmp_path / "in", "-o", tmp_path / "out", "--report", tmp_path / "r.csv")
    status, said, complaints = run(capsys, *args)
    assert status == 1 and len(complaints) == len(names) and "\x1b" not in said + "".join(complaints)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(names)
    assert len(said.splitlines()) == len(names) + 1
    assert len(rows(tmp_path / "r.csv")) == 2 * len(names)
    assert sum(os.path.basename(row["photo"]) == "new\nline.png" for row in rows(tmp_path / "r.csv")) == 1


@pytest.mark.skipif(os.name == "nt", reason="links need a right on Windows")
def test_links_and_pipes_and_folders_named_like_photos(stub, tmp_path, capsys):
    photos = tmp_path / "in"
    put(photos / "a.png"), put(photos / "folder.jpg" / "b.png")
    (photos / "round.png").symlink_to(photos / "round.png")
    (photos / "nowhere.png").symlink_to(photos / "absent.png")
    (photos / "up").symlink_to(photos, target_is_directory=True)
    (photos / "same.png").symlink_to(photos / "a.png")
    os.mkfifo(photos / "pipe.png")  # to open one would wait for ever
    began = time.monotonic()
    status, _, complaints = run(capsys, "colorize", photos, "-o", tmp_path / "out")
    assert time.monotonic() - began < 30
    assert status == 1 and len(complaints) == 3
    for name in ("round.png", "nowhere.png", "pipe.png"):
        assert sum(name in line for line in complaints) == 1
    assert files_below(tmp_path / "out") == ["a.png", "folder.jpg/b.png"]
    for name in ("round.png", "nowhere.png", "pipe.png"):
        assert run(capsys, "colorize", photos / name, "-o", tmp_path / "out")[0] == 1


def test_what_may_not_be_opened_costs_a_line(stub, tmp_path, capsys, monkeypatch):
    for name in ("a.png", "locked/b.png", "z.png"):
        put(tmp_path / "in" / name)
    scan = os.scandir

    def refuse(path="."):
        if os.path.basename(os.fspath(path)) == "locked":
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    opened = reading.opened
    denied = PermissionError(errno.EACCES, "Permission denied")

    def refuse_z(path, **how):
        if path.name == "z.png":
            raise denied
        return opened(path, **how)

    monkeypatch.setattr(reading, "opened", refuse_z)
    args = ("colorize", tmp_path / "in", "-o", tmp_path / "out", "--report", tmp_path / "r.csv")
    status, _, complaints = run(capsys, *args)
    assert status == 1 and len(complaints) == 2 and all("Permission denied" in line for line in complaints)
    assert files_below(tmp_path / "out") == ["a.png"]
    assert [row["status"] for row in rows(tmp_path / "r.csv")] == ["failed", "done", "failed"]


@pytest.mark.skipif(os.name == "nt", reason="links need a right on Windows")
def test_no_way_leads_over_an_input(stub, tmp_path, capsys):
    before = put(tmp_path / "in" / "a.png").read_bytes()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").symlink_to(tmp_path / "in" / "a.png")
    status, _, complaints = run(capsys, "colorize", tmp_path / "in", "-o", tmp_path / "out", "--overwrite")
    assert status == 2 and len(complaints) == 1 and "input" in complaints[0]
    (tmp_path / "out" / "a.png").unlink()
    os.link(tmp_path / "in" / "a.png", tmp_path / "out" / "a.png")  # one file by two names
    assert run(capsys, "colorize", tmp_path / "in", "-o", tmp_path / "out", "--overwrite")[0] == 0
    assert (tmp_path / "in" / "a.png").read_bytes() == before and is_orange(tmp_path / "out" / "a.png")


def test_what_may_not_be_written_is_said_of_the_picture_not_of_the_photo(stub, tmp_path, capsys, monkeypatch):
    put(tmp_path / "in" / "a.png"), put(tmp_path / "in" / "s" / "b.png")

    def refuse(path, pictures, made):
        list(pictures)
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(writing, "write_pages", refuse)
    _, _, complaints = run(capsys, "colorize", tmp_path / "in", "-o", tmp_path / "out")
    assert len(complaints) == 2
    for line, name in zip(complaints, ("a.png", "s/b.png"), strict=True):
        assert f"{tmp_path / 'out' / name} could not be written: Permission denied" in line


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_what_an_encoder_hides_the_disk_says(tmp_path):
    """libtiff calls every fault of the disk "encoder error -2"; here no file may be longer than 100 kB."""
    code = (
        "import resource, numpy as np; from colorize_utils.photos.reading import write_photo\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "write_photo('a.tif', np.random.default_rng(0).random((300, 300, 3)))"
    )
    env = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120
    )
    assert f"[Errno {errno.EFBIG}]" in done.stderr.splitlines()[-1] and list(tmp_path.iterdir()) == []


def test_a_folder_where_a_picture_should_be_is_a_line(stub, tmp_path, capsys):
    put(tmp_path / "in" / "a.png"), put(tmp_path / "in" / "b.png")
    (tmp_path / "out" / "a.png").mkdir(parents=True)
    status, _, complaints = run(capsys, "colorize", tmp_path / "in", "-o", tmp_path / "out")
    assert status == 1 and len(complaints) == 1 and "a.png" in complaints[0]
    assert files_below(tmp_path / "out") == ["b.png"]


def test_odd_photos_are_colored_with_one_line_or_refused_with_one(stub, tmp_path, capsys):
    photos = tmp_path / "in"
    photos.mkdir()
    rng = np.random.default_rng(0)
    grey = rng.integers(40, 220, (30, 40), dtype=np.uint8)
    Image.fromarray(grey).convert("1").save(photos / "one.png")
    Image.fromarray(rng.integers(0, 255, (30, 40, 4), dtype=np.uint8), "CMYK").save(photos / "print.jpg")
    tifffile.imwrite(photos / "float.tif", grey / np.float32(255), photometric="minisblack", metadata=None)
    Image.fromarray(grey).save(photos / "still.gif")
    Image.fromarray(grey).save(photos / "moving.gif", save_all=True, append_images=[Image.fromarray(255 - grey)])
    Image.fromarray(grey).save(photos / "moving.webp", save_all=True, append_images=[Image.fromarray(255 - grey)])
    tifffile.imwrite(photos / "hdr.tif", grey.astype(np.float32), photometric="minisblack", metadata=None)
    (photos / "drawing.png").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    status, said, complaints = run(capsys, "colorize", photos, "-o", tmp_path / "out")
    assert status == 1 and "4 failed" in said
    assert files_below(tmp_path / "out") == ["float.tif", "one.png", "print.jpg", "still.png"]
    said = {"one": "black and white", "print": "CMYK", "float": "floats", "moving.gif": "animation of 2"}
    said |= {"moving.webp": "animation of 2", "hdr": "0..1", "drawing": "another kind"}
    assert len(complaints) == len(said)
    for name, words in said.items():
        assert sum(f"{name}" in line and words in line for line in complaints) == 1, name
    assert see(tmp_path / "out" / "float.tif").dtype == np.uint16


def test_names_that_are_one_on_some_system_get_outputs_of_their_own(tmp_path):
    names = ["A.JPG", "a.heic", "a.jpg", "a.png", "u\u0308.png", "\xfc.png"]  # the last two look alike
    planned = folders.plan([(tmp_path / name, tmp_path) for name in names], tmp_path / "out")
    targets = [target.name for _, target in planned]
    assert targets == ["A.JPG", "a.png", "a-2.jpg", "a-2.png", "u\u0308.png", "\xfc-2.png"]


def test_a_page_that_cannot_be_read_is_named_and_the_others_are_colored(stub, tmp_path, capsys):
    source = tmp_path / "album.tif"
    with tifffile.TiffWriter(source) as file:
        for level in (40, 90, 140):
            file.write(np.full((20, 30, 3), level, np.uint8), photometric="rgb", metadata=None, contiguous=False)
    data = bytearray(source.read_bytes())
    with tifffile.TiffFile(source) as file:
        struct.pack_into("<H", data, file.pages[1].tags[259].valueoffset, 60000)  # no coding has this number
    source.write_bytes(data)
    args = ("colorize", source, "-o", tmp_path / "out", "--report", tmp_path / "r.csv")
    status, said, complaints = run(capsys, *args)
    assert status == 1
    assert len(complaints) == 1 and "album.tif (page 2): expected " in complaints[0]
    assert "1 picture written" in said and "1 of them without pages that could not be read" in said
    with tifffile.TiffFile(tmp_path / "out" / "album.tif") as file:
        assert len(file.pages) == 2
    (row,) = rows(tmp_path / "r.csv")
    assert row["status"] == "done" and "page 2" in row["notes"]


# --- places that systems do not like --------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="Windows has other limits")
def test_a_name_that_is_too_long_costs_one_line(stub, tmp_path, capsys):
    long = "x" * 251 + ".png"  # a name of 255 bytes is allowed, and with more behind it no more
    put(tmp_path / "in" / "a.png"), put(tmp_path / "in" / long)
    status, said, complaints = run(capsys, "colorize", tmp_path / "in", "-o", tmp_path / "out")
    assert (status, complaints) == (0, []) and "2 pictures written" in said
    status, said, complaints = run(capsys, "colorize", tmp_path / "in", "-o", tmp_path / "out", "--chroma-only")
    assert status == 1 and "1 picture written" in said
    assert len(complaints) == 1 and "could not be written: File name too long" in complaints[0]
    for name in ("y" * 300 + ".png", "z/" * 3000 + "a.png"):
        asked = (tmp_path / name, tmp_path / "in" / "a.png")
        status, said, complaints = run(capsys, "colorize", *asked, "-o", tmp_path / "other", "--overwrite")
        assert status == 1 and "1 picture written" in said
        assert len(complaints) == 1 and "File name too long" in complaints[0]


def test_an_empty_name_is_refused(stub, tmp_path, capsys, monkeypatch):
    """`Path("")` is the folder one is in: `colorize "$1"` without an argument colored all that lay there."""
    put(tmp_path / "a.png")
    monkeypatch.chdir(tmp_path)
    for args in (("", "-o", "out"), ("a.png", "-o", "")):
        status, said, complaints = run(capsys, "colorize", *args)
        assert (status, said, len(complaints)) == (2, "", 1) and "got an empty name" in complaints[0]
    status, said, complaints = run(capsys, "colorize", "a.png", "", "-o", "out")
    assert status == 1 and len(complaints) == 1 and files_below(tmp_path) == ["a.png", "out/a.png"]


@pytest.mark.skipif(os.name == "nt", reason="Windows allows no paths that long")
def test_folders_may_lie_as_deep_as_the_system_allows(stub, tmp_path, capsys):
    """`os.walk` of Python 3.11, `Path.mkdir` and `Path.rglob` call themselves for each folder: 1,000 were too many."""
    deep = os.path.join(tmp_path, "in", *["d"] * 1200)
    disk.make_folders(deep)
    put(tmp_path / "a.png"), shutil.copy(tmp_path / "a.png", deep)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(400)  # a test is itself a hundred calls deep
    try:
        for said_so in ("1 picture written", "1 there already"):
            status, said, complaints = run(capsys, "colorize", tmp_path / "in", "-o", tmp_path / "out")
            assert (status, complaints) == (0, []) and said_so in said
    finally:
        sys.setrecursionlimit(limit)
        deepest = os.path.join(tmp_path, "out", *["d"] * 1200, "a.png")
        assert os.path.isfile(deepest)
        for top in ("in", "out"):  # Python 3.11 cannot remove it
            subprocess.run(["rm", "-rf", tmp_path / top], check=True)
