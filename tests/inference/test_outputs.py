"""Which picture is of which photo: never told by a name alone, and found again wherever both were moved."""

import random
import shutil
import subprocess

import cv2
import numpy as np
import pytest
from PIL import Image
from test_cli import files_below, is_orange, put, run, see
from test_folders import orange, rows, stub  # noqa: F401  (a fixture)

from colorize_utils.inference import folders, outputs
from colorize_utils.inference.colorizer import Colorizer
from colorize_utils.inference.folders import plan, shard_of
from colorize_utils.photos.earlier import is_torn, read_made_from

KINDS = ("a.png", "b.jpg", "c.tif", "d.webp", "e.bmp")


def content(folder):
    return {name: (folder / name).read_bytes() for name in files_below(folder)}


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def test_a_photo_of_the_same_name_and_another_ending_has_a_picture_of_its_own(stub, tmp_path, out, capsys):  # noqa: F811
    photo = put(tmp_path / "x.png")
    Image.fromarray(np.full((50, 20), 99, np.uint8)).save(tmp_path / "x.gif")
    assert run(capsys, "colorize", photo, "-o", out)[0] == 0
    before = content(out)
    status, said, complaints = run(capsys, "colorize", tmp_path / "x.gif", "-o", out)
    assert status == 0 and "1 picture written" in said
    assert len(complaints) == 1 and "x.png is the picture of another photo; this one's is x-2.png" in complaints[0]
    assert is_orange(out / "x-2.png", (50, 20)) and content(out) == before | {"x-2.png": (out / "x-2.png").read_bytes()}
    for name in ("x.png", "x.gif"):  # each finds its own again
        status, said, complaints = run(capsys, "colorize", tmp_path / name, "-o", out)
        assert (status, complaints) == (0, []) and "1 there already" in said
    status, said, _ = run(capsys, "colorize", tmp_path / "x.gif", "-o", out, "--overwrite")
    assert files_below(out) == ["x-2.png", "x.png"] and (out / "x.png").read_bytes() == before["x.png"]


def test_two_folders_one_after_the_other_into_one(stub, tmp_path, out, capsys):  # noqa: F811
    for folder, height in (("one", 20), ("two", 30), ("three", 40)):
        Image.fromarray(np.full((height, 25), 120, np.uint8)).save(put(tmp_path / folder / "a.png"))
    for folder in ("one", "two", "three"):
        assert run(capsys, "colorize", tmp_path / folder, "-o", out)[0] == 0
    assert {name: see(out / name).shape[0] for name in files_below(out)} == {"a.png": 20, "a-2.png": 30, "a-3.png": 40}
    before = content(out)
    for asked in (["three"], ["two", "one"], ["one", "two", "three"]):
        status, said, _ = run(capsys, "colorize", *(tmp_path / folder for folder in asked), "-o", out)
        assert f"0 pictures written to {out}; {len(asked)} there already" in said
    (out / "a.png").unlink()  # the others keep theirs
    assert "1 there already" in run(capsys, "colorize", tmp_path / "three", "-o", out)[1]
    assert run(capsys, "colorize", tmp_path / "three", tmp_path / "one", "-o", out)[0] == 0
    assert content(out) == before


@pytest.mark.parametrize("name", KINDS)
def test_pictures_that_are_empty_or_break_off_are_made_again(stub, tmp_path, out, capsys, name):  # noqa: F811
    put(tmp_path / "in" / name, (90, 120))
    args = ("colorize", tmp_path / "in", "-o", out)
    assert run(capsys, *args)[0] == 0
    whole = (out / name).read_bytes()
    assert not is_torn(out / name)
    for torn in (b"", bytes(len(whole)), *(whole[: int(len(whole) * share)] for share in (0.01, 0.3, 0.6, 0.95))):
        (out / name).write_bytes(torn)
        status, said, complaints = run(capsys, *args)
        assert status == 0 and "1 picture written" in said, len(torn)
        assert len(complaints) == 1 and "broke off, and was made again" in complaints[0]
        assert content(out) == {name: whole}


def test_an_album_that_breaks_off_is_made_again(stub, tmp_path, out, capsys):  # noqa: F811
    pages = [Image.fromarray(np.full((30, 40), 50 + 40 * k, np.uint8)) for k in range(4)]
    (tmp_path / "in").mkdir()
    pages[0].save(tmp_path / "in" / "a.tif", save_all=True, append_images=pages[1:])
    args = ("colorize", tmp_path / "in", "-o", out)
    assert run(capsys, *args)[0] == 0 and "1 there already" in run(capsys, *args)[1]
    whole = (out / "a.tif").read_bytes()
    for share in (0.2, 0.5, 0.8, 0.99):
        (out / "a.tif").write_bytes(whole[: int(len(whole) * share)])
        assert "1 picture written" in run(capsys, *args)[1], share
        assert (out / "a.tif").read_bytes() == whole


