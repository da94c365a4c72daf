"""Make the pictures of README, model card and notebooks from the installed sample photos.

    python scripts/make_pictures.py            before_after.jpg, samples.jpg, and progress.jpg: each version's colors
    python scripts/make_pictures.py --check    make nothing, say which of them are not those of the shipped model
    python scripts/make_pictures.py --runs RUN [NEXT]    phases.jpg instead: what each phase of these runs ended with

All lie in saved_models/pictures. A new version needs the first line alone, once its model is in saved_models: those of
earlier versions are taken from git's history (a whole clone, not a shallow one). ``phases.jpg`` is of the first three
runs, whose files were not kept, so it is not made again. Only photos that scikit-image and matplotlib install are
shown; no model saw them.
"""

import argparse
import io
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from colorize_utils.terminal import quietly_import_keras  # noqa: E402

quietly_import_keras()

from colorize_utils import Colorizer, color, sample_photos  # noqa: E402
from colorize_utils.errors import ColorizeError  # noqa: E402
from colorize_utils.weights import read_arrays, shipped_model  # noqa: E402

PICTURES = ROOT / "saved_models" / "pictures"
MODEL = "saved_models/colorizer.h5"
LINE, GAP = 16, 6  # pixels: a line of text, and the white between pictures
SMALL = 120  # pixels: the photos of phases.jpg
IN_PROGRESS = 122  # those of progress.jpg: with LINE and GAP a row is a multiple of 16, as the blocks of a JPEG are
CODES = 0.4  # of 255: on average the same picture differs by less on another machine, and the next version by more


def shrunk(rgb, height):
    """A photo at ``height`` pixels, area-averaged."""
    width = round(rgb.shape[1] * height / rgb.shape[0])
    return np.asarray(Image.fromarray(rgb).resize((width, height), Image.Resampling.LANCZOS))


def grey(rgb):
    """The photo as its lightness alone."""
    plane = color.grey_from_lightness(color.lightness(rgb / 255.0))
    return np.rint(plane[..., None].repeat(3, axis=-1) * 255).astype(np.uint8)


def row(pictures):
    """Pictures of one height side by side on white."""
    spaced = []
    for picture in pictures:
        spaced += [picture, np.full((picture.shape[0], GAP, 3), 255, np.uint8)]
    return np.concatenate(spaced[:-1], axis=1)


def stacked(rows):
    """Rows of one width under each other on white."""
    spaced = []
    for line in rows:
        spaced += [line, np.full((GAP, line.shape[1], 3), 255, np.uint8)]
    return np.concatenate(spaced[:-1], axis=0)


def labeled(picture, text):
    """The picture with a line of text above it."""
    image = Image.new("RGB", (picture.shape[1], picture.shape[0] + LINE), "white")
    image.paste(Image.fromarray(picture), (0, LINE))
    ImageDraw.Draw(image).text((2, 2), text, fill="black")
    return np.asarray(image)


def before_after(colorizer, photos):
    """Two photos, grey and colored."""
    chosen = [shrunk(photos[name], 300) for name in ("motorcycle", "hopper")]
    return row([picture for photo in chosen for picture in (grey(photo), colorizer(photo))])


def samples(colorizer, photos):
    """All sample photos: given, colored, the truth."""
    small = [shrunk(photo, 170) for photo in photos.values()]
    results = [("given", [grey(p) for p in small]), ("colored", [colorizer(p) for p in small]), ("the truth", small)]
    return stacked([labeled(row(pictures), title) for title, pictures in results])


def one_line_of(colorizer, photos, height, title):
    """All sample photos at ``height`` pixels as one model colors them, with a title."""
    return labeled(row([colorizer(shrunk(photo, height)) for photo in photos.values()]), title)


def line_of_version(colorizer, photos):
    """A row of progress.jpg: the version, and how the last part of its training was done."""
    title = "version {version}: recipe {recipe}, phase {phase}".format_map(colorizer.meta)
    return one_line_of(colorizer, photos, IN_PROGRESS, title)


