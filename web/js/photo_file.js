// What a file is, by its bytes and not its name: format, size, depth, and the metadata beside the pixels. Nothing is
// decoded here, so that a file that claims to be enormous costs nothing.

import { readAvif } from "./avif_file.js";
import { crc32 } from "./checksum.js";
import { Refused } from "./errors.js";

export const MOST_PIXELS = 51_000_000;
export const MOST_BYTES = 400_000_000;
const XMP = "http://ns.adobe.com/xap/1.0/\0";
const MOST_TEXT = 2 ** 20; // bytes of texts and of XMP
const latin = (bytes) => String.fromCharCode(...bytes);

/**
 * Bytes -> {format: "jpeg" | "png" | "webp" | "avif", width, height, exif, xmp, dpi, segments, texts, alpha}.
 *
 * exif: {at, bytes} of the block that begins with II or MM, or null; xmp: bytes or null; dpi: [x, y] or null; segments:
 * whole JPEG segments (IPTC, comment) that are kept; texts: whole PNG chunks that are kept. `Refused` for what is no
 * still photo of eight bits, is damaged, or has more than MOST_PIXELS.
 */
export function readPhotoFile(bytes) {
  if (!bytes.length) throw new Refused("empty");
  const format = formatOf(bytes);
  const read = { jpeg: readJpeg, png: readPng, webp: readWebp, avif: readAvif }[format];
  if (!read) throw new Refused(["tiff", "heic", "other-picture"].includes(format) ? "for-the-program" : "no-photo");
  const found = { format, exif: null, xmp: null, dpi: null, segments: [], texts: [], alpha: false };
  try {
    read(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), found);
  } catch (error) {
    throw error instanceof RangeError ? new Refused("torn") : error;
  }
  if (!found.width || !found.height) throw new Refused("torn");
  if (found.width * found.height > MOST_PIXELS) {
    const [most, got] = [MOST_PIXELS, found.width * found.height].map((pixels) => Math.floor(pixels / 1e6));
    throw new Refused("too-large", { most, got, width: found.width, height: found.height });
  }
  return found;
}

function formatOf(bytes) {
  const head = latin(bytes.subarray(0, 16)),
    brand = head.slice(8, 12);
  if (head.startsWith("\xff\xd8\xff")) return "jpeg";
  if (head.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (head.startsWith("RIFF") && brand === "WEBP") return "webp";
  if (head.slice(4, 8) === "ftyp") return ["avif", "avis"].includes(brand) ? "avif" : "heic";
  if (/^(II[*+]\0|MM\0[*+])/.test(head)) return "tiff";
  return /^(GIF8|BM)/.test(head) ? "other-picture" : null;
}

function readJpeg(bytes, view, found) {
  let at = 2;
  for (;;) {
    while (view.getUint8(at) === 0xff && view.getUint8(at + 1) === 0xff) at++;
    const marker = view.getUint16(at),
      length = view.getUint16(at + 2),
      body = bytes.subarray(at + 4, at + 2 + length);
    if (marker < 0xff01 || length < 2) throw new Refused("torn");
    if (marker === 0xffda) break;
    if (marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker)) {
      if (body[0] !== 8 || marker > 0xffc2) throw new Refused("for-the-program");
      if (body[5] === 4) throw new Refused("for-the-program"); // CMYK
      [found.height, found.width] = [view.getUint16(at + 5), view.getUint16(at + 7)];
    } else {
      readSegment(marker, body, at + 4, bytes.subarray(at, at + 2 + length), found);
    }
    at += 2 + length;
  }
  for (; view.getUint16(at) !== 0xffd9; at++) at = bytes.indexOf(0xff, at + 1) - 1; // RangeError: it has no end
}

