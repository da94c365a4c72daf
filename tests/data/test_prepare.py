"""Preparing: the split follows content, nothing straddles it, interruption changes nothing, faults are one line."""

import csv
import errno
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
from conftest import kaggle_photos, write_kaggle
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from colorize_utils import color
from colorize_utils.data import prepare as module
from colorize_utils.data.batches import PreparedSet
from colorize_utils.data.filters import Filters
from colorize_utils.data.items import Item
from colorize_utils.data.near_copies import _nearest
from colorize_utils.data.prepare import content_hash, difference_hash, difference_hashes, fit_photo, prepare, split_of
from colorize_utils.data.sources import KaggleLab, PhotoFolder, SamplePhotos
from colorize_utils.data.stored import usual_shares
from colorize_utils.disk import part_beside
from colorize_utils.errors import ColorizeError


class Photos:
    """A source of given RGB photos, some of which cannot be read."""

    name = "photos"

    def __init__(self, photos, broken=(), stop_at=None):
        self.photos, self.broken, self.stop_at = photos, broken, stop_at

    def __len__(self):
        return len(self.photos)

    def items(self, start=0):
        for index in range(start, len(self.photos)):
            if index == self.stop_at:
                raise KeyboardInterrupt
            yield Item(f"{index:03d}", lambda index=index: self._read(index))

    def _read(self, index):
        if index in self.broken:
            raise ColorizeError(f"{index}: truncated", status=1)
        return self.photos[index], False


@pytest.fixture(scope="module")
def photos(samples):
    """60 different photos, 40 landscape and 20 portrait."""
    rng = np.random.default_rng(2)
    cut = []
    for index in range(60):
        photo = list(samples.values())[index % len(samples)]
        top, left = int(rng.integers(0, photo.shape[0] - 200)), int(rng.integers(0, photo.shape[1] - 240))
        piece = photo[top : top + 180, left : left + 240]
        cut.append(np.ascontiguousarray(piece.transpose(1, 0, 2) if index % 3 == 0 else piece))
    return cut


def _prepare(source, folder, **changes):
    settings = {"height": 48, "width": 64, "val": 0.2, "test": 0.2, "filters": Filters.none(), "progress": False}
    return prepare(source, folder, **{**settings, "say": lambda text: None, **changes})