def test_done_is_done_after_both_were_moved_and_dated_anew(stub, tmp_path, out, capsys):  # noqa: F811
    for name in KINDS:
        put(tmp_path / "in" / "s" / name)
    assert run(capsys, "colorize", tmp_path / "in", "-o", out)[0] == 0
    before = content(out)
    shutil.copytree(tmp_path / "in", tmp_path / "elsewhere", copy_function=shutil.copyfile)
    shutil.copytree(out, tmp_path / "moved", copy_function=shutil.copyfile)
    status, said, complaints = run(capsys, "colorize", tmp_path / "elsewhere", "-o", tmp_path / "moved")
    assert (status, complaints) == (0, []) and "5 there already and left alone (--overwrite colors them again)" in said
    assert content(tmp_path / "moved") == before


def test_a_photo_that_changed_is_colored_again(stub, tmp_path, out, capsys):  # noqa: F811
    photo = put(tmp_path / "in" / "a.png", (30, 40))
    args = ("colorize", tmp_path / "in", "-o", out)
    assert run(capsys, *args)[0] == 0
    Image.fromarray(np.full((20, 70), 120, np.uint8)).save(photo)
    status, said, complaints = run(capsys, *args)
    assert status == 0 and len(complaints) == 1 and "1 picture written" in said
    assert is_orange(out / "a.png", (30, 40)) and is_orange(out / "a-2.png", (20, 70))
    (out / "a-2.png").unlink()
    status, _, complaints = run(capsys, *args, "--overwrite")
    assert (status, complaints, files_below(out)) == (0, [], ["a.png"]) and is_orange(out / "a.png", (20, 70))


def test_another_model_of_the_same_name_and_other_settings_are_said(stub, tmp_path, out, capsys, monkeypatch):  # noqa: F811
    put(tmp_path / "in" / "a.png"), put(tmp_path / "in" / "b.bmp")
    args = ("colorize", tmp_path / "in", "-o", out, "--report", tmp_path / "r.csv")
    assert run(capsys, *args)[0] == 0
    before = content(out)
    for changed, option in (({}, ("--strength", 0.5)), ({"sha256": "ab" * 32}, ())):
        stub.update(changed)
        status, said, _ = run(capsys, *args, *option)
        assert status == 0 and "2 there already and left alone (2 by another model or setting, --overwrite" in said
        assert content(out) == before
    assert rows(tmp_path / "r.csv")[0]["notes"] == "made by another model of this name"
    assert run(capsys, *args, "--overwrite")[0] == 0
    assert "left alone (--overwrite" in run(capsys, *args)[1]


def test_a_model_file_is_told_by_its_content(tmp_path, monkeypatch):
    from colorize_utils.networks import build_network
    from colorize_utils.weights import save_network

    spec = {"network": "unet", "weights": None, "widths": [8, 8, 8, 8]}
    network = build_network(spec)
    marks = []
    for bias in (0.1, 0.2):
        network.get_layer("ab").bias.assign([bias, bias])
        save_network(network, tmp_path / "m.h5", spec, {"name": "one", "version": "1", "sha256": "a lie"})
        marks += [folders.maker_in(tmp_path / "m.h5"), folders.maker_of(Colorizer.load(tmp_path / "m.h5").meta)]
    assert marks[0] == marks[1] and marks[2] == marks[3] and str(marks[0]) == str(marks[2])
    assert folders.asked(marks[0]) != folders.asked(marks[2])


def test_what_does_not_say_of_which_photo_it_is_is_left_alone_and_counted(stub, tmp_path, out, capsys):  # noqa: F811
    mine = put(tmp_path / "in" / "a.png"), put(out / "a.png", (10, 10))
    args = ("colorize", tmp_path / "in", "-o", out)
    status, said, _ = run(capsys, *args)
    assert status == 0 and see(out / "a.png").shape[:2] == (10, 10)
    assert "1 there already and left alone (1 does not say of which photo it is, --overwrite" in said
    assert run(capsys, *args, "--overwrite")[0] == 0 and is_orange(out / "a.png") and mine


