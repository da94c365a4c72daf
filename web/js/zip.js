// Files as one .zip, stored and not packed: pictures are packed already (APPNOTE 6.3.10).

import { crc32 } from "./checksum.js";

export const MOST = 2 ** 32 - 2 ** 20; // bytes, without the extension for more

/** {name, blob}[] -> Blob. Names are written as UTF-8. */
export async function zipped(files, date = new Date()) {
  const parts = [],
    entries = [];
  let at = 0;
  for (const { name, blob } of files) {
    const head = entry(new TextEncoder().encode(name), await checksum(blob), blob.size, date);
    entries.push(central(head, at));
    parts.push(local(head), blob);
    at += 30 + head.name.length + blob.size;
  }
  const size = entries.reduce((sum, bytes) => sum + bytes.length, 0),
    end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, files.length, true);
  end.setUint16(10, files.length, true);
  end.setUint32(12, size, true);
  end.setUint32(16, at, true);
  return new Blob([...parts, ...entries, end.buffer], { type: "application/zip" });
}

async function checksum(blob) {
  let sum = 0;
  for (let at = 0; at < blob.size; at += 2 ** 22) {
    sum = crc32(new Uint8Array(await blob.slice(at, at + 2 ** 22).arrayBuffer()), sum);
  }
  return sum;
}

function entry(name, sum, size, date) {
  const time = (date.getHours() << 11) | (date.getMinutes() << 5) | (date.getSeconds() >> 1);
  const day = (Math.max(0, date.getFullYear() - 1980) << 9) | ((date.getMonth() + 1) << 5) | date.getDate();
  return { name, sum, size, time, day };
}

/** The fields that both kinds of header have, from `at` on. */
function common(view, at, { name, sum, size, time, day }) {
  [20, 0x0800, 0, time, day].forEach((value, k) => view.setUint16(at + 2 * k, value, true));
  [sum, size, size].forEach((value, k) => view.setUint32(at + 10 + 4 * k, value, true));
  view.setUint16(at + 22, name.length, true);
}

function local(head) {
  const bytes = new Uint8Array(30 + head.name.length),
    view = new DataView(bytes.buffer);
  view.setUint32(0, 0x04034b50, true);
  common(view, 4, head);
  bytes.set(head.name, 30);
  return bytes;
}

function central(head, at) {
  const bytes = new Uint8Array(46 + head.name.length),
    view = new DataView(bytes.buffer);
  view.setUint32(0, 0x02014b50, true);
  view.setUint16(4, 20, true);
  common(view, 6, head);
  view.setUint32(42, at, true);
  bytes.set(head.name, 46);
  return bytes;
}

/** Names of which no two are the same, whatever their case: a second photo.jpg becomes photo-2.jpg. */
export function distinct(names) {
  const taken = new Set();
  return names.map((name) => {
    const dot = name.lastIndexOf("."),
      [stem, suffix] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
    let found = name;
    for (let number = 2; taken.has(found.toLowerCase()); number++) found = `${stem}-${number}${suffix}`;
    taken.add(found.toLowerCase());
    return found;
  });
}