def _rows(folder):
    with open(folder / "index.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _bytes(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_decides_the_split_never_changes():
    """Literal values: if one of these moved, every prepared set and every model's test photos would mean another."""
    fixed = (np.arange(40 * 50 * 3, dtype=np.int64) * 7919 % 251).astype(np.uint8).reshape(40, 50, 3)
    assert content_hash(fixed) == "a0671d5a48514179"
    assert content_hash(fixed) == hashlib.sha256(b"(40, 50, 3)" + fixed.tobytes()).hexdigest()[:16]
    assert content_hash(fixed.transpose(1, 0, 2)) != content_hash(fixed)
    assert [split_of(key, 0.03, 0.02) for key in ("39", "51", "55", "56")] == ["val", "test", "test", "train"]
    assert difference_hash(fixed).tobytes().hex() == "a4595932a64d4d12962d2d9a532c2c995326268d4b1616cda996964ca9939346"
    assert [split_of(key, 0.05, 0.22) for key in ("astronaut", "coffee", "hopper")] == ["train", "test", "val"]
    ramp = np.broadcast_to(np.arange(64, dtype=np.uint8)[None, :, None] * 4, (48, 64, 3))
    assert difference_hash(ramp).tobytes() == b"\xff" * 32
    assert difference_hash(ramp[:, ::-1]).tobytes() == b"\x00" * 32


@pytest.mark.parametrize("transposed", [0, 1])
def test_the_hash_of_the_mirror_image_is_as_if_it_was_mirrored_first(transposed):
    codes = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    codes = cv2.resize(codes, (192, 144))
    own, mirror = difference_hashes(codes, transposed)
    assert np.array_equal(own, difference_hash(codes))
    expected = difference_hash(codes[::-1] if transposed else codes[:, ::-1])
    assert np.count_nonzero(np.unpackbits(mirror ^ expected)) <= 2  # of 256: averages of cells are rounded


@given(st.integers(8, 60), st.integers(8, 60), st.sampled_from([(6, 8), (7, 7), (8, 6)]), st.booleans())
def test_what_is_cut_off_changes_nothing_of_the_rest(h, w, wanted, grey):
    """Cutting before averaging, where it can be, against averaging first."""
    height, width = wanted
    dtype, shape = (np.uint16, (h, w)) if grey else (np.uint8, (h, w, 2))
    pixels = np.random.default_rng(h * w).integers(0, np.iinfo(dtype).max, shape, dtype=dtype)
    fitted, transposed = fit_photo(pixels, height, width)
    pixels = pixels.swapaxes(0, 1) if transposed else pixels
    h, w = pixels.shape[:2]
    scale = max(height / h, width / w)
    size = max(width, round(w * scale)), max(height, round(h * scale))
    method = cv2.INTER_AREA if size[0] <= w and size[1] <= h else cv2.INTER_CUBIC
    whole = cv2.resize(np.ascontiguousarray(pixels), size, interpolation=method) if size != (w, h) else pixels
    top, left = (size[1] - height) // 2, (size[0] - width) // 2
    assert np.array_equal(fitted, whole[top : top + height, left : left + width])


@given(st.text(max_size=30), st.floats(0, 0.5), st.floats(0, 0.5))
def test_growing_val_or_test_never_moves_a_photo_into_training(key, val, test):
    if split_of(key, val, test) == "test":
        assert split_of(key, val, test + 0.1) == "test"
    if split_of(key, val, test) != "train":
        assert split_of(key, val + 0.1, test) != "train"


def test_shares_are_what_was_asked_for():
    parts = [split_of(str(k), 0.03, 0.02) for k in range(20000)]
    assert parts.count("val") / 20000 == pytest.approx(0.03, abs=0.004)
    assert parts.count("test") / 20000 == pytest.approx(0.02, abs=0.004)


@pytest.mark.parametrize("count", [2, 12, 60])
def test_few_photos_leave_some_to_validate_and_it_is_said_early(photos, tmp_path, count):
    said = []
    usual = {"val": None, "test": None, "say": said.append}
    _prepare(Photos(photos[:count]), tmp_path / "set", **usual)
    found = PreparedSet.open(tmp_path / "set")
    assert len(found.val) >= 1 and len(found.train) >= 1
    assert said[0].startswith(f"{count} photos are few to learn color from, some thousands are better; ")
    assert f"{'25% are kept to validate and 10%' if count < 50 else '10% are kept to validate and 5%'}" in said[0]


def test_shares_depend_on_the_number_of_photos_until_a_set_is_begun(photos, tmp_path):
    few, more = Photos(photos[:40]), Photos(photos)
    _prepare(few, tmp_path / "a", val=0.03, test=0.02)  # as every set was before
    said = []
    _prepare(few, tmp_path / "a", val=None, test=None, say=said.append)
    assert said == [f"{tmp_path / 'a'} is prepared already"]
    _prepare(more, tmp_path / "b", val=None, test=None)
    settings = json.loads((tmp_path / "b" / "settings.json").read_text())
    assert (settings["val"], settings["test"]) == usual_shares(60) == (0.1, 0.05)
    assert usual_shares(29_278) == (0.03, 0.02)


@pytest.mark.parametrize(("val", "test"), [(0.6, 0.4), (-0.1, 0.1), (0.1, 1)])
def test_shares_that_leave_nothing_to_train_on_are_one_line(photos, tmp_path, val, test):
    with pytest.raises(ColorizeError, match="expected shares of val and test from 0, together under 1"):
        _prepare(Photos(photos[:3]), tmp_path / "set", val=val, test=test)


def test_a_set_of_a_version_that_knew_fewer_thresholds_is_still_one(photos, tmp_path):
    _prepare(Photos(photos), tmp_path / "set")
    path = tmp_path / "set" / "settings.json"
    settings = json.loads(path.read_text())
    settings["filters"].popitem()
    path.write_text(json.dumps(settings))
    said = []
    _prepare(Photos(photos), tmp_path / "set", say=said.append)
    assert said == [f"{tmp_path / 'set'} is prepared already"]
    with pytest.raises(ColorizeError, match="was prepared with other settings"):
        _prepare(Photos(photos), tmp_path / "set", filters=Filters())


def test_a_prepared_set_is_complete(photos, tmp_path):
    _prepare(Photos(photos, broken={7}), tmp_path / "set")
    rows = _rows(tmp_path / "set")
    opened = PreparedSet.open(tmp_path / "set")
    assert len(rows) == 60
    assert rows[7]["reason"].startswith("not readable: 7: truncated")
    assert len(opened.train) + len(opened.val) + len(opened.test) == sum(not row["reason"] for row in rows) >= 55
    assert min(len(opened.train), len(opened.val), len(opened.test)) > 3
    for name in ("train", "val", "test"):
        split = getattr(opened, name)
        for k, photo_name in enumerate(split.names):
            stored = photos[int(photo_name)]
            assert split.transposed[k] == (stored.shape[0] > stored.shape[1])
            if split.transposed[k]:
                stored = stored.transpose(1, 0, 2)
            small = cv2.resize(np.ascontiguousarray(stored), (64, 48), interpolation=cv2.INTER_AREA)
            expected = color.encode_lab8(color.rgb_to_lab(small / 255))
            assert np.abs(split.codes[k].astype(int) - expected).max() <= 1


def test_adding_photos_moves_none(photos, tmp_path):
    _prepare(Photos(photos[:40]), tmp_path / "few")
    _prepare(Photos(photos[::-1]), tmp_path / "many")
    few = {row["hash"]: row["split"] for row in _rows(tmp_path / "few")}
    many = {row["hash"]: row["split"] for row in _rows(tmp_path / "many")}
    assert few.items() <= many.items()


def test_copies_do_not_straddle_the_split(photos, tmp_path):
    """Every photo again, slightly brighter: another content hash, often another part, but the same picture."""
    lighter = [np.clip(p.astype(int) + 3, 0, 255).astype(np.uint8) for p in photos]
    _prepare(Photos([*photos, *lighter, photos[0]]), tmp_path / "set")
    rows = _rows(tmp_path / "set")
    assert rows[-1]["reason"] == "copy of 000"
    kept = [row for row in rows if not row["reason"]]
    bits = np.array([np.unpackbits(np.frombuffer(bytes.fromhex(row["dhash"]), np.uint8)) for row in kept])
    distance = (bits[:, None] != bits[None]).sum(axis=-1)
    for i, j in zip(*np.nonzero(distance <= 24), strict=True):
        assert kept[i]["split"] == kept[j]["split"], (kept[i], kept[j])
    left_out = [row for row in rows if row["reason"].startswith("near copy")]
    assert left_out
    assert all(row["split"] in ("train", "val") for row in left_out)


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=200), st.binary(min_size=32, max_size=32))
def test_the_nearest_photo_is_the_one_whose_hash_differs_in_fewest_bits(hashes, other):
    """Counted with Python's whole numbers; among the others is one that differs in all 256 bits."""
    opposite = bytes(255 - byte for byte in hashes[0])
    mine, theirs = ([{"dhash": item.hex()} for item in some] for some in (hashes, [opposite, other]))
    for row, (distance, nearest) in zip(mine, _nearest(mine, theirs, "dhash"), strict=True):
        apart = [(int(row["dhash"], 16) ^ int(their["dhash"], 16)).bit_count() for their in theirs]
        assert (distance, nearest) == (min(apart), theirs[apart.index(min(apart))])
    assert _nearest(mine[:1], theirs[:1], "dhash") == [(256, theirs[0])]


