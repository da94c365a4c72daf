"""Color hints spread over a photo along its lightness, after Levin, Lischinski and Weiss 2004.

"Colorization using Optimization" (SIGGRAPH 2004) asks that neighbors of similar lightness have similar colors. Its
energy is, for each pixel, the squared difference between its color and the weighted mean of its neighbors' colors.
Here it is the graph Laplacian's: the sum over pairs of neighbors of ``w_rs (u_r - u_s)^2``. The weights are those of
Levin's published code, made symmetric. The two agree where a region has one color, and differ between hints: Levin's
least squares bends like a thin plate and may overshoot, the Laplacian's minimum is a weighted mean of the hints
everywhere, so that no color arises beyond them (a discrete maximum principle), and its matrix is symmetric.

The matrix is factored by SciPy's SuperLU, on a copy of the photo of at most `SOLVED` pixels. Tried beside it were
conjugate gradients, which with two or three hints had not converged after 500 steps (Jacobi), or needed seconds a
channel for a megapixel (PyAMG, which Colab does not have): `python benchmarks/hints.py solvers` prints what each takes.
"""

import numpy as np
import scipy.sparse as sparse
from scipy.sparse.linalg import splu

from ..upsample import resize, upsample_ab

OFFSETS = ((0, 1), (1, -1), (1, 0), (1, 1))  # half of a pixel's eight neighbors: with the other half every pair is met
LEAST = 1e-4  # no pair has less weight: a patch that an edge shuts in is not left without any color
SOLVED = 2**16  # pixels of the largest grid that is solved as it is


def affinities(lightness):
    """L (H, W) in 0..100 -> for each of `OFFSETS` the weights of its pairs, float64, as `pairs` orders them.

    As in Levin's code: exp(-(L_r - L_s)^2 / v_r), where v_r is 0.6 of the variance in the 3x3 window round r, and so
    large that the nearest of the neighbors has 0.01 or more; the weights of r's neighbors sum to 1. Symmetric is the
    mean of both directions.
    """
    grey = np.asarray(lightness, np.float64) / 100
    spread = _spread(grey)
    directed, sums = [], np.zeros_like(grey)
    for offset in OFFSETS:
        (here, there), (its, theirs) = pairs(grey, offset), pairs(spread, offset)
        step = -((here - there) ** 2)
        directed.append((np.exp(step / its), np.exp(step / theirs)))
        for total, weights in zip(pairs(sums, offset), directed[-1], strict=True):
            total += weights
    found = []
    for offset, (out, back) in zip(OFFSETS, directed, strict=True):
        here, there = pairs(sums, offset)
        found.append(np.maximum((out / here + back / there) / 2, LEAST))
    return found


def _spread(grey):
    """The v_r of `affinities` for grey values in [0, 1]."""
    sums = np.stack([np.ones_like(grey), grey, grey**2])
    window, nearest = sums.copy(), np.full_like(grey, np.inf)
    for offset in OFFSETS:
        for plane, added in zip(sums, window, strict=True):
            (one, other), (to_one, to_other) = pairs(plane, offset), pairs(added, offset)
            to_one += other
            to_other += one
        here, there = pairs(grey, offset)
        for side in pairs(nearest, offset):
            np.minimum(side, (here - there) ** 2, out=side)
    nearest[np.isinf(nearest)] = 0  # a photo of one pixel has no neighbors
    count, total, squares = window
    variance = np.maximum(squares / count - (total / count) ** 2, 0)
    return np.maximum(0.6 * variance, np.maximum(nearest / -np.log(0.01), 2e-6))


def pairs(plane, offset):
    """Two views of an array (H, W, ...): all pixels that have a neighbor at ``offset``, and those neighbors."""
    height, width = plane.shape[:2]
    down, across = offset
    left, right = max(0, -across), max(0, width - max(0, across))
    return plane[: max(0, height - down), left:right], plane[down:, left + across : max(left, right) + across]


def laplacian(weights, shape):
    """Weights as `affinities` gives them -> the sparse (n, n) matrix A with u A u = sum of w_rs (u_r - u_s)^2."""
    number, diagonal = np.arange(shape[0] * shape[1]).reshape(shape), np.zeros(shape)
    ends = [[part.ravel() for part in pairs(number, offset)] for offset in OFFSETS]
    for offset, some in zip(OFFSETS, weights, strict=True):
        for total in pairs(diagonal, offset):
            total += some
    first, second = (np.concatenate(side) for side in zip(*ends, strict=True))
    values = -np.concatenate([some.ravel() for some in weights])
    upper = sparse.coo_array((values, (first, second)), shape=(number.size, number.size))
    return (upper + upper.T + sparse.diags_array(diagonal.ravel())).tocsc()


