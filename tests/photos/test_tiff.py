"""TIFFs of several pages: each is colored, none loses its depth, size or metadata."""

import struct

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from colorize_utils.errors import ColorizeError
from colorize_utils.photos import tiff as module
from colorize_utils.photos.provenance import Maker
from colorize_utils.photos.reading import Photo, read_pages, read_photo
from colorize_utils.photos.writing import write_pages

RNG = np.random.default_rng(0)
DEEP = RNG.integers(0, 65536, (3, 12, 17, 3), dtype=np.uint16)
GREY = RNG.integers(0, 256, (3, 12, 17), dtype=np.uint8)


def _tiff(path, data, **options):
    tifffile.imwrite(path, data, metadata=None, photometric="rgb" if data.shape[-1] == 3 else "minisblack", **options)
    return path


@pytest.mark.parametrize("layout", [{}, {"byteorder": ">"}, {"compression": "zlib"}, {"bigtiff": True}], ids=str)
@pytest.mark.parametrize("data", [DEEP, DEEP[..., 0], GREY], ids=["rgb 16", "grey 16", "grey 8"])
def test_every_page_is_read_exactly(tmp_path, data, layout):
    path = _tiff(tmp_path / "a.tif", data, **layout)
    found = list(read_pages(path, codes=True))
    assert [photo.pages for photo in found] == [3, 3, 3]
    assert all(np.array_equal(photo.rgb, page) for photo, page in zip(found, data, strict=True))
    assert np.array_equal(read_photo(path, codes=True).rgb, data[0])


def test_a_turned_page_behind_the_first_is_turned_once(tmp_path):
    for data in (DEEP, DEEP[..., 0], GREY):
        path = _tiff(tmp_path / "a.tif", data, extratags=[(274, "H", 1, 6, False)])
        for photo, page in zip(read_pages(path, codes=True), data, strict=True):
            assert np.array_equal(photo.rgb, page.swapaxes(0, 1)[:, ::-1])


def _exif(name):
    exif = Image.Exif()
    exif[271] = name
    exif.get_ifd(34665)[36867] = "1931:05:06 07:08:09"
    exif.get_ifd(34853)[1], exif.get_ifd(34853)[2] = "N", (43.0, 51.0, 20.0)
    return exif.tobytes()


def _mixed():
    """Pages of different sizes, depths and makers; the second has alpha."""
    rgb = [RNG.integers(0, 256, (40, 30, 3), dtype=np.uint8), DEEP[0], RNG.integers(0, 256, (3, 5, 3), dtype=np.uint8)]
    likes = [Photo(None, bits=16 if k == 1 else 8, exif=_exif(f"maker {k}"), dpi=(300, 600), pages=3) for k in range(3)]
    likes[1].alpha = DEEP[1, ..., 0]
    likes[2].xmp = b'<x xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:RDF></rdf:RDF></x>'
    return rgb, likes


def test_pages_of_all_kinds_come_back_from_one_file(tmp_path):
    rgb, likes = _mixed()
    write_pages(tmp_path / "a.tif", zip(rgb, likes, strict=True), Maker("m", "1"))
    # Three readers that know nothing of each other.
    done, by_opencv = cv2.imreadmulti(str(tmp_path / "a.tif"), flags=cv2.IMREAD_UNCHANGED)
    with Image.open(tmp_path / "a.tif") as image, tifffile.TiffFile(tmp_path / "a.tif") as by_tifffile:
        assert done and len(by_opencv) == len(by_tifffile.pages) == image.n_frames == 3
        for k, (picture, page) in enumerate(zip(by_opencv, by_tifffile.pages, strict=True)):
            assert np.array_equal(picture[..., 2::-1], rgb[k])
            assert page.shape == (*rgb[k].shape[:2], 4 if k == 1 else 3) and page.dtype == rgb[k].dtype
            assert page.tags[282].value == (300, 1) or page.tags[282].value[0] / page.tags[282].value[1] == 300
            image.seek(k)
            tags = image.getexif()
            assert (tags[271], tags[274]) == (f"maker {k}", 1) and "ColorizeIMG" in tags[305]
            assert tags.get_ifd(34665)[36867] == "1931:05:06 07:08:09"
            assert tags.get_ifd(34853)[2] == (43.0, 51.0, 20.0)
            assert (700 in page.tags) == (k != 1)  # the first gets a packet, the others keep theirs
    assert np.array_equal(by_opencv[1][..., 3], likes[1].alpha)


def test_a_damaged_page_leaves_nothing(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        for page in GREY:
            file.write(page, metadata=None, contiguous=False)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ColorizeError, match=r"a\.tif"):
        write_pages(tmp_path / "b.tif", ((np.dstack([p.rgb] * 3), p) for p in read_pages(path, codes=True)))
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]


def test_pages_that_point_in_a_circle_end(tmp_path):
    path = _tiff(tmp_path / "a.tif", GREY[:2])
    data = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    (second,) = struct.unpack_from("<I", data, first + 2 + 12 * count)
    struct.pack_into("<I", data, second + 2 + 12 * struct.unpack_from("<H", data, second)[0], first)
    path.write_bytes(data)
    assert len(list(read_pages(path))) == 2


def test_a_first_page_is_kept_when_what_follows_is_damaged(tmp_path):
    path = _tiff(tmp_path / "a.tif", GREY[:2])
    data = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<I", data, 4)
    struct.pack_into("<I", data, first + 2 + 12 * struct.unpack_from("<H", data, first)[0], len(data) + 1000)
    path.write_bytes(data)
    (photo,) = read_pages(path, codes=True)
    assert np.array_equal(photo.rgb, GREY[0])
    assert photo.notes == ["what follows its first page is damaged and was left out"]


def test_several_pages_need_a_tiff_and_fit_in_four_gigabytes(tmp_path):
    rgb, likes = _mixed()
    with pytest.raises(ColorizeError, match=r"a\.png: expected a TIFF for 3 pages"):
        write_pages(tmp_path / "a.png", zip(rgb, likes, strict=True))

    class Huge(bytes):
        def __len__(self):
            return 2**32 - 10

    with open(tmp_path / "b.tif", "wb") as file, pytest.raises(ColorizeError, match="4 GB"):
        module.TiffPages(file, "b.tif").append(Huge(struct.pack("<2sHIH", b"II", 42, 8, 0) + bytes(4)))
