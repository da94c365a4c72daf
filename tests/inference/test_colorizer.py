import hashlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import skimage.color
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st

from colorize_utils import color, weights
from colorize_utils.errors import ColorizeError
from colorize_utils.inference import colorizer as module
from colorize_utils.inference.colorizer import Colorizer, working_shape
from colorize_utils.inference.engines import Several
from colorize_utils.weights import shipped_model


def extreme(x):
    """A network that answers with the ends of the range, another one at each place: far outside the gamut."""
    rng = np.random.default_rng(0)
    return rng.choice([-1.0, 1.0], (*x.shape[:3], 2)).astype(np.float32)


def mild(x):
    return np.broadcast_to(np.float32([0.1, 0.15]), (*x.shape[:3], 2))


def oracle_lightness(rgb):
    return skimage.color.rgb2lab(rgb.astype(np.float64) / (255 if rgb.dtype == np.uint8 else 1))[..., 0]


def grey_photos():
    rng = np.random.default_rng(5)
    yield "every grey", np.tile(np.arange(256, dtype=np.uint8), (40, 1))
    yield "noise", rng.integers(0, 256, (61, 47), dtype=np.uint8)
    yield "camera", skimage.data.camera()[::4, ::4]
    yield "astronaut", np.asarray(skimage.color.rgb2gray(skimage.data.astronaut()[::4, ::4]) * 255, np.uint8)


@pytest.mark.parametrize("name, grey", list(grey_photos()), ids=lambda value: value if isinstance(value, str) else "")
def test_lightness_is_kept_at_every_pixel_whatever_the_network_says(name, grey):
    colored = Colorizer(extreme)(grey)
    assert colored.dtype == np.uint8 and colored.shape == (*grey.shape, 3)
    assert np.abs(oracle_lightness(colored) - oracle_lightness(np.dstack([grey] * 3))).max() <= 0.5
    assert (colored.max(-1) - colored.min(-1)).mean() > 20  # it did color


@pytest.mark.parametrize("name, grey", list(grey_photos()), ids=lambda value: value if isinstance(value, str) else "")
def test_lightness_is_kept_to_16_bits(name, grey):
    photo = np.dstack([grey] * 3).astype(np.float32) / 255
    stored = np.rint(Colorizer(extreme)(photo).astype(np.float64) * 65535) / 65535
    assert np.abs(oracle_lightness(stored) - oracle_lightness(photo)).max() <= 0.005


def test_a_color_photo_is_treated_by_its_lightness():
    rgb = skimage.data.coffee()[::5, ::5].astype(np.float32) / 255
    grey = color.grey_from_lightness(color.lightness(rgb))
    colored = Colorizer(mild)(rgb)
    assert colored == pytest.approx(Colorizer(mild)(grey), abs=2e-4)
    assert np.abs(oracle_lightness(colored) - oracle_lightness(rgb)).max() < 0.02


def test_the_ways_to_give_a_grey_photo_are_one():
    grey = skimage.data.camera()[::6, ::7]
    expected = Colorizer(mild)(grey)
    assert np.array_equal(Colorizer(mild)(grey[..., None]), expected)
    assert np.abs(Colorizer(mild)(np.dstack([grey] * 3)).astype(int) - expected).max() <= 1
    floats = Colorizer(mild)(grey.astype(np.float64) / 255)
    assert floats.dtype == np.float32
    assert np.abs(floats * 255 - expected).max() <= 0.51


def test_predicted_ab_is_the_ab_of_the_picture():
    grey = np.tile(np.linspace(90, 200, 50, dtype=np.float32), (40, 1)) / 255
    lightness = color.lightness_from_grey(grey)
    ab = Colorizer(mild).predict_ab(lightness)
    assert ab == pytest.approx(np.broadcast_to([11, 16.5], ab.shape), abs=1e-3)
    assert color.rgb_to_lab(Colorizer(mild)(grey))[..., 1:] == pytest.approx(ab, abs=0.02)


