"""Photos as files: read precisely whatever they are, written whole, every fault one line that names the file."""

import io
import os
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps

from colorize_utils.errors import ColorizeError
from colorize_utils.photos import srgb
from colorize_utils.photos.reading import find_photos, read_photo, write_photo

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (12, 17, 3), dtype=np.uint8)
RAMP16 = np.linspace(0, 65535, 12 * 17).astype(np.uint16).reshape(12, 17)


def _save(path, mode="RGB", **options):
    image = Image.fromarray(PIXELS)
    if mode == "P":
        image = image.quantize(64)
    else:
        image = image.convert(mode)
    image.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".webp"])
def test_lossless_formats_are_read_exactly(tmp_path, suffix):
    path = _save(tmp_path / f"a{suffix}", **({"lossless": True} if suffix == ".webp" else {}))
    photo = read_photo(path)
    assert np.array_equal(np.rint(photo.rgb * 255), PIXELS)
    assert (photo.bits, photo.alpha, photo.was_grey) == (8, None, False)


def test_an_avif_is_read_upright_with_its_transparency(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(PIXELS).save(tmp_path / "a.avif", quality=100, subsampling="4:4:4", exif=exif)
    photo = read_photo(tmp_path / "a.avif")
    seen = ImageOps.exif_transpose(Image.open(tmp_path / "a.avif"))
    assert np.array_equal(np.rint(photo.rgb * 255), np.asarray(seen.convert("RGB")))
    assert np.abs(photo.rgb * 255 - np.rot90(PIXELS, -1)).mean() < 3
    Image.fromarray(np.dstack([PIXELS, PIXELS[..., 0]])).save(tmp_path / "clear.avif", quality=100)
    assert read_photo(tmp_path / "clear.avif").alpha is not None


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGBA", "CMYK", "I;16"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    if mode == "I;16":
        cv2.imwrite(str(tmp_path / "a.png"), RAMP16)
    else:
        _save(tmp_path / ("a.tif" if mode == "CMYK" else "a.png"), mode)
    photo = read_photo(next(tmp_path.iterdir()))
    assert photo.rgb.shape == (12, 17, 3)
    assert photo.rgb.dtype == np.float32
    assert photo.was_grey == (mode in ("L", "1", "LA", "I;16"))
    assert (photo.alpha is not None) == (mode in ("LA", "RGBA"))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_grey_keeps_every_level(tmp_path, suffix):
    """Pillow alone turns 99.6 % of such a ramp white."""
    path = tmp_path / f"a{suffix}"
    assert cv2.imwrite(str(path), RAMP16)
    photo = read_photo(path)
    assert photo.bits == 16
    assert np.array_equal(np.rint(photo.rgb[..., 0] * 65535), RAMP16)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_color_with_alpha_goes_round(tmp_path, suffix):
    """Pillow alone opens these as 8 bit without a word."""
    deep = RNG.integers(0, 65536, (9, 11, 4), dtype=np.uint16)
    cv2.imwrite(str(tmp_path / f"a{suffix}"), deep)
    photo = read_photo(tmp_path / f"a{suffix}")
    assert np.array_equal(np.rint(photo.rgb * 65535), deep[..., 2::-1])
    write_photo(tmp_path / f"b{suffix}", photo.rgb, like=photo)
    assert np.array_equal(cv2.imread(str(tmp_path / f"b{suffix}"), cv2.IMREAD_UNCHANGED), deep)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("layout", [{}, {"compression": "tiff_lzw"}, {"strip_size": 60}], ids=str)
def test_an_8_bit_tiff_is_turned_once(tmp_path, layout, orientation):
    """Pillow 13 turns them itself, and what it maps into memory wrongly."""
    from PIL import ImageOps

    exif = Image.Exif()
    exif[274] = orientation
    with Image.open(_save(tmp_path / "a.png", exif=exif)) as upright:
        expected = np.asarray(ImageOps.exif_transpose(upright))
    photo = read_photo(_save(tmp_path / "a.tif", exif=exif, **layout), codes=True)
    assert np.array_equal(photo.rgb, expected)
    write_photo(tmp_path / "b.tif", photo.rgb, like=photo)
    assert np.array_equal(read_photo(tmp_path / "b.tif", codes=True).rgb, expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once(tmp_path, orientation):
    """Against Pillow's own exif_transpose; the output's tag says upright."""
    from PIL import ImageOps

    exif = Image.Exif()
    exif[274], exif[271], exif[306] = orientation, "Kodak", "1931:05:06 07:08:09"
    path = _save(tmp_path / "a.png", exif=exif)
    photo = read_photo(path)
    with Image.open(path) as image:
        assert np.array_equal(np.rint(photo.rgb * 255), np.asarray(ImageOps.exif_transpose(image)))
    write_photo(tmp_path / "b.jpg", photo.rgb, like=photo)
    with Image.open(tmp_path / "b.jpg") as written:
        assert written.size == photo.rgb.shape[1::-1]
        tags = written.getexif()
        assert (tags[274], tags[271], tags[306]) == (1, "Kodak", "1931:05:06 07:08:09")


def test_a_tiffs_layout_tags_do_not_spoil_the_output(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.tif"), PIXELS[..., 0])
    photo = read_photo(tmp_path / "grey.tif")
    for suffix in (".tif", ".jpg", ".png"):
        write_photo(tmp_path / f"b{suffix}", np.repeat(photo.rgb, 1, axis=0), like=photo)
        with Image.open(tmp_path / f"b{suffix}") as written:
            assert written.mode == "RGB"
            assert written.size == (17, 12)


def test_a_color_profile_is_converted_to_srgb(tmp_path):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    path = _save(tmp_path / "a.png", icc_profile=lab.tobytes())
    assert np.abs(read_photo(path).rgb * 255 - PIXELS).max() <= 1
    broken = _save(tmp_path / "b.png", icc_profile=b"not a profile")
    photo = read_photo(broken)
    assert np.array_equal(np.rint(photo.rgb * 255), PIXELS)
    assert "profile" in photo.notes[0]


def test_jpeg_output_keeps_its_colors(tmp_path):
    """Quality 95 with full-size chroma: a one-pixel checkerboard of two colors survives."""
    board = np.zeros((32, 32, 3), np.float32)
    board[::2, ::2] = board[1::2, 1::2] = [0.8, 0.3, 0.3]
    board[::2, 1::2] = board[1::2, ::2] = [0.3, 0.3, 0.8]
    write_photo(tmp_path / "a.jpg", board)
    assert np.abs(read_photo(tmp_path / "a.jpg").rgb - board).mean() < 0.03
    with Image.open(tmp_path / "a.jpg") as written:
        assert written.layer[0][1:3] == written.layer[1][1:3]  # luma and chroma sampled alike


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([".png", ".tif", ".bmp", ".webp"]))
def test_any_size_comes_back(tmp_path_factory, height, width, suffix):
    folder = tmp_path_factory.mktemp("any")
    picture = np.random.default_rng(height * 50 + width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    write_photo(folder / f"a{suffix}", picture)
    assert np.array_equal(np.rint(read_photo(folder / f"a{suffix}").rgb * 255), picture)


def _bad(folder, kind):
    path = folder / "bad.png"
    data = io.BytesIO()
    Image.fromarray(np.repeat(PIXELS, 20, axis=0)).save(data, "PNG")
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("this is no photo")
    elif kind == "truncated":
        path.write_bytes(data.getvalue()[: len(data.getvalue()) // 2])
    elif kind == "folder":
        path.mkdir()
    elif kind == "svg":
        path.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    elif kind == "animated":
        frames = [Image.fromarray(PIXELS), Image.fromarray(255 - PIXELS)]
        frames[0].save(path, save_all=True, append_images=frames[1:])
    elif kind == "huge header":
        huge = bytearray(data.getvalue())
        huge[16:24] = (70000).to_bytes(4, "big") * 2
        import zlib

        huge[29:33] = zlib.crc32(bytes(huge[12:29])).to_bytes(4, "big")
        path.write_bytes(bytes(huge))
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "No such file"),
        ("empty", "empty file"),
        ("text", "another kind"),
        ("svg", "another kind"),
        ("truncated", "expected a whole photo"),
        ("folder", "got a folder"),
        ("animated", "animation of 2"),
        ("huge header", "at most 300,000,000 pixels, got 70000x70000"),
    ],
)
def test_every_fault_is_one_line_that_names_the_file(tmp_path, kind, message):
    path = _bad(tmp_path, kind)
    with pytest.raises(ColorizeError, match=message) as caught:
        read_photo(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.status == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"%PDF-1.7 ...", "another kind of file, a PDF"),
        (b"\xef\xbb\xbf <!DOCTYPE html><p>404", "a web page"),
        (b"<?xml version='1.0'?><svg/>", "an SVG drawing"),
        (b"Dear grandmother,\n", "another kind of file, a text"),
        (b"8BPS\0\1", "a Photoshop document"),
        (bytes(600), "nothing but zeros"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(50), "a damaged HEIC"),
        (b"\0\0\0\x18ftypavif\0\0\0\0mif1avif" + bytes(50), "a damaged AVIF"),
        (b"RIFF\x10\0\0\0WEBPVP8L", "expected a"),
        (b"RIFF\x10\0\0\0AVI LIST", "a sound or a film"),
        (b"II*\0\xff\xff\0\0", "a damaged TIFF"),
        (b"\x89PNG\r\n\x1a\n", "a damaged PNG"),
        (b"\xff\xd8\xff\xe0", "expected a"),
        (b"\x07\x99\x00rubbish\xfe", "of another kind or a damaged one"),
    ],
    ids=repr,
)
def test_what_is_no_photo_is_named(tmp_path, data, words):
    if b"heic" in data:
        pytest.importorskip("pillow_heif")
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(ColorizeError) as caught:
        read_photo(tmp_path / "a.jpg")
    assert words in str(caught.value) and caught.value.status == 1


