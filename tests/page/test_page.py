"""What stands behind the page in the browser, without Gradio: photos in hand, what the server takes, the command."""

import asyncio
import errno
import json
import os
import socket
import sys
import threading
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from test_cli import is_orange, put, run, see

from colorize_utils.commands import app  # noqa: E402
from colorize_utils.errors import ColorizeError
from colorize_utils.inference.colorizer import Colorizer
from colorize_utils.page import guard  # noqa: E402
from colorize_utils.page.session import Session, hex_color, hints_of, with_marks  # noqa: E402
from colorize_utils.page.turns import Left, Presence, Turns  # noqa: E402


@pytest.fixture
def colorizer():
    return Colorizer(lambda x: np.broadcast_to(np.float32([0.2, 0.3]), (*x.shape[:3], 2)), {"name": "stub"})


def drop(session, colorizer, *paths, **how):
    return [session.color(item, colorizer, **how) for item in session.add(paths)]


# --- photos in hand -------------------------------------------------------------------------------------------------


def test_the_good_ones_of_a_drop_are_colored_and_the_bad_ones_have_a_line_each(tmp_path, colorizer):
    good = [put(tmp_path / "in" / name) for name in ("a.jpg", "grün 📷.png", "c.webp")]
    (tmp_path / "in" / "poem.png").write_text("no photo")
    (tmp_path / "in" / "empty.jpg").write_bytes(b"")
    (tmp_path / "in" / "drawing.svg").write_text("<svg/>")
    bad = [tmp_path / "in" / name for name in ("poem.png", "empty.jpg", "drawing.svg", "gone.jpg")]
    session = Session(tmp_path / "s")
    assert drop(session, colorizer, good[0], *bad, *good[1:]) == [True, False, False, False, True, True]
    assert [item.name for item in session.items] == ["a.jpg", "grün 📷.png", "c.webp"]
    assert all(is_orange(item.picture) for item in session.items)
    assert {name for name, _ in session.failed} == {path.name for path in bad}
    for _, why in session.failed:
        assert why and "\n" not in why and str(tmp_path) not in why and "--" not in why
    assert not list((tmp_path / "s" / "pictures").glob(".*"))
    assert all(path.exists() for path in good)  # what was dropped belongs to others


def test_in_a_folder_with_a_long_path_the_line_is_the_same(tmp_path, colorizer):
    (tmp_path / "torn.jpg").write_bytes(put(tmp_path / "a.jpg").read_bytes()[:300])
    lines = []
    for folder in (tmp_path / "s", tmp_path / "/".join(9 * ["a folder of many"]) / "s"):
        session = Session(folder)
        drop(session, colorizer, tmp_path / "torn.jpg")
        lines.append(session.failed)
    assert lines[0] == lines[1] and lines[0][0][1].startswith("expected")


def test_what_the_command_keeps_the_page_keeps(tmp_path, colorizer):
    exif = Image.Exif()
    exif[306], exif[274] = "1931:05:04 10:00:00", 6
    Image.fromarray(np.full((30, 40), 99, np.uint8)).save(tmp_path / "turned.jpg", exif=exif, dpi=(300, 300))
    tifffile.imwrite(tmp_path / "deep.tif", np.full((30, 40), 30000, np.uint16), photometric="minisblack")
    session = Session(tmp_path / "s")
    drop(session, colorizer, tmp_path / "turned.jpg", tmp_path / "deep.tif", size=96)
    turned, deep = session.items
    with Image.open(turned.picture) as picture:
        assert picture.size == (30, 40) and picture.info["dpi"] == (300, 300)
        assert picture.getexif()[306] == "1931:05:04 10:00:00" and picture.getexif().get(274, 1) == 1
        assert "model stub, working size 96" in picture.getexif()[305]
    assert see(deep.picture).dtype == np.uint16
    with Image.open(turned.before) as before, Image.open(turned.after) as after:
        assert before.size == after.size == (30, 40)
        assert np.ptp(np.asarray(before.convert("RGB")).astype(int), axis=-1).max() <= 2
        assert np.ptp(np.asarray(after).astype(int), axis=-1).mean() > 20
    with Image.open(deep.before) as before:
        assert abs(np.asarray(before).mean() - 30000 / 257) < 2


