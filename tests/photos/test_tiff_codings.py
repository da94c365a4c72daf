"""How large a picture inside a strip or tile is, by encoders that know nothing of ours."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from colorize_utils.errors import ColorizeError
from colorize_utils.photos.reading import read_photo
from colorize_utils.photos.tiff_codings import inner_size

RNG = np.random.default_rng(0)
BY_PILLOW = {
    "PNG": (34933, {}),
    "JPEG": (7, {}),
    "JPEG progressive": (7, {"progressive": True, "exif": Image.Exif(), "icc_profile": bytes(500)}),
    "JPEG2000": (34712, {}),
    "JPEG2000 codestream": (34712, {"no_jp2": True}),
    "WEBP": (50001, {}),
    "WEBP lossless": (50001, {"lossless": True}),
    "WEBP extended": (50001, {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}),
}
SHAPES = [(48, 64), (256, 256), (17, 1000), (300, 200)]


def _picture(shape):
    return RNG.integers(0, 256, (*shape, 3), dtype=np.uint8)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("kind", "how"), BY_PILLOW.items(), ids=BY_PILLOW)
def test_the_size_of_what_pillow_writes(kind, how, shape):
    code, options = how
    data = io.BytesIO()
    Image.fromarray(_picture(shape)).save(data, kind.split()[0], **options)
    assert tuple(inner_size(data.getvalue(), code)) == shape[::-1]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_size_of_what_imagecodecs_writes(shape):
    imagecodecs = pytest.importorskip("imagecodecs")
    picture = _picture(shape)
    assert tuple(inner_size(imagecodecs.lerc_encode(picture), 34887)) == shape[::-1]
    for options in ({}, {"usecontainer": True}):
        assert tuple(inner_size(imagecodecs.jpegxl_encode(picture, effort=1, **options), 50002)) == shape[::-1]


@pytest.mark.parametrize("code", [34933, 34712, 50001, 34887, 50002])
def test_a_picture_larger_than_its_strip_is_refused_before_it_is_decoded(tmp_path, code):
    imagecodecs = pytest.importorskip("imagecodecs")
    encode = {34933: "png", 34712: "jpeg2k", 50001: "webp", 34887: "lerc", 50002: "jpegxl"}[code]
    data = getattr(imagecodecs, f"{encode}_encode")(_picture((100, 100)))
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, _picture((48, 64)), photometric="rgb", metadata=None)
    raw = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        tags = file.pages[0].tags
        struct.pack_into("<H", raw, tags[259].valueoffset, code)
        struct.pack_into("<I", raw, tags[273].valueoffset, len(raw))
        struct.pack_into("<I", raw, tags[279].valueoffset, len(data))
    path.write_bytes(bytes(raw) + data)
    with pytest.raises(ColorizeError, match="a picture of 100x100 in a strip or tile of 64x48"):
        read_photo(path)


def test_what_nobody_can_read_is_not_said_to_be_a_matter_of_imagecodecs(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, _picture((48, 64)), photometric="rgb", metadata=None)
    raw = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        struct.pack_into("<H", raw, file.pages[0].tags[259].valueoffset, 32809)  # ThunderScan, of 1989
    path.write_bytes(raw)
    with pytest.raises(ColorizeError, match="whose compression can be read, got THUNDERSCAN$"):
        read_photo(path)