def test_threads_leave_pillows_settings_as_they_were(tmp_path):
    path = _save(tmp_path / "a.png")
    before = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(read_photo, [path] * 200))
    assert (Image.MAX_IMAGE_PIXELS, list(warnings.filters)) == before


def test_the_pixel_limit_can_be_moved(tmp_path):
    path = _save(tmp_path / "a.png")
    read_photo(path, max_pixels=12 * 17)
    with pytest.raises(ColorizeError, match="at most 203 pixels, got 17x12"):
        read_photo(path, max_pixels=203)


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    write_photo(tmp_path / "a.png", PIXELS)
    before = (tmp_path / "a.png").read_bytes()

    def torn(self, file, **options):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", torn)
    with pytest.raises(OSError, match="No space"):
        write_photo(tmp_path / "a.png", 255 - PIXELS)
    assert (tmp_path / "a.png").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_a_picture_is_the_same_file_whenever_it_is_written(tmp_path):
    """Made anew, the profile of sRGB holds the time."""
    written = []
    for _ in range(2):
        srgb.srgb.cache_clear()
        for suffix in (".jpg", ".png", ".tif", ".webp"):
            write_photo(tmp_path / f"a{suffix}", PIXELS)
        written.append([path.read_bytes() for path in sorted(tmp_path.iterdir())])
        time.sleep(1.1)
    assert written[0] == written[1]