def energy(u, lightness, prior=None, lam=0.0):
    """What `propagate` minimizes, of u (H, W, C): sum of w_rs (u_r - u_s)^2, and of lam (u - prior)^2 if given."""
    u = np.asarray(u, np.float64)
    total = 0.0
    for offset, weights in zip(OFFSETS, affinities(lightness), strict=True):
        here, there = pairs(u, offset)
        total += float((weights[..., None] * (here - there) ** 2).sum())
    if prior is not None:
        total += float((np.asarray(lam, np.float64)[..., None] * (u - prior) ** 2).sum())
    return total


def minimize(lightness, rows, columns, values, prior=None, lam=0.0, within=None):
    """The minimum of `energy` on the grid of ``lightness`` itself -> (H, W, C) float64.

    rows, columns (n,): places that are held at ``values`` (n, C). prior (H, W, C): what the rest is drawn to, with the
    weight ``lam``, a number or (H, W). Without places and prior everything is 0. within (H, W) bool: the pixels whose
    color is asked for, the places among them; the others are as if they were not there, and 0.
    """
    shape, channels = np.shape(lightness), np.shape(values)[-1]
    u = np.zeros((shape[0] * shape[1], channels))
    held = np.zeros(len(u), bool)
    place = np.asarray(rows) * shape[1] + np.asarray(columns)
    u[place], held[place] = values, True
    if held.all() or (not held.any() and prior is None):
        return u.reshape(*shape, channels)
    weights, free = affinities(lightness), ~held
    if within is not None:
        weights = [some * np.logical_and(*pairs(within, way)) for some, way in zip(weights, OFFSETS, strict=True)]
        free &= within.ravel()
    matrix, right, free = laplacian(weights, shape), np.zeros_like(u), np.flatnonzero(free)
    if prior is not None:
        pull = np.broadcast_to(np.asarray(lam, np.float64), shape).ravel()
        matrix = (matrix + sparse.diags_array(pull)).tocsc()
        right = pull[:, None] * np.reshape(prior, u.shape)
    right = right[free] - matrix[free] @ u
    # Symmetric and positive definite: no pivoting is needed, and the ordering may be one for symmetric matrices.
    options = {"SymmetricMode": True}
    factors = splu(matrix[free][:, free].tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0, options=options)
    u[free] = factors.solve(right)
    return u.reshape(*shape, channels)


def on_grid(hints, lightness, shape):
    """Hints on a grid (h, w) no larger than their photo -> (rows, columns, ab (n, 2), L (n,) float32), a cell once.

    ``lightness`` (n,) is the photo's L at the hints. A cell with several hints has their mean.
    """
    height, width = hints.shape
    cell = hints.rows * shape[0] // height * shape[1] + hints.columns * shape[1] // width
    cells, which = np.unique(cell, return_inverse=True)
    count = np.bincount(which, minlength=len(cells))
    columns = np.column_stack([hints.ab, lightness]).astype(np.float64).T
    means = np.stack([np.bincount(which, column, len(cells)) / np.maximum(count, 1) for column in columns], axis=-1)
    return cells // shape[1], cells % shape[1], means[:, :2], means[:, 2].astype(np.float32)


def grid_shape(shape):
    """(H, W) of a photo -> (h, w) of the grid it is solved on: its own, or one of at most `SOLVED` pixels."""
    scale = (SOLVED / (shape[0] * shape[1])) ** 0.5
    if scale >= 1:
        return tuple(shape)
    height, width = (max(1, round(side * scale)) for side in shape)
    if height <= width:  # the long side gives way: a strip is one pixel high already
        return height, min(width, SOLVED // height)
    return min(height, SOLVED // width), width


def propagate(lightness, hints, prior=None, lam=0.0):
    """Spread the ab of `given.Hints` over a photo's L (H, W) in 0..100 -> ab (H, W, 2) float32 in Lab units.

    The minimum of `energy`, held at the hints; prior (H, W, 2) and lam (a number or (H, W)) as in `minimize`. A photo
    of more than `SOLVED` pixels is solved on a smaller grid and lifted along its edges (`upsample_ab`). Hinted pixels
    have exactly the hints' ab. No hints and no prior: 0, grey. ColorizeError if the hints are of another size.
    """
    lightness = np.asarray(lightness, np.float32)
    hints.check(lightness.shape)
    shape = grid_shape(lightness.shape)
    small = resize(lightness, shape)
    rows, columns, ab, own = on_grid(hints, lightness[hints.rows, hints.columns], shape)
    small = np.array(small)
    small[rows, columns] = own  # a cell on an edge belongs to the side its hint is on
    if prior is not None:
        prior = resize(np.asarray(prior, np.float32), shape)
        lam = resize(np.asarray(lam, np.float32), shape) if np.ndim(lam) else lam
    u = minimize(small, rows, columns, ab, prior, lam).astype(np.float32)
    if shape != lightness.shape:
        u = upsample_ab(u, lightness, small)
    u[hints.rows, hints.columns] = hints.ab
    return u
