"""What the samples of a TIFF mean: every layout, coding and depth against readers that know nothing of ours."""

import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage.color import lab2rgb, lab2xyz, rgb2lab, xyz2rgb

from colorize_utils.errors import ColorizeError
from colorize_utils.photos.reading import read_photo

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (37, 45, 3), dtype=np.uint8)
DEEP = RNG.integers(0, 65536, (37, 45, 4), dtype=np.uint16)
SHARE = (DEEP / 65535).astype(np.float32)
FLOATS = "its values are floats; they are taken as sRGB"
CLIPPED = "some of its values lie a little outside 0..1 and were clipped"
NO_ALPHA = "what is in its further channels is not alpha and was left out"


def tif(path, data, **options):
    tifffile.imwrite(path, data, metadata=None, **options)
    return path


def planes(data):
    return np.ascontiguousarray(np.moveaxis(data, -1, 0))


def packed(path, data, coding, **options):
    """``data`` as a TIFF of one of the codings that tifffile writes with imagecodecs only: LZW, PackBits, LZMA.

    Each strip or tile is packed by libtiff, as bytes in a picture of their own, and put in the place of the plain one.
    """
    plain = tif(path, data, **options)
    with tifffile.TiffFile(plain) as file:
        page, tags, order = file.pages[0], file.pages[0].tags, file.byteorder
        places, counts = (324, 325) if page.is_tiled else (273, 279)
        raw = plain.read_bytes()
        segments = [raw[a : a + n] for a, n in zip(page.dataoffsets, page.databytecounts, strict=True)]
        code = {"tiff_lzw": 5, "packbits": 32773, "tiff_lzma": 34925, "lzma": 34925}[coding]
        out = bytearray(raw)
        struct.pack_into(order + "H", out, tags[259].valueoffset, code)
        for k, segment in enumerate(segments):
            small = path.with_suffix(".small")
            size = (len(segment), 1)
            Image.frombytes("L", size, segment).save(small, "TIFF", compression=coding)
            with tifffile.TiffFile(small) as one:
                (at,), (count,) = one.pages[0].dataoffsets, one.pages[0].databytecounts
                coded = small.read_bytes()[at : at + count]
            for tag, value in ((places, len(out)), (counts, count)):
                form = {3: "H", 4: "I"}[int(tags[tag].dtype)]
                struct.pack_into(order + form, out, tags[tag].valueoffset + struct.calcsize(form) * k, value)
            out += coded + bytes(len(coded) % 2)
    path.write_bytes(out)
    return path


CODINGS = [None, "zlib", "tiff_lzw", "packbits", "lzma"]
LAYOUTS = [{}, {"tile": (16, 32)}, {"rowsperstrip": 5}, {"planarconfig": "separate"}, {"byteorder": ">"}]


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_every_layout_in_every_coding_is_read_exactly(tmp_path, layout, coding, dtype):
    data = {np.uint8: RGB, np.uint16: DEEP[..., :3], np.float32: SHARE[..., :3]}[dtype]
    layout = {"rowsperstrip": 37, **layout} if "tile" not in layout else layout
    stored = planes(data) if "planarconfig" in layout else data
    if coding in (None, "zlib"):
        path = tif(tmp_path / "a.tif", stored, photometric="rgb", compression=coding, **layout)
    else:
        path = packed(tmp_path / "a.tif", stored, coding, photometric="rgb", **layout)
    photo = read_photo(path)
    np.testing.assert_array_equal(photo.rgb, data / np.float32(1 if dtype == np.float32 else np.iinfo(dtype).max))
    assert photo.bits == (8 if dtype == np.uint8 else 16)


@pytest.mark.parametrize("data", [RGB, DEEP[..., 0], DEEP[..., 0] > 9], ids=["rgb 8", "grey 16", "bits"])
def test_a_last_strip_may_be_said_to_be_as_long_as_the_others(tmp_path, data):
    """As scanners write it; its end lies behind that of the file, all pixels before it."""
    path = tif(tmp_path / "a.tif", data, photometric="rgb" if data.ndim == 3 else "minisblack", rowsperstrip=10)
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        raw, last = bytearray(path.read_bytes()), page.dataoffsets[-1] + page.databytecounts[-1]
        form = "<H" if page.tags[279].dtype == 3 else "<I"
        at = page.tags[279].valueoffset + 3 * struct.calcsize(form)
        struct.pack_into(form, raw, at, page.databytecounts[0])
    path.write_bytes(raw[:last])
    assert np.array_equal(read_photo(path, codes=True).rgb, data if data.dtype != bool else data * np.uint8(255))


