// Bringing color from the network's working size to the photo's, along the photo's own edges: joint bilateral
// upsampling (Kopf et al. 2007) with the four nearest neighbors, as colorize_utils/inference/upsample.py has it.

import { resize } from "./resize.js";

const RANGE = 4; // how far apart in L two places may be and still share a color
const FLOOR = 1e-3; // where no neighbor has the pixel's lightness, plain bilinear interpolation is left
const UNSEEN = -24; // e to the power of less is lost beside FLOOR
const FINE = 128; // steps of the table for each unit of L
const NEARNESS = Float32Array.from(
  { length: Math.ceil(Math.sqrt(-2 * UNSEEN) * RANGE * FINE) + 1 },
  (_, k) => Math.exp(Math.max(UNSEEN, -0.5 * (k / FINE / RANGE) ** 2)) + FLOOR,
);
const LAST = NEARNESS.length - 1;

/**
 * Lifts planes of a small picture to a photo of `width` and `height`.
 *
 * guide: {data, width, height}, the L that the planes belong to; planes: Float32Arrays of that size. `rows(lightness,
 * top, out)` then fills each of `out`, one a plane, for the rows of L given, of which the first is row `top`. Band by
 * band gives what all at once would.
 */
export class Upsampler {
  constructor(guide, planes, width, height) {
    const small = [guide.data, ...planes].map((data) =>
      resize(
        { data, width: guide.width, height: guide.height },
        Math.min(guide.width, width),
        Math.min(guide.height, height),
      ),
    );
    [this.guide, ...this.planes] = small.map((plane) => plane.data);
    this.small = { width: small[0].width, height: small[0].height };
    this.width = width;
    this.height = height;
    this.across = neighbors(width, this.small.width);
    this.down = neighbors(height, this.small.height);
    this.weights = [0, 1, 2, 3].map(() => new Float32Array(width));
  }

  rows(lightness, top, out) {
    const count = lightness.length / this.width;
    for (let row = 0; row < count; row++) {
      const start = row * this.width,
        line = top + row;
      const upper = this.down.first[line] * this.small.width,
        lower = this.down.second[line] * this.small.width;
      this.#weigh(lightness, start, upper, lower, this.down.share[line]);
      this.planes.forEach((plane, k) => this.#mix(plane, out[k], start, upper, lower));
    }
  }

  /** The weights of the four neighbors of each pixel of a row; they sum to 1. */
  #weigh(lightness, start, upper, lower, below) {
    const { first, second, share } = this.across,
      [one, two, three, four] = this.weights,
      guide = this.guide;
    const above = 1 - below;
    for (let x = 0; x < this.width; x++) {
      const own = lightness[start + x],
        left = first[x],
        right = second[x],
        rightward = share[x];
      const leftward = 1 - rightward;
      const a = above * leftward * nearness(guide[upper + left] - own);
      const b = above * rightward * nearness(guide[upper + right] - own);
      const c = below * leftward * nearness(guide[lower + left] - own);
      const d = below * rightward * nearness(guide[lower + right] - own);
      const whole = 1 / (a + b + c + d);
      one[x] = a * whole;
      two[x] = b * whole;
      three[x] = c * whole;
      four[x] = d * whole;
    }
  }

  #mix(plane, out, start, upper, lower) {
    const { first, second } = this.across,
      [one, two, three, four] = this.weights;
    for (let x = 0; x < this.width; x++) {
      const left = first[x],
        right = second[x];
      out[start + x] =
        one[x] * plane[upper + left] +
        two[x] * plane[upper + right] +
        three[x] * plane[lower + left] +
        four[x] * plane[lower + right];
    }
  }
}

function nearness(apart) {
  const place = (apart < 0 ? -apart : apart) * FINE + 0.5;
  return NEARNESS[place < LAST ? place | 0 : LAST];
}

/** Pixels 0..length-1 -> the two nearest of `small` samples, and the share of the second. */
function neighbors(length, small) {
  const first = new Int32Array(length),
    second = new Int32Array(length),
    share = new Float32Array(length);
  for (let place = 0; place < length; place++) {
    const where = Math.min(Math.max((place + 0.5) * (small / length) - 0.5, 0), small - 1);
    first[place] = Math.floor(where);
    second[place] = Math.min(first[place] + 1, small - 1);
    share[place] = where - first[place];
  }
  return { first, second, share };
}
