"""How long a checkpoint holds up the training, and what share of an hour on a GPU that is.

    python benchmarks/checkpoint_overhead.py [FOLDER] [--photos 23750] [--step 0.1]

Saves the networks and optimizers of the recipe `unet-gan` in its last phase (both networks, the average, two Adams)
five times into FOLDER (default: a temporary one), as training does: written, flushed, read back, compared, hashed,
renamed, named by the manifest. Then counts the saves of an hour at the preset `colab`: one an epoch, and one whenever
``save_minutes`` have passed without; an epoch's snapshot of the generator is counted with it. Steps of ``--step``
seconds, an epoch of ``--photos`` photos (the Kaggle set's training part).
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from colorize_utils.terminal import quietly_import_keras

quietly_import_keras()

# ruff: noqa: E402
from colorize_utils.training.checkpoint import Checkpoints, network_arrays
from colorize_utils.training.optimizers import build_optimizers
from colorize_utils.training.recipes import get_preset, get_recipe
from colorize_utils.training.run import build_networks
from colorize_utils.weights import save_network


def seconds_of(function):
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--photos", type=int, default=23_750)
    parser.add_argument("--step", type=float, default=0.1)
    args = parser.parse_args()
    preset = get_preset("colab")
    recipe = get_recipe("unet-gan", preset, None)
    nets, phase = build_networks(recipe), recipe.phases[-1]
    trainable = nets.generator.trainable_variables
    nets.optimizer, nets.critic_optimizer = build_optimizers(nets, phase, trainable, 1000, preset.precision)
    with tempfile.TemporaryDirectory() as name:
        folder = args.folder or Path(name)
        checkpoints = Checkpoints(folder / "overhead")
        state = {"phase": 3, "step": 0, "history": []}
        times = [seconds_of(lambda: checkpoints.save(network_arrays(nets), state)) for _ in range(5)]
        size = (folder / "overhead" / "checkpoint-000005.h5").stat().st_size
        spec = recipe.generator
        snapshot = seconds_of(lambda: save_network(nets.ema, folder / "overhead" / "snapshot.h5", spec))
    save, epoch = statistics.median(times), args.photos // preset.batch * args.step
    between = int(epoch // (preset.save_minutes * 60))  # saves inside an epoch
    hour = 3600 / epoch
    share = (hour * (1 + between) * save + hour * snapshot) / 3600
    print(
        f"a checkpoint of {size / 1e6:.0f} MB blocks the training {save:.2f} s (median of 5; at most {max(times):.2f})"
    )
    print(f"a snapshot {snapshot:.2f} s; an epoch of {args.photos:,} photos is {epoch:.0f} s of steps of {args.step} s")
    print(f"in an hour: {hour * (1 + between):.0f} checkpoints and {hour:.0f} snapshots, {share:.1%} of it")


if __name__ == "__main__":
    main()
