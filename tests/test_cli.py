import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.color
import skimage.data

from colorize_utils import cli
from colorize_utils.commands import colorize as command
from colorize_utils.inference.colorizer import Colorizer
from colorize_utils.inference.folders import plan
from colorize_utils.photos.reading import read_mark

ROOT = Path(__file__).parents[1]


@pytest.fixture
def stub(monkeypatch):
    """In place of a trained model: everything becomes a little orange. Counts how often it was loaded."""
    loaded = []

    def load(model, *_):
        loaded.append(model)
        return Colorizer(lambda x: np.broadcast_to(np.float32([0.2, 0.3]), (*x.shape[:3], 2)))

    monkeypatch.setattr(command, "load_colorizer", load)
    return loaded


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    from colorize_utils.networks import build_network
    from colorize_utils.weights import save_network

    path = tmp_path_factory.mktemp("model") / "small.h5"
    spec = {"network": "unet", "weights": None, "widths": [16, 8, 8, 8]}
    network = build_network(spec)
    network.get_layer("ab").bias.assign([0.2, 0.3])
    save_network(network, path, spec, {"trained_size": 64, "name": "little one", "version": "7"})
    return path


def put(path, shape=(30, 40)):
    """Write a grey photo of its own: no two paths get the same one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(list(os.fsencode(path.name)))
    photo = cv2.resize(rng.integers(30, 220, (4, 4), dtype=np.uint8), shape[::-1], interpolation=cv2.INTER_CUBIC)
    ok, data = cv2.imencode(path.suffix, photo)
    assert ok
    path.write_bytes(data.tobytes())
    return path


def see(path):
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None, f"{path} is no picture"
    return picture


def is_orange(path, shape=(30, 40)):
    picture = see(path)
    blue, _, red = (picture[..., c].astype(int).mean() for c in range(3))
    return picture.shape == (*shape, 3) and red - blue > 20


def files_below(folder):
    return sorted(str(p.relative_to(folder)).replace(os.sep, "/") for p in Path(folder).rglob("*") if p.is_file())


def run(capsys, *args):
    """Run a command in this process -> (status, stdout, lines of stderr)."""
    status = cli.main([str(a) for a in args])
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return status, said.out, [line for line in said.err.splitlines() if line.strip()]


def process(*args, **more):
    command = [sys.executable, "-m", "colorize_utils", *map(str, args)]
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, env=environment, **more)


# --- what it does ---------------------------------------------------------------------------------------------------


def test_files_and_folders_come_out_in_color_at_the_same_places(stub, tmp_path, capsys):
    photos, out = tmp_path / "old photos", tmp_path / "out"
    for name in ("a.jpg", "b.PNG", "deep/er/c.tif", "deep/d.webp", "deep/e.bmp", "grün 📷.jpeg"):
        put(photos / name)
    single = put(tmp_path / "one.png", (50, 20))
    status, said, complaints = run(capsys, "colorize", photos, single, "-o", out)
    assert (status, complaints) == (0, [])
    expected = ["a.jpg", "b.PNG", "deep/d.webp", "deep/e.bmp", "deep/er/c.tif", "grün 📷.jpeg", "one.png"]
    assert files_below(out) == sorted(expected)
    for name in expected:
        assert is_orange(out / name, (50, 20) if name == "one.png" else (30, 40)), name
    assert f"7 pictures written to {out}" in said and str(out / "one.png") in said
    assert files_below(photos) == sorted(expected[:-1])


def test_what_is_done_is_left_alone_until_told_otherwise(stub, tmp_path, capsys):
    photos, out = tmp_path / "in", tmp_path / "out"
    put(photos / "a.png"), put(photos / "b.png")
    out.mkdir()
    (out / "a.png").write_bytes(b"mine")
    status, said, _ = run(capsys, "colorize", photos, "-o", out)
    assert status == 0 and "1 picture written" in said and "1 there already" in said
    assert (out / "a.png").read_bytes() == b"mine" and is_orange(out / "b.png")
    assert run(capsys, "colorize", photos, "-o", out)[0] == 0
    assert len(stub) == 1  # the second time there was nothing to load a model for
    assert run(capsys, "colorize", photos, "-o", out, "--overwrite")[0] == 0
    assert is_orange(out / "a.png")


def test_an_output_folder_inside_the_photos_is_no_input_the_second_time(stub, tmp_path, capsys):
    put(tmp_path / "a.png")
    out = tmp_path / "colored"
    assert run(capsys, "colorize", tmp_path, "-o", out)[0] == 0
    assert run(capsys, "colorize", tmp_path, "-o", out, "--overwrite")[0] == 0
    assert files_below(out) == ["a.png"]


def test_two_photos_never_share_an_output(stub, tmp_path, capsys):
    for folder in ("one", "two", "three"):
        put(tmp_path / folder / "a.png", (20 + len(folder), 30))
    put(tmp_path / "two" / "A.png", (40, 30))
    out = tmp_path / "out"
    assert run(capsys, "colorize", *(tmp_path / f for f in ("one", "two", "three")), "-o", out)[0] == 0
    assert len(files_below(out)) == len({f.casefold() for f in files_below(out)}) == 4
    assert sorted(see(out / f).shape[0] for f in files_below(out)) == [23, 23, 25, 40]


def test_plan_is_the_same_each_time_and_counts_a_photo_once(tmp_path):
    found = [(tmp_path / "x" / name, tmp_path / "x") for name in ("a.gif", "a.png", "s/a.png")]
    out = tmp_path / "out"
    planned = plan(found + found[:1], out)
    assert planned == plan(found, out)
    assert [str(t.relative_to(out)) for _, t in planned] == ["a.png", "a-2.png", str(Path("s/a.png"))]


def test_samples_are_grey_photos_that_can_be_colored(stub, tmp_path, capsys):
    status, said, _ = run(capsys, "samples", tmp_path / "grey")
    names = files_below(tmp_path / "grey")
    assert status == 0 and len(names) >= 3 and len(said.splitlines()) == len(names)
    for name in names:
        picture = see(tmp_path / "grey" / name)
        assert picture.ndim == 2 or np.ptp(picture.astype(int), axis=-1).max() <= 2, f"{name} has color"
    assert run(capsys, "colorize", tmp_path / "grey", "-o", tmp_path / "out")[0] == 0
    assert files_below(tmp_path / "out") == names


def test_info_reads_a_model_file(model_file, capsys):
    status, said, _ = run(capsys, "info", model_file)
    assert status == 0
    assert "name: little one" in said and "version: 7" in said and '"widths": [16, 8, 8, 8]' in said


def test_export_takes_the_last_finished_phase_of_a_run(model_file, tmp_path, capsys):
    for phase in ("1-decoder", "2-unet"):
        (tmp_path / "run" / phase).mkdir(parents=True)
    (tmp_path / "run" / "1-decoder" / "generator.h5").write_bytes(b"older")
    (tmp_path / "run" / "2-unet" / "generator.h5").write_bytes(model_file.read_bytes())
    out = tmp_path / "models" / "colorizer.h5"
    args = ("export-model", tmp_path / "run", "-o", out, "--model-version", "1.2", "--working-size", 96)
    status, said, _ = run(capsys, *args)
    assert status == 0
    digest, name = out.with_suffix(".sha256").read_text().split()
    assert name == "colorizer.h5" and digest in said
    assert "version: 1.2" in run(capsys, "info", out)[1]
    assert Colorizer.load(out).size == 96


def test_a_model_is_exported_with_calmer_colors_and_its_sizes(model_file, tmp_path, capsys):
    out, whole = tmp_path / "calm.h5", Colorizer.load(model_file)
    sizes = ("--working-size", 96, "--smallest-size", 80)
    assert run(capsys, "export-model", model_file, "-o", out, "--strength", 0.5, *sizes)[0] == 0
    calm, lightness = Colorizer.load(out), np.linspace(0, 100, 96 * 96).reshape(96, 96)
    assert (calm.size, calm.smallest) == (96, 80)
    expected = np.arctanh(whole.predict_ab(lightness, 96) / 110) / 2
    np.testing.assert_allclose(calm.predict_ab(lightness), np.tanh(expected) * 110, atol=0.05)
    status, _, said = run(capsys, "export-model", model_file, "-o", tmp_path / "b.h5", "--strength", 5)
    assert status == 2 and "expected a number from 0.1 to 1.5" in said[0]


def test_a_model_is_exported_with_sharper_colors_and_back(model_file, tmp_path, capsys):
    from colorize_utils.weights import load_network, save_network

    network, spec, meta = load_network(model_file)
    kernel = network.get_layer("ab").kernel
    kernel.assign(np.random.default_rng(1).normal(0, 0.2, kernel.shape))
    plain, sharp, soft = (tmp_path / f"{name}.h5" for name in ("plain", "sharp", "soft"))
    save_network(network, plain, spec, meta)
    sizes = ("--working-size", 96, "--smallest-size", 64)
    assert run(capsys, "export-model", plain, "-o", sharp, "--sharpening", 1.5, *sizes)[0] == 0
    assert '"sharpening": [1.5, 64, 96]' in run(capsys, "info", sharp)[1]
    assert run(capsys, "export-model", plain, sharp, "-o", tmp_path / "mean.h5")[0] == 0
    assert '"sharpening": [1.5, 64, 96]' in run(capsys, "info", tmp_path / "mean.h5")[1]  # as the last of them has it
    assert run(capsys, "export-model", sharp, "-o", soft, "--sharpening", 0)[0] == 0
    lightness = np.random.default_rng(0).uniform(0, 100, (96, 96)).astype(np.float32)
    first, sharpened, again = (Colorizer.load(p).predict_ab(lightness, 96) for p in (plain, sharp, soft))
    np.testing.assert_array_equal(first, again)
    small = [Colorizer.load(p).predict_ab(lightness[:64, :64], 64) for p in (sharp, soft)]
    np.testing.assert_allclose(*small, atol=1e-4)
    assert np.abs(np.diff(sharpened, axis=0)).sum() > 1.1 * np.abs(np.diff(first, axis=0)).sum()
    status, _, said = run(capsys, "export-model", model_file, "-o", tmp_path / "b.h5", "--sharpening", 5)
    assert status == 2 and "expected a number from 0 to 4" in said[0]


@pytest.mark.parametrize("option", ["--strength", "--sharpening"])
def test_colors_chosen_out_of_classes_are_not_changed(option, tmp_path, capsys):
    from colorize_utils.networks import build_network
    from colorize_utils.weights import save_network

    spec = {"network": "zhang", "width": 4}
    save_network(build_network(spec), tmp_path / "a.h5", spec, {"trained_size": 64})
    status, _, said = run(capsys, "export-model", tmp_path / "a.h5", "-o", tmp_path / "b.h5", option, 0.5)
    assert status == 1 and "expected a network whose last layer gives a and b" in said[0]
    assert not (tmp_path / "b.h5").exists()


def test_a_runs_folder_means_its_newest_model(stub, tmp_path, capsys):
    put(tmp_path / "a.png", (30, 40))
    for phase in ("1-decoder", "2-unet"):
        (tmp_path / "run" / phase).mkdir(parents=True)
        (tmp_path / "run" / phase / "generator.h5").touch()
    status, _, _ = run(capsys, "colorize", tmp_path / "a.png", "-o", tmp_path / "out", "--model", tmp_path / "run")
    assert status == 0 and stub == [tmp_path / "run" / "2-unet" / "generator.h5"]
    (tmp_path / "empty").mkdir()
    status, _, said = run(capsys, "colorize", tmp_path / "a.png", "-o", tmp_path / "2", "--model", tmp_path / "empty")
    assert status == 1 and said == [
        f"colorize: expected a model file or a run that has one, but there is none in {tmp_path / 'empty'}"
    ]


def test_export_of_several_is_the_mean_of_their_weights(model_file, tmp_path, capsys):
    """The bias of the last layer was set to (0.2, 0.3); with one of (0.6, 0.1) the mean is (0.4, 0.2)."""
    from colorize_utils.weights import load_network, save_network

    network, spec, meta = load_network(model_file)
    network.get_layer("ab").bias.assign([0.6, 0.1])
    save_network(network, tmp_path / "other.h5", spec, meta)
    status, _, _ = run(capsys, "export-model", model_file, tmp_path / "other.h5", "-o", tmp_path / "mean.h5")
    assert status == 0
    mean, _, meta = load_network(tmp_path / "mean.h5")
    np.testing.assert_allclose(mean.get_layer("ab").bias, [0.4, 0.2], atol=1e-3)
    assert meta["mean_of"] == 2


def test_a_part_that_only_some_have_is_kept_in_the_mean(model_file, tmp_path, capsys):
    from colorize_utils.networks import build_network
    from colorize_utils.weights import load_network, read_model, save_network

    spec = {**read_model(model_file)[1], "hints": True}
    hinted = build_network(spec)
    for variable in hinted.variables:
        if "hints_" in variable.path:
            variable.assign(np.full(variable.shape, 0.25, np.float32))
    hinted.get_layer("ab").bias.assign([0.6, 0.1])
    save_network(hinted, tmp_path / "hinted.h5", spec)
    args = ("-o", tmp_path / "mean.h5", "--overwrite")
    assert run(capsys, "export-model", model_file, tmp_path / "hinted.h5", *args)[0] == 0
    mean, _, _ = load_network(tmp_path / "mean.h5")
    np.testing.assert_allclose(mean.get_layer("ab").bias, [0.4, 0.2], atol=1e-3)
    assert (np.asarray(mean.get_layer("hints_8_b").kernel) == 0.25).all()
    status, _, complaint = run(capsys, "export-model", tmp_path / "hinted.h5", model_file, *args)
    assert status == 1 and len(complaint) == 1 and "hints_" in complaint[0]


def test_with_photos_the_mean_has_statistics_of_its_own(model_file, tiny_set, tmp_path, capsys):
    from colorize_utils.weights import load_network

    args = ("export-model", model_file, model_file, "-o", tmp_path / "mean.h5")
    status, _, complaint = run(capsys, *args, "--data", tmp_path)
    assert status == 2 and len(complaint) == 1 and "expected a prepared set" in complaint[0]
    assert not (tmp_path / "mean.h5").exists()
    assert run(capsys, *args, "--data", tiny_set)[0] == 0
    before, after = (load_network(path)[0] for path in (model_file, tmp_path / "mean.h5"))
    for was, now in zip(before.trainable_variables, after.trainable_variables, strict=True):
        np.testing.assert_allclose(np.asarray(now), np.asarray(was), atol=1e-3)
    own = [layer for layer in after.layers if layer.name.startswith("decoder") and hasattr(layer, "moving_mean")]
    assert max(np.abs(np.asarray(layer.moving_mean)).max() for layer in own) > 1e-3  # untrained: zeros
    assert not any(np.asarray(before.get_layer(layer.name).moving_mean).any() for layer in own)


def test_models_of_different_networks_have_no_mean(model_file, tmp_path, capsys):
    from colorize_utils.networks import build_network
    from colorize_utils.weights import save_network

    spec = {"network": "unet", "weights": None, "widths": [8, 8, 8, 8]}
    save_network(build_network(spec), tmp_path / "other.h5", spec)
    args = ("export-model", tmp_path / "other.h5", model_file, "-o", tmp_path / "mean.h5")
    status, _, complaint = run(capsys, *args)
    assert status == 1 and len(complaint) == 1 and "expected models of one network to average" in complaint[0]
    assert not (tmp_path / "mean.h5").exists()


# --- what can be wrong ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "args, said",
    [
        (["colorize"], "PATH"),
        (["colorize", "a.png"], "--output"),
        (["color", "a.png"], "color"),
        (["colorize", "a.png", "-o", "out", "--size", "7"], "from 32 to 2048, got '7'"),
        (["colorize", "a.png", "-o", "out", "--size", "big"], "'big'"),
        (["colorize", "a.png", "-o", "out", "--max-pixels", "0"], "1 or more"),
        (["prepare", "--source", "photos", "--output", "out"], "--input"),
        (["prepare", "--source", "samples", "--output", "out", "--part", "1"], "--part"),
        (["train", "--data", "d"], "--run"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(capsys, args, said):
    status, out, complaints = run(capsys, *args)
    assert (status, out, len(complaints)) == (2, "", 1)
    assert complaints[0].startswith("colorize: ") and said in complaints[0]


def test_no_command_prints_the_help_and_status_2(capsys):
    status, _, complaints = run(capsys)
    assert status == 2 and "colorize" in complaints[0] and any("samples" in line for line in complaints)


def bad_files(folder):
    """Name -> file that is no whole photo."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = put(folder / "whole.png").read_bytes()
    jpeg = put(folder / "whole.jpg", (200, 300)).read_bytes()
    (folder / "zero.png").write_bytes(b"")
    (folder / "text.png").write_text("<html>404 not found</html>")
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "cut.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (folder / "header.png").write_bytes(whole[:20])
    for name in ("whole.png", "whole.jpg"):
        (folder / name).unlink()
    return sorted(files_below(folder))


