"""What the server answers, and to whom: known hosts and its own pages only, nothing fetched, nothing that runs.

An ASGI middleware around Gradio's application. It looks at the wire and at no part of Gradio's inside.
"""

import asyncio
import ipaddress
import json
import os
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

from .uploads import Refused, as_answer, take_upload

ASKED = "/queue/join"  # the one place where this page asks for work
TALK = 2_000_000  # bytes of a request that is no upload
READ_OFF, PATIENCE = 2_000_000_000, 60  # bytes and seconds of a refused request that are listened to, and not kept
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# The browser itself refuses whatever is not this server's. Gradio's page needs inline scripts and eval.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
}
# A file is only ever saved or drawn: were it opened by its address, nothing in it could run on this page's origin.
FILE_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
SERVED = ("pictures", "previews", "zip")  # of a visitor's folder
TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".bmp": "image/bmp",
    ".zip": "application/zip",
}


class Guard:
    """Refuses what no page of ours asks for; takes uploads itself; adds `HEADERS` to every answer.

    page: as `page.Page`: its ``folder``, ``most`` bytes a file and ``most_at_once`` an upload, the ``disk`` and who is
    ``present``. hosts: names, beside the loopback's and the address that was connected to, under which the page is
    known; "evil.example" that an attacker lets point here is none of them (DNS rebinding). messages: `Messages`, for
    what the page may be asked.
    """

    def __init__(self, app, page, hosts=(), messages=None):
        self.app, self.page, self.messages, self.named = (
            app,
            page,
            messages,
            {host.lower().strip("[]") for host in hosts},
        )

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        answer, path = _with_headers(scope["path"], send), scope["path"].rstrip("/")
        receive = _Receiver(receive)
        try:
            self._check_sender(headers, (scope.get("server") or ("",))[0])
            if _names_an_address(path):
                raise Refused(403, "addresses of other servers are not fetched")
            if "/file=" in path and not self._is_served(path.partition("/file=")[2]):
                raise Refused(404, "there is no such picture")
            if path.endswith("/upload_progress"):  # the browser counts what it sends by itself
                return await _say(answer, 200, b'data: {"msg": "done"}\n\n', b"text/event-stream")
            if scope["method"] in ("GET", "HEAD", "OPTIONS"):
                with self.page.present.listening(_listener(path, scope.get("query_string", b""))):
                    return await self.app(scope, receive, answer)
            if path.endswith("/upload"):
                page = self.page
                place = page.folder / "uploads"
                paths = await take_upload(scope, receive, place, page.disk, page.most, page.most_at_once)
                return await _say(answer, 200, as_answer(paths), b"application/json")
            if not path.endswith(ASKED):
                raise Refused(404, "there is nothing of this name")
            return await self.app(scope, await self._looked_into(headers, receive), answer)
        except Refused as refusal:
            return await self._refuse(answer, refusal, receive, headers)

    async def _refuse(self, send, refusal, receive, headers):
        """Answer in a line, and listen to the rest of the request: a browser hears nothing before it has said all.

        Were the connection closed on what is still being sent, the system would reset it and the line be lost. Who
        waits to be told to go on (RFC 9110, 10.1.1) has not begun.
        """
        start, end = _answer(refusal.status, str(refusal).encode(), b"text/plain; charset=utf-8", last=True)
        await send(start)
        await send(end | {"more_body": True})
        if receive.asked or "100-continue" not in headers.get(b"expect", "").lower():
            await receive.read_off(READ_OFF if b"content-length" in headers else self.page.most_at_once)
        await send({"type": "http.response.body"})

    async def _looked_into(self, headers, receive):
        """A request of a few bytes, read whole, so that it can be seen what it asks for -> what gives it again."""
        if headers.get(b"content-length", "0").isdigit() and int(headers.get(b"content-length", "0")[:19]) > TALK:
            raise Refused(413, f"expected at most {TALK:,} bytes at a time, got more")
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False) and message["type"] != "http.disconnect"
            if len(body) > TALK:
                raise Refused(413, f"expected at most {TALK:,} bytes at a time, got more")
        try:
            message = json.loads(body or b"null")
        except (ValueError, RecursionError):
            raise Refused(400, "expected JSON") from None
        if _has_address(message):
            raise Refused(403, "addresses of other servers are not fetched: upload the photo itself")
        if self.messages:
            self.messages.check(message)
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def again():
            return waiting.pop() if waiting else await receive()

        return again

    def _check_sender(self, headers, connected):
        """`Refused` unless the request is for a name of this server, and comes from a page of its own or from none."""
        asked = headers.get(b"host", "")
        name = _name_in(asked)
        known = name is not None and (name in LOOPBACK or name in self.named or _same_address(name, connected))
        if not known:
            raise Refused(421, "this page is not known under this name: --allow-host NAME adds one")
        origin = headers.get(b"origin")
        if origin is not None:
            parts = urlsplit(origin)
            own = parts.scheme in ("http", "https") and (
                parts.netloc.lower() == asked.lower() or _name_in(parts.netloc) in self.named
            )
            if not own:
                raise Refused(403, "expected a request of this page, got one of another")

    def _is_served(self, path):
        """Whether a path is of what visitors may have: colored pictures, previews, zips, and the samples."""
        try:
            parts = Path(os.path.abspath(path)).relative_to(self.page.folder).parts
        except ValueError:
            return False
        if parts[:1] == ("samples",):
            return len(parts) == 2
        return len(parts) == 4 and parts[0] == "visitors" and parts[2] in SERVED


