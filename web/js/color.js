// sRGB and CIE Lab as colorize_utils/color.py and gamut.py have them; colors are planes of numbers, never objects.
// Sources: IEC 61966-2-1 (sRGB transfer curve and primaries), CIE 15:2004 (Lab).

export const MARGIN = 2e-5; // how far outside [0, 1] an sRGB value still counts as inside

const XYZ_FROM_RGB = [
  [0.412453, 0.35758, 0.180423],
  [0.212671, 0.71516, 0.072169],
  [0.019334, 0.119193, 0.950227],
];
// The white point is the sum of each row, so that greys get a = b = 0.
const TO_XYZ = XYZ_FROM_RGB.map((row) => row.map((value) => value / (row[0] + row[1] + row[2])));
const FROM_XYZ = inverse(TO_XYZ);
const EPSILON = 216 / 24389;
const KAPPA = 24389 / 27;
const TOE = 6 / 29; // f of EPSILON
const LOW = -MARGIN / 12.92; // as linear light
const HIGH = ((1 + MARGIN + 0.055) / 1.055) ** 2.4;
const STEPS = 65536;
const NODES = 256; // hues, and steps of lightness, of the table of the gamut's surface; a power of two

function inverse(m) {
  const cofactor = (i, j) => {
    const [r, s, c, d] = [(i + 1) % 3, (i + 2) % 3, (j + 1) % 3, (j + 2) % 3];
    return m[r][c] * m[s][d] - m[r][d] * m[s][c];
  };
  const determinant = [0, 1, 2].reduce((sum, j) => sum + m[0][j] * cofactor(0, j), 0);
  return [0, 1, 2].map((i) => [0, 1, 2].map((j) => cofactor(j, i) / determinant));
}

export function linearFromSrgb(value) {
  const size = Math.abs(value);
  return Math.sign(value) * (size <= 0.04045 ? size / 12.92 : ((size + 0.055) / 1.055) ** 2.4);
}

export function srgbFromLinear(value) {
  const size = Math.abs(value);
  return Math.sign(value) * (size <= 0.0031308 ? size * 12.92 : 1.055 * size ** (1 / 2.4) - 0.055);
}

const labF = (t) => (t > EPSILON ? Math.cbrt(t) : (KAPPA * t + 16) / 116);
const labFInverse = (f) => (f > TOE ? f * f * f : (116 * f - 16) / KAPPA);

const LIGHT_OF_CODE = Float32Array.from({ length: 256 }, (_, code) => linearFromSrgb(code / 255));
const LIGHTNESS_OF_CODE = Float32Array.from({ length: 256 }, (_, code) => lightnessFromGrey(code / 255));
// Of linear light in steps of 1 / STEPS; in the steepest place, the dark, codes are 0.05 apart.
const LIGHTNESS_OF_LIGHT = Float32Array.from({ length: STEPS + 2 }, (_, k) => 116 * labF(k / STEPS) - 16);
const GREY_OF_LIGHT = Float32Array.from({ length: STEPS + 2 }, (_, k) => srgbFromLinear(k / STEPS));
const CODE_OF_LIGHT = Uint8Array.from({ length: STEPS }, (_, k) => Math.round(255 * srgbFromLinear(k / (STEPS - 1))));

function between(table, light) {
  const place = light * STEPS;
  const first = place | 0;
  return table[first] + (table[first + 1] - table[first]) * (place - first);
}

/** sRGB value in [0, 1] of a grey -> its L, 0..100. */
export function lightnessFromGrey(grey) {
  return 116 * labF(linearFromSrgb(grey)) - 16;
}

/** RGBA bytes of pixels -> `out`, Float32Array of their L, 0..100. */
export function lightnessOfPixels(rgba, out) {
  eachPixel(rgba, out, LIGHTNESS_OF_CODE, LIGHTNESS_OF_LIGHT);
}

/** RGBA bytes of pixels -> `out`, Float32Array of the sRGB values, 0..1, of greys as light as they are. */
export function greyOfPixels(rgba, out) {
  eachPixel(rgba, out, GREY_OF_CODE, GREY_OF_LIGHT);
}

const GREY_OF_CODE = Float32Array.from({ length: 256 }, (_, code) => code / 255);

