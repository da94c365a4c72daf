"""The page as it is served, asked without a browser: limits, visitors side by side, what it asks of the network."""

import http.client
import json
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np
import pytest
from serving import serving
from test_cli import is_orange, put

from colorize_utils.inference.colorizer import Colorizer

pytest.importorskip("gradio", reason="needs gradio: pip install -r requirements-app.txt")
from colorize_utils.page.page import SHOWN, Page  # noqa: E402

LOOPBACK = {"127.0.0.1", "localhost", "::1", "None"}


@pytest.fixture
def server(page_server):
    return page_server


def request(server, method, path, body=None, headers=None):
    """-> (status, body)."""
    return full_request(server, method, path, body, headers)[::2]


def full_request(server, method, path, body=None, headers=None):
    """-> (status, headers, body)."""
    connection = http.client.HTTPConnection(urlsplit(server.address).netloc, timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def upload(server, *paths, headers=None):
    edge, body = uuid.uuid4().hex, b""
    for path in paths:
        head = f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="{path.name}"\r\n\r\n'
        body += head.encode() + path.read_bytes() + b"\r\n"
    kind = {"Content-Type": f"multipart/form-data; boundary={edge}"}
    kind |= headers or {}
    return request(server, "POST", "/gradio_api/upload", body + f"--{edge}--\r\n".encode(), kind)


def begin(server, name, data, session):
    """Use something on the page."""
    config = json.loads(request(server, "GET", "/config")[1])
    number = next(d["id"] for d in config["dependencies"] if d["api_name"] == name)
    body = json.dumps({"data": data, "fn_index": number, "session_hash": session}).encode()
    status, said = request(server, "POST", "/gradio_api/queue/join", body, {"Content-Type": "application/json"})
    assert status == 200, said


def ask(server, name, data, session):
    """Use something on the page and wait for the end -> the values that `Page.view` gives."""
    begin(server, name, data, session)
    connection = http.client.HTTPConnection(urlsplit(server.address).netloc, timeout=120)
    connection.request("GET", f"/gradio_api/queue/data?session_hash={session}")
    for line in connection.getresponse():
        message = json.loads(line[6:]) if line.startswith(b"data: ") else {}
        if message.get("msg") == "process_completed":
            connection.close()
            assert message["success"], message
            return message["output"]["data"]
    raise AssertionError("no answer")


def uploaded(server, *paths):
    """Upload files -> them, as Gradio's messages name them."""
    status, places = upload(server, *paths)
    assert status == 200
    return [{"path": place, "meta": {"_type": "gradio.FileData"}} for place in json.loads(places)]


def color(server, *paths):
    """Drop photos as one visitor -> (paths of the pictures, text of the lines)."""
    values = ask(server, "add", [None, uploaded(server, *paths), 1, 128], uuid.uuid4().hex[:10])
    shown = dict(zip(SHOWN, values, strict=True))
    return [file["path"] for file in shown["files"] or []], shown["lines"]


def test_it_asks_no_name_server_anything(server, tmp_path):
    put(tmp_path / "a.png")
    color(server, tmp_path / "a.png")
    assert server.asked <= LOOPBACK


def test_ten_visitors_at_once_get_their_own_pictures(server, tmp_path):
    photos = [[put(tmp_path / str(k) / name, (20 + k, 40)) for name in ("a.png", "b.jpg")] for k in range(10)]
    photos[3][1].write_text("no photo")
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda paths: color(server, *paths), photos))
    for k, (pictures, lines) in enumerate(answers):
        assert len(pictures) == (1 if k == 3 else 2) and ("b.jpg" in lines) == (k == 3)
        for place in pictures:
            status, data = request(server, "GET", "/gradio_api/file=" + quote(place))
            got = tmp_path / f"got-{k}-{Path(place).name}"
            got.write_bytes(data)
            assert status == 200 and is_orange(got, (20 + k, 40))
    assert len({Path(place).parents[1] for pictures, _ in answers for place in pictures}) == 10


