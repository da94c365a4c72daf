"""EXIF and its neighbors: every value as it was, byte by byte, but for what the picture itself changed."""

import shutil
import struct
import subprocess
import tracemalloc

import numpy as np
import pytest
import tifffile
from PIL import Image, PngImagePlugin

from colorize_utils.inference.folders import colorize_files
from colorize_utils.photos.exif import read_block, write_block
from colorize_utils.photos.provenance import Maker
from colorize_utils.photos.reading import read_photo, write_photo

RGB = np.random.default_rng(0).integers(0, 256, (12, 17, 3), dtype=np.uint8)
CAPTION = "Großmutter am See © Kešelj 📷".encode()
NOTE = b"Brownie\0\0II*\0" + bytes(range(40))
IPTC = b"\x1c\x02\x78\0\x0bOma am See!"  # 16 bytes
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8}


def packed(order, kind, values):
    form = {3: "H", 4: "I", 5: "I", 9: "i"}.get(kind)
    return values if form is None else struct.pack(f"{order}{len(values)}{form}", *values)


def directory(order, tags, start, following=0):
    """A TIFF directory by hand (TIFF 6.0, section 2): tag -> (type, bytes or numbers, or a dict), to stand at start."""
    rows, values = b"", b""
    behind = start + 2 + 12 * len(tags) + 4
    for tag, value in sorted(tags.items()):
        if isinstance(value, dict):
            kind, count, data = 4, 1, struct.pack(order + "I", behind + len(values))
            values += directory(order, value, behind + len(values))
        else:
            kind, data = value[0], packed(order, *value)
            count = len(data) // SIZES[kind]
        if len(data) > 4:
            data, more = struct.pack(order + "I", behind + len(values)), data
            values += more + bytes(len(more) % 2)
        rows += struct.pack(order + "HHI", tag, kind, count) + data.ljust(4, b"\0")
    return struct.pack(order + "H", len(tags)) + rows + struct.pack(order + "I", following) + values


def tags(orientation=6):
    return {
        270: (2, CAPTION + b"\0"), 271: (2, b"Kodak\0"), 274: (3, [orientation]), 33432: (2, "© Oma\0".encode()),
        282: (5, [300, 1]), 283: (5, [300, 1]), 296: (3, [2]), 40091: (1, "Großmutter\0".encode("utf-16-le")),
        34665: {
            36864: (7, b"0230"), 36867: (2, b"1931:05:06 07:08:09\0"), 37121: (7, b"\1\2\3\0"), 33434: (5, [1, 100]),
            37380: (10, struct.pack("<2i", -1, 3)), 37500: (7, NOTE), 37510: (7, b"UNICODE\0\x7f\x01"),
            40961: (3, [65535]), 40962: (3, [17]), 40963: (3, [12]), 40965: {1: (2, b"R03\0")},
        },
        34853: {0: (1, b"\2\3\0\0"), 1: (2, b"N\0"), 2: (5, [43, 1, 51, 1, 20, 1])},
    }  # fmt: skip


def block(order="<", **how):
    first = directory(order, tags(**how), 8)
    small = directory(order, {259: (3, [6]), 513: (4, [8]), 514: (4, [4])}, 8 + len(first))  # a thumbnail
    whole = directory(order, tags(**how), 8, 8 + len(first)) + small
    return b"Exif\0\0" + struct.pack(order + "2sHI", b"II" if order == "<" else b"MM", 42, 8) + whole


def parsed(data, order="<", at=None):
    """Tag -> (type, bytes), or a dict, and the place of the next directory; apart from what is tested."""
    at = struct.unpack_from(order + "I", data, 4)[0] if at is None else at
    (count,) = struct.unpack_from(order + "H", data, at)
    found = {}
    for k in range(count):
        tag, kind, number, value = struct.unpack_from(order + "HHI4s", data, at + 2 + 12 * k)
        place = struct.unpack(order + "I", value)[0]
        if tag in (34665, 34853, 40965):
            found[tag] = parsed(data, order, place)[0]
        else:
            size = SIZES[kind] * number
            found[tag] = kind, value[:size] if size <= 4 else data[place : place + size]
    return found, struct.unpack_from(order + "I", data, at + 2 + 12 * count)[0]


def expected():
    little = tags()
    little[34665] |= {40961: (3, [1]), 40962: (3, [12]), 40963: (3, [17]), 40965: {1: (2, b"R98\0")}}
    little[274] = (3, [1])

    def as_bytes(some):
        return {
            tag: as_bytes(value) if isinstance(value, dict) else (value[0], packed("<", *value))
            for tag, value in some.items()
        }

    return as_bytes(little)


