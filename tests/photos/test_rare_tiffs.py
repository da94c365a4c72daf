"""What few programs write: torn PNGs, alpha of every kind, floats, grey profiles beside alpha."""

import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from test_deep_color import TABLE, _profile

from colorize_utils.errors import ColorizeError
from colorize_utils.photos.reading import Photo, read_photo, write_photo

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (12, 17, 3), dtype=np.uint8)
ALPHA = RNG.integers(1, 256, (12, 17), dtype=np.uint8)
DEEP = RNG.integers(0, 65536, (12, 17, 4), dtype=np.uint16)


def tif(path, data, **options):
    tifffile.imwrite(path, data, metadata=None, **options)
    return path


@pytest.mark.parametrize("bits", [8, 16])
def test_a_fourth_channel_of_a_tiff_is_called_alpha(tmp_path, bits):
    rgba = DEEP if bits == 16 else np.dstack([RGB, ALPHA])
    write_photo(tmp_path / "a.tif", rgba[..., :3], like=Photo(None, bits=bits, alpha=rgba[..., 3]))
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.pages[0].extrasamples == (2,)
    if bits == 16:
        assert np.array_equal(cv2.imread(str(tmp_path / "a.tif"), cv2.IMREAD_UNCHANGED)[..., [2, 1, 0, 3]], rgba)
    else:  # which OpenCV multiplies by alpha
        assert np.array_equal(np.asarray(Image.open(tmp_path / "a.tif")), rgba)


def test_alpha_of_a_bmp_is_kept(tmp_path):
    write_photo(tmp_path / "a.bmp", RGB, like=Photo(None, alpha=ALPHA, dpi=(300, 600)))
    photo = read_photo(tmp_path / "a.bmp", codes=True)
    assert np.array_equal(photo.rgb, RGB) and np.array_equal(photo.alpha, ALPHA)
    assert photo.dpi == pytest.approx((300, 600), abs=0.1)
    assert np.array_equal(cv2.imread(str(tmp_path / "a.bmp"), cv2.IMREAD_COLOR)[..., ::-1], RGB)


def test_a_webp_keeps_what_is_seen_through(tmp_path):
    alpha = np.where(ALPHA < 128, 0, ALPHA)
    write_photo(tmp_path / "a.webp", RGB, like=Photo(None, alpha=alpha))
    photo = read_photo(tmp_path / "a.webp", codes=True)
    assert np.array_equal(photo.rgb, RGB) and np.array_equal(photo.alpha, alpha)


@pytest.mark.parametrize("bits", [8, 16])
def test_one_grey_of_a_png_may_be_seen_through(tmp_path, bits):
    grey = np.arange(12 * 17, dtype=np.uint16 if bits == 16 else np.uint8).reshape(12, 17)
    png = cv2.imencode(".png", grey)[1].tobytes()
    clear = b"tRNS" + struct.pack(">H", 50)
    png = png[:33] + struct.pack(">I", 2) + clear + struct.pack(">I", zlib.crc32(clear)) + png[33:]
    (tmp_path / "a.png").write_bytes(png)
    photo = read_photo(tmp_path / "a.png", codes=True)
    assert photo.was_grey and np.array_equal(photo.rgb, grey)
    assert np.array_equal(photo.alpha, np.where(grey == 50, 0, 2**bits - 1))


def test_a_grey_profile_beside_alpha_is_used(tmp_path):
    profile = _profile(b"GRAY", TABLE)
    grey = Image.fromarray(RGB).convert("L")
    both = grey.copy()
    both.putalpha(Image.fromarray(ALPHA))
    both.save(tmp_path / "both.png", icc_profile=profile)
    grey.save(tmp_path / "grey.png", icc_profile=profile)
    photo, alone = read_photo(tmp_path / "both.png", codes=True), read_photo(tmp_path / "grey.png", codes=True)
    assert photo.notes == [] and photo.was_grey and np.array_equal(photo.alpha, ALPHA)
    assert np.array_equal(photo.rgb, alone.rgb) and np.abs(photo.rgb.astype(int) - np.asarray(grey)).mean() > 5


@pytest.mark.parametrize("bits", [8, 16])
def test_a_torn_png_is_refused(tmp_path, bits):
    """Pillow shows what came of it: rubbish from the torn place on."""
    big = np.repeat(np.repeat(RGB, 8, axis=0), 8, axis=1)
    png = bytearray(cv2.imencode(".png", big if bits == 8 else big.astype(np.uint16) * 257)[1].tobytes())
    for at in (len(png) // 3, len(png) - 30):
        torn = bytearray(png)
        torn[at] ^= 255
        (tmp_path / "a.png").write_bytes(torn)
        with pytest.raises(ColorizeError, match="expected a whole photo"):
            read_photo(tmp_path / "a.png")


def test_a_png_without_its_last_chunk_is_a_photo(tmp_path):
    png = cv2.imencode(".png", RGB)[1].tobytes()
    (tmp_path / "a.png").write_bytes(png[:-12])
    assert np.array_equal(read_photo(tmp_path / "a.png", codes=True).rgb, RGB[..., ::-1])