def test_exif_that_a_format_cannot_take_costs_a_line_not_the_picture(tmp_path):
    exif = Image.Exif()
    exif[270] = "x" * 90_000  # more than a JPEG's segment holds
    photo = read_photo(_save(tmp_path / "a.png", exif=exif))
    write_photo(tmp_path / "b.png", photo.rgb, like=photo)
    assert photo.notes == [] and len(Image.open(tmp_path / "b.png").getexif()[270]) == 90_000
    write_photo(tmp_path / "b.jpg", photo.rgb, like=photo)
    assert read_photo(tmp_path / "b.jpg").rgb.shape == photo.rgb.shape
    assert photo.notes == ["its EXIF data are too long for a JPEG; left out of it: 0x010E"]


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("a.jpg", (2, 65_501, 3), "at most 65,500 pixels a side .* got 65501x2"),
        ("a.webp", (16_384, 1, 3), "at most 16,383 pixels a side .* got 1x16384"),
        ("a.png", (5, 6), r"shape \(H, W, 3\), got \(5, 6\)"),
        ("a.png", (5, 0, 3), r"got \(5, 0, 3\)"),
        ("a.gif", (5, 6, 3), "name ending in"),
    ],
)
def test_what_cannot_be_written_is_one_line(tmp_path, name, shape, message, capfd):
    with pytest.raises(ColorizeError, match=message) as caught:
        write_photo(tmp_path / name, np.zeros(shape, np.float32))
    assert name in str(caught.value) and caught.value.status == 1
    assert list(tmp_path.iterdir()) == [] and capfd.readouterr().err == ""


def test_pictures_of_one_stem_and_of_long_names_are_written_at_once(tmp_path):
    long = "x" * 240
    names = [stem + suffix for stem in ("a", long) for suffix in (".png", ".bmp", ".tif", ".webp", ".jpg")]
    with ThreadPoolExecutor(len(names)) as pool:
        for _ in range(5):
            list(pool.map(lambda name: write_photo(tmp_path / name, PIXELS), names))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    for name in names:
        assert np.abs(read_photo(tmp_path / name).rgb * 255 - PIXELS).mean() < (9 if name.endswith("jpg") else 1e-3)


def test_photos_are_found_in_order_and_links_do_not_circle(tmp_path):
    for name in ("b.jpg", "a/x.PNG", "a/.hidden.png", ".git/c.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    if hasattr(os, "symlink") and os.name != "nt":
        (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    found = find_photos([tmp_path, tmp_path / "notes.txt"])
    assert [(p.relative_to(tmp_path).as_posix(), root) for p, root in found] == [
        ("b.jpg", tmp_path),
        ("a/x.PNG", tmp_path),
        ("notes.txt", tmp_path),
    ]
    with pytest.raises(ColorizeError, match="there is no"):
        find_photos([tmp_path / "none"])
