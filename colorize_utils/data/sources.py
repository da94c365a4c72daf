"""Where photos come from: a folder of photos, Kaggle's Lab arrays, or the sample pictures that are installed anyway.

A source has a ``name``, a length, and ``items(start)``: an iterator over `Item` from number ``start`` on, always in
the same order. It may have ``contents``, a text that differs when its photos do: then `prepare` does not go on with a
set that was begun from others.
"""

import hashlib
import re
from pathlib import Path

import numpy as np

from .. import color
from ..errors import ColorizeError
from ..photos.reading import find_photos, read_photo, write_photo
from .items import Item
from .kaggle import HANDLE, KaggleLab, fetched

__all__ = [
    "Item",
    "KaggleLab",
    "KagglePhotos",
    "PhotoFolder",
    "SamplePhotos",
    "label",
    "sample_photos",
    "write_samples",
]


def kaggle_source(words, say=print):
    """The source that "kaggle:OWNER/NAME" means: the original project's arrays, or photos."""
    handle = checked_handle(words)
    return KaggleLab(say=say) if handle == HANDLE else KagglePhotos(handle, say)


def label(source):
    """A name for what is made from a source. Two folders of photos never share one, nor does one that has changed."""
    if not isinstance(source, PhotoFolder) or isinstance(source, KagglePhotos):
        return source.name
    folder = re.sub(r"[^\w.-]+", "_", source.folder.resolve().name).strip("._")[:40]
    return f"photos-{folder or 'folder'}-{source.contents[:6]}"


class PhotoFolder:
    """All photos below a folder, at any depth, in any common format, in the order of their paths."""

    def __init__(self, folder):
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise ColorizeError(f"expected a folder of photos, but there is no folder {self.folder}")
        self.name = "photos"
        self.paths = [path for path, _ in find_photos([self.folder])]
        if not self.paths:
            raise ColorizeError(f"expected photos (jpg, png, tif, webp, avif, bmp, gif) in {self.folder}, found none")

    def __len__(self):
        return len(self.paths)

    @property
    def contents(self):
        """A digest of the files' names and sizes."""
        digest = hashlib.sha256()
        for path in self.paths:
            size = path.stat().st_size if path.exists() else -1  # a link to nowhere; its line comes when it is read
            digest.update(f"{path.relative_to(self.folder).as_posix()}\0{size}\0".encode(errors="surrogateescape"))
        return digest.hexdigest()[:16]

    def items(self, start=0):
        """The photos from number ``start`` on, as `Item`s."""
        for path in self.paths[start:]:
            yield Item(path.relative_to(self.folder).as_posix(), lambda path=path: (_rgb8(path), False))


class KagglePhotos(PhotoFolder):
    """Any set of photos on Kaggle, ``OWNER/NAME``: all photos in it, at any depth, as kagglehub fetches them."""

    def __init__(self, handle, say=print):
        self.handle = checked_handle(handle)
        super().__init__(fetched(self.handle, say))
        self.name = kaggle_name(self.handle)
        size = len(self) * 144 * 192 * 3 / 1e9
        say(f"{self.handle}: {len(self):,} photos; prepared they take {size:.1f} GB, on a GPU as well (a T4 has 15)")


def checked_handle(handle):
    """A Kaggle data set's OWNER/NAME, without its address or "kaggle:"; ColorizeError for anything else."""
    found = re.fullmatch(
        r"(?:kaggle:)?(?:https?://www\.kaggle\.com/datasets/)?([\w-][\w.-]*/[\w-][\w.-]*?)(?:/data)?/?", handle
    )
    if not found:
        raise ColorizeError(f"expected kaggle:OWNER/NAME, as in a data set's address on Kaggle, got {handle!r}")
    return found[1]


def kaggle_name(handle):
    """The name of what is made from a Kaggle data set."""
    return f"kaggle-{checked_handle(handle).replace('/', '-')}"


def _rgb8(path):
    return np.rint(read_photo(path).rgb * 255).astype(np.uint8)