def test_bad_files_cost_one_line_each_and_the_rest_is_done(stub, tmp_path, capsys):
    photos, out = tmp_path / "in", tmp_path / "out"
    bad = bad_files(photos)
    put(photos / "a.png"), put(photos / "z.jpg")
    status, said, complaints = run(capsys, "colorize", photos, "-o", out)
    assert status == 1
    assert files_below(out) == ["a.png", "z.jpg"] and is_orange(out / "a.png") and is_orange(out / "z.jpg")
    assert len(complaints) == len(bad) and f"{len(bad)} failed" in said
    for name in bad:
        assert sum(name in line for line in complaints) == 1, name


@pytest.mark.parametrize("kind", ["absent.png", "absent folder", "empty folder", "folder of text"])
def test_where_there_are_no_photos_it_says_so(stub, tmp_path, capsys, kind):
    path = tmp_path / kind
    if not kind.startswith("absent"):
        path.mkdir()
    if kind == "folder of text":
        (path / "notes.txt").write_text("no photo")
    out = tmp_path / "out"
    status, _, complaints = run(capsys, "colorize", path, "-o", out)
    assert status in (1, 2) and len(complaints) == 1 and kind in complaints[0]
    assert not out.exists() and not stub
    # Beside a good photo it costs a line, and the good one is done.
    good = put(tmp_path / "good.png")
    status, _, complaints = run(capsys, "colorize", path, good, "-o", out)
    assert status == 1 and len(complaints) == 1 and is_orange(out / "good.png")


