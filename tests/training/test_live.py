"""The view that is drawn anew in place in a notebook; everywhere else plain lines."""

import io
import types

import numpy as np
import pytest
from PIL import Image

from colorize_utils.training import live, progress
from colorize_utils.training.live import Live, progress_of
from colorize_utils.training.progress import Progress, write_history


@pytest.fixture
def notebook(monkeypatch):
    """A kernel that notes what is displayed, and what takes its place -> (list of pictures, a clock)."""
    shown, now = [], [100.0]
    handle = types.SimpleNamespace(update=lambda picture: shown.append(("update", picture.data)))

    def display(picture, display_id):
        assert display_id
        shown.append(("new", picture.data))
        return handle

    monkeypatch.setattr("IPython.get_ipython", lambda: types.SimpleNamespace(kernel=object()))
    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return shown, now


def test_one_picture_is_drawn_anew_in_place(notebook, tmp_path, capsys):
    shown, now = notebook
    view = progress_of(print, tmp_path, live=True)
    for second in range(21):
        now[0] = 100.0 + second
        view.step("phase 2 of 4 (unet), epoch 1 of 2", 8 * second, 80, {"loss": 0.2, "l1": 0.2}, (second, 30))
    assert [kind for kind, _ in shown] == ["new"] + ["update"] * 4  # every five seconds
    assert capsys.readouterr().out == ""
    (tmp_path / "2-unet" / "samples").mkdir(parents=True)
    red = np.full((48, 128, 3), (255, 0, 0), np.uint8)
    Image.fromarray(red).save(tmp_path / "2-unet" / "samples" / "epoch-001.png")
    write_history(tmp_path / "history.csv", [{"images": 80, "val_l1": 0.1, "val_grey": 0.15}])
    view.line("phase 2 of 4 (unet), epoch 1 of 2, step 10: validation |ab| 0.1000")
    assert "validation |ab| 0.1000" in capsys.readouterr().out  # lines that stay are printed as ever
    before, after = (np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int) for _, data in shown[-2:])
    reddish = [int(((p[..., 0] > 200) & (p[..., 1] < 60) & (p[..., 2] < 60)).sum()) for p in (before, after)]
    assert reddish[0] < 100 < 5000 < reddish[1]


def test_lines_where_there_is_no_notebook_or_nobody_asked(notebook, tmp_path, monkeypatch):
    assert type(progress_of(print, tmp_path)) is Progress
    assert type(progress_of([].append, tmp_path, live=True)) is Progress
    assert type(progress_of(print, tmp_path, live=True)) is Live
    monkeypatch.setattr("IPython.get_ipython", lambda: None)
    assert type(progress_of(print, tmp_path, live=True)) is Progress
    assert not live.in_notebook()
