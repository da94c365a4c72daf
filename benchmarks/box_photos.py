"""A box of photographs of every kind, and twenty files that are bad in ways of their own: what `box.py` colors.

Made from the sample photos that scikit-image and matplotlib install, with Pillow, tifffile, OpenCV and exiftool.
"""

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import tifffile
from PIL import Image, ImageCms, TiffImagePlugin

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from colorize_utils import sample_photos  # noqa: E402

WHOLE, BAD = 180, 20
DATE, GPS, CAPTION = "1931:05:06 07:08:09", (43.0, 51.0, 20.0), "Großmutter am See © Kešelj"
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
FOLDERS = ("", "Oma & Opa", "1931/Düsseldorf", "📷", "deep/er/still")
NAMES = ("photo", "two  words", "grün", "été 📷", "new\nline", "-o", "=1+1", "tab\t", "Ärger.jpg", "名前")


# --- profiles, written by hand (ICC.1:2010) -------------------------------------------------------------------------


def profile(space, tags, kind=b"mntr", between=b"XYZ "):
    """A version 2 profile of the given tags."""
    table, body = b"", b""
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += struct.pack(">4sII", name, 132 + 12 * len(tags) + len(body), len(data))
        body += data
    head = struct.pack(">4sI4s4s4s", b"lcms", 0x02400000, kind, space, between) + bytes(12) + b"acsp" + bytes(28)
    head += struct.pack(">3i", 63190, 65536, 54061) + bytes(48)
    whole = head + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", len(whole) + 4) + whole


def xyz(*values):
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))


def gamma(value):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256)) + b"\0\0"


def named(text):
    return b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + b"\0" + bytes(78)


def adobe_like():
    columns = {b"rXYZ": (0.60974, 0.31111, 0.01947), b"gXYZ": (0.20528, 0.62567, 0.06087)}
    columns |= {b"bXYZ": (0.14919, 0.06322, 0.74457)}
    tags = {b"desc": named(b"wide"), b"wtpt": xyz(0.9642, 1, 0.8249)} | {k: xyz(*v) for k, v in columns.items()}
    return profile(b"RGB ", tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), gamma(2.2)))


def grey_gamma():
    return profile(b"GRAY", {b"desc": named(b"grey"), b"wtpt": xyz(0.9642, 1, 0.8249), b"kTRC": gamma(1.8)})


def cmyk():
    """A printer with simple inks: a table of 2x2x2x2 Lab values, interpolated (lut16Type)."""
    nodes = []
    for index in range(16):
        c, m, y, k = ((index >> bit) & 1 for bit in (3, 2, 1, 0))
        light = (1 - 0.25 * c) * (1 - 0.45 * m) * (1 - 0.08 * y) * (1 - 0.85 * k) * 100
        a, b = (70 * m - 35 * c) * (1 - k), (80 * y - 45 * c - 5 * m) * (1 - k)
        nodes += [round(light * 652.8), round((a + 128) * 256), round((b + 128) * 256)]
    lut = b"mft2\0\0\0\0" + struct.pack(">4B9i2H", 4, 3, 2, 0, *(65536, 0, 0, 0, 65536, 0, 0, 0, 65536), 2, 2)
    lut += struct.pack(">8H", *(0, 65535) * 4) + struct.pack(">48H", *nodes) + struct.pack(">6H", *(0, 65535) * 3)
    return profile(b"CMYK", {b"desc": named(b"inks"), b"wtpt": xyz(0.9642, 1, 0.8249), b"A2B0": lut}, b"prtr", b"Lab ")


# --- whole photos ---------------------------------------------------------------------------------------------------


def exif(orientation=1, full=True):
    tags = Image.Exif()
    tags[274] = orientation
    if full:
        tags[271], tags[272], tags[306], tags[315] = "Kodak", "Brownie No. 2", DATE, "Oma"
        tags[270] = CAPTION.encode().decode("latin-1")  # which Pillow writes as the bytes of UTF-8
        tags.get_ifd(34665)[36867], tags.get_ifd(34665)[33434] = DATE, TiffImagePlugin.IFDRational(1, 100)
        tags.get_ifd(34853)[1], tags.get_ifd(34853)[2] = "N", GPS
        tags.get_ifd(34853)[3], tags.get_ifd(34853)[4] = "E", (18.0, 24.0, 47.5)
    return tags.tobytes()