@pytest.mark.parametrize("data", [RGB, DEEP[..., :3], DEEP[..., 0]], ids=["rgb 8", "rgb 16", "grey 16"])
@pytest.mark.parametrize("coding", ["zlib", "lzw"])
def test_differences_of_neighbors_are_undone(tmp_path, data, coding):
    """Deflate by tifffile, LZW by OpenCV (libtiff): in each row stand differences."""
    path = tmp_path / "a.tif"
    if coding == "zlib":
        tif(path, data, photometric="rgb" if data.ndim == 3 else "minisblack", compression="zlib", predictor=2)
    else:
        cv2.imwrite(str(path), data[..., ::-1] if data.ndim == 3 else data)
    with tifffile.TiffFile(path) as file:
        assert file.pages[0].predictor == 2
    assert np.array_equal(read_photo(path, codes=True).rgb, data)


def _float_differences(data):
    """Adobe's technical note 3, section 3: the bytes of each row by significance, then differences."""
    height, width, samples = data.shape
    rows = data.astype(data.dtype.newbyteorder(">")).reshape(height, -1).view(np.uint8)
    rows = rows.reshape(height, width * samples, -1).swapaxes(1, 2).reshape(height, -1)
    out = rows.copy()
    out[:, samples:] -= rows[:, :-samples]
    return out


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("samples", [1, 3])
def test_differences_of_floats_are_undone(tmp_path, dtype, samples):
    data = np.ascontiguousarray(SHARE[..., :samples].astype(dtype))
    kind = "rgb" if samples == 3 else "minisblack"
    path = tif(tmp_path / "a.tif", data.squeeze(), photometric=kind, compression="zlib", rowsperstrip=37)
    raw = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        tags = file.pages[0].tags
    coded = zlib.compress(_float_differences(data).tobytes())
    struct.pack_into("<I", raw, tags[273].valueoffset, len(raw))
    struct.pack_into("<I", raw, tags[279].valueoffset, len(coded))
    # The tag of the predictor takes the place of one that nothing needs.
    struct.pack_into("<HHII", raw, tags[305].offset if 305 in tags else tags[296].offset, 317, 3, 1, 3)
    path.write_bytes(raw + coded)
    np.testing.assert_allclose(read_photo(path).rgb[..., :samples], data, atol=1e-7)


@pytest.mark.parametrize("bits", [1, 2, 4, 10, 12, 14])
@pytest.mark.parametrize("white", [False, True])
def test_numbers_of_other_sizes_than_bytes_fill_their_range(tmp_path, bits, white):
    """Packed by hand, the highest bit first; a row begins at a byte."""
    data = RNG.integers(0, 2**bits, (11, 13))
    rows = (data[..., None] >> np.arange(bits)[::-1] & 1).astype(np.uint8).reshape(11, -1)
    body = np.packbits(rows, axis=1).tobytes()
    entries = [(256, 4, 13), (257, 4, 11), (258, 3, bits), (259, 3, 1), (262, 3, 0 if white else 1), (273, 4, 122)]
    entries += [(277, 3, 1), (278, 4, 11), (279, 4, len(body))]
    head = struct.pack("<2sHIH", b"II", 42, 8, len(entries))
    head += b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries) + bytes(4)
    (tmp_path / "a.tif").write_bytes(head + body)
    photo = read_photo(tmp_path / "a.tif")
    share = data / (2**bits - 1)
    np.testing.assert_allclose(photo.rgb[..., 0], 1 - share if white else share, atol=1e-5)
    assert photo.was_grey and photo.bits == (8 if bits < 8 else 16)
    assert photo.notes == ["it has black and white only, no greys"] * (bits == 1)


