"""Zips: photos come out, nothing leaves the folder, too much is refused."""

import os
import struct
import unicodedata
import warnings
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colorize_utils.errors import ColorizeError
from colorize_utils.inference.archive import pack_folder, unpack_photos


def _zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of two entries with one name; that is wanted here
        for name, data in files.items() if isinstance(files, dict) else files:
            packed.writestr(name, data)
    return path


def _contents(folder, found):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in found}


def test_photos_come_out_and_other_files_stay_in(tmp_path):
    files = {"a.jpg": b"1", "deep/ü b.PNG": b"22", "notes.txt": b"no", "__MACOSX/._a.jpg": b"no", ".x.jpg": b"no"}
    found = unpack_photos(_zip(tmp_path / "in.zip", files), tmp_path / "out")
    assert _contents(tmp_path / "out", found) == {"a.jpg": b"1", "deep/ü b.PNG": b"22"}


@pytest.mark.parametrize(
    "name", ["../evil.jpg", "/evil.jpg", "a/../../evil.jpg", "..\\evil.jpg", "C:\\evil.jpg", "//evil.jpg"]
)
def test_nothing_leaves_the_folder(tmp_path, name):
    found = unpack_photos(_zip(tmp_path / "in.zip", {name: b"x"}), tmp_path / "a" / "out")
    assert len(found) == 1
    assert (tmp_path / "a" / "out") in found[0].resolve().parents
    assert not (tmp_path / "evil.jpg").exists()
    assert not (tmp_path / "a" / "evil.jpg").exists()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.sampled_from("aA./\\:. *é\n"), max_size=8).map(lambda s: s + "x.jpg"), max_size=5))
