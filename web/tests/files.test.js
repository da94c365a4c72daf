// Files byte by byte: what is read of them and what is written, without a browser.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { crc32 } from "../js/checksum.js";
import { isTruthful } from "../js/decode.js";
import { Refused } from "../js/errors.js";
import { forPicture, orientationIn, readBlock, softwareIn, writeBlock } from "../js/exif.js";
import { readPhotoFile } from "../js/photo_file.js";
import { isWellFormed, software, stampedXmp } from "../js/provenance.js";
import { distinct, zipped } from "../js/zip.js";

const CASES = process.env.WEB_CASES;
const MAKER = { version: "0.7.0", model: "colorizer", modelVersion: "0.6.0", settings: [] };
const bytesOf = (kind, name) => new Uint8Array(readFileSync(`${CASES}/${kind}/${name}`));
const lineOf = (bytes) => {
  try {
    readPhotoFile(bytes);
    return null;
  } catch (error) {
    assert.ok(error instanceof Refused, `${error.stack}`);
    return error.line;
  }
};

test("each bad file is refused for its own reason", () => {
  const reasons = {
    "cmyk.jpg": "for-the-program",
    "damaged.png": "torn",
    "deep.png": "for-the-program",
    "empty.jpg": "empty",
    "enormous.png": "too-large",
    "moving.webp": "animated",
    "poem.png": "no-photo",
    "scan.tif": "for-the-program",
    "torn.jpg": "torn",
    "torn.png": "torn",
  };
  assert.deepEqual(
    Object.fromEntries(readdirSync(`${CASES}/bad`).map((name) => [name, lineOf(bytesOf("bad", name))])),
    reasons,
  );
});

test("a photo cut off anywhere, or with any byte changed, is read or refused, and nothing else", () => {
  for (const name of ["turned.jpg", "noise-31x33.png", "hopper.webp", "cat.avif"]) {
    const whole = bytesOf("photos", name);
    assert.equal(lineOf(whole), null);
    for (let length = 0; length < Math.min(whole.length, 4000); length += 7) lineOf(whole.slice(0, length));
    for (let place = 0; place < Math.min(whole.length, 4000); place += 3) {
      const changed = whole.slice();
      changed[place] ^= 255;
      lineOf(changed);
      const found = name === "turned.jpg" && !lineOf(changed) && readPhotoFile(changed);
      if (found?.exif) writeBlock(forPicture(readBlock(found.exif.bytes), false, "x"));
    }
  }
});

test("of an AVIF size, EXIF and XMP are found", () => {
  const { format, width, height, exif, xmp } = readPhotoFile(bytesOf("photos", "cat.avif"));
  assert.deepEqual([format, width, height], ["avif", 226, 150]);
  assert.equal(new TextDecoder().decode(readBlock(exif.bytes).get(271).data), "Ernemann\0");
  assert.match(new TextDecoder().decode(xmp), /album 3/);
});

test("a browser that hides the pixels of pictures is noticed", () => {
  const canvas = (noise) => {
    let kept;
    const createImageData = (width, height) => ({ data: new Uint8ClampedArray(4 * width * height) });
    const context = {
      createImageData,
      putImageData: (image) => {
        kept = image;
      },
      getImageData: () => ({ data: kept.data.map(noise) }),
    };
    return { getContext: () => context };
  };
  assert.ok(isTruthful(canvas((code) => code)));
  assert.ok(!isTruthful(canvas((_, k) => (k * 101) % 256)));
});

/** An EXIF block with Orientation, Software, a caption in UTF-8, and a thumbnail's directory, which is not kept. */
function exif(little) {
  const text = new TextEncoder().encode("Oma in München\0"),
    bytes = new Uint8Array(8 + 2 + 4 * 12 + 4 + text.length + 8);
  const view = new DataView(bytes.buffer),
    end = 8 + 2 + 48 + 4;
  bytes.set(little ? [0x49, 0x49] : [0x4d, 0x4d]);
  view.setUint16(2, 42, little);
  view.setUint32(4, 8, little);
  view.setUint16(8, 4, little);
  [
    [270, 2, text.length, end],
    [274, 3, 1, 6],
    [282, 5, 1, end + text.length],
    [50000, 4, 1, 7],
  ].forEach(([tag, kind, count, value], k) => {
    view.setUint16(10 + 12 * k, tag, little);
    view.setUint16(12 + 12 * k, kind, little);
    view.setUint32(14 + 12 * k, count, little);
    if (kind === 3) view.setUint16(18 + 12 * k, value, little);
    else view.setUint32(18 + 12 * k, value, little);
  });
  bytes.set(text, end);
  view.setUint32(end + text.length, 300, little);
  view.setUint32(end + text.length + 4, 1, little);
  return bytes;
}

