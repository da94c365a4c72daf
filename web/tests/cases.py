"""Pictures that the Python package makes, to compare the browser's with: ``python web/tests/cases.py DIR``.

arithmetic/: ``cases.json`` lists photos as RGBA bytes with their pictures as RGB bytes; the network is a formula
(`strong`), which the tests in JavaScript have too. photos/: files as people have them, each with its picture by the
shipped model beside it, as RGB bytes in colored/. bad/: files that nobody can color, or only the program.
"""

import json
import struct
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import tifffile
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from colorize_utils.data.sources import sample_photos  # noqa: E402
from colorize_utils.inference.colorizer import Colorizer  # noqa: E402
from colorize_utils.inference.hints.given import Hints  # noqa: E402
from colorize_utils.photos.reading import read_photo  # noqa: E402
from colorize_utils.terminal import quietly_import_keras  # noqa: E402

SIZE, SMALLEST = 96, 72
CLICKED = {"grey.png": [(120, 400, "#c03030")]}  # the color that the page begins with
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6" '
    b'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="album 3"/></rdf:RDF></x:xmpmeta>'
)


def strong(fed):
    """L/50-1 (1, h, w, 1) -> ab/110: colors of which many leave the gamut."""
    return np.concatenate([0.8 * np.sin(4 * fed), 0.8 * np.cos(3 * fed)], axis=-1)


def arrays():
    """name -> uint8 (H, W) or (H, W, 3): photos, and shapes that trip up arithmetic."""
    rng, samples = np.random.default_rng(0), sample_photos()
    grey = samples["astronaut"][..., 1]
    found = {"color": samples["coffee"][::2, ::2], "grey": grey, "portrait": grey[:500, 100:301]}
    for height, width in ((1, 1), (1, 300), (300, 1), (7, 5), (33, 31), (80, 90), (97, 113)):
        found[f"noise-{width}x{height}"] = rng.integers(0, 256, (height, width, 3), np.uint8)
    found["long"] = np.tile(grey[200:240], (1, 6))
    ramp = np.linspace(0, 255, 300).round().astype(np.uint8)
    return found | {"ramp": np.broadcast_to(ramp, (200, 300))}


def cases():
    """(name, photo, strength, points of hints)."""
    found = arrays()
    for name, photo in found.items():
        yield name, photo, 1.0, []
    yield "vivid", found["color"], 1.5, []
    yield "nothing", found["grey"], 0.0, []
    yield "hinted", found["grey"], 1.0, [(120, 400, "#c02030"), (350, 60, "#3060a0"), (360, 75, "#30a060")]
    yield "hinted-color", found["color"], 0.7, [(150, 100, "#ffe000")]
    yield "hinted-small", found["noise-113x97"], 1.0, [(3, 4, "#0000ff")]


def write_arithmetic(folder):
    folder.mkdir(parents=True, exist_ok=True)
    colorizer, listed = Colorizer(strong, {"working_size": SIZE, "smallest_size": SMALLEST}), []
    for name, photo, strength, points in cases():
        hints = Hints.from_points(points, photo.shape[:2]) if points else None
        picture = colorizer(photo, strength=strength, hints=hints)
        rgb = photo if photo.ndim == 3 else np.dstack([photo] * 3)
        np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)]).tofile(folder / f"{name}.rgba")
        np.ascontiguousarray(picture).tofile(folder / f"{name}.rgb")
        height, width = photo.shape[:2]
        points = [{"x": x, "y": y, "color": [int(c[k : k + 2], 16) for k in (1, 3, 5)]} for x, y, c in points]
        listed.append({"name": name, "width": width, "height": height, "strength": strength, "points": points})
    (folder / "cases.json").write_text(json.dumps({"sizes": colorizer.meta, "cases": listed}, indent=1))


