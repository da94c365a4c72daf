"""No command writes over a file that it has not made: refused in one line, before any work; its own is replaced."""

import numpy as np
import pytest
from PIL import Image
from test_cli import files_below, put, run

from colorize_utils.commands import evaluate, export, export_model, turing
from colorize_utils.inference.model_files import export_model as exported
from colorize_utils.networks import build_network
from colorize_utils.weights import save_network

MINE = b"a letter to my grandmother"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "m.h5"
    spec = {"network": "unet", "weights": None, "widths": [8, 8, 8, 8]}
    save_network(build_network(spec), path, spec, {"trained_size": 64})
    return path


@pytest.fixture
def nothing_done(monkeypatch):
    """What follows the check is not waited for: it says that it was reached."""

    def reached(*args, **kwargs):
        raise ValueError("reached")

    for module in (evaluate, export_model, turing):
        monkeypatch.setattr(module, "quietly_import_keras", reached)
    monkeypatch.setattr(export, "export_elsewhere", reached)
    monkeypatch.setattr(turing, "photo_folder", reached)


def reaches(capsys, *args):
    with pytest.raises(ValueError, match="reached"):
        run(capsys, *args)
    return True


CASES = [
    (("samples",), "astronaut.png", ()),
    (("export-model", "RUN", "-o"), "m.h5", ("m.h5",)),
    (("export-model", "RUN", "-o"), "m.sha256", ("m.h5",)),
    (("export", "--format", "onnx", "-o"), "m.onnx", ("m.onnx",)),
    (("turing", "--photos", "DIR", "-o"), "t.html", ("t.html",)),
    (("curve", "RUN", "--photos", "DIR", "-o"), "c.csv", ("c.csv",)),
    (("evaluate", "--photos", "DIR", "-o"), "report.md", ()),
    (("evaluate", "--photos", "DIR", "-o"), "report.json", ()),
    (("evaluate", "--photos", "DIR", "-o"), "photos.csv", ()),
    (("evaluate", "--photos", "DIR", "-o"), "sheets/mine.jpg", ()),
    (("colorize", "DIR/a.png", "-o", "DIR/out", "--report"), "r.csv", ("r.csv",)),
]


@pytest.mark.parametrize("command, name, given", CASES, ids=[f"{c[0][0]}-{c[1]}" for c in CASES])
def test_what_the_command_did_not_make_is_refused(tmp_path, capsys, command, name, given):
    place = tmp_path / "place"
    (place / name).parent.mkdir(parents=True)
    put(tmp_path / "a.png"), (place / name).write_bytes(MINE)
    args = [word.replace("DIR", str(tmp_path)) for word in command] + [str(place / "".join(given))]
    status, said, complaints = run(capsys, *args)
    assert (status, said, len(complaints)) == (2, "", 1)
    assert f"{place / name} is there already, and this command has not made it" in complaints[0]
    assert (place / name).read_bytes() == MINE and files_below(place) == [name]


def test_samples_are_written_over_samples_only(tmp_path, capsys):
    for more in ((), (), ("--color",), ()):
        assert run(capsys, "samples", tmp_path, *more)[0] == 0
    path = next(tmp_path.glob("*.png"))
    painted = np.array(Image.open(path).convert("RGB"))
    painted[:5, :5] = (255, 0, 0)  # a stroke, as a hint
    Image.fromarray(painted).save(path)
    before = path.read_bytes()
    status, _, complaints = run(capsys, "samples", tmp_path)
    assert status == 2 and len(complaints) == 1 and str(path) in complaints[0] and path.read_bytes() == before
    assert run(capsys, "samples", tmp_path, "--overwrite")[0] == 0 and path.read_bytes() != before


def test_a_model_is_written_over_the_same_commands_only(model, tmp_path, capsys):
    out = tmp_path / "m.h5"
    for _ in range(2):
        assert run(capsys, "export-model", model, "-o", out)[0] == 0
    (tmp_path / "run").mkdir()
    own = tmp_path / "run" / "generator.h5"
    own.write_bytes(model.read_bytes())  # a model file, but a run's
    assert run(capsys, "export-model", out, "-o", own)[0] == 2 and own.read_bytes() == model.read_bytes()
    assert run(capsys, "export-model", out, "-o", own, "--overwrite")[0] == 0
    exported(model, out)  # a call from Python is asked for by who writes it


def test_reports_pages_curves_and_exports_of_ours_are_known(nothing_done, tmp_path, capsys):
    ours = {
        "report.json": '{"format": 1}', "report.md": "# Evaluation on six\n", "photos.csv": "photo,row,psnr\n",
        "sheets/rows.jpg": "", "m.onnx": "...made_with..colorize_utils 0.6.0", "m.tflite": "made_with colorize_utils 1",
        "t.html": '<title>Which photo is real?</title> {"milliseconds": 1000}',
    }  # fmt: skip
    (tmp_path / "sheets").mkdir()
    for name, text in ours.items():
        (tmp_path / name).write_text(text)
    assert reaches(capsys, "evaluate", "--photos", tmp_path, "-o", tmp_path)
    assert reaches(capsys, "export", "--format", "onnx", "-o", tmp_path / "m.onnx")
    assert reaches(capsys, "export", "--format", "litert", "-o", tmp_path / "m.tflite")
    assert reaches(capsys, "turing", "--photos", tmp_path, "-o", tmp_path / "t.html")
    (tmp_path / "t.html").write_bytes(MINE)
    assert reaches(capsys, "turing", "--photos", tmp_path, "-o", tmp_path / "t.html", "--overwrite")