function eachPixel(rgba, out, ofCode, ofLight) {
  const [red, green, blue] = TO_XYZ[1];
  for (let k = 0, at = 0; k < out.length; k++, at += 4) {
    const r = rgba[at],
      g = rgba[at + 1],
      b = rgba[at + 2];
    if (r === g && g === b) {
      out[k] = ofCode[r];
    } else {
      out[k] = between(ofLight, red * LIGHT_OF_CODE[r] + green * LIGHT_OF_CODE[g] + blue * LIGHT_OF_CODE[b]);
    }
  }
}

/** sRGB codes 0..255 -> [L, a, b]. */
export function labOfCodes(r, g, b) {
  return labFromLinear([r, g, b].map((code) => linearFromSrgb(code / 255)));
}

function labFromLinear(linear) {
  const [x, y, z] = TO_XYZ.map((row) => labF(row[0] * linear[0] + row[1] * linear[1] + row[2] * linear[2]));
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

function linearFromLab([lightness, a, b]) {
  const f = (lightness + 16) / 116;
  const xyz = [f + a / 500, f, f - b / 200].map(labFInverse);
  return FROM_XYZ.map((row) => row[0] * xyz[0] + row[1] * xyz[1] + row[2] * xyz[2]);
}

/**
 * L 0..100 and planes a and b in Lab units, times `strength` -> the red, green and blue bytes of `rgba`; the fourth is
 * left as it is. Colors outside sRGB lose chroma at the same L and hue.
 */
export function paint(lightness, a, b, rgba, strength = 1) {
  const [[rx, , rz], [gx, , gz], [bx, , bz]] = FROM_XYZ;
  const across = strength / 500,
    along = -strength / 200;
  for (let k = 0, at = 0; k < lightness.length; k++, at += 4) {
    const f = (lightness[k] + 16) / 116;
    const y = f > TOE ? f * f * f : (116 * f - 16) / KAPPA;
    const toX = a[k] * across,
      toZ = b[k] * along;
    let fx = f + toX,
      fz = f + toZ;
    let x = (fx > TOE ? fx * fx * fx : (116 * fx - 16) / KAPPA) - y;
    let z = (fz > TOE ? fz * fz * fz : (116 * fz - 16) / KAPPA) - y;
    let red = y + rx * x + rz * z,
      green = y + gx * x + gz * z,
      blue = y + bx * x + bz * z;
    if (red < LOW || green < LOW || blue < LOW || red > HIGH || green > HIGH || blue > HIGH) {
      const share = reach(f, y, toX, toZ);
      x = labFInverse(f + share * toX) - y;
      z = labFInverse(f + share * toZ) - y;
      red = y + rx * x + rz * z;
      green = y + gx * x + gz * z;
      blue = y + bx * x + bz * z;
    }
    rgba[at] = CODE_OF_LIGHT[red <= 0 ? 0 : red >= 1 ? 65535 : (red * 65535 + 0.5) | 0];
    rgba[at + 1] = CODE_OF_LIGHT[green <= 0 ? 0 : green >= 1 ? 65535 : (green * 65535 + 0.5) | 0];
    rgba[at + 2] = CODE_OF_LIGHT[blue <= 0 ? 0 : blue >= 1 ? 65535 : (blue * 65535 + 0.5) | 0];
  }
}

/**
 * The share of its chroma that sRGB has room for, of a color outside: from a table of the gamut's surface, one step of
 * Newton's method; where that does not come out between two bounds 0.8 % apart, at edges of the surface, by search.
 */
function reach(f, y, toX, toZ) {
  const share = fromTable(f, toX, toZ);
  const there = share + toSurface(f, y, toX, toZ, share);
  const low = there * 0.997;
  const found = fits(f, y, toX, toZ, low) && !fits(f, y, toX, toZ, there * 1.005);
  return found ? low : search(f, y, toX, toZ);
}

/** `reach` by bisection: 14 bits of the share, from the highest. */
function search(f, y, toX, toZ) {
  let share = 0;
  for (let bit = 1; bit <= 14; bit++) {
    const more = share + 0.5 ** bit;
    if (fits(f, y, toX, toZ, more)) share = more;
  }
  return share;
}

function fits(f, y, toX, toZ, share) {
  const x = labFInverse(f + share * toX) - y;
  const z = labFInverse(f + share * toZ) - y;
  for (let channel = 0; channel < 3; channel++) {
    const value = y + FROM_XYZ[channel][0] * x + FROM_XYZ[channel][2] * z;
    if (!(value >= LOW && value <= HIGH)) return false; // written so that what is no number does not fit
  }
  return true;
}

/** What is to be added to a share to come to the nearest end of a channel, were the channels straight. */
function toSurface(f, y, toX, toZ, share) {
  const [atX, atZ] = [f + share * toX, f + share * toZ];
  const [x, z] = [labFInverse(atX) - y, labFInverse(atZ) - y];
  const [alongX, alongZ] = [3 * toX * Math.max(atX * atX, TOE * TOE), 3 * toZ * Math.max(atZ * atZ, TOE * TOE)];
  let least = Infinity;
  for (let channel = 0; channel < 3; channel++) {
    const [ofX, , ofZ] = FROM_XYZ[channel];
    const slope = ofX * alongX + ofZ * alongZ;
    least = Math.min(least, ((slope > 0 ? HIGH : LOW) - (y + ofX * x + ofZ * z)) / slope);
  }
  return least;
}

let surface = null;

/** About the share of chroma that sRGB has room for: what the surface has at the nearest place, of 1 at most. */
function fromTable(f, toX, toZ) {
  surface ??= makeSurface();
  const size = Math.abs(toX) + Math.abs(toZ);
  const side = (toX < 0 ? 2 - toZ / size : toZ / size) * (NODES / 4);
  const row = Math.round((f - 16 / 116) * NODES * 1.16);
  const place = row * NODES + (Math.round(side) & (NODES - 1));
  return Math.min(surface[Math.min(Math.max(place, 0), surface.length - 1)] / size, 1);
}

/**
 * The size, |f(X) - f(Y)| + |f(Z) - f(Y)|, of sRGB's most colorful colors: (NODES + 1) L by NODES hues, which are
 * numbered by how a size of 1 is shared.
 */
function makeSurface() {
  const found = new Float32Array((NODES + 1) * NODES);
  for (let k = 0; k < found.length; k++) {
    const f = ((100 * Math.floor(k / NODES)) / NODES + 16) / 116;
    const side = (4 * (k % NODES)) / NODES;
    const toZ = side < 1 ? side : side < 3 ? 2 - side : side - 4;
    const toX = side < 2 ? 1 - side : side - 3;
    found[k] = search(f, labFInverse(f), toX, toZ);
  }
  return found;
}

// Oklab (Ottosson 2020): linear sRGB -> cone responses, their cube roots -> Oklab.
const CONES = [
  [0.4122214708, 0.5363325363, 0.0514459929],
  [0.2119034982, 0.6806995451, 0.1073969566],
  [0.0883024619, 0.2817188376, 0.6299787005],
];
const OKLAB = [
  [0.2104542553, 0.793617785, -0.0040720468],
  [1.9779984951, -2.428592205, 0.4505937099],
  [0.0259040371, 0.7827717662, -0.808675766],
];
const CONES_INVERSE = inverse(CONES);
const OKLAB_INVERSE = inverse(OKLAB);
const times = (matrix, v) => matrix.map((row) => row[0] * v[0] + row[1] * v[1] + row[2] * v[2]);

/**
 * A Lab color of the sRGB gamut, and another L -> the [a, b] to give it there. CIELAB holds blue's hue badly: lightened
 * at constant ab it turns violet, so ab is turned as far as its hue turns when mixed with white in Oklab.
 */
export function sameHue(lab, lightness) {
  const [own, a, b] = lab;
  if (!(lightness > own + 1e-3 && lightness < 100 - 1e-3 && Math.hypot(a, b) > 0.1)) return [a, b];
  const oklab = times(OKLAB, times(CONES, linearFromLab(lab)).map(Math.cbrt));
  let low = 0,
    high = 1,
    tint = lab;
  for (let step = 0; step < 24; step++) {
    const share = (low + high) / 2;
    const mixed = oklab.map((value, k) => value + share * ((k === 0 ? 1 : 0) - value));
    tint = labFromLinear(
      times(
        CONES_INVERSE,
        times(OKLAB_INVERSE, mixed).map((value) => value ** 3),
      ),
    );
    if (tint[0] < lightness) low = share;
    else high = share;
  }
  const angle = Math.atan2(tint[2], tint[1]) - Math.atan2(b, a);
  const cosine = Math.cos(angle),
    sine = Math.sin(angle);
  return [a * cosine - b * sine, a * sine + b * cosine];
}
