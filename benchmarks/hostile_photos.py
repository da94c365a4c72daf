"""Small photos that promise 289 megapixels, and whole ones damaged at random: does each cost one line, and no more?

    python benchmarks/hostile_photos.py [--flips 2000] [--seed 0]

First files whose header tells of up to 17,000x17,000 pixels, of a few kilobytes or damaged at their end, are each read
in a process of its own: prints its seconds of processor time, the most memory of the process, and the line; a picture
is wrong, and so are more than 10 s or 2 GB. Then small photos of every format get one to four flipped bits each: prints
how many were refused in a line, how many were read as they were, and how many as another picture (in JPEG, WebP and
what has no checksum any bit may be a pixel's). Ends with status 1 where a file of the first kind is wrong, or more than
a line came of another.
"""

import argparse
import io
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from colorize_utils import ColorizeError, read_photo  # noqa: E402
from colorize_utils.terminal import silent_decoders  # noqa: E402

SIDE = 17_000  # 289 megapixels, which --max-pixels allows
MOST_SECONDS, MOST_MEMORY = 10, 2048  # megabytes
ONE = """
import resource, sys, time
from colorize_utils.errors import ColorizeError
from colorize_utils.photos.reading import read_pages
began = time.process_time()
try:
    line = "READ " + str([photo.rgb.shape for photo in read_pages(sys.argv[1], codes=True)])
except ColorizeError as error:
    line = str(error)
print(time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, line)
"""


def saved(image, kind, **options):
    data = io.BytesIO()
    image.save(data, kind, **options)
    return bytearray(data.getvalue())


def photo():
    codes = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(codes).resize((64, 48), Image.Resampling.BICUBIC)


def patched(data, at, form, *values):
    struct.pack_into(form, data, at, *values)
    return bytes(data)


def jpegs(image):
    """Baseline, progressive, CMYK, grey, and without an end: a decoder fills up with grey what is not there."""
    kinds = {"baseline": {}, "progressive": {"progressive": True}}
    files = {f"{name}.jpg": saved(image, "JPEG", **options) for name, options in kinds.items()}
    files |= {f"{mode}.jpg": saved(image.convert(mode), "JPEG", progressive=True) for mode in ("CMYK", "L")}
    for name, data in files.items():
        frame = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
        files[name] = patched(data, frame + 5, ">2H", SIDE, SIDE)
    return files | {"no end.jpg": files["baseline.jpg"][:-2]}


def pngs():
    files = {}
    for name, depth, color, interlaced in (("8", 8, 2, 0), ("16", 16, 6, 0), ("8 interlaced", 8, 2, 1)):
        head = struct.pack(">2I5B", SIDE, SIDE, depth, color, 0, 0, interlaced)
        parts = (b"IHDR", head), (b"IDAT", zlib.compress(bytes(2_000_000))), (b"IEND", b"")
        chunks = [struct.pack(">I", len(b)) + n + b + struct.pack(">I", zlib.crc32(n + b)) for n, b in parts]
        files[f"{name}.png"] = b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
    return files


def damaged_at_the_end():
    """Black pictures of 16,000 to 17,000 pixels a side, whole but for their last bytes: all before these is decoded."""
    files, pack = {}, zlib.compressobj(1)
    row = bytes(1 + 6 * SIDE)
    rows = b"".join([*(pack.compress(row) for _ in range(SIDE)), pack.flush()])
    head = struct.pack(">2I5B", SIDE, SIDE, 16, 2, 0, 0, 0)
    parts = (b"IHDR", head), (b"IDAT", rows[:-1000]), (b"IEND", b"")
    chunks = [struct.pack(">I", len(b)) + n + b + struct.pack(">I", zlib.crc32(n + b)) for n, b in parts]
    files["16 late.png"] = b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
    files["16 late, no end.png"] = b"\x89PNG\r\n\x1a\n" + b"".join(chunks[:2])
    for name, side, subsampling in (("4:4:4", SIDE, 0), ("4:2:0", 16_000, 2)):
        whole = saved(Image.new("RGB", (side, side)), "JPEG", progressive=True, subsampling=subsampling)
        files[f"{name} late.jpg"] = bytes(whole[:-100])
        last = whole[whole.rindex(b"\xff\xda") : -2]
        files[f"{name}, scans.jpg"] = bytes(whole[:-2] + last * 90)
    return files


def tiffs(jpeg):
    """One strip that is to hold everything, in each coding."""
    plain = {256: SIDE, 257: SIDE, 258: 8, 259: 1, 262: 1, 277: 1, 278: SIDE, 279: 10_000}
    color = {262: 6, 277: 3, 279: len(jpeg)}
    kinds = {"plain": {}, "fax 4": {258: 1, 259: 4}, "fax 2": {258: 1, 259: 2}, "lzw": {259: 5}, "deflate": {259: 8}}
    kinds |= {"packbits": {259: 32773}, "jpeg": color | {259: 7}, "old jpeg": color | {259: 6, 513: 0, 514: len(jpeg)}}
    files = {}
    for name, more in kinds.items():
        entries = plain | more | {273: 0}
        place = 8 + 2 + 12 * len(entries) + 4
        entries |= {tag: place for tag in (273, 513) if tag in entries}
        rows = b"".join(struct.pack("<2H2I", tag, 4, 1, value) for tag, value in sorted(entries.items()))
        head = struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + rows + bytes(4)
        files[f"{name}.tif"] = head + (jpeg if "jpeg" in name else bytes(10_000))
    return files


