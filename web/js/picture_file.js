// A picture in color as a file: JPEG or PNG, with what the photo's file told, and a note of where its colors come from.

import { forPicture, readBlock, softwareIn, writeBlock } from "./exif.js";
import { JpegEncoder } from "./jpeg_encoder.js";
import { PngEncoder, chunk } from "./png_encoder.js";
import { software, stampedXmp } from "./provenance.js";

const QUALITY = 95;
const JPEG_XMP = "http://ns.adobe.com/xap/1.0/\0";
const MOST_JPEG_XMP = 65_502; // bytes that a segment holds beside its header (XMP specification part 3, 1.1.3)
const PNG_XMP = "XML:com.adobe.xmp\0\0\0\0\0";
export const LONGEST_JPEG = 65_500; // pixels a side

const utf8 = (text) => new TextEncoder().encode(text);
const joined = (...parts) =>
  parts.reduce((all, part) => {
    const whole = new Uint8Array(all.length + part.length);
    whole.set(all);
    whole.set(part, all.length);
    return whole;
  });

/**
 * An encoder {push(rgba), finish(), stop()} for a picture of a photo.
 *
 * kind: "jpeg" or "png"; photo: {width, height, turnedSides}; found: what `readPhotoFile` found in its file; maker: as
 * `provenance.js` has it; profile: the bytes of sRGB's ICC profile.
 */
export function pictureEncoder(kind, photo, found, maker, profile) {
  const before = found.exif ? readBlock(found.exif.bytes) : new Map(),
    mark = software(maker, softwareIn(before));
  const exif =
    writeBlock(forPicture(before, photo.turnedSides, mark)) ?? writeBlock(forPicture(new Map(), false, mark));
  const xmp = stampedXmp(found.xmp ? new TextDecoder().decode(found.xmp) : "", maker);
  if (kind === "png") return new PngEncoder(photo.width, photo.height, found.alpha, pngChunks(exif, xmp, found));
  const short = utf8(xmp).length <= MOST_JPEG_XMP ? xmp : stampedXmp("", maker);
  return new JpegEncoder(photo.width, photo.height, QUALITY, found.dpi, [
    segment(0xe1, joined(utf8("Exif\0\0"), exif)),
    segment(0xe1, joined(utf8(JPEG_XMP), utf8(short))),
    segment(0xe2, joined(utf8("ICC_PROFILE\0"), Uint8Array.of(1, 1), profile)),
    ...found.segments,
  ]);
}

function segment(marker, body) {
  const length = body.length + 2;
  return joined(Uint8Array.of(0xff, marker, length >> 8, length & 255), body);
}

function pngChunks(exif, xmp, found) {
  const chunks = [chunk("sRGB", Uint8Array.of(0))];
  if (found.dpi) {
    const body = new DataView(new ArrayBuffer(9));
    found.dpi.forEach((value, k) => body.setUint32(4 * k, Math.round(value / 0.0254)));
    body.setUint8(8, 1);
    chunks.push(chunk("pHYs", new Uint8Array(body.buffer)));
  }
  return [...chunks, chunk("eXIf", exif), chunk("iTXt", joined(utf8(PNG_XMP), utf8(xmp))), ...found.texts];
}
