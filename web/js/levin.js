// Color hints spread over a photo along its lightness, after Levin, Lischinski and Weiss 2004 ("Colorization using
// Optimization"), as colorize_utils/inference/hints/levin.py has it: the minimum of the sum over pairs of neighbors of
// w_rs (u_r - u_s)^2, and of SEAM (u - prior)^2.

export const OFFSETS = [
  [0, 1],
  [1, -1],
  [1, 0],
  [1, 1],
]; // half of a pixel's eight neighbors, as [down, across]
const LEAST = 1e-4; // no pair has less weight
const SOLVED = 2 ** 16; // pixels of the largest grid that is solved as it is
const SEAM = 0.02; // weight of the nearest hint's color, where several hints meet
const CLOSE = 1e-5; // the residual, as a share of the first one, at which the search ends
const MOST_STEPS = 2000;

/** Size of a photo -> {width, height} of the grid it is solved on: its own, or one of at most SOLVED pixels. */
export function gridShape({ width, height }, round) {
  const scale = Math.sqrt(SOLVED / (width * height));
  if (scale >= 1) return { width, height };
  const high = Math.max(1, round(height * scale)),
    wide = Math.max(1, round(width * scale));
  if (high <= wide) return { height: high, width: Math.min(width, Math.floor(SOLVED / high)) };
  return { height: Math.min(height, Math.floor(SOLVED / wide)), width: wide };
}

/** Call `work(here, there)` for each pixel that has a neighbor at an offset, with both their numbers. */
export function eachPair({ width, height }, [down, across], work) {
  const left = Math.max(0, -across),
    right = Math.max(0, width - Math.max(0, across));
  for (let y = 0; y < height - down; y++) {
    for (let x = left; x < right; x++) work(y * width + x, (y + down) * width + x + across);
  }
}

/** L plane -> for each of OFFSETS the weights of its pairs, at the number of the first pixel. */
function affinities(plane) {
  const grey = Float64Array.from(plane.data, (value) => value / 100),
    spread = spreadOf(grey, plane);
  const sums = new Float64Array(grey.length);
  const directed = OFFSETS.map((offset) => {
    const out = new Float64Array(grey.length),
      back = new Float64Array(grey.length);
    eachPair(plane, offset, (here, there) => {
      const step = -((grey[here] - grey[there]) ** 2);
      sums[here] += out[here] = Math.exp(step / spread[here]);
      sums[there] += back[here] = Math.exp(step / spread[there]);
    });
    return [out, back];
  });
  return OFFSETS.map((offset, k) => {
    const weights = new Float64Array(grey.length),
      [out, back] = directed[k];
    eachPair(plane, offset, (here, there) => {
      weights[here] = Math.max((out[here] / sums[here] + back[here] / sums[there]) / 2, LEAST);
    });
    return weights;
  });
}

/** 0.6 of the variance in the 3x3 window round each pixel, and so large that a neighbor has a weight of 0.01. */
function spreadOf(grey, plane) {
  const count = new Float64Array(grey.length).fill(1),
    total = grey.slice();
  const squares = grey.map((value) => value * value),
    nearest = new Float64Array(grey.length).fill(Infinity);
  for (const offset of OFFSETS) {
    eachPair(plane, offset, (here, there) => {
      const apart = (grey[here] - grey[there]) ** 2;
      for (const [one, other] of [
        [here, there],
        [there, here],
      ]) {
        count[one] += 1;
        total[one] += grey[other];
        squares[one] += grey[other] ** 2;
        nearest[one] = Math.min(nearest[one], apart);
      }
    });
  }
  return grey.map((_, k) => {
    const variance = Math.max(squares[k] / count[k] - (total[k] / count[k]) ** 2, 0);
    const least = nearest[k] === Infinity ? 0 : nearest[k];
    return Math.max(0.6 * variance, Math.max(least / -Math.log(0.01), 2e-6));
  });
}

/**
 * Colors that pass into each other where several hints meet -> planes, Float32Arrays.
 *
 * plane: the grid's L; held: numbers of hinted cells; values: their colors, one Float64Array a plane; nearest: for each
 * cell which of the hints is nearest; share: how far the hints reach it, and where that is 0 no color is asked for, as
 * if those cells were not there. By conjugate gradients: with SEAM on the diagonal they need some hundred steps.
 */
export function minimize(plane, held, values, nearest, share) {
  const weights = affinities(plane),
    diagonal = new Float64Array(plane.data.length).fill(SEAM);
  OFFSETS.forEach((offset, k) =>
    eachPair(plane, offset, (here, there) => {
      if (!share[here] || !share[there]) weights[k][here] = 0;
      diagonal[here] += weights[k][here];
      diagonal[there] += weights[k][here];
    }),
  );
  const free = Uint8Array.from(share, (some) => (some > 0 ? 1 : 0));
  held.forEach((cell) => {
    free[cell] = 0;
  });
  const times = (u) => {
    const out = u.map((value, k) => value * diagonal[k]);
    OFFSETS.forEach((offset, k) =>
      eachPair(plane, offset, (here, there) => {
        out[here] -= weights[k][here] * u[there];
        out[there] -= weights[k][here] * u[here];
      }),
    );
    return out;
  };
  return values.map((hinted) => {
    const prior = Float64Array.from(nearest, (hint) => hinted[hint]),
      start = prior.slice();
    held.forEach((cell, hint) => {
      start[cell] = hinted[hint];
    });
    return Float32Array.from(descend(times, diagonal, free, start, prior));
  });
}

/** Conjugate gradients, scaled by the diagonal, over the cells that are free. */
function descend(times, diagonal, free, u, prior) {
  const residual = times(u).map((value, k) => (free[k] ? SEAM * prior[k] - value : 0));
  const direction = residual.map((value, k) => value / diagonal[k]);
  const dot = (one, other) => one.reduce((sum, value, k) => sum + value * other[k], 0);
  let now = dot(residual, direction);
  const enough = now * CLOSE * CLOSE;
  for (let step = 0; step < MOST_STEPS && now > enough && now > 1e-12; step++) {
    const along = times(direction).map((value, k) => (free[k] ? value : 0));
    const length = now / dot(direction, along);
    for (let k = 0; k < u.length; k++) {
      u[k] += length * direction[k];
      residual[k] -= length * along[k];
    }
    const scaled = residual.map((value, k) => value / diagonal[k]),
      before = now;
    now = dot(residual, scaled);
    for (let k = 0; k < u.length; k++) direction[k] = scaled[k] + (now / before) * direction[k];
  }
  return u;
}
