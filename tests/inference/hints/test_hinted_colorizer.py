"""Photos colored with hints on top of a network, or by hints alone; and `colorize --hints`."""

import json
import sys
import threading

import numpy as np
import pytest
import skimage.data
import tifffile
from PIL import Image
from test_cli import put, run

from colorize_utils import color
from colorize_utils.commands import colorize
from colorize_utils.errors import ColorizeError
from colorize_utils.inference import colorizer as module
from colorize_utils.inference.colorizer import Colorizer
from colorize_utils.inference.hints.given import Hints
from colorize_utils.photos.reading import read_mark


def brownish(x):
    return np.broadcast_to(np.float32([0.06, 0.1]), (*x.shape[:3], 2))


def skin_and_cloth(x):
    """A network that knows a face (light) from a dress (grey) and a wall (dark), and gives each a quiet color."""
    face, dress = x > 0.3, (x > -0.35) & (x <= 0.3)
    ab = np.where(face, np.float32([0.16, 0.18]), np.where(dress, np.float32([0.0, -0.04]), np.float32([0.02, 0.1])))
    return ab.astype(np.float32)


@pytest.fixture(scope="module")
def portrait():
    """A grey photo of a kind: a light face over a grey dress with folds, before a dark wall; and what is what."""
    y, x = np.mgrid[0:200, 0:160]
    dress = (y > 80) & (np.abs(x - 80) < 20 + (y - 80) * 0.4)
    face = (y - 50) ** 2 + (x - 80) ** 2 < 28**2
    folds = 8 * np.sin(x / 7 + y / 30)
    lightness = np.where(face, 75 + 4 * np.sin(y / 9), np.where(dress, 48 + folds, 22 + 0.02 * x))
    lightness = lightness + np.random.default_rng(0).normal(0, 1, lightness.shape)
    grey = np.rint(color.grey_from_lightness(lightness.astype(np.float32)) * 255).astype(np.uint8)
    return grey, face, dress & ~face


def lab(picture):
    return color.rgb_to_lab(picture / np.float32(255))


def test_a_red_dot_makes_the_dress_red_and_leaves_face_and_wall(portrait):
    grey, face, dress = portrait
    colorizer = Colorizer(skin_and_cloth, {"trained_size": 96})
    plain, hinted = lab(colorizer(grey)), lab(colorizer(grey, hints=Hints.from_points([(80, 150, "red")], grey.shape)))
    a, b = hinted[dress][:, 1], hinted[dress][:, 2]
    red = (a > 25) & (np.abs(np.arctan2(b, a) - np.arctan2(67.2, 80.1)) < 0.35)
    assert red.mean() > 0.95
    changed = np.linalg.norm(hinted[..., 1:] - plain[..., 1:], axis=-1)
    assert changed[face].mean() < 1 and np.quantile(changed[face], 0.95) < 3
    wall = ~face & ~dress
    assert changed[wall].mean() < 2 and np.median(changed[wall]) < 0.5
    assert np.abs(hinted[..., 0] - plain[..., 0]).max() <= 0.8  # each is within half a unit of the photo's


def test_lightness_stays_and_hinted_pixels_have_the_hint_s_color():
    grey = skimage.data.camera()[::3, ::3]
    hints = Hints.from_points([(40, 90, "#7a5a40", 2), (120, 20, "steelblue", 2)], grey.shape)
    for network in (brownish, None):
        colorizer = Colorizer(network, {"trained_size": 64})
        picture = colorizer(grey, hints=hints)
        assert picture.dtype == np.uint8
        before = color.lightness_from_grey(grey / np.float32(255))
        assert np.abs(lab(picture)[..., 0] - before).max() <= 0.5
        ab = colorizer.predict_ab(before, hints=hints)
        seen = hints.seen_at(before[hints.rows, hints.columns])
        assert ab[hints.rows, hints.columns] == pytest.approx(seen.ab, abs=1e-3)


def test_without_a_network_one_hint_colors_all_and_none_leaves_grey():
    grey = skimage.data.camera()[::4, ::4]
    levin = Colorizer(None)
    assert np.ptp(levin(grey).astype(int), axis=-1).max() == 0
    before = color.lightness_from_grey(grey / np.float32(255))
    hints = Hints.from_points([(3, 3, "teal")], grey.shape)
    teal = hints.seen_at(before[hints.rows, hints.columns]).ab[0]
    assert teal == pytest.approx(color.rgb_to_lab(np.float32([0, 128, 128]) / 255)[1:], abs=0.2)
    ab = levin.predict_ab(before, hints=hints)
    assert ab == pytest.approx(np.broadcast_to(teal, ab.shape), abs=0.1)


def test_no_hints_are_as_none_given():
    grey = skimage.data.camera()[::4, ::4]
    colorizer = Colorizer(brownish)
    assert np.array_equal(colorizer(grey, hints=Hints.from_points([], grey.shape)), colorizer(grey))


def test_bands_are_the_same_as_all_at_once(monkeypatch):
    grey = skimage.data.camera()[::2, ::2]
    hints = Hints.from_points([(40, 90, "red", 6), (200, 20, "steelblue", 9)], grey.shape)
    colorizer = Colorizer(brownish)
    whole = colorizer(grey, hints=hints)
    monkeypatch.setattr(module, "BAND", grey.shape[1] * 50)
    assert np.abs(colorizer(grey, hints=hints).astype(int) - whole).max() <= 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 1), (2, 2), (3, 300)])
@pytest.mark.parametrize("network", [brownish, None])
def test_the_smallest_photos(shape, network):
    grey = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    hints = Hints.from_points([(0, 0, "red")], shape)
    assert Colorizer(network)(grey, hints=hints).shape == (*shape, 3)