def test_photos_of_one_name_stay_apart_also_from_drop_to_drop(tmp_path, colorizer):
    for k, folder in enumerate("abc"):
        put(tmp_path / folder / "x.png", (20 + k, 30))
    session = Session(tmp_path / "s")
    drop(session, colorizer, tmp_path / "a" / "x.png", tmp_path / "b" / "x.png")
    drop(session, colorizer, tmp_path / "c" / "x.png")
    assert [item.name for item in session.items] == ["x.png", "x-2.png", "x-3.png"]
    assert [cv2.imread(str(item.picture)).shape[0] for item in session.items] == [20, 21, 22]
    with zipfile.ZipFile(session.pack()) as packed:
        assert sorted(packed.namelist()) == ["x-2.png", "x-3.png", "x.png"] and packed.testzip() is None


def test_of_large_photos_the_browser_gets_smaller_ones_and_new_names_for_new_colors(tmp_path, colorizer):
    session = Session(tmp_path / "s")
    drop(session, colorizer, put(tmp_path / "wide.png", (40, 4000)), put(tmp_path / "dot.png", (1, 1)))
    item = session.items[0]
    before = {item.before, item.after, item.thumb}
    with Image.open(item.after) as after, Image.open(item.thumb) as thumb, Image.open(item.picture) as picture:
        assert (after.size, thumb.size, picture.size) == ((1600, 16), (240, 2), (4000, 40))
    session.color(item, colorizer, strength=0)
    assert not before & {item.before, item.after, item.thumb} and not any(path.exists() for path in before)
    assert not is_orange(item.picture, (40, 4000))


def test_a_glance_shows_the_photo_in_color_before_there_is_a_picture(tmp_path, colorizer):
    exif = Image.Exif()
    exif[274] = 6  # the camera was held upright
    Image.fromarray(np.full((20, 2000), 120, np.uint8)).save(tmp_path / "tall.png", exif=exif)
    session = Session(tmp_path / "s")
    [item] = session.add([tmp_path / "tall.png"])
    assert session.glance(item, colorizer) and session.current is item and item.shape == (2000, 20)
    assert session.colored() == [] and not item.picture.exists()
    assert is_orange(item.after, (1600, 16))
    item.points.append((0.5, 0.9, "#0000ff"))
    before = item.before, item.before.read_bytes()
    assert session.glance(item, colorizer, strength=0.5)
    assert before == (item.before, item.before.read_bytes())  # coded once: each time more it would lose a little
    with Image.open(item.before) as grey, Image.open(item.after) as colored:
        assert grey.size == colored.size
    blue, green, red = cv2.imread(str(item.after))[1440, 8].astype(int)
    assert blue > red + 50
    assert session.color(item, colorizer) and session.colored() == [item.picture] and session.items == [item]


def test_what_cannot_be_read_has_no_glance_and_its_line_from_color(tmp_path, colorizer):
    (tmp_path / "torn.png").write_bytes(put(tmp_path / "a.png").read_bytes()[:60])
    session = Session(tmp_path / "s")
    [item] = session.add([tmp_path / "torn.png"])
    assert not session.glance(item, colorizer) and not session.failed and not session.items
    assert not session.color(item, colorizer) and "expected" in session.failed[0][1]
    assert not session.glance(item, colorizer)  # it is gone


def test_every_page_of_a_tiff_is_colored(tmp_path, colorizer):
    tifffile.imwrite(tmp_path / "album.tif", np.full((3, 30, 40), 90, np.uint8), photometric="minisblack")
    session = Session(tmp_path / "s")
    drop(session, colorizer, tmp_path / "album.tif")
    session.items[0].points.append((0.5, 0.5, "#0000ff"))
    assert session.color(session.items[0], colorizer)
    ok, pages = cv2.imreadmulti(str(session.items[0].picture))
    assert ok and len(pages) == 3
    assert pages[0][15, 20, 0].astype(int) > pages[1][15, 20, 0].astype(int) + 50  # the hint is for the first
    assert (pages[1] == pages[2]).all()


