"""Sources: what they read is what is there, in an order that never changes, and every fault is named."""

import io
import json
import re
import sys
import types

import numpy as np
import pytest
from conftest import kaggle_photos, write_kaggle
from PIL import Image

from colorize_utils import color
from colorize_utils.data.kaggle import lightness_table
from colorize_utils.data.prepare import split_of
from colorize_utils.data.sources import KaggleLab, PhotoFolder, SamplePhotos, kaggle_source, label, sample_photos
from colorize_utils.errors import ColorizeError


@pytest.fixture(scope="module")
def photos(samples):
    return kaggle_photos(samples)


@pytest.fixture(scope="module", params=[True, False], ids=["luma", "L"])
def kaggle(request, photos, tmp_path_factory):
    folder = write_kaggle(tmp_path_factory.mktemp("kaggle"), photos, request.param)
    return folder, request.param


def test_the_kaggle_set_tells_luma_from_lightness(kaggle):
    folder, luma = kaggle
    said = []
    assert KaggleLab(folder, say=said.append).luma is luma
    assert ("luma" in said[0]) is luma


def test_kaggle_photos_come_back_in_their_colors(kaggle, photos):
    """Grey paired with the right part of ab, luma turned into the L that fits: RGB within the loss of 8-bit Lab."""
    items = list(KaggleLab(kaggle[0], say=str).items())
    assert len(items) == 25
    for item, photo in zip(items, photos, strict=True):
        codes, is_lab = item.read()
        assert is_lab
        rgb = color.lab_to_rgb(color.decode_lab8(codes))
        error = np.abs(rgb * 255 - photo)
        assert error.mean() < 2
        assert np.percentile(error, 99) < 12
        true_l = color.lightness(photo / 255.0)
        assert np.abs(codes[..., 0] / 2.55 - true_l).mean() < 0.4


def test_one_part_is_the_same_as_its_place_in_the_whole(kaggle):
    whole = [item.read()[0] for item in KaggleLab(kaggle[0], say=str).items()]
    second = [item.read()[0] for item in KaggleLab(kaggle[0], part=2, say=str).items()]
    third = [item.name for item in KaggleLab(kaggle[0], part=3, say=str).items(2)]
    assert all(np.array_equal(a, b) for a, b in zip(whole[10:20], second, strict=True))
    assert third == ["00022", "00023", "00024"]


def test_the_luma_table_against_bisection():
    table = lightness_table()
    rng = np.random.default_rng(0)
    lab = color.rgb_to_lab(rng.uniform(0, 1, (500, 3)))
    codes = color.encode_lab8(lab).astype(int)
    luma = np.clip(np.rint(color.luma(color.lab_to_rgb_unbounded(lab)) * 255), 0, 255).astype(int)
    found = table[codes[:, 1] - 42, codes[:, 2] - 20, luma]
    exact = color.luma_to_lightness(luma / 255, codes[:, 1:] - 128.0) * 2.55
    assert np.abs(found - exact).max() < 0.6


def _copy(source, target):
    for path in source.rglob("*.npy"):
        goal = target / path.relative_to(source)
        goal.parent.mkdir(parents=True, exist_ok=True)
        goal.write_bytes(path.read_bytes())
    return target / "image_colorization_data"


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("l/gray_scale.npy", None, r"gray_scale\.npy, but it is missing"),
        ("ab/ab/ab2.npy", None, r"ab2\.npy, but it is missing"),
        ("ab/ab/ab3.npy", b"\x93NUMPY", r"expected a whole NumPy array in .*ab3\.npy"),
        ("l/gray_scale.npy", np.zeros((24, 56, 56), np.uint8), r"as many photos .* \(25\), got 24"),
        ("ab/ab/ab1.npy", np.zeros((10, 48, 48, 2), np.uint8), r"ab1\.npy to have photos of \(56, 56\).*\(48, 48\)"),
        ("ab/ab/ab1.npy", np.zeros((10, 56, 56, 2), np.float32), r"ab1\.npy to be uint8 .* got float32"),
        ("ab/ab/ab1.npy", np.zeros((10, 56, 56, 3), np.uint8), r"ab1\.npy to be uint8 \(N, H, W, 2\)"),
    ],
)
def test_a_kaggle_set_with_a_fault_is_refused_by_name(kaggle, tmp_path, name, change, message):
    root = _copy(kaggle[0], tmp_path)
    if change is None:
        (root / name).unlink()
    elif isinstance(change, bytes):
        (root / name).write_bytes(change)
    else:
        np.save(root / name, change)
    with pytest.raises(ColorizeError, match=message) as caught:
        KaggleLab(tmp_path)
    assert "\n" not in str(caught.value)


