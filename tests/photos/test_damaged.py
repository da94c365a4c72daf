"""Real files of every format, damaged at random (seeded): each becomes a whole picture or one line, in bounded time.

Each file 140 times; `FUZZ=3000 python -m pytest tests/photos/test_damaged.py` as often as that, within 2 GB of address
space more than it began with. ``FUZZ_SEED`` makes it other damage.
"""

import faulthandler
import io
import os
import sys
import time
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, PngImagePlugin
from test_deep_color import ADOBE, GAMMA, _profile
from test_exif import block
from test_provenance import XMP

from colorize_utils.inference.folders import colorize_files, plan
from colorize_utils.photos.reading import read_photo
from colorize_utils.terminal import silent_decoders

COUNT = int(os.environ.get("FUZZ", 140))
SEED = int(os.environ.get("FUZZ_SEED", 5))
ROOM = 2**31  # bytes
GROWTH = 600  # MB


def _saved(image, kind, **options):
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def _originals():
    """Name -> bytes of the same small picture in every format, some in several ways, with metadata."""
    rng = np.random.default_rng(0)
    smooth = cv2.resize(rng.integers(0, 256, (12, 17, 3), dtype=np.uint8), (61, 47), interpolation=cv2.INTER_CUBIC)
    image = Image.fromarray(smooth)
    exif = Image.Exif()
    exif[271], exif[274] = "Kodak", 6
    exif.get_ifd(34853)[2] = (43.0, 51.0, 20.0)
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", XMP, zip=True)
    both = {"exif": exif.tobytes(), "xmp": XMP.encode()}
    wide = _profile(b"RGB ", GAMMA, ADOBE)
    originals = {
        "exif.jpg": _saved(image, "JPEG", **both),
        "profile.jpg": _saved(image, "JPEG", exif=block(">"), icc_profile=wide, comment=b"Oma"),
        "profile.png": _saved(image, "PNG", exif=block(), icc_profile=wide),
        "profile.webp": _saved(image, "WEBP", exif=block(">"), icc_profile=wide),
        "profile.tif": _saved(image, "TIFF", icc_profile=wide, compression="tiff_lzw"),
        "progressive.jpg": _saved(image.convert("CMYK"), "JPEG", progressive=True),
        "exif.png": _saved(image, "PNG", exif=exif, pnginfo=text),
        "palette.png": _saved(image.quantize(16), "PNG", transparency=3),
        "exif.webp": _saved(image, "WEBP", lossless=True, **both),
        "lossy.webp": _saved(image, "WEBP"),
        "plain.bmp": _saved(image, "BMP"),
        "plain.tif": _saved(image, "TIFF", exif=exif.tobytes()),
        "lzw.tif": _saved(image.convert("L"), "TIFF", compression="tiff_lzw"),
        "pages.tif": _saved(image, "TIFF", save_all=True, append_images=[image.convert("L"), image.convert("1")]),
        "still.gif": _saved(image, "GIF"),
        "lossless.jp2": _saved(image, "JPEG2000", irreversible=False),
        "two.mpo": _saved(image, "MPO", save_all=True, append_images=[image]),
        "photo.avif": _saved(image, "AVIF", exif=exif.tobytes()),
    }
    for name in ("deep.png", "deep.tif"):
        originals[name] = cv2.imencode(name[4:], smooth.astype(np.uint16) * 257)[1].tobytes()
    planes, data = io.BytesIO(), smooth.transpose(2, 0, 1).astype(np.uint16)
    tifffile.imwrite(planes, data, photometric="rgb", planarconfig="separate", metadata=None)
    originals["planes.tif"] = planes.getvalue()
    for name, values in (("wide.tif", smooth.astype(np.uint16) * 257), ("float.tif", smooth / np.float32(255))):
        data = io.BytesIO()
        tags = [(270, 2, 0, "Großmutter".encode(), True), (700, 1, 0, XMP.encode(), True)]
        tifffile.imwrite(data, values, photometric="rgb", metadata=None, iccprofile=wide, extratags=tags)
        originals[name] = data.getvalue()
    for name, options in (("jpeg.tif", {"compression": "jpeg"}), ("packed.tif", {"compression": "packbits"})):
        originals[name] = _saved(image, "TIFF", **options)
    originals["fax.tif"] = _saved(image.convert("1"), "TIFF", compression="group4")
    tiles, inside = io.BytesIO(), io.BytesIO()
    tifffile.imwrite(
        tiles, smooth.astype(np.uint16), photometric="rgb", tile=(16, 32), compression="zlib", predictor=True
    )
    with tifffile.TiffWriter(inside) as file:  # a thumbnail, and what it is one of
        file.write(smooth[::4, ::4], photometric="rgb", subifds=1, subfiletype=1, metadata=None)
        file.write(smooth, photometric="rgb", metadata=None)
    originals |= {"tiles.tif": tiles.getvalue(), "inside.tif": inside.getvalue()}
    try:
        import pillow_heif
    except ImportError:
        return originals
    heic = io.BytesIO()
    pillow_heif.from_pillow(image).save(heic, quality=90, exif=exif.tobytes())
    return originals | {"phone.heic": heic.getvalue()}