def test_hints_color_the_place_that_was_clicked_and_are_taken_back(tmp_path, colorizer):
    photo = np.full((60, 80), 120, np.uint8)
    photo[:, 40:] = 200  # two things: a hint on the one leaves the other alone
    Image.fromarray(photo).save(tmp_path / "two.png")
    session = Session(tmp_path / "s")
    drop(session, colorizer, tmp_path / "two.png")
    plain = np.asarray(Image.open(session.items[0].picture)).astype(int)
    session.items[0].points.append((*session.share((187, 375)), hex_color("rgb(40, 40, 250)")))
    assert session.color(session.items[0], colorizer)
    with Image.open(session.items[0].picture) as picture:
        hinted = np.asarray(picture).astype(int)
        assert "color hints" in picture.getexif()[305]
    assert hinted[30, 15, 2] > plain[30, 15, 2] + 50 and abs(hinted[30, 70] - plain[30, 70]).max() < 10
    marked = with_marks(session.items[0])  # 12.5 times as large
    assert marked.shape == (750, 1000, 3) and (marked[375, 187] == (40, 40, 250)).all()
    assert abs(marked[62, 875].astype(int) - hinted[5, 70]).max() < 10
    session.items[0].points.clear()
    session.color(session.items[0], colorizer)
    assert (np.asarray(Image.open(session.items[0].picture)) == plain).all()


def test_of_hints_on_the_same_place_the_last_holds():
    points = [(0.5, 0.5, "#ff0000"), (0.0, 0.0, "#00ff00"), (1.0, 1.0, "#00ff00"), (0.501, 0.5, "#0000ff")]
    hints = hints_of(points, (300, 400))
    middle = hints.ab[(hints.rows == 150) & (hints.columns == 200)]
    assert len(middle) == 1 and middle[0, 1] < -60  # blue, not red
    assert {0, 299} <= set(hints.rows.tolist()) and {0, 399} <= set(hints.columns.tolist())
    assert len(hints_of(points, (1, 1))) == 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("#AbC", "#aabbcc"),
        ("#b06030ff", "#b06030"),
        ("rgba(176.2, 96, 48.0, 1)", "#b06030"),
        ("rgb(300,0,0)", "#ff0000"),
    ],
)
def test_colors_as_browsers_write_them(given, expected):
    assert hex_color(given) == expected


@pytest.mark.parametrize("given", [None, "", "red; drop table", "#12", "rgb(1,2)", "rgb(.,.,.)", "#" + "f" * 999])
def test_what_is_no_color_is_said_in_a_line(given):
    with pytest.raises(ColorizeError, match="expected a color such as"):
        hex_color(given)


def test_removing_all_leaves_no_file(tmp_path, colorizer):
    session = Session(tmp_path / "s")
    drop(session, colorizer, put(tmp_path / "a.png"))
    session.pack()
    session.clear()
    assert not (tmp_path / "s").exists() and session.current is None
    assert drop(session, colorizer, tmp_path / "a.png") == [True] and session.current.name == "a.png"


def test_a_full_disk_is_a_line(tmp_path, colorizer, monkeypatch):
    from colorize_utils.photos import writing

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    session = Session(tmp_path / "s")
    monkeypatch.setattr(writing, "_encode", full)
    assert drop(session, colorizer, put(tmp_path / "a.png")) == [False]
    assert session.items == [] and "the disk is full" in session.failed[0][1]
    assert str(tmp_path) not in session.failed[0][1]


# --- what the server takes ------------------------------------------------------------------------------------------

OWN = {"host": "127.0.0.1:7860"}
UPLOAD, JOIN = "/gradio_api/upload", "/gradio_api/queue/join"