def test_an_output_folder_that_is_a_file_is_refused_before_anything_else(stub, tmp_path, capsys):
    photo, taken = put(tmp_path / "a.png"), tmp_path / "taken"
    taken.write_text("mine")
    for out in (taken, taken / "below"):
        status, _, complaints = run(capsys, "colorize", photo, "-o", out)
        assert status == 2 and len(complaints) == 1 and str(taken) in complaints[0]
    assert taken.read_text() == "mine" and not stub


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_an_output_folder_without_permission_is_refused(stub, tmp_path, capsys):
    photo, locked = put(tmp_path / "a.png"), tmp_path / "locked"
    locked.mkdir(mode=0o500)
    status, _, complaints = run(capsys, "colorize", photo, "-o", locked)
    assert status == 2 and len(complaints) == 1 and str(locked) in complaints[0]


def test_it_never_writes_over_its_input(stub, tmp_path, capsys):
    before = put(tmp_path / "in" / "a.png").read_bytes()
    (tmp_path / "alias").symlink_to(tmp_path / "in")
    for path in ("in", "in/a.png", "alias"):
        for out in ("in", "alias", "in/../in"):
            status, _, complaints = run(capsys, "colorize", tmp_path / path, "-o", tmp_path / out, "--overwrite")
            assert status == 2 and len(complaints) == 1 and "input" in complaints[0], (path, out)
    assert (tmp_path / "in" / "a.png").read_bytes() == before and files_below(tmp_path / "in") == ["a.png"]


