"""Hostile requests to the page, and stops while it works: is each answered in a line, and is all gone at the end?

    python benchmarks/page_requests.py [--requests 1000] [--stops 6] [--seed 0]

The page is served by a process of its own with a stand-in for the model. It gets requests under foreign names and of
foreign pages, for files that are none of its business, for addresses of other servers, uploads that are too large, torn
or none, bodies of random bytes, hints and numbers out of all ranges. Each has to be answered by a status below 500 that
gives nothing away; nothing may be asked of the network or stay on the disk; and a photo dropped at the end is colored.
Then the page is started again and again and told to end (SIGTERM and SIGINT in turn) while three visitors' photos are
being colored: within 5 seconds, status 0, none of its files left. Prints the counts, the most memory of the process and
the slowest answer; ends with status 1 if anything was otherwise. Needs requirements-app.txt and Linux.
"""

import argparse
import http.client
import json
import random
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from serving import serving  # noqa: E402

UPLOAD, JOIN = "/gradio_api/upload", "/gradio_api/queue/join"
SECRETS = ("/etc/passwd", str(ROOT / "pyproject.toml"), "/proc/self/environ", "../../../../etc/passwd", "~/.ssh/id_rsa")
GIVEN_AWAY = (b"root:", b"[build-system]", b"PATH=", b"PRIVATE KEY")
ADDRESSES = ("http://example.org/a.png", "https://127.0.0.1:1/", "file:///etc/passwd", "ftp://example.org/")
NUMBERS = (-1, 0, 10**9, 1e308, "1", None, [], {}, True, "x" * 5000)
LOOPBACK = {"127.0.0.1", "localhost", "::1", "None"}


def part(name, data):
    head = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    return head.encode() + data + b"\r\n--x--\r\n"


def json_request(path, value, **headers):
    return "POST", path, json.dumps(value).encode(), {"Content-Type": "application/json", **headers}


def form(body):
    return "POST", UPLOAD, body, {"Content-Type": "multipart/form-data; boundary=x"}


def foreign(draw):
    bad = draw.choice([{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}])
    return draw.choice(["GET", "POST"]), draw.choice(["/", "/config", UPLOAD, JOIN]), b"{}", bad


def files(draw):
    path = draw.choice(SECRETS)
    path = draw.choice([path, quote(path, safe=""), "visitors/" + path, path + "%00.png"])
    return (
        "GET",
        draw.choice(["/gradio_api/file=", "/file=", "/static/", "/assets/", "/gradio_api/file/"]) + path,
        b"",
        {},
    )


def addresses(draw):
    address = draw.choice(ADDRESSES)
    if draw.random() < 0.5:
        return "GET", draw.choice(["/gradio_api/file=", "/gradio_api/proxy=", "/proxy="]) + address, b"", {}
    photo = {"path": address, "meta": {"_type": "gradio.FileData"}}
    return json_request(JOIN, {"data": [None, [photo], 1, 128], "fn_index": draw.randrange(12), "session_hash": "x"})


