"""Contact sheets by kind of photo: grey, each model's colors, and the truth, to look at side by side.

    python scripts/kind_sheets.py PHOTOS -o outputs/kinds --kind food=pizza,orange --model NAME=FILE

A kind is a name and words: photos whose path below PHOTOS has one of them, an even spread of each word's. Without
--kind there is one sheet of all photos.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from colorize_utils.terminal import quietly_import_keras  # noqa: E402

quietly_import_keras()

from colorize_utils import Colorizer, color  # noqa: E402
from colorize_utils.data.sources import PhotoFolder  # noqa: E402
from colorize_utils.errors import ColorizeError  # noqa: E402
from colorize_utils.evaluation.sheets import contact_sheet, save_sheet  # noqa: E402


def chosen(names, words, shown):
    """As many of ``names`` as ``shown``, an equal share for each word, spread evenly over those that have it."""
    found = []
    for number, word in enumerate(words):
        with_word = [name for name in names if word in name and name not in found]
        wanted = min(len(with_word), (shown - len(found)) // (len(words) - number))
        found += [with_word[int((place + 0.5) * len(with_word) / wanted)] for place in range(wanted)]
    return found


def main():
    """Write a sheet for each kind. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="+", metavar="PHOTOS", help="folders of photos")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--model", action="append", default=[], metavar="NAME=FILE", help="by default the shipped one")
    parser.add_argument("--kind", action="append", default=[], metavar="NAME=WORD,...")
    parser.add_argument("--shown", type=int, default=8, metavar="N", help="photos on a sheet")
    args = parser.parse_args()
    kinds = [kind.partition("=")[::2] for kind in args.kind] or [("all", "")]
    models = dict(model.partition("=")[::2] for model in args.model) or {"colorized": None}
    try:
        models = {name: Colorizer.load(path) if path else Colorizer.load() for name, path in models.items()}
        items = {}
        for folder in args.photos:
            source = PhotoFolder(folder)
            items |= {f"{source.folder.name}/{item.name}": item for item in source.items()}
        args.output.mkdir(parents=True, exist_ok=True)
        for kind, words in kinds:
            names = chosen(sorted(items), words.split(","), args.shown)
            if not names:
                raise ColorizeError(f"expected photos with {words} in their names, found none")
            save_sheet(args.output / f"{kind}.jpg", sheet(kind, [items[name] for name in names], models))
            print(args.output / f"{kind}.jpg")
    except (ColorizeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def sheet(title, items, models):
    """One column a photo: it as grey, as each model colors it, and as it was."""
    groups = []
    for item in items:
        photo = item.read()[0]
        plane = np.rint(color.grey_from_lightness(color.lightness(photo / 255.0)) * 255).astype(np.uint8)
        groups.append([plane[..., None].repeat(3, axis=-1), *(model(photo) for model in models.values()), photo])
    names = [item.name for item in items]
    return contact_sheet(groups, ["grey", *models, "as it was"], names, title, columns=2)


if __name__ == "__main__":
    sys.exit(main())
