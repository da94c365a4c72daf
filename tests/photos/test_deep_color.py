"""16 bits a channel: exact through every layout of TIFF and PNG, profiles against littleCMS, metadata kept."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
import skimage
import tifffile
from PIL import Image, ImageCms

from colorize_utils import cli
from colorize_utils.commands import colorize
from colorize_utils.errors import ColorizeError
from colorize_utils.inference.colorizer import Colorizer
from colorize_utils.photos import tiff
from colorize_utils.photos.icc import deep_to_srgb
from colorize_utils.photos.reading import Photo, read_photo, write_photo

RNG = np.random.default_rng(0)
COLOR = RNG.integers(0, 65536, (12, 17, 3), dtype=np.uint16)
GREY = RNG.integers(0, 65536, (12, 17), dtype=np.uint16)


def _values(photo):
    return np.rint(photo.rgb * 65535).astype(np.uint16)


@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"byteorder": ">"},
        {"bigtiff": True},
        {"tile": (16, 16)},
        {"compression": "zlib"},
        {"rowsperstrip": 5},
        {"planarconfig": "separate"},
    ],
    ids=str,
)
def test_every_layout_of_a_16_bit_tiff_is_read_exactly(tmp_path, layout):
    """Written by tifffile. Pillow and OpenCV shuffle the values of separate planes without a word."""
    data = np.ascontiguousarray(COLOR.transpose(2, 0, 1)) if "planarconfig" in layout else COLOR
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="rgb", metadata=None, **layout)
    photo = read_photo(tmp_path / "a.tif")
    assert photo.bits == 16
    assert np.array_equal(_values(photo), COLOR)


def test_of_several_pages_the_first_is_read(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.stack([COLOR, 65535 - COLOR]), photometric="rgb", metadata=None)
    assert np.array_equal(_values(read_photo(tmp_path / "a.tif")), COLOR)


def test_counting_from_white_is_undone(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", GREY, photometric="miniswhite", metadata=None)
    photo = read_photo(tmp_path / "a.tif")
    assert photo.was_grey
    assert np.array_equal(_values(photo)[..., 0], 65535 - GREY)


def _oriented(data, orientation):
    """What TIFF 6.0 says of tag 274: where row 0 and column 0 of the stored picture are when it is seen upright."""
    seen = {
        1: data,
        2: data[:, ::-1],
        3: data[::-1, ::-1],
        4: data[::-1],
        5: data.swapaxes(0, 1),
        6: data.swapaxes(0, 1)[:, ::-1],
        7: data[::-1, ::-1].swapaxes(0, 1),
        8: data.swapaxes(0, 1)[::-1],
    }
    return seen[orientation]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["rgb", "minisblack", "separate"])
def test_a_16_bit_tiff_is_turned_once(tmp_path, kind, orientation):
    """OpenCV turns TIFFs itself, tifffile does not: either way once."""
    tag = {"extratags": [(274, "H", 1, orientation, True)], "metadata": None}
    if kind == "separate":
        planes = np.ascontiguousarray(COLOR.transpose(2, 0, 1))
        tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate", **tag)
    else:
        tifffile.imwrite(tmp_path / "a.tif", GREY if kind == "minisblack" else COLOR, photometric=kind, **tag)
    data = np.repeat(GREY[..., None], 3, axis=-1) if kind == "minisblack" else COLOR
    assert np.array_equal(_values(read_photo(tmp_path / "a.tif")), _oriented(data, orientation))


def _png(color_type, data, **chunks):
    """A 16-bit PNG written by hand from (H, W) or (H, W, channels)."""
    height, width = data.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in data)
    body = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0))]
    body += [(name.encode(), value) for name, value in chunks.items()]
    body += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(v)) + k + v + struct.pack(">I", zlib.crc32(k + v)) for k, v in body
    )


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_16_bit_png_is_turned_once(tmp_path, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    (tmp_path / "a.png").write_bytes(_png(2, COLOR, eXIf=exif.tobytes().removeprefix(b"Exif\0\0")))
    assert np.array_equal(_values(read_photo(tmp_path / "a.png")), _oriented(COLOR, orientation))


@pytest.mark.parametrize("height", [1, 255, 256, 600])
def test_alpha_is_taken_out_of_every_band(tmp_path, height):
    both = RNG.integers(0, 65536, (height, 7, 4), dtype=np.uint16)
    (tmp_path / "a.png").write_bytes(_png(6, both))
    photo = read_photo(tmp_path / "a.png", codes=True)
    assert np.array_equal(photo.rgb, both[..., :3])
    assert np.array_equal(photo.alpha, both[..., 3])


def test_16_bit_grey_with_alpha_is_grey_with_alpha(tmp_path):
    both = np.stack([GREY, GREY[::-1]], axis=-1)
    (tmp_path / "a.png").write_bytes(_png(4, both))
    photo = read_photo(tmp_path / "a.png")
    assert photo.was_grey
    assert np.array_equal(_values(photo)[..., 0], GREY)
    assert np.array_equal(np.rint(photo.alpha * 65535), GREY[::-1])


def test_what_cannot_be_read_at_16_bits_says_so(tmp_path):
    tifffile.imwrite(tmp_path / "deep.tif", GREY.astype(np.uint32) * 65537, photometric="minisblack", metadata=None)
    with pytest.raises(ColorizeError, match=r"deep\.tif: expected at most 16 bits a channel, got uint32"):
        read_photo(tmp_path / "deep.tif")
    tifffile.imwrite(tmp_path / "float.tif", GREY.astype(np.float32), photometric="minisblack", metadata=None)
    with pytest.raises(ColorizeError, match=r"float\.tif: expected float values in 0\.\.1"):
        read_photo(tmp_path / "float.tif")
    tifffile.imwrite(tmp_path / "fine.tif", GREY / np.float32(65535), photometric="minisblack", metadata=None)
    photo = read_photo(tmp_path / "fine.tif")
    assert np.array_equal(_values(photo)[..., 0], GREY)
    assert "floats" in photo.notes[0]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_truncated_16_bit_file_is_refused(tmp_path, suffix, capfd):
    """OpenCV alone fills up what is missing and returns a picture."""
    big = RNG.integers(0, 65536, (80, 70, 3), dtype=np.uint16)
    data = _png(2, big) if suffix == ".png" else cv2.imencode(".tif", big)[1].tobytes()
    for cut in (0.2, 0.5, 0.9):
        (tmp_path / f"a{suffix}").write_bytes(data[: int(len(data) * cut)])
        with pytest.raises(ColorizeError, match="expected a"):
            read_photo(tmp_path / f"a{suffix}")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("has_alpha", [False, True])
@pytest.mark.parametrize("strip", [1, 1000, 10**6])
def test_strips_are_read_by_others(tmp_path, monkeypatch, strip, has_alpha):
    monkeypatch.setattr(tiff, "STRIP", strip)
    rgb = RNG.integers(0, 65536, (37, 23, 3), dtype=np.uint16)
    alpha = rgb[..., 1].copy() if has_alpha else None
    with open(tmp_path / "a.tif", "x+b") as file:
        tiff.write_strips(file, rgb, alpha)
    expected = rgb if alpha is None else np.dstack([rgb, alpha])
    assert np.array_equal(tifffile.imread(tmp_path / "a.tif"), expected)
    seen = cv2.imread(str(tmp_path / "a.tif"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(seen[..., [2, 1, 0, 3][: seen.shape[2]]], expected)


def test_a_tiff_that_would_be_too_large_is_one_line_and_leaves_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tiff, "MOST", 1000)
    monkeypatch.setattr(colorize, "load_colorizer", lambda model, *_: Colorizer(lambda x: np.zeros((*x.shape[:3], 2))))
    tifffile.imwrite(tmp_path / "big.tif", RNG.integers(0, 65536, (40, 40), dtype=np.uint16), metadata=None)
    assert cli.main(["colorize", str(tmp_path / "big.tif"), "-o", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "big.tif could not be written: expected a picture that fits into the 4 GB of a TIFF" in error
    assert list((tmp_path / "out").iterdir()) == []


def _scanner(nodes=9):
    """A lut16Type (ICC.1:2022, 10.10) as scanners have: RGB of gamma 1.8 and Adobe's primaries to Lab under D50."""
    values = np.stack(np.meshgrid(*[np.linspace(0, 1, nodes)] * 3, indexing="ij"), axis=-1) ** 1.8
    lab = skimage.color.xyz2lab(values @ np.array(ADOBE), "D50")
    codes = np.clip(np.rint((lab + [0, 128, 128]) * [652.8, 256, 256]), 0, 65535).astype(int).ravel()
    head = struct.pack(">4B9i2H", 3, 3, nodes, 0, *np.eye(3, dtype=int).ravel() * 65536, 2, 2)
    ramps = struct.pack(">6H", *(0, 65535) * 3)
    return b"mft2\0\0\0\0" + head + ramps + struct.pack(f">{codes.size}H", *codes) + ramps


