"""A page that is served by a process of its own, by the command `app`, with a stand-in for the trained model."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Everything becomes a little orange. Every host that anything in the process asks the address of is written down.
SERVER = """
import socket, sys
asked, ask = open(sys.argv[1], "a", buffering=1), socket.getaddrinfo
def getaddrinfo(host, *args, **more):
    print(host, file=asked)
    return ask(host, *args, **more)
socket.getaddrinfo = getaddrinfo
import numpy as np
from colorize_utils import cli
from colorize_utils.commands import colorize as command
from colorize_utils.inference.colorizer import Colorizer
orange = lambda x: np.broadcast_to(np.float32([0.2, 0.3]), (*x.shape[:3], 2))
command.load_colorizer = lambda model, *_: Colorizer(orange, {"name": "stub", "version": "1"})
sys.exit(cli.main(["app", *sys.argv[2:]]))
"""


class Server:
    """``address`` of the page, the hosts it ``asked`` for, the folder that its temporary files are in."""

    def __init__(self, folder, *options):
        self.asked_file, self.temporary = folder / "asked.txt", folder / "tmp"
        self.temporary.mkdir()
        self._log = open(folder / "log.txt", "w+", encoding="utf-8")  # noqa: SIM115
        environment = {**os.environ, "TMPDIR": str(self.temporary), "TEMP": str(self.temporary)}
        command = [sys.executable, "-c", SERVER, str(self.asked_file), *options]
        output = {"stdout": self._log, "stderr": subprocess.STDOUT}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, **output)
        end = time.monotonic() + 300
        while not (found := re.search(r"the page is at (\S+) ", self.said())):
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                raise AssertionError(f"the page was not served: {self.said()}")
            time.sleep(0.1)
        self.address = found[1]

    def said(self):
        """What it has written to the terminal."""
        return Path(self._log.name).read_text(encoding="utf-8")

    @property
    def asked(self):
        return set(self.asked_file.read_text(encoding="utf-8").split())

    def stop(self, how=signal.SIGTERM):
        """Tell it to end; its exit status."""
        self.process.send_signal(how)
        try:
            return self.process.wait(120)
        finally:
            self.process.kill()
            self._log.close()


@contextmanager
def serving(folder, *options):
    server = Server(folder, *options)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()
