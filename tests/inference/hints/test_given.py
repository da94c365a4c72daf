"""Hints as people give them: dots, lines, strokes painted over a photo, and everything that is wrong with them."""

import json
import os
import tracemalloc

import cv2
import numpy as np
import pytest
import skimage.color
import skimage.data
from PIL import Image

from colorize_utils import color
from colorize_utils.errors import ColorizeError
from colorize_utils.inference.hints.given import Hints, read_hints

SHAPE = (40, 60)
RED = (80.09, 67.20)  # Lab of sRGB red by the tables, to the digits they print


def cells(hints):
    return set(zip(hints.rows.tolist(), hints.columns.tolist(), strict=True))


def test_a_dot_is_the_pixels_within_its_radius():
    hints = Hints.from_points([(30, 10, "red", 2.5)], SHAPE)
    expected = {(y, x) for y in range(40) for x in range(60) if (x - 30) ** 2 + (y - 10) ** 2 <= 2.5**2}
    assert cells(hints) == expected
    assert hints.rows.dtype == hints.columns.dtype == np.int64
    assert hints.ab.dtype == np.float32 and hints.ab.shape == (len(hints), 2) and hints.shape == SHAPE
    assert hints.ab == pytest.approx(np.broadcast_to(RED, hints.ab.shape), abs=0.03)


def test_x_is_the_column_and_dots_are_cut_off_at_the_border():
    assert cells(Hints.from_points([(59, 0, "red", 1)], SHAPE)) == {(0, 59), (0, 58), (1, 59)}
    assert cells(Hints.from_points([(7.9, 3.2, "red", 0)], SHAPE)) == {(3, 7)}


@pytest.mark.parametrize("shape, radius", [((40, 60), 1), ((90, 20), 1), ((700, 500), 5), ((1, 1), 1)])
def test_the_usual_radius_is_a_hundredth_of_the_short_side(shape, radius):
    usual, named = (Hints.from_points([(0, 0, "red", *more)], shape) for more in ((), (radius,)))
    assert cells(usual) == cells(named)


@pytest.mark.parametrize("name", ["red", " Red", "#ff0000", "#F00", "rgb(255, 0, 0)", (255, 0, 0), [255.0, 0, 0]])
def test_the_ways_to_name_a_color_are_one(name):
    hints = Hints.from_points([(5, 5, name, 0)], SHAPE)
    assert hints.ab[0] == pytest.approx(RED, abs=0.03) and hints.lightness[0] == pytest.approx(53.24, abs=0.01)


def test_order_is_nothing_and_the_same_said_twice_is_once():
    points = [(5, 5, "red", 3), (7, 5, "#ff0000", 3), (40, 20, "blue")]
    one, other = Hints.from_points(points, SHAPE), Hints.from_points(points[::-1], SHAPE)
    assert len(cells(one)) == len(one) and one.digest() == other.digest()
    assert np.array_equal(one.ab, other.ab) and np.array_equal(one.rows, other.rows)
    digests = {Hints.from_points(points[:k], SHAPE).digest() for k in range(4)} | {
        Hints.from_points(points, (40, 61)).digest(),
        Hints.from_points([*points[:2], (40, 20, "navy")], SHAPE).digest(),
    }
    assert len(digests) == 6


def test_no_hints_are_hints():
    hints = Hints.from_points([], SHAPE)
    assert len(hints) == 0 and hints.ab.shape == (0, 2) and hints.rows.dtype == np.int64