@pytest.mark.parametrize("shape", [(40, 50), (33, 95), (64, 64), (31, 100)])
def test_padding_moves_nothing(shape):
    # A network that paints what it sees: at the working size itself the answer is the photo again, in place.
    lightness = np.random.default_rng(6).uniform(0, 100, shape).astype(np.float32)
    ab = Colorizer(lambda x: np.concatenate([x, -x], axis=-1)).predict_ab(lightness, size=min(shape))
    assert ab[..., 0] == pytest.approx((lightness / 50 - 1) * 110, abs=0.02)
    assert ab[..., 1] == pytest.approx(-ab[..., 0], abs=1e-4)


def test_codes_of_16_bits_are_colored_as_such():
    codes = np.random.default_rng(4).integers(0, 65536, (40, 50, 3), dtype=np.uint16)
    for photo in (codes, codes[..., 0]):
        colored = Colorizer(extreme)(photo)
        assert colored.dtype == np.uint16 and colored.shape == codes.shape
        grey = photo if photo.ndim == 3 else np.dstack([photo] * 3)
        assert np.abs(oracle_lightness(colored / 65535) - oracle_lightness(grey / 65535)).max() <= 0.005
        expected = Colorizer(extreme)(photo / np.float32(65535))
        assert np.abs(colored - expected * 65535.0).max() < 8  # of 65535: other roundings of L


def test_strength_multiplies_chroma_and_leaves_lightness():
    grey = skimage.data.camera()[100:180:2, 100:190:2]
    plain = color.rgb_to_lab(Colorizer(mild)(grey) / np.float32(255))
    for strength in (0, 0.5, 1.5):
        stronger = Colorizer(mild)(grey, strength=strength)
        assert np.abs(oracle_lightness(stronger) - oracle_lightness(np.dstack([grey] * 3))).max() <= 0.5
        middle = (plain[..., 0] > 35) & (plain[..., 0] < 75)  # away from the edges of the gamut
        found = color.rgb_to_lab(stronger / np.float32(255))[middle][:, 1:]
        assert np.abs(found - strength * np.float32([11, 16.5])).max() < 1.5  # 8 bits
    assert np.array_equal(Colorizer(mild)(grey, strength=1), Colorizer(mild)(grey))
    assert np.ptp(Colorizer(extreme)(grey, strength=0).astype(int), axis=-1).max() == 0
    noise = np.random.default_rng(9).integers(0, 256, (30, 40), dtype=np.uint8)
    vivid = Colorizer(extreme)(noise, strength=1.5)
    assert np.abs(oracle_lightness(vivid) - oracle_lightness(np.dstack([noise] * 3))).max() <= 0.5


@pytest.mark.parametrize("strength", [-0.1, 1.6, float("nan"), float("inf")])
def test_a_strength_beyond_its_range_is_refused(strength):
    with pytest.raises(ColorizeError, match="strength from 0 to 1.5, got"):
        Colorizer(mild)(np.zeros((4, 4), np.uint8), strength=strength)


def test_the_color_alone_laid_over_the_photo_is_the_colored_photo():
    """What an editor's LCh blend mode does: L of the photo, a and b of the layer."""
    grey = np.random.default_rng(3).integers(70, 200, (40, 50), dtype=np.uint8)

    def network(x):
        return np.concatenate([0.2 * x, 0.15 * np.roll(x, 3, axis=1)], axis=-1)

    photo = np.dstack([grey] * 3) / np.float32(255)
    layer = Colorizer(network)(photo, chroma_only=True)
    assert layer.shape == photo.shape and oracle_lightness(layer) == pytest.approx(60, abs=0.01)
    blended = color.join(color.lightness(photo), color.rgb_to_lab(layer)[..., 1:])
    assert blended == pytest.approx(Colorizer(network)(photo), abs=0.01)
    assert np.ptp(layer, axis=(0, 1)).max() > 0.1


@pytest.mark.parametrize("stride", [32, 128])
def test_the_network_sees_whole_strides_of_normalized_lightness(stride):
    seen = []

    def network(x):
        seen.append(x)
        return mild(x)

    Colorizer(network, {"trained_size": 96}, stride)(skimage.data.camera()[:200, :333])
    (x,) = seen
    assert x.dtype == np.float32 and x.shape[0] == 1 and x.shape[3] == 1
    assert x.shape[1] % stride == 0 and x.shape[2] % stride == 0
    assert x.shape[1:3] == ((96, 160) if stride == 32 else (128, 256))
    assert -1 <= x.min() < -0.5 < 0.5 < x.max() <= 1


