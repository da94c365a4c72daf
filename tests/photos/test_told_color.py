"""What a file says of its colors, in any of the ways that formats have, against littleCMS and published numbers."""

import io
import struct
import zlib

import numpy as np
import pytest
import skimage.color
import tifffile
from PIL import Image, ImageCms
from test_deep_color import ADOBE, GAMMA, TABLE, _profile, _scanner

from colorize_utils.photos.exif import CAMERA, INTEROP, number_in, read_block, short, text, write_block
from colorize_utils.photos.icc import deep_to_srgb, is_srgb
from colorize_utils.photos.made_profile import ADOBE_GAMMA, ADOBE_PRIMARIES, made_profile
from colorize_utils.photos.pixels import Pixels
from colorize_utils.photos.profiles import in_srgb
from colorize_utils.photos.reading import Photo, read_photo, write_photo
from colorize_utils.photos.told_color import of_boxes, of_codes

CODES = np.random.default_rng(0).integers(0, 256, (40, 41, 3), dtype=np.uint8)
ADOBE_RGB = _profile(b"RGB ", GAMMA, ADOBE)
# Display P3 as Apple's profile has it, under D50; its curve is sRGB's.
P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
GAMMA_18 = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(1.8 * 256)) + b"\0\0"
# Chromaticities of white, red, green and blue, times 100,000 (Adobe RGB (1998), 4.3.1)
ADOBE_CHRM = struct.pack(">8I", 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)


def by_littlecms(codes, profile):
    """uint8 codes -> sRGB codes, by the library itself, without the coarse table by which it saves time."""
    source, target = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    made = ImageCms.profileToProfile(
        Image.fromarray(codes), source, target, outputMode="RGB", flags=ImageCms.Flags.NOOPTIMIZE
    )
    return np.asarray(made).astype(int)


def png(codes, *chunks):
    """A PNG of uint8 or uint16 codes with chunks behind the header."""
    bits, color = 8 * codes.itemsize, 2 if codes.ndim == 3 else 0
    rows = b"".join(b"\0" + row.tobytes() for row in codes.astype(codes.dtype.newbyteorder(">")))
    head = struct.pack(">IIBBBBB", codes.shape[1], codes.shape[0], bits, color, 0, 0, 0)
    parts = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    )


def gama(value):
    return b"gAMA", struct.pack(">I", round(value * 100_000))


def iccp(profile):
    return b"iCCP", b"one\0\0" + zlib.compress(profile)


def read(tmp_path, data, name="a.png"):
    (tmp_path / name).write_bytes(data)
    photo = read_photo(tmp_path / name)
    return np.rint(photo.rgb * 255).astype(int), photo


