// The page as a person meets it: a real Chromium, photos good and bad, downloads looked at by another program. What it is
// compared with was made by `python web/tests/cases.py`, into the folder WEB_CASES.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";

import { browse, download, drop, idle, serve } from "./chromium.js";

const CASES = process.env.WEB_CASES;
const SHOTS = process.env.WEB_SHOTS; // a folder, where pictures of the page are wanted
const LOOK = new URL("../look.py", import.meta.url).pathname;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const expected = JSON.parse(readFileSync(`${CASES}/colored/photos.json`));
const folder = mkdtempSync(join(tmpdir(), "web-downloads-"));
const filesOf = (kind, names = readdirSync(`${CASES}/${kind}`)) =>
  names.map((name) => ({ name, body: readFileSync(`${CASES}/${kind}/${name}`) }));

let server, browser, page;

before(async () => {
  server = await serve();
  browser = await browse(server.address, { viewport: { width: 1280, height: 900 } });
  page = browser.page;
});

after(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

afterEach(() => {
  assert.deepEqual(browser.complaints.splice(0), []);
  const origins = new Set(browser.requests.filter((url) => !url.startsWith("blob:")).map((url) => new URL(url).origin));
  assert.deepEqual([...origins], [new URL(server.address).origin]);
});

// --- helpers ------------------------------------------------------------------------------------------------------

async function put(files) {
  await drop(page, files);
  await page.waitForFunction(() => !document.querySelector("#cancel").hidden);
  await idle(page);
}

/** A download as Pillow sees it, and the path of its pixels. */
function seen({ name, body }) {
  const path = join(folder, name);
  writeFileSync(path, body);
  return { path, ...JSON.parse(execFileSync(process.env.PYTHON ?? "python3", [LOOK, path])) };
}

/** Within 1 code on average, and within 4 but for a share `apart` of the values. */
function assertNear(path, name, what = "", apart = 0) {
  const [made, wanted] = [readFileSync(`${path}.rgb`), readFileSync(`${CASES}/colored/${name}${what}.rgb`)];
  assert.equal(made.length, wanted.length, name);
  let sum = 0,
    worst = 0,
    beyond = 0;
  for (let k = 0; k < made.length; k++) {
    const difference = Math.abs(made[k] - wanted[k]);
    sum += difference;
    beyond += difference > 4;
    worst = Math.max(worst, difference);
  }
  const told = `${name}${what}: mean ${(sum / made.length).toFixed(3)}, worst ${worst}, ${beyond} beyond 4`;
  if (process.env.VERBOSE) console.log(told);
  assert.ok(sum <= made.length && beyond <= apart * made.length, told);
}

const lines = () => page.$$eval("#lines li", (found) => found.map((line) => line.textContent));
const shownAt = (x, y) =>
  page.$eval(
    "#after",
    (canvas, [u, v]) =>
      [...canvas.getContext("2d").getImageData(u * canvas.width, v * canvas.height, 1, 1).data].slice(0, 3),
    [x, y],
  );
const chroma = ([r, g, b]) => Math.max(r, g, b) - Math.min(r, g, b);
const shoot = (name) => SHOTS && page.screenshot({ path: `${SHOTS}/${name}.png`, fullPage: true });

async function strength(value) {
  const turn = await page.$eval("#figure", (figure) => figure.dataset.turn);
  await page.locator("#strength").fill(String(value));
  await page.waitForFunction((old) => document.querySelector("#figure").dataset.turn !== old, turn);
}

// --- what people do -----------------------------------------------------------------------------------------------

test("of a mixed drop the thirteen good photos are colored as the terminal does, the bad ones have a line each", async () => {
  const bad = filesOf("bad"),
    good = filesOf("photos");
  await put([...bad, ...good]);
  const told = await lines();
  assert.deepEqual(told.map((line) => line.split(" ")[0]).sort(), bad.map(({ name }) => name).sort());
  for (const name of ["deep.png", "scan.tif", "cmyk.jpg"])
    assert.match(
      told.find((line) => line.startsWith(name)),
      /the program “colorize” takes/,
    );
  assert.match(
    told.find((line) => line.startsWith("enormous.png")),
    /at most 51 megapixels, got 200 \(20,000x10,000\)/,
  );
  assert.match(
    told.find((line) => line.startsWith("empty.jpg")),
    /an empty file/,
  );
  for (const name of ["torn.jpg", "torn.png", "damaged.png"])
    assert.match(
      told.find((line) => line.startsWith(name)),
      /damaged or cut off/,
    );
  assert.equal(await page.locator("#strip button").count(), good.length);
  await page.selectOption("#kind", "png");
  const zip = seen(await download(page, "#save-all"));
  const names = Object.keys(expected);
  assert.equal(zip.path, join(folder, "colorized.zip"));
  for (const name of names) {
    const inside = `${name.replace(/\.[^.]*$/, "")}-color.png`,
      file = zip[inside];
    assert.ok(file, inside);
    assert.deepEqual(file.size, [expected[name].width, expected[name].height]);
    assert.equal(file.sources.length, 1);
    assertNear(join(folder, "colorized", inside), name);
  }
  assert.deepEqual(zip["see-through-color.png"].alpha, [176, 255]);
  await shoot("desktop");
});

test("a photo keeps what its file told, is turned once, and says where its colors come from", async () => {
  await page.click('#strip button[aria-label="turned.jpg"]');
  await idle(page);
  await page.selectOption("#kind", "same");
  const file = seen(await download(page, "#save"));
  assert.equal(file.path, join(folder, "turned-color.jpg"));
  assert.equal(file.format, "JPEG");
  assert.deepEqual(file.size, [300, 451]);
  assert.deepEqual(file.dpi, [300, 300]);
  assert.deepEqual(
    [file.exif[274], file.exif[306], file.exif[271], file.exif[270]],
    ["1", "1931:05:04 10:00:00", "Ernemann", "album 3, page 2"],
  );
  assert.match(file.exif[305], /^ColorizeIMG \S+ \(model colorizer \S+; colors are a model's guess\)$/);
  assert.deepEqual([file.camera[40962], file.camera[40963]], ["300", "451"]);
  assert.match(file.camera[37500], /of a maker/);
  assert.equal(file.gps[1], "N");
  assert.deepEqual(file.sources, [
    "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia",
  ]);
  assert.match(file.xmp, /dc:source="album 3"/);
  assert.match(file.xmp, /tiff:Orientation="1"/);
  assert.equal(file.comment, "from the attic");
  assert.equal(file.profile, 588);
});

test("the line between before and after is moved with the keyboard", async () => {
  await page.click('#strip button[aria-label="grey.png"]');
  await idle(page);
  const colored = async () => {
    const box = await page.locator("#figure").boundingBox();
    const clip = { x: box.x + 20, y: box.y + 20, width: box.width - 40, height: box.height - 40 };
    const picture = { name: "shot.png", body: await page.screenshot({ clip }) };
    return readFileSync(`${seen(picture).path}.rgb`).reduce(
      (most, code, k, all) => (k % 3 ? most : Math.max(most, Math.abs(code - all[k + 2]))),
      0,
    );
  };
  await page.focus("#line");
  await page.keyboard.press("Home");
  assert.equal(await page.$eval("#figure", (figure) => getComputedStyle(figure).getPropertyValue("--cut")), "0%");
  assert.ok((await colored()) > 40);
  await page.keyboard.press("End");
  await page.evaluate(() => document.activeElement.blur());
  assert.ok((await colored()) <= 2); // a grey photo as it was
});

test("without strength the picture is grey, with more of it there is more color", async () => {
  const usual = await shownAt(0.25, 0.8);
  await strength(0);
  assert.equal(chroma(await shownAt(0.25, 0.8)), 0);
  await strength(1.5);
  assert.ok(chroma(await shownAt(0.25, 0.8)) > chroma(usual));
  await strength(1);
  assert.deepEqual(await shownAt(0.25, 0.8), usual);
});

test("a click gives a thing a color as the terminal's hints do, and is undone", async () => {
  const {
      width,
      height,
      points: [[x, y]],
    } = expected["grey.png"],
    at = [(x + 0.5) / width, (y + 0.5) / height];
  const usual = await shownAt(...at);
  await page.check('[value="hint"]');
  assert.ok(await page.isDisabled("#undo"));
  await page.$eval("#figure", (figure) => figure.scrollIntoView({ block: "center" }));
  const box = await page.locator("#marks").boundingBox();
  // A mouse points at whole pixels of the screen; of those that show this pixel of the photo, one.
  const screen = (pixel, side, begin, length) =>
    Array.from({ length: Math.ceil(length) }, (_, k) => Math.ceil(begin) + k).find(
      (place) => Math.floor(((place - begin) / length) * side) === pixel,
    );
  await page.mouse.click(screen(x, width, box.x, box.width), screen(y, height, box.y, box.height));
  await idle(page);
  const [red, green] = await shownAt(...at);
  assert.ok(red - green > 30);
  await shoot("hint");
  await page.selectOption("#kind", "png");
  // Where two ways round an edge are equally long, the rounded weights of the network may choose another one.
  assertNear(seen(await download(page, "#save")).path, "grey.png", ".hinted", 0.001);
  await page.click("#undo");
  await idle(page);
  assert.deepEqual(await shownAt(...at), usual);
  assert.ok(await page.isDisabled("#undo"));
});

test("the keyboard gives colors too", async () => {
  await page.focus("#marks");
  for (const key of ["ArrowLeft", "ArrowDown", "ArrowDown", "Enter"]) await page.keyboard.press(key);
  await idle(page);
  assert.equal(await page.textContent("#status"), "Colors given: 1");
  assert.match(await page.textContent("#where"), /48 percent from the left, 54 percent from the top/);
  await page.click("#none");
  await idle(page);
  await page.check('[value="compare"]');
});

test("what is under way can be cancelled, and the page goes on", async () => {
  const [photo] = filesOf("photos", ["grey.png"]);
  await page.click("#remove");
  await drop(
    page,
    Array.from({ length: 30 }, (_, k) => ({ ...photo, name: `${k}.png` })),
  );
  await page.waitForFunction(() => document.querySelectorAll("#strip button").length >= 2);
  await page.click("#cancel");
  await idle(page);
  const count = await page.locator("#strip button").count();
  assert.ok(count >= 2 && count < 30, `${count}`);
  assert.equal(await page.textContent("#status"), "Cancelled.");
  await put([photo]);
  assert.equal(await page.locator("#strip button").count(), count + 1);
});

// --- who can use it -----------------------------------------------------------------------------------------------

test("nothing stands in the way of a screen reader, in light and dark; on a phone nothing is wider than the screen", async () => {
  for (const [colorScheme, width] of [
    ["light", 1280],
    ["dark", 1280],
    ["dark", 390],
    ["light", 320],
  ]) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 844 });
    for (const mode of ["compare", "hint"]) {
      await page.check(`[value="${mode}"]`);
      await page.evaluate(AXE);
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      assert.deepEqual(
        violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)]),
        [],
      );
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width, `${width}`);
    }
    await shoot(`${colorScheme}-${width}`);
  }
  await page.check('[value="compare"]');
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1280, height: 900 });
});

