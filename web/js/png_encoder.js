// PNG (third edition) band by band: eight bits, RGB or RGBA, each row with the filter that leaves least.

import { crc32 } from "./checksum.js";

export const SIGNATURE = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10);

const [SUB, UP, PAETH] = [1, 2, 4];

/** A chunk: its length, its name, its body and their checksum. */
export function chunk(name, body) {
  const whole = new Uint8Array(12 + body.length),
    view = new DataView(whole.buffer);
  view.setUint32(0, body.length);
  for (let k = 0; k < 4; k++) whole[4 + k] = name.charCodeAt(k);
  whole.set(body, 8);
  view.setUint32(8 + body.length, crc32(whole.subarray(4, 8 + body.length)));
  return whole;
}

export class PngEncoder {
  #width;
  #channels;
  #head;
  #deflate = new CompressionStream("deflate");
  #writer = this.#deflate.writable.getWriter();
  #done;
  #above;

  /** chunks: whole chunks to stand behind the header; alpha: whether the fourth byte of each pixel is kept. */
  constructor(width, height, alpha, chunks = []) {
    this.#width = width;
    this.#channels = alpha ? 4 : 3;
    const header = new Uint8Array(13),
      view = new DataView(header.buffer);
    view.setUint32(0, width);
    view.setUint32(4, height);
    header.set([8, alpha ? 6 : 2], 8);
    this.#head = [SIGNATURE, chunk("IHDR", header), ...chunks];
    this.#above = new Uint8Array(width * this.#channels);
    this.#done = this.#collect();
  }

  async #collect() {
    const pieces = [],
      reader = this.#deflate.readable.getReader();
    let waiting = [],
      size = 0;
    const flush = () => {
      const body = new Uint8Array(size);
      waiting.reduce((at, piece) => (body.set(piece, at), at + piece.length), 0);
      pieces.push(chunk("IDAT", body));
      [waiting, size] = [[], 0];
    };
    for (let { value, done } = await reader.read(); !done; { value, done } = await reader.read()) {
      waiting.push(value);
      size += value.length;
      if (size > 2 ** 18) flush();
    }
    if (size) flush();
    return pieces;
  }

  /** RGBA bytes of whole rows. */
  async push(rgba) {
    const channels = this.#channels,
      length = this.#width * channels,
      rows = rgba.length / 4 / this.#width;
    const filtered = new Uint8Array(rows * (length + 1));
    for (let row = 0; row < rows; row++) {
      const line = new Uint8Array(length);
      for (let x = 0, from = 4 * row * this.#width, to = 0; x < this.#width; x++, from += 4) {
        line[to++] = rgba[from];
        line[to++] = rgba[from + 1];
        line[to++] = rgba[from + 2];
        if (channels === 4) line[to++] = rgba[from + 3];
      }
      filterRow(line, this.#above, channels, filtered.subarray(row * (length + 1), (row + 1) * (length + 1)));
      this.#above = line;
    }
    await this.#writer.write(filtered);
  }

  /** The file, as pieces. */
  async finish() {
    await this.#writer.close();
    return [...this.#head, ...(await this.#done), chunk("IEND", new Uint8Array(0))];
  }

  /** Leave off; what was made is let go. */
  async stop() {
    this.#done.catch(() => {});
    await this.#writer.abort().catch(() => {});
  }
}

/** A row by the filter, of Sub, Up and Paeth, that leaves the smallest numbers. */
function filterRow(line, above, channels, out) {
  const filter = smallest(line, above, channels);
  out[0] = filter;
  for (let k = 0; k < channels; k++) out[k + 1] = line[k] - (filter === SUB ? 0 : above[k]);
  if (filter === SUB) {
    for (let k = channels; k < line.length; k++) out[k + 1] = line[k] - line[k - channels];
  } else if (filter === UP) {
    for (let k = channels; k < line.length; k++) out[k + 1] = line[k] - above[k];
  } else {
    for (let k = channels; k < line.length; k++) {
      out[k + 1] = line[k] - predicted(line[k - channels], above[k], above[k - channels]);
    }
  }
}

/** Which filter leaves the smallest numbers, by every seventh byte of a row. */
function smallest(line, above, channels) {
  const size = (value) => (value & 128 ? 256 - (value & 255) : value & 255);
  let sub = 0,
    up = 0,
    paeth = 0;
  for (let k = channels; k < line.length; k += 7) {
    const left = line[k - channels];
    sub += size(line[k] - left);
    up += size(line[k] - above[k]);
    paeth += size(line[k] - predicted(left, above[k], above[k - channels]));
  }
  return sub <= up && sub <= paeth ? SUB : up <= paeth ? UP : PAETH;
}

/** Paeth's predictor. */
function predicted(left, above, corner) {
  const toLeft = Math.abs(above - corner),
    toAbove = Math.abs(left - corner),
    toCorner = Math.abs(left + above - 2 * corner);
  return toLeft <= toAbove && toLeft <= toCorner ? left : toAbove <= toCorner ? above : corner;
}
