// One photo, before and after: a line between them that can be moved, or places on it that can be given a color.

import { say } from "./texts.js";

const STEP = 0.02; // of the picture, a press of an arrow key
const DOT = 1 / 90; // radius of a hint's mark, as a share of the picture's long side

export class Viewer {
  #figure = document.querySelector("#figure");
  #before = document.querySelector("#before");
  #after = document.querySelector("#after");
  #marks = document.querySelector("#marks");
  #line = document.querySelector("#line");
  #pointer = null; // where the keyboard's cross stands, as shares of the sides
  #points = [];
  #hinting = false;

  /** chosen(x, y): a place was chosen for a color, as shares of width and height. */
  constructor(chosen) {
    this.#line.addEventListener("input", () => this.#cut());
    this.#marks.addEventListener("click", (event) => {
      const box = this.#marks.getBoundingClientRect();
      chosen(inside((event.clientX - box.x) / box.width), inside((event.clientY - box.y) / box.height));
    });
    this.#marks.addEventListener("keydown", (event) => this.#key(event, chosen));
    this.#marks.addEventListener("blur", () => this.#point(null));
  }

  /** Show two ImageData of one size. */
  show(before, after) {
    for (const [canvas, image] of [
      [this.#before, before],
      [this.#after, after],
    ]) {
      [canvas.width, canvas.height] = [image.width, image.height];
      canvas.getContext("2d").putImageData(image, 0, 0);
    }
    [this.#marks.width, this.#marks.height] = [before.width, before.height];
    this.#figure.style.setProperty("--shape", `${before.width} / ${before.height}`);
    this.#figure.style.setProperty("--wide", before.width / before.height);
    this.#draw();
  }

  /** Whether places are chosen; else the line is moved. */
  set hinting(hinting) {
    this.#hinting = hinting;
    this.#figure.classList.toggle("hinting", hinting);
    this.#cut();
  }

  /** Hints to be marked: {x, y} as shares, color "#rrggbb". */
  set points(points) {
    this.#points = points;
    this.#draw();
  }

  #cut() {
    this.#figure.style.setProperty("--cut", this.#hinting ? "0%" : `${this.#line.value}%`);
  }

  #key(event, chosen) {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const at = this.#pointer ?? [0.5, 0.5];
    if (by) this.#point(at.map((value, k) => inside(value + STEP * by[k])));
    else if ((event.key === "Enter" || event.key === " ") && this.#pointer) chosen(...at);
    else return;
    event.preventDefault();
  }

  #point(at) {
    this.#pointer = at;
    if (at)
      document.querySelector("#where").textContent = say("place", {
        x: Math.round(at[0] * 100),
        y: Math.round(at[1] * 100),
      });
    this.#draw();
  }

  #draw() {
    const context = this.#marks.getContext("2d"),
      { width, height } = this.#marks;
    const radius = Math.max(4, DOT * Math.max(width, height)),
      stroke = (color, thick) => {
        [context.strokeStyle, context.lineWidth] = [color, thick];
        context.stroke();
      };
    context.clearRect(0, 0, width, height);
    for (const { x, y, color } of this.#points) {
      context.beginPath();
      context.arc(x * width, y * height, radius, 0, 2 * Math.PI);
      context.fillStyle = color;
      context.fill();
      stroke("#fff", radius / 3);
      stroke("#000", radius / 9);
    }
    if (!this.#pointer) return;
    const [x, y] = [this.#pointer[0] * width, this.#pointer[1] * height];
    context.beginPath();
    context.moveTo(x - 3 * radius, y);
    context.lineTo(x + 3 * radius, y);
    context.moveTo(x, y - 3 * radius);
    context.lineTo(x, y + 3 * radius);
    stroke("#fff", radius / 2);
    stroke("#000", radius / 4);
  }
}

const inside = (share) => Math.min(Math.max(share, 0), 0.9999);