test("the page speaks three languages, and remembers which", async () => {
  for (const [language, drop_] of [
    ["de", "Fotos hierher ziehen oder auswählen"],
    ["sr", "Prevucite fotografije ovdje ili ih izaberite"],
  ]) {
    await page.selectOption("#language", language);
    await page.waitForFunction((words) => document.querySelector("#drop label").textContent === words, drop_);
    const own = JSON.parse(readFileSync(new URL(`../../text/${language}.json`, import.meta.url)));
    const spoken = await page.$$eval("[data-text]", (found) =>
      found.map((element) => [element.dataset.text, element.textContent]),
    );
    for (const [name, words] of spoken) assert.equal(words, own[name]);
  }
  await page.reload();
  await page.waitForSelector("body[data-loaded]", { state: "attached" });
  assert.equal(await page.inputValue("#language"), "sr");
  await page.evaluate(() => {
    for (const language of ["de", "en"]) {
      document.querySelector("#language").value = language;
      document.querySelector("#language").dispatchEvent(new Event("change"));
    }
  });
  await page.reload(); // at once, before any words have come: the last choice is kept
  await page.waitForSelector("body[data-loaded]", { state: "attached" });
  assert.equal(await page.inputValue("#language"), "en");
});

// --- private and lasting ------------------------------------------------------------------------------------------

