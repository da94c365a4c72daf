"""Contact sheets: the right photos, in the right places."""

import numpy as np
import pytest
from PIL import Image

from colorize_utils.evaluation import sheets


def flat(value, shape=(20, 30)):
    return np.full((*shape, 3), value, np.uint8)


def test_a_thumbnail_keeps_the_aspect_and_fills_with_paper():
    tile = sheets.thumbnail(flat(10, (20, 40)), 16)
    assert tile.shape == (16, 16, 3)
    assert (tile[4:12] == 10).all()
    assert (tile[:4] == sheets.thumbnail(flat(10, (20, 40)), 16)[0, 0]).all()
    assert sheets.thumbnail(flat(10, (1, 300)), 16).shape == (16, 16, 3)


def test_groups_stand_in_their_places():
    groups = [[flat(10 * i, (8, 8)), flat(10 * i + 5, (8, 8))] for i in range(1, 4)]
    sheet = sheets.contact_sheet(groups, side=32, columns=2)
    for value in (10, 15, 20, 25, 30, 35):
        assert (sheet == value).all(axis=-1).sum() >= 32 * 32
    rows, columns = np.nonzero((sheet == 30).all(axis=-1))
    assert columns.min() == np.nonzero((sheet == 10).all(axis=-1))[1].min()
    assert rows.min() > np.nonzero((sheet == 25).all(axis=-1))[0].max()


def test_words_are_drawn_and_long_ones_cut():
    bare = sheets.contact_sheet([[flat(10)]], side=64)
    worded = sheets.contact_sheet([[flat(10)]], ["grey"], ["a long caption ΔE " * 9], "title", side=64)
    assert worded.shape[0] > bare.shape[0]
    assert worded.shape[1] == bare.shape[1]
    assert (worded < 100).any()


def test_uneven_groups_are_refused():
    with pytest.raises(ValueError, match="equally many"):
        sheets.contact_sheet([[flat(1)], [flat(1), flat(2)]])


def test_choices_by_error_and_by_color():
    error = np.array([5.0, 1, np.nan, 3, 2, 4])
    extra = np.array([0.0, -9, np.nan, 9, 1, 2])
    chosen = sheets.choices(error, extra, shown=2)
    assert chosen == {
        "best": [1, 4], "median": [4, 3], "worst": [0, 5], "desaturated": [1, 0], "oversaturated": [3, 5],
    }  # fmt: skip
    assert sheets.choices(np.full(3, np.nan), np.full(3, np.nan))["best"] == []


def test_a_spread_runs_from_easy_to_hard():
    chosen = sheets.spread(np.arange(100)[::-1].astype(float), 5)
    assert chosen[0] == 99
    assert chosen[-1] == 0
    assert len(chosen) == 5
    assert sheets.spread(np.array([2.0, 1.0]), 12) == [1, 0]
    assert sheets.spread(np.array([np.nan])) == []


def test_a_saved_sheet_can_be_read_back(tmp_path):
    sheet = sheets.contact_sheet([[flat(10)]], side=64)
    sheets.save_sheet(tmp_path / "new" / "sheet.jpg", sheet)
    assert np.abs(np.array(Image.open(tmp_path / "new" / "sheet.jpg")).astype(int) - sheet).max() < 12
