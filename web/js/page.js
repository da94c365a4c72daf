// The page: photos come in, are colored by the worker one after the other, are looked at, changed and taken away.

import { Client } from "./client.js";
import { Refused } from "./errors.js";
import { ready } from "./offline.js";
import { LANGUAGES, preferred, say, speak } from "./texts.js";
import { Viewer } from "./viewer.js";
import { MOST as MOST_ZIP, distinct, zipped } from "./zip.js";

const $ = (selector) => document.querySelector(selector);
const NO_HOW = { strength: 1, points: [] };
const items = []; // {key, file, width, height, strength, points: [{x, y, color}], button}, x and y as shares
let client = null,
  loaded = null,
  shown = null,
  number = 0,
  status = ["loading"],
  running = 0;

const viewer = new Viewer(addHint);

async function start() {
  await speak(preferred());
  for (const name of LANGUAGES)
    $("#language").append(new Option({ en: "English", de: "Deutsch", sr: "Srpski" }[name], name));
  $("#language").value = preferred();
  wire();
  loaded = load();
  loaded.catch((error) => complain("", error));
}

async function load() {
  tell("loading");
  await ready();
  client = new Client();
  const { model, version } = await client.ask("load", {}, bar);
  $("#about").textContent = `ColorizeIMG ${version}, ${model.name} ${model.version}. ${model.license}.`;
  document.body.dataset.loaded = "yes";
  tell("ready");
  bar(null);
}

function wire() {
  $("#language").addEventListener("change", async (event) => {
    await speak(event.target.value, true);
    tell(...status);
  });
  $("#files").addEventListener("change", (event) => {
    take([...event.target.files]);
    event.target.value = "";
  });
  for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => event.preventDefault());
  document.addEventListener("dragover", () => $("#drop").classList.add("over"));
  for (const kind of ["dragleave", "drop"]) document.addEventListener(kind, () => $("#drop").classList.remove("over"));
  document.addEventListener("drop", (event) => take([...(event.dataTransfer?.files ?? [])]));
  document.addEventListener("paste", (event) => take([...(event.clipboardData?.files ?? [])]));
  for (const mode of document.querySelectorAll("[name=mode]")) mode.addEventListener("change", changeMode);
  $("#strength").addEventListener("input", changeStrength);
  $("#undo").addEventListener("click", () => changeHints(shown.points.slice(0, -1)));
  $("#none").addEventListener("click", () => changeHints([]));
  $("#save").addEventListener("click", () => busy(() => saveOne(shown)));
  $("#save-all").addEventListener("click", () => busy(saveAll));
  $("#remove").addEventListener("click", removeAll);
  $("#cancel").addEventListener("click", () => client.cancel());
}

// --- words on the page ------------------------------------------------------------------------------------------

function tell(name, values) {
  status = [name, values];
  $("#status").textContent = name ? say(name, values) : "";
}

/** A share of the work that is done; null where none is under way. */
function bar(share) {
  $("#progress").hidden = share === null;
  $("#progress").value = share ?? 0;
}

function complain(name, error) {
  if (error.line === "cancelled") return tell("cancelled");
  const line = document.createElement("li"),
    bold = document.createElement("b"),
    refused = error instanceof Refused;
  bold.textContent = name;
  line.append(bold, ` ${refused ? say(error.line, error.values) : say("unforeseen", { why: String(error) })}`);
  $("#lines").append(line);
}

/** Do something that can be cancelled, with the progress shown. */
async function busy(work) {
  running++;
  $("#cancel").hidden = false;
  try {
    await loaded;
    await work();
  } catch (error) {
    complain("", error);
  } finally {
    running--;
    $("#cancel").hidden = running === 0;
    if (!running) bar(null);
    enable();
  }
}

function enable() {
  $("#undo").disabled = $("#none").disabled = !shown?.points.length;
  $("#work").hidden = !shown;
  $("#save-all").hidden = items.length < 2;
}

// --- photos come in ---------------------------------------------------------------------------------------------

function take(files) {
  if (!files.length) return;
  $("#lines").replaceChildren();
  busy(async () => {
    let left = false;
    for (const [k, file] of files.entries()) {
      if (left) break;
      tell("coloring", { number: k + 1, count: files.length, name: file.name });
      try {
        await add(file, (share) => bar((k + share) / files.length));
      } catch (error) {
        left = error.line === "cancelled";
        complain(file.name, error);
      }
    }
    if (!left) tell(items.length ? "done" : "none-done", { count: items.length });
  });
}

