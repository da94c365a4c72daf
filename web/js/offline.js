// The service worker: after the first visit the page needs no network.

const PATIENCE = 180_000; // milliseconds; a first visit brings some 26 MB

/** Wait until the service worker stands between this page and the network, so that nothing is loaded twice. */
export async function ready() {
  const workers = navigator.serviceWorker;
  if (!workers) return; // addresses without https have none
  const taken = new Promise((done) => {
    if (workers.controller) done();
    else workers.addEventListener("controllerchange", done, { once: true });
  });
  try {
    const registration = await workers.register("sw.js");
    const first = registration.installing;
    const failed = new Promise((done) =>
      first?.addEventListener("statechange", () => first.state === "redundant" && done()),
    );
    await Promise.race([taken, failed, new Promise((done) => setTimeout(done, PATIENCE))]);
  } catch {
    // a browser may forbid it, as in private windows; the page then loads what it needs itself
  }
}