def test_every_pixel_may_be_a_hint_and_strength_works_on_all():
    rgb = skimage.data.coffee()[::8, ::8]
    truth = color.rgb_to_lab(rgb / np.float32(255))
    rows, columns = np.indices(rgb.shape[:2]).reshape(2, -1)
    hints = Hints(rows, columns, truth[rows, columns, 1:], rgb.shape[:2])
    colorizer = Colorizer(brownish)
    assert np.abs(colorizer(rgb, hints=hints).astype(int) - rgb).max() <= 2
    assert np.ptp(colorizer(rgb, hints=hints, strength=0).astype(int), axis=-1).max() == 0


def test_hints_for_another_photo_are_refused_in_one_line():
    with pytest.raises(ColorizeError, match="^expected hints for a photo of 9x8 pixels, got ones for 8x9$"):
        Colorizer(brownish)(np.zeros((8, 9), np.uint8), hints=Hints.from_points([(1, 1, "red")], (9, 8)))


def test_photos_in_threads_have_each_its_own_hints():
    grey = skimage.data.camera()[::8, ::8]
    colorizer, pictures = Colorizer(brownish), {}

    def work(name):
        pictures[name] = colorizer(grey, hints=Hints.from_points([(9, 9, name)], grey.shape))

    threads = [threading.Thread(target=work, args=(name,)) for name in ("red", "blue", "green")]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    for name, picture in pictures.items():
        assert np.array_equal(picture, colorizer(grey, hints=Hints.from_points([(9, 9, name)], grey.shape)))


# In the terminal


@pytest.fixture
def stub(monkeypatch):
    model = Colorizer(brownish, {"name": "stub", "version": "1"})
    monkeypatch.setattr(colorize, "load_colorizer", lambda name, *_: model)


def hint_file(path, *entries):
    path.write_text(json.dumps(entries), encoding="utf-8")
    return path


def test_hints_in_the_terminal(stub, tmp_path, capsys):
    photo = put(tmp_path / "a.png")
    hints = hint_file(tmp_path / "h.json", {"x": 3, "y": 3, "color": "blue"})
    assert run(capsys, "colorize", photo, "-o", tmp_path / "with", "--hints", hints)[0] == 0
    assert run(capsys, "colorize", photo, "-o", tmp_path / "without")[0] == 0
    one, other = (np.asarray(Image.open(tmp_path / where / "a.png")).astype(int) for where in ("with", "without"))
    assert one[3, 3, 2] > other[3, 3, 2]
    digest = Hints.from_points([(3, 3, "blue")], one.shape[:2]).digest()
    assert read_mark(tmp_path / "with" / "a.png") == f"model stub 1, color hints {digest}"


def test_other_hints_are_not_taken_for_done(tmp_path, capsys):
    photo = put(tmp_path / "a.png")
    said = []
    for name in ("red", "red", "blue"):
        hints = hint_file(tmp_path / "h.json", {"x": 3, "y": 3, "color": name})
        words = ("colorize", photo, "-o", tmp_path / "out", "--hints", hints, "--model", "none")
        said.append(run(capsys, *words)[1])
    assert "1 picture written" in said[0]
    assert "left alone" in said[1] and "by another model or setting" not in said[1]
    assert "1 by another model or setting" in said[2]


def test_without_a_model_there_is_no_keras_and_the_mark_says_by_hand(tmp_path, capsys):
    photo = put(tmp_path / "a.jpg")
    hints = hint_file(tmp_path / "h.json", {"x": 3, "y": 3, "color": "blue"})
    before = "keras" in sys.modules
    words = ("colorize", photo, "-o", tmp_path / "out", "--hints", hints, "--model", "none")
    assert run(capsys, *words)[0] == 0 and ("keras" in sys.modules) == before
    picture = tmp_path / "out" / "a.jpg"
    assert read_mark(picture).startswith("model none, color hints ")
    with Image.open(picture) as image:
        assert "chosen by hand" in image.getexif()[305]
    data = picture.read_bytes()
    assert b"digitalsourcetype/humanEdits" in data and b"AISystemUsed" not in data


@pytest.mark.parametrize(
    "words, line",
    [
        ("a.png --model none", "expected --hints FILE with --model none"),
        ("a.png --hints gone.json", "gone.json: expected a file of hints"),
        ("a.png --hints outside.json", "outside.json: expected a hint inside the photo"),
        ("a.png b.png --hints good.json", "expected one photo with --hints, got 2"),
        ("a.png --hints good.json --model none --temperature 0.5", "expected a model with --temperature"),
        ("a.png --hints b.png", "b.png: expected a picture of 40x30 pixels, as the photo is, got 30x20"),
        ("good.json --hints good.json", "good.json: expected a photo"),
    ],
)
def test_hints_that_cannot_be_used_are_one_line(stub, tmp_path, capsys, monkeypatch, words, line):
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "a.png"), put(tmp_path / "b.png", (20, 30))
    hint_file(tmp_path / "good.json", {"x": 3, "y": 3, "color": "blue"})
    hint_file(tmp_path / "outside.json", {"x": 3000, "y": 3, "color": "blue"})
    status, said, complaints = run(capsys, "colorize", *words.split(), "-o", "out")
    assert status in (1, 2) and said == "" and len(complaints) == 1 and line in complaints[0]
    assert not (tmp_path / "out").exists()


def test_a_tiff_of_several_pages_takes_no_hints(stub, tmp_path, capsys):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((2, 20, 30), np.uint8), photometric="minisblack")
    hints = hint_file(tmp_path / "h.json", {"x": 3, "y": 3, "color": "blue"})
    status, _, complaints = run(capsys, "colorize", tmp_path / "a.tif", "-o", tmp_path / "out", "--hints", hints)
    assert (status, len(complaints)) == (2, 1) and "got a TIFF of 2 pages" in complaints[0]