def _damaged(original, rng):
    data = bytearray(original)
    if rng.random() < 0.25:
        data = data[: rng.integers(1, len(data))]
    # Headers are small and matter most; so do EXIF, profiles, XMP.
    places = [0, 0, *(place for place in map(data.find, (b"Exif", b"eXIf", b"acsp", b"iCCP", b"<rdf")) if place > 0)]
    for _ in range(rng.integers(1, 12)):
        start = places[rng.integers(len(places))]
        reach = min(len(data) - start, (200, len(data))[rng.integers(2)])
        data[start + rng.integers(reach)] = rng.integers(256)
    if rng.random() < 0.1:  # a piece twice, as a torn download has it
        at, length = rng.integers(len(data)), rng.integers(1, 200)
        data[at:at] = data[at : at + length]
    return _with_right_sums(data) if data.startswith(b"\x89PNG") and rng.random() < 0.5 else bytes(data)


def _with_right_sums(data):
    """A damaged PNG whose checksums fit: otherwise little would come further than to these."""
    at = 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            break
        data[end : end + 4] = zlib.crc32(data[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(data)


def _memory():
    resource = pytest.importorskip("resource")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def _orange(photo, size=None, out=None):
    grey = photo if photo.ndim == 2 else photo[..., 1]
    return np.dstack([grey, grey, grey // 2])


@pytest.fixture
def bounded():
    """In a long run: no more memory than `ROOM` beside what there is, and an end where something hangs."""
    if "FUZZ" not in os.environ:
        yield
        return
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm", encoding="ascii") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + ROOM, before[1]))
    yield
    faulthandler.cancel_dump_traceback_later()
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.parametrize(("name", "original"), _originals().items(), ids=lambda value: value * isinstance(value, str))
def test_damaged_files_become_whole_pictures_or_one_line(tmp_path, name, original, capfd, bounded):
    rng, source, before = np.random.default_rng(SEED), tmp_path / "in" / name, _memory()
    source.parent.mkdir()
    source.write_bytes(original)
    ((_, target),) = plan([(source, source.parent)], tmp_path / "out")
    assert len(colorize_files(_orange, [(source, target)]).written) == 1  # the photo itself is fine
    said, done = [], 0
    for _ in range(COUNT):
        target.unlink(missing_ok=True)
        source.write_bytes(_damaged(original, rng))
        if "FUZZ" in os.environ:
            faulthandler.dump_traceback_later(60, exit=True)
        began = time.perf_counter()
        with silent_decoders():
            outcome = colorize_files(_orange, [(source, target)], max_pixels=2_000_000)
        said += [line for _, line in outcome.failed]
        done += len(outcome.written)
        assert time.perf_counter() - began < 10
        assert [path.name for path in target.parent.iterdir()] == [target.name] * len(outcome.written)
        assert len(outcome.written) + len(outcome.failed) == 1
        assert all(read_photo(path).rgb.ndim == 3 for path in outcome.written)
    assert all(line and "\n" not in line and "Traceback" not in line for line in said)
    assert said  # or the damage is of no use
    assert _memory() - before < GROWTH
    assert capfd.readouterr() == ("", "")  # not a word of a decoder's own
    if "FUZZ" in os.environ:
        with capfd.disabled():
            print(f"\n{name}: {done} pictures, {len(said)} lines ({len(set(said))} different), {_memory():.0f} MB")