def pil(mode="RGB", **options):
    """A writer by way of Pillow."""

    def write(path, rgb, orientation):
        image = Image.fromarray(rgb)
        alpha = Image.fromarray(np.add.outer(np.arange(rgb.shape[0]), np.arange(rgb.shape[1])).astype(np.uint8))
        if mode in ("RGBA", "LA"):
            image = image.convert(mode[:-1])
            image.putalpha(alpha)
        elif mode == "P":
            image = image.quantize(64)
        else:
            image = image.convert(mode)
        more = dict(options)
        if path.suffix not in (".bmp", ".gif", ".tif"):
            more["exif"] = exif(orientation)
        image.save(path, **more)

    return write


def deep(grey=False, alpha=False):
    """16-bit PNGs by way of OpenCV, with EXIF put in by hand."""

    def write(path, rgb, orientation):
        data = noise16(rgb)[..., ::-1]
        if grey:
            data = data[..., 1]
        if alpha:
            data = np.dstack([data, np.linspace(0, 65535, data[..., 0].size).reshape(data.shape[:2])]).astype(np.uint16)
        png = cv2.imencode(".png", data)[1].tobytes()
        body = exif(orientation).removeprefix(b"Exif\0\0")
        chunks = chunk(b"pHYs", struct.pack(">IIB", 11811, 11811, 1)) + chunk(b"eXIf", body)
        path.write_bytes(png[:33] + chunks + png[33:])

    return write


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def noise16(rgb):
    grain = np.random.default_rng(0).integers(-128, 129, rgb.shape)
    return (rgb.astype(np.int64) * 257 + grain).clip(0, 65535).astype(np.uint16)


def tif(make=lambda rgb: rgb, pages=1, photometric="rgb", **options):
    """A writer by way of tifffile."""

    def write(path, rgb, orientation):
        with tifffile.TiffWriter(path, bigtiff=options.get("bigtiff"), byteorder=options.get("byteorder")) as file:
            for page in range(pages):
                data = make(np.roll(rgb, 7 * page, axis=1))
                more = {k: v for k, v in options.items() if k not in ("bigtiff", "byteorder")}
                file.write(
                    data, photometric=photometric, metadata=None, resolution=(300, 300), resolutionunit=2,
                    contiguous=False, software=False, **more,
                )  # fmt: skip

    return write


def grey8(rgb):
    return rgb[..., 1]


def grey16(rgb):
    return noise16(rgb)[..., 1]


def rgba16(rgb):
    return np.dstack([noise16(rgb), noise16(rgb)[..., 1]])


def la16(rgb):
    return np.ascontiguousarray(noise16(rgb)[..., :2])


def heic(path, rgb, orientation):
    import pillow_heif

    pillow_heif.from_pillow(Image.fromarray(rgb)).save(path, quality=95, exif=exif(orientation))


