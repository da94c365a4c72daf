"""What goes into an output beside the pixels, and the line for what has no place or no room there."""

import numpy as np
import pytest
from PIL import Image

from colorize_utils.photos.exif import CAMERA, MAKERNOTE, Value, fitted, read_block, text, write_block
from colorize_utils.photos.provenance import Maker
from colorize_utils.photos.reading import Photo, read_mark, read_photo, write_photo

RGB = np.random.default_rng(0).integers(0, 256, (12, 17, 3), dtype=np.uint8)
MAKER = Maker("little one", "7")
PACKET = (
    "<x:xmpmeta xmlns:x='adobe:ns:meta/'>\n<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>{}</rdf:RDF>"
    "</x:xmpmeta>{}<?xpacket end='w'?>"
)


def camera_exif(note, others=()):
    camera = {36867: text("1931:05:06 07:08:09"), MAKERNOTE: Value(7, note, 88)} | dict(others)
    return write_block({271: text("Kodak"), 306: text("2024:01:02 03:04:05"), CAMERA: camera})


def kept_in(path):
    with Image.open(path) as image:
        block = image.info["exif"]
    return read_block(block)[0], block


@pytest.mark.parametrize("length", [65_000, 65_280, 65_330, 65_370])
def test_an_almost_full_exif_keeps_camera_dates_and_the_maker_s_note(tmp_path, length):
    note = bytes(np.random.default_rng(1).integers(0, 256, length, dtype=np.uint8))
    photo = Photo(None, exif=camera_exif(note))
    write_photo(tmp_path / "a.jpg", RGB, like=photo, made=MAKER)
    found, block = kept_in(tmp_path / "a.jpg")
    assert (
        found[271].data == b"Kodak\0"
        and found[306].data.startswith(b"2024")
        and found[CAMERA][36867].data.startswith(b"1931")
    )
    assert found[CAMERA][MAKERNOTE].data == note and block.index(note) == 88 + 6  # where it was: it may hold places
    assert photo.notes == ([] if 305 in found else ["its EXIF data are almost full: what colored it is not said there"])
    assert (305 in found) == (length < 65_300)


def test_the_least_goes_first_and_a_maker_s_note_last(tmp_path):
    photo = Photo(
        None, exif=camera_exif(bytes(60_000), {37510: Value(7, bytes(20_000)), 59932: Value(7, bytes(3_000))})
    )
    write_photo(tmp_path / "a.jpg", RGB, like=photo, made=MAKER)
    found, _ = kept_in(tmp_path / "a.jpg")
    assert 37510 not in found[CAMERA] and len(found[CAMERA][MAKERNOTE].data) == 60_000 and 305 in found
    assert photo.notes == ["its EXIF data are too long for a JPEG; left out of it: 0x9286"]
    block, lost = fitted(read_block(camera_exif(bytes(70_000)))[0], 65_533)
    assert lost[-1] == MAKERNOTE and len(block) < 200
    write_photo(tmp_path / "a.png", RGB, like=Photo(None, exif=camera_exif(bytes(70_000))), made=MAKER)
    assert len(kept_in(tmp_path / "a.png")[0][CAMERA][MAKERNOTE].data) == 70_000  # a PNG has room


@pytest.mark.parametrize("size", [10, 3_000])
def test_of_thousands_of_tags_as_many_stay_as_have_room(size):
    directory = {tag: Value(7, bytes(size)) for tag in range(50_000, 54_000)} | {271: text("Kodak")}
    block, lost = fitted(directory, 65_533)
    found, whole = read_block(block)
    assert whole and found[271].data == b"Kodak\0" and len(found) + len(lost) == 4_001
    assert 65_533 - len(block) < size + 12 + 2


def test_an_almost_full_xmp_keeps_all_but_our_mark(tmp_path):
    full = PACKET.format("<rdf:Description rdf:about=''>" + "x" * 65_000 + "</rdf:Description>", "").encode()
    photo = Photo(None, xmp=full)
    write_photo(tmp_path / "a.jpg", RGB, like=photo, made=MAKER)
    assert read_photo(tmp_path / "a.jpg").xmp == full
    assert photo.notes == ["its XMP data are almost full: what colored it is not said there"]
    assert read_mark(tmp_path / "a.jpg") == str(MAKER)
    filled = PACKET.format("<rdf:Description rdf:about='' dc:title='Oma' xmlns:dc='d'/>", " " * 65_100).encode()
    photo = Photo(None, xmp=filled)
    write_photo(tmp_path / "b.jpg", RGB, like=photo, made=MAKER)
    found = read_photo(tmp_path / "b.jpg").xmp
    assert photo.notes == [] and b"DigitalSourceType" in found and b"dc:title='Oma'" in found


@pytest.mark.parametrize(
    ("suffix", "lines"),
    [
        (".jpg", {"its transparency", "its texts", "of its 16 bits a channel 8"}),
        (".png", {"its IPTC data", "its Photoshop data"}),
        (".tif", {"its Photoshop data", "its comments", "its texts"}),
        (
            ".webp",
            {
                "its IPTC data",
                "its Photoshop data",
                "its comments",
                "its texts",
                "its resolution",
                "of its 16 bits a channel 8",
            },
        ),
        (
            ".bmp",
            {
                "its EXIF data",
                "its XMP data",
                "its IPTC data",
                "its Photoshop data",
                "its comments",
                "its texts",
                "of its 16 bits a channel 8",
            },
        ),
    ],
)
def test_what_a_format_has_no_place_for_is_said(tmp_path, suffix, lines):
    exif = write_block({271: text("Kodak")})
    photo = Photo(
        None, alpha=RGB[..., 0] / np.float32(255), bits=16, exif=exif, xmp=PACKET.format("", "").encode(),
        iptc=b"\x1c\x02x\0\x03Oma",
        photoshop=(b"8BIM\x04\x0a\0\0\0\0\0\1\1",), comments=(b"Oma",), texts=((b"tEXt", b"Title\0Oma"),),
        dpi=(300, 300),
    )  # fmt: skip
    write_photo(tmp_path / f"a{suffix}", RGB, like=photo, made=MAKER)
    assert len(photo.notes) == len(lines)
    assert all(any(note.startswith(line) for note in photo.notes) for line in lines), photo.notes


def test_a_png_called_jpg_says_that_its_transparency_goes(tmp_path):
    Image.fromarray(np.dstack([RGB, RGB[..., 0]])).save(tmp_path / "a.jpg", "PNG")
    photo = read_photo(tmp_path / "a.jpg")
    write_photo(tmp_path / "b.jpg", photo.rgb, like=photo)
    assert photo.notes == ["its transparency cannot be kept: a JPEG has no place for it"]
    photo = Photo(None, alpha=np.full(RGB.shape[:2], 255, np.uint8))
    write_photo(tmp_path / "c.jpg", RGB, like=photo)
    assert photo.notes == []  # nothing was seen through


def test_the_comment_of_a_gif_becomes_a_text(tmp_path):
    Image.fromarray(RGB[..., 0]).save(tmp_path / "a.gif", comment=b"Oma 1931")
    photo = read_photo(tmp_path / "a.gif")
    write_photo(tmp_path / "b.png", photo.rgb, like=photo)
    with Image.open(tmp_path / "b.png") as image:
        assert image.text["Comment"] == "Oma 1931"
