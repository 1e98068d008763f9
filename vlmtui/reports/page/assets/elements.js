// Elements made of names and text. Text stays text: nothing here reads markup.

const $ = (id) => document.getElementById(id);

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "class") element.className = value;
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/** The element that most others are made of. */
const span = (kind, ...children) => make("span", kind ? { class: kind } : {}, ...children);

function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Other children, the focus on the same one of the buttons among them: who tabs through them is not thrown out. */
function fill(element, ...children) {
  const at = [...element.querySelectorAll("button")].indexOf(document.activeElement);
  element.replaceChildren(...children);
  if (at >= 0) element.querySelectorAll("button")[at]?.focus({ preventScroll: true });
}

/** A button that is pressed, or not. */
function choice(label, pressed, press, attributes = {}) {
  return make("button", { type: "button", "aria-pressed": String(pressed), onclick: press, ...attributes }, label);
}

/** Term and description, pair by pair. */
function facts(list, pairs) {
  list.replaceChildren(...pairs.flatMap(([term, ...what]) => [make("dt", {}, term), make("dd", {}, ...what)]));
}

const WIDE = new RegExp(
  "[\\u1100-\\u115f\\u2e80-\\ua4cf\\uac00-\\ud7a3\\uf900-\\ufaff\\ufe30-\\ufe6f\\uff00-\\uff60\\uffe0-\\uffe6\\u{1f300}-\\u{1faff}]",
  "u",
);

/** Cells across, as a terminal would give it: wide letters count twice. */
function cellsAcross(text) {
  let wide = 0;
  for (const c of text) {
    if (/\p{M}/u.test(c)) continue;
    wide += WIDE.test(c) ? 2 : 1;
  }
  return wide;
}

const levels = (hex) => [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16));

/** Relative luminance of WCAG 2.2. */
function luminance(rgb) {
  const linear = rgb.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

/** Viridis from low to high. */
function heat(value, [low, high]) {
  if (!Number.isFinite(value)) return [128, 128, 128];
  const share = Math.min(1, Math.max(0, (value - low) / (high > low ? high - low : 1)));
  return levels(data.viridis.slice(6 * Math.round(share * 255), 6 * Math.round(share * 255) + 6));
}
