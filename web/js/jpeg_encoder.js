// Baseline JPEG with full-size chroma (ITU-T T.81), band by band, so that the picture is never there as a whole.
//
// Browsers' own encoders halve the chroma at every quality below their highest: that would blur the very thing that is
// added here. Quality is counted as libjpeg does, and the tables are those of T.81, annex K.

const ZIGZAG = Uint8Array.from([
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47,
  55, 62, 63,
]);
const LUMA_STEPS = [
  16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
  87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
  72, 92, 95, 98, 112, 100, 103, 99,
];
const CHROMA_STEPS = [
  17,
  18,
  24,
  47,
  99,
  99,
  99,
  99,
  18,
  21,
  26,
  66,
  99,
  99,
  99,
  99,
  24,
  26,
  56,
  99,
  99,
  99,
  99,
  99,
  47,
  66,
  99,
  99,
  99,
  99,
  99,
  99,
  ...Array(32).fill(99),
];
// Huffman tables: how many codes have 1 to 16 bits, and the symbols in order.
const DC_LUMA = [[0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], "000102030405060708090a0b"];
const DC_CHROMA = [[0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], "000102030405060708090a0b"];
const AC_LUMA = [
  [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d],
  "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a43" +
    "4445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2" +
    "b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa",
];
const AC_CHROMA = [
  [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77],
  "000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a" +
    "434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9" +
    "aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa",
];
// How much larger than the true transform Arai, Agui and Nakajima's (1988) is, in each of eight frequencies.
const LARGER = [1, 1.387039845, 1.306562965, 1.175875602, 1, 0.785694958, 0.5411961, 0.275899379];
const PIECE = 2 ** 16;

const bytesOf = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));

/** T.81, annex C: symbol -> code, and how many bits it has. */
function huffman([counts, hex]) {
  const codes = new Uint16Array(256),
    lengths = new Uint8Array(256),
    symbols = bytesOf(hex);
  let code = 0,
    next = 0;
  counts.forEach((count, k) => {
    for (let n = 0; n < count; n++, code++, next++) {
      codes[symbols[next]] = code;
      lengths[symbols[next]] = k + 1;
    }
    code <<= 1;
  });
  return { codes, lengths };
}

function stepsOf(table, quality) {
  const scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
  return table.map((step) => Math.min(Math.max(Math.floor((step * scale + 50) / 100), 1), 255));
}

const word = (value) => [value >> 8, value & 255];