@pytest.mark.parametrize(
    "points, line",
    [
        ([(60, 3, "red")], "expected a hint inside the photo, x 0 to 59 and y 0 to 39, got x 60, y 3"),
        ([(3, -1, "red")], "got x 3, y -1"),
        ([(float("nan"), 1, "red")], "expected a place"),
        ([(float("inf"), 1, "red")], "expected a place"),
        ([("3", 1, "red")], "expected a place"),
        ([(True, 1, "red")], "expected a place"),
        ([(1, 1, "redd")], "expected a color such as red, #c02030 or .*, got 'redd'"),
        ([(1, 1, "#12345")], "expected a color"),
        ([(1, 1, "rgb(300,0,0)")], "expected a color"),
        ([(1, 1, (256, 0, 0))], "expected a color"),
        ([(1, 1, (1, 2))], "expected a color"),
        ([(1, 1, None)], "expected a color"),
        ([(1, 1, "x" * 1000)], "expected a color"),
        ([(1, 1, "red", -1)], "expected a radius"),
        ([(1, 1, "red", "big")], "expected a radius"),
        ([(1, 1, "red", float("nan"))], "expected a radius"),
        ([(1, 1)], r"expected \(x, y, color\)"),
        ([7], r"expected \(x, y, color\)"),
        ([(9, 9, "red"), (9, 9, "blue")], "expected one color a pixel, got (red and blue|blue and red) at x 9, y 8"),
        ([(9, 9, "red", 3), (12, 9, "blue", 3)], "expected one color a pixel"),
    ],
)
def test_what_cannot_be_is_one_line(points, line):
    with pytest.raises(ColorizeError, match=line) as caught:
        Hints.from_points(points, SHAPE)
    assert caught.value.status == 2 and "\n" not in str(caught.value)


def write(path, entries):
    path.write_text(entries if isinstance(entries, str) else json.dumps(entries), encoding="utf-8")
    return path


def test_json_has_dots_and_lines(tmp_path):
    path = write(tmp_path / "h.json", [
        {"x": 3, "y": 4, "color": "red", "radius": 0},
        {"line": [[10, 20], [20, 20], [20, 30]], "color": "#0000ff", "radius": 1},
    ])  # fmt: skip
    hints = read_hints(path, np.zeros(SHAPE, np.uint8))
    blue = {cell for cell, ab in zip(zip(hints.rows, hints.columns, strict=True), hints.ab, strict=True) if ab[1] < 0}
    line = {(20, x) for x in range(10, 21)} | {(y, 20) for y in range(20, 31)}
    assert blue == {(y, x) for y in range(40) for x in range(60) if any(abs(y - v) + abs(x - u) <= 1 for v, u in line)}
    assert (4, 3) in cells(hints) - blue and len(hints) == len(blue) + 1
    path = write(tmp_path / "no-suffix", "\ufeff" + path.read_text())  # as a Windows editor saves it
    assert read_hints(path, np.zeros((*SHAPE, 3), np.float32)).digest() == hints.digest()


@pytest.mark.parametrize(
    "content, line",
    [
        ("", "an empty file"),
        (" \n", "an empty file"),
        ("[]", "expected a list of hints, got an empty list"),
        ("{}", "expected a list of hints, got dict"),
        ('[{"x": 1, "y": 2,', "expected hints as JSON, got: "),
        ("[" * 100_000, "expected hints as JSON, got: "),
        ("[1]", "hint 1: expected .* got 1$"),
        ('[{"x": 1, "y": 2}]', 'hint 1: expected {"x", "y", "color"}'),
        ('[{"x": 1, "y": 2, "color": "red", "size": 3}]', "hint 1: expected"),
        ('[{"line": [], "color": "red"}]', "hint 1: expected"),
        ('[{"line": [[1]], "color": "red"}]', "expected a place"),
        ('[{"line": [3, 4], "color": "red"}]', "expected a place"),
        ('[{"x": 1, "y": 99, "color": "red"}]', "inside the photo"),
        ('[{"x": 1, "y": 9, "color": "rood"}]', "got 'rood'"),
        ('[{"x": 1, "y": 9, "color": "red", "radius": "1"}]', "expected a radius"),
        ('[{"x": NaN, "y": 9, "color": "red"}]', "expected a place"),
    ],
)
def test_json_that_is_wrong_is_one_line_with_the_file_s_name(tmp_path, content, line):
    path = write(tmp_path / "h.json", content)
    with pytest.raises(ColorizeError, match=line) as caught:
        read_hints(path, np.zeros(SHAPE, np.uint8))
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def grey():
    return skimage.data.camera()[100:400:2, 100:420:2]


