"""What of given colors helps: telling the network of them, laying them over its answer, or both.

    python benchmarks/hint_parts.py PHOTOS [--limit 60] [--counts 1 10 50] [--model FILE]

The network of --model (default: the shipped one) has to take hints. Photos are colored with the true colors of so many
pixels, the same that `evaluate --hinted` gives. Prints the PSNR of the mean squared error over that of grey, in dB, for
the network that is told of them and has them laid over its answer (as it is shipped), for each alone, and for a network
that is right wherever they are not laid over: the most that any network could reach under them. And the share of the
pixels that they hide by more than half, with the share of the squared error that lies there.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from colorize_utils import Colorizer, color  # noqa: E402
from colorize_utils.evaluation.report import limited  # noqa: E402
from colorize_utils.evaluation.rows import photo_folder, true_hints  # noqa: E402
from colorize_utils.inference.upsample import upsample_rows  # noqa: E402
from colorize_utils.terminal import quietly_import_keras  # noqa: E402


class LaidOver(Colorizer):
    """Hints are laid over the answer of a network that is not told of them."""

    def _run(self, lightness, hints=None):
        return super()._run(lightness)


class Told(Colorizer):
    """The network is told of hints, and its answer is left as it is."""

    def _hinted(self, *_):
        return None


class Right(Colorizer):
    """Hints are laid over the true colors, which a network that errs nowhere would give. ``truth``: ab (H, W, 2)."""

    def _each_band(self, photo, size, work, hints=None):
        def right(top, lightness, ab):
            work(top, lightness, self.over(self.truth[top : top + len(ab)].copy(), lightness, top))

        super()._each_band(photo, size, right, hints)

    def _hinted(self, *args):
        self.over = super()._hinted(*args).over
        return None


class Seen(Colorizer):
    """As it is shipped; ``share`` (H, W) is how much of the network's answer was hidden the last time."""

    def _hinted(self, photo, *args):
        layer = super()._hinted(photo, *args)
        lightness = color.lightness_from_grey(photo[..., 0].astype(np.float32) / 255)
        self.share = upsample_rows(layer.planes, layer.lightness, lightness, 0, len(photo))[..., 2]
        return layer


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--limit", type=int, default=60)
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 10, 50])
    parser.add_argument("--model", type=Path)
    args = parser.parse_args()
    quietly_import_keras()
    model = Colorizer.load(args.model)
    kinds = {"both": Seen, "laid over alone": LaidOver, "told alone": Told, "laid over the truth": Right}
    colorizers = {name: kind(model.network, model.meta, model.stride) for name, kind in kinds.items()}
    photos = limited(photo_folder(args.photos), args.limit)
    print(f"| true colors given | {' | '.join(kinds)} | hidden by more than half, % of pixels | % of squared error |")
    print("|---" * (len(kinds) + 3) + "|")
    for count in args.counts:
        errors, hidden, within = {name: 0.0 for name in ("grey", *kinds)}, [], []
        for index in range(len(photos)):
            case = photos.load(index)
            truth, hints = case.truth.astype(np.float32), true_hints(case, count)
            grey = np.rint(color.grey_from_lightness(case.lab[..., 0]) * 255).astype(np.uint8)
            grey = np.repeat(grey[..., None], 3, axis=-1)
            errors["grey"] += ((grey - truth) ** 2).mean()
            colorizers["laid over the truth"].truth = np.asarray(case.lab[..., 1:], np.float32)
            for name, colorizer in colorizers.items():
                squares = ((colorizer(grey, hints=hints) - truth) ** 2).mean(axis=-1)
                errors[name] += squares.mean()
                if name == "both":
                    covered = colorizer.share > 0.5
                    hidden.append(covered.mean())
                    within.append((squares[covered].sum(), squares.sum()))
        gains = [f"{10 * np.log10(errors['grey'] / errors[name]):.2f}" for name in kinds]
        inside, everywhere = np.sum(within, axis=0)
        print(f"| {count} | {' | '.join(gains)} | {100 * np.mean(hidden):.0f} | {100 * inside / everywhere:.0f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
