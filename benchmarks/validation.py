"""The validation error of model files as training measures it, so that they compare with a run's history.

    python benchmarks/validation.py --data saved_models/prepared/train144 MODEL.h5 MODEL.h5 …

Mean |ab| error in units of 110 on center crops of the validation photos, and its share of grey's; then the same with
each photo seen mirrored too and the two answers averaged.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from colorize_utils.terminal import quietly_import_keras  # noqa: E402

quietly_import_keras()

from colorize_utils.data.batches import PreparedSet, still_table  # noqa: E402
from colorize_utils.training.feed import crops  # noqa: E402
from colorize_utils.weights import load_network  # noqa: E402

BATCH = 32


def errors(network, split, photos, crop):
    """Mean |ab| of (the network, the network with flips averaged, grey), over ``photos`` evenly spaced photos."""
    chosen = np.linspace(0, len(split) - 1, min(photos, len(split))).astype(int)
    sums = np.zeros(3)
    for start in range(0, len(chosen), BATCH):
        ids = chosen[start : start + BATCH]
        table = still_table(split.codes.shape[1:3], split.transposed[ids], crop)
        photo, ab = (np.asarray(x) for x in crops(np.asarray(split.codes[ids]), table, crop))
        plain = np.asarray(network(photo))
        mirrored = np.asarray(network(photo[:, :, ::-1]))[:, :, ::-1]
        for k, guess in enumerate((plain, (plain + mirrored) / 2, 0 * plain)):
            sums[k] += np.abs(guess - ab).mean() * len(ids)
    return sums / len(chosen)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--data", required=True, help="a prepared set")
    parser.add_argument("--crop", type=int, default=96)
    parser.add_argument("--photos", type=int, default=768, help="as many as the preset `cpu` takes (default)")
    args = parser.parse_args()
    split = PreparedSet.open(args.data).val
    print("| model | validation error | of grey's | flips averaged | of grey's |\n| --- | --- | --- | --- | --- |")
    for path in args.models:
        plain, both, grey = errors(load_network(path)[0], split, args.photos, args.crop)
        print(f"| {path} | {plain:.5f} | {plain / grey:.4f} | {both:.5f} | {both / grey:.4f} |", flush=True)


if __name__ == "__main__":
    main()