def test_equal_photos_of_one_name_keep_their_pictures_when_some_are_missing(stub, tmp_path, out, capsys):  # noqa: F811
    first = put(tmp_path / "0" / "a.png")
    for k in range(1, 8):
        (tmp_path / str(k)).mkdir()
        shutil.copy(first, tmp_path / str(k) / "a.png")
    asked = [tmp_path / str(k) for k in range(8)]
    assert run(capsys, "colorize", *asked, "-o", out)[0] == 0
    found = [(folder / "a.png", folder) for folder in asked]
    before = plan(found, out)
    assert len(files_below(out)) == 8
    for name in random.Random(0).sample(files_below(out), 5):  # as shards that are not done yet
        (out / name).unlink()
        assert plan(found, out) == before
    assert sorted(pair for k in (1, 2, 3) for pair in shard_of(plan(found, out), k, 3)) == sorted(before)


def test_a_plan_of_many_photos_of_one_name_takes_a_step_each(tmp_path, monkeypatch):
    """With 4,000 of them eight million names were tried."""
    found = [(tmp_path / str(k) / "x.png", tmp_path / str(k)) for k in range(4000)]
    tried, folded = [], outputs.folded
    monkeypatch.setattr(outputs, "folded", lambda path: tried.append(path) or folded(path))
    planned = plan(found, tmp_path / "out")
    assert len({target for _, target in planned}) == 4000 and planned[-1][1].name == "x-4000.png"
    assert len(tried) < 6 * 4000


def test_a_name_with_a_number_of_its_own_is_not_taken_from_its_photo(stub, tmp_path, out, capsys):  # noqa: F811
    put(tmp_path / "one" / "x.png"), put(tmp_path / "two" / "x.png", (20, 20)), put(tmp_path / "two" / "x-2.png")
    assert run(capsys, "colorize", tmp_path / "one", "-o", out)[0] == 0
    assert run(capsys, "colorize", tmp_path / "two", "-o", out)[0] == 0
    assert files_below(out) == ["x-2.png", "x-3.png", "x.png"] and see(out / "x-3.png").shape[:2] == (20, 20)


@pytest.mark.parametrize("name", KINDS)
def test_other_programs_read_the_pictures_and_the_mark_lasts(stub, tmp_path, out, capsys, name):  # noqa: F811
    put(tmp_path / "in" / name)
    assert run(capsys, "colorize", tmp_path / "in", "-o", out)[0] == 0
    made = read_made_from(out / name)
    assert made.photo == outputs.identity(tmp_path / "in" / name)
    ours = cv2.cvtColor(see(out / name), cv2.COLOR_BGR2RGB)
    with Image.open(out / name) as image:
        assert np.abs(np.asarray(image).astype(int) - ours).max() <= 2
    if shutil.which("identify"):
        said = subprocess.run(["identify", out / name], capture_output=True, text=True)
        assert said.returncode == 0 and "40x30" in said.stdout, said.stderr
    if shutil.which("exiftool") and name != "e.bmp":
        said = subprocess.run(["exiftool", "-s3", "-XMP-colorizeimg:all", out / name], capture_output=True, text=True)
        assert said.stdout.strip() == str(made)
        # exiftool writes XMP in a form of its own
        subprocess.run(["exiftool", "-q", "-overwrite_original", "-XMP-dc:Title=mine", out / name], check=True)
        assert read_made_from(out / name) == made


def test_a_picture_of_ours_given_as_a_photo_says_what_the_new_one_was_made_from(stub, tmp_path, out, capsys):  # noqa: F811
    put(tmp_path / "in" / "a.png")
    assert run(capsys, "colorize", tmp_path / "in", "-o", out)[0] == 0
    assert run(capsys, "colorize", out, "-o", tmp_path / "again")[0] == 0
    assert read_made_from(tmp_path / "again" / "a.png").photo == outputs.identity(out / "a.png")
    assert (tmp_path / "again" / "a.png").read_bytes().count(b"MadeFrom>") == 2  # one, opened and closed


def test_a_library_call_leaves_the_picture_of_another_photo_alone(tmp_path):
    target, results = tmp_path / "out" / "a.png", []
    one, two = put(tmp_path / "one" / "a.png", (20, 30)), put(tmp_path / "two" / "a.png", (20, 40))
    for photo in (one, two):
        folders.colorize_files(Colorizer(orange), [(photo, target)], finished=results.append)
    assert [result.status for result in results] == ["done", "skipped"]
    assert results[1].notes == ["the picture of another photo"] and is_orange(target, (20, 30))