test("EXIF of either byte order keeps what tells of the photo, upright", () => {
  for (const little of [true, false]) {
    const before = exif(little),
      found = orientationIn({ at: 100, bytes: before });
    assert.deepEqual(found, { place: 100 + 10 + 12 + 8, value: 6 });
    const after = readBlock(writeBlock(forPicture(readBlock(before), true, "ours")));
    assert.deepEqual([...after.keys()], [270, 274, 282, 305]);
    assert.equal(new TextDecoder().decode(after.get(270).data), "Oma in München\0");
    assert.deepEqual([...after.get(274).data], [1, 0]);
    assert.deepEqual([...after.get(282).data], [44, 1, 0, 0, 1, 0, 0, 0]);
    assert.equal(softwareIn(after), "ours");
  }
});

test("Software keeps the names of other programs, and has one mark of ours", () => {
  const once = software(MAKER, "GIMP 2.10"),
    twice = software({ ...MAKER, settings: ["strength 0.5"] }, once);
  assert.equal(once, "GIMP 2.10; ColorizeIMG 0.7.0 (model colorizer 0.6.0; colors are a model's guess)");
  assert.equal(twice, "GIMP 2.10; ColorizeIMG 0.7.0 (model colorizer 0.6.0, strength 0.5; colors are a model's guess)");
});

test("an XMP packet is added to, and one that is damaged is replaced", () => {
  const packet =
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' +
    '<rdf:Description rdf:about="uuid:1" xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" i:DigitalSourceType="old" ' +
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>A &amp; B</dc:title></rdf:Description></rdf:RDF></x:xmpmeta>';
  const stamped = stampedXmp(packet, MAKER);
  assert.ok(isWellFormed(stamped));
  assert.match(stamped, /<dc:title>A &amp; B<\/dc:title>/);
  assert.match(stamped, /rdf:about="uuid:1" xmlns:Iptc4xmpExt/);
  assert.equal(stamped.match(/DigitalSourceType/g).length, 2); // its opening and its closing tag
  assert.equal(stampedXmp(stamped, MAKER).match(/<Iptc4xmpExt:DigitalSourceType>/g).length, 1);
  for (const bad of ["<a>", "no xml", packet.replace("</dc:title>", ""), `<!DOCTYPE x [<!ENTITY e "x">]>${packet}`]) {
    const replaced = stampedXmp(bad, MAKER);
    assert.ok(isWellFormed(replaced) && !replaced.includes("dc:title") && replaced.includes("compositeWithTrained"));
  }
});

test("checksums are those of ISO 3309, and names in a .zip are distinct whatever their case", async () => {
  assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
  assert.deepEqual(distinct(["a.jpg", "A.jpg", "a.jpg", "a-2.jpg", ".x"]), [
    "a.jpg",
    "A-2.jpg",
    "a-3.jpg",
    "a-2-2.jpg",
    ".x",
  ]);
  assert.equal((await zipped([])).size, 22);
});

test("the languages have the same lines, with the same values to be filled in", () => {
  const read = (name) => JSON.parse(readFileSync(new URL(`../text/${name}.json`, import.meta.url)));
  const values = (text) => (text.match(/\{\w+\}/g) ?? []).sort(),
    english = read("en");
  for (const name of ["de", "sr"]) {
    const own = read(name);
    assert.deepEqual(Object.keys(own), Object.keys(english));
    for (const [key, text] of Object.entries(english))
      assert.deepEqual(values(own[key]), values(text), `${name}: ${key}`);
  }
});

test("every line that code and page name is there", () => {
  const english = JSON.parse(readFileSync(new URL("../text/en.json", import.meta.url)));
  const code = readdirSync(new URL("../js/", import.meta.url)).map((name) =>
    readFileSync(new URL(`../js/${name}`, import.meta.url), "utf8"),
  );
  const named = code.flatMap((text) =>
    Array.from(text.matchAll(/(?:Refused|\bsay|\btell)\("([\w-]+)"/g), (found) => found[1]),
  );
  const page = Array.from(
    readFileSync(new URL("../index.html", import.meta.url), "utf8").matchAll(/data-(?:text|label)="([\w-]+)"/g),
    (found) => found[1],
  );
  for (const name of [...named, ...page]) assert.ok(english[name], name);
});