function readSegment(marker, body, at, whole, found) {
  if (marker === 0xffe0 && latin(body.subarray(0, 5)) === "JFIF\0" && [1, 2].includes(body[7])) {
    const perInch = body[7] === 1 ? 1 : 2.54;
    found.dpi = [(body[8] * 256 + body[9]) * perInch, (body[10] * 256 + body[11]) * perInch];
  } else if (marker === 0xffe1 && latin(body.subarray(0, 6)) === "Exif\0\0" && !found.exif) {
    found.exif = { at: at + 6, bytes: body.subarray(6) };
  } else if (marker === 0xffe1 && latin(body.subarray(0, XMP.length)) === XMP) {
    found.xmp = body.subarray(XMP.length);
  } else if (marker === 0xfffe || (marker === 0xffed && latin(body.subarray(0, 14)) === "Photoshop 3.0\0")) {
    found.segments.push(whole);
  }
}

function readPng(bytes, view, found) {
  let at = 8,
    texts = 0;
  for (let name = ""; name !== "IEND";) {
    const length = view.getUint32(at),
      body = bytes.subarray(at + 8, at + 8 + length);
    name = latin(bytes.subarray(at + 4, at + 8));
    const sum = view.getUint32(at + 8 + length);
    if (name === "IHDR") {
      [found.width, found.height] = [view.getUint32(at + 8), view.getUint32(at + 12)];
      if (body[8] === 16) throw new Refused("for-the-program");
      found.alpha = body[9] >= 4;
      if (found.width * found.height > MOST_PIXELS) return;
    } else if (name === "acTL") {
      throw new Refused("animated");
    } else if (name === "IDAT" || name === "PLTE") {
      if (crc32(bytes.subarray(at + 4, at + 8 + length)) !== sum) throw new Refused("torn");
    } else if (name === "tRNS") {
      found.alpha = true;
    } else if (name === "eXIf") {
      found.exif = { at: at + 8, bytes: body, chunk: at };
    } else if (name === "pHYs" && body[8] === 1) {
      found.dpi = [view.getUint32(at + 8), view.getUint32(at + 12)].map((perMeter) => perMeter * 0.0254);
    } else if (["tEXt", "zTXt", "iTXt"].includes(name) && texts + length < MOST_TEXT) {
      texts += length;
      readText(name, body, bytes.subarray(at, at + 12 + length), found);
    }
    at += 12 + length;
  }
}

function readText(name, body, whole, found) {
  const keyword = latin(body.subarray(0, Math.min(80, Math.max(0, body.indexOf(0)))));
  if (name === "iTXt" && keyword === "XML:com.adobe.xmp") {
    const text = [1, 2].reduce((from) => body.indexOf(0, from) + 1, keyword.length + 3);
    if (body[keyword.length + 1] === 0) found.xmp = body.subarray(text);
  } else if (keyword && keyword !== "Software" && !keyword.startsWith("Raw profile type ")) {
    found.texts.push(whole);
  }
}

function readWebp(bytes, view, found) {
  const end = 8 + view.getUint32(4, true);
  if (end > bytes.length + 1) throw new Refused("torn");
  for (let at = 12; at + 8 <= end;) {
    const name = latin(bytes.subarray(at, at + 4)),
      length = view.getUint32(at + 4, true),
      body = at + 8;
    const uint24 = (place) => view.getUint16(place, true) + (view.getUint8(place + 2) << 16);
    if (name === "VP8X") {
      [found.width, found.height] = [uint24(body + 4) + 1, uint24(body + 7) + 1];
      if (view.getUint8(body) & 2) throw new Refused("animated");
      found.alpha ||= Boolean(view.getUint8(body) & 16);
    } else if (name === "VP8 " && !found.width) {
      [found.width, found.height] = [view.getUint16(body + 6, true) & 0x3fff, view.getUint16(body + 8, true) & 0x3fff];
    } else if (name === "VP8L") {
      const bits = view.getUint32(body + 1, true);
      if (!found.width) [found.width, found.height] = [(bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1];
      found.alpha ||= Boolean(bits & (2 ** 28));
    } else if (name === "EXIF") {
      const skipped = latin(bytes.subarray(body, body + 6)) === "Exif\0\0" ? 6 : 0;
      found.exif = { at: body + skipped, bytes: bytes.subarray(body + skipped, body + length) };
    } else if (name === "XMP ") {
      found.xmp = bytes.subarray(body, body + length);
    }
    at = body + length + (length % 2);
  }
}
