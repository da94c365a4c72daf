"""Which pictures of a TIFF are read: pages, or what lies behind a thumbnail; and what costs a line, not the machine."""

import struct
import time
import zlib

import numpy as np
import pytest
import tifffile

from colorize_utils.errors import ColorizeError
from colorize_utils.photos.reading import count_pixels, read_pages, read_photo
from colorize_utils.photos.tiff_pages import MOST_PAGES

RNG = np.random.default_rng(0)
PAGES = [RNG.integers(0, 256, (20 + k, 30, 3), dtype=np.uint8) for k in range(4)]
SMALL = np.zeros((5, 7, 3), np.uint8)
DEEP = RNG.integers(0, 65536, (48, 64), dtype=np.uint16)


def _write(path, *pages):
    """A TIFF by tifffile of (array, options) each."""
    with tifffile.TiffWriter(path) as file:
        for data, options in pages:
            kind = "rgb" if data.ndim == 3 else "minisblack"
            file.write(data, **{"photometric": kind, "metadata": None, "contiguous": False, **options})
    return path


def _with_coding(path, page, code):
    """The coding of a page, from 0, changed to another, which its data are not in."""
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        struct.pack_into("<H", data, file.pages[page].tags[259].valueoffset, code)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("bad", [0, 1, 3])
def test_pages_that_cannot_be_read_are_named_and_the_others_read(tmp_path, bad):
    path = _with_coding(_write(tmp_path / "a.tif", *((page, {}) for page in PAGES)), bad, 60000)
    lost = []
    found = list(read_pages(path, codes=True, lost=lost.append))
    expected = [page for k, page in enumerate(PAGES) if k != bad]
    assert len(found) == 3 and all(np.array_equal(a.rgb, b) for a, b in zip(found, expected, strict=True))
    assert [photo.pages for photo in found] == [4, 4, 4]
    page = f" (page {bad + 1})" if bad else ""
    assert len(lost) == 1 and lost[0].startswith(f"{path}{page}: expected ")
    with pytest.raises(ColorizeError, match="expected"):
        list(read_pages(path, codes=True))


def test_where_no_page_can_be_read_the_first_is_named(tmp_path):
    path = _write(tmp_path / "a.tif", *((page, {}) for page in PAGES[:2]))
    for page in (0, 1):
        _with_coding(path, page, 60000)
    with pytest.raises(ColorizeError, match=r"a\.tif: expected") as caught:
        list(read_pages(path, lost=[].append))
    assert caught.value.status == 1


MIXED = [
    (PAGES[0], {}),
    (DEEP, {}),
    (DEEP / np.float32(65535), {}),
    (np.dstack([DEEP / np.float32(65535)] * 3), {}),
    (np.dstack([DEEP] * 3), {"photometric": "cielab"}),
    (RNG.integers(0, 256, (9, 8, 5), dtype=np.uint8), {"photometric": "separated", "extrasamples": ["unassalpha"]}),
    (DEEP[:9] > 30000, {}),
]


def test_pages_of_every_kind_stand_in_one_file(tmp_path):
    found = list(read_pages(_write(tmp_path / "a.tif", *MIXED)))
    assert [photo.rgb.shape[:2] for photo in found] == [data.shape[:2] for data, _ in MIXED]
    assert [photo.bits for photo in found] == [8, 16, 16, 16, 16, 8, 8]


