"""What other programs see in a picture: ``python web/tests/look.py FILE`` prints JSON, and writes FILE.rgb.

Pillow reads pixels and metadata. A .zip is unpacked into a folder beside it and each file in it looked at.
"""

import json
import sys
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image


def look(path):
    with Image.open(path) as image:
        image.load()
        exif = image.getexif()
        np.ascontiguousarray(image.convert("RGB")).tofile(f"{path}.rgb")
        xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
        comment = image.info.get("comment", b"")
        return {
            "format": image.format,
            "size": image.size,
            "mode": image.mode,
            "alpha": image.getchannel("A").getextrema() if "A" in image.mode else None,
            "dpi": [round(float(value)) for value in image.info.get("dpi", ())],
            "exif": {str(tag): str(value) for tag, value in exif.items()},
            "camera": {str(tag): str(value) for tag, value in exif.get_ifd(0x8769).items()},
            "gps": {str(tag): str(value) for tag, value in exif.get_ifd(0x8825).items()},
            "xmp": xmp.decode() if isinstance(xmp, bytes) else xmp,
            "sources": [str(found) for found in _fields(image.getxmp(), "DigitalSourceType")],
            "comment": comment.decode("latin1"),
            "profile": len(image.info.get("icc_profile") or b""),
        }


def _fields(tree, name):
    """All values of that name in nested lists and dicts."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from [value] if key == name else _fields(value, name)
    elif isinstance(tree, list):
        for value in tree:
            yield from _fields(value, name)


def main(path):
    if path.suffix != ".zip":
        return look(path)
    folder = path.with_suffix("")
    with zipfile.ZipFile(path) as packed:
        if packed.testzip():
            raise SystemExit("a checksum is wrong")
        packed.extractall(folder)
        return {name: look(folder / name) for name in packed.namelist()}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