def test_the_settings_tell_the_digest_of_each_file(photos, tmp_path):
    _prepare(Photos(photos), tmp_path / "set")
    said = json.loads((tmp_path / "set" / "settings.json").read_text())["digests"]["sha256"]
    files = {path.name: path.read_bytes() for path in (tmp_path / "set").iterdir() if path.name in said}
    assert said == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    assert set(said) == {"index.csv", "train.npy", "val.npy", "test.npy"}


def test_mirrored_copies_do_not_straddle_the_split(photos, tmp_path):
    """Every photo again, mirrored, half of them at another size or brighter; portraits are among them."""
    copies = [np.ascontiguousarray(p[:, ::-1]) for p in photos]
    copies[::4] = [cv2.resize(p, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA) for p in copies[::4]]
    copies[1::4] = [np.clip(p.astype(int) + 4, 0, 255).astype(np.uint8) for p in copies[1::4]]
    _prepare(Photos([*photos, *copies]), tmp_path / "set")
    rows = _rows(tmp_path / "set")
    pairs = [(rows[k], rows[k + 60]) for k in range(60)]
    for first, second in pairs:
        assert first["reason"] or second["reason"] or first["split"] == second["split"], (first, second)
    left_out = [row for row in rows if row["reason"].startswith("mirrored copy of ")]
    assert {row["transposed"] for row in left_out} == {"0", "1"}
    assert all(row["split"] in ("train", "val") for row in left_out)
    assert sum(row["split"] == "test" and not row["reason"] for row in rows) >= 5  # test never gives way