def painted(grey):
    """A photo with a red stroke, a blue one and a white one on it, and which pixels they cover."""
    picture, covered = np.dstack([grey] * 3), np.zeros(grey.shape, np.uint8)
    for ends, ink in (
        (((20, 20), (60, 30)), (220, 30, 30)),
        (((80, 100), (140, 90)), (20, 60, 200)),
        (((30, 120), (60, 130)), (255, 255, 255)),
    ):
        cv2.line(picture, *ends, ink, 9)
        cv2.line(covered, *ends, 1, 9)
    return picture, covered.astype(bool)


@pytest.mark.parametrize("form", ["png", "grey 16 bit", "float"])
def test_strokes_over_a_photo_are_found_and_nothing_else(tmp_path, grey, form):
    picture, covered = painted(grey)
    Image.fromarray(picture).save(tmp_path / "h.png")
    photo = {"png": grey, "grey 16 bit": grey.astype(np.uint16) * 257, "float": np.dstack([grey / 255] * 3)}[form]
    hints = read_hints(tmp_path / "h.png", photo)
    found = np.zeros(grey.shape, bool)
    found[hints.rows, hints.columns] = True
    assert not (found & ~covered).any() and found.sum() > 0.6 * covered.sum()
    expected = skimage.color.rgb2lab(picture / 255)[hints.rows, hints.columns]
    assert np.abs(hints.ab - expected[:, 1:]).max() < 0.05
    hue = np.arctan2(hints.ab[:, 1], hints.ab[:, 0])
    assert (np.abs(hints.ab).max(-1) < 1).any()  # white says: no color here
    assert (np.abs(hue - np.arctan2(*RED[::-1])) < 0.2).any()