def test_photos_without_strong_colors_do_not_pass_for_luma(samples, tmp_path):
    """Then neither reading leaves the gamut by more than 8 bits do, and there is nothing to tell by."""
    photos = kaggle_photos(samples).astype(np.float32)
    faint = photos.mean(axis=-1, keepdims=True) * 0.9 + photos * 0.1
    for luma in (True, False):
        folder = write_kaggle(tmp_path / str(luma), np.rint(faint).astype(np.uint8), luma)
        assert not KaggleLab(folder, say=str).luma


def test_contents_tell_sets_apart(kaggle, photos, tmp_path):
    one = KaggleLab(kaggle[0], say=str)
    assert one.contents == KaggleLab(_copy(kaggle[0], tmp_path / "same"), say=str).contents
    others = write_kaggle(tmp_path / "others", photos[::-1], kaggle[1])
    found = {KaggleLab(others, say=str).contents, *(KaggleLab(kaggle[0], part=k, say=str).contents for k in (1, 2, 3))}
    assert len(found) == 4 and one.contents not in found


@pytest.fixture
def kaggle_site(monkeypatch, tmp_path):
    """Kaggle played: kagglehub's function, and what the site says of a set's size -> (module, answers)."""
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "cache"))
    hub, sizes = types.ModuleType("kagglehub"), {}

    def answer(address, timeout):
        handle = address.split("/view/")[1]
        if handle not in sizes:
            raise OSError("no route")
        return io.BytesIO(json.dumps({"totalBytes": sizes[handle]}).encode())

    monkeypatch.setitem(sys.modules, "kagglehub", hub)
    monkeypatch.setattr("colorize_utils.data.kaggle.urllib.request.urlopen", answer)
    return hub, sizes


def _birds(folder):
    rng = np.random.default_rng(0)
    for name in ("train/robin/1.jpg", "train/owl/2.PNG", "a/b/c/3.webp"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (40, 50, 3), dtype=np.uint8)).save(folder / name)
    (folder / "labels.csv").write_text("1,robin")
    return folder


def test_any_set_of_photos_on_kaggle(kaggle_site, tmp_path):
    (hub, sizes), said = kaggle_site, []
    hub.dataset_download = {"jane/birds-2.0": str(_birds(tmp_path / "birds"))}.__getitem__
    sizes["jane/birds-2.0"] = 3_000_000
    source = kaggle_source("kaggle:jane/birds-2.0", said.append)
    assert [item.name for item in source.items()] == ["a/b/c/3.webp", "train/owl/2.PNG", "train/robin/1.jpg"]
    assert label(source) == source.name == "kaggle-jane-birds-2.0"
    assert re.match(r"jane/birds-2.0: 0.0 GB to fetch from Kaggle, [\d.]+ GB free in /", said[0])
    assert said[1] == "jane/birds-2.0: 3 photos; prepared they take 0.0 GB, on a GPU as well (a T4 has 15)"
    assert kaggle_source("kaggle:https://www.kaggle.com/datasets/jane/birds-2.0/data", str).handle == "jane/birds-2.0"


def test_a_set_without_room_for_it_is_not_fetched(kaggle_site, monkeypatch):
    (hub, sizes), said = kaggle_site, []
    hub.dataset_download = lambda handle: pytest.fail("it was fetched")
    sizes["jane/birds"] = 10**16
    with pytest.raises(ColorizeError, match=r"expected 20000000.0 GB free in .* for jane/birds, its archive and") as e:
        kaggle_source("kaggle:jane/birds", said.append)
    assert e.value.status == 1 and "10000000.0 GB to fetch" in said[0]


@pytest.mark.parametrize("words", ["kaggle:", "kaggle:birds", "kaggle:a/b/c", "kaggle:../x", "kaggle:a b/c"])
def test_what_is_no_name_of_a_set_is_one_line(kaggle_site, words):
    with pytest.raises(ColorizeError, match="expected kaggle:OWNER/NAME"):
        kaggle_source(words)