def exif_in(path):
    with Image.open(path) as image:
        image.load()
        return image.info["exif"].removeprefix(b"Exif\0\0")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_value_stays_the_bytes_it_was(tmp_path, suffix, order):
    how = block(order)
    if order == ">":  # fractions of a sign are not turned by the helper above
        how = how.replace(struct.pack("<2i", -1, 3), struct.pack(">2i", -1, 3))
    Image.fromarray(RGB).save(tmp_path / f"a{suffix}", exif=how)
    photo = read_photo(tmp_path / f"a{suffix}")
    assert photo.notes == [] and photo.rgb.shape == (17, 12, 3)
    write_photo(tmp_path / f"b{suffix}", photo.rgb, like=photo)
    found, following = parsed(exif_in(tmp_path / f"b{suffix}"))
    assert found == expected()
    assert following == 0  # the thumbnail was grey


def test_the_makers_note_stays_where_it_was_for_places_in_it_are_counted_from_the_beginning(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.jpg", exif=block())
    photo = read_photo(tmp_path / "a.jpg")
    write_photo(tmp_path / "b.jpg", photo.rgb, like=photo, made=Maker("m", "1"))
    before, after = exif_in(tmp_path / "a.jpg"), exif_in(tmp_path / "b.jpg")
    assert before.count(NOTE) == after.count(NOTE) == 1 and before.index(NOTE) == after.index(NOTE)
    found, _ = parsed(after)
    assert b"ColorizeIMG" in found.pop(305)[1] and found == expected()


@pytest.mark.parametrize(("kind", "order"), [*((k, o) for k in ("8", "16", "pages") for o in "<>"), ("big", "<")])
def test_a_tiff_keeps_its_captions(tmp_path, kind, order):
    """tifffile writes them, tifffile reads them; the second page has its own."""
    data = RGB if kind in ("8", "pages") else RGB.astype(np.uint16) * 257
    with tifffile.TiffWriter(tmp_path / "a.tif", byteorder=order, bigtiff=kind == "big") as file:
        for page in range(2 if kind == "pages" else 1):
            more = [(315, 2, 0, f"Großmutter {page}".encode(), True), (40091, 1, 0, b"G\0r\0\xdf\0", True)]
            more += [
                (700, 7, 0, b"<x xmlns:rdf='r'><rdf:RDF></rdf:RDF></x>", True),
                (33723, 4, 4, IPTC, True),
            ]  # as Adobe has it
            file.write(data, photometric="rgb", extratags=more, metadata=None, description=CAPTION, software=False)
    photo = read_photo(tmp_path / "a.tif")
    assert photo.xmp.startswith(b"<x ")
    outcome = colorize_files(lambda rgb, size=None, out=None: rgb, [(tmp_path / "a.tif", tmp_path / "b.tif")])
    assert outcome.failed == []
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        for number, page in enumerate(file.pages):
            raw = page.tags[315].value if isinstance(page.tags[315].value, bytes) else page.tags[315].value.encode()
            assert raw.rstrip(b"\0") == f"Großmutter {number}".encode()
            assert page.tags[270].value.rstrip("\0") == CAPTION.decode()
            assert page.tags[40091].value == b"G\0r\0\xdf\0" and page.tags[33723].dtype == 4


def test_a_jpeg_keeps_its_comment_and_iptc(tmp_path):
    segment = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(IPTC)) + IPTC + bytes(len(IPTC) % 2)
    extra = b"\xff\xed" + struct.pack(">H", len(segment) + 2) + segment
    Image.fromarray(RGB).save(tmp_path / "a.jpg", comment=CAPTION, extra=extra)
    photo = read_photo(tmp_path / "a.jpg")
    write_photo(tmp_path / "b.jpg", photo.rgb, like=photo)
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.info["comment"] == CAPTION and image.info["photoshop"][0x0404] == IPTC


@pytest.mark.parametrize("bits", [8, 16])
def test_a_png_keeps_its_texts(tmp_path, bits):
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "Oma am See")
    info.add_text("Comment", "long " * 200, zip=True)
    info.add_itxt("Description", CAPTION.decode(), "de", "Beschreibung", zip=True)
    info.add_text("Software", "a scanner's")
    info.add(b"tEXt", b"no keyword at all")
    pixels = RGB if bits == 8 else RGB[..., 0].astype(np.uint16) * 257
    Image.fromarray(pixels).save(tmp_path / "a.png", pnginfo=info)
    photo = read_photo(tmp_path / "a.png")
    write_photo(tmp_path / "b.png", photo.rgb, like=photo, made=Maker("shipped", "1"))
    with Image.open(tmp_path / "a.png") as before, Image.open(tmp_path / "b.png") as after:
        assert photo.bits == bits
        for name in ("Title", "Comment", "Description"):
            assert after.text[name] == before.text[name]
        assert after.text["Description"].lang == "de"
        assert set(after.text) == {"Title", "Comment", "Description", "XML:com.adobe.xmp"}


