// The arithmetic against pictures that the Python package made (`python web/tests/cases.py`, into the folder WEB_CASES).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { bands, colorBands, roundEven, runNetwork, usualSize, workingCopy, workingShape } from "../js/colorizer.js";
import { HintLayer, hintGrid } from "../js/hints.js";

const FOLDER = `${process.env.WEB_CASES}/arithmetic`;
const { sizes, cases } = JSON.parse(readFileSync(`${FOLDER}/cases.json`));
const STRIDE = 32;

/** The network of `cases.py`. */
const strong = (fed) =>
  Float32Array.from(
    { length: 2 * fed.length },
    (_, k) => 0.8 * (k % 2 ? Math.cos(3 * fed[k >> 1]) : Math.sin(4 * fed[k >> 1])),
  );

const photoOf = ({ name, width, height }) => {
  const all = new Uint8ClampedArray(readFileSync(`${FOLDER}/${name}.rgba`));
  return { width, height, rows: (top, count) => all.slice(4 * top * width, 4 * (top + count) * width) };
};

async function colored(photo, { strength, points }) {
  const small = await workingCopy(photo, workingShape(photo, usualSize(photo, sizes)));
  const ab = await runNetwork(strong, small, STRIDE);
  const layer = points.length ? new HintLayer(photo, points, await hintGrid(photo), { small, ab }) : null;
  const picture = new Uint8ClampedArray(4 * photo.width * photo.height);
  await colorBands(photo, { small, ab, layer, strength }, (rgba, top) => picture.set(rgba, 4 * top * photo.width));
  return picture;
}

/** {mean, worst} difference in codes between RGBA and RGB bytes. */
function apart(rgba, rgb) {
  let sum = 0,
    worst = 0;
  rgb.forEach((code, k) => {
    const difference = Math.abs(code - rgba[4 * Math.floor(k / 3) + (k % 3)]);
    sum += difference;
    worst = Math.max(worst, difference);
  });
  return { mean: sum / rgb.length, worst };
}

for (const one of cases) {
  test(`${one.name}: as the terminal colors it`, async () => {
    const found = apart(await colored(photoOf(one), one), readFileSync(`${FOLDER}/${one.name}.rgb`));
    if (process.env.VERBOSE) console.log(one.name, found);
    assert.ok(found.mean <= 0.1 && found.worst <= 4, `${one.name}: mean ${found.mean}, worst ${found.worst}`);
  });
}

test("bands cover a photo once, and begin at multiples of eight rows", () => {
  for (const [width, height] of [
    [1, 1],
    [5000, 3000],
    [70000, 9],
    [640, 4001],
  ]) {
    const found = bands({ width, height });
    assert.equal(
      found.reduce((row, [top, count]) => (assert.equal(top, row), top % 8 ? assert.fail() : row + count), 0),
      height,
    );
  }
});

test("halves are rounded to even numbers, as Python does", () => {
  assert.deepEqual([0.5, 1.5, 2.5, 2.4, 2.6].map(roundEven), [0, 2, 2, 2, 3]);
});