def kinds():
    """(label, suffix, writer, whether it is written in all eight orientations)."""
    dpi = {"dpi": (300, 300)}
    yield from (
        ("grey", ".jpg", pil("L", quality=95, **dpi), True),
        ("RGB", ".jpeg", pil(quality=95, subsampling=0, **dpi), True),
        ("grey", ".png", pil("L", **dpi), True),
        ("16-bit RGB", ".png", deep(), True),
        ("grey LZW", ".tif", pil("L", compression="tiff_lzw", **dpi), True),
        ("16-bit grey", ".tif", tif(grey16, photometric="minisblack"), True),
        ("16-bit RGB", ".tiff", tif(noise16), True),
        ("RGB", ".webp", pil(lossless=True), True),
        ("progressive", ".JPG", pil(progressive=True, **dpi), False),
        ("CMYK", ".jpg", pil("CMYK", icc_profile=cmyk(), **dpi), False),
        ("wide RGB", ".jpg", pil(icc_profile=adobe_like(), quality=95), False),
        ("grey gamma", ".jpg", pil("L", icc_profile=grey_gamma(), quality=95), False),
        ("sRGB", ".jpg", pil(icc_profile=SRGB, **dpi), False),
        ("palette", ".png", pil("P", **dpi), False),
        ("palette, clear", ".png", pil("P", transparency=3), False),
        ("1 bit", ".png", pil("1"), False),
        ("RGBA", ".png", pil("RGBA", **dpi), False),
        ("LA", ".png", pil("LA"), False),
        ("LA grey gamma", ".png", pil("LA", icc_profile=grey_gamma()), False),
        ("RGBA wide", ".png", pil("RGBA", icc_profile=adobe_like()), False),
        ("16-bit grey", ".png", deep(grey=True), False),
        ("16-bit RGBA", ".png", deep(alpha=True), False),
        ("RGBA", ".webp", pil("RGBA", lossless=True, exact=True), False),
        ("lossy", ".webp", pil(quality=90), False),
        ("wide", ".webp", pil(icc_profile=adobe_like(), lossless=True), False),
        ("24-bit", ".bmp", pil(**dpi), False),
        ("grey", ".bmp", pil("L", **dpi), False),
        ("1 bit", ".bmp", pil("1"), False),
        ("palette", ".gif", pil("P"), False),
        ("CMYK", ".tif", pil("CMYK", icc_profile=cmyk(), **dpi), False),
        ("RGBA", ".tif", pil("RGBA", compression="tiff_adobe_deflate", **dpi), False),
        ("palette", ".tif", pil("P", **dpi), False),
        ("fax", ".tif", pil("1", compression="group4", **dpi), False),
        ("JPEG inside", ".tif", pil(compression="jpeg", quality=95, **dpi), False),
        ("packbits", ".tif", pil(compression="packbits", **dpi), False),
        ("tiles", ".tif", tif(tile=(32, 48)), False),
        ("big-endian", ".tif", tif(noise16, byteorder=">"), False),
        ("BigTIFF", ".tif", tif(noise16, bigtiff=True), False),
        ("planes", ".tif", tif(lambda rgb: noise16(rgb).transpose(2, 0, 1), planarconfig="separate"), False),
        ("from white", ".tif", tif(grey16, photometric="miniswhite"), False),
        ("16-bit wide", ".tif", tif(noise16, iccprofile=adobe_like()), False),
        ("16-bit grey gamma", ".tif", tif(grey16, photometric="minisblack", iccprofile=grey_gamma()), False),
        ("16-bit RGBA", ".tif", tif(rgba16, extrasamples=["unassalpha"]), False),
        ("float", ".tif", tif(lambda rgb: grey8(rgb) / np.float32(255), photometric="minisblack"), False),
        ("float RGB", ".tif", tif(lambda rgb: rgb / np.float32(255)), False),
        (
            "16-bit LA",
            ".tif",
            tif(la16, photometric="minisblack", extrasamples=["unassalpha"], planarconfig="contig"),
            False,
        ),
        ("8-bit pages", ".tif", tif(pages=3), False),
        ("16-bit pages", ".tif", tif(grey16, pages=2, photometric="minisblack"), False),
        ("phone", ".heic", heic, False),
    )


def picture(index):
    """A piece of a sample photo, uint8 RGB, none like another."""
    photos = [photo for _, photo in sorted(sample_photos().items())]
    photo, rng = photos[index % len(photos)], np.random.default_rng(index)
    height, width = (int(rng.integers(90, 200)) for _ in "hw")
    top, left = (int(rng.integers(0, n - 80)) for n in photo.shape[:2])
    piece = photo[top : top + 3 * height : 2, left : left + 3 * width : 2]
    return np.ascontiguousarray(piece)


def name_of(index, suffix):
    name = NAMES[index % len(NAMES)]
    if index % 37 == 5 and sys.platform == "linux":
        name = os.fsdecode(b"latin-\xe9")
    return Path(FOLDERS[index % len(FOLDERS)]) / f"{name} {index:03}{suffix}"


