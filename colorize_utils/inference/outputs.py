"""Where the picture of each photo goes, and which pictures of an earlier call are of which photo.

A name alone decides nothing: each picture says in its metadata which photo it was made from (`photos.provenance`). So a
photo finds its picture again wherever both have been moved, and takes nobody else's place: not that of another photo
that has the same name, and not that of x.png for x.gif.
"""

import hashlib
import os
import re
import stat
import unicodedata
from collections import defaultdict, deque
from functools import cache
from pathlib import Path

from ..disk import make_folders, part_beside, sampled, sweep
from ..errors import ColorizeError, reason
from ..photos.earlier import Identity, read_made_from

KEPT = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp")
OTHERS = {".jpe": ".jpg", ".jfif": ".jpg", ".mpo": ".jpg"}  # these are JPEGs; other formats come out as PNG
CHROMA = "-chroma"  # stands behind the name of a picture that is a layer of color alone


def plan(found, out, tag="", overwrite=False, noted=None):
    """Pairs (photo, root) as `photos.finding.find_photos` gives them -> list of (photo, output path below ``out``).

    Folders below a root are mirrored, names kept (with ``tag`` behind them). Two photos that would meet in one output
    (also on a system to which a and A, or two ways to write ü, are one name) get ``-2``, ``-3`` ... after the name of
    the later one; and so does a photo where the picture of another one lies already. A picture of an earlier call is
    found again. overwrite: that of a photo of the same name is taken for its own, whatever the photo held.
    ``noted(photo, note)`` is called for a photo that had to make way.

    What stands in ``out`` itself is no input when ``out`` lies inside a root: those are pictures of an earlier call.
    ColorizeError if an output would be one of the inputs.
    """
    out, key = Path(out), _keys()
    photos, roots = _inputs(key(out), found, key)
    names = [
        out / photo.relative_to(root).with_name(name_of(photo, tag)) for photo, root in zip(photos, roots, strict=True)
    ]
    places, sources = _Places(names, overwrite), {key(photo) for photo in photos}
    planned = list(zip(photos, places.of(photos), strict=True))
    for photo, target in planned:
        if key(target) in sources:
            raise ColorizeError(f"expected an output folder apart from the photos, got {out}: {target} is an input")
        if noted and photo in places.moved:
            noted(photo, f"{places.moved[photo]} is the picture of another photo; this one's is {target.name}")
    return planned


def name_of(photo, tag=""):
    """The name that the picture of the path ``photo`` has, where nothing stands in its way."""
    suffix = photo.suffix if photo.suffix.lower() in KEPT else OTHERS.get(photo.suffix.lower(), ".png")
    return f"{photo.stem}{tag}{suffix}"


def _inputs(out, found, key):
    """The photos and their roots, each photo once, without what lies in the folder ``out`` inside one of the roots."""
    roots = {root: key(root).rstrip(os.sep) + os.sep for root in {root for _, root in found}}
    once = {}  # "folder folder/photo.jpg" names a photo twice
    for photo, root in found:
        own = key(photo)
        if not (out.startswith(roots[root]) and own.startswith(out + os.sep)):
            once.setdefault(own, (Path(photo), Path(root)))
    return tuple(zip(*once.values(), strict=True)) or ((), ())


def _keys():
    """A function: path -> one text for one file, links followed; on Windows also whatever the case."""
    folder = cache(os.path.realpath)

    @cache
    def key(path):
        head, tail = os.path.split(path)
        whole = not tail or tail in (os.curdir, os.pardir) or os.path.islink(path)
        return os.path.normcase(os.path.realpath(path) if whole else os.path.join(folder(head), tail))

    return key