@pytest.mark.parametrize("deep", [False, True])
def test_a_png_s_gamma_gives_the_lightness_of_its_light(tmp_path, deep):
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    grey = grey.astype(np.uint16) * 257 if deep else grey
    photo = read(tmp_path, png(grey, gama(1)))[1]
    light = np.arange(256).reshape(16, 16) / 255  # is the value itself
    expected = skimage.color.xyz2lab(
        light[..., None] * skimage.color.xyz_tristimulus_values(illuminant="D65", observer="2")
    )
    found = skimage.color.rgb2lab(photo.rgb)
    assert np.abs(found - expected).max() < (0.01 if deep else 0.3)
    assert photo.was_grey and photo.notes == []


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([gama(1 / 2.2)], None),
        ([gama(0.46)], None),  # within 5 % of sRGB's
        ([(b"sRGB", b"\0"), gama(1)], None),
        ([gama(256 / 563), (b"cHRM", ADOBE_CHRM)], None),
        ([gama(1 / 1.8), (b"cHRM", ADOBE_CHRM)], _profile(b"RGB ", GAMMA_18, ADOBE)),
        ([iccp(ADOBE_RGB), gama(1)], ADOBE_RGB),
        ([iccp(ADOBE_RGB), (b"sRGB", b"\0")], ADOBE_RGB),
        ([(b"cICP", bytes([12, 13, 0, 1])), iccp(ADOBE_RGB)], "P3"),
        ([(b"cICP", bytes([1, 13, 0, 1])), iccp(ADOBE_RGB)], None),
        ([(b"cICP", bytes([9, 16, 0, 1])), iccp(ADOBE_RGB)], ADOBE_RGB),
    ],
    ids=["2.2", "2.17", "sRGB", "adobe", "1.8", "iCCP", "iCCP and sRGB", "P3", "code of sRGB", "PQ"],
)
def test_what_a_png_says_of_its_colors_counts_in_the_order_of_the_specification(tmp_path, chunks, expected, deep):
    codes = CODES.astype(np.uint16) * 257 if deep else CODES
    found, photo = read(tmp_path, png(codes, *chunks))
    if chunks[-1][0] == b"cHRM" and expected is None:  # a gamma near sRGB's is taken as sRGB's curve
        expected = made_profile(primaries=ADOBE_PRIMARIES)
    if expected == "P3":
        curve = b"para\0\0\0\0" + struct.pack(
            ">HH5i", 3, 0, *(round(v * 65536) for v in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
        )
        expected = _profile(b"RGB ", curve, P3)
    expected = CODES if expected is None else by_littlecms(CODES, expected)
    assert np.abs(found - expected).max() <= 1
    assert [note for note in photo.notes] == (
        ["its values are of high dynamic range (PQ), which is not read; sRGB is assumed"]
        if chunks[0][1] == bytes([9, 16, 0, 1])
        else []
    )


def test_a_damaged_profile_or_chromaticities_that_make_no_space_cost_a_line(tmp_path):
    for chunk, what in (
        ((b"iCCP", b"one\0\0nothing that zlib made"), "its color profile is damaged"),
        ((b"cHRM", bytes(32)), "its chromaticities could not be used"),
        ((b"cICP", bytes([77, 13, 0, 1])), "its color code 77/13 cannot be used"),
        ((b"cICP", bytes([1, 13, 0, 0])), "its color code of limited range cannot be used"),
    ):
        found, photo = read(tmp_path, png(CODES, chunk))
        assert np.array_equal(found, CODES) and len(photo.notes) == 1 and what in photo.notes[0]


def _adobe_exif(index="R03", space=65535):
    camera = {40961: short(space), 42240: text("x"), INTEROP: {1: text(index)}}
    return write_block({271: text("Kodak"), CAMERA: camera})


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_adobe_rgb_told_by_exif_alone_is_converted_and_exif_says_srgb_then(tmp_path, suffix):
    how = {".jpg": {"quality": 100, "subsampling": 0}, ".webp": {"lossless": True}}.get(suffix, {})
    if suffix == ".tif":  # Pillow loses the directory within the directory; ours without the tag of the profile then
        write_photo(tmp_path / "a.tif", CODES, like=Photo(None, exif=_adobe_exif()))
        data = (tmp_path / "a.tif").read_bytes()
        (tmp_path / "a.tif").write_bytes(data.replace(struct.pack("<HH", 34675, 7), struct.pack("<HH", 34676, 7)))
    else:
        Image.fromarray(CODES).save(tmp_path / f"a{suffix}", exif=_adobe_exif(), **how)
    seen = np.asarray(Image.open(tmp_path / f"a{suffix}"))
    photo = read_photo(tmp_path / f"a{suffix}")
    assert np.abs(np.rint(photo.rgb * 255) - by_littlecms(seen, ADOBE_RGB)).max() <= 1 and photo.notes == []
    assert np.abs(by_littlecms(seen, ADOBE_RGB) - seen).mean() > 5
    write_photo(tmp_path / f"b{suffix}", photo.rgb, like=photo)
    camera = read_block(read_photo(tmp_path / f"b{suffix}").exif)[0][CAMERA]
    assert number_in(camera[40961]) == 1 and camera[INTEROP][1].data == b"R98\0" and 42240 not in camera


def test_a_profile_counts_more_than_exif_and_uncalibrated_alone_is_said(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(CODES).save(tmp_path / "a.png", exif=_adobe_exif(), icc_profile=srgb)
    photo = read_photo(tmp_path / "a.png", codes=True)
    assert np.array_equal(photo.rgb, CODES) and photo.notes == []
    photo = read(tmp_path, png(CODES, (b"sRGB", b"\0"), (b"eXIf", _adobe_exif()[6:])), "c.png")[1]
    assert np.array_equal(np.rint(photo.rgb * 255), CODES) and photo.notes == [] and b"Kodak" in photo.exif
    Image.fromarray(CODES).save(tmp_path / "b.png", exif=_adobe_exif("R98"))
    photo = read_photo(tmp_path / "b.png", codes=True)
    assert np.array_equal(photo.rgb, CODES) and "not calibrated; sRGB is assumed" in photo.notes[0]


def _bmp(kind, profile=b"", ends=(), gammas=()):
    """A BMP of version 5 by hand (Microsoft: BITMAPV5HEADER), 24 bits."""
    height, width = CODES.shape[:2]
    rows = b"".join(row[:, ::-1].tobytes() + bytes(-3 * width % 4) for row in CODES[::-1])
    head = struct.pack("<IiiHHIIiiII", 124, width, height, 1, 24, 0, len(rows), 0, 0, 0, 0) + bytes(16) + kind[::-1]
    head += struct.pack("<9i", *ends or (0,) * 9) + struct.pack("<3I", *gammas or (0,) * 3)
    head += struct.pack("<4I", 4, 124 + len(rows) if profile else 0, len(profile), 0)
    size = 14 + len(head) + len(rows) + len(profile)
    return struct.pack("<2sIII", b"BM", size, 0, 14 + len(head)) + head + rows + profile


def test_a_bmp_s_profile_and_its_calibrated_colors_are_used(tmp_path):
    expected = by_littlecms(CODES, ADOBE_RGB)
    found, photo = read(tmp_path, _bmp(b"MBED", ADOBE_RGB), "a.bmp")
    assert np.abs(found - expected).max() <= 1 and photo.notes == []
    places = np.array([(0.64, 0.33), (0.21, 0.71), (0.15, 0.06), (0.3127, 0.3290)])
    shares = np.column_stack([places[:, 0] / places[:, 1], np.ones(4), (1 - places.sum(1)) / places[:, 1]])
    ends = shares[:3] * np.linalg.solve(shares[:3].T, shares[3])[:, None]  # of light that adds up to white
    numbers = [round(value * 2**30) for value in ends.ravel()]
    found, _ = read(tmp_path, _bmp(bytes(4), ends=numbers, gammas=[round(563 / 256 * 65536)] * 3), "b.bmp")
    assert np.abs(found - expected).max() <= 1
    for kind in (b"sRGB", b"Win ", bytes(4)):
        found, photo = read(tmp_path, _bmp(kind), "c.bmp")
        assert np.array_equal(found, CODES) and photo.notes == []
    assert "in another file" in read(tmp_path, _bmp(b"LINK"), "d.bmp")[1].notes[0]


def test_codes_of_an_avif_are_read_and_high_dynamic_range_is_said():
    profile, notes = of_boxes(b"....colrnclx" + struct.pack(">HHHB", 12, 13, 6, 128))
    assert (
        notes == ()
        and np.abs(by_littlecms(CODES, profile) - deep_to_srgb(CODES.astype(np.uint16) * 257, profile) * 255).max()
        < 1.5
    )
    assert of_boxes(b"no such box") == (None, ())
    profile, notes = of_boxes(b"colrnclx" + struct.pack(">HHHB", 9, 16, 9, 128))
    assert profile is None and "PQ" in notes[0]


def test_curves_of_codes_are_those_of_the_recommendation():
    """ITU-R BT.709-6, 1.2: V = 1.099 L^0.45 - 0.099 from 0.018 on, 4.5 L below."""
    light = np.linspace(0, 1, 1001)
    values = np.where(light < 0.018, 4.5 * light, 1.099 * light**0.45 - 0.099)
    profile, _ = of_codes(1, 1)
    found = deep_to_srgb(np.float32(values)[None], _as_grey(profile))
    expected = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(found - expected).max() < 2e-3


def _as_grey(profile):
    """A grey profile with the curve of an RGB one."""
    at = profile.index(b"para\0\0\0\0")
    return _profile(b"GRAY", profile[at : at + 32])


def test_made_profiles_are_the_published_ones():
    """Adobe RGB (1998), annex A: XYZ of the primaries under D50; and littleCMS takes what is made."""
    made = made_profile(ADOBE_GAMMA, ADOBE_PRIMARIES)
    assert np.abs(by_littlecms(CODES, made) - by_littlecms(CODES, ADOBE_RGB)).max() <= 1
    assert is_srgb(made_profile()) and not is_srgb(made)
    for primaries in (((0.3, 0.3),) * 3, ((0.64, 0), (0.3, 0.6), (0.15, 0.06))):
        with pytest.raises(ValueError, match="chromaticities"):
            made_profile(primaries=primaries)


def test_at_16_bits_a_table_goes_before_a_matrix_as_at_8(tmp_path):
    both = _with_table(_profile(b"RGB ", GAMMA, ADOBE[::-1]))  # red and blue swapped: a matrix that is wrong
    expected = by_littlecms(CODES, both)
    found = deep_to_srgb(CODES.astype(np.uint16) * 257, both) * 255
    assert np.percentile(np.abs(found - expected), 99) < 1
    assert (
        np.abs(
            deep_to_srgb(CODES.astype(np.uint16) * 257, _profile(b"RGB ", GAMMA, ADOBE[::-1])) * 255 - expected
        ).mean()
        > 5
    )


def _table_of_light(nodes=4096):
    """A lut16Type from RGB of gamma 2.2 and Adobe's primaries to XYZ: the gamma is in its ramps."""
    corners = np.stack(np.meshgrid(*[[0, 1]] * 3, indexing="ij"), axis=-1).reshape(8, 3) @ np.array(ADOBE)
    ramp = np.rint(np.linspace(0, 1, nodes) ** 2.2 * 65535).astype(int)
    head = struct.pack(">4B9i2H", 3, 3, 2, 0, *np.eye(3, dtype=int).ravel() * 65536, nodes, 2)
    numbers = [*ramp, *ramp, *ramp, *np.rint(corners * 32768).astype(int).ravel(), *(0, 65535) * 3]
    return b"mft2\0\0\0\0" + head + struct.pack(f">{len(numbers)}H", *numbers)


def test_a_table_is_precise_at_16_bits():
    """Against the table's own formula: 8-bit answers between which values are interpolated were 0.3 L* off."""
    profile = _profile(b"RGB ", _table_of_light())
    profile = profile[:20] + b"XYZ " + profile[24:]
    values = 0.35 + 0.4 * np.random.default_rng(1).random((200, 200, 3))
    values *= np.linspace(0.02, 1.3, 200)[:, None, None]  # dark ones too, and no color beyond sRGB
    found = deep_to_srgb(np.rint(values * 65535).astype(np.uint16), profile)
    expected = np.stack([values[..., k] ** 2.2 for k in range(3)], axis=-1) @ np.array(ADOBE)
    expected = skimage.color.xyz2rgb(expected @ _BRADFORD_D50_TO_D65.T)
    apart = np.abs(skimage.color.rgb2lab(found) - skimage.color.rgb2lab(expected))[..., 0]
    assert apart.max() < 0.15


# Lindbloom, Chromatic Adaptation: Bradford, D50 to D65
_BRADFORD_D50_TO_D65 = np.array(
    [[0.9555766, -0.0230393, 0.0631636], [-0.0282895, 1.0099416, 0.0210077], [0.0122982, -0.0204830, 1.3299098]]
)


def test_the_lightness_that_counts_is_that_of_srgb_not_of_the_profile_s_connection_space(tmp_path):
    """Profiles connect under D50, sRGB is under D65: of one color L* differs by up to 1 between the two.

    What is read agrees with littleCMS in both, each by its own numbers: no value of one is to be wanted of the other.
    """
    photo = read(tmp_path, _bmp(b"MBED", ADOBE_RGB), "a.bmp")[1]
    source = ImageCms.ImageCmsProfile(io.BytesIO(ADOBE_RGB))
    asked = Image.fromarray(CODES)
    rgb = ImageCms.profileToProfile(asked, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    expected = skimage.color.rgb2lab(np.asarray(rgb))[..., 0]
    found = skimage.color.rgb2lab(photo.rgb)[..., 0]
    assert np.abs(found - expected).max() < 0.5  # a code of 8 bits in the shadows
    inside = ((photo.rgb > 0) & (photo.rgb < 1)).all(axis=-1)  # in sRGB: none of its values was clipped
    lab = np.asarray(ImageCms.profileToProfile(asked, source, ImageCms.createProfile("LAB"), outputMode="LAB"))
    of_profile = lab[..., 0] / 2.55
    under_d50 = skimage.color.xyz2lab(skimage.color.rgb2xyz(photo.rgb) @ np.linalg.inv(_BRADFORD_D50_TO_D65).T, "D50")
    assert np.abs(under_d50[..., 0] - of_profile)[inside].max() < 0.5
    assert np.abs(found - of_profile)[inside].max() > 0.7


def _with_table(profile):
    """The profile with one more tag, a table to Lab; its matrix's connection space becomes Lab too."""
    table = _scanner()
    (count,) = struct.unpack(">I", profile[128:132])
    entries = [struct.unpack(">4sII", profile[132 + 12 * k : 144 + 12 * k]) for k in range(count)]
    tags = [(name, profile[start : start + size]) for name, start, size in entries] + [(b"A2B0", table)]
    rows, body, start = b"", b"", 132 + 12 * len(tags)
    for name, data in tags:
        rows += struct.pack(">4sII", name, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = profile[4:20] + b"Lab " + profile[24:128]
    return struct.pack(">I", start + len(body)) + head + struct.pack(">I", len(tags)) + rows + body


def test_a_grey_profile_that_connects_by_lab_is_used_at_16_bits_as_at_8(tmp_path):
    profile = _profile(b"GRAY", TABLE)
    profile = profile[:20] + b"Lab " + profile[24:]
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    expected = by_littlecms(grey, profile)[..., 1]
    tifffile.imwrite(tmp_path / "a.tif", grey.astype(np.uint16) * 257, iccprofile=profile, metadata=None)
    photo = read_photo(tmp_path / "a.tif")
    assert np.abs(photo.rgb[..., 1] * 255 - expected).max() < 1 and photo.notes == []
    assert np.abs(expected - grey).mean() > 5


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_every_depth_goes_the_same_way(kind):
    highest = 1 if kind == np.float32 else np.iinfo(kind).max
    cmyk = _cmyk()
    for codes, profile in (
        (CODES, ADOBE_RGB),
        (CODES, _profile(b"RGB ", _scanner())),
        (CODES[..., 0], _profile(b"GRAY", TABLE)),
        (CODES[..., 0], ADOBE_RGB),  # grey with a profile of RGB: three equal values
    ):
        values = (codes / np.float32(255) * highest).astype(kind)
        found = in_srgb(Pixels(values, profile=profile))
        three = codes if codes.ndim == 3 or profile is not ADOBE_RGB else codes[..., None].repeat(3, -1)
        expected = by_littlecms(np.ascontiguousarray(three), profile)
        expected = expected if codes.ndim == 3 else expected[..., 1]
        scale = 255 / (1 if found.values.dtype == np.float32 else 255)
        assert found.values.shape == codes.shape and found.notes == () and found.profile is None
        assert np.percentile(np.abs(found.values * scale - expected), 98) < 1.01
    found = in_srgb(Pixels((cmyk / np.float32(255) * highest).astype(kind)))
    assert found.notes == ("CMYK without a profile; its lightness is approximate",)
    assert np.array_equal(found.values, np.asarray(Image.fromarray(cmyk, "CMYK").convert("RGB")))


def _cmyk():
    return np.random.default_rng(1).integers(0, 256, (20, 21, 4), dtype=np.uint8)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("profile", [b"nothing", ADOBE_RGB[:200], _profile(b"GRAY", TABLE), b"\0" * 200])
def test_a_profile_that_cannot_be_used_costs_a_line_at_every_depth(kind, profile):
    values = np.ones((4, 5, 3), kind)
    found = in_srgb(Pixels(values, profile=profile))
    assert np.array_equal(found.values, values) and found.notes == (
        "its color profile could not be used; sRGB is assumed",
    )
