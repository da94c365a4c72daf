// A photo's pixels, by the browser's own decoder, upright and in sRGB, a band at a time.

import { crc32 } from "./checksum.js";
import { Refused } from "./errors.js";
import { orientationIn } from "./exif.js";

const TYPES = { jpeg: "image/jpeg", png: "image/png", webp: "image/webp", avif: "image/avif" };
// How a picture w wide and h high is brought upright, by its EXIF orientation (TIFF 6.0, tag 274), as canvases have it.
const TURNS = {
  1: () => [1, 0, 0, 1, 0, 0],
  2: (w) => [-1, 0, 0, 1, w, 0],
  3: (w, h) => [-1, 0, 0, -1, w, h],
  4: (w, h) => [1, 0, 0, -1, 0, h],
  5: () => [0, 1, 1, 0, 0, 0],
  6: (w, h) => [0, 1, -1, 0, h, 0],
  7: (w, h) => [0, -1, -1, 0, h, w],
  8: (w) => [0, -1, 1, 0, 0, w],
};

/**
 * Bytes of a file and what `readPhotoFile` found -> {width, height, turnedSides, rows(top, count), scaled(w, h), close()}.
 *
 * Browsers differ in which formats' EXIF they turn a picture by; so it is decoded as it lies and turned here.
 */
export async function decode(bytes, found) {
  if (!(truthful ??= isTruthful())) throw new Refused("hidden-pixels");
  const turn = found.exif && found.format !== "avif" ? orientationIn(found.exif) : null;
  const blob = new Blob([turn ? asItLies(bytes, found, turn.place) : bytes], { type: TYPES[found.format] });
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob);
  } catch {
    throw new Refused("torn");
  }
  return new Photo(bitmap, turn?.value ?? 1);
}

let truthful = null;

/** Whether the browser gives back the pixels that it was given: some hide them from pages, so that none is recognized. */
export function isTruthful(canvas = new OffscreenCanvas(32, 32)) {
  const context = canvas.getContext("2d", { willReadFrequently: true }),
    image = context.createImageData(32, 32);
  for (let k = 0; k < image.data.length; k++) image.data[k] = k % 4 === 3 ? 255 : (k * 37) % 256;
  context.putImageData(image, 0, 0);
  const { data } = context.getImageData(0, 0, 32, 32);
  return data.every((code, k) => Math.abs(code - image.data[k]) <= 2);
}

/** The file with an orientation of 1, and in a PNG with the checksum of that. */
function asItLies(bytes, { exif }, place) {
  const copy = bytes.slice(),
    little = exif.bytes[0] === 0x49;
  copy.set(little ? [1, 0] : [0, 1], place);
  if (exif.chunk) {
    const end = exif.at + exif.bytes.length;
    new DataView(copy.buffer).setUint32(end, crc32(copy.subarray(exif.chunk + 4, end)));
  }
  return copy;
}

class Photo {
  #bitmap;
  #orientation;
  #canvas = null;

  constructor(bitmap, orientation) {
    this.#bitmap = bitmap;
    this.#orientation = orientation;
    this.turnedSides = orientation > 4;
    const sides = [bitmap.width, bitmap.height];
    [this.width, this.height] = this.turnedSides ? sides.reverse() : sides;
  }

  /** RGBA bytes of `count` rows from `top` on. */
  rows(top, count) {
    if (this.#canvas?.height !== count) this.#canvas = new OffscreenCanvas(this.width, count);
    return this.#drawn(this.#canvas, top, 1, 1);
  }

  /** RGBA bytes of the whole photo at another size. */
  scaled(width, height) {
    return this.#drawn(new OffscreenCanvas(width, height), 0, width / this.width, height / this.height);
  }

  #drawn(canvas, top, across, down) {
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = across !== 1 || down !== 1;
    context.imageSmoothingQuality = "high";
    context.setTransform(across, 0, 0, down, 0, -top);
    context.transform(...TURNS[this.#orientation](this.#bitmap.width, this.#bitmap.height));
    context.drawImage(this.#bitmap, 0, 0);
    return context.getImageData(0, 0, canvas.width, canvas.height).data;
  }

  close() {
    this.#bitmap.close();
    this.#canvas = null;
  }
}
