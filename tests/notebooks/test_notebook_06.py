"""Notebook 06 for people who never opened one: what they may hand it, in a browser (Colab played) and elsewhere."""

import builtins
import io
import json
import re
import sys
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize_utils.inference.colorizer import Colorizer

pytest.importorskip("IPython")

BOOK = Path(__file__).resolve().parents[2] / "notebooks" / "06_colorize_your_photos.ipynb"
CHOOSE, SHOW, PUT_RIGHT = (
    "".join(cell["source"])
    for cell in json.loads(BOOK.read_text(encoding="utf-8"))["cells"]
    if cell["cell_type"] == "code" and "setup" not in cell["metadata"].get("tags", [])
)


def _reddish(fed):
    """Stands in for the network: the same a and b everywhere."""
    return np.broadcast_to(np.float32([0.2, 0.1]), (*fed.shape[:3], 2))


@pytest.fixture
def book(tmp_path, monkeypatch, capsys):
    """Run the first two cells as in a notebook -> (what was printed, the names they left)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Colorizer, "load", classmethod(lambda cls, path=None: cls(_reddish, {"trained_size": 64})))
    monkeypatch.setattr("colorize_utils.terminal.quietly_import_keras", lambda: None)
    monkeypatch.setattr("IPython.display.display", lambda *a, **k: types.SimpleNamespace(update=lambda shown: None))

    def run(where="", chosen=None, which="the shipped model"):
        names = {"Path": Path, "on_colab": chosen is not None, "drive": None, "print": builtins.print}
        if chosen is not None:
            _play_colab(monkeypatch, chosen, names)
        fields = CHOOSE.replace('where = ""', f"where = {where!r}")
        exec(fields.replace('which_model = "the shipped model"', f"which_model = {which!r}"), names)
        exec(SHOW, names)
        return capsys.readouterr().out, names

    return run


def _play_colab(monkeypatch, chosen, names):
    """google.colab.files as it is: what was chosen lands in the current folder; what is downloaded is noted."""

    def upload():
        for name, data in chosen.items():
            Path(name).write_bytes(data)
        return dict(chosen)

    names["downloaded"] = []
    files = types.SimpleNamespace(upload=upload, download=lambda path: names["downloaded"].append(Path(path)))
    colab = types.ModuleType("google.colab")
    colab.files = files
    google = types.ModuleType("google")
    google.colab = colab
    for name, module in (("google", google), ("google.colab", colab), ("google.colab.files", files)):
        monkeypatch.setitem(sys.modules, name, module)


def _photo(value=120, size=(40, 56), kind="JPEG"):
    out = io.BytesIO()
    Image.fromarray(np.full(size, value, np.uint8)).save(out, kind)
    return out.getvalue()


def _zipped(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return out.getvalue()


def _handed_back(names):
    with zipfile.ZipFile(names["archive"]) as packed:
        return sorted(packed.namelist())


def test_nothing_given_colors_the_examples(book, samples):
    printed, names = book()
    assert f"{len(samples)} photos colored.\n" in printed
    assert _handed_back(names) == sorted(f"{name}.jpg" for name in samples)
    picture = np.asarray(Image.open(names["done"][0][1]).convert("RGB")).astype(int)
    assert (picture[..., 0] - picture[..., 2]).mean() > 10  # what was grey is reddish
    assert f"{len(samples)} photos colored.\n" in book()[0]  # and once more, over what is there


@pytest.mark.parametrize("quoted", [False, True])
def test_a_folder_with_good_and_bad_files(book, tmp_path, quoted):
    folder = tmp_path / "old photos"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.jpg").write_bytes(_photo())
    (folder / "deep" / "b.png").write_bytes(_photo(kind="PNG"))
    (folder / "broken.jpg").write_bytes(_photo()[:200])
    (folder / "letter.txt").write_bytes(b"not a photo, and nobody said so")
    printed, names = book(f'"{folder}"' if quoted else str(folder))
    assert "2 photos colored. Not colored:" in printed
    assert len([line for line in printed.splitlines() if "broken.jpg" in line]) == 1
    assert "letter.txt" not in printed
    assert _handed_back(names) == ["a.jpg", "deep/b.png"]


def test_a_zip(book, tmp_path):
    path = tmp_path / "Box 1.ZIP"
    path.write_bytes(_zipped({"x/a.jpg": _photo(), "../b.jpg": _photo(80), "notes.txt": b""}))
    printed, names = book(str(path))
    assert "2 photos colored.\n" in printed
    assert _handed_back(names) == ["b.jpg", "x/a.jpg"]


@pytest.mark.parametrize(
    ("name", "data"),
    [("gone.jpg", None), ("gone.zip", None), ("no.zip", b"no"), ("empty.zip", _zipped({"a.txt": b""})), ("x.jpg", b"")],
    ids=["no photo", "no archive", "not an archive", "no photo in it", "empty"],  # not the bytes: they hold the time
)
def test_what_is_no_photo_costs_one_line(book, tmp_path, name, data):
    if data is not None:
        (tmp_path / name).write_bytes(data)
    printed, names = book(str(tmp_path / name))
    first, second, *rest = printed.splitlines()
    assert first == "0 photos colored. Not colored:"
    assert name in second
    assert rest == ["There is nothing to show: no photo was colored. The cell above says why."]


def test_an_empty_folder_costs_one_line(book, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "empty: no photos in it" in book(str(tmp_path / "empty"))[0].splitlines()


def test_no_model_costs_one_line(book, monkeypatch):
    from colorize_utils.errors import ColorizeError

    def missing(path=None):
        raise ColorizeError("expected a model, but there is none", status=1)

    monkeypatch.setattr(Colorizer, "load", missing)
    printed, _ = book()
    assert printed.splitlines()[1] == "expected a model, but there is none"


def test_the_model_of_ones_own_is_taken_where_it_is_chosen(book, tmp_path, monkeypatch):
    asked = []

    def load(cls, path=None):
        asked.append(path)
        return cls(_reddish, {"trained_size": 64})

    (tmp_path / "a.jpg").write_bytes(_photo())
    printed, _ = book(str(tmp_path / "a.jpg"), which="mine")
    assert "there is no model of your own here" in printed and "Not colored:" in printed
    mine = Path("saved_models/runs/notebook_smoke_samples/2-unet/generator.h5")
    mine.parent.mkdir(parents=True)
    mine.touch()
    monkeypatch.setattr(Colorizer, "load", classmethod(load))
    assert f"Colored by {mine.as_posix()}\n1 photo colored." in book(str(tmp_path / "a.jpg"), which="mine")[0]
    book(str(tmp_path / "a.jpg"))
    assert asked == [mine, None]


def test_several_photos_chosen_in_the_browser(book):
    chosen = {"a.jpg": _photo(), "b (1).PNG": _photo(kind="PNG"), "box.zip": _zipped({"a.jpg": _photo()})}
    printed, names = book(chosen=chosen)
    assert "3 photos colored.\n" in printed
    assert _handed_back(names) == ["a-2.jpg", "a.jpg", "b (1).PNG"]
    assert [path.name for path in names["downloaded"]] == ["colored_photos.zip"]


def test_canceled_in_the_browser_colors_the_examples(book, samples):
    assert f"{len(samples)} photos colored.\n" in book(chosen={})[0]


def test_what_was_colored_before_stays(book, tmp_path):
    (tmp_path / "a.jpg").write_bytes(_photo())
    pictures = [book(str(tmp_path / "a.jpg"))[1]["done"][0][1] for _ in range(2)]
    assert pictures[0] != pictures[1]
    assert all(picture.exists() for picture in pictures)


def test_many_bad_files_are_not_a_flood(book, tmp_path):
    folder = tmp_path / "bad"
    folder.mkdir()
    for k in range(30):
        (folder / f"{k}.jpg").write_bytes(b"x")
    lines = book(str(folder))[0].splitlines()
    assert len(lines) == 23
    assert lines[21] == "and 10 more"


@pytest.fixture
def right(capsys):
    """Run the third cell after the others, its fields filled in -> (what was printed, the figures, the names)."""
    pytest.importorskip("matplotlib").use("agg")
    figures = []

    def run(names, **fields):
        code = PUT_RIGHT
        for field, value in fields.items():
            code, found = re.subn(rf"(?m)^{field} = .+?(?=  # @param)", f"{field} = {value!r}", code)
            assert found == 1
        figures.clear()
        names["display"] = lambda *shown, **_: figures.extend(shown)
        exec(code, names)
        return capsys.readouterr().out, list(figures)

    return run


def test_a_dot_puts_a_color_right(book, right, tmp_path):
    (tmp_path / "a.jpg").write_bytes(_photo())
    _, names = book(str(tmp_path / "a.jpg"))
    printed, figures = right(names, photo_name="A", x=20, y=10, hint_color="blue")
    assert re.fullmatch(r"the new picture: outputs/your_photos_\d+/put_right/a.jpg\n", printed)
    assert [axis.get_title() for axis in figures[0].axes] == ["before", "after"]
    picture = np.asarray(Image.open(printed.split(": ")[1].strip()).convert("RGB")).astype(int)
    assert picture.shape == (40, 56, 3) and (picture[..., 2] - picture[..., 0]).mean() > 10
    assert names["done"][0][1].read_bytes() != Path(printed.split(": ")[1].strip()).read_bytes()
    right(names, photo_name="a.jpg", x=50, y=30, hint_color="green")
    assert len(names["dots"][names["done"][0][0]]) == 2  # dots add up
    right(names, photo_name="a.jpg", x=50, y=30, hint_color="teal", start_again=True)
    assert names["dots"] == {names["done"][0][0]: {(50, 30): "teal"}}


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"x": 56, "y": 3}, "a.jpg: expected a hint inside the photo, x 0 to 55 and y 0 to 39, got x 56, y 3"),
        ({"x": 5, "y": 3, "hint_color": "reddish"}, "a.jpg: expected a color such as red"),
    ],
)
def test_a_dot_that_cannot_be_costs_one_line_and_is_forgotten(book, right, tmp_path, fields, line):
    (tmp_path / "a.jpg").write_bytes(_photo())
    _, names = book(str(tmp_path / "a.jpg"))
    printed, figures = right(names, photo_name="a", **fields)
    assert printed.startswith(line) and len(printed.splitlines()) == 1
    assert [axis.get_title() for axis in figures[0].axes] == ["before"]  # with the rulers that help
    assert names["dots"][names["done"][0][0]] == {}


def test_the_dot_of_the_demonstration_is_not_painted_on_ones_own_photos(book, right, tmp_path):
    """As "Run all" would, with the form as it comes."""
    (tmp_path / "aunt.jpg").write_bytes(_photo())
    _, names = book(str(tmp_path / "aunt.jpg"))
    printed, figures = right(names)
    assert printed.startswith(
        "There is no photo 'hopper' here, so no dot was set; this is the first one. There are: aunt"
    )
    assert len(printed.splitlines()) == 1 and not list(Path("outputs").glob("*/put_right/*"))
    assert [axis.get_title() for axis in figures[0].axes] == ["before"] and names["dots"] == {}


def test_there_is_nothing_to_put_right_without_photos(book, right, tmp_path):
    _, names = book(str(tmp_path / "gone.jpg"))
    assert right(names) == ("There is nothing to put right: no photo was colored.\n", [])