def sample_photos():
    """The natural color photos that scikit-image and matplotlib install: name -> uint8 RGB (H, W, 3). No network.

    Eileen Collins, a cup of coffee, the cat Chelsea and a rocket start (scikit-image), a motorcycle (Middlebury stereo
    set, by way of scikit-image) and Grace Hopper (matplotlib): NASA, public domain or CC0, see their READMEs.
    """
    import skimage
    from matplotlib import cbook

    folder = Path(skimage.__file__).parent / "data"
    files = {
        "astronaut": folder / "astronaut.png",
        "cat": folder / "chelsea.png",
        "coffee": folder / "coffee.png",
        "motorcycle": folder / "motorcycle_left.png",
        "rocket": folder / "rocket.jpg",
        "hopper": cbook.get_sample_data("grace_hopper.jpg", asfileobj=False),
    }
    return {name: _rgb8(path) for name, path in sorted(files.items()) if Path(path).is_file()}


def sample_paths(folder, in_color=False):
    """Where `write_samples` writes to: a list of paths, in the order of the photos' names."""
    names = sorted(sample_photos())
    return [Path(folder) / f"{name}{'.png' if in_color else ('.png', '.jpg')[k % 2]}" for k, name in enumerate(names)]


def write_samples(folder, in_color=False):
    """Write the sample photos into ``folder``, made grey unless ``in_color`` -> their paths, one as each is written."""
    for path, (_, rgb) in zip(sample_paths(folder, in_color), sorted(sample_photos().items()), strict=True):
        write_photo(path, rgb if in_color else _greyed(rgb))
        yield path


def _greyed(rgb):
    """uint8 (H, W, 3) -> float32 (H, W, 3), the greys of the same lightness."""
    return color.grey_from_lightness(color.lightness(rgb.astype(np.float32) / 255))[..., None].repeat(3, axis=-1)


def is_sample(path):
    """Whether a file is a sample photo, in color or grey, as this or an earlier version wrote it, and not changed."""
    rgb = sample_photos()[path.stem]
    found = np.rint(read_photo(path).rgb * 255)
    most = 32 if path.suffix == ".jpg" else 3  # codes: versions differ in rounding, and in their encoders of JPEG
    return any(found.shape == one.shape and np.abs(found - one).max() <= most for one in (rgb, _greyed(rgb) * 255))


class SamplePhotos:
    """Some hundred overlapping crops of the sample photos: enough to see that everything works, too few to learn from.

    The crops of one photo carry its name as parent, so they all go to the same part.
    """

    name = "samples"
    # With six parents the usual 3 % and 2 % would leave both empty; with these, two photos are in val (a portrait and a
    # motorcycle) and one is in test.
    val, test = 0.07, 0.22

    def __init__(self, crops_per_photo=24):
        self._crops = [
            (name, index, box)
            for name, photo in sample_photos().items()
            for index, box in enumerate(_boxes(photo.shape[:2], crops_per_photo))
        ]

    def __len__(self):
        return len(self._crops)

    def items(self, start=0):
        """The crops from number ``start`` on, as `Item`s."""
        photos = sample_photos()
        for name, index, (top, left, height, width) in self._crops[start:]:
            pixels = photos[name][top : top + height, left : left + width]
            yield Item(f"{name}-{index:02d}", lambda pixels=pixels: (pixels, False), parent=name)


def _boxes(shape, count):
    """Overlapping 3:4 boxes (top, left, height, width) of three sizes, spread evenly over a photo."""
    height, width = shape
    boxes = []
    for scale in (0.5, 0.65, 0.8):
        w = int(min(width * scale, height * scale * 4 / 3))
        h = w * 3 // 4
        side = max(1, round((count / 3) ** 0.5))
        tops = np.linspace(0, height - h, side).astype(int)
        lefts = np.linspace(0, width - w, -(-count // 3 // side)).astype(int)
        boxes += [(int(top), int(left), h, w) for top in tops for left in lefts]
    return boxes