def test_bits_in_the_other_order_are_turned(tmp_path):
    """Fill order 2, as fax programs write it: the lowest bit of each byte comes first."""
    path = tif(tmp_path / "a.tif", RGB, photometric="rgb", rowsperstrip=37)
    raw = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        struct.pack_into("<HHII", raw, file.pages[0].tags[305].offset, 266, 3, 1, 2)
        (at,), (count,) = file.pages[0].dataoffsets, file.pages[0].databytecounts
    raw[at : at + count] = np.packbits(np.unpackbits(RGB.reshape(-1, 1), axis=1)[:, ::-1], axis=1).tobytes()
    path.write_bytes(raw)
    assert np.array_equal(read_photo(path, codes=True).rgb, RGB)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32, np.float64])
def test_counting_from_white_is_undone_at_every_depth(tmp_path, dtype):
    data = SHARE[..., 0] if np.dtype(dtype).kind == "f" else SHARE[..., 0] * np.iinfo(dtype).max
    data = data.astype(dtype)
    highest = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    photo = read_photo(tif(tmp_path / "a.tif", data, photometric="miniswhite"))
    np.testing.assert_allclose(photo.rgb[..., 0], 1 - data / np.float64(highest), atol=1e-6)
    assert photo.was_grey


def _turned(data, orientation):
    """OpenCV's own words for TIFF 6.0, tag 274."""
    turns = {3: cv2.ROTATE_180, 6: cv2.ROTATE_90_CLOCKWISE, 8: cv2.ROTATE_90_COUNTERCLOCKWISE}
    if orientation in turns:
        return cv2.rotate(data, turns[orientation])
    steps = {1: data, 2: cv2.flip(data, 1), 4: cv2.flip(data, 0), 5: cv2.transpose(data)}
    return steps[orientation] if orientation in steps else cv2.flip(cv2.transpose(data), -1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32", "float64", "separate", "lzw", "jpeg", "palette"])
def test_a_picture_is_turned_once_whatever_its_depth(tmp_path, kind, orientation):
    path, tag = tmp_path / "a.tif", {"extratags": [(274, "H", 1, orientation, True)]}
    if kind in ("jpeg", "lzw", "palette"):
        exif = Image.Exif()
        exif[274] = orientation
        image = Image.fromarray(RGB).quantize(50) if kind == "palette" else Image.fromarray(RGB)
        coding = {"compression": {"jpeg": "jpeg", "lzw": "tiff_lzw", "palette": None}[kind]}
        image.save(path, exif=exif, **coding)
        exif[274] = 1
        image.save(tmp_path / "b.tif", exif=exif, **coding)
        with Image.open(tmp_path / "b.tif") as upright:
            data = np.asarray(upright.convert("RGB"))
    elif kind == "separate":
        data = DEEP[..., :3]
        tif(path, planes(data), photometric="rgb", planarconfig="separate", **tag)
    else:
        data = RGB if kind == "uint8" else DEEP[..., :3] if kind == "uint16" else SHARE[..., :3].astype(kind)
        tif(path, data, photometric="rgb", **tag)
    highest = 1 if data.dtype.kind == "f" else np.iinfo(data.dtype).max
    np.testing.assert_allclose(read_photo(path).rgb, _turned(data, orientation) / highest, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("layout", ["grey", "rgb", "separate", "alpha"])
def test_floats_of_every_precision_are_read(tmp_path, dtype, layout):
    data, path = SHARE.astype(dtype), tmp_path / "a.tif"
    if layout == "grey":
        tif(path, data[..., 0], photometric="minisblack")
        seen = data[..., :1].repeat(3, axis=-1)
    elif layout == "alpha":
        tif(path, data, photometric="rgb", extrasamples=["unassalpha"])
        seen = data[..., :3]
    elif layout == "separate":
        tif(path, planes(data[..., :3]), photometric="rgb", planarconfig="separate")
        seen = data[..., :3]
    else:
        tif(path, data[..., :3], photometric="rgb")
        seen = data[..., :3]
    photo = read_photo(path)
    np.testing.assert_allclose(photo.rgb, seen, atol=1e-7)
    assert photo.notes == [FLOATS]
    assert (photo.bits, photo.was_grey) == (16, layout == "grey")
    if layout == "alpha":
        np.testing.assert_allclose(photo.alpha, data[..., 3], atol=1e-7)


@pytest.mark.parametrize(("value", "read"), [(-0.02, 0), (1.2, 1), (1.5, 1), (-0.5, 0)])
def test_floats_a_little_outside_are_clipped_with_a_line(tmp_path, value, read):
    data = np.full((5, 6, 3), 0.5, np.float32)
    data[2, 3, 1] = value
    photo = read_photo(tif(tmp_path / "a.tif", data, photometric="rgb"))
    assert photo.rgb[2, 3, 1] == read and photo.rgb.max() <= 1 and photo.rgb[0, 0, 0] == 0.5
    assert set(photo.notes) == {FLOATS, CLIPPED}


@pytest.mark.parametrize("value", [np.nan, np.inf, 1.6, -3, 255])
def test_other_floats_are_refused(tmp_path, value):
    data = np.full((5, 6, 3), 0.5, np.float32)
    data[2, 3, 1] = value
    with pytest.raises(ColorizeError, match=r"expected float values in 0\.\.1"):
        read_photo(tif(tmp_path / "a.tif", data, photometric="rgb"))


EXTRAS = [(None, True, ()), ("unassalpha", True, ()), ("unspecified", False, (NO_ALPHA,))]


@pytest.mark.parametrize(("extra", "is_alpha", "notes"), EXTRAS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_further_channel_means_the_same_at_every_depth(tmp_path, extra, is_alpha, notes, dtype, channels):
    """None: a file that says nothing of it, as OpenCV writes alpha; "unspecified": as scanners write infrared."""
    data = SHARE[..., : channels + 1]
    highest = 1 if dtype == np.float32 else np.iinfo(dtype).max
    data = (data * highest).astype(dtype)
    kind = "rgb" if channels == 3 else "minisblack"
    options = {"extrasamples": [extra or "unspecified"], "planarconfig": "contig"}
    path = tif(tmp_path / "a.tif", data, photometric=kind, **options)
    if extra is None:
        raw = bytearray(path.read_bytes())
        with tifffile.TiffFile(path) as file:
            struct.pack_into("<H", raw, file.pages[0].tags[338].offset, 65123)  # a tag that means nothing
        path.write_bytes(raw)
    photo = read_photo(path)
    np.testing.assert_allclose(photo.rgb[..., :channels], data[..., :channels] / highest, atol=1e-6)
    assert (photo.alpha is not None) == is_alpha
    if is_alpha:
        np.testing.assert_allclose(photo.alpha, data[..., channels] / highest, atol=1e-6)
    assert [note for note in photo.notes if note != FLOATS] == list(notes)


def test_alpha_behind_another_channel_is_found(tmp_path):
    data = np.dstack([DEEP, DEEP[::-1, :, 0]])
    path = tif(tmp_path / "a.tif", data, photometric="rgb", extrasamples=["unspecified", "unassalpha"])
    photo = read_photo(path, codes=True)
    assert np.array_equal(photo.rgb, DEEP[..., :3]) and np.array_equal(photo.alpha, DEEP[::-1, :, 0])
    assert photo.notes == [NO_ALPHA]


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


@pytest.mark.parametrize("eight", [False, True], ids=["16 bits", "8 bits"])
def test_a_palette_of_8_or_16_bits(tmp_path, eight):
    """Pillow takes the upper half of 16 bits, libvips and tiff2rgba 8 bits where all values are below 256."""
    colors = RNG.integers(0, 256, (3, 256)).astype(np.uint16)
    index = np.arange(37 * 45, dtype=np.uint8).reshape(37, 45)
    path = tif(tmp_path / "a.tif", index, photometric="palette", colormap=colors * (1 if eight else 257))
    photo = read_photo(path, codes=True)
    assert np.array_equal(photo.rgb, colors.T[index]) and photo.bits == 8
    if not eight:
        with Image.open(path) as image:
            assert np.array_equal(photo.rgb, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("coding", [None, "jpeg", "tiff_lzw", "tiff_adobe_deflate"])
def test_cmyk_is_read_as_pillow_has_it(tmp_path, coding):
    image = Image.fromarray(RGB).convert("CMYK")
    image.save(tmp_path / "a.tif", compression=coding)
    with Image.open(tmp_path / "a.tif") as seen:
        expected = np.asarray(seen.convert("RGB"))
    photo = read_photo(tmp_path / "a.tif", codes=True)
    assert np.array_equal(photo.rgb, expected)
    assert photo.notes == ["CMYK without a profile; its lightness is approximate"]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_cmyk_with_alpha(tmp_path, dtype):
    image = Image.fromarray(RGB).convert("CMYK")
    inks = np.asarray(image).astype(dtype) * dtype(257 if dtype == np.uint16 else 1)
    data = np.dstack([inks, DEEP[..., 0].astype(dtype)])
    photo = read_photo(tif(tmp_path / "a.tif", data, photometric="separated", extrasamples=["unassalpha"]))
    np.testing.assert_allclose(photo.rgb, np.asarray(image.convert("RGB")) / np.float32(255), atol=1e-6)
    np.testing.assert_allclose(photo.alpha, data[..., 4] / np.iinfo(dtype).max, atol=1e-6)


def _subsampled(ycc, across, down):
    """TIFF 6.0, section 21: units of the Y of across x down pixels, then one Cb and one Cr. Sizes that divide."""
    height, width = ycc.shape[:2]
    units = []
    for top in range(0, height, down):
        for left in range(0, width, across):
            block = ycc[top : top + down, left : left + across]
            units.append([*block[..., 0].ravel(), *block[0, 0, 1:]])
    return np.array(units, np.uint8)


@pytest.mark.parametrize("coding", [None, "zlib"])
@pytest.mark.parametrize("sub", [(2, 2), (2, 1), (4, 2), (1, 2)])
@pytest.mark.parametrize("strip", [8, 16])
def test_ycbcr_with_one_color_for_several_pixels(tmp_path, sub, coding, strip):
    across, down = sub
    small = np.asarray(Image.fromarray(RGB).convert("YCbCr"))[: 16 // down, : 24 // across]
    ycc = small.repeat(down, axis=0).repeat(across, axis=1)
    ycc[..., 0] = RGB[:16, :24, 0]
    bodies = [_subsampled(ycc[top : top + strip], *sub).tobytes() for top in range(0, 16, strip)]
    bodies = [zlib.compress(body) if coding else body for body in bodies]
    path = tif(tmp_path / "a.tif", ycc, photometric="ycbcr", rowsperstrip=strip, compression=coding)
    raw = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        tags = file.pages[0].tags
        start = len(raw)
        for k, body in enumerate(bodies):
            form = {3: "H", 4: "I"}
            for tag, value in ((273, start), (279, len(body))):
                kind = form[int(tags[tag].dtype)]
                struct.pack_into("<" + kind, raw, tags[tag].valueoffset + k * struct.calcsize(kind), value)
            start += len(body)
        entry = tags[530].offset if 530 in tags else tags[296].offset
    struct.pack_into("<HHIHH", raw, entry, 530, 3, 2, *sub)
    path.write_bytes(bytes(raw) + b"".join(bodies))
    expected = np.asarray(Image.fromarray(ycc, "YCbCr").convert("RGB")).astype(int)
    assert np.abs(read_photo(path, codes=True).rgb - expected).max() <= 1


# From D50 to D65, by Bradford (Lindbloom, "Chromatic adaptation").
BRADFORD = np.array(
    [[0.9555766, -0.0230393, 0.0631636], [-0.0282895, 1.0099416, 0.0210077], [0.0122982, -0.0204830, 1.3299098]]
)


@pytest.mark.parametrize("photometric", [8, 9])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_lab_is_read_as_scikit_image_has_it(tmp_path, photometric, dtype):
    """Photoshop writes CIELab (8), where a and b are signed, and ICCLab (9)."""
    lab = rgb2lab(RGB // 2 + 64).round()  # whole numbers, and well inside sRGB whatever the white
    expected = xyz2rgb(lab2xyz(lab, illuminant="D50") @ BRADFORD.T)
    unit = 1 if dtype == np.uint8 else 256
    highest = {(8, 1): 255, (8, 256): 65535, (9, 1): 255, (9, 256): 65280}[photometric, unit]
    stored = np.empty(lab.shape, dtype)
    stored[..., 0] = np.rint(lab[..., 0] / 100 * highest)
    stored[..., 1:] = (lab[..., 1:] * unit + (128 * unit if photometric == 9 else 0)).astype(int) % (256 * unit)
    path = tif(tmp_path / "a.tif", stored, photometric="cielab")
    raw = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        struct.pack_into("<H", raw, file.pages[0].tags[262].valueoffset, photometric)
    path.write_bytes(raw)
    photo = read_photo(path)
    assert photo.bits == 8 * stored.itemsize and photo.notes == []
    assert np.abs(photo.rgb - expected).max() < (2 / 255 if unit == 1 else 1e-3)


@pytest.mark.parametrize("kind", ["L", "RGB", "1"])
def test_jpeg_and_fax_in_a_tiff_are_read_as_pillow_has_them(tmp_path, kind):
    image = Image.fromarray(RGB).convert(kind)
    for coding in ("group3", "group4", "tiff_ccitt") if kind == "1" else ("jpeg",):
        image.save(tmp_path / "a.tif", compression=coding)
        with Image.open(tmp_path / "a.tif") as seen:
            expected = np.asarray(seen.convert("RGB"))
        photo = read_photo(tmp_path / "a.tif", codes=True)
        rgb = photo.rgb if photo.rgb.ndim == 3 else photo.rgb[..., None].repeat(3, axis=-1)
        assert np.array_equal(rgb, expected)
        assert photo.was_grey == (kind != "RGB")


NAMED = [
    (DEEP[..., :3].astype(np.uint32) << 4, {"photometric": "rgb"}, "at most 16 bits a channel, got uint32"),
    (-DEEP[..., 0].astype(np.int16), {"photometric": "minisblack"}, "at most 16 bits a channel, got int16"),
    (DEEP[..., 0], {"photometric": "cfa"}, "expected a developed photo, got a camera's raw data"),
    (DEEP[..., :3], {"photometric": "linear_raw"}, "expected a developed photo, got a camera's raw data"),
    (SHARE[..., :3], {"photometric": "logluv"}, "expected grey, RGB, CMYK, YCbCr or Lab, got LOGLUV"),
    (DEEP.repeat(3, axis=-1), {"photometric": "rgb"}, "expected 3 to 8 channels, got 12"),
    (SHARE[..., 0].astype(np.complex64), {"photometric": "minisblack"}, "at most 16 bits a channel, got complex64"),
]


@pytest.mark.parametrize(("data", "options", "message"), NAMED, ids=[message[:40] for _, _, message in NAMED])
def test_what_is_no_photo_is_named_for_what_it_is(tmp_path, data, options, message):
    with pytest.raises(ColorizeError, match=message) as caught:
        read_photo(tif(tmp_path / "a.tif", data, **options))
    assert caught.value.status == 1


@pytest.mark.parametrize(("code", "name"), [(34712, "JPEG2000"), (50001, "WEBP"), (50000, "ZSTD"), (34887, "LERC")])
def test_a_coding_that_is_not_there_is_named(tmp_path, code, name):
    """Where imagecodecs is installed the data are found to be none of these: another line, and no traceback."""
    path = tif(tmp_path / "a.tif", RGB, photometric="rgb")
    raw = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        struct.pack_into("<H", raw, file.pages[0].tags[259].valueoffset, code)
    path.write_bytes(raw)
    try:
        import imagecodecs  # noqa: F401
    except ImportError:
        expected = f"compression can be read, got {name} of 8 bits; `pip install imagecodecs` adds it"
    else:
        expected = "expected a whole photo"
    with pytest.raises(ColorizeError, match=expected):
        read_photo(path)


@pytest.mark.parametrize("coding", ["zstd", "jpeg2000", "webp", "lerc", "jpegxl", "png", "lzw"])
def test_codings_of_imagecodecs(tmp_path, coding):
    pytest.importorskip("imagecodecs")
    options = {"compressionargs": {"level": 100, "lossless": True}} if coding in ("webp", "jpegxl") else {}
    for data in [RGB] if coding == "webp" else [RGB, DEEP[..., :3], DEEP[..., 0]]:
        kind = "rgb" if data.ndim == 3 else "minisblack"
        path = tif(tmp_path / "a.tif", data, photometric=kind, compression=coding, **options)
        assert np.array_equal(read_photo(path, codes=True).rgb, data)


def test_lab_without_color_is_grey_of_that_lightness(tmp_path):
    """Whatever the white: scikit-image has another than TIFF."""
    lightness = np.linspace(0, 255, 64).round().astype(np.uint8)
    data = np.zeros((4, 64, 3), np.uint8)
    data[..., 0] = lightness
    rgb = read_photo(tif(tmp_path / "a.tif", data, photometric="cielab")).rgb
    expected = lab2rgb(np.stack([lightness * (100 / 255), 0 * lightness, 0 * lightness], axis=-1))
    assert np.abs(rgb - expected).max() < 1 / 255
