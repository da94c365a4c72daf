// The worker: one task after the other, so that the page never waits. A message is {id, task, values}; what comes back is
// {id, share} on the way, then {id, value} or {id, refused: {line, values}}.

import { Refused } from "./errors.js";
import { loadNetwork } from "./network.js";
import { Studio } from "./studio.js";

const cancelled = new Set(),
  channel = new MessageChannel();
let studio = null,
  last = Promise.resolve();

/** Let messages that wait come in: one of them may be a wish to leave off. */
const breath = () =>
  new Promise((done) => {
    channel.port1.onmessage = done;
    channel.port2.postMessage(null);
  });

const tasks = {
  async load(_, turn) {
    const network = await loadNetwork((share) => turn(share, true));
    studio = new Studio(network);
    return { model: network.model, version: network.version };
  },
  add: ({ key, file }, turn) => studio.add(key, file, turn),
  show: ({ key, how }, turn) => studio.show(key, how, turn),
  save: ({ key, how, kind }, turn) => studio.save(key, how, kind, turn),
  forget: ({ key }) => studio.forget(key),
};

async function work({ id, task, values }) {
  let done = 0;
  const turn = async (share, whole = false) => {
    postMessage({ id, share: (done = whole ? share : done + share) });
    if (!whole) await breath();
    if (cancelled.has(id)) throw new Refused("cancelled");
  };
  try {
    await turn(0);
    postMessage({ id, value: await tasks[task](values, turn) });
  } catch (error) {
    const refused =
      error instanceof Refused ? error : new Refused(isFull(error) ? "memory" : "unforeseen", { why: String(error) });
    postMessage({ id, refused: { line: refused.line, values: refused.values } });
  }
  cancelled.delete(id);
}

const isFull = (error) => error instanceof RangeError || /memory|allocat/i.test(String(error));

onmessage = ({ data }) => {
  if (data.task === "cancel") cancelled.add(data.values.id);
  else last = last.then(() => work(data));
};
