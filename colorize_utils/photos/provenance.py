"""Where a picture's colors come from, said in its metadata: EXIF Software, and XMP as IPTC has it. Nothing in pixels.

IPTC's vocabulary has two codes for what a program changed (http://cv.iptc.org/newscodes/digitalsourcetype/, 2024-10):
algorithmicallyEnhanced is "without changing the main content", as sharpening is; compositeWithTrainedAlgorithmicMedia
is enhancement "using a Generative AI model". Invented colors are the latter. Where no model had a say, only a person's
hints, it is humanEdits: "by one or more humans using non-generative tools". AISystemUsed and AISystemVersionUsed are
of the IPTC Photo Metadata Standard 2025.1.
"""

import re
from html import escape
from typing import NamedTuple
from xml.etree import ElementTree

from .. import __version__
from .earlier import NAMESPACE, PROPERTY
from .exif import Value, read_block, short, text, write_block
from .xmp import has, upright, without

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
BY_HAND_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/humanEdits"
IPTC_EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
GUESS = "colors are a model's guess"
BY_HAND = "colors were chosen by hand"
SOFTWARE, ORIENTATION = 305, 274
MOST_SOFTWARE = 2000  # characters; what is longer is no program's name
_OURS = re.compile(rf"(?:; )?ColorizeIMG [^();]* \((model [^()]*); (?:{re.escape(GUESS)}|{re.escape(BY_HAND)})\)")
_EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n</rdf:RDF>\n</x:xmpmeta>\n<?xpacket end="w"?>'
)


class Maker(NamedTuple):
    """What colored a picture: the model's name and version, and settings that were not the usual ones."""

    model: str = "of unknown name"
    version: str = ""
    settings: str = ""
    in_xmp: bool = True  # also where the photo has no XMP
    by_hand: bool = False  # there was no model: the colors are all from hints
    digest: str = ""  # of the model file
    made_from: str = ""  # `earlier.MadeFrom` as text

    @property
    def whose(self):
        return BY_HAND if self.by_hand else GUESS

    def __str__(self):
        text = " ".join(f"model {self.model} {self.version}".split()) + (f", {self.settings}" if self.settings else "")
        return re.sub(r"[^\x20-\x7e]|[();]", "?", text)[:200]  # EXIF text is ASCII


def software(maker, before=None):
    """The text of EXIF Software: what was there, without an earlier mark of ours, and this mark."""
    mark = f"ColorizeIMG {__version__} ({maker}; {maker.whose})"
    before = _OURS.sub("", str(before or "")[:MOST_SOFTWARE]).strip(" \0")
    return f"{before}; {mark}" if before else mark


def mark_in(text):
    """Of the text of EXIF Software, what `str(Maker)` was when the picture was made; None where it does not say."""
    found = _OURS.search(str(text or "")[:MOST_SOFTWARE])
    return found and found[1]


def stamped_exif(exif, maker):
    """EXIF bytes or None -> EXIF bytes with the mark in Software."""
    tags = read_block(exif)[0] if exif else {}
    before = tags.get(SOFTWARE)
    before = before.data.decode("utf-8", "replace") if isinstance(before, Value) else ""
    return write_block(tags | {SOFTWARE: text(software(maker, before)), ORIENTATION: short(1)})


def stamped_xmp(xmp, maker, notes):
    """An XMP packet, bytes or None -> bytes of a packet with the digital source type, the model and a note.

    The packet is not parsed and written anew but added to, so that what other programs put there stays as it was. One
    that cannot be used costs a line in ``notes``.
    """
    if xmp:
        try:
            return _added(bytes(xmp).decode("utf-8").strip("\0"), maker)
        except (ValueError, ElementTree.ParseError):
            notes.append("its XMP data is damaged and was left out")
    return _added(_EMPTY, maker)


def _added(packet, maker):
    # The patterns below take time that grows with the packet's length and not with its square, whatever is in it.
    # Entities can make megabytes of a line; no honest packet has them.
    if "<!" in packet.replace("<!--", "").replace("<![CDATA[", ""):
        raise ValueError("a document type")
    packet = upright(packet)
    for name in ("DigitalSourceType", "AISystemUsed", "AISystemVersionUsed"):
        packet = without(packet, IPTC_EXT, name)
    packet = without(packet, NAMESPACE, PROPERTY)
    notes = "" if has(packet, PHOTOSHOP, "Instructions") else f"{maker.whose.capitalize()} ({maker})."
    about = re.search(r"""rdf:about\s*=\s*("[^"]*"|'[^']*')""", packet)
    fields = {
        "Iptc4xmpExt:DigitalSourceType": BY_HAND_TYPE if maker.by_hand else SOURCE_TYPE,
        "Iptc4xmpExt:AISystemUsed": f"ColorizeIMG, model {maker.model}",
        "Iptc4xmpExt:AISystemVersionUsed": f"{__version__}, model {maker.version or 'without a version'}",
        "photoshop:Instructions": notes,
    }
    fields[f"colorizeimg:{PROPERTY}"] = maker.made_from
    if maker.by_hand:
        del fields["Iptc4xmpExt:AISystemUsed"], fields["Iptc4xmpExt:AISystemVersionUsed"]
    lines = [f"<{name}>{escape(_printable(value), quote=False)}</{name}>\n" for name, value in fields.items() if value]
    block = (
        f'<rdf:Description rdf:about={about[1] if about else chr(34) * 2} xmlns:Iptc4xmpExt="{IPTC_EXT}" '
        f'xmlns:photoshop="{PHOTOSHOP}" xmlns:colorizeimg="{NAMESPACE}">\n{"".join(lines)}</rdf:Description>\n'
    )
    head, end, rest = packet.rpartition("</rdf:RDF>")
    if not end:
        raise ValueError("no RDF")
    packet = head + block + end + rest
    ElementTree.fromstring(re.sub(r"<\?xpacket[^?]*\?>", "", packet).strip("\ufeff \n\r\t\0"))
    return packet.encode()


def _printable(text):
    return "".join(c if c.isprintable() else "?" for c in str(text))