def _profile(space, curve, primaries=None):
    """A minimal ICC version 2 or 4 profile: a curve, and for RGB a matrix to XYZ under D50, or a table to Lab."""

    def xyz(values):
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))

    text = b"desc\0\0\0\0" + struct.pack(">I", 2) + b"x\0" + bytes(78)
    tags = {b"desc": text, b"wtpt": xyz((0.9642, 1.0, 0.8249))}
    between = b"Lab " if primaries is None and space == b"RGB " else b"XYZ "
    if between == b"Lab ":
        tags[b"A2B0"] = curve
    elif space == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        tags |= {name: xyz(p) for name, p in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)}
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, body = b"", b""
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += struct.pack(">4sII", name, 132 + 12 * len(tags) + len(body), len(data))
        body += data
    header = struct.pack(
        ">I4sI4s4s4s", 0, b"lcms", 0x02400000 if b"para" not in curve else 0x04200000, b"mntr", space, between
    )
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061) + bytes(48)
    whole = header + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", len(whole)) + whole[4:]


GAMMA = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.19921875 * 256)) + b"\0\0"
TABLE = b"curv\0\0\0\0" + struct.pack(">I33H", 33, *(round(65535 * (k / 32) ** 1.8) for k in range(33)))
PARA = b"para\0\0\0\0" + struct.pack(
    ">HH5i", 3, 0, *(round(v * 65536) for v in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
)
# Adobe RGB (1998) and ProPhoto (ROMM), adapted to D50
ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
ROMM = ((0.79767, 0.28804, 0.0), (0.13519, 0.71187, 0.0), (0.03134, 0.00009, 0.82491))


@pytest.mark.parametrize(
    ("curve", "primaries"), [(GAMMA, ADOBE), (TABLE, ROMM), (PARA, ADOBE)], ids=["gamma", "table", "parametric"]
)
def test_matrix_profiles_against_littlecms(curve, primaries):
    """The same 8-bit values by way of Pillow's littleCMS; it rounds to 8 bits, so one step of difference is allowed."""
    profile = _profile(b"RGB ", curve, primaries)
    codes = RNG.integers(0, 256, (60, 61, 3), dtype=np.uint8)
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    expected = ImageCms.profileToProfile(Image.fromarray(codes), source, ImageCms.createProfile("sRGB"), 1)
    found = deep_to_srgb(codes.astype(np.uint16) * 257, profile)
    assert np.abs(found * 255 - np.asarray(expected)).max() < 1.5
    assert np.abs(np.asarray(expected).astype(int) - codes).mean() > 5


def test_grey_profiles_against_littlecms():
    profile = _profile(b"GRAY", TABLE)
    codes = np.arange(256, dtype=np.uint8).reshape(16, 16)
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    expected = ImageCms.profileToProfile(
        Image.fromarray(codes), source, ImageCms.createProfile("sRGB"), 1, outputMode="RGB"
    )
    found = deep_to_srgb(codes.astype(np.uint16) * 257, profile)
    assert np.abs(found * 255 - np.asarray(expected)[..., 1]).max() < 1.5


def test_a_scanner_s_table_against_littlecms():
    profile = _profile(b"RGB ", _scanner())
    codes = RNG.integers(0, 256, (60, 61, 3), dtype=np.uint8)
    source, exactly = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.Flags.NOOPTIMIZE
    image, target = Image.fromarray(codes), ImageCms.createProfile("sRGB")
    expected = np.asarray(ImageCms.profileToProfile(image, source, target, flags=exactly))
    found = deep_to_srgb(codes.astype(np.uint16) * 257, profile)
    apart = np.abs(found * 255 - expected)
    assert np.percentile(apart, 99) < 1 and apart.max() < 10  # the most where colors leave sRGB, at the bend
    assert np.abs(expected.astype(int) - codes).mean() > 5
    ramp = np.repeat(np.arange(0, 65536, 16, dtype=np.uint16)[None, :, None], 3, axis=2)
    steps = np.diff(deep_to_srgb(ramp, profile)[0, :, 1])  # finer than 8 bits, and never back
    assert (steps >= 0).all() and steps.max() < 1 / 1000
    with pytest.raises(ValueError, match="channel"):
        deep_to_srgb(ramp[..., 0], profile)
    with pytest.raises(ValueError, match="damaged"):
        deep_to_srgb(ramp, profile[:300])


def test_a_deep_photo_in_adobe_rgb_is_converted_and_one_in_srgb_untouched(tmp_path):
    tag = {"metadata": None, "photometric": "rgb"}
    adobe = _profile(b"RGB ", GAMMA, ADOBE)
    tifffile.imwrite(tmp_path / "a.tif", COLOR, iccprofile=adobe, **tag)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.tif").rgb, deep_to_srgb(COLOR, adobe))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    tifffile.imwrite(tmp_path / "s.tif", COLOR, iccprofile=srgb, **tag)
    assert np.array_equal(_values(read_photo(tmp_path / "s.tif")), COLOR)
    tifffile.imwrite(tmp_path / "b.tif", COLOR, iccprofile=adobe[:200], **tag)
    photo = read_photo(tmp_path / "b.tif")
    assert np.array_equal(_values(photo), COLOR)
    assert "profile" in photo.notes[0]


def _full_exif():
    exif = Image.Exif()
    exif[271], exif[306], exif[274] = "Kodak", "1931:05:06 07:08:09", 1
    exif.get_ifd(34665)[36867] = "1931:05:06 07:08:09"
    exif.get_ifd(34665)[33434] = 0.01
    exif.get_ifd(34853)[1], exif.get_ifd(34853)[2] = "N", (43.0, 51.0, 20.0)
    return exif.tobytes()


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff"])
@pytest.mark.parametrize("has_alpha", [False, True])
def test_a_16_bit_output_keeps_everything(tmp_path, suffix, has_alpha):
    rgb = COLOR.astype(np.float32) / 65535
    alpha = rgb[..., 0] if has_alpha else None
    like = Photo(rgb, alpha=alpha, bits=16, exif=_full_exif(), dpi=(300.0, 600.0))
    write_photo(tmp_path / f"a{suffix}", rgb, like=like)
    photo = read_photo(tmp_path / f"a{suffix}")
    assert photo.bits == 16
    assert np.array_equal(_values(photo), COLOR)
    assert photo.dpi == pytest.approx((300, 600), abs=0.1)
    assert (photo.alpha is None) == (alpha is None)
    if has_alpha:
        assert np.array_equal(np.rint(photo.alpha * 65535), COLOR[..., 0])
    with Image.open(tmp_path / f"a{suffix}") as image:
        tags = image.getexif()
        assert (tags[271], tags[306], tags[274]) == ("Kodak", "1931:05:06 07:08:09", 1)
        assert tags.get_ifd(34665)[36867] == "1931:05:06 07:08:09"
        assert tags.get_ifd(34665)[33434] == pytest.approx(0.01)
        assert tags.get_ifd(34853)[2] == (43.0, 51.0, 20.0)
        assert "srgb" in image.info or "icc_profile" in image.info
    # An independent reader sees the same pixels.
    raw = cv2.imread(str(tmp_path / f"a{suffix}"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(raw[..., 2::-1], COLOR)
