"""What a picture's metadata say of its colors, read with Pillow and, apart from it, out of the file's bytes."""

import re
import shutil
import struct
import subprocess
import time
import zlib
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from colorize_utils import __version__
from colorize_utils.photos.provenance import GUESS, IPTC_EXT, SOURCE_TYPE, Maker, mark_in, software, stamped_xmp
from colorize_utils.photos.reading import Photo, read_mark, read_photo, write_photo

RGB = np.random.default_rng(0).integers(0, 256, (12, 17, 3), dtype=np.uint8)
MAKER = Maker("little one", "7")
MARK = f"ColorizeIMG {__version__} (model little one 7; {GUESS})"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about="uuid:1" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
    f'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:ext="{IPTC_EXT}" tiff:Orientation="6" '
    'ext:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/print"><dc:subject><rdf:Bag>'
    "<rdf:li>Oma &amp; Opa in Düsseldorf</rdf:li></rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>"
    '<?xpacket end="w"?>'
)
KINDS = [(".jpg", 8), (".png", 8), (".png", 16), (".tif", 8), (".tif", 16), (".webp", 8)]


def _tiff_tags(data):
    """Tag -> its bytes, of the first directory of a TIFF (TIFF 6.0, section 2)."""
    order = {b"II": "<", b"MM": ">"}[data[:2]]
    (start,) = struct.unpack_from(order + "I", data, 4)
    tags = {}
    for k in range(struct.unpack_from(order + "H", data, start)[0]):
        tag, kind, count, value = struct.unpack_from(order + "HHI4s", data, start + 2 + 12 * k)
        size = count * {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1}.get(kind, 1)
        (where,) = struct.unpack(order + "I", value)
        tags[tag] = value[:size] if size <= 4 else data[where : where + size]
    return tags


def _chunks(data, start, form, padded=False):
    while start < len(data) - 8:
        size, name = (
            struct.unpack_from(form, data, start) if form[1] == "I" else struct.unpack_from(form, data, start)[::-1]
        )
        yield name, data[start + 8 : start + 8 + size]
        start += 8 + size + (size % 2 if padded else 4)


def _packets(path):
    """(EXIF Software, XMP packet) out of the bytes of a file, by the formats' own descriptions."""
    data = path.read_bytes()
    exif = xmp = None
    if path.suffix == ".jpg":
        at = 2
        while data[at + 1] != 0xDA:
            (size,) = struct.unpack_from(">H", data, at + 2)
            body = data[at + 4 : at + 2 + size]
            if data[at + 1] == 0xE1:
                exif = body[6:] if body.startswith(b"Exif\0\0") else exif
                xmp = body[29:] if body.startswith(b"http://ns.adobe.com/xap/1.0/\0") else xmp
            at += 2 + size
    elif path.suffix == ".png":
        for name, body in _chunks(data, 8, ">I4s"):
            exif = body if name == b"eXIf" else exif
            if name == b"iTXt" and body.startswith(b"XML:com.adobe.xmp\0"):
                xmp = body[22:] if body[18] == 0 else zlib.decompress(body[22:])
    elif path.suffix == ".webp":
        for name, body in _chunks(data, 12, "<4sI", padded=True):
            exif = body.removeprefix(b"Exif\0\0") if name == b"EXIF" else exif
            xmp = body if name == b"XMP " else xmp
    else:
        exif, xmp = data, _tiff_tags(data)[700]
    return _tiff_tags(exif)[305].rstrip(b"\0").decode("ascii"), xmp.decode()


def _fields(packet):
    """Every property of the packet -> its text, namespaces spelled out."""
    root = ElementTree.fromstring(re.sub(r"<\?xpacket.*?\?>", "", packet).strip("\ufeff \n\0"))
    found = {}
    for description in root.iter(f"{{{RDF}}}Description"):
        pairs = list(description.attrib.items()) + [(child.tag, "".join(child.itertext())) for child in description]
        for name, value in pairs:
            assert name not in found or name == f"{{{RDF}}}about", f"{name} is there twice"
            found[name] = value
    return found


@pytest.mark.parametrize("before", [None, XMP.encode()], ids=["no XMP", "XMP"])
@pytest.mark.parametrize(("suffix", "bits"), KINDS)
def test_every_format_says_whose_guess_its_colors_are(tmp_path, suffix, bits, before):
    exif = Image.Exif()
    exif[305] = "SilverFast 8.8"
    path = tmp_path / f"a{suffix}"
    write_photo(path, RGB, like=Photo(None, bits=bits, exif=exif.tobytes(), xmp=before), made=MAKER)
    with Image.open(path) as image:
        assert image.getexif()[305] == f"SilverFast 8.8; {MARK}"
    assert read_mark(path) == "model little one 7"
    text, packet = _packets(path)
    assert text == f"SilverFast 8.8; {MARK}"
    fields = _fields(packet)
    assert fields[f"{{{IPTC_EXT}}}DigitalSourceType"] == SOURCE_TYPE
    assert "little one" in fields[f"{{{IPTC_EXT}}}AISystemUsed"] and "7" in fields[f"{{{IPTC_EXT}}}AISystemVersionUsed"]
    assert "guess" in fields["{http://ns.adobe.com/photoshop/1.0/}Instructions"]
    if before:
        assert fields["{http://purl.org/dc/elements/1.1/}subject"] == "Oma & Opa in Düsseldorf"
        assert fields["{http://ns.adobe.com/tiff/1.0/}Orientation"] == "1"
        assert fields[f"{{{RDF}}}about"] == "uuid:1"
    photo = read_photo(path)  # and it is a photo that can be colored once more, marked once
    assert photo.notes == [] and photo.xmp
    write_photo(path, RGB, like=photo, made=Maker("other", "8", "strength 0.5"))
    text, packet = _packets(path)
    assert text == f"SilverFast 8.8; ColorizeIMG {__version__} (model other 8, strength 0.5; {GUESS})"
    assert "other" in _fields(packet)[f"{{{IPTC_EXT}}}AISystemUsed"]