async function add(file, progress) {
  const key = ++number,
    { thumbnail, ...facts } = await client.ask("add", { key, file }, progress);
  const item = { key, file, ...facts, ...structuredClone(NO_HOW) };
  item.button = buttonOf(item, thumbnail);
  items.push(item);
  $("#strip").append(item.button);
  if (!shown) await look(item);
  enable();
}

function buttonOf(item, thumbnail) {
  const entry = document.createElement("li"),
    button = document.createElement("button"),
    canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [thumbnail.width, thumbnail.height];
  canvas.getContext("2d").putImageData(thumbnail, 0, 0);
  button.type = "button";
  button.setAttribute("aria-label", item.file.name);
  button.title = item.file.name;
  button.append(canvas);
  button.addEventListener("click", () => busy(() => look(item)));
  entry.append(button);
  return entry;
}

function removeAll() {
  client.cancel();
  for (const { key } of items.splice(0)) client.ask("forget", { key });
  shown = null;
  $("#strip").replaceChildren();
  $("#lines").replaceChildren();
  tell("ready");
  enable();
  $("#files").focus();
}

// --- one photo is looked at and changed -------------------------------------------------------------------------

async function look(item) {
  shown = item;
  for (const other of items) other.button.firstChild.setAttribute("aria-current", String(other === item));
  $("#name").textContent = item.file.name;
  $("#strength").value = item.strength;
  $("#figure").setAttribute("aria-label", say("picture", { name: item.file.name }));
  enable();
  await refresh();
}

const howOf = (item) => ({
  strength: item.strength,
  points: item.points.map(({ x, y, color }) => ({
    x: Math.floor(x * item.width),
    y: Math.floor(y * item.height),
    color: [1, 3, 5].map((k) => parseInt(color.slice(k, k + 2), 16)),
  })),
});

let wanted = 0;

/** Color what is shown again. Of several wishes while one is at work, only the last is met. */
async function refresh() {
  const item = shown,
    turn = ++wanted;
  await refresh.last;
  if (turn !== wanted) return;
  refresh.last = client.ask("show", { key: item.key, how: howOf(item) }).then(
    ({ before, after }) => {
      if (shown !== item) return;
      viewer.show(before, after);
      viewer.points = item.points;
      $("#strength-value").textContent = item.strength.toFixed(2);
      $("#figure").dataset.turn = turn;
    },
    (error) => complain(item.file.name, error),
  );
  await refresh.last;
  enable();
}

function changeMode() {
  const hinting = $("[name=mode]:checked").value === "hint";
  viewer.hinting = hinting;
  $("#tools").hidden = !hinting;
  $("#line").hidden = hinting;
  $("#marks").tabIndex = hinting ? 0 : -1;
}

function changeStrength() {
  shown.strength = Number($("#strength").value);
  refresh();
}

function addHint(x, y) {
  changeHints([...shown.points, { x, y, color: $("#color").value }]);
}

function changeHints(points) {
  shown.points = points;
  viewer.points = points;
  tell("hints", { count: points.length });
  busy(refresh);
}

// --- pictures go out --------------------------------------------------------------------------------------------

const nameOf = (item, kind) => `${item.file.name.replace(/\.[^.]*$/, "")}-color.${kind === "jpeg" ? "jpg" : "png"}`;

const picture = (item, progress) =>
  client.ask("save", { key: item.key, how: howOf(item), kind: $("#kind").value }, progress);

async function saveOne(item) {
  tell("saving", { name: item.file.name });
  const { blob, kind } = await picture(item, bar);
  hand(blob, nameOf(item, kind));
  tell("saved", { name: nameOf(item, kind) });
}

async function saveAll() {
  const made = [];
  let size = 0;
  for (const [k, item] of items.entries()) {
    tell("saving-all", { number: k + 1, count: items.length });
    try {
      const { blob, kind } = await picture(item, (share) => bar((k + share) / items.length));
      if ((size += blob.size) > MOST_ZIP) throw new Refused("zip-too-large", { most: Math.floor(MOST_ZIP / 1e9) });
      made.push({ name: nameOf(item, kind), blob });
    } catch (error) {
      if (error.line === "cancelled") throw error;
      complain(item.file.name, error);
      if (error.line === "zip-too-large") break;
    }
  }
  const names = distinct(made.map(({ name }) => name));
  hand(await zipped(made.map(({ blob }, k) => ({ name: names[k], blob }))), "colorized.zip");
  tell("saved", { name: "colorized.zip" });
}

function hand(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

start();