def test_texts_of_a_png_that_are_damaged_or_too_long_cost_themselves_and_a_line(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "one")
    info.add_text("Author", "two")
    info.add_text("Comment", "x" * 2**21)
    Image.fromarray(RGB).save(tmp_path / "a.png", pnginfo=info)
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole.replace(b"Title\0one", b"Title\0oNe"))  # and the checksum stays
    photo = read_photo(tmp_path / "a.png", codes=True)
    assert photo.texts == ((b"tEXt", b"Author\0two"),) and np.array_equal(photo.rgb, RGB)
    assert photo.notes == [
        "its chunk tEXt is damaged and was left out",
        "its texts are too long and were left out in part",
    ]


@pytest.mark.parametrize("dpi", [None, (300, 300)])
def test_a_jpeg_without_a_resolution_gets_none(tmp_path, dpi):
    """Pillow says 72 dots an inch where nothing is said."""
    exif = Image.Exif()
    exif[271] = "Kodak"
    Image.fromarray(RGB).save(tmp_path / "a.jpg", exif=exif, **({"dpi": dpi} if dpi else {}))
    assert read_photo(tmp_path / "a.jpg").dpi == dpi


def test_a_damaged_tag_costs_a_line_and_itself(tmp_path):
    damaged = block().replace(struct.pack("<HHI", 270, 2, len(CAPTION) + 1), struct.pack("<HHI", 270, 2, 2**30))
    Image.fromarray(RGB).save(tmp_path / "a.jpg", exif=damaged)
    photo = read_photo(tmp_path / "a.jpg")
    assert photo.notes == ["its EXIF data is damaged and was left out in part"]
    found, _ = parsed(photo.exif.removeprefix(b"Exif\0\0"))
    assert 270 not in found and found[34665] == expected()[34665]


@pytest.mark.parametrize("exif", [b"", b"II", b"Exif\0\0", b"nothing at all", b"Exif\0\0MM\0*\xff\xff\xff\xff"])
def test_what_is_no_exif_is_an_empty_directory(exif):
    assert read_block(exif)[0] == {}


def test_directories_that_point_at_themselves_end():
    data = bytearray(block().removeprefix(b"Exif\0\0"))
    at = data.index(struct.pack("<HHI", 34665, 4, 1)) + 8
    data[at : at + 4] = struct.pack("<I", 8)
    found, whole = read_block(bytes(data))
    assert not whole and found[271].data == b"Kodak\0"
    assert parsed(write_block(found).removeprefix(b"Exif\0\0"))[0][271] == (2, b"Kodak\0")


@pytest.mark.skipif(not shutil.which("exiftool"), reason="exiftool is not installed")
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_exiftool_has_no_complaint_that_it_had_not_before(tmp_path, suffix):
    Image.fromarray(RGB).save(tmp_path / f"a{suffix}", exif=block())
    photo = read_photo(tmp_path / f"a{suffix}")
    write_photo(tmp_path / f"b{suffix}", photo.rgb, like=photo, made=Maker("m", "1"))
    said = []
    for name in "ab":
        ask = ["exiftool", "-validate", "-warning", "-a", "-ImageDescription", "-Copyright", "-XPTitle", "-s3"]
        done = subprocess.run([*ask, tmp_path / f"{name}{suffix}"], capture_output=True, text=True, timeout=60)
        said.append(done.stdout.splitlines())
    assert set(said[1][1:]) <= set(said[0][1:]) and CAPTION.decode() in said[1] and "Großmutter" in said[1]


@pytest.mark.parametrize("order", "<>")
def test_tags_that_share_one_value_cost_its_size_once_or_twice_and_not_thousands_of_times(order):
    """A PNG of 1.1 MB whose 4,000 tags named one place took 8.4 GB."""
    value = 1 << 20
    rows = b"".join(struct.pack(order + "HHII", 40_000 + k, 3, value // 2, 8 + 2 + 12 * 4000 + 4) for k in range(4000))
    block = (
        (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8) + struct.pack(order + "H", 4000) + rows
    )
    tracemalloc.start()
    found, whole = read_block(block + bytes(4) + bytes(value))
    assert len(found) == 16 and not whole and tracemalloc.get_traced_memory()[1] < 40_000_000
    tracemalloc.stop()
