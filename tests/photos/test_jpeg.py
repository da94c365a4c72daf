"""JPEGs segment by segment: what stands beside the pixels is kept or said, and pixels that are whole are read."""

import io
import shutil
import struct
import subprocess

import numpy as np
import pytest
from PIL import Image, ImageOps

from colorize_utils.errors import ColorizeError
from colorize_utils.photos.jpeg import photoshop_blocks, read_jpeg
from colorize_utils.photos.provenance import Maker
from colorize_utils.photos.reading import read_photo, write_photo
from colorize_utils.photos.xmp import without_pointers

SMOOTH = np.asarray(
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)).resize((96, 70))
)
CAMERA = "http://ns.google.com/photos/1.0/camera/"
CONTAINER = "http://ns.google.com/photos/1.0/container/"


def jpeg(*segments, behind=b"", **options):
    """A JPEG with segments, (marker, body) each, behind its beginning, and bytes behind its end."""
    data = io.BytesIO()
    Image.fromarray(SMOOTH).save(data, "JPEG", **options)
    data = data.getvalue()
    extra = b"".join(struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in segments)
    head = 20 if data[2:4] == b"\xff\xe0" else 2
    return data[:head] + extra + data[head:] + behind


def read(tmp_path, data, name="a.jpg"):
    (tmp_path / name).write_bytes(data)
    return read_photo(tmp_path / name, codes=True)


def written(tmp_path, photo, name="b.jpg", made=None):
    write_photo(tmp_path / name, SMOOTH, like=photo, made=made)
    return tmp_path / name


