"""PNGs that are damaged where no pixels are: the pixels are read, and a line says what is missing."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from test_told_color import png

from colorize_utils.errors import ColorizeError
from colorize_utils.photos.reading import read_mark, read_photo, write_photo
from colorize_utils.photos.spliced import spliced

COLOR = np.random.default_rng(0).integers(0, 256, (33, 21, 3), dtype=np.uint8)
KINDS = {
    "8": COLOR,
    "16": COLOR.astype(np.uint16) * 257,
    "grey": COLOR[..., 0],
    "16 grey": COLOR[..., 0].astype(np.uint16),
}
XMP = "<x:xmpmeta xmlns:x='adobe:ns:meta/'><!--{}--><rdf:RDF xmlns:rdf='r'></rdf:RDF></x:xmpmeta>"


def read(tmp_path, data):
    (tmp_path / "a.png").write_bytes(data)
    return read_photo(tmp_path / "a.png", codes=True)


def refused(tmp_path, data):
    with pytest.raises(ColorizeError) as caught:
        read(tmp_path, data)
    return str(caught.value)


def chunk(data, name):
    """Where a chunk stands: begin and end."""
    at = data.index(name) - 4
    return at, at + 12 + struct.unpack(">I", data[at : at + 4])[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_png_without_its_end_is_read_if_all_its_pixels_are_there(tmp_path, kind):
    whole = png(KINDS[kind])
    end = chunk(whole, b"IDAT")[1]
    assert read(tmp_path, whole[:-1]).notes == []
    for cut in (end + 3, end, end - 2, end - 4, end - 6):  # of the last two the sums of what was packed are missing
        photo = read(tmp_path, whole[:cut])
        assert np.array_equal(photo.rgb, KINDS[kind]), cut
        assert photo.notes == ["its end is missing; its pixels are whole"]
    for cut in (end - 40, end - 200):
        assert "truncated" in refused(tmp_path, whole[:cut])


def test_an_interlaced_png_without_its_end_is_read_too(tmp_path):
    Image.fromarray(COLOR).save(tmp_path / "flat.png")
    height, width = COLOR.shape[:2]
    rows = b""
    for x, y, dx, dy in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        rows += b"".join(b"\0" + row.tobytes() for row in COLOR[y::dy, x::dx])  # PNG specification, 8.1
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(rows))]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    )
    assert np.array_equal(read(tmp_path, data).rgb, COLOR)
    parts[1] = (b"IDAT", zlib.compress(rows[:-30]))
    short = data[: data.index(b"IDAT") - 4] + struct.pack(">I", len(parts[1][1])) + b"IDAT" + parts[1][1]
    assert "truncated" in refused(tmp_path, short + struct.pack(">I", zlib.crc32(b"IDAT" + parts[1][1])))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [b"pHYs", b"tEXt", b"gAMA", b"eXIf", b"tIME", b"zzZz"])
def test_a_wrong_checksum_beside_the_pixels_costs_that_chunk(tmp_path, kind, name):
    whole = bytearray(png(KINDS[kind], (name, b"something\0or other")))
    whole[chunk(whole, name)[1] - 1] ^= 1
    photo = read(tmp_path, bytes(whole))
    assert np.array_equal(photo.rgb, KINDS[kind])
    assert photo.notes == [f"its chunk {name.decode()} is damaged and was left out"]


@pytest.mark.parametrize("name", [b"IHDR", b"IDAT", b"tRNS"])
def test_a_wrong_checksum_of_pixels_is_refused(tmp_path, name):
    whole = bytearray(png(COLOR, (b"tRNS", bytes(6))))
    whole[chunk(whole, name)[1] - 1] ^= 1
    assert "a PNG whose checksum is wrong" in refused(tmp_path, bytes(whole))


def test_texts_and_xmp_of_megabytes_do_not_refuse_a_photo(tmp_path):
    """Pillow refuses a PNG with a text of more than 1 MB; chunks that are not of pixels are not shown to it."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "x" * 2_000_000, zip=True)
    info.add_itxt("XML:com.adobe.xmp", XMP.format("0123456789" * 130_000), zip=True)
    Image.fromarray(COLOR).save(tmp_path / "a.png", pnginfo=info)
    with pytest.raises(ValueError, match="MAX_TEXT_CHUNK"):
        Image.open(tmp_path / "a.png").load()
    photo = read_photo(tmp_path / "a.png", codes=True)
    assert np.array_equal(photo.rgb, COLOR) and photo.notes == [] and len(photo.xmp) > 1_300_000
    assert zlib.decompress(photo.texts[0][1].split(b"\0", 1)[1][1:]) == b"x" * 2_000_000
    write_photo(tmp_path / "b.png", photo.rgb, like=photo)
    assert read_photo(tmp_path / "b.png").texts == photo.texts and read_mark(tmp_path / "b.png") is None