@pytest.mark.parametrize("kind", ["absent", "text", "zero", "cut", "folder", "pointer"])
def test_a_model_file_that_is_not_one_is_one_line(model_file, tmp_path, capsys, kind):
    model = tmp_path / "model.h5"
    if kind == "folder":
        model.mkdir()
    elif kind != "absent":
        whole = model_file.read_bytes()
        pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"
        model.write_bytes({"text": b"hello", "zero": b"", "cut": whole[: len(whole) // 3], "pointer": pointer}[kind])
    photo = put(tmp_path / "a.png")
    for args in (("colorize", photo, "-o", tmp_path / "out", "--model", model), ("info", model)):
        status, _, complaints = run(capsys, *args)
        assert status == 1 and len(complaints) == 1 and "model.h5" in complaints[0]


def test_a_full_disk_stops_in_one_line_and_keeps_what_is_done(stub, tmp_path, capsys, monkeypatch):
    from colorize_utils.photos import writing

    put(tmp_path / "in" / "a.png"), put(tmp_path / "in" / "b.png"), put(tmp_path / "in" / "c.png")
    write = writing.write_pages

    def write_until_full(path, *args, **more):
        if Path(path).name == "b.png":
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, *args, **more)

    monkeypatch.setattr(writing, "write_pages", write_until_full)
    status, _, complaints = run(capsys, "colorize", tmp_path / "in", "-o", tmp_path / "out", "--workers", 1)
    assert status == 1 and len(complaints) == 1 and "full" in complaints[0]
    assert files_below(tmp_path / "out") == ["a.png"] and is_orange(tmp_path / "out" / "a.png")


def test_ctrl_c_is_one_line_and_status_130(tmp_path, capsys, monkeypatch):
    colored = []

    def color_one(photo, size=None):
        if colored:
            raise KeyboardInterrupt
        colored.append(1)
        return np.dstack([photo, photo, photo // 2])

    monkeypatch.setattr(command, "load_colorizer", lambda model, *_: color_one)
    put(tmp_path / "in" / "a.png"), put(tmp_path / "in" / "b.png")
    status, _, complaints = run(capsys, "colorize", tmp_path / "in", "-o", tmp_path / "out", "--workers", 1)
    assert status == 130 and len(complaints) == 1
    assert files_below(tmp_path / "out") == ["a.png"]


def test_flips_are_asked_for_and_named_in_the_metadata(stub, tmp_path, capsys):
    put(tmp_path / "a.png")
    run(capsys, "colorize", tmp_path / "a.png", "-o", tmp_path / "plain")
    run(capsys, "colorize", tmp_path / "a.png", "-o", tmp_path / "out", "--flips")
    assert read_mark(tmp_path / "plain" / "a.png") and "flips" not in read_mark(tmp_path / "plain" / "a.png")
    assert "flips averaged" in read_mark(tmp_path / "out" / "a.png")


def test_too_large_a_photo_is_refused_by_name_and_can_be_allowed(stub, tmp_path, capsys):
    photo = put(tmp_path / "big.png", (40, 60))
    status, _, complaints = run(capsys, "colorize", photo, "-o", tmp_path / "out", "--max-pixels", 2399)
    assert status == 1 and len(complaints) == 1 and "big.png" in complaints[0]
    assert run(capsys, "colorize", photo, "-o", tmp_path / "out", "--max-pixels", 2400)[0] == 0


def test_a_kaggle_folder_with_a_part_missing_is_one_line(tmp_path, capsys):
    np.save(tmp_path / "gray_scale.npy", np.zeros((4, 8, 8), np.uint8))
    status, _, complaints = run(
        capsys, "prepare", "--source", "kaggle", "--input", tmp_path, "--output", tmp_path / "o"
    )
    assert status in (1, 2) and len(complaints) == 1 and ".npy" in complaints[0]


@pytest.mark.parametrize("missing", ["data", "preset", "recipe"])
def test_training_on_nothing_is_one_line(tmp_path, capsys, missing):
    more = {"data": [], "preset": ["--preset", "huge"], "recipe": ["--recipe", "magic"]}[missing]
    status, _, complaints = run(capsys, "train", "--data", tmp_path / "none", "--run", tmp_path / "run", *more)
    assert status in (1, 2) and len(complaints) == 1


# --- as a program ---------------------------------------------------------------------------------------------------


def test_training_is_not_interrupted_by_lines_of_tensorflows_own(monkeypatch):
    """At level 2 each training of a critic says "E0000 … remapper failed", which harms nothing and alarms people."""
    from colorize_utils.terminal import quietly_import_keras

    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    quietly_import_keras()
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "3"
    assert "TF_CPP_MIN_LOG_LEVEL" not in (ROOT / "Makefile").read_text(encoding="utf-8")  # where it would come first


BOTH = """
import sys
from colorize_utils.cli import main
at = sys.argv.index("--then")
sys.exit(main(sys.argv[1:at]) or main(sys.argv[at + 1 :]))
"""  # two commands in one process: most of what a process takes is the import of TensorFlow


@pytest.fixture(scope="module")
def made_at(model_file, tmp_path_factory):
    """A function: a home folder (and variables) -> the bytes of a colored photo and of an exported model there."""
    put(photo := tmp_path_factory.mktemp("home") / "a.png", (90, 100))
    env = {k: v for k, v in os.environ.items() if k not in ("KERAS_BACKEND", "KERAS_HOME")}

    def made(home, **variables):
        out = home / "out"
        colorize = ["colorize", photo, "-o", out, "--model", model_file]
        words = [*colorize, "--then", "export-model", model_file, "-o", out / "m.h5"]
        done = subprocess.run(
            [sys.executable, "-c", BOTH, *map(str, words)],
            cwd=ROOT,
            env=env | variables | {"HOME": str(home)},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return [(out / name).read_bytes() for name in ("a.png", "m.h5")]

    return made


@pytest.fixture(scope="module")
def made_in_an_empty_home(made_at, tmp_path_factory):
    return made_at(tmp_path_factory.mktemp("empty"))


@pytest.mark.parametrize(
    "left", ['{"backend": "theano", "image_data_format": "channels_first", "floatx": "float16"}', "no json"]
)
def test_a_keras_json_of_another_project_and_a_proxy_change_nothing(made_at, made_in_an_empty_home, tmp_path, left):
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text(left)
    dead = "http://127.0.0.1:9"  # nobody answers there
    made = made_at(tmp_path, **dict.fromkeys(("HTTP_PROXY", "https_proxy", "ALL_PROXY"), dead))
    assert made == made_in_an_empty_home


def test_help_and_version_need_nothing_heavy():
    code = (
        "import sys; from colorize_utils.cli import main; print(main(sys.argv[1:]));"
        "print([m for m in ('tensorflow', 'keras', 'jax', 'numpy', 'cv2') if m in sys.modules])"
    )
    for args in (["--help"], ["--version"], ["colorize", "--help"], ["prepare", "--help"], ["train", "--help"]):
        done = subprocess.run([sys.executable, "-c", code, *args], cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.stdout.splitlines()[-2:] == ["0", "[]"], (args, done.stdout[-300:], done.stderr)


def test_a_program_colors_in_silence_and_keeps_the_lightness(model_file, tmp_path):
    grey = skimage.data.camera()[::2, ::3]
    (tmp_path / "camera.png").write_bytes(cv2.imencode(".png", grey)[1].tobytes())
    (tmp_path / "bad.png").write_text("no photo")
    done = process("colorize", tmp_path, "-o", tmp_path / "out", "--model", model_file)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1 and "bad.png" in done.stderr  # not a word from TensorFlow
    assert f"1 picture written to {tmp_path / 'out'}" in done.stdout
    assert is_orange(tmp_path / "out" / "camera.png", grey.shape)
    colored = see(tmp_path / "out" / "camera.png")[..., ::-1]
    apart = skimage.color.rgb2lab(colored)[..., 0] - skimage.color.rgb2lab(np.dstack([grey] * 3))[..., 0]
    assert np.abs(apart).max() <= 0.5


def test_a_program_that_finds_nothing_says_so_in_one_line(tmp_path):
    done = process("colorize", tmp_path / "absent.png", "-o", tmp_path / "out")
    assert done.returncode in (1, 2) and done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1 and "absent.png" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_ctrl_c_in_a_folder_leaves_whole_pictures_only(model_file, tmp_path):
    photo = put(tmp_path / "in" / "000.png", (1200, 1600)).read_bytes()
    for i in range(1, 60):
        (tmp_path / "in" / f"{i:03}.png").write_bytes(photo)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "colorize_utils", "colorize", tmp_path / "in", "-o", out, "--model", model_file]
    # Where the tests themselves were started in the background the shell has them ignore Ctrl-C, and a child would too.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        child = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, before)
    deadline = time.monotonic() + 100
    while not list(out.glob("*.png")) and time.monotonic() < deadline and child.poll() is None:
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130 and len(said.strip().splitlines()) == 1, said
    names = files_below(out)
    assert 0 < len(names) < 60 and all(n.endswith(".png") and not n.startswith(".") for n in names)
    assert all(see(out / name).shape == (1200, 1600, 3) for name in names)


def test_what_a_person_should_know_of_a_photo_is_said_and_it_is_colored(stub, tmp_path, capsys):
    from PIL import Image

    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (30, 40, 4), dtype=np.uint8), "CMYK").save(tmp_path / "print.tif")
    status, said, complaints = run(capsys, "colorize", tmp_path / "print.tif", "-o", tmp_path / "out")
    assert status == 0
    assert len(complaints) == 1 and "print.tif: " in complaints[0] and "CMYK" in complaints[0]
    assert files_below(tmp_path / "out") == ["print.tif"]


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("libGL.so.1: cannot open shared object file", "OpenCV needs a library of the system: libGL.so.1: cannot open"),
        ("No module named 'skimage'", "expected all that requirements.txt names to be installed, got: No module named"),
    ],
)
def test_an_installation_with_a_part_missing_is_one_line(capsys, monkeypatch, reason, said):
    """As in a bare container after `pip install`: there set-up has not looked."""

    def fails(name, package):
        raise ImportError(reason)

    monkeypatch.setattr(cli, "import_module", fails)
    assert cli.main(["colorize", "photo.jpg", "-o", "out"]) == 1
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