def packet(attributes="", inside=""):
    return (
        "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
        f"<rdf:Description rdf:about='' {attributes}>{inside}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def xmp(data):
    return 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + data


def block(number, data, name=b""):
    title = bytes([len(name)]) + name
    return (
        b"8BIM"
        + struct.pack(">H", number)
        + title
        + bytes(len(title) % 2)
        + struct.pack(">I", len(data))
        + data
        + bytes(len(data) % 2)
    )


@pytest.mark.parametrize(
    "how", [{}, {"progressive": True}, {"restart_marker_rows": 1}, {"optimize": True}, {"subsampling": 0}], ids=str
)
def test_a_jpeg_without_its_end_mark_is_read_if_its_pixels_are_whole(tmp_path, how):
    whole = jpeg(**how)
    expected = read(tmp_path, whole).rgb
    for data in (whole[:-2], whole[:-1], whole[:-2] + bytes(600)):
        photo = read(tmp_path, data)
        assert np.array_equal(photo.rgb, expected)
        assert photo.notes == ["its end mark is missing; its pixels are whole"]
    for cut in (4, 6, 40, 400):
        with pytest.raises(ColorizeError, match="expected a whole photo"):
            read(tmp_path, whole[:-cut])


def test_a_progressive_jpeg_that_lacks_a_scan_is_not_whole(tmp_path):
    whole = jpeg(progressive=True)
    scans = [at for at in range(len(whole)) if whole[at : at + 2] == b"\xff\xda"]
    tables = whole.rindex(b"\xff\xc4", 0, scans[-1])
    assert len(scans) > 3
    with pytest.raises(ColorizeError, match="expected a whole photo"):
        read(tmp_path, whole[:tables])


def test_a_picture_that_is_too_large_is_refused_before_it_is_decoded(tmp_path):
    whole = jpeg()
    at = whole.index(b"\xff\xc0") + 5
    with pytest.raises(ColorizeError, match="at most 300,000,000 pixels, got 60000x60000"):
        read(tmp_path, whole[:at] + struct.pack(">HH", 60_000, 60_000) + whole[at + 4 : -2])


def test_what_other_programs_keep_in_segments_of_their_own_is_said(tmp_path):
    photo = read(tmp_path, jpeg((0xEB, b"JP\0\1content credentials"), (0xEC, b"Ducky"), (0xE4, b"x")))
    assert photo.notes == ["what other programs keep in its segments APP4, APP11 was left out"]


def test_all_comments_are_kept(tmp_path):
    photo = read(tmp_path, jpeg((0xFE, b"Oma 1931"), (0xFE, "Gescannt von Köhler".encode())))
    assert photo.notes == []
    found = read_jpeg(open(written(tmp_path, photo), "rb")).segments
    assert [body for marker, body in found if marker == 0xFE] == [b"Oma 1931", "Gescannt von Köhler".encode()]
    with Image.open(written(tmp_path, photo, "b.png")) as image:
        assert image.text["Comment"] == "Gescannt von Köhler"  # of two Pillow gives the last
    assert b"tEXtComment\0Oma 1931" in (tmp_path / "b.png").read_bytes()


def test_clipping_path_and_copyright_flag_are_kept(tmp_path):
    path, iptc = bytes(range(52)), b"\x1c\x02\x78\0\x03Oma"
    blocks = [block(0x0404, iptc), block(0x040A, b"\1"), block(0x07D0, path, b"cut-out"), block(0x0BB7, b"\7cut-out")]
    thumbnail = block(0x040C, b"grey")
    photo = read(tmp_path, jpeg((0xED, b"Photoshop 3.0\0" + b"".join([*blocks, thumbnail]))))
    assert photo.notes == []
    with Image.open(written(tmp_path, photo)) as image:
        found = image.info["photoshop"]
    assert found[0x0404] == iptc and found[0x040A] == b"\1" and found[0x0BB7] == b"\7cut-out" and 0x040C not in found
    data = written(tmp_path, photo).read_bytes()
    assert block(0x07D0, path, b"cut-out") in data
    if shutil.which("exiftool"):
        ask = [
            "exiftool",
            "-s3",
            "-CopyrightFlag",
            "-ClippingPathName",
            "-IPTC:Caption-Abstract",
            "-warning",
            tmp_path / "b.jpg",
        ]
        said = subprocess.run(ask, capture_output=True, text=True, timeout=60).stdout.split()
        assert said == ["True", "cut-out", "Oma"]


def test_a_path_of_a_picture_that_is_turned_is_left_out_with_a_line(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    photo = read(
        tmp_path, jpeg((0xED, b"Photoshop 3.0\0" + block(0x040A, b"\1") + block(0x07D0, bytes(26))), exif=exif)
    )
    assert photo.notes == ["its clipping paths were left out, because it was turned"]
    assert photo.photoshop == (block(0x040A, b"\1")[:-1],)


@pytest.mark.parametrize("cut", range(1, 30))
def test_resource_blocks_that_are_damaged_are_kept_as_far_as_they_go(cut):
    data = block(0x040A, b"\1") + block(0x07D0, bytes(10), b"one")
    blocks, whole = photoshop_blocks(data[:-cut])  # the second takes 24 bytes; the last of the first is filling
    assert [number for number, _ in blocks] == ([0x040A] if cut <= 25 else []) and whole == (cut in (24, 25))


def test_extended_xmp_is_left_out_with_its_pointer_and_a_line(tmp_path):
    main = packet(
        "xmlns:xmpNote='http://ns.adobe.com/xmp/note/' xmpNote:HasExtendedXMP='09463CEE' xmlns:dc='d' dc:title='Oma'"
    )
    body = b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32 + struct.pack(">II", 9, 0) + bytes(30_000)
    photo = read(tmp_path, jpeg(xmp(main), (0xE1, body)))
    assert photo.notes == ["its extended XMP (30 kB) was left out"]
    assert b"HasExtendedXMP" not in photo.xmp and b"dc:title='Oma'" in photo.xmp


FILM = packet(
    f"xmlns:GCamera='{CAMERA}' GCamera:MotionPhoto='1' GCamera:MicroVideo='1' GCamera:MicroVideoOffset='5000' "
    f"xmlns:Container='{CONTAINER}' xmlns:dc='d'",
    "<Container:Directory><rdf:Seq><rdf:li rdf:parseType='Resource'><Container:Item Item:Length='5000' xmlns:Item='i'/>"
    "</rdf:li></rdf:Seq></Container:Directory><dc:title>Oma</dc:title>",
)


def test_the_film_of_a_motion_photo_is_left_out_with_what_points_to_it(tmp_path):
    photo = read(tmp_path, jpeg(xmp(FILM), behind=b"\0\0\0\x18ftypmp42" + bytes(5000)))
    assert len(photo.notes) == 1 and "5,012 bytes, as the film of a motion photo" in photo.notes[0]
    data = written(tmp_path, photo, made=Maker("m", "1")).read_bytes()
    for name in (b"MotionPhoto", b"MicroVideo", b"Directory", b"ftypmp42"):
        assert name not in data
    assert b"<dc:title>Oma</dc:title>" in data and b"DigitalSourceType" in data


def test_pointers_of_damaged_or_hostile_packets_stay_and_cost_no_time():
    assert without_pointers(b"\xff\xfe") == b"\xff\xfe"
    for inside in ("</C:Directory><C:Directory>", "<C:Directory>" * 50_000, "<C:Directory><b/></C:Directory>" * 50_000):
        data = packet(f"xmlns:C='{CONTAINER}'", inside)
        assert without_pointers(data).startswith(b"<x:xmpmeta")


def test_of_a_file_with_several_pictures_the_first_is_read_and_the_others_said(tmp_path):
    images = [Image.fromarray(SMOOTH), Image.fromarray(255 - SMOOTH)]
    images[0].save(tmp_path / "a.mpo", save_all=True, append_images=images[1:])
    photo = read_photo(tmp_path / "a.mpo")
    assert np.abs(photo.rgb * 255 - SMOOTH).mean() < 6
    assert photo.notes == ["it holds 2 pictures; the first was read, the others were left out"]
    write_photo(tmp_path / "b.jpg", photo.rgb, like=photo)
    assert Image.open(tmp_path / "b.jpg").format == "JPEG"


@pytest.mark.parametrize("turned", [1, 6])
def test_the_shape_of_pixels_that_are_not_square_is_kept(tmp_path, turned):
    exif = Image.Exif()
    exif[274] = turned
    data = bytearray(jpeg(exif=exif))
    data[13:18] = struct.pack(">BHH", 0, 1, 2)
    photo = read(tmp_path, bytes(data))
    assert photo.aspect == ((1, 2) if turned == 1 else (2, 1)) and "not square" in photo.notes[0]
    write_photo(tmp_path / "b.jpg", photo.rgb, like=photo)
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.info["jfif_density"] == photo.aspect and image.info["jfif_unit"] == 0
    write_photo(tmp_path / "b.webp", photo.rgb, like=photo)
    assert photo.notes[-1] == "the shape of its pixels cannot be kept: a WEBP has no place for it"


def test_a_resolution_turns_with_the_picture(tmp_path):
    exif = Image.Exif()
    exif[274], exif[282], exif[283], exif[296] = 6, 300, 150, 2
    photo = read(tmp_path, jpeg(exif=exif, dpi=(300, 150)))
    assert photo.dpi == (150, 300)
    with Image.open(written(tmp_path, photo)) as image:
        assert image.info["dpi"] == (150, 300) and (image.getexif()[282], image.getexif()[283]) == (150, 300)


def test_orientation_is_exif_s_and_what_xmp_alone_says_is_told(tmp_path):
    """Metadata Working Group, Guidelines 2.0: a reader follows EXIF, and does not write or follow tiff:Orientation."""
    said = packet("xmlns:tiff='http://ns.adobe.com/tiff/1.0/' tiff:Orientation='6'")
    photo = read(tmp_path, jpeg(xmp(said)))
    assert photo.rgb.shape == SMOOTH.shape and "only its XMP says" in photo.notes[0]
    exif = Image.Exif()
    exif[274] = 6
    photo = read(tmp_path, jpeg(xmp(said), exif=exif))
    assert photo.rgb.shape == ImageOps.exif_transpose(Image.open(tmp_path / "a.jpg")).size[::-1] + (3,)
    assert photo.notes == []


def test_a_damaged_profile_is_said(tmp_path):
    photo = read(tmp_path, jpeg((0xE2, b"ICC_PROFILE\0\1\2" + bytes(300))))
    assert "its color profile is damaged" in photo.notes[0]


def _promising(data, mark, form, *values):
    at = data.index(mark) + len(mark)
    return data[:at] + struct.pack(form, *values) + data[at + struct.calcsize(form) :]


SIDE = 17_000


def test_a_header_that_promises_more_than_the_file_can_hold_costs_a_line(tmp_path):
    """Decoders fill up with grey what is not there, and two kilobytes would become a picture of 289 megapixels."""
    gif = io.BytesIO()
    Image.fromarray(SMOOTH).quantize(16).save(gif, "GIF")
    files = {"gif": _promising(gif.getvalue(), b"GIF87a", "<2H", SIDE, SIDE)}
    for name, options in (("baseline", {}), ("progressive", {"progressive": True}), ("cmyk", {"progressive": True})):
        data = io.BytesIO()
        Image.fromarray(SMOOTH).convert("CMYK" if name == "cmyk" else "RGB").save(data, "JPEG", **options)
        mark = b"\xff\xc2" if options else b"\xff\xc0"
        mark += data.getvalue()[data.getvalue().index(mark) + 2 :][:3]
        files[name] = _promising(data.getvalue(), mark, ">2H", SIDE, SIDE)
    files["no end"] = files["baseline"][:-2]
    for data in files.values():
        with pytest.raises(ColorizeError, match="far fewer data than its size asks for") as caught:
            read(tmp_path, data)
        assert caught.value.status == 1 and "\n" not in str(caught.value)
        with pytest.raises(ColorizeError, match=r"expected at most 1,000 pixels"):
            (tmp_path / "b.jpg").write_bytes(data)
            read_photo(tmp_path / "b.jpg", max_pixels=1000)


@pytest.mark.parametrize("behind", [b"\xff\xd9", b""], ids=["whole", "no end"])
@pytest.mark.parametrize(
    ("mode", "subsampling", "progressive", "needed"),
    [("RGB", 0, True, "2,890,000,000"), ("RGB", 2, True, "2,023,000,000"), ("CMYK", 0, True, "3,468,000,000")],
)
def test_coefficients_that_would_fill_the_memory_cost_a_line(tmp_path, mode, subsampling, progressive, needed, behind):
    """A decoder holds all coefficients of a progressive JPEG, two bytes each: 4:4:4 or, of 4:2:0, half of them."""
    data = io.BytesIO()
    Image.fromarray(SMOOTH).convert(mode).save(data, "JPEG", subsampling=subsampling, progressive=progressive)
    mark = b"\xff\xc2" + data.getvalue()[data.getvalue().index(b"\xff\xc2") + 2 :][:3]
    large = _promising(data.getvalue(), mark, ">2H", SIDE, SIDE)[:-2] + bytes(300_000) + behind
    with pytest.raises(ColorizeError, match=rf"at most 1,800,000,000 bytes to decode, got 17000x17000 .* {needed};"):
        read(tmp_path, large)


def test_of_a_very_large_jpeg_fewer_scans_are_read(tmp_path):
    data = io.BytesIO()
    Image.fromarray(SMOOTH).convert("L").save(data, "JPEG", progressive=True)
    data = data.getvalue()
    mark = b"\xff\xc2" + data[data.index(b"\xff\xc2") + 2 :][:3]
    large = _promising(data, mark, ">2H", 16_000, 16_000)[:-2]
    many = large + large[large.rindex(b"\xff\xda") :] * 60 + bytes(300_000)
    for behind in (b"\xff\xd9", b""):
        with pytest.raises(ColorizeError, match="expected at most 58 scans, got 6"):
            read(tmp_path, many + behind)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("kind", ["JPEG", "GIF", "TIFF"])
def test_the_blankest_photo_is_whole(tmp_path, kind, mode):
    """An empty page is the smallest file there is of its size."""
    options = {"JPEG": {"progressive": True, "optimize": True}, "TIFF": {"compression": "jpeg"}}.get(kind, {})
    blank = Image.new(mode, (2048, 1536), 128 if mode == "L" else (128,) * len(mode))
    blank = blank.convert("L") if kind == "GIF" else blank
    blank.save(tmp_path / "blank", kind, **options)
    assert read_photo(tmp_path / "blank", codes=True).rgb.shape[:2] == (1536, 2048)


def test_a_jpeg_of_very_many_scans_is_refused(tmp_path):
    """Each goes over the whole picture: minutes for a file of some hundred kilobytes."""
    data = io.BytesIO()
    Image.fromarray(SMOOTH).save(data, "JPEG", progressive=True)
    data = data.getvalue()
    last = data[data.rindex(b"\xff\xda") : -2]
    assert len(read(tmp_path, data).notes) == 0
    with pytest.raises(ColorizeError, match=r"expected at most 100 scans, got 2\d\d"):
        read(tmp_path, data[:-2] + last * 200 + data[-2:])