def test_what_is_longer_than_our_own_bounds_is_left_out_with_a_line(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", XMP.format("0123456789" * 500_000), zip=True)
    info.add(b"zzZz", bytes(2**24 + 1))
    Image.fromarray(COLOR).save(tmp_path / "a.png", pnginfo=info)
    photo = read_photo(tmp_path / "a.png", codes=True)
    assert np.array_equal(photo.rgb, COLOR) and photo.xmp is None
    assert photo.notes == ["its chunk zzZz is too long and was left out", "its XMP data is too long and was left out"]


def test_a_text_that_unpacks_to_gigabytes_is_never_unpacked(tmp_path):
    packer = zlib.compressobj(9)
    bomb = b"".join([*(packer.compress(bytes(2**22)) for _ in range(256)), packer.flush()])  # 1 GB in 1 MB
    data = png(COLOR, (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb), (b"iCCP", b"one\0\0" + bomb))
    photo = read(tmp_path, data)
    assert np.array_equal(photo.rgb, COLOR) and "its color profile is damaged and was left out" in photo.notes


def test_metadata_of_imagemagick_s_texts_is_kept(tmp_path):
    exif = Image.Exif()
    exif[271] = "Kodak"
    digits = exif.tobytes().hex()
    info = PngImagePlugin.PngInfo()
    info.add_text("Raw profile type exif", f"\nexif\n{len(digits) // 2:8d}\n{digits}\n", zip=True)
    info.add_text("Raw profile type iptc", "\niptc\n       2\nabcd\n", zip=True)
    Image.fromarray(COLOR).save(tmp_path / "a.png", pnginfo=info)
    photo = read_photo(tmp_path / "a.png")
    assert b"Kodak" in photo.exif and [body[:21] for _, body in photo.texts] == [b"Raw profile type iptc"]


@pytest.mark.parametrize("bits", [8, 16])
def test_the_shape_of_pixels_that_are_not_square_is_kept(tmp_path, bits):
    values = KINDS["8"] if bits == 8 else KINDS["16"]
    photo = read(tmp_path, png(values, (b"pHYs", struct.pack(">IIB", 1, 2, 0))))
    assert photo.aspect == (1, 2) and "not square (density 1:2)" in photo.notes[0]
    for name in ("b.png", "b.jpg", "b.tif"):
        write_photo(tmp_path / name, photo.rgb, like=photo)
    assert read_photo(tmp_path / "b.png").aspect == (1, 2) == read_photo(tmp_path / "b.jpg").aspect
    with Image.open(tmp_path / "b.tif") as image:
        assert (image.tag_v2[282], image.tag_v2[283], image.tag_v2[296]) == (1, 2, 1)


def test_what_other_programs_keep_in_a_png_and_behind_it_is_said(tmp_path):
    photo = read(tmp_path, png(COLOR, (b"caBX", b"content credentials"), (b"iDOT", bytes(28))) + bytes(100))
    assert photo.notes == [
        "what follows the picture in its file (100 bytes) was left out",
        "what other programs keep in its chunks caBX was left out",
    ]


def test_a_picture_that_is_too_large_is_refused_before_it_is_unpacked(tmp_path):
    whole = png(COLOR)
    head = struct.pack(">II", 60_000, 60_000) + whole[24:29]
    data = whole[:16] + head + struct.pack(">I", zlib.crc32(b"IHDR" + head)) + whole[33:-12]
    assert "at most 300,000,000 pixels, got 60000x60000" in refused(tmp_path, data)


@pytest.mark.parametrize(("color", "clear", "allowed"), [(0, 0, 1), (2, 0, 1), (2, 1, 0), (4, 0, 0), (6, 0, 0)])
def test_values_that_would_fill_the_memory_cost_a_line(tmp_path, color, clear, allowed):
    """17,000x17,000 of 16 bits: with alpha they take 2.3 GB, and 2 MB can promise them."""
    whole = png(COLOR)
    head = struct.pack(">2I5B", 17_000, 17_000, 16, color, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"tRNS", bytes(6)), (b"IDAT", zlib.compress(bytes(9)))]
    body = b"".join(
        struct.pack(">I", len(v)) + k + v + struct.pack(">I", zlib.crc32(k + v))
        for k, v in chunks
        if clear or k != b"tRNS"
    )
    size = "got 17000x17000 that take 2,312,000,000"
    for end in (whole[-12:], b""):
        line = refused(tmp_path, whole[:8] + body + end)
        assert (size not in line and "whole photo" in line) if allowed else size in line


def test_pieces_read_as_one_file():
    file = io.BytesIO(bytes(range(100)))
    one = spliced(file, [b"ab", (10, 2), (12, 3), b"", (50, 3), b"z"])
    whole = b"ab" + bytes(range(10, 15)) + bytes(range(50, 53)) + b"z"
    assert one.read() == whole
    for start in range(len(whole) + 2):
        for count in range(len(whole) + 2):
            one.seek(start)
            assert one.read(count) == whole[start : start + count] and one.tell() == min(start + count, max(start, 11))
    assert one.seek(-1, 2) == 10 and one.read() == b"z"
