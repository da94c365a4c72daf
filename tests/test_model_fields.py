"""What a model file says of itself is checked before a network is built of it, and fetches nothing."""

import socket
import tracemalloc

import numpy as np
import pytest

from colorize_utils.errors import ColorizeError
from colorize_utils.inference.model_files import describe_model
from colorize_utils.model_fields import BACKBONES, FIELDS, checked_meta, checked_spec
from colorize_utils.networks import build_network
from colorize_utils.weights import load_network, read_model, write_arrays

WIDE = [1 << 20] * 4
BAD_SPECS = [
    None, [1], "unet", 3, {}, {"network": "lambda"}, {"network": ["unet"]}, {"network": {"a": 1}}, {"network": True},
    {"network": "unet", "evil": "x"}, {"network": "unet", "backbone": "__class__"}, {"network": "unet", "backbone": []},
    {"network": "unet", "widths": WIDE}, {"network": "unet", "widths": [40000, 40000, 64, 32]},
    {"network": "unet", "widths": "abcd"}, {"network": "unet", "widths": [-1, 1, 1, 1]},
    {"network": "unet", "widths": [1.5, 1, 1, 1]}, {"network": "unet", "widths": [8] * 5},
    {"network": "unet", "widths": [True] * 4}, {"network": "unet", "dropout": 2}, {"network": "unet", "dropout": "x"},
    {"network": "unet", "dropout": float("nan")}, {"network": "unet", "attention": 1},
    {"network": "zhang", "grid": 0}, {"network": "zhang", "grid": 0.0001}, {"network": "zhang", "grid": -5},
    {"network": "zhang", "grid": float("nan")}, {"network": "zhang", "grid": "x"}, {"network": "zhang", "grid": None},
    {"network": "zhang", "width": 100_000}, {"network": "zhang", "width": 0}, {"network": "zhang", "width": 10**5000},
    {"network": "zhang", "temperature": 0}, {"network": "pix2pix", "width": 10**7},
    {"network": "pix2pix", "levels": "8"}, {"network": "pix2pix", "levels": 60}, {"network": "projected", "heads": []},
    {"network": "projected", "heads": [3]}, {"network": "projected", "heads": [[2]]}, {"network": "unet" * 10**6},
    {"network": "unet", "sharpening": [1, -1, 8]}, {"network": "unet", "sharpening": [1, 160]},
    {"network": "unet", "sharpening": [5, 160, 224]}, {"network": "unet", "sharpening": 1.2},
    {"network": "unet", "sharpening": "abc"}, {"network": "zhang", "sharpening": []},
]  # fmt: skip


@pytest.mark.parametrize("spec", BAD_SPECS, ids=lambda spec: str(spec)[:40] if spec != BAD_SPECS[31] else "digits")
def test_a_network_that_is_none_is_refused_before_it_is_built(spec):
    with pytest.raises(ColorizeError, match="bad.h5: expected") as caught:
        checked_spec(spec, "bad.h5")
    assert caught.value.status == 1 and len(str(caught.value)) < 300 and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "meta",
    [
        *({"working_size": size} for size in ("abc", -5, 0, 1, 10**6, 1e308, [1], {"a": 1}, "3000", True, 33.7)),
        {"working_size": float("nan")}, {"trained_size": -1}, {"name": ["a"]}, {"version": {"x": 1}}, {"name": 5},
        {"name": "x\x1b]0;y\x07"}, {"name": "two\nlines"}, {"name": "A" * 201}, {"more": "A" * 2_000_000},
        {"smallest_size": 0}, None, [1, 2], "abc",
    ],
    ids=lambda meta: str(meta)[:40].encode("unicode_escape").decode(),
)  # fmt: skip
def test_what_it_says_of_itself_is_checked_too(meta):
    with pytest.raises(ColorizeError, match="bad.h5: expected") as caught:
        checked_meta(meta, "bad.h5")
    assert caught.value.status == 1 and len(str(caught.value)) < 300 and str(caught.value).isprintable()


def test_only_the_command_says_that_colors_are_by_hand():
    assert checked_meta({"name": "none", "by_hand": True}, "a") == {"name": "none"}


@pytest.mark.parametrize(
    "weights", ["imagenet", "gs://bucket/x.weights.h5", "http://127.0.0.1:9/x.h5", "/etc/passwd", 5]
)
@pytest.mark.parametrize("network", ["unet", "unet-bins", "projected"])
def test_no_weights_are_fetched_by_a_files_wish(network, weights, monkeypatch):
    def ask(*_, **__):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    assert checked_spec({"network": network, "weights": weights}, "a")["weights"] is None
    assert checked_spec({"network": network}, "a")["weights"] is None  # whose builder would take ImageNet's


def test_what_is_allowed_can_be_built():
    from colorize_utils.networks import COLORIZERS
    from colorize_utils.networks.unet import BACKBONES as KNOWN

    assert set(BACKBONES) == set(KNOWN) and set(COLORIZERS) < set(FIELDS)
    for spec in ({"network": "zhang", "grid": 50, "width": 2}, {"network": "pix2pix", "levels": 5, "width": 1}):
        assert build_network(checked_spec(spec, "a")).count_params() > 0


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_weights_that_are_no_numbers_are_refused(tmp_path, value):
    spec = {"network": "unet", "backbone": "Plain", "widths": [8, 8, 8, 8]}
    write_arrays(tmp_path / "a.h5", {"w": np.full(3, value)}, {"spec": spec, "meta": {}})
    with pytest.raises(ColorizeError, match="expected finite weights, but in w"):
        load_network(tmp_path / "a.h5")


def test_a_description_cannot_steer_the_terminal(tmp_path):
    spec, meta = {"network": "zhang"}, {"phase": "\x1b[2J\nsecond line", "epoch": 3}
    write_arrays(tmp_path / "a.h5", {"w": np.zeros(3)}, {"spec": spec, "meta": meta})
    said = describe_model(tmp_path / "a.h5")
    assert "\x1b" not in said and "phase: \\x1b[2J\\nsecond line" in said and said.endswith("epoch: 3")


def test_reading_takes_about_the_size_of_the_file(tmp_path):
    write_arrays(tmp_path / "a.h5", {"w": np.zeros(5_000_000, np.float32)}, {"spec": {"network": "zhang"}, "meta": {}})
    tracemalloc.start()
    read_model(tmp_path / "a.h5")
    assert tracemalloc.get_traced_memory()[1] < 45_000_000
    tracemalloc.stop()
