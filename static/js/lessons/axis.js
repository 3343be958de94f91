/*
  axis.js: a number that was guessed, what was measured and what theory says, as marks on one line. The same is said in
  words beside it, so the picture is hidden from screen readers.
*/

const SVG = "http://www.w3.org/2000/svg";

/**
 * @typedef {object} Scale
 * @property {number} min @property {number} max
 * @property {boolean} isLog
 */

/** Where a value stands between the ends: 0 to 1, beyond them at the end. @param {number} value @param {Scale} scale */
export function shareOf(value, { min, max, isLog }) {
  if (isLog) return value <= 0 ? 0 : clamped(Math.log(value / min) / Math.log(max / min));
  return clamped((value - min) / (max - min));
}

const clamped = (/** @type {number} */ share) => Math.min(1, Math.max(0, share));

/**
 * @param {HTMLElement} node
 * @param {Scale} scale
 * @param {{guess?: number, measured?: number, theory?: number}} marks
 */
export function drawAxis(node, scale, marks) {
  const at = (/** @type {number} */ value) => `${(shareOf(value, scale) * 100).toFixed(2)}%`;
  const svg = make("svg", { class: "lesson-line" });
  svg.append(make("line", { class: "lesson-rule", x1: "0", x2: "100%", y1: "50%", y2: "50%" }));
  if (marks.measured !== undefined) svg.append(make("circle", { class: "picture-measured", cx: at(marks.measured), cy: "50%", r: "7" }));
  if (marks.theory !== undefined) svg.append(make("circle", { class: "lesson-theory", cx: at(marks.theory), cy: "50%", r: "11" }));
  if (marks.guess !== undefined) svg.append(make("line", { class: "picture-guess", x1: at(marks.guess), x2: at(marks.guess), y1: "0", y2: "100%" }));
  const ends = document.createElement("p");
  ends.className = "lesson-ends";
  const end = (/** @type {number} */ value) => Object.assign(document.createElement("span"), { textContent: String(value) });
  ends.append(end(scale.min), Object.assign(document.createElement("span"), { textContent: "┆ guess  ● measured  ○ theory" }), end(scale.max));
  node.replaceChildren(svg, ends);
  node.hidden = false;
}

/** @param {string} name @param {Record<string, string>} attributes */
function make(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}
