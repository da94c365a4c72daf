// Colors that a person gives: dots on a photo, each a color, spread over the thing they lie on, as a layer over the
// network's colors. As colorize_utils/inference/hints/ does it.

import { labOfCodes, lightnessOfPixels, sameHue } from "./color.js";
import { roundEven, workingCopy } from "./colorizer.js";
import { gridShape, minimize } from "./levin.js";
import { influence } from "./reach.js";
import { Upsampler } from "./upsample.js";

const RADIUS = 0.01; // of the short side

/**
 * Points {x, y, color: [r, g, b] of 0..255}, x and y in pixels of the photo -> pixels {x, y, lab}, a pixel once.
 * Where two dots overlap, the later one lies on top.
 */
export function hintedPixels(points, { width, height }) {
  const radius = Math.max(1, roundEven(RADIUS * Math.min(width, height))),
    found = new Map();
  for (const { x, y, color } of points) {
    const lab = labOfCodes(...color),
      column = Math.floor(x),
      row = Math.floor(y);
    for (let v = Math.max(0, row - radius); v <= Math.min(height - 1, row + radius); v++) {
      for (let u = Math.max(0, column - radius); u <= Math.min(width - 1, column + radius); u++) {
        if (Math.hypot(u - column, v - row) <= radius + 1e-3) found.set(v * width + u, { x: u, y: v, lab });
      }
    }
  }
  return [...found.values()].sort((one, other) => one.y - other.y || one.x - other.x);
}

/** The L of a photo at single pixels, read a row at a time. */
function lightnessAt(photo, pixels) {
  const line = new Float32Array(photo.width);
  let row = -1;
  return pixels.map(({ x, y }) => {
    if (y !== row) lightnessOfPixels(photo.rows((row = y), 1), line);
    return line[x];
  });
}

/** The copy of a photo that hints are spread on: its L at a size that can be solved. */
export async function hintGrid(photo, turn) {
  return workingCopy(photo, gridShape(photo, roundEven), turn);
}

export class HintLayer {
  /** photo: of which the hinted pixels are looked at; grid: its `hintGrid`; network: {small, ab} as for `colorBands`. */
  constructor(photo, points, grid, { small, ab }) {
    const own = lightnessAt(photo, hintedPixels(points, photo));
    this.pixels = hintedPixels(points, photo).map((pixel, k) => ({ ...pixel, ab: sameHue(pixel.lab, own[k]) }));
    this.guide = { ...grid, data: grid.data.slice() };
    const { held, values } = this.#onGrid(own, photo);
    const under = [new Float32Array(grid.data.length), new Float32Array(grid.data.length)];
    new Upsampler(small, ab, grid.width, grid.height).rows(grid.data, 0, under);
    const { share, nearest } = influence(this.guide, under, held);
    const colors = minimize(this.guide, held, values, nearest, share);
    this.planes = [...colors.map((plane) => plane.map((value, k) => value * share[k])), share];
  }

  /** Hinted cells of the grid, each once, with the mean color of their pixels; their L is put into the guide. */
  #onGrid(own, photo) {
    const cells = new Map(),
      { width, height, data } = this.guide;
    this.pixels.forEach((pixel, k) => {
      const cell = Math.floor((pixel.y * height) / photo.height) * width + Math.floor((pixel.x * width) / photo.width);
      const sum = cells.get(cell) ?? [0, 0, 0, 0];
      cells.set(cell, [sum[0] + pixel.ab[0], sum[1] + pixel.ab[1], sum[2] + own[k], sum[3] + 1]);
    });
    const held = [...cells.keys()].sort((one, other) => one - other);
    const mean = (part) => Float64Array.from(held, (cell) => cells.get(cell)[part] / cells.get(cell)[3]);
    mean(2).forEach((value, k) => {
      data[held[k]] = value;
    });
    return { held, values: [mean(0), mean(1)] };
  }

  /** A function that lays the layer over the bands a and b of a photo, or of a copy of it, of that size. */
  over(width, height, exact = true) {
    const upsampler = new Upsampler(this.guide, this.planes, width, height);
    return (lightness, top, a, b) => {
      const [toA, toB, share] = [0, 1, 2].map(() => new Float32Array(lightness.length));
      upsampler.rows(lightness, top, [toA, toB, share]);
      for (let k = 0; k < lightness.length; k++) {
        a[k] = a[k] * (1 - share[k]) + toA[k];
        b[k] = b[k] * (1 - share[k]) + toB[k];
      }
      if (exact) this.#hold(width, lightness.length / width, top, a, b);
    };
  }

  /** Hinted pixels have exactly the hints' ab. */
  #hold(width, count, top, a, b) {
    for (const pixel of this.pixels) {
      if (pixel.y >= top && pixel.y < top + count)
        [a[(pixel.y - top) * width + pixel.x], b[(pixel.y - top) * width + pixel.x]] = pixel.ab;
    }
  }
}