def others(image):
    gif, bmp, webp = saved(image.quantize(16), "GIF"), saved(image, "BMP"), saved(image, "WEBP")
    jp2 = saved(image, "JPEG2000", irreversible=False)
    avif = saved(image, "AVIF")
    codestream = jp2.index(b"\xff\x4f\xff\x51") + 8
    patched(jp2, jp2.index(b"ihdr") + 4, ">2I", SIDE, SIDE)
    patched(jp2, codestream, ">2I", SIDE, SIDE)
    return {
        "screen.gif": patched(gif, 6, "<2H", SIDE, SIDE),
        "plain.bmp": patched(bmp, 18, "<2i", SIDE, SIDE),
        "lossy.webp": patched(webp, webp.index(b"\x9d\x01\x2a") + 3, "<2H", 16_383, 16_383),
        "tiles.jp2": bytes(jp2),
        "one tile.jp2": patched(jp2, codestream + 16, ">2I", SIDE, SIDE),
        "said.avif": patched(avif, avif.index(b"ispe") + 8, ">2I", SIDE, SIDE),
    }


def promising():
    """Name -> bytes of files that promise more than they hold."""
    image = photo()
    files = jpegs(image)
    return files | pngs() | damaged_at_the_end() | tiffs(files["baseline.jpg"]) | others(image)


def read_alone(path):
    """-> (seconds, megabytes, line) of a process that reads one file."""
    done = subprocess.run([sys.executable, "-c", ONE, path], capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        return 0.0, 0, f"status {done.returncode}: {done.stderr.strip()[-200:]}"
    seconds, memory, line = done.stdout.strip().split(" ", 2)
    return float(seconds), int(memory), line.removeprefix(f"{path}: ")


def small_photos():
    """Name -> bytes of one small photo in every format that can be read without more packages."""
    image, deep = photo(), io.BytesIO()
    tifffile.imwrite(deep, np.asarray(image).astype(np.uint16) * 257, photometric="rgb", compression="zlib")
    kinds = ["JPEG", "PNG", "WEBP", "BMP", "GIF", "AVIF", "JPEG2000"]
    files = {f"photo.{kind.lower()}": bytes(saved(image, kind)) for kind in kinds}
    for coding in ("tiff_lzw", "jpeg", "packbits"):
        files[f"{coding}.tif"] = bytes(saved(image, "TIFF", compression=coding))
    return files | {"deep.tif": deep.getvalue()}


def flip(folder, count, rng):
    """Flip bits of small photos -> Counter of (format, what came of it), slowest seconds, what broke."""
    files, seen, slowest, broken = small_photos(), Counter(), 0, []
    for number in range(count):
        name = list(files)[number % len(files)]
        path, data = folder / name, bytearray(files[name])
        path.write_bytes(data)
        whole = read_photo(path, codes=True).rgb
        for _ in range(int(rng.integers(1, 5))):
            data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        began = time.process_time()
        try:
            with silent_decoders():
                found = read_photo(path, max_pixels=2_000_000, codes=True).rgb
            same = found.shape == whole.shape and np.array_equal(found, whole)
            seen[name, "same picture" if same else "another picture"] += 1
        except ColorizeError as error:
            seen[name, "line"] += 1
            if "\n" in str(error):
                broken.append(f"{name}: more than a line: {error}")
        except Exception as error:  # noqa: BLE001  (this is what is looked for)
            broken.append(f"{name}: {type(error).__name__}: {error}")
        slowest = max(slowest, time.process_time() - began)
    return seen, slowest, broken


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flips", type=int, default=2000, help="photos with flipped bits")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        with ProcessPoolExecutor(1) as pool:  # what a process begins with counts the memory of the one that began it
            files = pool.submit(promising).result()
        for name, data in files.items():
            path = Path(folder) / name
            path.write_bytes(data)
            seconds, memory, line = read_alone(path)
            wrong = line.startswith(("READ", "status")) or seconds > MOST_SECONDS or memory > MOST_MEMORY
            bad += wrong
            figures = f"{len(data):8,} bytes {seconds:5.1f} s {memory:5} MB"
            print(f"{name:18} {figures}  {'WRONG: ' * wrong}{line}", flush=True)
        seen, slowest, broken = flip(Path(folder), args.flips, np.random.default_rng(args.seed))
    print(f"\n{len(files)} files that promise too much, {bad} of them wrong\n")
    for name in dict.fromkeys(name for name, _ in seen):
        outcomes = ", ".join(f"{count} {what}" for (at, what), count in sorted(seen.items()) if at == name)
        print(f"{name:16} {outcomes}")
    print(f"{args.flips} photos with flipped bits: {len(broken)} broken, slowest {slowest:.2f} s")
    print("\n".join(broken[:20]))
    return 1 if bad or broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
