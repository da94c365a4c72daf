// AVIF: boxes in boxes (ISO 14496-12), a table of items (HEIF, ISO 23008-12), and where each lies.

import { Refused } from "./errors.js";

const latin = (bytes) => String.fromCharCode(...bytes);

/** Size, depth and metadata of an AVIF -> `found`, as `readPhotoFile` has it. Browsers turn it as it asks themselves. */
export function readAvif(bytes, view, found) {
  if (latin(bytes.subarray(8, 12)) === "avis") throw new Refused("animated");
  const boxes = function* (from, to) {
    for (let at = from; at + 8 <= to;) {
      const size = view.getUint32(at) || to - at;
      if (size < 8) throw new Refused("torn");
      yield [latin(bytes.subarray(at + 4, at + 8)), at + 8, Math.min(to, at + size)];
      at += size;
    }
  };
  const inside = (name, range, skipped = 0) =>
    range && [...boxes(range[0] + skipped, range[1])].find(([kind]) => kind === name)?.slice(1);
  const meta = inside("meta", [0, bytes.length]),
    properties = inside("ipco", inside("iprp", meta, 4));
  for (const [name, at, end] of properties ? boxes(...properties) : [])
    readProperty(name, at, bytes.subarray(at, end), view, found);
  const places = placesOf(inside("iloc", meta, 4), view);
  for (const [name, at, end] of itemsOf(inside("iinf", meta, 4), view, boxes)) {
    if (name === "infe") readItem(bytes, view, at, end, places, found);
  }
}

function readProperty(name, at, body, view, found) {
  if (name === "ispe") {
    const [width, height] = [view.getUint32(at + 4), view.getUint32(at + 8)];
    if (width * height > (found.width ?? 0) * (found.height ?? 0)) [found.width, found.height] = [width, height];
  }
  if (name === "pixi" && body.subarray(5).some((bits) => bits > 8)) throw new Refused("for-the-program");
  if (name === "auxC") found.alpha = true;
}

function* itemsOf(range, view, boxes) {
  if (range) yield* boxes(range[0] + (view.getUint8(range[0]) === 0 ? 6 : 8), range[1]);
}

/** An entry of the table: the number of an item and what it is. EXIF and XMP are taken. */
function readItem(bytes, view, at, end, places, found) {
  if (view.getUint8(at) < 2) return;
  const long = view.getUint8(at) > 2 ? 2 : 0,
    number = long ? view.getUint32(at + 4) : view.getUint16(at + 4);
  const kind = latin(bytes.subarray(at + 8 + long, at + 12 + long)),
    [start, length] = places.get(number) ?? [0, 0];
  if (!length || start + length > bytes.length) return;
  if (kind === "Exif") {
    const begin = start + 4 + view.getUint32(start); // the first four bytes say how far the block is
    if (begin < start + length) found.exif = { at: begin, bytes: bytes.subarray(begin, start + length) };
  } else if (kind === "mime" && latin(bytes.subarray(at + 12 + long, end)).includes("application/rdf+xml")) {
    found.xmp = bytes.subarray(start, start + length);
  }
}

/** The table of places -> Map, number of an item -> [start, length]; items in several pieces are left out. */
function placesOf(range, view) {
  const found = new Map();
  if (!range) return found;
  const [at] = range,
    version = view.getUint8(at),
    sizes = view.getUint16(at + 4);
  const [offset, length, base, index] = [12, 8, 4, 0].map((shift) => (sizes >> shift) & 15);
  let place = at + 6;
  const read = (size) => {
    const value =
      size === 0
        ? 0
        : size === 2
          ? view.getUint16(place)
          : size === 4
            ? view.getUint32(place)
            : Number(view.getBigUint64(place));
    place += size;
    return value;
  };
  const count = read(version < 2 ? 2 : 4);
  for (let k = 0; k < count; k++) {
    const number = read(version < 2 ? 2 : 4),
      way = version ? read(2) & 15 : 0;
    read(2);
    const begin = read(base),
      pieces = read(2);
    for (let piece = 0; piece < pieces; piece++) {
      if (version) read(index);
      const start = begin + read(offset),
        size = read(length);
      if (pieces === 1 && way === 0) found.set(number, [start, size]);
    }
  }
  return found;
}