def ask(path, body=b"", method="POST", headers=OWN, pieces=1, folder=Path("/nowhere"), hosts=(), connected="127.0.0.1"):
    """Send a request through the guard -> (status, headers, text of the answer, body that came through or None)."""
    arrived, sent = [], []

    async def app(scope, receive, send):
        got, more = b"", True
        while more:
            message = await receive()
            got, more = got + message["body"], message["more_body"]
        arrived.append(got)
        own = [
            (b"x-own", b"1"),
            (b"access-control-allow-origin", b"http://evil.example"),
            (b"Content-Type", b"text/html"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": own})
        await send({"type": "http.response.body", "body": b"fine"})

    step = -(-len(body) // pieces) or 1
    waiting = [body[k : k + step] for k in range(0, len(body), step)] or [b""]

    async def receive():
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    async def send(message):
        sent.append(message)

    headers = [(k.encode(), v.encode()) for k, v in headers.items()]
    scope = {"type": "http", "path": path, "method": method, "headers": headers, "server": (connected, 7860)}
    page = SimpleNamespace(folder=folder, most=10**9, most_at_once=10**9, present=Presence())
    asyncio.run(guard.Guard(app, page, hosts)(scope, receive, send))
    found = {k.decode().lower(): v.decode() for k, v in sent[0]["headers"]}
    said = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], found, said.decode(), arrived[0] if arrived else None


@pytest.mark.parametrize(
    ("host", "fine"),
    [
        ("127.0.0.1:7860", True),
        ("localhost", True),
        ("LOCALHOST.:7860", True),
        ("[::1]:7860", True),
        ("photos.example:7860", True),  # --allow-host
        ("192.168.1.5:7860", True),  # the address that the connection came in at
        ("192.168.1.6:7860", False),
        ("evil.example", False),
        ("evil.example:7860", False),
        ("127.0.0.1.evil.example", False),
        ("localhost@evil.example", False),
        ("evil.example@localhost", False),
        ("photos.example.evil.example", False),
        ("[::1", False),
        ("", False),
    ],
)
def test_only_hosts_that_are_known_are_answered(host, fine):
    """A name that somebody else lets point here is how a page of his reads this one (DNS rebinding)."""
    for method in ("GET", "POST", "HEAD", "OPTIONS"):
        how = {"headers": {"host": host}, "hosts": ["photos.example"], "connected": "192.168.1.5"}
        status, headers, _, arrived = ask(JOIN if method == "POST" else "/config", b"{}", method, **how)
        assert status == (200 if fine else 421) and (arrived is not None) == fine
        assert "default-src 'self'" in headers["content-security-policy"]


@pytest.mark.parametrize(
    ("origin", "fine"),
    [
        ("http://127.0.0.1:7860", True),
        ("https://photos.example", True),  # behind a server that encrypts
        ("http://evil.example", False),
        ("http://localhost:7860", False),  # another origin, though it is the same machine
        ("http://127.0.0.1:8000", False),
        ("null", False),
        ("", False),
        ("file://", False),
        ("http://127.0.0.1:7860@evil.example", False),
        ("ftp://127.0.0.1:7860", False),
    ],
)
def test_requests_of_other_pages_are_refused_and_none_is_told_that_it_may_read(origin, fine):
    for path, method in (("/config", "GET"), (JOIN, "POST"), (UPLOAD, "OPTIONS")):
        how = {"headers": {**OWN, "origin": origin}, "hosts": ["photos.example"]}
        status, headers, _, arrived = ask(path, b"{}", method, **how)
        assert (status, arrived is not None) == ((200, True) if fine else (403, False))
        assert not any(name.startswith("access-control") for name in headers)
    if not fine:
        assert ask(UPLOAD, b"x", headers={**OWN, "origin": origin})[0] == 403


def test_nobody_may_frame_the_page_or_embed_its_answers():
    headers = ask("/", method="GET")[1]
    assert "frame-ancestors 'none'" in headers["content-security-policy"] and headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    "file", ["http://example.org/a.jpg", "https://10.0.0.1/a.jpg", "HTTPS://example.org", "ftp://example.org/a.jpg"]
)
def test_addresses_to_be_fetched_are_refused_wherever_they_stand(file):
    body = json.dumps({"data": [None, [{"path": file, "meta": {"_type": "gradio.FileData"}}]], "fn_index": 0}).encode()
    status, _, text, arrived = ask(JOIN, body, pieces=3)
    assert (status, arrived) == (403, None) and "not fetched" in text
    assert ask(f"/gradio_api/file={file}", method="GET")[0] == 403
    assert ask(f"/gradio_api/proxy={file}", method="GET")[0] == 403


def test_what_is_neither_goes_through_unchanged():
    own = {"path": "/tmp/x/a.jpg", "url": "http://127.0.0.1:7860/gradio_api/file=/tmp/x/a.jpg", "orig_name": "a.jpg"}
    body = json.dumps({"data": [[own], "see http://example.org"]}).encode()
    assert ask(JOIN, body, pieces=5)[0::3] == (200, body)
    assert ask(JOIN, b"", pieces=1)[0] == 200


def test_messages_are_short_and_json():
    assert ask(JOIN, b"[" + b" " * guard.TALK + b"]", pieces=4)[0] == 413
    assert ask(JOIN, b"{}", headers={**OWN, "content-length": "9" * 30})[0] == 413
    assert ask(JOIN, b"no json")[0] == 400
    assert ask(JOIN, b"[" * 100_000)[0] == 400


def test_every_answer_tells_the_browser_to_stay_here():
    _, headers, _, _ = ask("/", method="GET")
    assert "default-src 'self'" in headers["content-security-policy"] and headers["x-own"] == "1"
    assert "http" not in headers["content-security-policy"] and "*" not in headers["content-security-policy"]
    assert "cache-control" not in headers and headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" in ask(JOIN, b"no json")[1]


def test_files_are_saved_and_never_run(tmp_path):
    """A PNG that was uploaded as holiday.html once ran its script as this page's."""
    for name, kind in (
        ("pictures/é a.png", "image/png"),
        ("pictures/a.JPG", "image/jpeg"),
        ("pictures/holiday.html", "application/octet-stream"),
        ("previews/1-1-after.jpg", "image/jpeg"),
        ("zip/colorized.zip", "application/zip"),
    ):
        status, headers, _, _ = ask(f"/gradio_api/file={tmp_path}/visitors/key/{name}", method="GET", folder=tmp_path)
        assert (status, headers["content-type"], headers["cache-control"]) == (200, kind, "no-store")
        assert headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
        assert headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in headers["content-security-policy"] and "script" not in headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "{}/visitors/key/photos/1/holiday.html",  # what was dropped is not handed out again
        "{}/visitors/key/pictures/../photos/1/a.png",
        "{}/visitors/key/pictures",
        "{}/visitors/key",
        "{}/uploads/abc/0/a.png",
        "{}/lock",
        "{}/samples/../lock",
        "{}/samples",
        "{}/../other",
        "/etc/passwd",
        "visitors/key/pictures/a.png",
        "",
    ],
)
def test_nothing_else_is_served(tmp_path, path):
    status, _, _, arrived = ask(f"/gradio_api/file={path.format(tmp_path)}", method="GET", folder=tmp_path)
    assert (status, arrived) == (404, None)