export class JpegEncoder {
  #width;
  #height;
  #steps;
  #factors;
  #pieces = [];
  #piece = new Uint8Array(PIECE);
  #used = 0;
  #bits = 0;
  #held = 0; // how many bits wait for a byte of their own
  #block = new Float32Array(64);
  #planes;
  #before = [0, 0, 0]; // the mean of each channel's last block
  #tables = [
    [DC_LUMA, AC_LUMA],
    [DC_CHROMA, AC_CHROMA],
    [DC_CHROMA, AC_CHROMA],
  ].map((pair) => pair.map(huffman));

  /** dpi: [x, y] dots an inch, or null; segments: bytes of application segments, to stand behind the first one. */
  constructor(width, height, quality, dpi = null, segments = []) {
    this.#width = width;
    this.#height = height;
    this.#steps = [LUMA_STEPS, CHROMA_STEPS].map((table) => stepsOf(table, quality));
    this.#factors = [0, 1, 1].map((k) =>
      Float32Array.from(this.#steps[k], (step, at) => 1 / (step * LARGER[at >> 3] * LARGER[at & 7] * 8)),
    );
    this.#planes = [0, 1, 2].map(() => new Float32Array(8 * (Math.ceil(width / 8) * 8)));
    this.#head(dpi, segments);
  }

  #head(dpi, segments) {
    const put = (bytes) => bytes.forEach((byte) => this.#byte(byte));
    const density = dpi ? [1, ...dpi.flatMap((value) => word(Math.round(value)))] : [0, 0, 1, 0, 1];
    put([0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0, 1, 1, ...density, 0, 0]);
    segments.forEach(put);
    this.#steps.forEach((table, k) => put([0xff, 0xdb, 0, 67, k, ...Array.from(ZIGZAG, (at) => table[at])]));
    put([0xff, 0xc0, 0, 17, 8, ...word(this.#height), ...word(this.#width), 3, 1, 0x11, 0, 2, 0x11, 1, 3, 0x11, 1]);
    [
      [0x00, DC_LUMA],
      [0x10, AC_LUMA],
      [0x01, DC_CHROMA],
      [0x11, AC_CHROMA],
    ].forEach(([name, [counts, hex]]) => {
      const symbols = bytesOf(hex);
      put([0xff, 0xc4, ...word(19 + symbols.length), name, ...counts, ...symbols]);
    });
    put([0xff, 0xda, 0, 12, 3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0]);
  }

  /** RGBA bytes of rows: a multiple of eight, but for the last of the picture. */
  push(rgba) {
    const rows = rgba.length / 4 / this.#width;
    for (let top = 0; top < rows; top += 8) {
      this.#toPlanes(rgba, top, rows);
      const wide = this.#planes[0].length / 8;
      for (let left = 0; left < wide; left += 8) {
        for (let channel = 0; channel < 3; channel++) this.#encode(channel, left, wide);
      }
    }
  }

  /** Eight rows as Y, Cb and Cr around 0 (JFIF 1.02); what lies beyond the edge repeats it. */
  #toPlanes(rgba, top, rows) {
    const [luma, blue, red] = this.#planes,
      width = this.#width,
      wide = luma.length / 8;
    for (let y = 0, to = 0; y < 8; y++) {
      const line = Math.min(top + y, rows - 1) * width;
      for (let x = 0; x < wide; x++, to++) {
        const at = 4 * (line + (x < width ? x : width - 1)),
          r = rgba[at],
          g = rgba[at + 1],
          b = rgba[at + 2];
        luma[to] = 0.299 * r + 0.587 * g + 0.114 * b - 128;
        blue[to] = -0.168735892 * r - 0.331264108 * g + 0.5 * b;
        red[to] = 0.5 * r - 0.418687589 * g - 0.081312411 * b;
      }
    }
  }

  #encode(channel, left, wide) {
    const block = this.#block,
      plane = this.#planes[channel],
      factors = this.#factors[channel];
    for (let y = 0, at = 0; y < 8; y++) {
      for (let x = y * wide + left, end = x + 8; x < end; x++) block[at++] = plane[x];
    }
    for (let y = 0; y < 64; y += 8) transform(block, y, 1);
    for (let x = 0; x < 8; x++) transform(block, x, 8);
    const [dc, ac] = this.#tables[channel];
    const mean = nearest(block[0] * factors[0]),
      step = mean - this.#before[channel];
    this.#before[channel] = mean;
    this.#symbol(dc, 0, step);
    let zeros = 0;
    for (let k = 1; k < 64; k++) {
      const at = ZIGZAG[k],
        value = nearest(block[at] * factors[at]);
      if (value === 0) {
        zeros++;
        continue;
      }
      for (; zeros > 15; zeros -= 16) this.#put(ac.codes[0xf0], ac.lengths[0xf0]);
      this.#symbol(ac, zeros << 4, value);
      zeros = 0;
    }
    if (zeros) this.#put(ac.codes[0], ac.lengths[0]);
  }

  /** A number as its size, together with `more`, and its bits (T.81, F.1.2). */
  #symbol({ codes, lengths }, more, value) {
    const size = 32 - Math.clz32(value < 0 ? -value : value);
    this.#put(codes[more | size], lengths[more | size]);
    if (size) this.#put(value < 0 ? value + (1 << size) - 1 : value, size);
  }

  #put(bits, count) {
    this.#bits = (this.#bits << count) | bits;
    this.#held += count;
    while (this.#held >= 8) {
      this.#held -= 8;
      const byte = (this.#bits >> this.#held) & 255;
      this.#byte(byte);
      if (byte === 255) this.#byte(0);
    }
    this.#bits &= (1 << this.#held) - 1;
  }

  #byte(byte) {
    if (this.#used === PIECE) {
      this.#pieces.push(this.#piece);
      this.#piece = new Uint8Array(PIECE);
      this.#used = 0;
    }
    this.#piece[this.#used++] = byte;
  }

  /** The file, as pieces. */
  finish() {
    if (this.#held) this.#put((1 << (8 - this.#held)) - 1, 8 - this.#held);
    this.#byte(0xff);
    this.#byte(0xd9);
    return [...this.#pieces, this.#piece.slice(0, this.#used)];
  }
}

const nearest = (value) => (value < 0 ? (value - 0.5) | 0 : (value + 0.5) | 0);

/** The cosine transform of eight numbers in place, by Arai, Agui and Nakajima, larger by `LARGER`. */
function transform(d, at, step) {
  const [i1, i2, i3, i4, i5, i6, i7] = [
    at + step,
    at + 2 * step,
    at + 3 * step,
    at + 4 * step,
    at + 5 * step,
    at + 6 * step,
    at + 7 * step,
  ];
  const s07 = d[at] + d[i7],
    d07 = d[at] - d[i7],
    s16 = d[i1] + d[i6],
    d16 = d[i1] - d[i6];
  const s25 = d[i2] + d[i5],
    d25 = d[i2] - d[i5],
    s34 = d[i3] + d[i4],
    d34 = d[i3] - d[i4];
  const even = s07 + s34,
    odd = s16 + s25,
    even2 = s07 - s34,
    z1 = (s16 - s25 + even2) * 0.707106781;
  d[at] = even + odd;
  d[i4] = even - odd;
  d[i2] = even2 + z1;
  d[i6] = even2 - z1;
  const one = d34 + d25,
    two = d25 + d16,
    three = d16 + d07,
    z5 = (one - three) * 0.382683433;
  const z2 = 0.5411961 * one + z5,
    z4 = 1.306562965 * three + z5,
    z3 = two * 0.707106781;
  const z11 = d07 + z3,
    z13 = d07 - z3;
  d[i5] = z13 + z2;
  d[i3] = z13 - z2;
  d[i1] = z11 + z4;
  d[i7] = z11 - z4;
}
