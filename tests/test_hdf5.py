"""The reader of model files' container: it reads what h5py wrote, as h5py does, and nothing else harms it."""

import json
import os
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pytest

from colorize_utils import hdf5
from colorize_utils.errors import ColorizeError
from colorize_utils.weights import FORMAT, read_arrays, shipped_model, write_arrays

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
from spoiled_models import spoiled, with_digest  # noqa: E402

ARRAYS = {f"layer_{k}/kernel": np.arange(k * 6, dtype=np.float16).reshape(k, 3, 2) for k in range(12)}
ARRAYS |= {"scalar": np.float32(3), "seed": np.uint32([1, 2]), "count": np.int64(7), "exact": np.float64([1e300])}


def by_h5py(path):
    with h5py.File(path, "r") as file:
        return dict(file.attrs), [(dict(file[key].attrs), file[key][()]) for key in sorted(file)]


@pytest.mark.parametrize("libver", ["earliest", None])
@pytest.mark.parametrize("block", [0, 512])
def test_it_reads_what_h5py_reads(tmp_path, libver, block):
    """Also of the first versions, which had no block before, and long texts, many arrays, and all types of numbers."""
    path, rng = tmp_path / "a.h5", np.random.default_rng(0)
    with h5py.File(path, "w", userblock_size=block, libver=libver) as file:
        file.attrs["format"], file.attrs["meta"], file.attrs["ü"] = "x", "ä" * 100_000, ""
        for k in range(700):
            kind = np.dtype("f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8".split()[k % 11])
            shape = tuple(rng.integers(0 if k > 600 else 1, 5, k % 5))
            dataset = file.create_dataset(f"{k:05d}", data=(rng.random(shape) * 100).astype(kind))
            dataset.attrs["name"] = f"variable {k}"
    attributes, arrays = hdf5.read_file(path)
    expected, theirs = by_h5py(path)
    assert attributes == expected and len(arrays) == 700
    for (own, array), (other, same) in zip(arrays, theirs, strict=True):
        assert own == other and array.dtype == same.dtype and array.shape == same.shape
        assert np.asarray(array).tobytes() == np.asarray(same).tobytes()


def test_it_reads_the_shipped_model_as_h5py_does():
    attributes, arrays = hdf5.read_file(shipped_model())
    expected, theirs = by_h5py(shipped_model())
    assert attributes == expected and [own for own, _ in arrays] == [own for own, _ in theirs]
    assert all((array == same).all() for (_, array), (_, same) in zip(arrays, theirs, strict=True))


def make(path, hook=None, format=FORMAT, meta='{"spec": 1}', **how):
    with h5py.File(path, "w", **how) as file:
        file.attrs["format"], file.attrs["meta"] = format, meta
        dataset = file.create_dataset("00000", data=np.zeros(3, np.float16))
        dataset.attrs["name"] = "w"
        if hook:
            hook(file)


def named(dataset):
    dataset.attrs["name"] = "x"


def layout(file, secret):
    return h5py.VirtualLayout((3,), "f2")


HARMFUL = {
    "the data of another file": lambda f, o: named(f.create_dataset("1", (9,), "u1", external=[(str(o), 0, 9)])),
    "a pipe": lambda f, o: named(f.create_dataset("1", (9,), "u1", external=[(f"{o}.pipe", 0, 9)])),
    "zeros without end": lambda f, o: named(f.create_dataset("1", (9,), "u1", external=[("/dev/zero", 0, 9)])),
    "a link to another file": lambda f, o: f.__setitem__("1", h5py.ExternalLink(str(o), "/x")),
    "a link in a circle": lambda f, o: f.__setitem__("1", h5py.SoftLink("/1")),
    "a second name": lambda f, o: f.__setitem__("1", f["00000"]),
    "a virtual array": lambda f, o: named(f.create_virtual_dataset("1", layout(f, o))),
    "a group": lambda f, o: named(f.create_group("1")),
    "a terabyte": lambda f, o: named(f.create_dataset("1", (1 << 40,), "f4", chunks=(1 << 20,))),
    "a compressed array": lambda f, o: named(f.create_dataset("1", (1 << 29,), "f4", chunks=(1 << 20,), compression=9)),
    "one that may grow": lambda f, o: named(f.create_dataset("1", (3,), "f4", maxshape=(None,), chunks=(3,))),
    "texts": lambda f, o: named(f.create_dataset("1", data=["a"] * 3)),
    "bytes": lambda f, o: named(f.create_dataset("1", data=np.array([b"abc"]))),
    "references": lambda f, o: named(f.create_dataset("1", data=[f.ref], dtype=h5py.ref_dtype)),
    "regions": lambda f, o: named(f.create_dataset("1", (3,), dtype=h5py.regionref_dtype)),
    "several in one": lambda f, o: named(f.create_dataset("1", (3,), dtype=[("a", "f4"), ("b", "f4")])),
    "complex numbers": lambda f, o: named(f.create_dataset("1", data=np.ones(3, complex))),
    "truths": lambda f, o: named(f.create_dataset("1", data=np.ones(3, bool))),
    "large ends first": lambda f, o: named(f.create_dataset("1", data=np.ones(3, ">f4"))),
    "arrays of any length": lambda f, o: named(f.create_dataset("1", (3,), dtype=h5py.vlen_dtype("f4"))),
    "nothing": lambda f, o: named(f.create_dataset("1", data=h5py.Empty("f4"))),
    "no name": lambda f, o: f.create_dataset("1", data=np.zeros(3)),
    "numbers for a name": lambda f, o: f.create_dataset("1", data=np.zeros(3)).attrs.update(name=np.arange(3)),
    "one name twice": lambda f, o: f.create_dataset("1", data=np.zeros(3)).attrs.update(name="w"),
    "a type of its own": lambda f, o: f.__setitem__("1", np.dtype("f4")),
    "bytes for a description": lambda f, o: f.attrs.update(meta=np.bytes_(b"\xff\xfe")),
    "a number for a description": lambda f, o: f.attrs.update(meta=3),
    "no JSON": lambda f, o: f.attrs.update(meta="["),
    "JSON without an end": lambda f, o: f.attrs.update(meta="[" * 30_000),
    "a number of many digits": lambda f, o: f.attrs.update(meta="9" * 5000),
    "a list": lambda f, o: f.attrs.update(meta="[1, 2]"),
    "two formats": lambda f, o: f.attrs.update(format=np.array(["a", "b"], dtype="S1")),
}


