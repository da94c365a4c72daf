"""What the server takes and answers: not too much, nothing to be fetched from elsewhere, nothing to be kept.

An ASGI middleware around Gradio's application. It looks at the wire and at no part of Gradio's inside.
"""

import json
import shutil
from urllib.parse import unquote

TALK = 2_000_000  # bytes of a request that is no upload
SPARE = 1_000_000_000  # bytes that stay free on the disk
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
    )
)
HEADERS = {"content-security-policy": POLICY, "referrer-policy": "no-referrer", "x-content-type-options": "nosniff"}


class TooMuch(Exception):
    """A body that is longer than its request may be."""


class Guard:
    """Refuses bodies beyond a limit (413) and addresses to be fetched (403); adds `HEADERS` to every answer.

    most: bytes of one upload request, all its files together. folder: where uploads are written; a request that would
    leave less than `SPARE` bytes of its disk is refused before it is read (507).
    """

    def __init__(self, app, most, folder):
        self.app, self.most, self.folder = app, most, folder

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        answer = _with_headers(scope["path"], send)
        if _names_an_address(scope["path"]):
            return await _refuse(answer, 403, "addresses of other servers are not fetched")
        if scope["method"] not in ("POST", "PUT", "PATCH"):
            return await self.app(scope, receive, answer)
        upload = scope["path"].rstrip("/").endswith("/upload")
        limit = self.most if upload else TALK
        length = _length(scope)
        if length is not None and length > limit:
            return await _refuse(answer, 413, f"expected at most {limit:,} bytes at a time, got {length:,}")
        if upload:
            if (length or 0) + SPARE > shutil.disk_usage(self.folder).free:
                return await _refuse(answer, 507, "there is not enough room on the disk for this upload")
            return await self._limited(scope, receive, answer, limit)
        return await self._looked_into(scope, receive, answer)

    async def _limited(self, scope, receive, send, limit):
        """An upload, counted as it comes: a client need not say beforehand how long it is."""
        begun, got = False, 0

        async def counted():
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > limit:
                raise TooMuch
            return message

        async def noticed(message):
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, counted, noticed)
        except TooMuch:
            if not begun:
                await _refuse(send, 413, f"expected at most {limit:,} bytes at a time, got more")

    async def _looked_into(self, scope, receive, send):
        """A request of a few bytes: read whole, so that it can be seen to name no address."""
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > TALK:
                return await _refuse(send, 413, f"expected at most {TALK:,} bytes at a time, got more")
        try:
            found = _has_address(json.loads(body or b"null"))
        except (ValueError, RecursionError):
            return await _refuse(send, 400, "expected JSON")
        if found:
            return await _refuse(send, 403, "addresses of other servers are not fetched: upload the photo itself")
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def again():
            return waiting.pop() if waiting else await receive()

        return await self.app(scope, again, send)


def _length(scope):
    for name, value in scope["headers"]:
        if name.lower() == b"content-length" and value.isdigit():
            return int(value)
    return None


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
    headers = {**HEADERS, "cache-control": "no-store"} if "/file=" in path else HEADERS

    async def answer(message):
        if message["type"] == "http.response.start":
            kept = [(k, v) for k, v in message.get("headers", []) if k.lower().decode("latin-1") not in headers]
            message = {**message, "headers": kept + [(k.encode(), v.encode()) for k, v in headers.items()]}
        await send(message)

    return answer


async def _refuse(send, status, text):
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
