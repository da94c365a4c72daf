"""The validation error of model files as training measures it, so that they compare with a run's history.

    python benchmarks/validation.py --data saved_models/prepared/train144 MODEL.h5 MODEL.h5 …

Mean |ab| error in units of 110 on center crops of the validation photos, and its share of grey's; then the same with
each photo seen mirrored too and the two answers averaged. With ``--sources`` a second table: each model's share of
grey's error for every folder that the photos came from, the worst of the last model first.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from colorize_utils.terminal import quietly_import_keras  # noqa: E402

quietly_import_keras()

from colorize_utils.data.batches import PreparedSet, still_table  # noqa: E402
from colorize_utils.networks.hint_input import asked  # noqa: E402
from colorize_utils.training.feed import crops  # noqa: E402
from colorize_utils.weights import load_network  # noqa: E402

BATCH = 32


def errors(network, split, chosen, crop):
    """Mean |ab| of each of the photos ``chosen``: (n, 3), by the network, with flips averaged, and by grey."""
    found = []
    for start in range(0, len(chosen), BATCH):
        ids = chosen[start : start + BATCH]
        table = still_table(split.codes.shape[1:3], split.transposed[ids], crop)
        photo, ab = (np.asarray(x) for x in crops(np.asarray(split.codes[ids]), table, crop))
        plain = np.asarray(network(asked(network, photo)))
        mirrored = np.asarray(network(asked(network, photo[:, :, ::-1])))[:, :, ::-1]
        guesses = (plain, (plain + mirrored) / 2, 0 * plain)
        found.append(np.stack([np.abs(guess - ab).mean(axis=(1, 2, 3)) for guess in guesses], axis=-1))
    return np.concatenate(found)


def by_source(found, names):
    """Each model's share of grey's error for every folder -> lines of a table. found: a list of `errors`."""
    folders = np.array([name.split("/")[0] if "/" in name else "." for name in names])
    shares = {
        folder: [e[folders == folder, 0].mean() / e[folders == folder, 2].mean() for e in found]
        for folder in np.unique(folders)
    }
    lines = [
        f"| source | photos | grey's error |{' model |' * len(found)}",
        "| --- | --- | --- |" + " --- |" * len(found),
    ]
    for folder in sorted(shares, key=lambda folder: -shares[folder][-1]):
        mine = folders == folder
        share = " | ".join(f"{x:.3f}" for x in shares[folder])
        lines.append(f"| {folder} | {mine.sum()} | {found[-1][mine, 2].mean():.4f} | {share} |")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--data", required=True, help="a prepared set")
    parser.add_argument("--crop", type=int, default=96)
    parser.add_argument("--photos", type=int, default=768, help="as many as the preset `cpu` takes (default)")
    parser.add_argument("--sources", action="store_true", help="a table by the folders that the photos came from, too")
    args = parser.parse_args()
    split = PreparedSet.open(args.data).val
    chosen = np.linspace(0, len(split) - 1, min(args.photos, len(split))).astype(int)
    print("| model | validation error | of grey's | flips averaged | of grey's |\n| --- | --- | --- | --- | --- |")
    found = []
    for path in args.models:
        found.append(errors(load_network(path)[0], split, chosen, args.crop))
        plain, both, grey = found[-1].mean(axis=0)
        print(f"| {path} | {plain:.5f} | {plain / grey:.4f} | {both:.5f} | {both / grey:.4f} |", flush=True)
    if args.sources:
        print("", *by_source(found, [split.names[i] for i in chosen]), sep="\n")


if __name__ == "__main__":
    main()
