"""What a file is that is no photo, by its first bytes: so that the one line about it helps."""

PHOTOS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG": "PNG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"BM": "BMP",
    b"GIF8": "GIF",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
}
OTHERS = {
    b"%PDF": "a PDF",
    b"8BPS": "a Photoshop document",
    b"PK\x03\x04": "a zip",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"gimp xcf": "a GIMP picture",
}


def what_is(head):
    """The first bytes (some hundred) of a file that could not be read as a photo -> words for a person."""
    if head[4:8] == b"ftyp":
        return "a damaged AVIF" if head[8:12] in (b"avif", b"avis") else "a damaged HEIC or a film"
    if head[:4] == b"RIFF":
        return "a damaged WebP" if head[8:12] == b"WEBP" else "a sound or a film"
    for start, name in PHOTOS.items():
        if head.startswith(start):
            return f"a damaged {name}"
    for start, name in OTHERS.items():
        if head.startswith(start):
            return f"another kind of file, {name}"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if b"<svg" in text:
        return "another kind of file, an SVG drawing"
    if text.startswith((b"<!doctype html", b"<html")):
        return "another kind of file, a web page"
    if head and not any(head):
        return "nothing but zeros"
    if head and all(32 <= byte < 127 or byte in b"\t\n\r" for byte in head):
        return "another kind of file, a text"
    return "a file of another kind or a damaged one"
