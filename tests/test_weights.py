"""Weight files: they come back as they were written, and every damage is one line that names it."""

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from colorize_utils.errors import ColorizeError
from colorize_utils.networks import build_network
from colorize_utils.weights import assign_arrays, load_network, read_arrays, save_network, write_arrays

TINY = {"network": "unet", "backbone": "Plain", "weights": None, "widths": (8, 8, 8, 8)}


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(
        st.text(min_size=1, max_size=20).filter(lambda name: "\0" not in name and name.isprintable()),
        hnp.arrays(st.sampled_from([np.float32, np.uint32, np.float16]), hnp.array_shapes(min_dims=0, max_side=4)),
        max_size=4,
    )
)
def test_arrays_come_back_bit_for_bit(tmp_path_factory, arrays):
    path = tmp_path_factory.mktemp("arrays") / "a.h5"
    write_arrays(path, arrays, {"note": "ä"})
    back, meta = read_arrays(path)
    assert meta == {"note": "ä"}
    assert list(back) == list(arrays)
    assert all(back[k].dtype == arrays[k].dtype and back[k].tobytes() == arrays[k].tobytes() for k in arrays)


def test_a_network_comes_back_within_float16(tmp_path):
    model = build_network(TINY)
    rng = np.random.default_rng(0)
    for variable in model.variables:
        variable.assign(rng.uniform(0.1, 1, variable.shape).astype(np.float32))
    save_network(model, tmp_path / "m.h5", TINY, {"name": "x"})
    loaded, spec, meta = load_network(tmp_path / "m.h5")
    assert meta == {"name": "x"}
    assert spec["network"] == "unet"
    for a, b in zip(model.variables, loaded.variables, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-3)
    assert (tmp_path / "m.h5").stat().st_size < 3 * model.count_params() + 200_000


def _bad(tmp_path, kind):
    path = tmp_path / "bad.h5"
    model = build_network(TINY)
    save_network(model, path, TINY)
    data = path.read_bytes()
    if kind == "missing":
        path.unlink()
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("not a model")
    elif kind == "truncated":
        path.write_bytes(data[: len(data) // 2])
    elif kind == "folder":
        path.unlink()
        path.mkdir()
    elif kind == "foreign":
        with h5py.File(path, "w") as file:
            file["x"] = 1
    elif kind == "checkpoint":
        write_arrays(path, {"a": np.zeros(2)}, {"state": {}})
    return path


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "truncated", "folder", "foreign", "checkpoint"])
def test_what_is_not_a_model_is_refused_in_one_line(tmp_path, kind):
    path = _bad(tmp_path, kind)
    with pytest.raises(ColorizeError, match="expected a model file") as caught:
        load_network(path)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)
    assert caught.value.status == 1


def test_a_file_with_a_flipped_bit_is_refused_before_hdf5_reads_it(tmp_path):
    """HDF5 by itself crashes the process at some of these bits, and takes others for other numbers."""
    path, arrays = tmp_path / "a.h5", {f"w{k}": np.full((4, 3), k, np.float32) for k in range(8)}
    write_arrays(path, arrays, {})
    data, refused = path.read_bytes(), 0
    for at in range(0, len(data) * 8, 173):
        path.write_bytes(data[: at // 8] + bytes([data[at // 8] ^ (1 << at % 8)]) + data[at // 8 + 1 :])
        try:
            found = read_arrays(path)[0]
        except ColorizeError:
            refused += 1
        else:  # in what comes before the digest, or behind it
            assert at < 512 * 8
            assert all(np.array_equal(found[k], arrays[k]) for k in arrays)
    assert refused >= len(range(512 * 8, len(data) * 8, 173))


def test_files_without_a_digest_are_read_as_ever(tmp_path):
    """As those of the first versions are."""
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs.update(format="colorize-arrays-1", meta='{"name": "x"}')
        file.create_dataset("00000", data=np.arange(3)).attrs["name"] = "w"
    arrays, meta = read_arrays(tmp_path / "old.h5")
    assert meta == {"name": "x"}
    np.testing.assert_array_equal(arrays["w"], [0, 1, 2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("ab/bias"), "expected a variable ab/bias, but it is missing"),
        (lambda a: a.update(extra=np.zeros(1)), "has a variable extra that the network has not"),
        (lambda a: a.update({"ab/bias": np.zeros(3)}), "expected ab/bias of shape"),
    ],
)
def test_variables_that_do_not_fit_are_named(change, message):
    model = build_network(TINY)
    arrays = {v.path: np.asarray(v) for v in model.variables}
    change(arrays)
    with pytest.raises(ColorizeError, match=message):
        assign_arrays(model.variables, arrays, "file")
