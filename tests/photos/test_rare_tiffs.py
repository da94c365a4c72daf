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


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("layout", ["grey", "rgb", "separate", "alpha"])
def test_floats_of_every_precision_are_read(tmp_path, dtype, layout):
    data = (DEEP / 65535).astype(dtype)
    if layout == "grey":
        path, seen = tif(tmp_path / "a.tif", data[..., 0], photometric="minisblack"), data[..., :1].repeat(3, axis=-1)
    elif layout == "alpha":
        path, seen = tif(tmp_path / "a.tif", data, photometric="rgb", extrasamples=["unassalpha"]), data[..., :3]
    else:
        seen = data[..., :3]
        planes = np.ascontiguousarray(seen.transpose(2, 0, 1)) if layout == "separate" else seen
        path = tif(
            tmp_path / "a.tif", planes, photometric="rgb", **({"planarconfig": layout} if planes is not seen else {})
        )
    photo = read_photo(path)
    np.testing.assert_allclose(photo.rgb, seen, atol=1e-7)
    assert photo.notes == ["its values are floats; they are taken as sRGB"]
    assert (photo.bits, photo.was_grey) == (16, layout == "grey")
    if layout == "alpha":
        np.testing.assert_allclose(photo.alpha, data[..., 3], atol=1e-7)


def test_floats_beyond_0_to_1_are_refused_in_color_too(tmp_path):
    for bad in (np.nan, 1.5, -0.1):
        data = np.full((5, 6, 3), 0.5, np.float32)
        data[2, 3, 1] = bad
        with pytest.raises(ColorizeError, match=r"expected float values in 0\.\.1"):
            read_photo(tif(tmp_path / "a.tif", data, photometric="rgb"))


@pytest.mark.parametrize("orientation", [1, 6])
def test_16_bit_grey_with_alpha_in_a_tiff(tmp_path, orientation):
    data = np.ascontiguousarray(DEEP[..., :2])
    more = {"extratags": [(274, "H", 1, orientation, True)], "extrasamples": ["unassalpha"], "planarconfig": "contig"}
    photo = read_photo(tif(tmp_path / "a.tif", data, photometric="minisblack", **more), codes=True)
    seen = data if orientation == 1 else data.swapaxes(0, 1)[:, ::-1]
    assert photo.was_grey and np.array_equal(photo.rgb, seen[..., 0]) and np.array_equal(photo.alpha, seen[..., 1])


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (DEEP[..., :3].astype(np.uint32), {"photometric": "rgb"}, "8 or 16 bits, or floats, got RGB of 32"),
        (DEEP[..., :3], {"photometric": "cielab"}, "grey or RGB of 8 or 16 bits, or floats, got CIELAB of 16"),
    ],
)
def test_other_tiffs_are_named_for_what_they_are(tmp_path, data, options, message):
    with pytest.raises(ColorizeError, match=message) as caught:
        read_photo(tif(tmp_path / "a.tif", data, **options))
    assert caught.value.status == 1


@pytest.mark.parametrize("options", [{"photometric": "rgb", "planarconfig": "separate"}, {"photometric": "cielab"}])
def test_a_compression_that_tifffile_has_not_is_named(tmp_path, options):
    """LZW, as an archive's scanners write it, in planes or in a space of its own."""
    data = np.ascontiguousarray(DEEP[..., :3].transpose(2, 0, 1)) if "planarconfig" in options else DEEP[..., :3]
    path = tif(tmp_path / "a.tif", data, **options)
    with tifffile.TiffFile(path) as file:
        place = file.pages[0].tags[259].valueoffset
    written = bytearray(path.read_bytes())
    written[place] = 5
    path.write_bytes(written)
    with pytest.raises(ColorizeError, match="pip install imagecodecs|got CIELAB of 16"):
        read_photo(path)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colors_multiplied_by_alpha_are_divided_again(tmp_path, dtype):
    highest = np.iinfo(dtype).max
    rgb = RNG.integers(0, highest + 1, (12, 17, 3)).astype(dtype)
    alpha = RNG.integers(highest // 2, highest + 1, (12, 17)).astype(dtype)
    multiplied = np.rint(rgb * (alpha[..., None] / highest)).astype(dtype)
    path = tif(tmp_path / "a.tif", np.dstack([multiplied, alpha]), photometric="rgb", extrasamples=["assocalpha"])
    photo = read_photo(path, codes=True)
    assert np.array_equal(photo.alpha, alpha)
    assert np.abs(photo.rgb.astype(int) - rgb).max() <= 2


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
