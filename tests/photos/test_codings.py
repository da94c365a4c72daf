"""Codings that Pillow reads by halves or not at all: JPEG 2000 at every depth, AVIF, JPEGs of 12 bits, JPEG-LS."""

import struct
import sys

import cv2
import numpy as np
import pytest
from PIL import Image
from test_deep_color import ADOBE, GAMMA, _profile
from test_exif import block
from test_jpeg import SMOOTH
from test_told_color import by_littlecms

from colorize_utils.errors import ColorizeError
from colorize_utils.inference.folders import colorize_files, plan
from colorize_utils.photos import jp2
from colorize_utils.photos.finding import HIDDEN, NO_PHOTO, find_photos
from colorize_utils.photos.jp2 import read_jp2
from colorize_utils.photos.reading import read_photo

RNG = np.random.default_rng(0)
CODES = RNG.integers(0, 256, (40, 41, 3), dtype=np.uint8)
DEEP = RNG.integers(0, 65536, (40, 41, 3), dtype=np.uint16)
LOSSLESS = [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000]


def _same(rgb, size=None, out=None):
    return rgb if rgb.ndim == 3 else np.dstack([rgb] * 3)


@pytest.mark.parametrize("suffix", [".jp2", ".j2k"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_jpeg_2000_of_8_bits_is_read_exactly(tmp_path, suffix, mode):
    codes = {"L": CODES[..., 0], "RGB": CODES, "RGBA": np.dstack([CODES, CODES[..., 1]])}[mode]
    Image.fromarray(codes).save(tmp_path / f"a{suffix}", irreversible=False, no_jp2=suffix == ".j2k")
    photo = read_photo(tmp_path / f"a{suffix}", codes=True)
    assert np.array_equal(photo.rgb, codes[..., :3] if mode != "L" else codes) and photo.bits == 8 and photo.notes == []
    assert (photo.alpha is not None) == (mode == "RGBA") and photo.was_grey == (mode == "L")
    assert photo.comments == ()  # an encoder's own


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_2000_of_16_bits_keeps_them_and_comes_out_as_a_png_of_16(tmp_path, channels):
    """Pillow opens color of 16 bits as 8 without a word."""
    codes = DEEP if channels == 3 else DEEP[..., 0]
    assert cv2.imwrite(str(tmp_path / "a.jp2"), codes[..., ::-1] if channels == 3 else codes, LOSSLESS)
    photo = read_photo(tmp_path / "a.jp2", codes=True)
    assert np.array_equal(photo.rgb, codes) and photo.bits == 16 and photo.notes == []
    planned = plan(find_photos([tmp_path]), tmp_path / "out")
    assert colorize_files(_same, planned).failed == []
    seen = cv2.imread(str(tmp_path / "out" / "a.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(seen[..., ::-1], codes if channels == 3 else np.dstack([codes] * 3))


def test_grey_of_16_bits_that_opencv_does_not_take_is_pillow_s(tmp_path, monkeypatch):
    assert cv2.imwrite(str(tmp_path / "a.jp2"), DEEP[..., 0], LOSSLESS)
    monkeypatch.setattr(jp2, "decoded", lambda data: None)
    photo = read_photo(tmp_path / "a.jp2", codes=True)
    assert np.array_equal(photo.rgb, DEEP[..., 0]) and photo.bits == 16


def _with_colr(data, body):
    """A JP2 whose box of color (ISO/IEC 15444-1, I.5.3.3) says something else."""
    at = data.index(b"colr") - 4
    (size,) = struct.unpack(">I", data[at : at + 4])
    new = struct.pack(">I", 8 + len(body)) + b"colr" + body
    head = data.index(b"jp2h") - 4
    (length,) = struct.unpack(">I", data[head : head + 4])
    data = data[:at] + new + data[at + size :]
    return data[:head] + struct.pack(">I", length + len(new) - size) + data[head + 4 :]


@pytest.mark.parametrize("deep", [False, True])
def test_the_profile_of_a_jpeg_2000_is_used(tmp_path, deep):
    profile = _profile(b"RGB ", GAMMA, ADOBE)
    if deep:
        assert cv2.imwrite(str(tmp_path / "a.jp2"), CODES[..., ::-1].astype(np.uint16) * 257, LOSSLESS)
    else:
        Image.fromarray(CODES).save(tmp_path / "a.jp2", irreversible=False)
    data = _with_colr((tmp_path / "a.jp2").read_bytes(), b"\2\0\0" + profile)
    (tmp_path / "a.jp2").write_bytes(data)
    photo = read_photo(tmp_path / "a.jp2")
    assert np.abs(photo.rgb * 255 - by_littlecms(CODES, profile)).max() <= 1.5 and photo.notes == []


def test_the_head_of_a_jpeg_2000_may_be_anything(tmp_path):
    Image.fromarray(CODES).save(tmp_path / "a.jp2", irreversible=False)
    data = (tmp_path / "a.jp2").read_bytes()
    for cut in range(0, 200, 7):
        (tmp_path / "b.jp2").write_bytes(data[:cut])
        with open(tmp_path / "b.jp2", "rb") as file:
            assert read_jp2(file).bits in range(1, 129)
    for cut in (20, 100, len(data) // 2):
        (tmp_path / "b.jp2").write_bytes(data[:cut])
        with pytest.raises(ColorizeError, match="b.jp2"):
            read_photo(tmp_path / "b.jp2")


def test_metadata_in_the_boxes_of_a_jpeg_2000_are_kept_and_other_boxes_said(tmp_path):
    """The uuid boxes of XMP (XMP specification part 3, 1.2.4) and EXIF as other programs write them."""
    Image.fromarray(CODES).save(tmp_path / "a.jp2", irreversible=False)
    packet = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='r'></rdf:RDF></x:xmpmeta>"
    bodies = [bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + packet, b"JpgTiffExif->JP2" + block()[6:]]
    boxes = [struct.pack(">I", 8 + len(body)) + b"uuid" + body for body in bodies]
    boxes.append(struct.pack(">I", 16) + b"xml " + b"<oma/>..")
    data = (tmp_path / "a.jp2").read_bytes()
    at = data.index(b"jp2c") - 4
    (tmp_path / "a.jp2").write_bytes(data[:at] + b"".join(boxes) + data[at:])
    photo = read_photo(tmp_path / "a.jp2", codes=True)
    expected = by_littlecms(CODES, _profile(b"RGB ", GAMMA, ADOBE))  # EXIF says Adobe RGB, and that it lies on its side
    assert np.abs(photo.rgb - np.rot90(expected, -1)).max() <= 1 and photo.xmp == packet and b"Kodak" in photo.exif
    assert photo.notes == ["what stands in its boxes xml was left out"]


def test_an_avif_of_10_bits_is_read_as_8_with_a_line(tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs")
    (tmp_path / "a.avif").write_bytes(imagecodecs.avif_encode(DEEP >> 6, level=100, bitspersample=10))
    assert read_photo(tmp_path / "a.avif").notes == ["of its more than 8 bits a channel, 8 were read"]


def test_an_avif_comes_out_as_a_png_with_its_metadata(tmp_path):
    profile = _profile(b"RGB ", GAMMA, ADOBE)
    Image.fromarray(SMOOTH).save(
        tmp_path / "a.avif", quality=100, subsampling="4:4:4", exif=block(), icc_profile=profile
    )
    planned = plan(find_photos([tmp_path]), tmp_path / "out")
    notes = []
    assert colorize_files(_same, planned, noted=lambda _, note: notes.append(note)).failed == [] and notes == []
    with Image.open(tmp_path / "out" / "a.png") as image:
        expected = by_littlecms(SMOOTH, profile)[::-1].swapaxes(0, 1)  # the block says that it lies on its side
        assert np.abs(np.asarray(image).astype(int) - expected).mean() < 3
        assert image.getexif()[271] == "Kodak"


NAMES = {"twelve": "JPEG of 12 bits", "lossless": "lossless JPEG of 16 bits", "ls": "JPEG-LS of 8 bits"}


def _coded(kind, imagecodecs):
    if kind == "twelve":
        return imagecodecs.jpeg8_encode(np.ascontiguousarray(DEEP[..., 0] >> 4), level=100, bitspersample=12)
    if kind == "lossless":
        return imagecodecs.ljpeg_encode(np.ascontiguousarray(DEEP[..., 0]), bitspersample=16)
    return imagecodecs.jpegls_encode(CODES)


@pytest.mark.parametrize("kind", NAMES)
def test_rare_jpegs_are_read_where_imagecodecs_is_installed(tmp_path, kind):
    imagecodecs = pytest.importorskip("imagecodecs")
    data = _coded(kind, imagecodecs)
    comment = b"\xff\xfe\0\x05Oma"
    (tmp_path / "a.jpg").write_bytes(data[:2] + comment + data[2:])
    photo = read_photo(tmp_path / "a.jpg", codes=True)
    expected = {"twelve": DEEP[..., 0], "lossless": DEEP[..., 0], "ls": CODES}[kind]
    assert photo.rgb.shape == expected.shape and photo.comments == (b"Oma",)
    assert np.abs(photo.rgb.astype(int) - expected).max() <= {"twelve": 200, "lossless": 0, "ls": 0}[kind]
    assert photo.bits == (8 if kind == "ls" else 16)
    planned = plan(find_photos([tmp_path]), tmp_path / "out")
    notes = []
    assert colorize_files(_same, planned, noted=lambda _, note: notes.append(note)).failed == []
    assert notes == ([] if kind == "ls" else ["of its 16 bits a channel 8 were kept: a JPEG has no more"])


# A frame of 12 bits, lossless with 16, and JPEG-LS, each 8 pixels square (ITU-T T.81, B.2.2; T.87, C.2.2).
FRAMES = {"twelve": (0xC1, 12), "lossless": (0xC3, 16), "ls": (0xF7, 8)}


@pytest.mark.parametrize("kind", NAMES)
def test_without_imagecodecs_one_line_names_the_coding_and_what_to_install(tmp_path, monkeypatch, kind):
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    marker, bits = FRAMES[kind]
    head = struct.pack(">2sBBHBHHB3s", b"\xff\xd8", 0xFF, marker, 11, bits, 8, 8, 1, b"\1\x11\0")
    (tmp_path / "a.jpg").write_bytes(head + b"\xff\xda\0\x08\1\1\0\0\x3f\0" + bytes(40) + b"\xff\xd9")
    with pytest.raises(ColorizeError) as caught:
        read_photo(tmp_path / "a.jpg")
    assert f"got {NAMES[kind]}; `pip install imagecodecs` adds it" in str(caught.value)


def test_every_ending_of_a_photo_is_found_and_what_is_left_out_is_told(tmp_path):
    names = ["a.jfif", "b.jpe", "c.mpo", "d.JP2", "e.avif", "f.jls"]
    others = ["notes.txt", ".hidden.png", "x.cr2"]
    for name in (*names, *others):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / ".git").mkdir()
    said = []
    found = find_photos([tmp_path], left_out=lambda path, why: said.append((path.name, why)))
    assert [path.name for path, _ in found] == names
    assert sorted(said) == [(".git", HIDDEN), (".hidden.png", HIDDEN), ("notes.txt", NO_PHOTO), ("x.cr2", NO_PHOTO)]
    targets = [target.name for _, target in plan(found, tmp_path / "out")]
    assert targets == ["a.jpg", "b.jpg", "c.jpg", "d.png", "e.png", "f.png"]
