// EXIF as directories of tags whose values stay the bytes they were, as colorize_utils/photos/exif.py has it: a Map, tag
// -> {kind, data, at}, data with the lowest byte first, or a Map of the directory that the tag points to. TIFF 6.0,
// section 2; EXIF 2.32, 4.6.

const CAMERA = 34665,
  GPS = 34853,
  INTEROP = 40965,
  MAKERNOTE = 37500,
  IPTC = 33723;
const ORIENTATION = 274,
  SOFTWARE = 305,
  UNIT = 296,
  WIDTH = 40962,
  HEIGHT = 40963,
  COLORS = 40961;
const RESOLUTION = [282, 283, UNIT];
const POINTERS = [CAMERA, GPS, INTEROP];
const SIZES = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4 };
const WORDS = { ...SIZES, 5: 4, 10: 4 }; // of the numbers it is made of: a fraction is two
// What tells of the photo: names of document and page, description, camera, orientation, resolution, software, date,
// artist, host, rating, copyright, Windows' texts; IPTC; the camera's settings and GPS.
const KEPT = new Set([
  269,
  270,
  271,
  272,
  ORIENTATION,
  282,
  283,
  285,
  UNIT,
  SOFTWARE,
  306,
  315,
  316,
  18246,
  18249,
  33432,
  CAMERA,
  GPS,
  IPTC,
  36867,
  40091,
  40092,
  40093,
  40094,
  40095,
]);
const MOST = 4096; // entries of a directory
const MOST_BLOCK = 65_533 - 6; // bytes of a JPEG segment beside its header

/** An EXIF block, from II or MM on -> Map; empty where it is none. Of a damaged one what can be read is kept. */
export function readBlock(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const order = bytes.length < 8 ? "" : String.fromCharCode(bytes[0], bytes[1]);
  if (order !== "II" && order !== "MM") return new Map();
  return readDirectory(bytes, view, view.getUint32(4, order === "II"), order === "II", []);
}

function readDirectory(bytes, view, at, little, inside) {
  const found = new Map();
  if (at + 2 > bytes.length || inside.includes(at) || inside.length > 2) return found;
  const count = Math.min(view.getUint16(at, little), MOST);
  for (let entry = at + 2, k = 0; k < count && entry + 12 <= bytes.length; k++, entry += 12) {
    const tag = view.getUint16(entry, little),
      kind = view.getUint16(entry + 2, little);
    const length = (SIZES[kind] ?? 0) * view.getUint32(entry + 4, little);
    const start = length > 4 ? view.getUint32(entry + 8, little) : entry + 8;
    if (!length || start + length > bytes.length) continue;
    if (POINTERS.includes(tag)) {
      const inner = readDirectory(bytes, view, view.getUint32(entry + 8, little), little, [...inside, at]);
      if (inner.size && !found.has(tag)) found.set(tag, inner);
    } else {
      found.set(tag, { kind, data: turned(bytes.slice(start, start + length), kind, little, tag), at: start });
    }
  }
  return found;
}

/** Bytes in the order of the file -> lowest first. IPTC is text even where it is called numbers. */
function turned(data, kind, little, tag) {
  const word = WORDS[kind];
  if (little || word === 1 || tag === IPTC) return data;
  for (let k = 0; k + word <= data.length; k += word) data.subarray(k, k + word).reverse();
  return data;
}

/** Where in the file the orientation of an EXIF block {at, bytes} stands, and what it is: {place, value}, or null. */
export function orientationIn({ at, bytes }) {
  const value = readBlock(bytes).get(ORIENTATION);
  const number = value?.kind === 3 ? value.data[0] + 256 * value.data[1] : 1;
  return number >= 2 && number <= 8 ? { place: at + value.at, value: number } : null;
}

const short = (number) => ({ kind: 3, data: Uint8Array.of(number & 255, number >> 8), at: 0 });
const text = (words) => ({ kind: 2, data: new TextEncoder().encode(`${words}\0`), at: 0 });

/** The text in Software, or "". */
export function softwareIn(directory) {
  return new TextDecoder().decode(directory.get(SOFTWARE)?.data ?? new Uint8Array(0)).replace(/[\0 ]+$/, "");
}

/** A directory as `readBlock` gives it -> what goes to an upright picture in sRGB that `software` has made. */
export function forPicture(directory, turnedSides, software) {
  const unit = directory.get(UNIT)?.data[0],
    kept = new Map([...directory].filter(([tag]) => KEPT.has(tag)));
  if (unit > 3) RESOLUTION.forEach((tag) => kept.delete(tag));
  if (kept.get(CAMERA) instanceof Map) kept.set(CAMERA, cameraOf(kept.get(CAMERA), turnedSides));
  return kept.set(ORIENTATION, short(1)).set(SOFTWARE, text(software));
}

function cameraOf(directory, turnedSides) {
  const camera = new Map(directory),
    width = camera.get(WIDTH),
    height = camera.get(HEIGHT);
  if (turnedSides && width && height) camera.set(WIDTH, height).set(HEIGHT, width);
  if (camera.has(COLORS)) camera.set(COLORS, short(1));
  if (camera.get(INTEROP)?.has?.(1)) camera.set(INTEROP, new Map(camera.get(INTEROP)).set(1, text("R98"))); // not Adobe RGB
  return camera;
}

/** A directory -> the bytes of an EXIF block, from II on; null where it is too long for a JPEG segment. */
export function writeBlock(directory) {
  const note = directory.get(CAMERA)?.get?.(MAKERNOTE);
  const stands = note && note.at > 8 && note.at < 2 ** 14; // places inside a maker's note are counted from the beginning
  const before = stands ? [...new Uint8Array(note.at - 8), ...note.data] : [];
  if (before.length % 2) before.push(0);
  const start = 8 + before.length,
    [values, entries] = layOut(directory, start, Boolean(stands));
  const all = [0x49, 0x49, 42, 0, ...long(start + values.length), ...before, ...values, ...closed(entries)];
  return all.length > MOST_BLOCK ? null : Uint8Array.from(all);
}

const half = (number) => [number & 255, (number >> 8) & 255];
const long = (number) => [...half(number), ...half(number >>> 16)];

/** [bytes to stand at `start`: the values; the 12 bytes of each entry, which say where]. */
function layOut(directory, start, noteStands) {
  const tail = [],
    entries = [];
  for (const [tag, value] of [...directory].sort(([one], [other]) => one - other)) {
    if (value instanceof Map) {
      const [inner, rows] = layOut(value, start + tail.length, noteStands);
      tail.push(...inner);
      entries.push([...half(tag), ...half(4), ...long(1), ...long(start + tail.length)]);
      tail.push(...closed(rows));
      continue;
    }
    const head = [...half(tag), ...half(value.kind), ...long(Math.floor(value.data.length / SIZES[value.kind]))];
    if (value.data.length <= 4) {
      entries.push([...head, ...value.data, ...new Uint8Array(4 - value.data.length)]);
    } else if (tag === MAKERNOTE && noteStands) {
      entries.push([...head, ...long(value.at)]);
    } else {
      entries.push([...head, ...long(start + tail.length)]);
      for (const byte of value.data) tail.push(byte);
      if (tail.length % 2) tail.push(0);
    }
  }
  return [tail, entries];
}

const closed = (entries) => [...half(entries.length), ...entries.flat(), 0, 0, 0, 0];
