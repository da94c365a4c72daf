"""What is shown while a network trains: where, how fast, how long still, losses; plain lines without a terminal."""

import sys

import pytest

from colorize_utils.training import progress
from colorize_utils.training.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that is moved by hand: ``clock[0]`` seconds."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_plain_lines_now_and_then_where_there_is_no_terminal(clock):
    said = []
    shown = Progress(said.append)
    for second in range(0, 91):  # 40 photos a second, 48,000 to see
        clock[0] = 100.0 + second
        shown.step("phase 2 of 4 (unet), epoch 3 of 8", 40 * second, 48_000 - 40 * second, {"loss": 0.25, "l1": 0.0712})
    assert said == [
        "phase 2 of 4 (unet), epoch 3 of 8, loss 0.2500 l1 0.0712",  # no pace is known yet
        "phase 2 of 4 (unet), epoch 3 of 8, 40 images/s, 20 min left, loss 0.2500 l1 0.0712",
        "phase 2 of 4 (unet), epoch 3 of 8, 40 images/s, 19 min left, loss 0.2500 l1 0.0712",
        "phase 2 of 4 (unet), epoch 3 of 8, 40 images/s, 18 min left, loss 0.2500 l1 0.0712",
    ]
    assert not any(character in line for line in said for character in "\r\n\033")


def test_the_pace_is_that_of_the_last_steps(clock):
    """Not of a slow beginning, when networks are compiled."""
    said = []
    shown, seen = Progress(said.append), 0
    for seconds, rate in ((60, 1), (400, 10)):
        for _ in range(seconds):
            clock[0] += 1
            seen += rate
            shown.step("here", seen, 6000, {})
    assert said[1].startswith("here, 1 images/s, 100 min left")
    assert said[-1].startswith("here, 10 images/s, 10 min left")


def test_on_a_terminal_one_line_is_written_over_and_lines_that_stay_come_above(clock, monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    shown = Progress()
    for tenth in range(11):
        clock[0] = 100 + tenth / 10
        shown.step("here", tenth, 60, {"loss": 0.5})
    shown.line("validated")
    shown.step("here", 11, 60, {"loss": 0.5})
    written = capsys.readouterr().out
    assert written.count("\r\033[Khere") == 3  # at most two a second
    assert written.endswith("\r\033[Kvalidated\n")
