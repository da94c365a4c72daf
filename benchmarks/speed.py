"""How fast our network answers beside that of Zhang et al. 2016: `python benchmarks/speed.py`.

Median of 20 calls of ``model(x)``, batch 1, 256x256 pixels, in one process, the two taking turns. Zhang's network has
random weights, which cost the same as trained ones; the time of the annealed mean is in it. Only the factor means
anything beyond this machine.
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

from colorize_utils.inference.colorizer import Colorizer  # noqa: E402
from colorize_utils.networks.zhang import build_zhang  # noqa: E402


def compiled(network):
    """``network`` as one graph, photo in and NumPy out: what neither backend does for plain calls."""
    if keras.backend.backend() == "jax":
        import jax

        call = jax.jit(lambda photo: network(photo, training=False))
    else:
        import tensorflow as tf

        call = tf.function(lambda photo: network(photo, training=False))
    return lambda photo: np.asarray(call(photo))


def medians(calls, photo, count):
    """name -> median milliseconds of ``count`` calls, after two that are not counted; the calls alternate."""
    times = {name: [] for name in calls}
    for number in range(count + 2):
        for name, call in calls.items():
            start = time.perf_counter()
            np.asarray(call(photo))
            if number >= 2:
                times[name].append((time.perf_counter() - start) * 1e3)
    return {name: float(np.median(values)) for name, values in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", metavar="FILE", help="default: the shipped model")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--calls", type=int, default=20)
    args = parser.parse_args()
    networks = {"ours": Colorizer.load(args.model).network, "zhang 2016": build_zhang()}
    photo = np.random.default_rng(0).uniform(-1, 1, (1, args.size, args.size, 1)).astype(np.float32)
    photo = keras.ops.convert_to_tensor(photo)
    plain = medians(networks, photo, args.calls)
    graph = medians({name: compiled(network) for name, network in networks.items()}, photo, args.calls)
    print("| network | parameters | model(x), ms | as one graph, ms |\n| --- | --- | --- | --- |")
    for name, network in networks.items():
        print(f"| {name} | {network.count_params():,} | {plain[name]:.0f} | {graph[name]:.0f} |")
    a, b = networks
    parameters = networks[b].count_params() / networks[a].count_params()
    print(f"| {b} / {a} | {parameters:.1f} | {plain[b] / plain[a]:.1f} | {graph[b] / graph[a]:.1f} |")


if __name__ == "__main__":
    main()