@pytest.mark.parametrize("what", HARMFUL)
def test_what_weights_do_not_need_is_refused_in_one_line_and_touches_nothing(tmp_path, what):
    other = tmp_path / "other"
    other.write_bytes(b"password!")
    if hasattr(os, "mkfifo"):
        os.mkfifo(f"{other}.pipe")
    path, began = tmp_path / "a.h5", time.monotonic()
    make(path, lambda file: HARMFUL[what](file, other))
    with pytest.raises(ColorizeError, match=r"a\.h5 is") as caught:
        read_arrays(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400 + len(str(path))
    assert caught.value.status == 1 and time.monotonic() - began < 5


def test_newer_layouts_are_refused(tmp_path):
    make(tmp_path / "a.h5", libver="latest")
    with pytest.raises(ColorizeError, match="superblock"):
        read_arrays(tmp_path / "a.h5")


def test_neither_pipes_nor_devices_nor_files_beyond_the_limit_are_waited_for(tmp_path):
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(hdf5.Bad, match="a pipe"):
            hdf5.read_file(tmp_path / "pipe")
        with pytest.raises(hdf5.Bad, match="a device"):
            hdf5.read_file("/dev/zero")
    for place in ("pipe", "/dev/zero", "."):
        with pytest.raises(ColorizeError):
            read_arrays(tmp_path / place)
    with open(tmp_path / "large.h5", "wb") as file:
        file.truncate(5 << 30)  # nothing of it is on the disk
    with pytest.raises(hdf5.Bad, match="the most"):
        hdf5.read_file(tmp_path / "large.h5")


def test_of_thousands_of_spoiled_files_none_does_harm(tmp_path):
    """With the right digest or none: HDF5 itself ends the process at some, and asks for terabytes at others."""
    path, rng, refused = tmp_path / "a.h5", np.random.default_rng(24), 0
    write_arrays(path, ARRAYS, {"spec": {"network": "unet"}, "meta": {"name": "x"}})
    data, worst = path.read_bytes(), 0
    bare = data[512:]
    assert len(data) < 60_000
    tracemalloc.start()
    for number in range(3000):
        path.write_bytes(with_digest(spoiled(data, rng)) if number % 2 else bytes(512) + spoiled(bare, rng))
        began = time.perf_counter()
        try:
            arrays, _ = read_arrays(path)
        except ColorizeError as error:
            assert "\n" not in str(error) and error.status == 1
            refused += 1
        else:
            assert sum(array.nbytes for array in arrays.values()) <= len(data)
        worst = max(worst, time.perf_counter() - began)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused > 1500 and peak < 40_000_000 and worst < 5


def test_it_needs_no_hdf5_library(tmp_path):
    write_arrays(tmp_path / "a.h5", ARRAYS, {"x": 1})
    code = "import sys; from colorize_utils.weights import read_arrays as read; "
    code += "print(len(read(sys.argv[1])[0]), 'h5py' in sys.modules)"
    root = Path(hdf5.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.h5")], cwd=root, capture_output=True, text=True
    )
    assert done.stdout.split() == [str(len(ARRAYS)), "False"], done.stderr
    assert json.dumps(read_arrays(tmp_path / "a.h5")[1]) == '{"x": 1}'
