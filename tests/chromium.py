"""A headless Chromium, steered through a pipe in its own protocol: clicks, files, downloads, pictures, requests."""

import base64
import json
import os
import shutil
import subprocess
import time

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --remote-debugging-pipe about:blank"
)
DRAWN = "document.readyState === 'complete' && document.querySelector('#samples img')?.complete"


class Chromium:
    """``with Chromium(folder) as browser``: one tab. Everything it keeps, downloads too, lies below ``folder``."""

    def __init__(self, folder, size=(1280, 900)):
        self.folder, self.size, self.requests, self.downloads, self.complaints = folder, size, [], {}, []
        self._number, self._answers, self._rest = 0, {}, b""

    def __enter__(self):
        program = next(filter(None, map(shutil.which, NAMES)), None)
        if os.name == "nt" or not program:
            pytest.skip("no chromium on the path (apt-get install chromium)")
        (self.folder / "downloads").mkdir(parents=True)
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()

        def as_three_and_four():  # the numbers that --remote-debugging-pipe reads from and writes to
            first, second = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(first, 3), os.dup2(second, 4)

        command = [program, f"--user-data-dir={self.folder / 'profile'}", *FLAGS.split()]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(command, close_fds=False, preexec_fn=as_three_and_four, **quiet)  # noqa: PLW1509
        os.close(theirs_in), os.close(theirs_out)
        os.set_blocking(self._in, False)
        self._session = None
        tab = next(t for t in self.tell("Target.getTargets")["targetInfos"] if t["type"] == "page")["targetId"]
        self._session = self.tell("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
        for domain in ("Page", "DOM", "Network", "Runtime", "Log"):
            self.tell(f"{domain}.enable")
        place = str(self.folder / "downloads")
        self.tell("Browser.setDownloadBehavior", behavior="allow", downloadPath=place, eventsEnabled=True)
        self.resize(*self.size)
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        os.close(self._in), os.close(self._out)

    def tell(self, method, **params):
        """Send a command, wait for its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session and not method.startswith(("Target.", "Browser.")):
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        number, end = self._number, time.monotonic() + 60
        while number not in self._answers:
            self._listen()
            assert time.monotonic() < end, f"Chromium does not answer {method}"
        answer = self._answers.pop(number)
        assert "error" not in answer, (method, answer)
        return answer["result"]

    def _listen(self, wait=0.02):
        try:
            data = os.read(self._in, 1 << 20)
        except BlockingIOError:
            time.sleep(wait)
            return
        assert data, "Chromium has ended"
        *whole, self._rest = (self._rest + data).split(b"\0")
        for message in map(json.loads, whole):
            if "id" in message:
                self._answers[message["id"]] = message
            else:
                self._note(message["method"], message["params"])

    def _note(self, method, params):
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Network.webSocketCreated":
            self.requests.append(params["url"])
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(params["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"].get("exception", {}).get("description")))
        elif method == "Browser.downloadWillBegin":
            self.downloads[params["guid"]] = params["suggestedFilename"], False
        elif method == "Browser.downloadProgress" and params["state"] == "completed":
            self.downloads[params["guid"]] = self.downloads[params["guid"]][0], True

    def resize(self, width, height, mobile=False, dark=False):
        """Another window: a phone's has the pixels, and the fingers, of a phone."""
        scale = 2 if mobile else 1
        size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": mobile}
        self.tell("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.tell("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, address):
        """Go to a page and wait until Gradio has drawn it."""
        self.tell("Page.navigate", url=address)
        self.until(DRAWN)

    def run(self, script):
        """The value of a JavaScript expression."""
        found = self.tell("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, script, seconds=120, every=0.05):
        """Wait until a JavaScript expression is true, asking every so many seconds; its value."""
        end = time.monotonic() + seconds
        while not (value := self.run(f"(() => {{ const v = {script}; return v instanceof Node ? true : v }})()")):
            assert time.monotonic() < end, f"never came true: {script}\n{self.run('document.body.innerText')}"
            self._listen(every)
        return value

    def give_files(self, paths, selector="#drop input[type=file]"):
        """Choose files for an upload, as the dialog does."""
        root = self.tell("DOM.getDocument")["root"]["nodeId"]
        node = self.tell("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.tell("DOM.setFileInputFiles", nodeId=node, files=[str(path) for path in paths])

    def drop_files(self, paths, selector="#drop"):
        """Drag files from the desktop onto an element."""
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        x, y = self._middle(selector)
        for kind in ("dragEnter", "dragOver", "drop"):
            self.tell("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)

    def click(self, selector, at=(0.5, 0.5)):
        """Click an element with the mouse, at a share of its width and height."""
        x, y = self._middle(selector, at)
        for kind in ("mousePressed", "mouseReleased"):
            self.tell("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def _middle(self, selector, at=(0.5, 0.5)):
        x, y = at
        name = json.dumps(selector)
        return self.run(
            f"(() => {{ const e = document.querySelector({name}); e.scrollIntoView({{block: 'center'}});"
            f"const r = e.getBoundingClientRect(); return [r.x + {x} * r.width, r.y + {y} * r.height] }})()"
        )

    def picture(self, path):
        """Write a picture of the whole page, as .png."""
        height = self.run("document.documentElement.scrollHeight")
        width = self.run("window.innerWidth")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        data = self.tell("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(data))

    def downloaded(self, count, seconds=60):
        """Wait for ``count`` downloads -> name -> path."""
        end = time.monotonic() + seconds
        while sum(done for _, done in self.downloads.values()) < count:
            self._listen()
            assert time.monotonic() < end, self.downloads
        return {name: self.folder / "downloads" / name for name, _ in self.downloads.values()}
