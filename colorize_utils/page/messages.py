"""What the page's own script asks the server for, told from what nobody's click can send.

Gradio makes sense of a message only while it works on it, and answers one that has none with an error of its own on the
terminal. So a message is compared, before, with what Gradio's ``config`` says of the page.
"""

import os
from pathlib import Path

from ..errors import ColorizeError
from .session import hex_color
from .uploads import Refused

MADE_UP = "expected a request as this page makes it"
PLACED = ("add_sample", "hint", "look")  # handlers that want to know where was clicked


class Messages:
    """The handlers of a page by what ``config`` (Gradio's) says of it. uploads: the folder that files may come from."""

    def __init__(self, config, uploads):
        parts = {part["id"]: part for part in config["components"]}
        handlers = (event for event in config["dependencies"] if event["backend_fn"])
        self.uploads = Path(uploads)
        self.known = {event["id"]: (event["api_name"], [parts[k] for k in event["inputs"]]) for event in handlers}

    def check(self, message):
        """`Refused` (400) unless the JSON of a request asks one of the handlers for something it can do."""
        number, values = (message.get(name) if isinstance(message, dict) else None for name in ("fn_index", "data"))
        if type(number) is not int or number not in self.known:
            raise Refused(400, MADE_UP)
        name, parts = self.known[number]
        fits = isinstance(values, list) and len(values) == len(parts) and isinstance(message.get("session_hash"), str)
        if not (fits and all(map(self._fits, parts, values))):
            raise Refused(400, MADE_UP)
        if name in PLACED and not _is_place(message.get("event_data"), pair=name == "hint"):
            raise Refused(400, MADE_UP)

    def _fits(self, part, value):
        kind, props = part["type"], part["props"]
        if kind == "slider":
            return _is_number(value) and props["minimum"] <= value <= props["maximum"]
        if kind == "colorpicker":
            return _is_color(value)
        if kind == "file":
            return value is None or isinstance(value, list) and all(map(self._is_upload, value))
        return True  # what the server keeps of a visitor: what is sent in its place is not looked at

    def _is_upload(self, file):
        path = file.get("path") if isinstance(file, dict) else None
        if not isinstance(path, str) or "\0" in path:
            return False
        texts = (file.get(name) for name in ("url", "orig_name", "mime_type"))
        usual = all(text is None or isinstance(text, str) for text in texts)
        usual = usual and (file.get("size") is None or _is_number(file["size"]))
        return usual and self.uploads in Path(os.path.abspath(path)).parents and os.path.isfile(path)


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_color(value):
    try:
        return isinstance(value, str) and bool(hex_color(value))
    except ColorizeError:
        return False


def _is_place(event, pair):
    """Whether what came with a click tells of a place: a number, or a pair of them in a picture."""
    if not isinstance(event, dict) or not {"index", "value"} <= set(event):
        return False
    index = event["index"]
    return isinstance(index, list) and len(index) == 2 and all(map(_is_number, index)) if pair else _is_number(index)
