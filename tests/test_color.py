"""Color against outside authorities: published values, scikit-image, OpenCV; and the promises of gamut mapping."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage import color as oracle

from colorize_utils import color

CUBE = (
    np.stack(np.meshgrid(*[np.arange(0, 256, 5)] * 3, indexing="ij"), axis=-1).reshape(-1, 3).astype(np.float32) / 255
)
COLORS = hnp.arrays(np.float32, (20, 3), elements=st.floats(0, 1, width=32))

# Bruce Lindbloom's calculator (brucelindbloom.com), sRGB, D65, no adaptation: RGB 0..255 -> Lab.
LINDBLOOM = [
    ((255, 0, 0), (53.2408, 80.0925, 67.2032)),
    ((0, 255, 0), (87.7347, -86.1827, 83.1793)),
    ((0, 0, 255), (32.2970, 79.1875, -107.8602)),
    ((255, 255, 0), (97.1393, -21.5537, 94.4780)),
    ((0, 255, 255), (91.1132, -48.0875, -14.1312)),
    ((255, 0, 255), (60.3242, 98.2343, -60.8249)),
    ((128, 128, 128), (53.5850, 0.0, 0.0)),
    ((255, 255, 255), (100.0, 0.0, 0.0)),
    ((0, 0, 0), (0.0, 0.0, 0.0)),
]


@pytest.mark.parametrize(("rgb", "lab"), LINDBLOOM)
def test_golden_values(rgb, lab):
    # 0.02: the tabulated D65 white differs from the sum of the primaries in the fourth digit.
    np.testing.assert_allclose(color.rgb_to_lab(np.array(rgb) / 255), lab, atol=0.02)


def test_against_scikit_image():
    np.testing.assert_allclose(color.rgb_to_lab(CUBE), oracle.rgb2lab(CUBE), atol=0.02)


def test_against_opencv_float():
    other = cv2.cvtColor(CUBE[None], cv2.COLOR_RGB2LAB)[0]
    np.testing.assert_allclose(color.rgb_to_lab(CUBE), other, atol=0.5)


def test_codes_are_opencvs():
    codes = color.encode_lab8(color.rgb_to_lab(CUBE))
    other = cv2.cvtColor(np.rint(CUBE * 255).astype(np.uint8)[None], cv2.COLOR_RGB2LAB)[0]
    difference = np.abs(codes.astype(int) - other)
    # OpenCV computes its 8-bit codes with tables in whole numbers, so it is not the nearest code everywhere.
    assert difference.max() <= 2
    assert (difference > 1).mean() < 0.01


def test_the_gamut_in_codes_is_the_one_measured_in_the_kaggle_set():
    codes = color.encode_lab8(color.rgb_to_lab(CUBE))
    assert (codes[:, 1].min(), codes[:, 1].max()) == (42, 226)
    assert (codes[:, 2].min(), codes[:, 2].max()) == (20, 222)  # 222.48; OpenCV's tables say 223
    assert np.array_equal(color.encode_lab8([[0.0, 0, 0], [100, 0, 0]]), [[0, 128, 128], [255, 128, 128]])


def test_greys_have_no_color_at_all():
    greys = np.repeat(np.linspace(0, 1, 1001)[:, None], 3, axis=1)
    assert np.abs(color.rgb_to_lab(greys)[:, 1:]).max() < 1e-3


def test_round_trip_over_the_cube():
    back = color.lab_to_rgb(color.rgb_to_lab(CUBE))
    assert np.abs(back - CUBE).max() < 1 / 255 / 10


@given(COLORS)
def test_round_trip_of_any_color(rgb):
    assert np.abs(color.lab_to_rgb_unbounded(color.rgb_to_lab(rgb)) - rgb).max() < 1e-4


@given(hnp.arrays(np.uint8, (4, 4, 3)))
def test_codes_come_back(codes):
    assert np.array_equal(color.encode_lab8(color.decode_lab8(codes)), codes)


def test_stored_colors_of_photos_keep_their_chroma():
    """The corners of the RGB cube come back from 8-bit codes within what 8 bits lose; yellow is not bleached."""
    corners = np.array([[r, g, b] for r in (0, 1) for g in (0, 1) for b in (0, 1)], np.float32)
    back = color.lab8_to_rgb(color.encode_lab8(color.rgb_to_lab(corners)))
    assert np.abs(back - corners).max() < 26.5 / 255
    assert (
        np.abs(color.lab_to_rgb(color.decode_lab8(color.encode_lab8(color.rgb_to_lab(corners)))) - corners).max() > 0.5
    )


def test_normalization_is_symmetric_and_inside():
    lab = color.rgb_to_lab(CUBE)
    normalized_l, ab = color.normalize(lab)
    assert normalized_l.shape == (*CUBE.shape[:-1], 1)
    assert ab.shape == (*CUBE.shape[:-1], 2)
    assert -1 <= normalized_l.min() and normalized_l.max() <= 1.0001
    assert np.abs(ab).max() < 1
    np.testing.assert_allclose(color.denormalize(normalized_l, ab), lab, atol=1e-4)
    assert np.array_equal(color.denormalize(np.zeros((1, 1)), np.zeros((1, 2))), [[50, 0, 0]])


def test_codes_are_normalized_like_what_they_stand_for():
    codes = color.encode_lab8(color.rgb_to_lab(CUBE))
    direct = color.normalize_lab8(codes.astype(np.float32))
    through = color.normalize(color.decode_lab8(codes))
    for a, b in zip(direct, through, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert np.array_equal(color.normalize_lab8(np.array([[255.0, 128, 128]]))[1], [[0, 0]])


@given(hnp.arrays(np.float32, (30, 3), elements=st.floats(0, 1, width=32)))
def test_gamut_mapping_keeps_lightness_and_hue(unit):
    lab = unit * np.float32([100, 260, 260]) - np.float32([0, 130, 130])
    fitted = color.fit_gamut(lab)
    assert np.array_equal(fitted[:, 0], lab[:, 0])
    # Same direction in the ab plane: the cross product vanishes, the dot product is not negative.
    cross = fitted[:, 1] * lab[:, 2] - fitted[:, 2] * lab[:, 1]
    assert np.abs(cross).max() < 1e-2 * 170
    assert (fitted[:, 1] * lab[:, 1] + fitted[:, 2] * lab[:, 2]).min() >= 0
    rgb = color.lab_to_rgb_unbounded(fitted)
    assert rgb.min() > -5e-5
    assert rgb.max() < 1 + 5e-5
    seen = oracle.rgb2lab(color.lab_to_rgb(lab))[:, 0]
    assert np.abs(seen - lab[:, 0]).max() < 0.05


def test_gamut_mapping_takes_no_more_chroma_than_it_must():
    lab = np.array([[50, 120, 0], [50, 0, -120], [80, -120, 60], [97, 30, 30]], np.float32)
    fitted = color.fit_gamut(lab)
    slightly_more = fitted * np.float32([1, 1.01, 1.01])
    rgb = color.lab_to_rgb_unbounded(slightly_more)
    assert np.all((rgb.min(axis=1) < -1e-4) | (rgb.max(axis=1) > 1 + 1e-4))


def test_colors_inside_the_gamut_are_left_alone():
    lab = color.rgb_to_lab(CUBE)
    np.testing.assert_array_equal(color.fit_gamut(lab), lab)


def test_join_keeps_lightness_to_half_a_step_in_8_and_16_bit():
    rng = np.random.default_rng(0)
    plane = rng.uniform(0, 100, (64, 64)).astype(np.float32)
    rgb = color.join(plane, rng.uniform(-110, 110, (64, 64, 2)).astype(np.float32))
    for levels, limit in ((255, 0.5), (65535, 0.005)):
        stored = np.rint(rgb * levels) / levels
        assert np.abs(oracle.rgb2lab(stored)[..., 0] - plane).max() < limit


def test_lightness_and_grey_are_inverse():
    plane = np.linspace(0, 100, 501, dtype=np.float32)
    grey = color.grey_from_lightness(plane)
    np.testing.assert_allclose(color.lightness(np.repeat(grey[:, None], 3, axis=1)), plane, atol=1e-3)
    np.testing.assert_allclose(color.lightness_from_grey(grey), plane, atol=1e-3)
    np.testing.assert_allclose(color.lightness(CUBE), oracle.rgb2lab(CUBE)[:, 0], atol=0.01)


def test_luma_is_bt601_and_not_lightness():
    np.testing.assert_allclose(color.luma(CUBE), CUBE @ np.array([0.299, 0.587, 0.114]), atol=1e-6)
    gap = np.abs(color.luma(CUBE) * 255 - color.lightness(CUBE) * 2.55)
    assert gap.mean() == pytest.approx(19.6, abs=0.5)  # measured over the sRGB cube; at most 74
    assert gap.max() == pytest.approx(74, abs=1)


def test_luma_and_ab_give_the_lightness_back():
    lab = color.rgb_to_lab(CUBE)
    found = color.luma_to_lightness(color.luma(CUBE), lab[:, 1:])
    assert np.abs(found - lab[:, 0]).max() < 0.01


def test_shapes_and_types_are_kept():
    for shape in ((3,), (5, 3), (2, 4, 5, 3)):
        for function in (color.rgb_to_lab, color.lab_to_rgb, color.fit_gamut):
            result = function(np.full(shape, 0.5))
            assert result.shape == shape
            assert result.dtype == np.float32
