// The worker as the page sees it: tasks that are promised.

import { Refused } from "./errors.js";

export class Client {
  #worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  #waiting = new Map();
  #number = 0;

  constructor() {
    this.#worker.onmessage = ({ data }) => this.#told(data);
    this.#worker.onerror = (event) => {
      for (const { failed } of this.#waiting.values()) failed(new Refused("unforeseen", { why: event.message ?? "" }));
      this.#waiting.clear();
    };
  }

  /** A promise of a task's value; `Refused` where it cannot be done. `progress(share)` is called on the way. */
  ask(task, values = {}, progress = () => {}) {
    const id = ++this.#number;
    return new Promise((done, failed) => {
      this.#waiting.set(id, { done, failed, progress });
      this.#worker.postMessage({ id, task, values });
    });
  }

  /** Leave off everything that is under way or waits. */
  cancel() {
    for (const id of this.#waiting.keys()) this.#worker.postMessage({ task: "cancel", values: { id } });
  }

  #told({ id, share, value, refused }) {
    const asked = this.#waiting.get(id);
    if (!asked) return;
    if (share !== undefined) return asked.progress(share);
    this.#waiting.delete(id);
    if (refused) asked.failed(new Refused(refused.line, refused.values));
    else asked.done(value);
  }
}