def test_a_bmp_has_no_place_for_it_and_is_written_all_the_same(tmp_path):
    write_photo(tmp_path / "a.bmp", RGB, made=MAKER)
    assert read_mark(tmp_path / "a.bmp") is None and np.array_equal(read_photo(tmp_path / "a.bmp", codes=True).rgb, RGB)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_xmp_is_read_from_every_format_and_the_photo_is_not_turned_twice(tmp_path, suffix):
    exif = Image.Exif()
    exif[274] = 6
    exif.get_ifd(34665)[40962], exif.get_ifd(34665)[40963] = 17, 12
    options = {"xmp": XMP.encode(), "exif": exif}
    if suffix == ".png":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", XMP)
    if suffix == ".tif":
        exif[700] = XMP.encode()
        options["exif"] = exif.tobytes()  # of an Exif object Pillow leaves the camera's settings out
    Image.fromarray(RGB).save(tmp_path / f"a{suffix}", **options)
    photo = read_photo(tmp_path / f"a{suffix}", codes=True)
    assert photo.xmp == XMP.encode() and photo.rgb.shape == (17, 12, 3)
    write_photo(tmp_path / f"b{suffix}", photo.rgb, like=photo, made=MAKER)
    assert 'tiff:Orientation="1"' in _packets(tmp_path / f"b{suffix}")[1]
    with Image.open(tmp_path / f"b{suffix}") as image:
        assert image.size == (12, 17) and image.getexif().get(274, 1) == 1
        assert [image.getexif().get_ifd(34665)[tag] for tag in (40962, 40963)] == [12, 17]


@pytest.mark.skipif(not shutil.which("exiftool"), reason="exiftool is not installed")
@pytest.mark.parametrize(("suffix", "bits"), KINDS)
def test_exiftool_reads_it_too(tmp_path, suffix, bits):
    path = tmp_path / f"a{suffix}"
    write_photo(path, RGB, like=Photo(None, bits=bits, xmp=XMP.encode()), made=MAKER)
    command = [
        "exiftool",
        "-s3",
        "-IFD0:Software",
        "-XMP-iptcExt:DigitalSourceType",
        "-XMP-dc:Subject",
        "-Warning",
        path,
    ]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.splitlines()
    assert said[0] == MARK and said[1].endswith(("compositeWithTrainedAlgorithmicMedia", "Media)"))
    assert said[2:] == ["Oma & Opa in Düsseldorf"]


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "packet",
    [
        b"no XML",
        b"\xff\xfe<\0x\0",
        XMP.encode()[:300],
        XMP.replace("</dc:subject>", "").encode(),
        XMP.replace("<x:xmpmeta", BOMB + "<x:xmpmeta").encode(),
        (f'<x xmlns:rdf="{RDF}">' + "".join(f'<a xmlns:p{k}="{IPTC_EXT}"/>' for k in range(9)) + "</x>").encode(),
    ],
    ids=["text", "UTF-16", "cut", "unclosed", "entities", "names"],
)
def test_damaged_xmp_costs_a_line_not_the_picture(packet):
    notes = []
    assert _fields(stamped_xmp(packet, MAKER, notes).decode())[f"{{{IPTC_EXT}}}DigitalSourceType"] == SOURCE_TYPE
    assert notes == ["its XMP data is damaged and was left out"]


def test_no_packet_takes_long():
    heads = [
        "<ext:DigitalSourceType ",
        "<ext:DigitalSourceType>",
        "<?xpacket ",
        "rdf:about=",
        "<tiff:Orientation ",
        "<!--",
    ]
    for text in heads:
        packet = XMP.replace("<dc:subject>", text * (2**20 // len(text)) + "<dc:subject>").encode()
        began = time.perf_counter()
        stamped_xmp(packet, MAKER, [])
        assert time.perf_counter() - began < 5, text


def test_xmp_too_long_for_a_jpeg_is_replaced_by_ours(tmp_path):
    long = XMP.replace("Oma", "Oma " * 20_000).encode()
    photo = Photo(None, xmp=long)
    write_photo(tmp_path / "a.jpg", RGB, like=photo, made=MAKER)
    assert "Oma" not in _packets(tmp_path / "a.jpg")[1] and SOURCE_TYPE in _packets(tmp_path / "a.jpg")[1]
    assert photo.notes == ["its XMP data is too long for a JPEG and was left out"]


def test_exif_that_cannot_be_written_leaves_the_mark(tmp_path):
    exif = Image.Exif()
    exif[270] = "x" * 90_000
    photo = Photo(None, exif=exif.tobytes())
    write_photo(tmp_path / "a.jpg", RGB, like=photo, made=MAKER)
    assert _packets(tmp_path / "a.jpg")[0] == MARK and len(photo.notes) == 1


def test_the_mark_is_ascii_and_one_of_a_kind():
    assert software(Maker("Zoë (v2); x", "1\n2")).isascii()
    mark = software(MAKER, software(Maker("old", "1", "strength 1.5"), "GIMP 3.0"))
    assert mark == f"GIMP 3.0; {MARK}" and mark_in(mark) == "model little one 7"
    assert mark_in(None) is mark_in("Photoshop") is mark_in("ColorizeIMG " * 10_000) is None
    assert str(Maker()) == "model of unknown name"