# --- whose turn it is -----------------------------------------------------------------------------------------------


def test_between_two_pages_others_come_first():
    """A TIFF of 3,000 pages held a place of the page until its end."""
    turns, order, started = Turns(1), [], threading.Event()

    def long():
        with turns.turn():
            for page in range(4):
                order.append(f"long {page}")
                started.set()
                time.sleep(0.1)
                turns.let_others()

    def short():
        started.wait()
        with turns.turn():
            order.append("short")

    threads = [threading.Thread(target=work) for work in (long, short)]
    [thread.start() for thread in threads], [thread.join(10) for thread in threads]
    assert order == ["long 0", "short", "long 1", "long 2", "long 3"] and turns.free == 1


def test_work_is_dropped_when_its_visitor_has_left():
    present, turns = Presence(patience=0.05), Turns(1)
    with present.listening("visit"):
        time.sleep(0.1)
        present.check("visit")
        assert present.is_here("visit")
    present.check("visit"), present.check("nobody ever listened"), present.check(None)
    time.sleep(0.1)
    for visit in ("visit", "nobody ever listened"):
        with pytest.raises(Left), turns.turn():
            turns.let_others(lambda visit=visit: present.check(visit))
    present.check(None)
    assert turns.free == 1
    with turns.turn(), pytest.raises(Left), turns.turn(lambda: present.check("visit")):  # nor is a place waited for
        pass
    assert turns.free == 1 and not turns._line


def test_at_its_end_nobody_waits_any_more():
    turns = Turns(1)
    with pytest.raises(Left), turns.turn():
        turns.end()
        turns.let_others()
    assert turns.free == 1
    with pytest.raises(Left), turns.turn():
        pass
    turns.rest(0.01)


def test_no_photo_of_pages_takes_more_than_one_of_the_allowed_size(tmp_path, colorizer):
    tifffile.imwrite(tmp_path / "album.tif", np.full((3, 30, 40), 90, np.uint8), photometric="minisblack")
    session, between = Session(tmp_path / "s"), []
    [item] = session.add([tmp_path / "album.tif"])
    assert not session.color(item, colorizer, max_pixels=2 * 1200, between=lambda: between.append(1))
    assert "expected at most 2,400 pixels in all its pages" in session.failed[0][1] and len(between) == 1
    [item] = session.add([tmp_path / "album.tif"])
    assert session.color(item, colorizer, max_pixels=3 * 1200)

    def left():
        raise Left

    with pytest.raises(Left):
        session.color(item, colorizer, between=left)
    assert [path.name for path in (tmp_path / "s" / "pictures").iterdir()] == ["album.tif"]


