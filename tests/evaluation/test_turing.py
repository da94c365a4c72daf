"""The perceptual test: a page whole in itself, balanced and the same for a seed; and what its answers allow to say."""

import argparse
import base64
import io
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from colorize_utils import color, metrics
from colorize_utils.commands import turing as command
from colorize_utils.errors import ColorizeError
from colorize_utils.evaluation import turing
from colorize_utils.evaluation.rows import Case, PhotoSet, Row


def photo_set(count, grey=(), broken=()):
    def load(index):
        if index in broken:
            raise ColorizeError(f"p{index}.png: damaged", status=1)
        rgb = np.random.default_rng(index).integers(0, 256, (3, 4, 1 if index in grey else 3), dtype=np.uint8)
        rgb = np.ascontiguousarray(np.broadcast_to(rgb.repeat(8, axis=0).repeat(8, axis=1), (24, 32, 3)))
        return Case(f"p{index}</script>.png", rgb, color.rgb_to_lab(rgb / np.float32(255)), (24, 32))

    return PhotoSet("photos", "photos", tuple(f"p{i}" for i in range(count)), load, lambda i: b"")


ROWS = [Row("one", "", lambda case: case.truth // 2), Row("other", "", lambda case: 255 - case.truth)]


def sides(trials, kind, maker=None):
    return [t.real_side for t in trials if t.kind == kind and maker in (None, t.maker)]


def test_pairs_are_balanced_and_checks_are_a_tenth():
    trials = turing.choose_trials(photo_set(60), ROWS, pairs=40, seed=3)
    assert len(sides(trials, "pair")) == 40
    assert len(sides(trials, "check")) == 4
    assert sides(trials, "pair").count("left") == 20
    assert sides(trials, "check").count("left") == 2
    assert len(sides(trials, "pair", "one")) == len(sides(trials, "pair", "other")) == 20
    assert len({t.name for t in trials}) == 44  # whoever saw a photo once knows it
    assert trials[0].kind == "pair"
    assert any(a != b for a, b in zip(sides(trials, "pair"), sorted(sides(trials, "pair")), strict=True))


def test_a_seed_fixes_the_page_and_another_changes_it():
    def page(seed):
        return turing.build_page(turing.choose_trials(photo_set(12), ROWS, 10, seed))

    assert page(1) == page(1)
    assert page(1) != page(2)


def test_few_photos_give_what_they_can_and_one_is_refused():
    trials = turing.choose_trials(photo_set(6), ROWS)
    assert [len(sides(trials, kind)) for kind in ("pair", "check")] == [5, 1]
    for count in (0, 1):
        with pytest.raises(ColorizeError, match="at least two color photos"):
            turing.choose_trials(photo_set(count), ROWS)
    with pytest.raises(ColorizeError, match="at least one model or folder"):
        turing.choose_trials(photo_set(6), [])


def test_grey_photos_are_passed_over_and_broken_ones_named():
    def gap(case):
        if case.name.startswith("p3"):
            raise ColorizeError("pictures one: expected a picture for p3", status=1)
        return case.truth

    problems = []
    trials = turing.choose_trials(
        photo_set(9, grey=(0, 1), broken=(2,)), [Row("one", "", gap)], problems=problems, seed=1
    )
    assert not {t.name[:2] for t in trials if t.kind == "pair"} & {"p0", "p1", "p2", "p3"}
    assert "p2.png: damaged" in problems
    assert len({t.name for t in trials}) == len(trials)


def test_checks_are_wrong_beyond_doubt(samples):
    for rgb in samples.values():
        rgb = np.ascontiguousarray(rgb[::8, ::8])
        case = Case("x", rgb, color.rgb_to_lab(rgb / np.float32(255)), rgb.shape[:2])
        lab = color.rgb_to_lab(turing.recolored(case) / np.float32(255))
        assert metrics.ciede2000(lab, case.lab).mean() > 20
        assert np.abs(lab[..., 0] - case.lab[..., 0]).mean() < 0.3


def data_of(page):
    return json.loads(re.search(r"const DATA = (.*);", page).group(1))


def test_the_page_holds_all_it_needs():
    trials = turing.choose_trials(photo_set(12), ROWS, 10)
    page = turing.build_page(trials)
    assert not re.search(r"(?:src|href)\s*=\s*\"|https?://|@import|url\(|fetch\(|XMLHttp", page)
    assert page.count("</script>") == 1  # the photos' names have one each
    data = data_of(page)
    assert data["milliseconds"] == 1000
    assert [t["name"] for t in data["trials"]] == [t.name for t in trials]
    for shown, trial in zip(data["trials"], trials, strict=True):
        for key in ("real", "fake"):
            file = base64.b64decode(shown[key].removeprefix("data:image/jpeg;base64,"))
            assert np.abs(np.array(Image.open(io.BytesIO(file))).astype(int) - getattr(trial, key)).mean() < 8


# Answers


def line(trial=1, maker="one", kind="pair", real="left", answer="left", shown=1000, viewer="v"):
    return f"p,{viewer},{trial},a.jpg,{maker},{kind},{real},{answer},{shown},700"


HEAD = ",".join(turing.COLUMNS)


def save(path, *lines, head=HEAD):
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return path


# Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3 (score).
PUBLISHED = {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605), (0, 20): (0, 0.1611), (1, 29): (0.0061, 0.1718)}


@pytest.mark.parametrize(("k", "n"), PUBLISHED)
def test_the_interval_is_the_published_one(k, n):
    assert turing.wilson(k, n) == pytest.approx(PUBLISHED[k, n], abs=5e-5)


def test_answers_are_counted(tmp_path):
    lines = [line(i, answer="right" if i < 3 else "left") for i in range(10)]
    lines += [line(11, "other", answer="right"), line(12, "other", shown=4000)]
    lines += [line(13, turing.GROSS, "check"), line(14, turing.GROSS, "check", answer="right")]
    found = turing.summarize_answers([save(tmp_path / "a.csv", *lines)])
    assert found["makers"]["one"]["fooled"] == 3
    assert found["makers"]["one"]["rate"] == 0.3
    assert (found["makers"]["one"]["low"], found["makers"]["one"]["high"]) == turing.wilson(3, 10)
    assert found["makers"]["other"]["answers"] == 1
    assert found["checks"] == (1, 2)
    assert found["late"] == 1
    text = turing.answers_text(found)
    assert "one: fooled in 3 of 10 answers, 30% (95 % interval 11% to 60%" in text
    assert "checks: 1 of 2 right: too few" in text
    both = turing.summarize_answers([tmp_path / "a.csv", save(tmp_path / "b.csv", line(viewer="w"))])
    assert both["makers"]["one"]["answers"] == 11
    assert "2 viewers" in turing.answers_text(both)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([line(answer="middle")], "line 2: expected answer left or right, got 'middle'"),
        ([line(), line(kind="photo")], "line 3: expected kind pair or check"),
        ([line(shown="soon")], "line 2: expected a number as shown_ms, got 'soon'"),
        (["p,v,1"], "line 2: expected kind"),
        ([], "expected answers, found none"),
    ],
)
def test_bad_answers_are_one_line(tmp_path, lines, message):
    with pytest.raises(ColorizeError, match=message) as caught:
        turing.read_answers(save(tmp_path / "a.csv", *lines))
    assert "a.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_answers(tmp_path):
    with pytest.raises(ColorizeError, match="expected the columns page, viewer"):
        turing.read_answers(save(tmp_path / "a.csv", "1,2", head="x,y"))
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    for name in ("b.csv", "none.csv"):
        with pytest.raises(ColorizeError, match="expected a CSV that the page saved"):
            turing.read_answers(tmp_path / name)
    with pytest.raises(ColorizeError, match="the same viewer's"):
        turing.summarize_answers([save(tmp_path / "c.csv", line()), save(tmp_path / "d.csv", line())])