def _name_in(netloc):
    """The name or address in "name:port" as it may be compared; None where there is none."""
    try:
        name = urlsplit(f"//{netloc}").hostname
    except ValueError:
        return None
    return name.rstrip(".") if name and "@" not in netloc else None


def _same_address(name, connected):
    try:
        return ipaddress.ip_address(name) == ipaddress.ip_address(connected.partition("%")[0])
    except ValueError:
        return False


def _listener(path, query):
    """The visit (Gradio's session hash) whose browser holds this connection open for as long as it is there."""
    if path.endswith("/queue/data"):
        return parse_qs(query.decode("latin-1")).get("session_hash", [None])[0]
    return path.rpartition("/")[2] if "/heartbeat/" in path else None


def _names_an_address(path):
    """Whether a path asks this server to fetch from another, as Gradio's /file=http://… and /proxy=… do."""
    path = unquote(path).lower()
    return "/proxy=" in path or "://" in path or "=http:" in path or "=https:" in path


def _has_address(value):
    """Whether a file in a message is to be had from an address. Gradio would go and fetch it."""
    if isinstance(value, dict):
        path = value.get("path")
        if isinstance(path, str) and "://" in path:
            return True
        return any(map(_has_address, value.values()))
    return isinstance(value, list) and any(map(_has_address, value))


def _with_headers(path, send):
    """``send`` with our headers; of a file also what it is, by its name, and that it is to be saved, not shown."""
    own = HEADERS
    if "/file=" in path:
        name = path.rpartition("/")[2]
        own = HEADERS | {
            "content-security-policy": FILE_POLICY,
            "cache-control": "no-store",
            "content-type": TYPES.get(os.path.splitext(name)[1].lower(), "application/octet-stream"),
            "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        }

    async def answer(message):
        if message["type"] == "http.response.start":
            new = own if message["status"] in (200, 206) or own is HEADERS else HEADERS
            kept = [
                (key, value)
                for key, value in message.get("headers", [])
                if (name := key.lower().decode("latin-1")) not in new and not name.startswith("access-control-")
            ]
            message = {**message, "headers": kept + [(k.encode(), v.encode()) for k, v in new.items()]}
        await send(message)

    return answer


class _Receiver:
    """A request's ``receive`` that knows whether it was ``asked`` for anything, and whether there is ``more``."""

    def __init__(self, receive):
        self._receive, self.asked, self.more = receive, False, True

    async def __call__(self):
        self.asked = True
        message = await self._receive()
        self.more = message["type"] == "http.request" and message.get("more_body", False)
        return message

    async def read_off(self, most):
        """Let ``most`` bytes come and go, for `PATIENCE` seconds."""
        try:
            async with asyncio.timeout(PATIENCE):
                while self.more and most >= 0:
                    most -= len((await self()).get("body", b""))
        except TimeoutError:
            pass


def _answer(status, body, kind, last=False):
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    headers += [(b"connection", b"close")] * last
    start = {"type": "http.response.start", "status": status, "headers": headers}
    return start, {"type": "http.response.body", "body": body}


async def _say(send, status, body, kind):
    for message in _answer(status, body, kind):
        await send(message)