def test_no_two_photos_have_one_name_though_one_was_dropped(tmp_path, colorizer):
    """The second photo still waits for its turn when the first fails and a third comes: both would be x-2.png."""
    for k, folder in enumerate("abc"):
        put(tmp_path / folder / "x.png", (20 + k, 30))
    session = Session(tmp_path / "s")
    first, second = session.add([tmp_path / "a" / "x.png", tmp_path / "b" / "x.png"])
    session.drop(first, "no reason")
    [third] = session.add([tmp_path / "c" / "x.png"])
    assert session.color(third, colorizer) and session.color(second, colorizer)
    assert (second.name, third.name) == ("x-2.png", "x.png")  # which is free again
    assert [cv2.imread(str(item.picture)).shape[0] for item in (second, third)] == [21, 22]


def test_of_a_color_photo_the_browser_sees_before_and_after(tmp_path, colorizer):
    """The picture is written over the photo in memory; what is shown as before has to be kept first."""
    Image.fromarray(np.full((30, 40, 3), (40, 90, 200), np.uint8)).save(tmp_path / "blue.png")
    session = Session(tmp_path / "s")
    assert drop(session, colorizer, tmp_path / "blue.png") == [True]
    before, after = (cv2.imread(str(path)).reshape(-1, 3).mean(axis=0) for path in
                     (session.items[0].before, session.items[0].after))  # fmt: skip
    assert before[0] > before[2] + 100 and after[2] > after[0]  # in the order of OpenCV: blue first


def test_a_disk_that_fills_up_at_the_previews_is_a_line(tmp_path, colorizer, monkeypatch):
    session = Session(tmp_path / "s")
    [item] = session.add([put(tmp_path / "a.png")])

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Session, "_preview", full)
    assert not session.color(item, colorizer)
    assert session.failed == [("a.png", "the disk is full")] and not any(p.is_file() for p in session.folder.rglob("*"))


def test_of_a_large_photo_a_glance_comes_first(tmp_path, colorizer):
    """Views of a drop: the status, the small copy in color without a download, the status with all, the end."""
    pytest.importorskip("gradio")
    from colorize_utils.page.page import SHOWN, Page

    colorizer.size = 128
    page = Page(colorizer, tmp_path / "page")
    (page.folder / "uploads").mkdir(parents=True)
    large, small = put(tmp_path / "large.png", (1500, 1600)), put(tmp_path / "small.png", (30, 40))

    def seen(view):
        compare, files = view[SHOWN.index("compare")], view[SHOWN.index("files")]
        if not isinstance(compare, tuple):
            return False, len(files)
        after = Path(compare[1])
        return is_orange(after, see(after).shape[:2]), len(files)

    assert [seen(view) for view in page.add(None, [large], 1, 128)] == [
        (False, 0),
        (True, 0),
        (True, 1),
        (False, 1),  # nothing new to show
    ]
    assert [seen(view) for view in page.add(None, [small], 1, 128)] == [(False, 0), (True, 1), (False, 1)]


def test_a_file_of_more_pages_than_may_be_is_not_begun(tmp_path, colorizer):
    """500 pages of 289 megapixels are 90 kB: the first alone would keep others waiting for nothing."""
    pytest.importorskip("gradio")
    from colorize_utils.page.page import Page

    asked = []
    counted = Colorizer(lambda x: asked.append(1) or np.zeros((*x.shape[:3], 2), np.float32), {"name": "stub"})
    (tmp_path / "page" / "uploads").mkdir(parents=True)
    page = Page(counted, tmp_path / "page", max_pixels=2 * 1200)
    rooms, room = [], page.disk.room
    page.disk.room = lambda count: rooms.append(count) or room(count)
    tifffile.imwrite(tmp_path / "three.tif", np.full((3, 30, 40), 90, np.uint8), photometric="minisblack")
    tifffile.imwrite(tmp_path / "two.tif", np.full((2, 30, 40), 90, np.uint8), photometric="minisblack")
    *_, last = page.add(None, [tmp_path / "three.tif"], 1, 128)
    assert "expected at most 2,400 pixels in all its pages, got 3,600" in last[2] and not asked
    assert not list((tmp_path / "page").rglob("*.tif"))  # given back at once
    *_, last = page.add(None, [tmp_path / "two.tif"], 1, 128)
    assert last[2] == "" and len(asked) == 2 and rooms == [6 * 2400]  # of both pages