def uploads(draw):
    name = draw.choice(["a.png", "../../a.png", "C:\\a.png", "a" * 3000, "\x1b[2J.png", "<script>.html", "", ".."])
    name = name.replace("\x1b", "%1b")
    body = part(name, draw.randbytes(draw.choice([0, 10, 5000, 2_000_001])))
    return form(
        draw.choice([body, body[: len(body) // 2], body * 3, body.replace(b"--x", b"--y"), draw.randbytes(3000)])
    )


def messages(draw):
    path = draw.choice(SECRETS)
    photo = {"path": path, "meta": {"_type": "gradio.FileData"}}
    data = draw.choice([[None, [photo], 1, 128], [draw.choice(NUMBERS) for _ in range(draw.randrange(8))], "x", None])
    index = draw.choice([*range(-2, 15), 10**9])
    return json_request(JOIN, {"data": data, "fn_index": index, "session_hash": draw.choice(["x", None, "y" * 9000])})


def noise(draw):
    path = "/" + quote(draw.randbytes(draw.randrange(40)))
    kind = draw.choice(["application/json", "multipart/form-data; boundary=" + "x" * draw.randrange(90), "text/html"])
    method = draw.choice(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE"])
    return (
        method,
        draw.choice([path, JOIN, UPLOAD, "/gradio_api/queue/data?session_hash="]),
        draw.randbytes(500),
        {"Content-Type": kind},
    )


def deep(draw):
    return "POST", JOIN, draw.choice([b"[" * 100_000, b'{"a":' * 50_000, b"1" * 1_500_000, b" " * 2_000_001]), {}


KINDS = (foreign, files, addresses, uploads, messages, noise, deep)


def ask(address, method, path, body, headers):
    """-> (status, body) of one request; (0, the fault) of one that was not answered."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=20)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        listening = "event-stream" in (answer.getheader("Content-Type") or "")
        return answer.status, b"" if listening else answer.read()
    except (OSError, http.client.HTTPException) as error:
        return 0, repr(error).encode()
    finally:
        connection.close()


def raw(address, draw):
    """Bytes that are no HTTP; whatever is answered is good."""
    host = urlsplit(address)
    with socket.create_connection((host.hostname, host.port), timeout=20) as line:
        line.sendall(draw.randbytes(draw.randrange(1, 2000)) + b"\r\n\r\n")


def color(address, path, session):
    """Drop a photo -> whether it was colored."""
    with open(path, "rb") as file:
        status, said = ask(address, *form(part(path.name, file.read())))
    if status != 200:
        return False
    photos = [{"path": place, "meta": {"_type": "gradio.FileData"}} for place in json.loads(said)]
    config = json.loads(ask(address, "GET", "/config", None, {})[1])
    number = next(d["id"] for d in config["dependencies"] if d["api_name"] == "add")
    told = {"data": [None, photos, 1, 128], "fn_index": number, "session_hash": session}
    if ask(address, *json_request(JOIN, told))[0] != 200:
        return False
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    connection.request("GET", f"/gradio_api/queue/data?session_hash={session}")
    try:
        return any(b'"process_completed"' in line and b'"success":true' in line for line in connection.getresponse())
    finally:
        connection.close()


def held(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def most_memory(process):
    lines = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def requests(folder, photo, count, draw):
    """Send ``count`` requests -> what was wrong."""
    wrong, statuses, slowest = [], Counter(), 0.0
    with serving(folder, "--max-upload", "2", "--max-pixels", "1000000") as page:
        before = held(page.temporary)
        for number in range(count):
            if number % 20 == 0:
                raw(page.address, draw)
            kind = KINDS[number % len(KINDS)]
            request = kind(draw)
            began = time.monotonic()
            status, said = ask(page.address, *request)
            slowest = max(slowest, time.monotonic() - began)
            statuses[kind.__name__, status // 100] += 1
            if not 0 < status < 500 or any(text in said for text in GIVEN_AWAY):
                wrong.append(f"{kind.__name__}: {request[:2]} {request[2][:200]} -> {status} {said[:100]!r}")
        for kind in KINDS:
            counts = {f"{k}xx": n for (name, k), n in sorted(statuses.items()) if name == kind.__name__}
            print(f"{kind.__name__:10} {counts}")
        wrong += ["a photo was not colored after it"] * (not color(page.address, photo, "last"))
        wrong += [f"asked the network for {page.asked - LOOPBACK}"] * (not page.asked <= LOOPBACK)
        print(f"slowest answer {slowest:.1f} s; at most {most_memory(page.process)} MB; ", end="")
        print(f"{(held(page.temporary) - before) / 1e6:.1f} MB more on the disk")
        wrong += ["it was not quiet: " + page.said()[-300:]] * (page.said().count("\n") > 1)
        wrong += ["it did not end well"] * (page.stop() != 0)
        wrong += [f"left {path}" for path in page.temporary.rglob("*")]
    return wrong


def stop(folder, photo, how):
    """Stop a page that is coloring -> what was wrong, seconds."""
    wrong = []
    with serving(folder) as page:
        with open(photo, "rb") as file:
            body = form(part(photo.name, file.read()))
        config = json.loads(ask(page.address, "GET", "/config", None, {})[1])
        number = next(d["id"] for d in config["dependencies"] if d["api_name"] == "add")
        for visit in range(3):
            places = [json.loads(ask(page.address, *body)[1])[0] for _ in range(10)]
            photos = [{"path": place, "meta": {"_type": "gradio.FileData"}} for place in places]
            told = {"data": [None, photos, 1, 128], "fn_index": number, "session_hash": f"visit{visit}"}
            ask(page.address, *json_request(JOIN, told))
        time.sleep(0.5)
        began = time.monotonic()
        status = page.stop(how)
        seconds = time.monotonic() - began
        wrong += [f"ended with status {status}"] * (status != 0) + [f"took {seconds:.1f} s"] * (seconds > 5)
        wrong += [f"left {path}" for path in page.temporary.rglob("*")]
    return wrong, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--stops", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    draw, slowest = random.Random(args.seed), 0.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        codes = np.random.default_rng(args.seed).integers(0, 256, (800, 900), dtype=np.uint8)
        Image.fromarray(codes).save(folder / "photo.png")
        (folder / "page").mkdir()
        wrong = requests(folder / "page", folder / "photo.png", args.requests, draw)
        for number in range(args.stops):
            (folder / f"stop-{number}").mkdir()
            how = (signal.SIGTERM, signal.SIGINT)[number % 2]
            found, seconds = stop(folder / f"stop-{number}", folder / "photo.png", how)
            wrong, slowest = wrong + found, max(slowest, seconds)
    print("\n".join(wrong[:30]))
    print(f"{args.requests} requests and {args.stops} stops, the slowest {slowest:.1f} s: {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
