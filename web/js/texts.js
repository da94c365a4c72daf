// The page's words, from one file a language. In the page, data-text names the words of an element, data-label those
// that a screen reader says.

export const LANGUAGES = ["en", "de", "sr"];
const KEPT = "language";
let words = {},
  language = "en",
  asked = "en";

/** The language chosen here before, or the first of the browser's that there is. */
export function preferred() {
  const wanted = [remembered(), ...navigator.languages.map((name) => name.slice(0, 2))];
  const near = { bs: "sr", hr: "sr", me: "sr" };
  return wanted.map((name) => near[name] ?? name).find((name) => LANGUAGES.includes(name)) ?? "en";
}

function remembered() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null; // a browser may keep nothing
  }
}

/** Show the page in a language: the last one asked for, should one be asked for while another's words still arrive. */
export async function speak(name, remember = false) {
  asked = name;
  if (remember) {
    try {
      localStorage.setItem(KEPT, name); // before the words are there: the page may be left at once
    } catch {
      // then it is asked for again the next time
    }
  }
  const found = await (await fetch(new URL(`../text/${name}.json`, import.meta.url))).json();
  if (asked !== name) return;
  [words, language] = [found, name];
  document.documentElement.lang = name === "sr" ? "sr-Latn" : name;
  document.title = say("title");
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = say(element.dataset.text);
  for (const element of document.querySelectorAll("[data-label]"))
    element.setAttribute("aria-label", say(element.dataset.label));
}

/** The words named `name`, with {values} filled in; numbers as the language writes them. */
export function say(name, values = {}) {
  return (words[name] ?? name).replace(/\{(\w+)\}/g, (_, key) =>
    typeof values[key] === "number" ? values[key].toLocaleString(language) : values[key],
  );
}
