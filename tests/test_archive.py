"""Zips: photos come out, nothing leaves the folder, too much is refused."""

import zipfile

import pytest

from colorize_utils.errors import ColorizeError
from colorize_utils.inference.archive import pack_folder, unpack_photos


def _zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return path


def test_photos_come_out_and_other_files_stay_in(tmp_path):
    files = {"a.jpg": b"1", "deep/ü b.PNG": b"22", "notes.txt": b"no", "__MACOSX/._a.jpg": b"no", ".x.jpg": b"no"}
    found = unpack_photos(_zip(tmp_path / "in.zip", files), tmp_path / "out")
    assert {p.relative_to(tmp_path / "out").as_posix(): p.read_bytes() for p in found} == {
        "a.jpg": b"1",
        "deep/ü b.PNG": b"22",
    }


@pytest.mark.parametrize("name", ["../evil.jpg", "/evil.jpg", "a/../../evil.jpg", "..\\evil.jpg", "C:\\evil.jpg"])
def test_nothing_leaves_the_folder(tmp_path, name):
    found = unpack_photos(_zip(tmp_path / "in.zip", {name: b"x"}), tmp_path / "a" / "out")
    assert all((tmp_path / "a" / "out") in path.resolve().parents for path in found)
    assert not (tmp_path / "evil.jpg").exists()
    assert not (tmp_path / "a" / "evil.jpg").exists()


def test_too_much_is_refused(tmp_path):
    path = _zip(tmp_path / "in.zip", {f"{k}.jpg": b"\0" * 1000 for k in range(5)})
    with pytest.raises(ColorizeError, match="expected at most 3 photos"):
        unpack_photos(path, tmp_path / "out", most_files=3)
    with pytest.raises(ColorizeError, match="got 5 and"):
        unpack_photos(path, tmp_path / "out", most_bytes=4999)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("damage", ["text", "cut", "flipped"])
def test_what_is_no_whole_zip_is_one_line(tmp_path, damage):
    path = _zip(tmp_path / "in.zip", {"a.jpg": bytes(range(256)) * 40})
    data = path.read_bytes()
    if damage == "text":
        data = b"not a zip"
    elif damage == "cut":
        data = data[:-30]
    else:
        data = data[:60] + bytes([data[60] ^ 255]) + data[61:]
    path.write_bytes(data)
    try:
        unpack_photos(path, tmp_path / "out")
    except ColorizeError as error:
        assert "expected a whole .zip" in str(error)
        assert "\n" not in str(error)
    except Exception as error:  # noqa: BLE001
        pytest.fail(f"{type(error).__name__}: {error}")
    else:
        pytest.fail("the damage went unseen")


def test_a_folder_comes_back_as_it_was(tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "a.jpg").write_bytes(b"1")
    (tmp_path / "in" / "b.png").write_bytes(b"2")
    path = pack_folder(tmp_path / "in", tmp_path / "out" / "all.zip")
    with zipfile.ZipFile(path) as packed:
        assert {n: packed.read(n) for n in packed.namelist()} == {"b.png": b"2", "deep/a.jpg": b"1"}
    assert [p.name for p in path.parent.iterdir()] == ["all.zip"]
