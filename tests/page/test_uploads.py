"""Uploads on the wire: what comes through, what is refused, and that what was refused is given back at once."""

import asyncio
import json
import shutil
from types import SimpleNamespace

import pytest

from colorize_utils.page import uploads
from colorize_utils.page.guard import Guard
from colorize_utils.page.uploads import Disk, Refused, plain_name, take_upload

pytest.importorskip("python_multipart", reason="needs gradio, which brings it: pip install -r requirements-app.txt")
HEAD = b'--x\r\nContent-Disposition: form-data; name="files"; filename="%s"\r\nContent-Type: text/html\r\n\r\n'


def body_of(*files):
    return b"".join(HEAD % name + data + b"\r\n" for name, data in files) + b"--x--\r\n"


def take(
    folder,
    body,
    most=10**6,
    most_at_once=10**7,
    says=True,
    kind=b"multipart/form-data; boundary=x",
    disk=None,
    gone=False,
):
    """Send an upload -> paths."""
    pieces = [body[k : k + 777] for k in range(0, len(body), 777)] or [b""]

    async def receive():
        if not pieces:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": pieces.pop(0), "more_body": gone or bool(pieces)}

    headers = [(b"content-type", kind)] + [(b"Content-Length", str(len(body)).encode())] * says
    disk = disk or Disk(folder, spare=0)
    try:
        return asyncio.run(take_upload({"headers": headers}, receive, folder, disk, most, most_at_once))
    finally:
        assert disk.promised == 0  # nothing is kept that is not needed any more


@pytest.mark.parametrize("says", [True, False])
def test_files_come_through_whole_and_of_one_name_apart(tmp_path, says):
    files = [(b"a.png", b"1" * 5000), (b"a.png", b""), ("grün 📷.jpg".encode(), bytes(range(256)) * 9)]
    paths = take(tmp_path, body_of(*files), says=says)
    assert [open(path, "rb").read() for path in paths] == [data for _, data in files]
    assert [path.rpartition("/")[2] for path in paths] == ["a.png", "a.png", "grün 📷.jpg"]
    assert len({path.rpartition("/")[0] for path in paths}) == 3
    assert json.loads(uploads.as_answer(paths)) == paths


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"most": 4999}, 413),
        ({"most_at_once": 5000}, 413),
        ({"most_at_once": 5000, "says": False}, 413),
        ({"kind": b"text/plain"}, 400),
        ({"kind": b"multipart/form-data"}, 400),
        ({"kind": b"multipart/form-data; boundary=" + b"y" * 70}, 400),
        ({"body": body_of((b"a.png", b"1" * 5000))[:3000]}, 400),
        ({"body": body_of((b"a.png", b"1" * 2_000_000))[:1_500_000], "most": 10**9, "gone": True}, 400),
        ({"body": b"no parts"}, 400),
        ({"body": b""}, 400),
        ({"body": b"--x\r\nContent-Disposition: form-data; " + b"y" * 100_000}, 400),
        ({"body": body_of(*[(b"a", b"")] * 1001), "most_at_once": 10**9}, 413),
        ({"disk": "full"}, 507),
        ({"disk": "full", "says": False}, 507),
    ],
)
def test_what_is_refused_leaves_nothing(tmp_path, how, status):
    body = how.pop("body", body_of((b"a.png", b"1" * 5000)))
    if how.get("disk"):
        how["disk"] = Disk(tmp_path, spare=10**18)
    with pytest.raises(Refused) as refusal:
        take(tmp_path, body, **how)
    assert refusal.value.status == status and "\n" not in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fails_is_a_refusal_too(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(uploads._Files, "write", full)
    with pytest.raises(Refused, match="could not be written"):
        take(tmp_path, body_of((b"a.png", b"1")))
    assert list(tmp_path.iterdir()) == []


def test_room_that_is_promised_is_not_promised_twice(tmp_path, monkeypatch):
    """Four uploads of 450 MB at once, each of which would fit, filled a disk of 1.6 GB."""
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1_600))
    disk = Disk(tmp_path, spare=1_000)
    assert [disk.take(450), disk.take(450), disk.take(150), disk.take(1)] == [True, False, True, False]
    disk.give_back(450)
    with disk.room(450) as fits:
        assert fits and not disk.take(1)
    with disk.room(451) as fits:
        assert not fits
    assert disk.promised == 150


@pytest.mark.parametrize("waits", [False, True])
def test_what_is_refused_is_gone_before_the_rest_is_listened_to(tmp_path, waits):
    """Four uploads that are refused would else hold the disk until the slowest has said all."""
    body, sent, heard = body_of((b"a.png", b"1" * 5_000_000)), [], []
    pieces = [body[k : k + 50_000] for k in range(0, len(body), 50_000)]
    page = SimpleNamespace(folder=tmp_path, disk=Disk(tmp_path, spare=0), most=1000, most_at_once=10**7)
    page.most_at_once = 10 if waits else 10**7  # refused at once, before anything is asked for

    async def receive():
        if sent:
            assert not any(path.is_file() for path in tmp_path.rglob("*")) and page.disk.promised == 0
        heard.append(pieces.pop(0))
        return {"type": "http.request", "body": heard[-1], "more_body": bool(pieces)}

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"multipart/form-data; boundary=x")]
    headers += [(b"content-length", str(len(body)).encode())] + [(b"expect", b"100-continue")] * waits
    scope = {"type": "http", "path": "/gradio_api/upload", "method": "POST", "headers": headers}
    asyncio.run(Guard(None, page)(scope, receive, send))
    assert sent[0]["status"] == 413 and (b"connection", b"close") in sent[0]["headers"]
    assert sent[1]["body"].startswith(b"expected at most ") and sent[1]["more_body"] and not sent[-1].get("more_body")
    assert b"".join(heard) == (b"" if waits else body)  # who waits to be told to go on has said nothing


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/x.png", "x.png"),
        ("..\\..\\x.png", "x.png"),
        ("/etc/passwd", "passwd"),
        ("..", "_"),
        ("", "_"),
        (".hidden.png", "hidden.png"),
        ("x\x00y\r\n.png", "x_y__.png"),
        ("\u202egnp.exe", "_gnp.exe"),
        ("con.png", "_con.png"),
        ("a" * 300 + ".png", "a" * 156 + ".png"),
        ("ü" * 300 + ".png", "ü" * 78 + ".png"),
        ("x." + "y" * 300, "x." + "y" * 158),
    ],
)
def test_names_lead_nowhere_and_fit_every_disk(name, expected):
    assert plain_name(name) == expected
