"""What stands in a file beside its pixels."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Beside:
    """What a file has beside its pixels, as it stands there; `metadata.read_metadata` says what of it is kept."""

    exif: bytes = b""
    xmp: bytes | str | None = None
    profile: bytes | None = None  # ICC, or made of what else the file says of its colors
    photoshop: tuple = ()  # a JPEG's resource blocks: (number, name and data as they stand) each
    comments: tuple = ()  # bytes each
    texts: tuple = ()  # of a PNG: (kind of chunk, body) each
    dpi: tuple | None = None
    aspect: tuple | None = None  # width and height that a pixel has to its neighbors, where there is no resolution
    notes: tuple = ()  # what a person should know, a line each


@dataclass(frozen=True)
class Carried:
    """What goes from a photo's file into the picture's, as `reading.Photo` has it under the same names."""

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    photoshop: tuple = ()
    comments: tuple = ()
    texts: tuple = ()
    dpi: tuple | None = None
    aspect: tuple | None = None