def write_whole(box):
    """`WHOLE` photos: every kind once, those that turn in all orientations, then round again."""
    todo = []
    for label, suffix, writer, turns in kinds():
        todo += [(label, suffix, writer, o) for o in (range(1, 9) if turns else (1,))]
    once = [item for item in todo if item[3] == 1]
    todo += [once[k % len(once)] for k in range(WHOLE - len(todo))]
    labels, tiffs = {}, {}
    for index, (label, suffix, writer, orientation) in enumerate(todo[:WHOLE]):
        path = box / name_of(index, suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        writer(path, picture(index), orientation)
        labels[str(path.relative_to(box))] = f"{label} {suffix} turned {orientation}"
        if suffix in (".tif", ".tiff") and label != "BigTIFF":  # exiftool leaves those alone
            tiffs.setdefault(orientation, []).append(path)
    for orientation, paths in tiffs.items():  # Pillow and tifffile write no EXIF into TIFFs of every kind
        tags = [f"-Orientation#={orientation}", "-Make=Kodak", "-Model=Brownie No. 2", f"-ModifyDate={DATE}"]
        tags += [f"-DateTimeOriginal={DATE}", "-GPSLatitude=43.8555", "-GPSLatitudeRef=N", "-GPSLongitude=18.4131"]
        tags += ["-GPSLongitudeRef=E", f"-ImageDescription={CAPTION}", "-ExposureTime=1/100", "-IPTC:City=Sarajevo"]
        run = ["exiftool", "-q", "-q", "-m", "-overwrite_original", *tags]
        subprocess.run([*run, *map(os.fsencode, paths)], check=True)
    return labels


# --- bad ones -------------------------------------------------------------------------------------------------------


def write_bad(box):
    """`BAD` files, each bad in another way."""
    bad = box / "bad"
    bad.mkdir(parents=True)
    rgb = picture(3)
    png, jpeg, tiff = io.BytesIO(), io.BytesIO(), io.BytesIO()
    Image.fromarray(rgb).save(png, "PNG")
    Image.fromarray(rgb).save(jpeg, "JPEG", quality=95)
    Image.fromarray(rgb).save(tiff, "TIFF", compression="tiff_lzw")
    png, jpeg, tiff = png.getvalue(), jpeg.getvalue(), tiff.getvalue()
    (bad / "empty.jpg").write_bytes(b"")
    (bad / "text.png").write_text("Dear grandmother", encoding="utf-8")
    (bad / "drawing.png").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", encoding="utf-8")
    (bad / "cut.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (bad / "cut.png").write_bytes(png[: len(png) // 2])
    (bad / "cut.tif").write_bytes(tiff[: len(tiff) // 2])
    (bad / "letter.jpg").write_bytes(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    torn = bytearray(png)
    torn[len(torn) // 2] ^= 255
    (bad / "torn.png").write_bytes(torn)
    (bad / "zeros.jpg").write_bytes(bytes(5000))
    huge = struct.pack(">IIBBBBB", 70_000, 70_000, 8, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", huge) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    (bad / "huge.png").write_bytes(png[:8] + chunks)
    frames = [Image.fromarray(rgb), Image.fromarray(255 - rgb)]
    for name in ("moving.gif", "moving.webp", "moving.png"):
        frames[0].save(bad / name, save_all=True, append_images=frames[1:])
    tifffile.imwrite(bad / "bright.tif", rgb[..., 1].astype(np.float32), photometric="minisblack", metadata=None)
    tifffile.imwrite(bad / "32 bits.tif", rgb[..., 1].astype(np.uint32) << 24, photometric="minisblack", metadata=None)
    (bad / "round.jpg").symlink_to(bad / "round.jpg")
    (bad / "nowhere.jpg").symlink_to(bad / "absent.jpg")
    os.mkfifo(bad / "pipe.jpg")
    (bad / "film.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200))
    (bad / "wide.jpg").write_bytes(jpeg.replace(struct.pack(">HH", *rgb.shape[:2]), struct.pack(">HH", 65_000, 65_000)))
    # What is no photo, and no fault either.
    (box / "folder.jpg").mkdir()
    Image.fromarray(rgb).save(box / "folder.jpg" / "inside.txt", "PNG")
    (box / "up").symlink_to(box, target_is_directory=True)
    (box / ".hidden.jpg").write_bytes(b"")
    (box / "notes.txt").write_text("no photo", encoding="utf-8")
    if len(list(bad.iterdir())) != BAD:
        raise SystemExit(f"expected {BAD} bad files")