@pytest.mark.parametrize("quality", [50, 75, 95])
def test_noise_of_jpeg_is_no_hint(tmp_path, grey, quality):
    picture, covered = painted(grey)
    Image.fromarray(np.dstack([grey] * 3)).save(tmp_path / "plain.jpg", quality=quality)
    with pytest.raises(ColorizeError, match="plain.jpg: expected colored strokes over the photo, found none$"):
        read_hints(tmp_path / "plain.jpg", grey)
    Image.fromarray(picture).save(tmp_path / "h.jpg", quality=quality)
    hints = read_hints(tmp_path / "h.jpg", grey)
    near = cv2.dilate(covered.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    assert near[hints.rows, hints.columns].all()
    red = hints.rows < 45
    hue = np.arctan2(hints.ab[red, 1], hints.ab[red, 0])
    expected = color.rgb_to_lab(np.float32([220, 30, 30]) / 255)
    assert np.abs(hue - np.arctan2(expected[2], expected[1])).mean() < 0.1


def test_strokes_over_a_photo_with_colors_of_its_own(tmp_path, grey):
    sepia = np.rint(np.dstack([grey, grey * 0.8, grey * 0.6])).astype(np.uint8)
    picture, covered = painted(grey)
    over = np.where(covered[..., None], picture, sepia)
    Image.fromarray(over).save(tmp_path / "h.png")
    hints = read_hints(tmp_path / "h.png", sepia)
    assert covered[hints.rows, hints.columns].all()


def test_pictures_that_are_no_hints_are_one_line(tmp_path, grey):
    Image.fromarray(grey[:-1]).save(tmp_path / "small.png")
    (tmp_path / "text.txt").write_text("red, here")
    Image.fromarray(255 - grey).save(tmp_path / "other.png")
    for name, line in (
        ("small.png", "expected a picture of 160x150 pixels, as the photo is, got 160x149"),
        ("text.txt", "expected hints as JSON or as a picture: expected a photo"),
        ("other.png", "expected the photo with some strokes on it, but .*% of it differs"),
        ("absent.png", "expected a file of hints, got: No such file"),
        ("", "expected a file of hints"),
    ):
        with pytest.raises(ColorizeError, match=line) as caught:
            read_hints(tmp_path / name, grey)
        assert "\n" not in str(caught.value) and caught.value.status == 1


@pytest.mark.parametrize("name", ["blue", "navy", "#3030ff"])
def test_blue_on_something_light_is_blue_and_not_violet(name):
    hints = Hints.from_points([(0, 0, name, 0)], (1, 1))
    for lightness in (50, 65, 80):
        seen = hints.seen_at(np.float32([lightness]))
        red, green, blue = color.join(np.float32([[lightness]]), seen.ab[None])[0, 0]
        assert red < green < blue
        assert np.hypot(*seen.ab[0]) == pytest.approx(np.hypot(*hints.ab[0]), rel=1e-4)


@pytest.mark.parametrize("name", ["red", "blue", "yellow", "teal", "pink", "gray"])
def test_a_color_on_its_own_lightness_or_a_darker_one_is_as_it_was_named(name):
    hints = Hints.from_points([(0, 0, name, 0)], (1, 1))
    for lightness in (hints.lightness, hints.lightness / 2):
        assert hints.seen_at(lightness).ab == pytest.approx(hints.ab, abs=1e-3)


def test_oklab_is_ottosson_s():
    # The pairs of XYZ and Oklab that https://bottosson.github.io/posts/oklab/ prints, to three digits.
    xyz = np.array([[0.950, 1, 1.089], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    expected = [[1, 0, 0], [0.450, 1.236, -0.019], [0.922, -0.671, 0.263], [0.153, -1.415, -0.449]]
    rgb = np.array(
        [[3.2404542, -1.5371385, -0.4985314], [-0.9692660, 1.8760108, 0.0415560], [0.0556434, -0.2040259, 1.0572252]]
    )
    found = np.cbrt(xyz @ rgb.T @ color._CONES_FROM_RGB.T) @ color._OKLAB_FROM_ROOTS.T
    assert found == pytest.approx(np.array(expected), abs=2e-3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"x": 1, "y": 1, "color": "red", "radius": 1e8}]', None),  # as large as the photo
        ('[{"x": ' + "[" * 3000 + "]" * 3000 + ', "y": 1, "color": "red"}]', "expected"),
        ("[" * 200_000, "expected"),
        ('[{"x": 1' + "0" * 4000 + ', "y": 1, "color": "red"}]', "a place"),
        ('[{"x": 1, "y": 1, "color": "' + "#" * 10_000 + '"}]', "a color"),
        ('[{"line": [' + "[1,1]," * 300_000 + '[2,2]], "color": "red"}]', "at most 300,000 places"),
    ],
)
def test_hints_that_ask_for_much_cost_a_short_line(tmp_path, text, said):
    (tmp_path / "h.json").write_text(text)
    photo = np.full((30, 40), 120, np.uint8)
    if said is None:
        assert len(read_hints(tmp_path / "h.json", photo)) == 1200
        return
    with pytest.raises(ColorizeError, match=said) as caught:
        read_hints(tmp_path / "h.json", photo)
    assert len(str(caught.value)) < 300 + len(str(tmp_path)) and "\n" not in str(caught.value)


def test_strokes_are_not_painted_without_an_end():
    points = [(500 + k, 500, "red", 400) for k in range(100)]
    with pytest.raises(ColorizeError, match="20 megapixels in all"):
        Hints.from_points(points, (1000, 1000))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_pipes_devices_and_pictures_of_another_size_are_refused_unread(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    for place in (tmp_path / "pipe.json", "/dev/zero", tmp_path):
        with pytest.raises(ColorizeError, match="expected a file of hints"):
            read_hints(place, np.zeros((30, 40), np.uint8))
    Image.new("1", (17_000, 17_000)).save(tmp_path / "large.png")
    tracemalloc.start()
    with pytest.raises(ColorizeError, match="expected a picture of 40x30 pixels"):
        read_hints(tmp_path / "large.png", np.zeros((30, 40), np.uint8))
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_json_of_any_unicode_is_read(tmp_path):
    text = '[{"x": 1, "y": 1, "color": "red"}]'
    for code in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        (tmp_path / "h").write_bytes(text.encode(code))
        assert len(read_hints(tmp_path / "h", np.zeros((30, 40), np.uint8))) > 0