def write_photos(folder):
    """Thirteen photos, of the kinds and sizes that people have."""
    folder.mkdir(parents=True, exist_ok=True)
    samples, rng = sample_photos(), np.random.default_rng(1)
    grey = {name: cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY) for name, photo in samples.items()}
    exif = Image.Exif()
    exif[306], exif[271], exif[270], exif[274] = "1931:05:04 10:00:00", "Ernemann", "album 3, page 2", 6
    exif.get_ifd(0x8825).update({1: "N", 2: (43.0, 51.0, 24.0)})
    exif.get_ifd(0x8769).update({40962: 451, 40963: 300, 37500: b"note\0of a maker"})
    dated = {"exif": exif, "dpi": (300, 300), "xmp": XMP}
    Image.fromarray(grey["cat"]).save(folder / "turned.jpg", quality=92, comment=b"from the attic", **dated)
    Image.fromarray(grey["astronaut"]).save(folder / "grey.png")
    Image.fromarray(samples["coffee"][:333, :501]).save(folder / "color.png", dpi=(600, 600))
    Image.fromarray(samples["coffee"][1:200, :299]).save(folder / "halved chroma.jpg", quality=90)
    Image.fromarray(grey["rocket"][:127, :255]).save(folder / "grün 📷.png")
    Image.fromarray(grey["hopper"]).save(folder / "hopper.webp", lossless=True, exif=exif)
    for height, width in ((33, 31), (1, 300), (97, 113)):
        Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)).save(folder / f"noise-{width}x{height}.png")
    Image.fromarray(grey["astronaut"][::2, ::2]).convert("P").save(folder / "palette.png")
    alpha = np.full((120, 160, 1), 255, np.uint8)
    alpha[:, 80:] = np.arange(176, 256)[:, None]
    Image.fromarray(np.concatenate([samples["cat"][:120, :160], alpha], axis=-1)).save(folder / "see-through.png")
    upright = Image.Exif()
    upright[271] = "Ernemann"
    Image.fromarray(grey["cat"][::2, ::2]).save(folder / "cat.avif", quality=90, exif=upright, xmp=XMP)
    mirrored = Image.Exif()
    mirrored[274] = 5
    Image.fromarray(grey["coffee"][:201, :303]).save(folder / "mirrored.png", exif=mirrored)


def write_colored(folder, photos):
    """Each photo's picture by the shipped model, and what is clicked on it in CLICKED, as NAME.rgb."""
    folder.mkdir(parents=True, exist_ok=True)
    quietly_import_keras()
    from colorize_utils.networks import takes_hints
    from colorize_utils.networks.hint_input import without_hints

    colorizer, listed = Colorizer.load(), {}
    if takes_hints(colorizer.network):  # an export has no input for hints
        colorizer = Colorizer(without_hints(colorizer.network), colorizer.meta, colorizer.stride)
    for path in sorted(photos.iterdir()):
        photo = read_photo(path, codes=True).rgb
        listed[path.name] = {"width": photo.shape[1], "height": photo.shape[0]}
        colorizer(photo).tofile(folder / f"{path.name}.rgb")
        if points := CLICKED.get(path.name):
            hints = Hints.from_points(points, photo.shape[:2])
            colorizer(photo, hints=hints).tofile(folder / f"{path.name}.hinted.rgb")
            listed[path.name]["points"] = points
    (folder / "photos.json").write_text(json.dumps(listed, indent=1), encoding="utf-8")


def write_bad(folder, photos):
    folder.mkdir(parents=True, exist_ok=True)
    grey = np.asarray(Image.open(photos / "grey.png"))
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "poem.png").write_text("no picture")
    (folder / "torn.jpg").write_bytes((photos / "turned.jpg").read_bytes()[:9000])
    (folder / "torn.png").write_bytes((photos / "grey.png").read_bytes()[:30000])
    damaged = bytearray((photos / "grey.png").read_bytes())
    damaged[5000] ^= 1
    (folder / "damaged.png").write_bytes(damaged)
    head = struct.pack(">IIBBBBB", 20_000, 10_000, 8, 0, 0, 0, 0)
    parts = [struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in [(b"IHDR", head)]]
    (folder / "enormous.png").write_bytes(b"\x89PNG\r\n\x1a\n" + parts[0] + bytes(1000))
    tifffile.imwrite(folder / "scan.tif", grey)
    cv2.imwrite(str(folder / "deep.png"), grey.astype(np.uint16) * 257)
    Image.fromarray(grey).convert("CMYK").save(folder / "cmyk.jpg")
    frames = [Image.fromarray(grey[k : k + 40, :60]) for k in range(3)]
    frames[0].save(folder / "moving.webp", save_all=True, append_images=frames[1:])


def main(folder):
    write_arithmetic(folder / "arithmetic")
    write_photos(folder / "photos")
    write_bad(folder / "bad", folder / "photos")
    write_colored(folder / "colored", folder / "photos")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
