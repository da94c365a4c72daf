"""Pictures that the Python package makes, to compare the browser's with: ``python web/tests/cases.py DIR``.

``cases.json`` lists them; each has its photo as RGBA bytes and its picture as RGB bytes, beside it. The network is a
formula (`strong`), which the tests in JavaScript have too.
"""

import json
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from colorize_utils.data.sources import sample_photos  # noqa: E402
from colorize_utils.inference.colorizer import Colorizer  # noqa: E402
from colorize_utils.inference.hints.given import Hints  # noqa: E402

SIZE = 96


def strong(fed):
    """L/50-1 (1, h, w, 1) -> ab/110: colors of which many leave the gamut."""
    return np.concatenate([0.8 * np.sin(4 * fed), 0.8 * np.cos(3 * fed)], axis=-1)


def photos():
    """name -> uint8 (H, W) or (H, W, 3): photos, and shapes that trip up arithmetic."""
    rng, samples = np.random.default_rng(0), sample_photos()
    grey = samples["astronaut"][..., 1]
    found = {"color": samples["coffee"][::2, ::2], "grey": grey, "portrait": grey[:500, 100:301]}
    for height, width in ((1, 1), (1, 300), (300, 1), (7, 5), (33, 31), (97, 113)):
        found[f"noise-{width}x{height}"] = rng.integers(0, 256, (height, width, 3), np.uint8)
    found["long"] = np.tile(grey[200:240], (1, 6))
    ramp = np.linspace(0, 255, 300).round().astype(np.uint8)
    return found | {"ramp": np.broadcast_to(ramp, (200, 300))}


def cases():
    """(name, photo, strength, points of hints)."""
    found = photos()
    for name, photo in found.items():
        yield name, photo, 1.0, []
    yield "vivid", found["color"], 1.5, []
    yield "nothing", found["grey"], 0.0, []
    yield "hinted", found["grey"], 1.0, [(120, 400, "#c02030"), (350, 60, "#3060a0"), (360, 75, "#30a060")]
    yield "hinted-color", found["color"], 0.7, [(150, 100, "#ffe000")]
    yield "hinted-small", found["noise-113x97"], 1.0, [(3, 4, "#0000ff")]


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    colorizer, listed = Colorizer(strong, {"working_size": SIZE}), []
    for name, photo, strength, points in cases():
        hints = Hints.from_points(points, photo.shape[:2]) if points else None
        picture = colorizer(photo, strength=strength, hints=hints)
        rgb = photo if photo.ndim == 3 else np.dstack([photo] * 3)
        np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)]).tofile(folder / f"{name}.rgba")
        np.ascontiguousarray(picture).tofile(folder / f"{name}.rgb")
        height, width = photo.shape[:2]
        points = [{"x": x, "y": y, "color": [int(c[k : k + 2], 16) for k in (1, 3, 5)]} for x, y, c in points]
        listed.append({"name": name, "width": width, "height": height, "strength": strength, "points": points})
    (folder / "cases.json").write_text(json.dumps({"size": SIZE, "cases": listed}, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