class _Places:
    """Which name each picture gets: ``names`` are those wished for, numbered where several wish for one."""

    def __init__(self, names, overwrite):
        self.names, self.overwrite, self.moved = names, overwrite, {}
        self.made_from, self.listed, self.owned, self.given = cache(read_made_from), {}, {}, set()
        self.numbered = list(numbered(names))

    def of(self, photos):
        """The paths for the pictures of ``photos``, in their order."""
        targets, wishes = [None] * len(photos), list(zip(photos, self.names, self.numbered, strict=True))
        # First come those whose own picture lies there: shards that begin at other times have to plan alike.
        for way in (self._at_its_place, self._elsewhere, self._new, self._beside):
            for at, wish in enumerate(wishes):
                if targets[at] is None and (target := way(*wish)):
                    targets[at] = target
                    self.given.add(folded(target))
        return targets

    def _is_free(self, path):
        return folded(path) not in self.given

    def _at_its_place(self, photo, name, path):
        made = self.made_from(path)
        return path if made and made.photo == identity(photo) else None

    def _new(self, photo, name, path):
        return path if self._is_free(path) and not self._is_of_another(photo, path) else None

    def _elsewhere(self, photo, name, path):
        """The picture of this photo among those with ``name`` and with a number; None where there is none."""
        if name not in self.owned:
            self.owned[name] = defaultdict(deque)
            for there in self._alike(name):
                if made := self.made_from(there):
                    self.owned[name][made.photo].append(there)
        mine = self.owned[name][identity(photo)] if self.owned[name] else ()
        while mine:
            if self._is_free(there := mine.popleft()):
                return there
        return None

    def _beside(self, photo, name, path):
        self.moved[photo] = path
        return next(numbered([name], lambda new: self._is_free(new) and not self._is_of_another(photo, new)))

    def _is_of_another(self, photo, path):
        made = self.made_from(path)
        return made and not (self.overwrite and made.photo.name == identity(photo).name)

    def _alike(self, name):
        """``name`` and its like with a number, so far as they lie there, in the order of the numbers."""
        folder = name.parent
        if folder not in self.listed:
            self.listed[folder] = defaultdict(list)
            for there in sorted(_names(folder), key=lambda there: (len(there), there)):
                stem, suffix = os.path.splitext(there)
                for base in {stem, re.sub("-[0-9]+$", "", stem)}:
                    self.listed[folder][base, suffix].append(folder / there)
        return self.listed[folder].get((name.stem, name.suffix), [])


def numbered(names, is_free=lambda path: True):
    """Each of the paths ``names``, with a number where one before it has got the name, or where it ``is_free`` not."""
    taken, numbers = set(), defaultdict(lambda: 1)
    for name in names:
        path = name
        while (own := folded(path)) in taken or not is_free(path):
            numbers[name] += 1
            path = name.with_name(f"{name.stem}-{numbers[name]}{name.suffix}")
        taken.add(own)
        yield path


def _names(folder):
    try:
        return os.listdir(folder)
    except OSError:  # it is not there, or may not be looked into: then writing there says so
        return []


def identity(path):
    """What a picture of the photo ``path`` says that it was made from -> `provenance.Identity`: its name, its content.

    Of a large file the content is sampled. What cannot be read, or is no file, has an identity that is nobody else's.
    """
    try:
        content = sampled(path) if stat.S_ISREG(os.stat(path).st_mode) else ""
    except OSError:
        content = ""
    return Identity(hashlib.sha256(os.fsencode(os.path.basename(path))).hexdigest()[:8], content[:32])


def shard_of(planned, number, count):
    """The part of what `plan` planned that shard ``number`` of ``count`` (from 1) has to do, in the plan's order.

    Every ``count``-th output in the order of their names. So each photo is in one shard, whatever order a file system
    or a shell names them in; shards differ by one photo at most, and a folder of large scans is dealt to all. It is a
    function of the whole list, not of what is done already: a shard that begins again has the same photos as before.
    """
    mine = set(sorted(target.as_posix() for _, target in planned)[number - 1 :: count])
    return [(photo, target) for photo, target in planned if target.as_posix() in mine]


def prepare_output(out):
    """Make the folder ``out`` and see that it can be written. ColorizeError (status 2) in one line if not.

    What a killed run left there half written is removed; what another process may still be writing is left alone.
    """
    out = Path(out)
    probe = part_beside(out / "any")
    try:
        make_folders(out)
        probe.write_bytes(b"")
        now = probe.stat().st_mtime  # by the clock of that disk, which may be another machine's
        probe.unlink()
        sweep(out, now)
    except OSError as error:
        raise ColorizeError(f"expected an output folder that can be written, got {out}: {reason(error)}") from None


def folded(path):
    """One text for paths that are one file on some system: Windows and macOS tell no A from a, macOS no two ü."""
    return unicodedata.normalize("NFC", str(path)).casefold()