def test_whatever_the_names_every_photo_comes_out_inside_and_once(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("zip")
    entries = [(name, str(k).encode()) for k, name in enumerate(names)]
    found = unpack_photos(_zip(folder / "in.zip", entries), folder / "out")
    with zipfile.ZipFile(folder / "in.zip") as packed:
        stored = {info.filename: k for k, info in enumerate(packed.infolist())}
    # Hidden ones, and those below a hidden folder, are left in; every other photo is there with its own bytes.
    hidden = {n for n in stored if any(p.startswith(".") and p != ".." for p in _parts(n))}
    assert sorted(p.read_bytes() for p in found) == sorted(d for n, d in entries if n not in hidden)
    assert all((folder / "out").resolve() in p.resolve().parents for p in found)
    assert sorted(p for p in folder.rglob("*") if p.is_file()) == sorted([folder / "in.zip", *found])


def _parts(name):
    return [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]


def test_names_that_windows_keeps_for_itself_are_changed(tmp_path):
    names = ["CON.jpg", "nul.tar.png", "aux /x.jpg", "lpt1.png", "console.jpg", "com10.jpg"]
    found = unpack_photos(_zip(tmp_path / "in.zip", {name: b"1" for name in names}), tmp_path / "out")
    there = [path.relative_to(tmp_path / "out").as_posix() for path in found]
    assert there == ["_CON.jpg", "_nul.tar.png", "_aux/x.jpg", "_lpt1.png", "console.jpg", "com10.jpg"]


def test_two_of_one_name_are_both_kept(tmp_path):
    path = _zip(
        tmp_path / "in.zip",
        [("a.jpg", b"1"), ("../a.jpg", b"2"), ("A.JPG", b"3"), ("\xfc.jpg", b"4"), ("u\u0308.jpg", b"5")],
    )
    found = unpack_photos(path, tmp_path / "out")
    assert [p.read_bytes() for p in found] == [b"1", b"2", b"3", b"4", b"5"]
    assert len({unicodedata.normalize("NFC", p.name).casefold() for p in found}) == 5


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_in_the_folder_does_not_lead_out(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ColorizeError, match="leads elsewhere"):
        unpack_photos(_zip(tmp_path / "in.zip", {"link/a.jpg": b"1"}), tmp_path / "out")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_too_much_is_refused(tmp_path):
    path = _zip(tmp_path / "in.zip", {f"{k}.jpg": b"\0" * 1000 for k in range(5)})
    with pytest.raises(ColorizeError, match="expected at most 3 photos"):
        unpack_photos(path, tmp_path / "out", most_files=3)
    with pytest.raises(ColorizeError, match="got 5 and"):
        unpack_photos(path, tmp_path / "out", most_bytes=4999)
    assert not (tmp_path / "out").exists()


def test_never_more_bytes_than_announced(tmp_path):
    # A bomb that announces ten bytes and packs a million.
    path = _zip(tmp_path / "in.zip", {"a.jpg": bytes(1_000_000)})
    data = path.read_bytes()
    assert data.count(struct.pack("<I", 1_000_000)) == 2  # the local header and the directory
    path.write_bytes(data.replace(struct.pack("<I", 1_000_000), struct.pack("<I", 10)))
    lines = []
    found = unpack_photos(path, tmp_path / "out", most_bytes=20, failed=lambda *line: lines.append(line))
    assert found == []
    assert len(lines) == 1
    assert [p for p in (tmp_path / "out").rglob("*") if p.is_file()] == []


def _damaged(path, kind):
    data = path.read_bytes()
    if kind == "text":
        return b"not a zip"
    if kind == "empty":
        return b""
    return data[:-30]


@pytest.mark.parametrize("kind", ["text", "empty", "cut"])
def test_what_is_no_whole_zip_is_one_line(tmp_path, kind):
    path = _zip(tmp_path / "in.zip", {"a.jpg": bytes(range(256)) * 40})
    path.write_bytes(_damaged(path, kind))
    with pytest.raises(ColorizeError, match="in.zip: expected a whole .zip") as caught:
        unpack_photos(path, tmp_path / "out", failed=lambda *line: None)
    assert "\n" not in str(caught.value)
    assert caught.value.status == 1


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_no_such_zip_is_one_line(tmp_path, kind):
    if kind == "folder":
        (tmp_path / "in.zip").mkdir()
    with pytest.raises(ColorizeError, match="in.zip: "):
        unpack_photos(tmp_path / "in.zip", tmp_path / "out")


def test_a_damaged_photo_costs_a_line_and_the_others_come_out(tmp_path):
    path = _zip(tmp_path / "in.zip", {"a.jpg": bytes(range(256)) * 40, "b.jpg": b"fine"})
    data = path.read_bytes()
    path.write_bytes(data[:60] + bytes([data[60] ^ 255]) + data[61:])
    lines = []
    found = unpack_photos(path, tmp_path / "out", failed=lambda *line: lines.append(line))
    assert _contents(tmp_path / "out", found) == {"b.jpg": b"fine"}
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["b.jpg"]
    assert [name for name, _ in lines] == ["a.jpg in in.zip"]
    with pytest.raises(ColorizeError, match="a.jpg in in.zip: expected a whole photo"):
        unpack_photos(path, tmp_path / "again")


def test_a_password_is_named(tmp_path):
    # Python writes no protected zips: the flag that announces a password is set by hand, in both headers.
    path = _zip(tmp_path / "in.zip", {"a.jpg": b"x" * 50})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(ColorizeError, match="a.jpg in in.zip: it has a password"):
        unpack_photos(path, tmp_path / "out")


def test_a_full_disk_ends_it_in_one_line(tmp_path, monkeypatch):
    path = _zip(tmp_path / "in.zip", {"a.jpg": b"1"})
    real_open = open

    def full(file, mode="r", *args, **kwargs):
        if "w" in mode:
            raise OSError(28, os.strerror(28))
        return real_open(file, mode, *args, **kwargs)

    monkeypatch.setattr("builtins.open", full)
    with pytest.raises(ColorizeError, match="in.zip: the disk is full"):
        unpack_photos(path, tmp_path / "out", failed=lambda *line: None)


def test_a_folder_comes_back_as_it_was(tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "a.jpg").write_bytes(b"1")
    (tmp_path / "in" / "b.png").write_bytes(b"2")
    os.utime(tmp_path / "in" / "b.png", (0, 0))  # zips know no time before 1980
    path = pack_folder(tmp_path / "in", tmp_path / "out" / "all.zip")
    with zipfile.ZipFile(path) as packed:
        assert {n: packed.read(n) for n in packed.namelist()} == {"b.png": b"2", "deep/a.jpg": b"1"}
    assert [p.name for p in path.parent.iterdir()] == ["all.zip"]


def test_a_zip_in_its_own_folder_does_not_pack_itself(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"1")
    for _ in range(2):
        path = pack_folder(tmp_path, tmp_path / "all.zip")
        with zipfile.ZipFile(path) as packed:
            assert packed.namelist() == ["a.jpg"]
