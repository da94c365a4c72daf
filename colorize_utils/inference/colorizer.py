"""A trained model at work: a photo in, the same photo in color out, its lightness untouched."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from .. import color
from ..disk import sha256
from ..errors import ColorizeError
from ..gamut import paint
from ..networks import takes_hints
from ..weights import shipped_model
from .upsample import resize, upsample_rows

STRIDE = 32
BAND = 2**18  # pixels worked on at once: what a large photo needs in memory beside itself is a few dozen megabytes
ROOMIEST = 8  # a working copy has at most this many times the pixels of a square one
# Pixels of a working copy at most, whatever size is asked for: then a network takes less than 2 GB. With attention each
# place at a sixteenth of the sides is compared with each other: 4096 of them, in four heads of float32, are 0.3 GB.
MOST, MOST_WITH_ATTENTION = 2048**2, 4096 * 16**2
CHROMA_LIGHTNESS = 60.0  # of a layer of color alone: in the middle, where sRGB has room for most colors
STRONGEST = 1.5
THREADS = min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
LONGEST = 64  # and its long side at most this many times the short side of a usual one


class Colorizer:
    """A network and what is needed round it. ``Colorizer.load()`` gives the shipped model.

    network: a Keras model, or any function, L/50-1 (1, h, w, 1) -> ab/110 (1, h, w, 2) for sides that are multiples of
    ``stride``; None: no network, only hints give color (Levin et al. 2004). meta: what the model file says of itself;
    ``working_size``, else ``trained_size``, is the short side, in pixels, of the copy of a photo that the network
    looks at; a smaller photo is looked at as it is, but not under ``smallest_size``, where the file says one.
    ``flips``: whether it is shown the photo mirrored too and the two answers are averaged (twice the time).
    """

    def __init__(self, network, meta=None, stride=STRIDE):
        self.network, self.meta, self.stride = network, dict(meta or {}), stride
        self.size = int(self.meta.get("working_size") or self.meta.get("trained_size") or 128)
        self.smallest = min(self.size, int(self.meta.get("smallest_size") or self.size))
        self.flips, self.most = False, MOST
        self._predict = getattr(network, "predict_on_batch", network)
        self._hears = takes_hints(network)
        # Several photos may be at work in threads, but a network is there once, where it does not say otherwise.
        self._turn = threading.Semaphore(getattr(network, "at_once", 1))

    @classmethod
    def load(cls, path=None, temperature=None, fold=True):
        """The model in the file ``path``, or the shipped one. ColorizeError (status 1) if it is missing or bad.

        temperature: for models of color bins (recipes `zhang` and `unet-bins`), 0 < T <= 1, from the most likely color
        to the mean of all; ColorizeError (status 2) beyond, and for other models. fold: put batch normalization into
        the convolutions (see `networks.fold`); without, the network is slower and its variables are those of the file.
        """
        from ..networks.fold import for_inference
        from ..weights import load_network

        path = shipped_model() if path is None else Path(path)
        network, spec, meta = load_network(path)
        colorizer = cls.around(network, spec, meta, path)
        if temperature is not None:
            from ..networks.bins import set_temperature

            set_temperature(network, temperature)
        return cls.around(for_inference(network), spec, meta, path) if fold else colorizer

    @classmethod
    def around(cls, network, spec, meta, path):
        """A colorizer for the network of the model file ``path``, which says ``spec`` and ``meta`` of it."""
        from ..networks import COLORIZERS, stride_of

        if spec.get("network") not in COLORIZERS:
            raise ColorizeError(
                f"expected a network that colorizes, but {path} holds a {spec.get('network')}", status=1
            )
        colorizer = cls(network, {**meta, "sha256": sha256(path)}, stride=max(STRIDE, stride_of(spec)))
        colorizer.most = MOST_WITH_ATTENTION if spec.get("attention") else MOST
        return colorizer

    def __call__(self, photo, size=None, out=None, strength=1.0, chroma_only=False, hints=None):
        """Color a photo -> sRGB (H, W, 3) of the same size and type, every pixel with the L it had.

        photo: uint8, uint16, or float sRGB in [0, 1] (the result is float32 then); (H, W), (H, W, 1) or (H, W, 3). Of
        a color photo only the lightness is used. size: short side of the working copy, by default `usual_size`.
        out: array to write to, which may be the photo itself. strength, 0 to 1.5: ab is multiplied by it before what
        leaves the gamut is brought back. chroma_only: in place of the photo's L, `CHROMA_LIGHTNESS` everywhere: the
        color as a layer of its own. hints: `given.Hints` for this photo, the colors of some pixels: each spreads over
        the thing it lies on, the rest stays as the network has it (see `hints.reach`). ColorizeError for another shape,
        type or range, and for hints of another size.
        """
        photo = _checked(photo)
        if not 0 <= strength <= STRONGEST:
            raise ColorizeError(f"expected a strength from 0 to {STRONGEST}, got {strength}")
        if out is None:
            out = np.empty((*photo.shape[:2], 3), photo.dtype)

        def work(top, lightness, ab):
            if chroma_only:
                lightness = np.full_like(lightness, CHROMA_LIGHTNESS)
            a, b = (ab if strength == 1 else ab * np.float32(strength)).transpose(2, 0, 1)
            rows = out[top : top + len(lightness)]
            if rows.dtype in (np.uint8, np.uint16, np.float32) and rows.flags.c_contiguous:
                paint(lightness, a, b, rows)
            else:
                rows[...] = paint(lightness, a, b, np.empty(rows.shape, np.float32))

        self._each_band(photo, size, work, hints)
        return out

    def predict_ab(self, lightness, size=None, hints=None):
        """L (H, W) in 0..100 -> the ab (H, W, 2) float32, in Lab units, that the model gives it, before the gamut.

        hints: as `__call__` has them.
        """
        grey = _checked(color.grey_from_lightness(np.clip(lightness, 0, 100)))
        ab = np.empty((*grey.shape[:2], 2), np.float32)

        def keep(top, _, rows):
            ab[top : top + len(rows)] = rows

        self._each_band(grey, size, keep, hints)
        return ab

    def usual_size(self, shape):
        """The short side of the copy that is looked at of a photo of ``shape`` (H, W, ...), where none is asked for.

        Enlarging adds nothing to see, but a network knows things at the sizes that it was trained at.
        """
        return min(self.size, max(self.smallest, min(shape[:2])))

    def _each_band(self, photo, size, work, hints=None):
        """Call ``work(first row, L (n, W), ab (n, W, 2))`` for bands that cover the photo, in several threads."""
        if hints is not None:
            hints.check(photo.shape[:2])
        at_hints = _lightness(photo[hints.rows, hints.columns][None])[0] if hints else None
        hints = hints.seen_at(at_hints) if hints else None
        small = _working_copy(photo, working_shape(photo.shape[:2], size or self.usual_size(photo.shape), self.most))
        ab = np.zeros((*small.shape, 2), np.float32) if self.network is None else self._run(small, hints)
        layer = self._hinted(photo, hints, at_hints, ab, small) if hints else None

        def band(top, rows):
            lightness = _lightness(rows)
            colors = upsample_rows(ab, small, lightness, top, len(photo))
            work(top, lightness, colors if layer is None else layer.over(colors, lightness, top))

        _in_threads(band, _rows(photo))

    def _run(self, lightness, hints=None):
        """L (h, w) of a working copy -> ab (h, w, 2). Padded by reflection to the stride, on all sides alike."""
        h, w = lightness.shape
        above, left = -h % self.stride // 2, -w % self.stride // 2
        padding = ((above, -h % self.stride - above), (left, -w % self.stride - left))
        fed, _ = color.normalize(np.pad(lightness, padding, mode="reflect")[None, ..., None])
        fed = fed.astype(np.float32)
        asked = [fed]
        if self._hears:
            asked.append(np.pad(_planes(hints, (h, w)), (*padding, (0, 0)))[None])
        answer = self._ask(asked)
        if self.flips:
            answer = (answer + self._ask([each[:, :, ::-1] for each in asked])[:, :, ::-1]) / 2
        return answer[0, above : above + h, left : left + w] * np.float32(color.AB_SCALE)

    def _hinted(self, photo, hints, at_hints, ab, small):
        """The `layer.Layer` of hints for a photo, whose L there is ``at_hints``.

        ab (h, w, 2): what the network gave for the L ``small`` (h, w).
        """
        from .hints.layer import hint_layer  # SciPy is loaded only where there are hints
        from .hints.levin import grid_shape

        grid = _working_copy(photo, grid_shape(photo.shape[:2]))
        under = None if self.network is None else upsample_rows(ab, small, grid, 0, len(grid))
        return hint_layer(hints, at_hints, grid, under)

    def _ask(self, asked):
        with self._turn:
            answer = np.asarray(self._predict(asked if self._hears else asked[0]), np.float32)
        wanted = (*asked[0].shape[:3], 2)
        if answer.shape != wanted:
            raise ColorizeError(f"expected ab of shape {wanted} from the model, got {answer.shape}", status=1)
        if not np.isfinite(answer).all():
            raise ColorizeError("expected colors from the model, got values that are not numbers", status=1)
        return answer


def working_shape(shape, size, most=MOST):
    """(H, W) of a photo and the wanted short side -> (h, w) of the copy that the network sees, aspect kept.

    Small photos are enlarged: a network knows things at the size it was trained at. Strips stay within `ROOMIEST`
    times size * size pixels, ``most`` pixels and `LONGEST` times the size, so that no photo asks for unlimited time or
    memory.
    """
    height, width = shape
    roomiest = min(ROOMIEST * size * size, most)
    scale = min(size / min(shape), (roomiest / (height * width)) ** 0.5, LONGEST * size / max(shape))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _planes(hints, shape):
    """Hints, or None, as a network is given them that takes them: float32 (h, w, 3)."""
    if not hints:
        return np.zeros((*shape, 3), np.float32)
    from .hints.planes import hint_planes  # SciPy is loaded only where there are hints

    return hint_planes(hints, shape)


def _checked(photo):
    photo = np.asarray(photo)
    exact = photo.dtype in (np.uint8, np.uint16)
    if not exact and not np.issubdtype(photo.dtype, np.floating):
        raise ColorizeError(f"expected a photo of uint8, uint16, or float in [0, 1], got {photo.dtype}")
    if photo.ndim == 3 and photo.shape[-1] == 1:
        photo = photo[..., 0]
    if photo.size == 0 or photo.ndim not in (2, 3) or photo.shape[2:] not in ((), (3,)):
        raise ColorizeError(f"expected a photo of shape (H, W), (H, W, 1) or (H, W, 3), got {photo.shape}")
    if not exact:
        photo = photo.astype(np.float32, copy=False)
        low, high = float(photo.min()), float(photo.max())
        if not (low >= -1e-3 and high <= 1 + 1e-3):  # written so that NaN fails too
            raise ColorizeError(f"expected float values in [0, 1], got {low:.3g}..{high:.3g}")
    return photo


def _rows(photo):
    step = max(1, BAND // photo.shape[1])
    return [(top, photo[top : top + step]) for top in range(0, len(photo), step)]


def _in_threads(work, bands):
    """[work(top, rows) for each band], in several threads: NumPy lets others run while it computes."""
    if len(bands) == 1:
        return [work(*bands[0])]
    pool = ThreadPoolExecutor(THREADS)
    try:
        return list(pool.map(lambda band: work(*band), bands))
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C or an error the bands that wait are not begun


def _lightness(rows):
    """Rows of a photo (n, W) or (n, W, 3) -> their L (n, W)."""
    if rows.ndim == 3:
        return color.lightness_from_luminance(_luminance(rows))
    if rows.dtype == np.uint8:
        return cv2.LUT(rows, _lightness_of_codes(255))
    if rows.dtype == np.uint16:
        return _lightness_of_codes(65535).take(rows, mode="clip")
    return color.lightness_from_grey(np.clip(rows, 0, 1))


def _grey(rows):
    """Rows of a photo -> the sRGB values in [0, 1] (n, W) of greys as light as its pixels."""
    if rows.ndim == 3:
        return color.srgb_from_linear(_luminance(rows))
    if rows.dtype in (np.uint8, np.uint16):
        return rows * np.float32(1 / np.iinfo(rows.dtype).max)
    return np.clip(rows, 0, 1)


def _luminance(rows):
    """Rows of a color photo (n, W, 3) -> Y (n, W), 1 of white."""
    if rows.dtype == np.uint8:
        linear = cv2.LUT(rows, _light_of_codes(255))
    elif rows.dtype == np.uint16:
        linear = _light_of_codes(65535).take(rows, mode="clip")
    else:
        linear = color.linear_from_srgb(np.clip(rows, 0, 1))
    return color.luminance(linear)


@cache
def _light_of_codes(highest):
    return color.linear_from_srgb(np.arange(highest + 1, dtype=np.float32) / np.float32(highest))


@cache
def _lightness_of_codes(highest):
    return color.lightness_from_grey(np.arange(highest + 1, dtype=np.float32) / np.float32(highest))


def _working_copy(photo, shape):
    """L (h, w) of the photo at working size. Averaged as sRGB values, as the prepared sets are, not as L."""

    def narrow(_, rows):
        return resize(_grey(rows), (len(rows), shape[1]))

    whole = np.concatenate(_in_threads(narrow, _rows(photo)))
    return color.lightness_from_grey(np.clip(resize(whole, shape), 0, 1))
