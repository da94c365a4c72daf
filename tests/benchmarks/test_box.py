"""One photo of every kind, colored and compared by exiftool and ImageMagick (`benchmarks/box.py` does it with 200)."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from colorize_utils.inference.colorizer import Colorizer
from colorize_utils.inference.folders import colorize_files, plan
from colorize_utils.photos.reading import find_photos

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import box
import box_photos

TOOLS = ("exiftool", "identify", "convert")


def orange(x):
    return np.broadcast_to(np.float32([0.2, 0.3]), (*x.shape[:3], 2))


@pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason="exiftool or ImageMagick is not installed")
def test_what_other_programs_see_of_every_kind_of_photo(tmp_path, monkeypatch, capsys):
    kinds = [kind for kind in box_photos.kinds() if kind[1] != ".heic"]  # needs ImageMagick with a plug-in
    turned = [(*kind[:3], index % 8 + 1 if kind[3] else 1) for index, kind in enumerate(kinds)]
    monkeypatch.setattr(box_photos, "all_turns", lambda: turned)
    labels = box_photos.write_whole(tmp_path / "box")
    outcome = colorize_files(Colorizer(orange), plan(find_photos([tmp_path / "box"]), tmp_path / "out"))
    assert outcome.failed == [] and len(outcome.written) == len(kinds) > 45
    faults = box.check(tmp_path / "box", tmp_path / "out", labels)
    assert faults == 0, capsys.readouterr().out