def test_other_photos_are_no_mirror_images(photos, tmp_path):
    _prepare(Photos(photos), tmp_path / "set")
    assert not [row for row in _rows(tmp_path / "set") if "mirrored" in row["reason"]]


def test_a_set_that_an_earlier_version_began_is_ended(photos, tmp_path):
    """Its journal says nothing of mirror images."""
    with pytest.raises(KeyboardInterrupt):
        _prepare(Photos(photos, stop_at=59), tmp_path / "set")
    journal = tmp_path / "set" / "journal.jsonl"
    first, *lines = journal.read_text().splitlines()
    rows = [{key: value for key, value in json.loads(line).items() if key != "mirror"} for line in lines]
    journal.write_text("\n".join([first, *map(json.dumps, rows)]) + "\n")
    _prepare(Photos(photos), tmp_path / "set")
    assert len(_rows(tmp_path / "set")) == 60


def test_crops_of_one_photo_stay_together(tmp_path):
    _prepare(SamplePhotos(), tmp_path / "set", val=None, test=None)
    parts = {}
    for row in _rows(tmp_path / "set"):
        parts.setdefault(row["name"].split("-")[0], set()).add(row["split"])
    assert all(len(split) == 1 for split in parts.values())
    assert {split for (split,) in parts.values()} == {"train", "val", "test"}
    opened = PreparedSet.open(tmp_path / "set")
    assert min(len(opened.train), len(opened.val), len(opened.test)) >= 20


@pytest.mark.parametrize("stop_at", [0, 1, 23, 59])
def test_interrupted_and_run_again_gives_the_same_bytes(photos, tmp_path, stop_at):
    _prepare(Photos(photos), tmp_path / "straight")
    with pytest.raises(KeyboardInterrupt):
        _prepare(Photos(photos, stop_at=stop_at), tmp_path / "stopped")
    _prepare(Photos(photos), tmp_path / "stopped")
    assert _bytes(tmp_path / "straight") == _bytes(tmp_path / "stopped")


def test_what_a_process_killed_in_the_last_pass_left_is_removed(photos, tmp_path):
    """It writes each split beside its place first: of a large set gigabytes."""
    _prepare(Photos(photos), tmp_path / "straight")
    with pytest.raises(KeyboardInterrupt):
        _prepare(Photos(photos, stop_at=40), tmp_path / "killed")
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], stdout=subprocess.PIPE, check=True)
    gone, name = done.stdout.decode().strip(), part_beside(tmp_path / "killed" / "train.npy").name
    name = name.replace(f"-{os.getpid()}-", f"-{gone}-")
    (tmp_path / "killed" / name).write_bytes(b"half of a split")
    _prepare(Photos(photos), tmp_path / "killed")
    assert _bytes(tmp_path / "straight") == _bytes(tmp_path / "killed")


@pytest.mark.parametrize("lost", ["raw", "journal", "half a line", "garbage"])
def test_what_a_crash_tore_off_is_done_again(photos, tmp_path, lost):
    _prepare(Photos(photos), tmp_path / "straight")
    folder = tmp_path / "torn"
    with pytest.raises(KeyboardInterrupt):
        _prepare(Photos(photos[:] + photos[:0], stop_at=59), folder)
    raw, journal = folder / "photos.raw", folder / "journal.jsonl"
    # The pool works ahead; make sure that something was written to tear.
    if lost == "raw" and raw.stat().st_size:
        raw.write_bytes(raw.read_bytes()[:-1000])
    elif lost == "journal":
        journal.write_text("\n".join(journal.read_text().splitlines()[:2]) + "\n")
    elif lost == "garbage":
        journal.write_bytes(journal.read_bytes()[:-40] + b"\0\xff" * 40 + b"\n")
    else:
        journal.write_text(journal.read_text()[:-5])
    _prepare(Photos(photos), folder)
    assert _bytes(tmp_path / "straight") == _bytes(folder)


def test_a_finished_set_is_left_alone_and_other_settings_are_refused(photos, tmp_path):
    said = []
    _prepare(Photos(photos), tmp_path / "set")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "set").iterdir()}
    _prepare(Photos(photos), tmp_path / "set", say=said.append)
    assert said == [f"{tmp_path / 'set'} is prepared already"]
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "set").iterdir()}
    with pytest.raises(ColorizeError, match="other settings .*height was 48, now 64"):
        _prepare(Photos(photos), tmp_path / "set", height=64)


