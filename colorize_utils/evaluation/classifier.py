"""A Keras classifier as a yardstick: its features for the Fréchet distance, its answers for the semantic agreement."""

import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..errors import ColorizeError

BATCH = 32


@dataclass(frozen=True)
class Classifier:
    """A network with two outputs, (n, d) features (the input of its last layer) and (n, classes) scores."""

    name: str
    side: int
    prepare: callable
    model: object

    @property
    def features(self):
        """Number of features, d."""
        return int(self.model.outputs[0].shape[-1])

    def look(self, pictures):
        """Up to `BATCH` RGB uint8 pictures of any size -> (features float32 (n, d), class with the top score (n,))."""
        batch = np.zeros((BATCH, self.side, self.side, 3), np.float32)  # always full: one compiled shape
        for slot, picture in zip(batch, pictures, strict=False):
            slot[...] = square(picture, self.side)
        features, scores = self.model.predict_on_batch(self.prepare(batch))
        return np.asarray(features)[: len(pictures)], np.asarray(scores)[: len(pictures)].argmax(axis=1)


def square(picture, side):
    """The center square of a uint8 picture (H, W, 3), area-resized to (side, side, 3)."""
    height, width = picture.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    return cv2.resize(
        np.ascontiguousarray(picture[top : top + edge, left : left + edge]), (side, side), interpolation=cv2.INTER_AREA
    )


def load_classifier(spec):
    """ "NAME", "NAME=WEIGHTS" or "LABEL=FILE.keras" -> `Classifier`; a one-line ColorizeError if it cannot be had.

    NAME is a network of keras.applications with 1,000 classes, fed as it was trained (its ``preprocess_input``);
    without WEIGHTS, Keras fetches its ImageNet ones. A .keras file is fed RGB / 127.5 - 1. BatchNorm is in inference
    mode. InceptionV3 is the one nearest to the FID of papers; its weights and its resizing are Keras' and ours, so call
    the figure "FID-Keras", and compare it with no other.
    """
    name, _, path = spec.partition("=")
    if path and not Path(path).is_file():
        raise ColorizeError(f"classifier {name}: expected a file of weights, but there is no {path}", status=1)
    import keras

    try:
        if path.endswith(".keras"):
            model, prepare = keras.saving.load_model(path, compile=False), _symmetric
        else:
            model, prepare = _application(keras, name, path or "imagenet")
        classifier = _with_features(keras, name, model, prepare)
        grey = classifier.look([np.full((8, 8, 3), 128, np.uint8)])[0]
    except ColorizeError:
        raise
    except Exception as error:  # whatever Keras, HDF5 or the network raise: the report goes on without these figures
        raise ColorizeError(
            f"classifier {name}: cannot load {path or 'its ImageNet weights'}: {_line(error)}", 1
        ) from None
    if not np.isfinite(grey).all():
        raise ColorizeError(f"classifier {name}: expected finite features of a grey picture, got NaN or infinity", 1)
    return classifier


def _symmetric(batch):
    return batch / 127.5 - 1


def _application(keras, name, weights):
    build = getattr(keras.applications, name, None)
    if not isinstance(build, type(_application)):
        raise ColorizeError(
            f"classifier {name}: expected a network of keras.applications (such as MobileNetV2) or a .keras file"
        )
    return build(weights=weights, classes=1000), sys.modules[build.__module__].preprocess_input


def _with_features(keras, name, model, prepare):
    shape = model.input_shape
    square_input = isinstance(shape, tuple) and len(shape) == 4 and shape[1] == shape[2] and shape[1] and shape[3] == 3
    if not square_input:
        raise ColorizeError(f"classifier {name}: expected an input of shape (None, n, n, 3), got {shape}", status=1)
    before = model.layers[-1].input
    if (
        isinstance(before, list)
        or len(before.shape) != 2
        or not isinstance(model.output_shape, tuple)
        or len(model.output_shape) != 2
    ):
        raise ColorizeError(
            f"classifier {name}: expected a last layer from (None, features) to (None, classes), "
            f"got {getattr(before, 'shape', before)} to {model.output_shape}",
            status=1,
        )
    return Classifier(name, int(shape[1]), prepare, keras.Model(model.inputs, [before, model.output]))


def _line(error):
    text = " ".join(str(error).split())
    return text[:157] + "…" if len(text) > 158 else text or type(error).__name__
