// A photo in, the same photo in color out, its lightness untouched; as colorize_utils/inference/colorizer.py does it.
//
// A photo is {width, height, rows(top, count)}; `rows` gives the RGBA bytes of these rows, so that a large photo is
// never there as a whole. Work goes on band by band, and between two bands whoever waits gets a turn.

import { greyOfPixels, lightnessFromGrey, lightnessOfPixels, paint } from "./color.js";
import { narrowed, resize } from "./resize.js";
import { Upsampler } from "./upsample.js";

export const BAND = 2 ** 18; // pixels worked on at once
const ROOMIEST = 8; // a working copy has at most this many times the pixels of a square one
const LONGEST = 64; // and its long side at most this many times the short side of a usual one
const MOST = 4096 * 16 ** 2; // pixels of a working copy at most: the network has attention
const AB = 110; // ab in Lab units that the network calls 1
const HEADROOM = 8; // bands begin at multiples of so many rows, which a JPEG is made of

/** The short side of the copy that is looked at of a photo: its own, within the sizes that the model names. */
export function usualSize({ width, height }, { working_size, smallest_size }) {
  return Math.min(working_size, Math.max(smallest_size, Math.min(width, height)));
}

/** Size of a photo and the wanted short side -> {width, height} of the copy that the network sees. */
export function workingShape({ width, height }, size) {
  const roomiest = Math.min(ROOMIEST * size * size, MOST);
  const scale = Math.min(
    size / Math.min(width, height),
    Math.sqrt(roomiest / (width * height)),
    (LONGEST * size) / Math.max(width, height),
  );
  return { width: Math.max(1, roundEven(width * scale)), height: Math.max(1, roundEven(height * scale)) };
}

/** To the nearest whole number, of two equally near ones to the even one, as Python rounds. */
export function roundEven(value) {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value);
}

/** [[first row, number of rows]] that cover a photo. */
export function bands({ width, height }) {
  const step = Math.max(HEADROOM, Math.floor(BAND / width / HEADROOM) * HEADROOM),
    found = [];
  for (let top = 0; top < height; top += step) found.push([top, Math.min(step, height - top)]);
  return found;
}

/** L of a photo at a smaller or larger size, as a plane. Averaged as sRGB values, not as L. */
export async function workingCopy(photo, shape, turn = async () => {}) {
  const whole = new Float32Array(photo.height * shape.width);
  for (const [top, count] of bands(photo)) {
    const grey = new Float32Array(photo.width * count);
    greyOfPixels(photo.rows(top, count), grey);
    const narrow = narrowed(grey, photo.width, count, shape.width);
    whole.set(narrow, top * shape.width);
    await turn(count / photo.height);
  }
  const small = resize({ data: whole, width: shape.width, height: photo.height }, shape.width, shape.height);
  return { ...small, data: small.data.map((grey) => lightnessFromGrey(Math.min(Math.max(grey, 0), 1))) };
}

/**
 * The network's color for a working copy -> [a, b] in Lab units. `ask(Float32Array, width, height)` answers L/50-1 of a
 * picture whose sides are multiples of `stride` with its ab/110, a and b in turn. Padded by reflection, on all sides.
 */
export async function runNetwork(ask, small, stride) {
  const { width, height } = small;
  const more = (side) => (stride - (side % stride)) % stride;
  const left = more(width) >> 1,
    above = more(height) >> 1;
  const wide = width + more(width),
    high = height + more(height),
    fed = new Float32Array(wide * high);
  for (let y = 0; y < high; y++) {
    const from = reflected(y - above, height) * width;
    for (let x = 0; x < wide; x++) fed[y * wide + x] = small.data[from + reflected(x - left, width)] / 50 - 1;
  }
  const answer = await ask(fed, wide, high);
  const planes = [new Float32Array(width * height), new Float32Array(width * height)];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = 2 * ((y + above) * wide + x + left);
      planes[0][y * width + x] = AB * answer[at];
      planes[1][y * width + x] = AB * answer[at + 1];
    }
  }
  if (!planes.every((plane) => plane.every(Number.isFinite))) throw new Error("the model's colors are no numbers");
  return planes;
}

/** A place beyond the edge, mirrored at the edge as often as it takes. */
function reflected(place, length) {
  if (length === 1) return 0;
  const round = 2 * (length - 1),
    inside = ((place % round) + round) % round;
  return inside < length ? inside : round - inside;
}

/**
 * Color a photo band by band: `take(RGBA bytes, first row)` is called, and waited for, with each in turn.
 *
 * small: the working copy's L; ab: the network's [a, b] for it; layer: a `HintLayer`, or null; strength: ab is
 * multiplied by it before what leaves the gamut is brought back. `turn(share)` is waited for after each band.
 */
export async function colorBands(photo, { small, ab, layer = null, strength = 1 }, take, turn = async () => {}) {
  const color = new Upsampler(small, ab, photo.width, photo.height);
  const lifted = layer?.over(photo.width, photo.height);
  for (const [top, count] of bands(photo)) {
    const rgba = photo.rows(top, count),
      pixels = photo.width * count;
    const lightness = new Float32Array(pixels),
      a = new Float32Array(pixels),
      b = new Float32Array(pixels);
    lightnessOfPixels(rgba, lightness);
    color.rows(lightness, top, [a, b]);
    lifted?.(lightness, top, a, b);
    paint(lightness, a, b, rgba, strength);
    await take(rgba, top);
    await turn(count / photo.height);
  }
}