@pytest.mark.parametrize("flag", [1, 0], ids=["called reduced", "called nothing"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_behind_a_thumbnail_the_picture_is_read(tmp_path, flag, orientation):
    """DNG and NEF: a thumbnail first, the picture in a directory that hangs from it."""
    tags = [(274, "H", 1, orientation, True), (271, "s", 0, "Kodak", True)]
    path = _write(tmp_path / "a.dng", (SMALL, {"subifds": 2, "subfiletype": flag, "extratags": tags}), (DEEP, {}))
    with tifffile.TiffWriter(path, append=False) as file:
        more = {"metadata": None, "contiguous": False}
        file.write(SMALL, photometric="rgb", subifds=2, subfiletype=flag, extratags=tags, **more)
        file.write(DEEP, photometric="minisblack", **more)
        file.write(DEEP[::2, ::2], photometric="minisblack", subfiletype=1, **more)
    (photo,) = read_pages(path, codes=True)
    assert np.array_equal(photo.rgb, DEEP if orientation == 1 else np.rot90(DEEP, -1))
    assert photo.bits == 16 and b"Kodak" in photo.exif
    assert count_pixels(path) == DEEP.size


def test_a_cameras_raw_data_are_refused_and_not_their_thumbnail_colored(tmp_path):
    path = tmp_path / "a.nef"
    with tifffile.TiffWriter(path) as file:
        more = {"metadata": None, "contiguous": False}
        file.write(SMALL, photometric="rgb", subifds=1, subfiletype=1, **more)
        file.write(DEEP, photometric="cfa", **more)
    with pytest.raises(ColorizeError, match="expected a developed photo, got a camera's raw data"):
        read_photo(path)


def test_reduced_copies_and_masks_are_no_pages(tmp_path):
    path = _write(
        tmp_path / "a.tif",
        (PAGES[0], {}),
        (PAGES[0][::2, ::2], {"subfiletype": 1}),
        (PAGES[0][..., 0] > 9, {"subfiletype": 4}),
        (PAGES[1], {"subfiletype": 2}),
        (PAGES[1][::2, ::2], {"subfiletype": 3}),
    )
    found = list(read_pages(path, codes=True))
    assert len(found) == 2 and all(np.array_equal(a.rgb, b) for a, b in zip(found, PAGES, strict=False))
    assert found[0].notes == ["a mask beside its picture was left out"] and found[1].notes == []


def test_a_pyramid_whose_copies_hang_from_it_is_one_page(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        more = {"metadata": None, "contiguous": False}
        file.write(PAGES[0], photometric="rgb", subifds=1, **more)
        file.write(PAGES[0][::2, ::2], photometric="rgb", subfiletype=1, **more)
    (photo,) = read_pages(path, codes=True)
    assert np.array_equal(photo.rgb, PAGES[0])


def test_where_all_is_called_reduced_the_largest_is_read(tmp_path):
    path = _write(tmp_path / "a.tif", (SMALL, {"subfiletype": 1}), (PAGES[0], {"subfiletype": 1}))
    (photo,) = read_pages(path, codes=True)
    assert np.array_equal(photo.rgb, PAGES[0])


def test_each_page_is_visited_once(tmp_path, monkeypatch):
    """The places that are looked at grow as the pages do, not as their square."""
    reads, seek = [], tifffile.FileHandle.seek
    for count in (50, 200):
        path = _write(tmp_path / "a.tif", *((SMALL, {}) for _ in range(count)))
        seeks = []

        def counted(self, place, whence=0, seeks=seeks):
            seeks.append(place)
            return seek(self, place, whence)

        monkeypatch.setattr(tifffile.FileHandle, "seek", counted)
        assert sum(1 for _ in read_pages(path)) == count
        monkeypatch.undo()
        reads.append(len(seeks))
    assert reads[1] < 5 * reads[0]


# Headers that promise what is not there. Entries: tag -> (type, count, value).
PLAIN = {256: (4, 1, 64), 257: (4, 1, 48), 258: (3, 1, 8), 259: (3, 1, 1), 262: (3, 1, 1), 273: (4, 1, 400)}
PLAIN |= {277: (3, 1, 1), 278: (4, 1, 48), 279: (4, 1, 64 * 48)}
BOMB, PACKED = zlib.compress(bytes(30_000_000), 9), zlib.compress(bytes(64 * 48))
LARGE = {256: (4, 1, 17_000), 257: (4, 1, 17_000), 278: (4, 1, 17_000), 279: (4, 1, 5000)}
COLOR = {258: (3, 1, 16), 262: (3, 1, 2), 277: (3, 1, 3)}
TILED = {273: None, 279: None, 324: (4, 1, 400), 325: (4, 1, 100)}


def _headed(path, *directories, body=bytes(10_000)):
    """A TIFF of these directories, each the next one's predecessor, and ``body``; a place of -1 is that of the body."""
    size = sum(2 + 12 * len(entries) + 4 for entries in directories)
    out, at = struct.pack("<2sHI", b"II", 42, 8), 8
    for k, entries in enumerate(directories):
        entries = {tag: entry for tag, entry in entries.items() if entry}
        at += 2 + 12 * len(entries) + 4
        out += struct.pack("<H", len(entries))
        for tag, (kind, count, value) in sorted(entries.items()):
            value = 8 + size if value == -1 else value
            form = "<HHIHH" if kind == 3 and count == 1 else "<HHII"
            out += struct.pack(form, tag, kind, count, value, *(0,) * (form == "<HHIHH"))
        out += struct.pack("<I", at if k < len(directories) - 1 else 0)
    path.write_bytes(out + body)
    return path


HOSTILE = {
    "depth": ({32997: (4, 1, 100_000)}, "got 64x48x100000 values"),
    "channels": ({277: (3, 1, 65_535)}, "expected 1 to 8 channels, got 65535"),
    "bytes": (
        LARGE | COLOR | {258: (3, 1, 64), 339: (3, 1, 3), 277: (3, 1, 8)},
        "got 17000x17000 that take 18,496,000,000",
    ),
    "pixels": ({256: (4, 1, 2**31), 257: (4, 1, 2**31)}, "expected at most 300,000,000 pixels"),
    "two widths": ({256: (4, 2, 400)}, "expected a"),
    "many heights": ({257: (4, 1000, 400), 256: (4, 1, 2**31)}, "expected a"),
    "two kinds": ({262: (3, 2, 2)}, "says several things at once"),
    "tiles of two kinds": (TILED | {322: (4, 2, 400), 323: (4, 1, 16)}, "expected a"),
    "no width": ({256: (4, 1, 0)}, "expected a picture, got 0x48"),
    "plain": (LARGE, "truncated"),
    "lzw": (LARGE | COLOR | {259: (3, 1, 5)}, "truncated: far fewer data"),
    "packbits": (LARGE | COLOR | {259: (3, 1, 32_773)}, "truncated: far fewer data"),
    "deflate": (LARGE | COLOR | {259: (3, 1, 8)}, "truncated: far fewer data"),
    "fax": (LARGE | {259: (3, 1, 4), 258: (3, 1, 1)}, "expected a whole photo"),
    "jpeg": (LARGE | {259: (3, 1, 7), 262: (3, 1, 6), 277: (3, 1, 3)}, "truncated: far fewer data"),
    "old jpeg": (LARGE | {259: (3, 1, 6), 262: (3, 1, 6), 277: (3, 1, 3)}, "truncated: far fewer data"),
    "fax 2": (LARGE | {259: (3, 1, 2), 258: (3, 1, 1)}, "expected a whole photo"),
    "twelve bits": (LARGE | {258: (3, 1, 12)}, "truncated"),
    "no strips": ({273: None, 279: None}, "0 strips or tiles of 1"),
    "strip at 0": ({273: (4, 1, 0)}, "truncated"),
    "strip of 0": ({279: (4, 1, 0)}, "truncated"),
    "many strips": ({273: (4, 2**31, 400)}, "0 strips or tiles of 1"),
    "rows of 0": ({278: (4, 1, 0)}, "strips or tiles of 64x0"),
    "tiles of 0": (TILED | {322: (4, 1, 0), 323: (4, 1, 0)}, "strips or tiles of"),
    "large tile": (TILED | {322: (4, 1, 2**17), 323: (4, 1, 2**17), 259: (3, 1, 5)}, "far larger than the picture"),
    "small tiles": (LARGE | TILED | {322: (4, 1, 1), 323: (4, 1, 1)}, "1 strips or tiles of 289000000"),
    "bits": ({258: (3, 1, 4096)}, "expected channels of 8 or 16 bits, or floats, got 4096 bits"),
    "no palette": ({262: (3, 1, 3)}, "expected a picture, got a palette without its colors"),
    "predictor": ({317: (3, 1, 99), 259: (3, 1, 8), 273: (4, 1, -1), 279: (4, 1, len(PACKED))}, "PREDICTOR"),
    "ycbcr": ({262: (3, 1, 6), 277: (3, 1, 3), 279: (4, 1, 9216), 529: (5, 3, 400)}, "coefficients of YCbCr"),
    "ink": ({262: (3, 1, 5), 277: (3, 1, 4), 332: (3, 1, 2)}, "expected grey, RGB, CMYK, YCbCr or Lab"),
}


@pytest.mark.parametrize(("entries", "line"), HOSTILE.values(), ids=HOSTILE)
def test_what_promises_too_much_costs_a_line(tmp_path, entries, line):
    resource = pytest.importorskip("resource")
    body = PACKED if entries.get(273) == (4, 1, -1) else bytes(10_000)
    path, before = _headed(tmp_path / "a.tif", PLAIN | entries, body=body), resource.getrusage(resource.RUSAGE_SELF)
    began = time.process_time()
    with pytest.raises(ColorizeError, match=line) as caught:
        read_photo(path)
    assert caught.value.status == 1 and "\n" not in str(caught.value)
    assert time.process_time() - began < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before.ru_maxrss < 600_000  # kB, on macOS bytes


def test_deflate_gives_what_a_strip_has_and_no_more(tmp_path):
    entries = PLAIN | {259: (3, 1, 8), 273: (4, 1, -1), 279: (4, 1, len(BOMB))}
    with pytest.raises(ColorizeError, match="a strip or tile of its is too"):
        read_photo(_headed(tmp_path / "a.tif", entries, body=BOMB))


def test_a_circle_of_directories_ends(tmp_path):
    inside = _headed(tmp_path / "a.tif", PLAIN | {330: (4, 1, 8)})
    assert read_photo(inside).rgb.shape[:2] == (48, 64)
    many = _headed(tmp_path / "b.tif", PLAIN | {330: (4, 2000, 142)}, body=struct.pack("<I", 8) * 3000)
    assert len(list(read_pages(many))) == 1


def test_directories_of_nothing_and_too_many_pages(tmp_path):
    with pytest.raises(ColorizeError, match="got a damaged TIFF, or one with no picture"):
        read_photo(_headed(tmp_path / "a.tif", *({} for _ in range(1000))))
    photos = read_pages(_headed(tmp_path / "b.tif", PLAIN, *({} for _ in range(MOST_PAGES))))
    assert next(photos).notes == ["it has more than 10,000 pages; the others were left out"]


def test_a_damaged_directory_is_a_page_that_is_named(tmp_path):
    path = _write(tmp_path / "a.tif", *((page, {}) for page in PAGES[:3]))
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        struct.pack_into("<HHI", data, file.pages[1].tags[256].offset, 256, 4, 2)  # two widths
    path.write_bytes(data)
    lost = []
    assert len(list(read_pages(path, lost=lost.append))) == 2
    assert len(lost) == 1 and "(page 2)" in lost[0]


def _first_directory(data):
    (place,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, place)
    return place + 2, count


def _filled(byte):
    def damage(data):
        start, count = _first_directory(data)
        data[start : start + 12 * count] = bytes([byte]) * (12 * count)

    return damage


def _changed(tag, count, value=None):
    def damage(data):
        start, entries = _first_directory(data)
        at = next(at for at in range(start, start + 12 * entries, 12) if data[at : at + 2] == struct.pack("<H", tag))
        struct.pack_into("<I", data, at + 4, count)
        if value is not None:
            struct.pack_into("<I", data, at + 8, value)

    return damage


@pytest.mark.parametrize(
    "damage",
    [_filled(0), _filled(255), _changed(257, 2), _changed(257, 0), _changed(258, 0), _changed(277, 2), _changed(278, 0)]
    + [_changed(277, 1, 2**31)],
    ids=["zeros", "ones", "two heights", "no height", "no bits", "two counts", "no rows", "many samples"],
)
def test_a_damaged_first_directory_is_named_and_the_other_pages_are_read(tmp_path, damage):
    """tifffile itself wants the first to be whole, and says nothing of the others where it is not."""
    path = _write(tmp_path / "a.tif", *((page, {}) for page in PAGES[:3]))
    data = bytearray(path.read_bytes())
    damage(data)
    path.write_bytes(data)
    lost = []
    found = list(read_pages(path, codes=True, lost=lost.append))
    assert len(found) == 2 and all(np.array_equal(a.rgb, b) for a, b in zip(found, PAGES[1:3], strict=True))
    assert len(lost) == 1 and lost[0].startswith(f"{path}: expected ")
    assert count_pixels(path) == PAGES[2].shape[0] * 30


@pytest.mark.parametrize("entries", [{52545: (7, 4, 0)}, {259: (3, 1, 6), 513: (4, 1, 400), 514: (4, 1, 90)}, {}])
def test_credentials_and_thumbnails_as_in_exif_are_no_pages(tmp_path, entries):
    (photo,) = read_pages(_headed(tmp_path / "a.tif", PLAIN, entries), lost=pytest.fail)
    assert photo.notes == []
