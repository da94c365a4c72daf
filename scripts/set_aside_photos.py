"""Divide a folder of photos in two by the content of their files: some set aside for a last measurement, the rest.

    python scripts/set_aside_photos.py PHOTOS --pattern "*.avif" --count 600 --aside LOCKBOX --rest TRAIN

Those set aside are the ``count`` files with the smallest SHA-256 of those that match the pattern: nobody chooses them,
and adding photos moves few. Both folders are filled with links, so that nothing is copied; a folder that is there is
refused. Figures on photos that no choice was made by say how much choosing flatters the others.
"""

import argparse
import hashlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from colorize_utils.errors import ColorizeError  # noqa: E402


def divide(photos, pattern, count):
    """All files below the folder ``photos`` -> (the ``count`` set aside, the rest), lists of paths."""
    files = sorted(path for path in Path(photos).rglob("*") if path.is_file())
    matching = [path for path in files if path.match(pattern)]
    if len(matching) < count:
        raise ColorizeError(f"expected at least {count} files {pattern} in {photos}, found {len(matching)}")
    aside = sorted(matching, key=lambda path: hashlib.sha256(path.read_bytes()).hexdigest())[:count]
    chosen = set(aside)
    return aside, [path for path in files if path not in chosen]


def link(files, photos, folder):
    """Fill ``folder`` with links to ``files``, in the subfolders they have in ``photos``."""
    for path in files:
        place = Path(folder) / path.relative_to(photos)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(path.resolve())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", metavar="PHOTOS")
    parser.add_argument("--pattern", default="*", help="which may be set aside (default: all)")
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--aside", required=True, metavar="DIR")
    parser.add_argument("--rest", required=True, metavar="DIR")
    args = parser.parse_args()
    for folder in (args.aside, args.rest):
        if Path(folder).exists():
            raise ColorizeError(f"expected a folder that is not there yet, found {folder}")
    aside, rest = divide(args.photos, args.pattern, args.count)
    link(aside, args.photos, args.aside)
    link(rest, args.photos, args.rest)
    print(f"{len(aside)} photos in {args.aside}, {len(rest)} in {args.rest}")


if __name__ == "__main__":
    try:
        main()
    except ColorizeError as error:
        sys.exit(str(error))
