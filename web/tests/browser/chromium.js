// A headless Chromium on the built page, and the page served as any static host serves it.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

export const DIST = join(dirname(fileURLToPath(import.meta.url)), "../../dist");
const PROGRAM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];
const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
};

/** Serve web/dist below /page/ -> {address, close}. */
export function serve() {
  const server = createServer((request, answer) => {
    const path = normalize(decodeURIComponent(request.url.split("?")[0])).replace(/^\/page\//, "") || "index.html";
    try {
      const body = readFileSync(join(DIST, path));
      answer.writeHead(200, { "Content-Type": TYPES[extname(path)] ?? "application/octet-stream" }).end(body);
    } catch {
      answer.writeHead(404).end();
    }
  });
  return new Promise((done) =>
    server.listen(0, "127.0.0.1", () =>
      done({
        address: `http://127.0.0.1:${server.address().port}/page/`,
        close: () =>
          new Promise((closed) => {
            server.close(closed);
            server.closeAllConnections();
          }),
      }),
    ),
  );
}

/** A fresh browser with one page open -> {page, context, requests, complaints, close}. */
export async function browse(address, options = {}) {
  const folder = mkdtempSync(join(tmpdir(), "web-test-"));
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: PROGRAM,
    headless: true,
    args: FLAGS,
    acceptDownloads: true,
    locale: "en-US",
    ...options,
  });
  const page = context.pages()[0],
    requests = [],
    complaints = [];
  context.on("request", (request) => requests.push(request.url()));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.setDefaultTimeout(300_000);
  await page.goto(address);
  await page.waitForSelector("body[data-loaded]", { state: "attached" });
  const close = async () => {
    await context.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { page, context, requests, complaints, close };
}

/** Wait until nothing is at work. */
export const idle = (page) =>
  page.waitForFunction(() => document.querySelector("#cancel").hidden && document.querySelector("#progress").hidden);

/** Drop files on the page, as from the desktop. `files`: [{name, type, body: Buffer}]. */
export async function drop(page, files) {
  const given = files.map(({ name, type = "", body }) => ({ name, type, text: body.toString("base64") }));
  await page.evaluate((listed) => {
    const data = new DataTransfer();
    for (const { name, type, text } of listed) {
      data.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], name, { type }));
    }
    document
      .querySelector("#drop")
      .dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
  }, given);
}

/** Click what begins a download -> its {name, body}. */
export async function download(page, selector) {
  const [begun] = await Promise.all([page.waitForEvent("download"), page.click(selector)]);
  return { name: begun.suggestedFilename(), body: readFileSync(await begun.path()) };
}