def test_an_upload_of_two_gigabytes_is_refused_and_nothing_of_it_is_kept(server):
    held = _bytes_below(server.temporary)
    head = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(2 * 2**30)}
    connection = http.client.HTTPConnection(urlsplit(server.address).netloc, timeout=30)
    connection.putrequest("POST", "/gradio_api/upload")
    for name, value in head.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()
    assert _bytes_below(server.temporary) <= held


@pytest.mark.parametrize("path", ["/gradio_api/upload", "/gradio_api/queue/join"])
def test_who_says_all_before_listening_hears_the_line_too(server, path):
    """As browsers do. The connection was reset on what was still coming, and the line lost."""
    held, size = _bytes_below(server.temporary), 450_000_000
    connection = http.client.HTTPConnection(urlsplit(server.address).netloc, timeout=60)
    connection.putrequest("POST", path)
    connection.putheader("Content-Type", "multipart/form-data; boundary=x")
    connection.putheader("Content-Length", str(size))
    connection.endheaders()
    for _ in range(450):
        connection.send(bytes(1_000_000))
    answer = connection.getresponse()
    assert answer.status == 413 and b"at a time, got" in answer.read()
    connection.close()
    assert _bytes_below(server.temporary) <= held


def test_curl_shows_the_line(server, tmp_path):
    curl = shutil.which("curl")
    if not curl:
        pytest.skip("needs curl")
    (tmp_path / "large.png").write_bytes(bytes(20_000_000))
    for more in ([], ["-H", "Expect:"], ["-H", "Expect: 100-continue"]):
        command = [
            curl,
            "-s",
            "-S",
            *more,
            "-F",
            f"files=@{tmp_path / 'large.png'}",
            f"{server.address}gradio_api/upload",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0 and done.stdout.startswith("expected at most 8,000,000 bytes at a time, got 20,0")


def test_an_upload_that_does_not_say_how_large_it_is_stops_at_the_limit(server):
    sent, held = [0], _bytes_below(server.temporary)
    part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.tif"\r\n\r\n'

    def pieces():
        yield part
        for _ in range(2000):  # two gigabytes, were they taken
            sent[0] += 1 << 20
            yield bytes(1 << 20)

    kind = {"Content-Type": "multipart/form-data; boundary=x", "Transfer-Encoding": "chunked"}
    try:
        assert request(server, "POST", "/gradio_api/upload", pieces(), kind)[0] == 413
    except (BrokenPipeError, ConnectionResetError):  # it hung up before all was sent
        pass
    assert sent[0] < 200 << 20
    assert _bytes_below(server.temporary) <= held + 3_000_000


def test_one_file_beyond_the_limit_is_refused(server, tmp_path):
    (tmp_path / "large.png").write_bytes(bytes(2_000_001))
    status, said = upload(server, tmp_path / "large.png")
    assert status == 413 and b"at most 2,000,000 bytes a file" in said


def test_a_photo_of_too_many_pixels_is_a_line(server, tmp_path):
    from PIL import Image

    Image.fromarray(np.zeros((1001, 1000), np.uint8)).save(tmp_path / "wide.png")
    pictures, lines = color(server, tmp_path / "wide.png", put(tmp_path / "a.png"))
    assert [Path(place).name for place in pictures] == ["a.png"]
    assert "wide.png" in lines and "expected at most 1,000,000 pixels, got 1000x1001" in lines


def test_names_are_shown_as_text_and_never_as_html(server, tmp_path):
    bad = tmp_path / "&lt;b&gt; & 'x'.png"
    bad.write_text("no photo")
    assert "&amp;lt;b&amp;gt; &amp; &#x27;x&#x27;.png" in color(server, bad)[1]


def test_it_fetches_nothing_for_a_visitor(server):
    file = {"path": "http://example.org/a.png", "meta": {"_type": "gradio.FileData"}}
    body = json.dumps({"data": [None, [file], 1, 128], "fn_index": 0, "session_hash": "x"}).encode()
    kind = {"Content-Type": "application/json"}
    assert request(server, "POST", "/gradio_api/queue/join", body, kind)[0] == 403
    assert request(server, "GET", "/gradio_api/file=https://example.org/a.png")[0] == 403
    assert request(server, "GET", "/gradio_api/file=" + quote("/etc/hostname"))[0] == 404
    assert request(server, "GET", "/gradio_api/file=" + quote(__file__))[0] == 404
    assert server.asked <= LOOPBACK


def made_up(session="x", **changes):
    return {"data": [None, [], 1, 128], "fn_index": 0, "session_hash": session} | changes


PHOTO = {"path": "/etc/hostname", "meta": {"_type": "gradio.FileData"}}


@pytest.mark.parametrize(
    "message",
    [
        made_up(fn_index=-1),
        made_up(fn_index=99),
        made_up(fn_index=True),
        made_up(fn_index=11),  # which runs in the browser alone
        made_up(session=None),
        made_up(data=None),
        made_up(data=[]),
        made_up(data=[None, [], 1, 128, 1]),
        made_up(data=[None, [PHOTO], 1, 128]),
        made_up(data=[None, [{}], 1, 128]),
        made_up(data=[None, "x", 1, 128]),
        made_up(data=[None, [], 1e308, 128]),
        made_up(data=[None, [], [1], 128]),
        made_up(data=[None, [], 1, float("nan")]),
        made_up(fn_index=4, data=[None, "no color", 1, 128], event_data={"index": [1, 2], "value": None}),
        made_up(fn_index=4, data=[None, "#b06030", 1, 128], event_data={"index": [1, "2"], "value": None}),
        made_up(fn_index=4, data=[None, "#b06030", 1, 128]),
        made_up(fn_index=7, data=[None], event_data=[1]),
        [1],
        "x",
        None,
    ],
    ids=lambda message: str(message)[:60],
)
def test_what_no_click_can_send_is_refused_in_a_line(server, message):
    """Gradio answered such with its own errors on the terminal, and a status of 500."""
    before, kind = server.said(), {"Content-Type": "application/json"}
    status, said = request(server, "POST", "/gradio_api/queue/join", json.dumps(message).encode(), kind)
    assert (status, said) == (400, b"expected a request as this page makes it")
    assert request(server, "POST", "/gradio_api/call/add", json.dumps(message).encode(), kind)[0] == 404
    assert server.said() == before


def test_a_photo_that_is_called_a_page_is_never_served_as_one(server, tmp_path):
    """A PNG uploaded as holiday.html, a script in its comment, once ran on the page's own origin."""
    photo = put(tmp_path / "a.png")
    photo.rename(tmp_path / "holiday.html")
    [picture], _ = color(server, tmp_path / "holiday.html")
    assert picture.endswith("/pictures/holiday.png")
    status, headers, body = full_request(server, "GET", "/gradio_api/file=" + quote(picture))
    assert (status, headers["content-type"], body[:4]) == (200, "image/png", b"\x89PNG")
    assert headers["content-disposition"] == "attachment; filename*=UTF-8''holiday.png"
    assert headers["x-content-type-options"] == "nosniff" and "sandbox" in headers["content-security-policy"]
    own = picture.replace("/pictures/holiday.png", "/photos/1/holiday.html")
    [left] = [place["path"] for place in uploaded(server, tmp_path / "holiday.html")]
    for place in (own, left):
        assert Path(place).is_file() and request(server, "GET", "/gradio_api/file=" + quote(place))[0] == 404


def test_under_a_foreign_name_or_for_another_page_it_does_nothing(server, tmp_path):
    """A name that an attacker lets point to 127.0.0.1 went through from upload to picture (DNS rebinding)."""
    photo, held = put(tmp_path / "a.png"), _bytes_below(server.temporary)
    for bad, status in (
        ({"Host": "evil.example"}, 421),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ):
        assert upload(server, photo, headers=bad)[0] == status
        kind = {"Content-Type": "text/plain", **bad}
        assert request(server, "POST", "/gradio_api/queue/join", b"{}", kind)[0] == status
        for path in ("/", "/config"):
            got, headers, body = full_request(server, "GET", path, headers=bad)
            assert got == status and b"gradio" not in body
            assert not any(name.startswith("access-control") for name in headers)
    assert _bytes_below(server.temporary) == held
    headers = full_request(server, "GET", "/config", headers={"Origin": server.address.rstrip("/")})[1]
    assert not any(name.startswith("access-control") for name in headers)


def test_visitors_who_leave_do_not_keep_others_waiting(server, tmp_path):
    """Two TIFFs of many pages, whose senders went away at once, held both places of the page."""
    import tifffile

    pages = np.full((400, 8, 8), 90, np.uint8)
    tifffile.imwrite(tmp_path / "album.tif", pages, photometric="minisblack", compression="deflate")
    for k in range(3):
        begin(server, "add", [None, uploaded(server, tmp_path / "album.tif"), 1, 128], f"gone{k}")
    began = time.monotonic()
    color(server, put(tmp_path / "a.png"))
    assert time.monotonic() - began < 10  # alone it takes a tenth of a second


@pytest.mark.skipif(sys.platform == "win32", reason="signals of this kind are not known there")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_and_leaves_nothing_while_it_colors(tmp_path, how):
    with serving(tmp_path) as first:
        photos = [put(tmp_path / f"{k}.png", (800, 900)) for k in range(20)]
        for k in range(3):
            begin(first, "add", [None, uploaded(first, *photos), 1, 128], f"visit{k}")
        time.sleep(0.7)
        began = time.monotonic()
        assert first.stop(how) == 0 and time.monotonic() - began < 5
        assert list(first.temporary.iterdir()) == []
        assert "Traceback" not in first.said()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of this kind are not known there")
def test_it_removes_all_it_wrote_when_it_is_stopped(tmp_path):
    with serving(tmp_path) as first:
        color(first, put(tmp_path / "a.png"))
        assert len(list(first.temporary.glob("colorize-page-*"))) == 1
        assert first.stop(signal.SIGINT) == 0
        assert list(first.temporary.iterdir()) == []
        assert "Traceback" not in first.said() and len(first.said().splitlines()) == 1


def test_settings_and_hints_reach_the_pictures(tmp_path):
    seen = []

    class Watched(Colorizer):
        def __call__(self, photo, **options):
            seen.append(options)
            return super().__call__(photo, **options)

    def orange(x):
        return np.broadcast_to(np.float32([0.2, 0.3]), (*x.shape[:3], 2))

    (tmp_path / "uploads").mkdir()
    page = Page(Watched(orange), tmp_path)
    click = type("Click", (), {"index": (500, 250)})
    views = list(page.add(None, [put(tmp_path / "a.png"), put(tmp_path / "b.png")], 1, 128))
    key = views[-1][0]
    assert all(len(view) == len(SHOWN) for view in views)
    *_, view = page.again(key, 0.5, 10**9)
    assert [options["strength"] for options in seen[-2:]] == [0.5, 0.5]
    assert [options["size"] for options in seen] == [None, None, 1024, 1024]
    *_, view = page.hint(key, "#0000ff", 1, 128, click)
    assert len(seen[-1]["hints"]) and seen[-1]["hints"].shape == (30, 40)
    assert view[SHOWN.index("undo")].interactive
    *_, view = page.undo(key, 1, 128)
    assert "hints" not in seen[-1] and not view[SHOWN.index("undo")].interactive
    assert list(page.undo(key, 1, 128)) == list(page.no_hints(key, 1, 128)) == []
    page.look(key, type("Click", (), {"index": 1}))
    list(page.hint(key, "rgba(0, 0, 255, 1)", 1, 128, click))
    assert [len(item.points) for item in page.sessions[key].items] == [0, 1]
    list(page.no_hints(key, 1, 128))
    assert page.sessions[key].items[1].points == []
    page.forget(key)
    assert not list((tmp_path / "visitors").iterdir()) and threading.active_count() < 50


def _bytes_below(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