def test_the_project_s_own_set_by_its_name_is_read_as_arrays(kaggle_site, kaggle):
    kaggle_site[0].dataset_download = lambda handle: str(kaggle[0])
    assert isinstance(kaggle_source("kaggle:shravankumar9892/image-colorization", str), KaggleLab)


def test_without_a_folder_kagglehub_is_asked(kaggle, kaggle_site, monkeypatch, tmp_path):
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    hub = kaggle_site[0]
    hub.dataset_download = lambda handle: str(kaggle[0]) if handle == "shravankumar9892/image-colorization" else None
    assert len(KaggleLab(say=str)) == 25

    def unreachable(handle):
        raise ConnectionError("no route\nto host")

    hub.dataset_download = unreachable
    with pytest.raises(ColorizeError, match="could not fetch .* no route. Download it .* --input DIR") as caught:
        KaggleLab(say=str)
    assert caught.value.status == 1
    assert "\n" not in str(caught.value)
    # What was fetched whole before is used; 11 was cut off, and 9 is older than 10.
    place = tmp_path / "datasets" / "shravankumar9892" / "image-colorization"
    for version, parts in (("9", (5, 5, 15)), ("10", (10, 10, 5)), ("11", None)):
        (place / "versions" / version).mkdir(parents=True)
        if parts:
            write_kaggle(place / "versions" / version, kaggle_photos(sample_photos()), luma=False, parts=parts)
            (place / f"{version}.complete").touch()
    assert [len(KaggleLab(part=k, say=str)) for k in (1, 2, 3)] == [10, 10, 5]


@pytest.mark.parametrize("part", [0, 4, "ab1"])
def test_a_part_that_is_not_there_is_refused(kaggle, part):
    with pytest.raises(ColorizeError, match="expected part to be 1, 2 or 3"):
        KaggleLab(kaggle[0], part=part)


def test_a_folder_that_is_no_kaggle_set_is_named(tmp_path):
    with pytest.raises(ColorizeError, match="expected the Kaggle set"):
        KaggleLab(tmp_path)


def test_folders_are_read_at_any_depth_in_order(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("b/two.png", "a/deep/one.bmp", "three.TIFF", "a/four.webp", ".hidden/no.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (8, 9, 3), dtype=np.uint8)).save(path, lossless=True)
    (tmp_path / "notes.txt").write_text("no photo")
    names = [item.name for item in PhotoFolder(tmp_path).items()]
    assert names == ["three.TIFF", "a/four.webp", "a/deep/one.bmp", "b/two.png"]
    pixels, is_lab = next(PhotoFolder(tmp_path).items(3)).read()
    assert not is_lab
    assert np.array_equal(pixels, np.asarray(Image.open(tmp_path / "b" / "two.png")))


def test_a_folder_without_photos_is_refused(tmp_path):
    with pytest.raises(ColorizeError, match="expected photos .* found none"):
        PhotoFolder(tmp_path)
    with pytest.raises(ColorizeError, match="there is no folder"):
        PhotoFolder(tmp_path / "none")


def test_sample_photos_are_color_photographs(samples):
    assert len(samples) >= 5
    for photo in samples.values():
        assert photo.dtype == np.uint8
        assert min(photo.shape[:2]) >= 300
        assert np.ptp(photo.astype(int), axis=-1).mean() > 5
    assert list(sample_photos()) == list(samples)


def test_sample_crops_overlap_and_carry_their_parent():
    source = SamplePhotos()
    items = list(source.items())
    assert len(items) == len(source) > 100
    assert len({item.name for item in items}) == len(items)
    assert all(item.name.startswith(item.parent) for item in items)
    assert [item.name for item in source.items(100)] == [item.name for item in items[100:]]
    for item in items[::20]:
        pixels, is_lab = item.read()
        assert not is_lab
        assert pixels.shape[1] / pixels.shape[0] == pytest.approx(4 / 3, rel=0.02)


def test_the_samples_are_validated_on_more_than_one_photo():
    source = SamplePhotos()
    parts = {}
    for item in source.items():
        parts.setdefault(split_of(item.parent, source.val, source.test), set()).add(item.parent)
    assert parts == {"train": {"astronaut", "cat", "rocket"}, "val": {"hopper", "motorcycle"}, "test": {"coffee"}}
