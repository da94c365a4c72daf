// How far a hint reaches on a photo that a network has colored: as far as the thing goes that it lies on. The geodesic
// distance in lightness and the network's own ab, as colorize_utils/inference/hints/reach.py has it.

import { OFFSETS } from "./levin.js";

const L_UNIT = 10,
  AB_UNIT = 8; // differences, in Lab units, that count as 1
const LENGTH = 0.004; // of a pixel of way by itself
const UNLIKE = [0.6, 0.4]; // of a unit by which a pixel differs from the hinted one, in L and in ab
const REACH = 2; // the distance at which half of the hint's color is left
const SOFT = 0.35; // from this share below it to this share above it color fades
const AROUND = [...OFFSETS, ...OFFSETS.map(([down, across]) => [-down, -across])];

/** L plane of a grid, its [a, b], numbers of hinted cells -> {share: 0..1 of each cell, nearest: which hint}. */
export function influence(plane, ab, held) {
  const looks = [median(plane).map((value) => value / L_UNIT), ...ab.map((one) => one.map((value) => value / AB_UNIT))];
  const { way, nearest } = shortest(plane, looks, held);
  const share = way.map((distance, k) => {
    const hinted = held[nearest[k]];
    const [l, a, b] = looks.map((values) => values[k] - values[hinted]);
    const all = distance + UNLIKE[0] * Math.abs(l) + UNLIKE[1] * Math.hypot(a, b);
    const left = Math.min(Math.max((1 + SOFT - all / REACH) / (2 * SOFT), 0), 1);
    return left * left * (3 - 2 * left);
  });
  held.forEach((cell) => {
    share[cell] = 1;
  });
  return { share: Float32Array.from(share), nearest };
}

/** The median of 5x5 pixels, the edge repeated beyond it: grain and small patterns are no edges. */
function median({ data, width, height }) {
  const window = new Float32Array(25),
    out = new Float32Array(data.length);
  const inside = (place, length) => Math.min(Math.max(place, 0), length - 1);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let k = 0; k < 25; k++) {
        window[k] = data[inside(y + ((k / 5) | 0) - 2, height) * width + inside(x + (k % 5) - 2, width)];
      }
      out[y * width + x] = window.sort()[12];
    }
  }
  return out;
}

/** Dijkstra's shortest way (1959) from any of the hinted cells to each cell, and from which. */
function shortest({ width, height }, looks, held) {
  const way = new Float64Array(width * height).fill(Infinity),
    nearest = new Int32Array(width * height);
  const queue = new Queue();
  held.forEach((cell, hint) => {
    way[cell] = 0;
    nearest[cell] = hint;
    queue.push(0, cell);
  });
  const [l, a, b] = looks,
    lengths = AROUND.map(([down, across]) => LENGTH * Math.hypot(down, across));
  for (let next = queue.pop(); next; next = queue.pop()) {
    const [distance, cell] = next;
    if (distance > way[cell]) continue;
    const y = Math.floor(cell / width),
      x = cell - y * width;
    for (let k = 0; k < AROUND.length; k++) {
      const row = y + AROUND[k][0],
        column = x + AROUND[k][1];
      if (row < 0 || column < 0 || row >= height || column >= width) continue;
      const there = row * width + column;
      const step = (l[cell] - l[there]) ** 2 + (a[cell] - a[there]) ** 2 + (b[cell] - b[there]) ** 2 + lengths[k];
      if (distance + step < way[there]) {
        way[there] = distance + step;
        nearest[there] = nearest[cell];
        queue.push(way[there], there);
      }
    }
  }
  return { way, nearest };
}

/** A binary heap of cells, the one with the shortest way on top. */
class Queue {
  #ways = [];
  #cells = [];

  push(way, cell) {
    let at = this.#ways.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (this.#ways[above] <= way) break;
      this.#put(at, this.#ways[above], this.#cells[above]);
      at = above;
    }
    this.#put(at, way, cell);
  }

  pop() {
    if (!this.#ways.length) return null;
    const top = [this.#ways[0], this.#cells[0]],
      way = this.#ways.pop(),
      cell = this.#cells.pop();
    const size = this.#ways.length;
    if (!size) return top;
    let at = 0;
    for (let below = 1; below < size; below = 2 * at + 1) {
      if (below + 1 < size && this.#ways[below + 1] < this.#ways[below]) below += 1;
      if (this.#ways[below] >= way) break;
      this.#put(at, this.#ways[below], this.#cells[below]);
      at = below;
    }
    this.#put(at, way, cell);
    return top;
  }

  #put(at, way, cell) {
    this.#ways[at] = way;
    this.#cells[at] = cell;
  }
}