def test_the_working_copy_is_averaged_as_srgb_values():
    # A fine black-and-white checkerboard: averaged as sRGB it is 127.5 (L 53.4), as L it would be 50.
    board = np.indices((128, 128)).sum(0) % 2 * np.uint8(255)
    seen = []

    def network(x):
        seen.append(x)
        return mild(x)

    Colorizer(network)(board.astype(np.uint8), size=32)
    assert (seen[0] + 1) * 50 == pytest.approx(float(color.lightness_from_grey(0.5)), abs=0.05)
    photo = skimage.data.camera()
    Colorizer(network)(photo, size=64)
    expected = color.lightness_from_grey(cv2.resize(photo / np.float32(255), (64, 64), interpolation=cv2.INTER_AREA))
    assert (seen[1][0, ..., 0] + 1) * 50 == pytest.approx(expected, abs=0.01)


sides = st.integers(1, 70)


@settings(max_examples=40, deadline=None)
@given(shape=st.tuples(sides, sides), size=st.sampled_from([32, 96]))
def test_any_small_size_comes_back_as_it_was(shape, size):
    grey = np.random.default_rng(7).integers(0, 256, shape, dtype=np.uint8)
    colored = Colorizer(mild)(grey, size=size)
    assert colored.shape == (*shape, 3)
    assert np.abs(oracle_lightness(colored) - oracle_lightness(np.dstack([grey] * 3))).max() <= 0.5


@pytest.mark.parametrize("shape", [(1, 1), (20, 10000), (10000, 20), (1, 40000), (2, 3)])
def test_strips_and_specks(shape):
    grey = np.random.default_rng(8).integers(0, 256, shape, dtype=np.uint8)
    assert Colorizer(mild)(grey).shape == (*shape, 3)


@settings(deadline=None)
@given(st.integers(1, 100_000), st.integers(1, 100_000), st.integers(32, 512))
def test_working_sizes_are_bounded_and_keep_the_aspect(height, width, size):
    h, w = working_shape((height, width), size)
    assert h >= 1 and w >= 1 and max(h, w) <= 64 * size and min(h, w) <= size
    if min(h, w) > 1:
        assert h * w <= 8 * size**2 * 1.7  # rounding of a side of 2 pixels can add half
        assert h / height == pytest.approx(w / width, rel=0.5 / (min(h, w) - 0.5) + 0.02)
    if max(height, width) <= 8 * min(height, width):
        assert min(h, w) == size
    assert working_shape((width, height), size) == (w, h)


@pytest.mark.parametrize(
    ("meta", "sizes"),
    [
        ({"working_size": 96}, [96, 96, 96, 96]),
        ({"working_size": 96, "smallest_size": 64}, [64, 64, 80, 96]),
        ({"working_size": 64, "smallest_size": 96}, [64, 64, 64, 64]),
    ],
)
def test_small_photos_are_seen_in_their_own_size_within_the_models(meta, sizes):
    seen = []
    colorizer = Colorizer(lambda x: seen.append(min(x.shape[1:3])) or mild(x), meta, stride=1)
    for side in (20, 64, 80, 200):
        colorizer(skimage.data.camera()[:side, : side + 9])
    assert seen == sizes
    colorizer(skimage.data.camera()[:20, :20], size=50)  # what is asked for holds
    assert seen[-1] == 50


def test_no_size_that_is_asked_for_takes_unlimited_memory():
    """At --size 1024 a photo of 1:8 took the shipped model, which compares all places with all others, 16 GB."""
    colorizer = Colorizer.load()
    for shape in ((2000, 2000), (500, 4000), (20, 20_000), (3, 3)):
        for size in (32, 160, 512, 1024, 2048):
            h, w = working_shape(shape, size, colorizer.most)
            assert h * w <= 1.01 * 2**20 and (h, w) >= (1, 1)
    assert working_shape((500, 4000), 160, colorizer.most) == working_shape((500, 4000), 160)  # the usual ones stay
    fed = []
    seen = Colorizer(lambda x: fed.append(x.shape) or np.zeros((*x.shape[:3], 2), np.float32))
    seen.most = colorizer.most
    seen(np.zeros((40, 320), np.uint8), size=1024)
    assert fed[0][1] * fed[0][2] < 1.2 * 2**20


