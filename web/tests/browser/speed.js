// How long the page takes: `node web/tests/browser/speed.js PHOTO...`, on a page that `make web` built.
//
// For each photo: from the drop until it is shown in color, and from the click until the full-size picture is there, in
// seconds by the clock and of all of Chromium's processor time; and the memory of its largest process meanwhile.

import { readFileSync, readdirSync } from "node:fs";

import { browse, download, idle, serve } from "./chromium.js";

const TICKS = 100; // a second, as Linux counts
const PAGE = 4096; // bytes

/** {seconds of processor time of all processes below this one, megabytes of the largest}. */
function used() {
  const below = new Map(),
    facts = new Map();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").pop().split(" ");
      below.set(fields[1], [...(below.get(fields[1]) ?? []), pid]);
      facts.set(pid, {
        seconds: (Number(fields[11]) + Number(fields[12])) / TICKS,
        megabytes: (fields[21] * PAGE) / 1e6,
      });
    } catch {
      // it has ended meanwhile
    }
  }
  const all = (pid) => (below.get(pid) ?? []).flatMap((child) => [facts.get(child), ...all(child)]);
  const found = all(String(process.pid));
  return {
    seconds: found.reduce((sum, { seconds }) => sum + seconds, 0),
    megabytes: Math.max(...found.map(({ megabytes }) => megabytes)),
  };
}

async function timed(work) {
  const before = used(),
    begun = performance.now();
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, used().megabytes);
  }, 100);
  await work();
  clearInterval(watch);
  const clock = (performance.now() - begun) / 1000,
    processor = used().seconds - before.seconds;
  return `${clock.toFixed(1)} s, processor ${processor.toFixed(1)} s, largest process ${most.toFixed(0)} MB`;
}

const server = await serve(),
  { page, close } = await browse(server.address);
for (const path of process.argv.slice(2)) {
  const shown = await timed(async () => {
    await page.setInputFiles("#files", path);
    await page.waitForFunction(() => !document.querySelector("#cancel").hidden);
    await idle(page);
  });
  console.log(`${path}: shown after ${shown}`);
  for (const kind of ["jpeg", "png"]) {
    await page.selectOption("#kind", kind);
    console.log(`${path}: ${kind} after ${await timed(() => download(page, "#save"))}`);
  }
  await page.click("#remove");
}
await close();
await server.close();
