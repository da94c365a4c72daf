// Keeps the page's files, so that it works without a network, and sends with each of them what a static host may not:
// a policy that allows no other origin, and what makes browsers allow threads. `scripts/build_web.py` fills in what the
// page is made of; a new model or a new page is a new version, which takes over when no window shows the old one.

const VERSION = "@VERSION@";
const FILES = "@FILES@"; // path -> SHA-256
const POLICY = "@POLICY@";
const HEADERS = {
  "Content-Security-Policy": `${POLICY}; frame-ancestors 'self'`,
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};
const TYPES = {
  wasm: "application/wasm",
  mjs: "text/javascript",
  js: "text/javascript",
  webmanifest: "application/manifest+json",
};
const NAME = `colorizeimg-${VERSION}`;
const HERE = new URL("./", self.location);

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => event.respondWith(answer(event.request)));

async function install() {
  const cache = await caches.open(NAME);
  for (const [path, digest] of Object.entries(FILES)) {
    const address = new URL(path, HERE),
      kept = await caches.match(`${address}?${digest}`);
    const found = kept ?? (await fetch(address, { cache: "no-cache" }));
    if (!found.ok) throw new Error(`${path}: ${found.status}`);
    await cache.put(`${address}?${digest}`, found);
  }
}

async function activate() {
  for (const name of await caches.keys()) {
    if (name.startsWith("colorizeimg-") && name !== NAME) await caches.delete(name);
  }
  await self.clients.claim();
}

async function answer(request) {
  const address = new URL(request.url);
  if (address.origin !== HERE.origin) return Response.error();
  const path = address.pathname.startsWith(HERE.pathname)
    ? address.pathname.slice(HERE.pathname.length) || "index.html"
    : "";
  const kept = FILES[path] && (await caches.match(`${new URL(path, HERE)}?${FILES[path]}`));
  const found = kept ?? (await fetch(request));
  if (found.type === "opaqueredirect" || found.status === 304) return found;
  const headers = new Headers(found.headers),
    type = TYPES[path.split(".").pop()];
  Object.entries(HEADERS).forEach(([name, value]) => headers.set(name, value));
  if (type) headers.set("Content-Type", type);
  return new Response(found.body, { status: found.status, statusText: found.statusText, headers });
}
