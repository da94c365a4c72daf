// The model, run by ONNX Runtime Web from files of this page's own folder.

import * as ort from "../ort/ort.wasm.min.mjs";

const HERE = new URL("../", import.meta.url);
const MOST_THREADS = 4;

/** {ask, model, profile, version}: `ask` as `runNetwork` has it. `progress(share)` is called while the model arrives. */
export async function loadNetwork(progress = () => {}) {
  const about = await (await fetched("build.json")).json();
  ort.env.wasm.wasmPaths = new URL("ort/", HERE).href;
  // Threads share memory, which browsers allow on pages that no other page can reach into.
  ort.env.wasm.numThreads = globalThis.crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency) : 1;
  const [bytes, profile] = await Promise.all([
    whole(await fetched(about.model.file), about.model.bytes, progress),
    fetched("srgb.icc"),
  ]);
  const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  const ask = async (fed, width, height) => {
    const answer = await session.run({ lightness: new ort.Tensor("float32", fed, [1, height, width, 1]) });
    return answer.ab.data;
  };
  return { ask, ...about, profile: new Uint8Array(await profile.arrayBuffer()) };
}

async function fetched(name) {
  const answer = await fetch(new URL(name, HERE));
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return answer;
}

async function whole(answer, length, progress) {
  const bytes = new Uint8Array(length),
    reader = answer.body.getReader();
  let at = 0;
  for (let { value, done } = await reader.read(); !done; { value, done } = await reader.read()) {
    bytes.set(value, at);
    progress((at += value.length) / length);
  }
  if (at !== length) throw new Error(`expected ${length} bytes of the model, got ${at}`);
  return bytes;
}
