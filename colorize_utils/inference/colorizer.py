"""A trained model at work: a photo in, the same photo in color out, its lightness untouched."""

import hashlib
from pathlib import Path

import numpy as np

from .. import color
from ..errors import ColorizeError
from .upsample import resize, upsample_rows

STRIDE = 32
BAND = 2**18  # pixels worked on at once: what a large photo needs in memory beside itself is a few dozen megabytes
ROOMIEST = 8  # a working copy has at most this many times the pixels of a square one
LONGEST = 64  # and its long side at most this many times the short side of a usual one


class Colorizer:
    """A network and what is needed round it. ``Colorizer.load()`` gives the shipped model.

    network: a Keras model, or any function, L/50-1 (1, h, w, 1) -> ab/110 (1, h, w, 2) for sides that are multiples of
    ``stride``. meta: what the model file says of itself; ``working_size``, else ``trained_size``, is the short side, in
    pixels, of the copy of a photo that the network looks at.
    """

    def __init__(self, network, meta=None, stride=STRIDE):
        self.network, self.meta, self.stride = network, dict(meta or {}), stride
        self.size = int(self.meta.get("working_size") or self.meta.get("trained_size") or 128)
        self._predict = getattr(network, "predict_on_batch", network)

    @classmethod
    def load(cls, path=None):
        """The model in the file ``path``, or the shipped one. ColorizeError (status 1) if it is missing or bad."""
        from ..weights import load_network

        network, spec, meta = load_network(shipped_model() if path is None else Path(path))
        if spec.get("network") not in ("unet", "pix2pix"):
            raise ColorizeError(
                f"expected a network that colorizes, but {path} holds a {spec.get('network')}", status=1
            )
        return cls(network, meta, stride=2 ** spec.get("levels", 7) if spec["network"] == "pix2pix" else STRIDE)

    def __call__(self, photo, size=None, out=None):
        """Color a photo -> sRGB (H, W, 3) of the same size and type, every pixel with the L it had.

        photo: uint8, or float sRGB in [0, 1] (the result is float32 then); (H, W), (H, W, 1) or (H, W, 3). Of a color
        photo only the lightness is used. size: short side of the working copy, by default the size trained at. out:
        array to write to, which may be the photo itself. ColorizeError for another shape, type or range.
        """
        photo = _checked(photo)
        if out is None:
            out = np.empty((*photo.shape[:2], 3), photo.dtype)
        for top, lightness, ab in self._bands(photo, size):
            rgb = color.join(lightness, ab)
            out[top : top + len(rgb)] = rgb if out.dtype != np.uint8 else np.rint(rgb * 255)
        return out

    def predict_ab(self, lightness, size=None):
        """L (H, W) in 0..100 -> the ab (H, W, 2) float32, in Lab units, that the model gives it, before the gamut."""
        grey = _checked(color.grey_from_lightness(np.clip(lightness, 0, 100)))
        ab = np.empty((*grey.shape[:2], 2), np.float32)
        for top, _, rows in self._bands(grey, size):
            ab[top : top + len(rows)] = rows
        return ab

    def _bands(self, photo, size):
        """Yield (first row, L (n, W), ab (n, W, 2)) from top to bottom."""
        small = _working_copy(photo, working_shape(photo.shape[:2], size or self.size))
        ab = self._run(small)
        for top, rows in _rows(photo):
            lightness = _lightness(rows)
            yield top, lightness, upsample_rows(ab, small, lightness, top, len(photo))

    def _run(self, lightness):
        """L (h, w) of a working copy -> ab (h, w, 2). Padded by reflection to the stride, on all sides alike."""
        h, w = lightness.shape
        above, left = -h % self.stride // 2, -w % self.stride // 2
        padding = ((above, -h % self.stride - above), (left, -w % self.stride - left))
        fed, _ = color.normalize(np.pad(lightness, padding, mode="reflect")[None, ..., None])
        answer = np.asarray(self._predict(fed.astype(np.float32)), np.float32)
        if answer.shape != (*fed.shape[:3], 2):
            raise ColorizeError(
                f"expected ab of shape {(*fed.shape[:3], 2)} from the model, got {answer.shape}", status=1
            )
        if not np.isfinite(answer).all():
            raise ColorizeError("expected colors from the model, got values that are not numbers", status=1)
        return color.denormalize(fed, answer)[0, above : above + h, left : left + w, 1:]


def shipped_model():
    """The path of the model that comes with the package or the checkout, its SHA-256 checked where that is given."""
    package = Path(__file__).parents[1]
    places = [package / "shipped" / "colorizer.h5", package.parent / "saved_models" / "colorizer.h5"]
    found = next((path for path in places if path.is_file()), None)
    if found is None:
        raise ColorizeError(f"expected the shipped model at {places[-1]}; name another with --model FILE", status=1)
    note = found.with_suffix(".sha256")
    if note.is_file():
        expected = note.read_text(encoding="ascii", errors="replace").split()[:1]
        actual = hashlib.sha256(found.read_bytes()).hexdigest()
        if expected != [actual]:
            raise ColorizeError(
                f"expected {found} to have the SHA-256 that {note.name} names, got {actual[:12]}…: get it again",
                status=1,
            )
    return found


def working_shape(shape, size):
    """(H, W) of a photo and the wanted short side -> (h, w) of the copy that the network sees, aspect kept.

    Small photos are enlarged: a network knows things at the size it was trained at. Strips stay within `ROOMIEST`
    times size * size pixels and `LONGEST` times the size, so that no photo asks for unlimited time or memory.
    """
    height, width = shape
    scale = min(size / min(shape), size * (ROOMIEST / (height * width)) ** 0.5, LONGEST * size / max(shape))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _checked(photo):
    photo = np.asarray(photo)
    if photo.dtype != np.uint8 and not np.issubdtype(photo.dtype, np.floating):
        raise ColorizeError(f"expected a photo of uint8, or float in [0, 1], got {photo.dtype}")
    if photo.ndim == 3 and photo.shape[-1] == 1:
        photo = photo[..., 0]
    if photo.size == 0 or photo.ndim not in (2, 3) or photo.shape[2:] not in ((), (3,)):
        raise ColorizeError(f"expected a photo of shape (H, W), (H, W, 1) or (H, W, 3), got {photo.shape}")
    if photo.dtype != np.uint8:
        photo = photo.astype(np.float32, copy=False)
        low, high = float(photo.min()), float(photo.max())
        if not (low >= -1e-3 and high <= 1 + 1e-3):  # written so that NaN fails too
            raise ColorizeError(f"expected float values in [0, 1], got {low:.3g}..{high:.3g}")
    return photo


def _rows(photo):
    step = max(1, BAND // photo.shape[1])
    for top in range(0, len(photo), step):
        yield top, photo[top : top + step]


def _lightness(rows):
    values = rows.astype(np.float32) / 255 if rows.dtype == np.uint8 else np.clip(rows, 0, 1)
    return color.lightness_from_grey(values) if values.ndim == 2 else color.lightness(values)


def _working_copy(photo, shape):
    """L (h, w) of the photo at working size. Averaged as sRGB values, as the prepared sets are, not as L."""
    narrow = []
    for _, rows in _rows(photo):
        grey = color.grey_from_lightness(_lightness(rows))
        narrow.append(resize(grey, (len(grey), shape[1])))
    return color.lightness_from_grey(np.clip(resize(np.concatenate(narrow), shape), 0, 1))
