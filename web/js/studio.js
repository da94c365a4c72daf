// The photos that were dropped, and what is done with them. It stands in the worker and knows nothing of the page.

import { lightnessOfPixels, paint } from "./color.js";
import { colorBands, runNetwork, usualSize, workingCopy, workingShape } from "./colorizer.js";
import { crc32 } from "./checksum.js";
import { decode } from "./decode.js";
import { Refused } from "./errors.js";
import { HintLayer, hintGrid } from "./hints.js";
import { MOST_BYTES, readPhotoFile } from "./photo_file.js";
import { LONGEST_JPEG, pictureEncoder } from "./picture_file.js";
import { Upsampler } from "./upsample.js";

const PREVIEW = 1280; // pixels, the long side of what is shown
const NETWORK = 0.5; // the network's share of opening a photo

export class Studio {
  #network;
  #photos = new Map(); // key -> {file, small, ab, grid}
  #open = null; // {key, found, photo, preview}: the photo that was decoded last

  constructor(network) {
    this.#network = network;
  }

  /** Take a photo in -> {width, height, format, thumbnail}. */
  async add(key, file, turn) {
    if (file.size > MOST_BYTES)
      throw new Refused("too-heavy", { most: MOST_BYTES / 1e6, got: Math.ceil(file.size / 1e6) });
    const { found, photo } = await this.#opened(key, file);
    const { ask, model } = this.#network;
    const small = await workingCopy(photo, workingShape(photo, usualSize(photo, model)), (share) =>
      turn(share * (1 - NETWORK)),
    );
    const ab = await runNetwork(ask, small, model.stride);
    await turn(NETWORK);
    this.#photos.set(key, { file, small, ab, grid: null });
    const thumbnail = new ImageData(small.width, small.height);
    thumbnail.data.fill(255);
    paint(small.data, ...ab, thumbnail.data);
    return { width: photo.width, height: photo.height, format: found.format, thumbnail };
  }

  async #opened(key, file) {
    if (this.#open?.key === key) return this.#open;
    this.#open?.photo.close();
    this.#open = null;
    let bytes;
    try {
      bytes = new Uint8Array(await file.arrayBuffer());
    } catch {
      throw new Refused("gone"); // taken away or changed since it was dropped
    }
    const found = readPhotoFile(bytes),
      photo = await decode(bytes, found);
    return (this.#open = { key, found: withoutFile(found), photo, preview: null });
  }

  /** {before, after}: the photo as it is shown, as ImageData, and in color. */
  async show(key, { strength, points }, turn) {
    const state = this.#photos.get(key),
      open = await this.#opened(key, state.file);
    open.preview ??= preview(open.photo);
    const { data, width, height } = open.preview,
      lightness = new Float32Array(width * height);
    const after = new ImageData(data.slice(), width, height);
    lightnessOfPixels(data, lightness);
    const planes = [new Float32Array(width * height), new Float32Array(width * height)];
    new Upsampler(state.small, state.ab, width, height).rows(lightness, 0, planes);
    const layer = await this.#layer(state, open.photo, points, turn);
    layer?.over(width, height, false)(lightness, 0, ...planes);
    paint(lightness, ...planes, after.data, strength);
    return { before: open.preview, after };
  }

  async #layer(state, photo, points, turn) {
    if (!points.length) return null;
    const told = JSON.stringify(points);
    if (state.layered !== told) {
      state.grid ??= await hintGrid(photo, turn);
      state.layer = new HintLayer(photo, points, state.grid, state);
      state.layered = told;
    }
    return state.layer;
  }

  /** The picture at full size, as a Blob. kind: "jpeg", "png", or "same" for what the photo is, else "png". */
  async save(key, { strength, points }, kind, turn) {
    const state = this.#photos.get(key),
      { found, photo } = await this.#opened(key, state.file);
    const asked = kind === "same" ? (found.format === "jpeg" ? "jpeg" : "png") : kind;
    if (asked === "jpeg" && Math.max(photo.width, photo.height) > LONGEST_JPEG)
      throw new Refused("too-long", { most: LONGEST_JPEG });
    const maker = this.#maker(strength, points),
      { small, ab } = state;
    const encoder = pictureEncoder(asked, photo, found, maker, this.#network.profile);
    try {
      const layer = await this.#layer(state, photo, points, async () => turn(0));
      await colorBands(photo, { small, ab, layer, strength }, (rgba) => encoder.push(rgba), turn);
      return { blob: new Blob(await encoder.finish(), { type: `image/${asked}` }), kind: asked };
    } catch (error) {
      await encoder.stop?.();
      throw error;
    }
  }

  #maker(strength, points) {
    const settings = strength === 1 ? [] : [`strength ${strength}`];
    const digest = () =>
      crc32(new TextEncoder().encode(JSON.stringify(points)))
        .toString(16)
        .padStart(8, "0");
    if (points.length) settings.push(`color hints ${digest()}`);
    const { version, model } = this.#network;
    return { version, model: model.name, modelVersion: model.version, settings };
  }

  forget(key) {
    this.#photos.delete(key);
    if (this.#open?.key === key) {
      this.#open.photo.close();
      this.#open = null;
    }
  }
}

/** What was found in a file, copied out of it, so that the file's bytes can be let go. */
function withoutFile(found) {
  const { exif, xmp, segments, texts } = found,
    copy = (bytes) => bytes.slice();
  return {
    ...found,
    exif: exif && { bytes: copy(exif.bytes) },
    xmp: xmp && copy(xmp),
    segments: segments.map(copy),
    texts: texts.map(copy),
  };
}

function preview(photo) {
  const scale = Math.min(1, PREVIEW / Math.max(photo.width, photo.height));
  const [width, height] = [photo.width, photo.height].map((side) => Math.max(1, Math.round(side * scale)));
  return new ImageData(photo.scaled(width, height), width, height);
}
