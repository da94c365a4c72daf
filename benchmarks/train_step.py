"""The project's training step beside the same network in a bare Keras `fit`: `python benchmarks/train_step.py`.

Both see the same arrays and train all weights on the mean absolute error with AdamW. Ours draws crops, flips and faded
lightness besides, and keeps a running average of the weights. They take turns, a few steps each; of each the least time
of several turns counts. Processor seconds are less disturbed by what else a machine does than wall time. The ratio is
fit's time by ours: 0.95 is a twentieth slower than fit.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from colorize_utils.terminal import quietly_import_keras  # noqa: E402

quietly_import_keras()

import keras  # noqa: E402

from colorize_utils.color import normalize_lab8  # noqa: E402
from colorize_utils.data.batches import step_table  # noqa: E402
from colorize_utils.networks import build_network  # noqa: E402
from colorize_utils.training import backend, steps  # noqa: E402
from colorize_utils.training.optimizers import build_optimizers  # noqa: E402
from colorize_utils.training.recipes import get_preset, get_recipe  # noqa: E402
from colorize_utils.training.run import build_networks  # noqa: E402

STORED = 144  # the sides of stored photos


def stored_photos(count):
    """Smooth random photos as a prepared set has them: Lab codes, uint8 (count, STORED, STORED, 3)."""
    small = np.random.default_rng(0).integers(60, 190, (count, 9, 9, 3), dtype=np.uint8)
    return small.repeat(16, axis=1).repeat(16, axis=2)


def ours(recipe, preset, codes):
    """A function that makes the step with that number and waits for it."""
    nets, phase = build_networks(recipe), recipe.phases[1]
    trainable = steps.trainable_of(nets.generator, phase)
    nets.optimizer, _ = build_optimizers(nets, phase, trainable, 1000, preset.precision)
    step = backend.compile_step(steps.make_step(nets, phase, trainable, preset.crop), nets.variables())
    upright = np.zeros(preset.batch, bool)

    def run(number):
        ids = np.arange(preset.batch) + number * preset.batch
        table = step_table(0, 1, number, codes.shape[1:3], upright, preset.crop)
        parts = (codes[ids], np.arange(preset.batch, dtype=np.int32), table)
        float(step(*map(backend.share, parts))["loss"])

    return run


def bare(recipe, preset, codes):
    """The same for Keras' own `fit`, which is given the crops ready made."""
    network = build_network(recipe.generator)
    network.compile(keras.optimizers.AdamW(1e-3), loss="mae")
    crops = codes[:, : preset.crop, : preset.crop].astype(np.float32)
    photo, ab = (np.asarray(values, np.float32) for values in normalize_lab8(crops))

    def run(number, count=1):
        some = slice(number * preset.batch, (number + count) * preset.batch)
        network.fit(photo[some], ab[some], batch_size=preset.batch, shuffle=False, verbose=0)

    return run


def measure(recipe, preset, turns, length):
    """(seconds, processor seconds) a step of ours and of fit, the least of ``turns`` of ``length`` steps each."""
    codes = stored_photos(length * preset.batch)
    step, fit = ours(recipe, preset, codes), bare(recipe, preset, codes)
    runs = {"ours": lambda: [step(number) for number in range(length)], "fit": lambda: fit(0, length)}
    times = {name: [] for name in runs}
    for turn in range(turns + 1):
        for name, run in runs.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            if turn:  # the first compiles
                times[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return {name: np.min(values, axis=0) / length for name, values in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="unet-projected")
    parser.add_argument(
        "--precisions", nargs="+", default=["float32"], metavar="POLICY", help="dtype policies of Keras"
    )
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4, help="a turn")
    args = parser.parse_args()
    print("| precision | ours, s a step | fit, s | ours, processor s | fit, processor s | fit by ours |")
    print("| --- | --- | --- | --- | --- | --- |")
    for precision in args.precisions:
        keras.config.set_dtype_policy(precision)
        preset = get_preset("cpu", args.recipe, batch=args.batch, precision=precision)
        recipe = get_recipe(args.recipe, preset, backbone_weights=None)
        found = measure(recipe, preset, args.turns, args.steps)
        cells = [f"{found[name][kind]:.2f}" for kind in (0, 1) for name in ("ours", "fit")]
        print(f"| {precision} | {' | '.join(cells)} | {found['fit'][1] / found['ours'][1]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
