"""A classifier as a yardstick: its figures written out, and classifiers that cannot be used."""

import numpy as np
import pytest
from evaluating import copies, cut, photo, run, save, toy_classifier, value, write_photos
from PIL import Image

from colorize_utils.commands import evaluate as report
from colorize_utils.errors import ColorizeError


@pytest.fixture
def folder(tmp_path):
    return write_photos(tmp_path)


def test_agreement_and_frechet_with_a_classifier_of_mean_colors(folder, tmp_path):
    """Its features are the mean RGB (/127.5 - 1), its answer the strongest channel: both can be written out."""
    toy = toy_classifier(tmp_path / "toy.keras")
    pictures = copies(folder, tmp_path / "swapped", lambda rgb: rgb[..., ::-1].copy())
    arguments = "--pictures", f"swapped={pictures}", "--classifier", f"toy={toy}"
    status, found = run(folder, tmp_path / "out", *arguments)
    assert status == 0
    means = (
        np.array([cut(np.array(Image.open(p))).mean(axis=(0, 1)) for p in sorted(folder.rglob("*.png"))]) / 127.5 - 1
    )
    agreement = np.mean(means.argmax(axis=1) == means[:, ::-1].argmax(axis=1))
    assert value(found, "swapped", "agreement toy") == pytest.approx(agreement)
    known = value(found, "grey", "agreement toy")  # what the classifier recognizes without any color is the zero
    assert known < 1
    assert value(found, "swapped", "recovery toy") == pytest.approx((agreement - known) / (1 - known))
    # Swapping channels keeps all but the mean and the cross terms: compare with the definition by SciPy's matrix root.
    from scipy import linalg

    c1 = np.cov(means.T)
    c2 = c1[::-1, ::-1]
    apart = ((means.mean(axis=0) - means[:, ::-1].mean(axis=0)) ** 2).sum()
    expected = apart + np.trace(c1 + c2 - 2 * linalg.sqrtm(c1 @ c2).real)
    assert value(found, "swapped", "frechet toy") == pytest.approx(expected, rel=1e-3)
    assert value(found, "truth", "frechet toy") == pytest.approx(0, abs=1e-6)
    assert value(found, "grey", "recovery toy") == 0
    assert value(found, "truth", "agreement toy") == 1
    assert found["yardsticks"]["toy"]["features"] == 3
    assert not found["yardsticks"]["toy"]["rank_deficient"]
    assert found["rows"]["swapped"]["goals"]["frechet_ratio"]["value"] is not None


def test_few_photos_are_stated_and_one_is_refused(tmp_path):
    toy = toy_classifier(tmp_path / "toy.keras")
    save(tmp_path / "three" / "a.png", photo(1))
    save(tmp_path / "three" / "b.png", photo(2))
    save(tmp_path / "three" / "c.png", photo(3))
    save(tmp_path / "one" / "a.png", photo(1))
    status, found = run(tmp_path / "three", tmp_path / "out", "--classifier", f"toy={toy}")
    assert status == 0
    assert found["yardsticks"]["toy"]["rank_deficient"]
    assert "at most 2 of its directions" in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    status, found = run(tmp_path / "one", tmp_path / "out", "--classifier", f"toy={toy}")
    assert status == 1
    assert "frechet toy" not in found["rows"]["grey"]["figures"]
    assert "expected at least 2 photos, got 1" in found["left_out"][0]
    assert value(found, "grey", "agreement toy") in (0, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"channels": 1}, r"input of shape \(None, n, n, 3\)"), ({"flat": False}, r"last layer from \(None, features\)")],
)
def test_a_classifier_of_another_shape_is_named_and_left_out(folder, tmp_path, capsys, arguments, message):
    toy = toy_classifier(tmp_path / "toy.keras", **arguments)
    status, found = run(folder, tmp_path / "out", "--no-sheets", "--classifier", f"toy={toy}")
    assert status == 1
    assert found["yardsticks"] == {}
    assert found["rows"]["grey"]["goals"]["recovery"] == {"value": None, "level": None}
    error = capsys.readouterr().err
    assert "classifier toy" in error
    with pytest.raises(ColorizeError, match=message):
        report.load_classifier(f"toy={toy}")


def test_a_classifier_that_gives_nan_is_left_out_before_and_while_measuring(folder, tmp_path, monkeypatch):
    keras = pytest.importorskip("keras")
    toy = toy_classifier(tmp_path / "toy.keras")
    model = keras.saving.load_model(toy)
    inside = keras.layers.Dense(3, name="broken")(model.layers[-2].output)
    broken = keras.Model(model.inputs, keras.layers.Dense(3)(inside))
    broken.get_layer("broken").set_weights([np.full((3, 3), np.nan, np.float32), np.zeros(3, np.float32)])
    broken.save(tmp_path / "nan.keras")
    with pytest.raises(ColorizeError, match="classifier nan: expected finite features of a grey picture"):
        report.load_classifier(f"nan={tmp_path / 'nan.keras'}")
    classifier = report.load_classifier(f"toy={toy}")

    def look(self, pictures):
        vectors = np.array([p.mean(axis=(0, 1)) for p in pictures])
        vectors[np.array([p[0, 0, 0] == 255 for p in pictures])] = np.nan
        return vectors, vectors.argmax(axis=1)

    monkeypatch.setattr(type(classifier), "look", look)
    monkeypatch.setattr(report, "load_classifier", lambda spec: classifier)
    white = copies(folder, tmp_path / "white", lambda rgb: rgb * 0 + 255)
    status, found = run(folder, tmp_path / "out", "--no-sheets", "--pictures", f"white={white}", "--classifier", "toy")
    assert status == 1
    assert found["left_out"] == ["Fréchet distance, toy, row white: expected finite features; left out"]
    assert "frechet toy" not in found["rows"]["white"]["figures"]
    assert value(found, "grey", "frechet_ratio toy") == 1
    assert value(found, "white", "de2000") > 0


def test_inception_gives_the_features_that_fid_is_made_of():
    """Without ImageNet weights, which need a network: pool3 of 2,048, at 299 px, from RGB / 127.5 - 1."""
    keras = pytest.importorskip("keras")
    from colorize_utils.evaluation import classifier as module

    inception = module._with_features(keras, "InceptionV3", *module._application(keras, "InceptionV3", None))
    assert (inception.features, inception.side) == (2048, 299)
    assert inception.prepare(np.array([[[[0.0, 127.5, 255.0]]]])).ravel() == pytest.approx([-1, 0, 1])
    assert inception.model.outputs[0] is inception.model.get_layer("avg_pool").output


def test_classifiers_that_cannot_be_had(folder, tmp_path):
    wrong = tmp_path / "weights.h5"
    wrong.write_bytes(b"not HDF5")
    other = toy_classifier(tmp_path / "other.weights.h5", save="save_weights")
    specs = f"MobileNetV2={wrong}", f"MobileNetV2={other}", "NoSuchNet", "MobileNetV2=missing.h5"
    status, found = run(folder, tmp_path / "out", "--no-sheets", *(f"--classifier={spec}" for spec in specs))
    assert status == 1
    assert len(found["left_out"]) == 4
    assert all(line.startswith("classifier ") and "\n" not in line for line in found["left_out"])
