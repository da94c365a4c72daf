"""Name the photos a model is tested on, so that others can find them and nobody trains on them.

    python scripts/list_test_photos.py SET=FOLDER [SET=FOLDER ...]     writes saved_models/test-photos.csv

A line a photo: the set, where it comes from (as its file name says), SHA-256 of our file, and its 256-bit difference
hash, by which the original is found in the public set (the same picture differs in at most 24 bits).
"""

import csv
import hashlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from colorize_utils import color  # noqa: E402
from colorize_utils.data.prepare import difference_hash  # noqa: E402
from colorize_utils.photos.reading import find_photos, read_photo  # noqa: E402


def main(argv):
    """Write the list. Returns the exit status."""
    if not argv or any("=" not in word for word in argv):
        print("expected SET=FOLDER, such as test=photos/test", file=sys.stderr)
        return 2
    with open(ROOT / "saved_models" / "test-photos.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["set", "photo", "sha256", "difference_hash"])
        for name, folder in (word.split("=", 1) for word in argv):
            for path, _ in find_photos([folder]):
                codes = color.encode_lab8(color.rgb_to_lab(read_photo(path).rgb))
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                writer.writerow([name, path.stem, digest, difference_hash(codes).tobytes().hex()])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
