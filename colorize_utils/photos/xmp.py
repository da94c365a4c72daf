"""XMP packets as text: changed where they have to be, so that what other programs wrote stays as it was."""

import re

TIFF = "http://ns.adobe.com/tiff/1.0/"
MOST_NESTED = 8  # properties of one name with others inside: an honest packet has one
# Names that tell of something else in the file, which does not come along: a film, a gain map, a second packet.
POINTERS = {
    "http://ns.google.com/photos/1.0/camera/": (
        *("MotionPhoto", "MotionPhotoVersion", "MotionPhotoPresentationTimestampUs"),
        *("MicroVideo", "MicroVideoVersion", "MicroVideoOffset", "MicroVideoPresentationTimestampUs"),
    ),
    "http://ns.google.com/photos/1.0/container/": ("Directory",),
    "http://ns.adobe.com/hdr-gain-map/1.0/": ("Version",),
    "http://ns.apple.com/HDRGainMap/1.0/": ("HDRGainMapVersion",),
    "http://ns.adobe.com/xmp/note/": ("HasExtendedXMP",),
}


def without_pointers(packet):
    """An XMP packet, bytes -> the same without what points at something that is left out. One that is damaged stays."""
    try:
        text = packet.decode("utf-8")
        for namespace, names in POINTERS.items():
            for name in names if namespace in text else ():
                text = without(text, namespace, name)
    except ValueError:
        return packet
    return text.encode()


def orientation(packet):
    """What an XMP packet, bytes, says of how the picture lies (TIFF 6.0, tag 274), or None."""
    try:
        text = packet.decode("utf-8")
        for prefix in prefixes(text, TIFF):
            found = re.search(rf"""{prefix}:Orientation(?:\s*=\s*["']|[^<>]*>)\s*([1-8])\b""", text)
            if found:
                return int(found[1])
    except ValueError:
        pass
    return None


def upright(packet):
    """TIFF orientation 1: the output is upright already."""
    for prefix in prefixes(packet, TIFF):
        packet = re.sub(rf"""({prefix}:Orientation\s*=\s*["'])\d+""", r"\g<1>1", packet)
        packet = re.sub(rf"(<{prefix}:Orientation[^<>]*>)\s*\d+", r"\g<1>1", packet)
    return packet


def prefixes(packet, namespace):
    found = set(re.findall(rf"""xmlns:([\w.-]+)\s*=\s*["']{re.escape(namespace)}["']""", packet))
    if len(found) > 4:
        raise ValueError("too many names for one namespace")
    return [re.escape(prefix) for prefix in found]


def has(packet, namespace, name):
    """Whether a packet, as text, has a property of that name."""
    return any(re.search(rf"[\s<]{prefix}:{name}[\s=>]", packet) for prefix in prefixes(packet, namespace))


def without(packet, namespace, name):
    """A packet, as text, without a property, whether it stands as an attribute, as text or with others inside."""
    for prefix in prefixes(packet, namespace):
        tag = f"{prefix}:{name}"
        packet = re.sub(rf"""\s{tag}\s*=\s*("[^"]*"|'[^']*')""", "", packet)
        packet = re.sub(rf"<{tag}(\s[^<>]*)?/>", "", packet)
        packet = re.sub(rf"<{tag}(\s[^<>]*)?>[^<]*</{tag}\s*>", "", packet)
        for _ in range(MOST_NESTED):
            start, end = re.search(rf"<{tag}(\s[^<>]*)?>", packet), re.search(rf"</{tag}\s*>", packet)
            if not start or not end:
                break
            if end.start() < start.end():
                raise ValueError("an end before its beginning")
            packet = packet[: start.start()] + packet[end.end() :]
    return packet