def test_a_visitor_may_have_so_much_and_no_more(tmp_path, colorizer, monkeypatch):
    photo = put(tmp_path / "a.png")
    session = Session(tmp_path / "s", most=photo.stat().st_size)
    assert len(session.add([photo, photo])) == 1 and "GB of photos and pictures" in session.failed[0][1]
    monkeypatch.setattr("colorize_utils.page.session.MOST_PHOTOS", 2)
    session = Session(tmp_path / "t")
    assert len(session.add([photo] * 3)) == 2 and "at most 2 photos" in session.failed[0][1]


# --- the command ----------------------------------------------------------------------------------------------------


def test_without_gradio_it_says_what_to_install(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.setattr(app.tempfile, "tempdir", str(tmp_path))
    status, said, complaints = run(capsys, "app")
    assert (status, said, len(complaints)) == (2, "", 1)
    assert "expected gradio" in complaints[0] and "pip install -r requirements-app.txt" in complaints[0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [("--port", "0"), ("--port", "70000"), ("--max-upload", "0"), ("--max-pixels", "x"), ("--share",), ("a.jpg",)],
)
def test_wrong_options_are_refused_in_a_line(words, capsys):
    status, said, complaints = run(capsys, "app", *words)
    assert (status, said, len(complaints)) == (2, "", 1)


def test_a_port_that_is_taken_and_a_host_that_is_not_here_are_said_at_once(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, _, complaints = run(capsys, "app", "--port", port)
        assert status == 1 and len(complaints) == 1
        assert f"expected a free port of this computer, got 127.0.0.1:{port}" in complaints[0]
    status, _, complaints = run(capsys, "app", "--host", "192.0.2.1")  # kept for examples: nobody's
    assert status == 1 and len(complaints) == 1 and "192.0.2.1" in complaints[0]


def test_the_folder_is_private_and_removed_and_so_are_those_of_killed_pages(tmp_path, monkeypatch):
    monkeypatch.setattr(app.tempfile, "tempdir", str(tmp_path))
    killed, other = tmp_path / f"{app.PREFIX}killed", tmp_path / "other"
    for folder in (killed, other):
        folder.mkdir()
        (folder / "photo.jpg").write_bytes(b"x")
        os.utime(folder, (1, 1))
    with app.temporary_folder() as folder:
        (folder / "visitors").mkdir()
        assert folder.parent == tmp_path.resolve() and not killed.exists() and other.exists()
        if os.name != "nt":
            assert folder.stat().st_mode & 0o077 == 0
        os.utime(folder, (time.time() - 1000,) * 2)
        with app.temporary_folder() as second:  # a page that runs is left alone
            assert folder.exists() and second != folder
    assert list(tmp_path.iterdir()) == [other]


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_links_that_others_left_are_not_followed(tmp_path, monkeypatch):
    monkeypatch.setattr(app.tempfile, "tempdir", str(tmp_path))
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "photo.jpg").write_bytes(b"x")
    (tmp_path / f"{app.PREFIX}link").symlink_to(victim)
    (tmp_path / f"{app.PREFIX}evil").mkdir()
    (tmp_path / f"{app.PREFIX}evil" / "lock").symlink_to(victim / "made")
    for folder in (victim, tmp_path / f"{app.PREFIX}evil"):
        os.utime(folder, (1, 1))
    with app.temporary_folder():
        pass
    assert [path.name for path in victim.iterdir()] == ["photo.jpg"]


def test_proxies_do_not_come_between_the_page_and_itself(tmp_path, monkeypatch):
    for name in ("HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("GRADIO_ANALYTICS_ENABLED", "GRADIO_RUN_HISTORY", "HF_HUB_DISABLE_TELEMETRY", "GRADIO_TEMP_DIR"):
        monkeypatch.setenv(name, "")
    app.prepare_environment(tmp_path)
    assert not any(name.lower().endswith("_proxy") and name.lower() != "no_proxy" for name in os.environ)


def test_the_samples_to_try_are_grey(tmp_path):
    paths = app.grey_samples(tmp_path / "samples")
    assert len(paths) >= 3
    for path in paths:
        assert np.ptp(np.asarray(Image.open(path).convert("RGB")).astype(int), axis=-1).max() <= 2, path