def _git(*words):
    done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True)
    if done.returncode:
        raise ColorizeError(f"expected git's history of {MODEL}: {done.stderr.decode().strip().splitlines()[-1]}", 1)
    return done.stdout


def versions(folder):
    """All versions, oldest first, each as it was last shipped: version -> model file, those of git in ``folder``.

    ColorizeError where git's history has been cut off.
    """
    if _git("rev-parse", "--is-shallow-repository").strip() == b"true":
        raise ColorizeError("expected all of git's history, this clone is shallow: `git fetch --unshallow` gets it", 1)
    found = {}
    for commit in _git("log", "--reverse", "--format=%H", "--diff-filter=AM", "--", MODEL).decode().split():
        path = Path(folder) / f"{commit}.h5"
        path.write_bytes(_git("show", f"{commit}:{MODEL}"))
        found[read_arrays(path)[1]["meta"]["version"]] = path
    return found | {read_arrays(shipped_model())[1]["meta"]["version"]: shipped_model()}


def progress(photos):
    """A row for each version that was shipped."""
    with tempfile.TemporaryDirectory() as folder:
        models = [Colorizer.load(path) for path in versions(folder).values()]
    return stacked([line_of_version(model, photos) for model in models])


def phases(runs, photos):
    """A row for each phase of the runs: what it ended with, or its last snapshot."""
    lines = []
    for run in runs:
        for phase in sorted(run.glob("[124]-*/snapshots")):  # a critic changes no color
            model = Colorizer.load(max(phase.glob("*.h5")))
            title = f"{run.name}, {model.meta['phase']}: {model.meta['images']:,} photos seen in this run"
            lines.append(one_line_of(model, photos, SMALL, title))
    if not lines:
        raise ColorizeError(f"expected runs with snapshots, found none in {', '.join(map(str, runs))}", 1)
    return stacked(lines)


def as_jpeg(picture):
    """The bytes of a JPEG small enough for a README."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=88, optimize=True)
    return file.getvalue()


def save(picture, name):
    """Write one of the pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    (PICTURES / name).write_bytes(as_jpeg(picture))
    print(f"saved_models/pictures/{name}: {(PICTURES / name).stat().st_size:,} bytes")


def outdated(colorizer, photos):
    """Names of the committed pictures that ``colorizer`` would make otherwise; of progress.jpg its last row counts."""
    made = {
        "before_after.jpg": before_after(colorizer, photos),
        "samples.jpg": samples(colorizer, photos),
        "progress.jpg": line_of_version(colorizer, photos),
    }
    return [name for name, picture in made.items() if differ(picture, name)]


def differ(picture, name):
    """Whether the last rows of the committed picture are not ``picture``, but for what JPEG changes."""
    if not (PICTURES / name).is_file():
        return True
    committed = np.asarray(Image.open(PICTURES / name).convert("RGB"))[-len(picture) :]
    as_saved = np.asarray(Image.open(io.BytesIO(as_jpeg(picture))))
    return committed.shape != as_saved.shape or np.abs(committed.astype(float) - as_saved).mean() > CODES


def main(argv=None):
    """Make the pictures, or look at them. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit status 1 if a picture is outdated")
    parser.add_argument("--runs", type=Path, nargs="+", default=[], help="runs that show how the colors came")
    args = parser.parse_args(argv)
    photos = sample_photos()
    try:
        if args.runs:
            save(phases(args.runs, photos), "phases.jpg")
            return 0
        colorizer = Colorizer.load()
        if args.check:
            names, version = outdated(colorizer, photos), colorizer.meta["version"]
            print("\n".join(f"{name}: not of version {version}" for name in names) or f"all are of version {version}")
            return bool(names)
        save(before_after(colorizer, photos), "before_after.jpg")
        save(samples(colorizer, photos), "samples.jpg")
        save(progress(photos), "progress.jpg")
    except ColorizeError as error:
        print(f"make_pictures: {error}", file=sys.stderr)
        return error.status
    return 0


if __name__ == "__main__":
    sys.exit(main())