def _folder_of(photos, folder):
    folder.mkdir(exist_ok=True)
    for index, photo in enumerate(photos):
        Image.fromarray(photo).save(folder / f"{index:03d}.png", compress_level=1)
    return folder


def test_a_set_does_not_go_on_from_other_photos(photos, tmp_path, monkeypatch):
    """Half done or finished: with a photo more, the positions in the journal would mean other photos."""
    folder = _folder_of(photos[:40], tmp_path / "photos")
    true_items, other = PhotoFolder.items, PhotoFolder(_folder_of(photos[5:45], tmp_path / "other"))

    def stopped(self, start=0):
        yield from list(true_items(self, start))[:33]
        raise KeyboardInterrupt

    monkeypatch.setattr(PhotoFolder, "items", stopped)
    with pytest.raises(KeyboardInterrupt):
        _prepare(PhotoFolder(folder), tmp_path / "half")
    monkeypatch.undo()
    _prepare(PhotoFolder(folder), tmp_path / "whole")
    Image.fromarray(photos[50]).save(folder / "0-first.png")
    for name in ("half", "whole"):
        before = _bytes(tmp_path / name)
        for source in (PhotoFolder(folder), other):
            with pytest.raises(ColorizeError, match="from other photos"):
                _prepare(source, tmp_path / name)
        assert _bytes(tmp_path / name) == before
    (folder / "0-first.png").unlink()
    _prepare(PhotoFolder(folder), tmp_path / "half")
    assert _bytes(tmp_path / "half") == _bytes(tmp_path / "whole")


def test_a_set_that_does_not_say_what_it_was_made_from_is_still_one(photos, tmp_path):
    _prepare(SamplePhotos(), tmp_path / "set")
    path = tmp_path / "set" / "settings.json"
    said, settings = [], json.loads(path.read_text())
    del settings["contents"]
    path.write_text(json.dumps(settings))
    _prepare(SamplePhotos(), tmp_path / "set", say=said.append)
    assert said == [f"{tmp_path / 'set'} is prepared already"]
    path.write_text("{}")
    with pytest.raises(ColorizeError, match="other settings"):
        _prepare(SamplePhotos(), tmp_path / "set")
    path.write_text("[]")
    with pytest.raises(ColorizeError, match="expected the settings of a prepared set"):
        _prepare(SamplePhotos(), tmp_path / "set")


def test_leftovers_of_a_finished_set_are_tidied_up(photos, tmp_path):
    _prepare(Photos(photos), tmp_path / "set")
    before = _bytes(tmp_path / "set")
    (tmp_path / "set" / "photos.raw").write_bytes(b"left")
    _prepare(Photos(photos), tmp_path / "set")
    assert _bytes(tmp_path / "set") == before


def test_a_folder_with_other_files_is_refused(photos, tmp_path):
    (tmp_path / "train.npy").write_bytes(b"somebody's")
    with pytest.raises(ColorizeError, match=r"expected an empty folder .* found train\.npy"):
        _prepare(Photos(photos), tmp_path)
    assert (tmp_path / "train.npy").read_bytes() == b"somebody's"
    (tmp_path / "train.npy").rename(tmp_path / "settings.json")
    with pytest.raises(ColorizeError, match="expected the settings of a prepared set"):
        _prepare(Photos(photos), tmp_path)


def test_a_full_disk_is_one_line_and_the_same_call_goes_on(photos, tmp_path, monkeypatch):
    true_open, written = open, []

    def full(path, *args, **kwargs):
        file = true_open(path, *args, **kwargs)
        if str(path).endswith("photos.raw") and "a" in args[0]:
            true_write = file.write

            class Full:
                def __getattr__(self, name):
                    return getattr(file, name)

                def __enter__(self):
                    return self

                def __exit__(self, *_):
                    file.close()

                def write(self, data):
                    written.append(len(data))
                    if len(written) > 20:
                        raise OSError(errno.ENOSPC, "No space left on device")
                    return true_write(data)

            return Full()
        return file

    monkeypatch.setattr(module, "open", full, raising=False)
    with pytest.raises(ColorizeError, match="the disk is full") as caught:
        _prepare(Photos(photos), tmp_path / "set")
    assert caught.value.status == 1
    assert not (tmp_path / "set" / "settings.json").exists()
    monkeypatch.undo()
    _prepare(Photos(photos), tmp_path / "set")
    _prepare(Photos(photos), tmp_path / "straight")
    assert _bytes(tmp_path / "set") == _bytes(tmp_path / "straight")