def test_the_script_counts_and_writes_as_python_reads(tmp_path):
    """By Node, where it is installed: the same interval, and a CSV that survives commas and quotes."""
    node = shutil.which("node")
    if not node:
        pytest.skip("Node is not installed")
    script = re.search(r"<script>(.*)</script>", turing.build_page([]), re.DOTALL).group(1)
    answers = [dict(zip(turing.COLUMNS, line(i, answer="right" if i < 12 else "left").split(","), strict=True))
               for i in range(40)]  # fmt: skip
    answers[0]["name"] = 'a, "b".jpg'
    answers.append({**answers[1], "shown_ms": 2000})
    (tmp_path / "page.js").write_text(script, encoding="utf-8")
    call = f"""const page = require("./page.js"), answers = {json.dumps(answers)};
    console.log(JSON.stringify({{interval: page.wilson(12, 40), table: page.table(answers), count: page.count(answers),
                                 columns: page.COLUMNS}}));"""
    out = subprocess.run([node, "-e", call], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    found = json.loads(out.stdout)
    assert found["interval"] == pytest.approx(turing.wilson(12, 40))
    assert found["columns"] == list(turing.COLUMNS)
    assert found["count"] == {"makers": [["one", 12, 40]], "checks": [0, 0]}
    (tmp_path / "a.csv").write_text(found["table"], encoding="utf-8")
    lines = turing.read_answers(tmp_path / "a.csv")
    assert lines[0]["name"] == 'a, "b".jpg'
    assert turing.summarize_answers([tmp_path / "a.csv"])["makers"]["one"]["fooled"] == 12


def test_the_command(tmp_path, capsys, samples):
    for name, rgb in samples.items():
        for folder, picture in (("photos", rgb[::4, ::4]), ("fake", rgb[::4, ::4, ::-1])):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(np.ascontiguousarray(picture)).save(tmp_path / folder / f"{name}.png")

    def run(*arguments):
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        return command.main(parser.parse_args([str(a) for a in arguments]))

    made = "--photos", tmp_path / "photos", "--no-shipped", "--pictures", f"fake={tmp_path / 'fake'}", "--size", 48
    assert run(*made, "-o", tmp_path / "page.html") == 0
    assert "5 pairs and 1 checks" in capsys.readouterr().out
    assert len(data_of((tmp_path / "page.html").read_text(encoding="utf-8"))["trials"]) == 6
    assert run("--answers", save(tmp_path / "a.csv", line())) == 0
    assert "fooled in 0 of 1" in capsys.readouterr().out
    with pytest.raises(ColorizeError, match="expected --size of 16"):
        run(*made[:-1], 4)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ColorizeError, match="expected to write"):
        run(*made, "-o", tmp_path / "file" / "page.html")
