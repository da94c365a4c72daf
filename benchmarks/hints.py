"""What color hints cost: `python benchmarks/hints.py` prints tables.

megapixel: a photo of one megapixel colored with one to fifty hints, by hints alone and on top of the shipped network.
solvers: ways to solve the same system, on grids of several sizes, with three hints. PyAMG is tried if it is installed.

Wall time depends on what else the machine does (the load is printed), CPU seconds hardly.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import scipy.sparse as sparse
from scipy.sparse.linalg import cg, splu

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from colorize_utils import (  # noqa: E402
    Colorizer,
    color,  # noqa: E402
    sample_photos,
)
from colorize_utils.inference.hints.given import Hints  # noqa: E402
from colorize_utils.inference.hints.levin import affinities, laplacian  # noqa: E402

COLORS = ("red", "steelblue", "olive", "tan", "teal")


def grey_photo(pixels):
    """A grey photo of about so many pixels, with the grain that enlarging takes away, uint8."""
    rgb = sample_photos()["astronaut"] / np.float32(255)
    scale = (pixels / (rgb.shape[0] * rgb.shape[1])) ** 0.5
    grey = color.grey_from_lightness(color.lightness(rgb)) * 255
    grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return (grey + np.random.default_rng(0).normal(0, 2, grey.shape)).clip(0, 255).astype(np.uint8)


def some_hints(shape, count):
    """Dots of the usual radius, spread so that no two of them meet."""
    rng, side = np.random.default_rng(1), 10
    cells = rng.choice(side * side, count, replace=False)
    height, width = shape
    return Hints.from_points(
        [((c % side + 0.5) * width / side, (c // side + 0.5) * height / side, COLORS[c % 5]) for c in cells], shape
    )


def load():
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def timed(work):
    """(seconds, CPU seconds) of the quickest of three calls."""
    found = []
    for _ in range(3):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        found.append((time.perf_counter() - wall, time.process_time() - cpu))
    return min(found)


def megapixel():
    grey = grey_photo(10**6)
    print(f"load {load()}, {os.cpu_count()} cores, {grey.shape[1]}x{grey.shape[0]} pixels\n")
    print("| colored by | hints | seconds | CPU seconds |\n| --- | --- | --- | --- |")
    for name, colorizer in (("hints alone", Colorizer(None)), ("the shipped network", Colorizer.load())):
        for count in (0, 1, 3, 10, 50):
            hints = some_hints(grey.shape, count)
            wall, cpu = timed(lambda c=colorizer, h=hints: c(grey, hints=h))
            print(f"| {name} | {count} | {wall:.2f} | {cpu:.2f} |", flush=True)
    print(f"\nload {load()}")


def solvers():
    print(
        "| solver | pixels | seconds | CPU seconds | steps | off by, Lab units |\n| --- | --- | --- | --- | --- | --- |"
    )
    for pixels in (2**14, 2**16, 2**18, 10**6):
        grey = grey_photo(pixels) / np.float32(255)
        matrix = laplacian(affinities(color.lightness_from_grey(grey)), grey.shape)
        held = np.random.default_rng(2).choice(grey.size, 3, replace=False)
        free = np.setdiff1d(np.arange(grey.size), held)
        right = -(matrix[free][:, held] @ np.float64([80, -60, 20]))
        matrix, exact = matrix[free][:, free].tocsc(), None
        for name, solve in _solvers().items():
            if name == "SuperLU" and pixels > 2**18:
                continue  # gigabytes
            wall, cpu, (found, steps) = _once(lambda s=solve, m=matrix, r=right: s(m, r))
            exact = found if name == "SuperLU" else exact
            off = "" if exact is None else f"{np.abs(found - exact).max():.3g}"
            print(f"| {name} | {grey.size:,} | {wall:.2f} | {cpu:.2f} | {steps} | {off} |", flush=True)


def _once(work):
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return time.perf_counter() - wall, time.process_time() - cpu, result


def _solvers():
    def direct(matrix, right):
        options = {"SymmetricMode": True}
        return splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0, options=options).solve(right), ""

    def stepwise(matrix, right, preconditioner):
        steps = []
        found, failed = cg(matrix, right, rtol=1e-6, maxiter=500, M=preconditioner, callback=steps.append)
        return found, f"{len(steps)}{', not converged' if failed else ''}"

    found = {"SuperLU": direct, "CG, Jacobi": lambda m, r: stepwise(m, r, sparse.diags_array(1 / m.diagonal()))}
    try:
        import pyamg
    except ImportError:
        return found
    found["CG, PyAMG"] = lambda m, r: stepwise(m, r, pyamg.ruge_stuben_solver(m.tocsr()).aspreconditioner())
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help="megapixel, solvers (default: all)")
    for part in parser.parse_args().parts or ("megapixel", "solvers"):
        globals()[part]()
        print()


if __name__ == "__main__":
    main()