def test_bands_change_nothing(monkeypatch):
    grey = skimage.data.camera()[::3, ::3]
    whole, ab = Colorizer(extreme)(grey), Colorizer(extreme).predict_ab(grey / np.float32(2.55))
    monkeypatch.setattr(module, "BAND", 700)
    assert np.array_equal(Colorizer(extreme)(grey), whole)
    assert np.array_equal(Colorizer(extreme).predict_ab(grey / np.float32(2.55)), ab)


def test_a_photo_can_be_colored_in_its_own_memory(monkeypatch):
    monkeypatch.setattr(module, "BAND", 700)
    photo = skimage.data.coffee()[::5, ::5].astype(np.float32) / 255
    expected = Colorizer(mild)(photo)
    assert Colorizer(mild)(photo, out=photo) is photo
    assert np.array_equal(photo, expected)


class Counting:
    """A network that counts how many threads are in it."""

    def __init__(self):
        self.busy, self.most, self.lock = 0, 0, threading.Lock()

    def __call__(self, x):
        with self.lock:
            self.busy += 1
            self.most = max(self.most, self.busy)
        time.sleep(0.01)
        with self.lock:
            self.busy -= 1
        return mild(x)


def test_photos_in_several_threads_take_turns_at_the_network():
    grey, network = skimage.data.camera()[::8, ::8], Counting()
    with ThreadPoolExecutor(6) as pool:
        pictures = list(pool.map(Colorizer(network), [grey] * 12))
    assert network.most == 1 and all(np.array_equal(picture, pictures[0]) for picture in pictures)


def test_a_network_that_is_there_several_times_takes_as_many_photos_at_once():
    grey, made = skimage.data.camera()[::8, ::8], []
    several = Several(lambda: made.append(Counting()) or made[-1], 3)
    assert len(made) == 1  # the others when they are needed
    colorizer = Colorizer(several)
    alone = colorizer(grey)
    assert len(made) == 1
    together = threading.Barrier(3)

    def work(_):
        together.wait(10)
        return colorizer(grey)

    with ThreadPoolExecutor(3) as pool:
        pictures = list(pool.map(work, range(12)))
    assert len(made) > 1 and {network.most for network in made} == {1}
    assert all(np.array_equal(picture, alone) for picture in pictures)


def test_a_network_that_fails_is_free_for_the_next_photo():
    def fails(x):
        raise MemoryError

    several = Several(lambda: fails, 1)
    for _ in range(3):
        with pytest.raises(MemoryError):
            several(0)


def test_the_photo_given_is_not_changed():
    photo = skimage.data.coffee()[::9, ::9]
    before = photo.copy()
    Colorizer(extreme)(photo)
    assert np.array_equal(photo, before)


@pytest.mark.parametrize(
    "photo, said",
    [
        (np.zeros((4, 4, 4), np.uint8), r"\(4, 4, 4\)"),
        (np.zeros((0, 4), np.uint8), r"\(0, 4\)"),
        (np.zeros(4, np.uint8), r"\(4,\)"),
        (np.zeros((4, 4), np.int32), "int32"),
        (np.full((4, 4), 200.0), r"0, 1.*200"),
        (np.full((4, 4), np.nan), "nan"),
        (np.full((4, 4), -0.5), "-0.5"),
    ],
)
def test_what_is_no_photo_is_refused(photo, said):
    with pytest.raises(ColorizeError, match=said):
        Colorizer(mild)(photo)