def test_a_folder_that_cannot_be_written_is_one_line(photos, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ColorizeError, match="could not write the prepared set"):
        _prepare(Photos(photos), tmp_path / "file" / "set")


@pytest.mark.parametrize("shape", [(100, 200), (200, 100), (144, 192), (300, 100), (90, 91), (7, 5)])
def test_fitting_keeps_aspect_and_center(shape):
    """A centered square stays a centered square, in the photo's own orientation."""
    h, w = shape
    photo = np.zeros((h, w, 3), np.uint8)
    half = max(1, min(h, w) // 4)
    photo[h // 2 - half : h // 2 + half, w // 2 - half : w // 2 + half] = 255
    fitted, transposed = fit_photo(photo, 144, 192)
    assert fitted.shape == (144, 192, 3)
    assert transposed == (h > w)
    if min(h, w) >= 90:
        rows, columns = np.nonzero(fitted[..., 0] > 127)
        assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=4)
        assert rows.mean() == pytest.approx(71.5, abs=3)
        assert columns.mean() == pytest.approx(95.5, abs=3)


def test_squash_keeps_everything():
    photo = np.zeros((100, 300, 3), np.uint8)
    photo[:, :10] = 255
    assert fit_photo(photo, 144, 192, "squash")[0][:, :6].mean() > 200
    assert fit_photo(photo, 144, 192, "crop")[0].max() == 0


def test_kaggle_and_folder_give_the_same_photo(samples, tmp_path):
    """The same photos by way of Kaggle's arrays and as PNG files end in nearly the same codes."""
    photos = kaggle_photos(samples, 12)
    write_kaggle(tmp_path / "kaggle", photos, luma=False, parts=(5, 4, 3))
    (tmp_path / "png").mkdir()
    for index, photo in enumerate(photos):
        Image.fromarray(photo).save(tmp_path / "png" / f"{index:05d}.png")
    found = {}
    for name, source in (("k", KaggleLab(tmp_path / "kaggle", say=str)), ("p", PhotoFolder(tmp_path / "png"))):
        _prepare(source, tmp_path / name, val=0, test=0)
        opened = PreparedSet.open(tmp_path / name)
        found[name] = {n.removesuffix(".png"): c for n, c in zip(opened.train.names, opened.train.codes, strict=True)}
    assert found["k"].keys() == found["p"].keys()
    for name, codes in found["k"].items():
        assert np.abs(codes.astype(int) - found["p"][name]).mean() < 1.5


def test_settings_say_what_was_done(photos, tmp_path):
    _prepare(Photos(photos), tmp_path / "set")
    settings = json.loads((tmp_path / "set" / "settings.json").read_text())
    assert settings["height"] == 48
    assert sum(settings["counts"].values()) == sum(not row["reason"] for row in _rows(tmp_path / "set"))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("settings.json", b"{"),
        ("settings.json", b"[]"),
        ("index.csv", b"a,b\n1,2\n"),
        ("index.csv", b"\xff\xfe\0"),
        ("index.csv", b"name,split,row,transposed,reason\nx,train,first,0,\n"),
        ("index.csv", b"name,split,row,transposed,reason\nx,elsewhere,0,0,\n"),
        ("index.csv", b"name,split,row,transposed,reason\nx,train\n"),
        ("train.npy", b""),
        ("train.npy", b"\x93NUMPY"),
    ],
)
def test_a_damaged_set_is_one_line_that_names_the_file(tiny_set, tmp_path, name, damage):
    shutil.copytree(tiny_set, tmp_path / "set")
    (tmp_path / "set" / name).write_bytes(damage)
    with pytest.raises(ColorizeError, match=f"^expected .*{re.escape(name)}") as caught:
        PreparedSet.open(tmp_path / "set")
    assert caught.value.status == 1
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are Unicode there")
def test_names_that_are_no_utf8_or_no_line(photos, tmp_path):
    """Old disks have them; a name in the index must neither stop `prepare` at its end nor shift the lines."""
    names = [os.fsdecode(b"caf\xe9.png"), "two\nlines.png", "a\u2028b.png", 'c, "d".png']
    _folder_of(photos[1:5], tmp_path / "photos")
    for path, name in zip(sorted((tmp_path / "photos").iterdir()), names, strict=True):
        path.rename(tmp_path / "photos" / name)
    _prepare(PhotoFolder(tmp_path / "photos"), tmp_path / "set", val=0, test=0)
    opened = PreparedSet.open(tmp_path / "set")
    assert set(opened.train.names) == {"caf\\udce9.png", *names[1:]}