test("after the first visit there are threads, and a policy for the worker too", async () => {
  assert.ok(await page.evaluate(() => globalThis.crossOriginIsolated));
  const policy = await page.evaluate(async () => (await fetch("js/worker.js")).headers.get("Content-Security-Policy"));
  assert.match(policy, /default-src 'none'.*connect-src 'self'/);
});

test("without a network the page opens and colors, and nothing is sent", async () => {
  await server.close();
  browser.requests.length = 0;
  await page.reload();
  await page.waitForSelector("body[data-loaded]", { state: "attached" });
  await put(filesOf("photos", ["color.png"]));
  assert.equal(await page.textContent("#status"), "Photos in color: 1.");
  await page.selectOption("#kind", "png");
  assertNear(seen(await download(page, "#save")).path, "color.png");
  assert.deepEqual(
    new Set(browser.requests.filter((url) => !/^blob:/.test(url)).map((url) => new URL(url).origin)),
    new Set([new URL(server.address).origin]),
  );
});

test("the policy refuses what would go elsewhere", async () => {
  const refused = await page.evaluate(() =>
    fetch("https://example.com/").then(
      () => false,
      () => true,
    ),
  );
  assert.ok(refused);
  assert.match(browser.complaints.splice(0).join("\n"), /Content Security Policy/);
  browser.requests.length = 0;
  browser.requests.push(server.address);
});