def test_a_network_that_answers_nonsense_is_refused():
    grey = np.zeros((40, 40), np.uint8)
    with pytest.raises(ColorizeError, match="not numbers"):
        Colorizer(lambda x: mild(x) * np.nan)(grey)
    with pytest.raises(ColorizeError, match="expected ab of shape"):
        Colorizer(lambda x: mild(x)[:, ::2])(grey)


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    from colorize_utils.networks import build_network
    from colorize_utils.weights import save_network

    spec = {"network": "unet", "weights": None, "widths": [16, 8, 8, 8]}
    network = build_network(spec)
    network.get_layer("ab").bias.assign([0.2, 0.1])
    path = tmp_path_factory.mktemp("model") / "model.h5"
    save_network(network, path, spec, {"trained_size": 64, "name": "a test"})
    return path


def test_a_model_file_is_loaded_and_colors(model_file):
    colorizer = Colorizer.load(model_file)
    assert (colorizer.size, colorizer.stride, colorizer.meta["name"]) == (64, 32, "a test")
    for shape in ((70, 90), (90, 70)):
        lightness = np.full(shape, 60, np.float32)
        # The last layer's weights are zero, so that ab is tanh of its bias at every place.
        expected = np.broadcast_to(np.tanh([0.2, 0.1]) * 110, (*shape, 2))
        assert colorizer.predict_ab(lightness) == pytest.approx(expected, abs=0.05)


def test_files_that_are_no_model_are_refused_in_one_line(model_file, tmp_path):
    from colorize_utils.networks import build_network
    from colorize_utils.weights import save_network

    text, short, critic = tmp_path / "text.h5", tmp_path / "short.h5", tmp_path / "critic.h5"
    text.write_text("no model")
    short.write_bytes(model_file.read_bytes()[:5000])
    save_network(build_network({"network": "patchgan", "width": 8}), critic, {"network": "patchgan", "width": 8})
    for path in (tmp_path / "absent.h5", text, short, critic, tmp_path):
        with pytest.raises(ColorizeError) as caught:
            Colorizer.load(path)
        assert caught.value.status == 1 and "\n" not in str(caught.value) and path.name in str(caught.value)


def test_the_shipped_model_is_found_and_its_hash_is_checked(monkeypatch, tmp_path):
    package, saved = tmp_path / "colorize_utils", tmp_path / "saved_models"
    saved.mkdir()
    monkeypatch.setattr(weights, "__file__", str(package / "weights.py"))
    with pytest.raises(ColorizeError, match="--model FILE"):
        shipped_model()
    (saved / "colorizer.h5").write_bytes(b"weights")
    assert shipped_model() == saved / "colorizer.h5"
    (saved / "colorizer.sha256").write_text(f"{hashlib.sha256(b'weights').hexdigest()}  colorizer.h5\n")
    assert shipped_model() == saved / "colorizer.h5"
    (saved / "colorizer.h5").write_bytes(b"half of the weig")
    with pytest.raises(ColorizeError, match="SHA-256"):
        shipped_model()
    (package / "shipped").mkdir(parents=True)
    (package / "shipped" / "colorizer.h5").write_bytes(b"installed")
    assert shipped_model() == package / "shipped" / "colorizer.h5"


def test_flips_are_averaged_so_that_a_mirrored_photo_gets_the_mirrored_colors():
    def lopsided(fed):  # red to the left, blue to the right, whatever it is shown
        slope = np.linspace(1, -1, fed.shape[2], dtype=np.float32)[None, None, :, None]
        return 0.3 * slope * np.ones((*fed.shape[:2], 1, 2), np.float32) * (fed + 1.5)

    colorizer = Colorizer(lopsided, {"trained_size": 32})
    photo = np.random.default_rng(5).integers(0, 256, (32, 64), np.uint8)
    lightness = color.lightness_from_grey(photo / np.float32(255))
    plain = [colorizer.predict_ab(plane) for plane in (lightness, lightness[:, ::-1])]
    colorizer.flips = True
    one, other = colorizer.predict_ab(lightness), colorizer.predict_ab(lightness[:, ::-1])
    assert np.abs(plain[0] - plain[1][:, ::-1]).max() > 5
    np.testing.assert_allclose(one, other[:, ::-1], atol=1e-3)
    np.testing.assert_allclose(one, (plain[0] + plain[1][:, ::-1]) / 2, atol=1e-3)
