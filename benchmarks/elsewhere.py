"""How large and how fast an exported model is beside Keras: `python benchmarks/elsewhere.py`.

Exports the model to ONNX (if ``requirements-export.txt`` is installed) and LiteRT, compares each with Keras, and takes
the median of 20 calls, batch 1, the runtimes taking turns in one process with as many threads as there are cores. Keras
is measured as the graph that it runs in ``predict``. Only the factors mean anything beyond this machine.
"""

import argparse
import importlib.util
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from colorize_utils.terminal import quietly_import_keras  # noqa: E402

quietly_import_keras()

from speed import compiled, medians  # noqa: E402

from colorize_utils.inference.portable import FORMATS, NEEDED, export_elsewhere, runner  # noqa: E402
from colorize_utils.networks import takes_hints  # noqa: E402
from colorize_utils.networks.hint_input import without_hints  # noqa: E402
from colorize_utils.weights import load_network, shipped_model  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", metavar="FILE", help="default: the shipped model")
    parser.add_argument("--sizes", nargs="+", default=["160x224", "256x256"], metavar="HxW")
    parser.add_argument("--calls", type=int, default=20)
    args = parser.parse_args()
    path = Path(args.model) if args.model else shipped_model()
    network, _, _ = load_network(path)
    network = without_hints(network) if takes_hints(network) else network  # as it is exported
    rows, calls = {"keras": (path.stat().st_size, None, None)}, {"keras": compiled(network)}
    with tempfile.TemporaryDirectory() as folder:
        for kind, suffix in FORMATS.items():
            if any(
                importlib.util.find_spec(name) is None for name in (*NEEDED[kind], *["onnxruntime"] * (kind == "onnx"))
            ):
                print(f"{kind}: left out, its packages are not installed", file=sys.stderr)
                continue
            began = time.perf_counter()
            done = export_elsewhere(path, Path(folder) / f"model{suffix}", kind)
            rows[kind] = (done.path.stat().st_size, time.perf_counter() - began, done.difference)
            calls[kind] = runner(done.path, threads=os.cpu_count())
        times = []
        for size in args.sizes:
            height, width = map(int, size.split("x"))
            photo = np.random.default_rng(0).uniform(-1, 1, (1, height, width, 1)).astype(np.float32)
            times.append(medians(calls, photo, args.calls))
    print(f"| runtime | file, MB | export, s | off by | {' | '.join(f'{size}, ms' for size in args.sizes)} |")
    print(f"|{' --- |' * (4 + len(args.sizes))}")
    for name, (size, seconds, difference) in rows.items():
        made = f"{seconds:.0f} | {difference:.0e}" if seconds else "| "
        print(f"| {name} | {size / 1e6:.1f} | {made} | {' | '.join(f'{some[name]:.0f}' for some in times)} |")


if __name__ == "__main__":
    main()
