/*
  picture.js: the class's guesses with one's own in them, as this phone alone shows it. A picture for the eye and a sentence
  that says the same; own mark and result differ by shape and word, not by colour alone.
*/
import { el } from "../../charts/dom.js";
import { svg } from "./dom.js";
import { counted, shown, withUnit } from "./words.js";

/** @typedef {import("../state.js").Histogram} Histogram */
/** @typedef {import("../state.js").Question} Question */
/** @typedef {import("../state.js").Guess} Guess */

/** @typedef {{guess?: Guess | null, measured?: number | number[] | null, theory?: number | number[] | null, right?: number[]}} Marks */

/**
 * @param {Question} question
 * @param {Histogram} histogram
 * @param {Marks} marks
 * @returns {HTMLElement}
 */
export function pictureOf(question, histogram, marks) {
  const said = el("figcaption", { class: "phone-figure-said" }, sentenceOf(question, histogram));
  const drawn = question.as === "number" ? bins(question, histogram, marks)
    : question.as === "choice" ? options(question, histogram, marks)
    : question.as === "curve" ? curves(question, histogram, marks)
    : places(question, histogram, marks);
  return el("figure", { class: "phone-figure" }, ...(drawn === null ? [] : [drawn]), said);
}

/** @param {Question} question @param {Histogram} histogram */
function sentenceOf(question, { count, unknown, median }) {
  const parts = [counted(count, "guess", "guesses")];
  if (question.as === "number" && median !== null && median !== undefined) parts.push(`half of them up to ${withUnit(median, question.unit)}`);
  if (unknown > 0) parts.push(`${unknown} did not know`);
  return `The class: ${parts.join(", ")}.`;
}

const WIDTH = 320;
const HEIGHT = 170;
const [LEFT, RIGHT, TOP, BOTTOM] = [8, 312, 34, 126];

/** Where a value stands between the ends of the scale, in px of the picture. @param {Question} question @param {number} value */
function across({ min = 0, max = 1, scale }, value) {
  const share = scale === "log" && min > 0 ? (value <= 0 ? 0 : Math.log(value / min) / Math.log(max / min)) : (value - min) / (max - min);
  return LEFT + (RIGHT - LEFT) * Math.min(1, Math.max(0, share));
}

/** @param {Question} question @param {Histogram} histogram @param {Marks} marks */
function bins(question, { bins: all = [] }, { guess, measured, theory }) {
  if (all.length === 0) return null;
  const drawn = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "phone-picture", "aria-hidden": "true" });
  const most = Math.max(1, ...all.map(({ count }) => count));
  const own = guess?.number;
  const last = all.length - 1;
  all.forEach(({ from, to, count }, at) => {
    const [x0, x1] = [across(question, from), across(question, to)];
    const height = (BOTTOM - TOP) * count / most;
    const isOwn = own !== undefined && own >= from && (own < to || at === last);
    drawn.append(svg("rect", { x: x0 + 1, y: BOTTOM - height, width: Math.max(1, x1 - x0 - 2), height, class: isOwn ? "phone-bar phone-bar-own" : "phone-bar" }));
    if (count > 0) drawn.append(svg("text", { x: (x0 + x1) / 2, y: BOTTOM - height - 3, class: "phone-tick", "text-anchor": "middle" }, String(count)));
  });
  drawn.append(svg("line", { x1: LEFT, x2: RIGHT, y1: BOTTOM, y2: BOTTOM, class: "phone-rule" }));
  for (const [value, anchor] of /** @type {const} */ ([[question.min ?? 0, "start"], [question.max ?? 1, "end"]])) {
    drawn.append(svg("text", { x: across(question, value), y: BOTTOM + 15, class: "phone-tick", "text-anchor": anchor }, shown(value)));
  }
  const truth = measured ?? theory;
  if (typeof truth === "number") drawn.append(...mark(across(question, truth), measured === null || measured === undefined ? "predicted" : "measured", 0));
  if (own !== undefined) drawn.append(...mark(across(question, own), "you", 1));
  return drawn;
}

/** A line with its word above the bars: the result's in the first row, one's own below the axis.
 * @param {number} x @param {string} word @param {0 | 1} row */
function mark(x, word, row) {
  const anchor = x < 60 ? "start" : x > WIDTH - 60 ? "end" : "middle";
  if (row === 1) return [
    svg("path", { d: `M${x} ${BOTTOM + 17}l-7 11h14z`, class: "phone-own" }),
    svg("text", { x, y: BOTTOM + 40, class: "phone-mark-text", "text-anchor": anchor }, word),
  ];
  return [
    svg("line", { x1: x, x2: x, y1: 16, y2: BOTTOM, class: word === "predicted" ? "phone-truth phone-truth-predicted" : "phone-truth" }),
    svg("text", { x, y: 12, class: "phone-mark-text", "text-anchor": anchor }, word),
  ];
}

/** @param {Question} question @param {Histogram} histogram @param {Marks} marks */
function options(question, { options: counts = [], count }, { guess, right = [] }) {
  const most = Math.max(1, ...counts);
  return el("ul", { class: "phone-bars" }, ...(question.options ?? []).map((text, at) => {
    const place = at + 1;
    const words = [right.includes(place) ? "✓ right" : "", guess?.choices?.includes(place) ? "▸ yours" : ""].filter((word) => word !== "");
    const bar = el("span", { class: "phone-barline", "aria-hidden": "true" });
    bar.style.inlineSize = `${(counts[at] ?? 0) / most * 100}%`;
    return el("li", { "data-own": String(guess?.choices?.includes(place) ?? false), "data-right": String(right.includes(place)) },
      el("span", { class: "phone-bars-text" }, text), " ",
      el("span", { class: "phone-bars-words" }, words.join(" ")), " ",
      el("span", { class: "phone-bars-track" }, bar), el("span", { class: "phone-bars-count" }, `${counts[at] ?? 0} of ${count}`));
  }));
}

/** The middle half of the class as a band, one's own as a line with dots, what came out as another, where it has a value for
 * each point. @param {Question} question @param {Histogram} histogram @param {Marks} marks */
function curves(question, { low = [], middle = [], high = [] }, { guess, measured, theory }) {
  const xs = question.x ?? [];
  if (xs.length < 2) return null;
  const drawn = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "phone-picture", "aria-hidden": "true" });
  const [left, right, top, bottom] = [44, 306, 14, 136];
  const [min, max] = [question.min ?? 0, question.max ?? 1];
  const x = (/** @type {number} */ at) => left + (right - left) * at / (xs.length - 1);
  const y = (/** @type {number} */ value) => bottom - (bottom - top) * Math.min(1, Math.max(0, (value - min) / (max - min)));
  const points = (/** @type {number[]} */ values) => values.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
  if (low.length === xs.length && high.length === xs.length) {
    drawn.append(svg("polygon", { points: [...points(high), ...points(low).reverse()].join(" "), class: "phone-band" }));
  }
  if (middle.length === xs.length) drawn.append(svg("polyline", { points: points(middle).join(" "), class: "phone-middle" }));
  drawn.append(svg("line", { x1: left, x2: right, y1: bottom, y2: bottom, class: "phone-rule" }), svg("line", { x1: left, x2: left, y1: top, y2: bottom, class: "phone-rule" }));
  xs.forEach((value, at) => drawn.append(svg("text", { x: x(at), y: bottom + 15, class: "phone-tick", "text-anchor": at === xs.length - 1 ? "end" : "middle" }, shown(value))));
  if (question.x_unit) drawn.append(svg("text", { x: right, y: bottom + 30, class: "phone-tick", "text-anchor": "end" }, question.x_unit));
  for (const value of [min, max]) drawn.append(svg("text", { x: left - 4, y: y(value) + 4, class: "phone-tick", "text-anchor": "end" }, shown(value)));
  if (question.unit) drawn.append(svg("text", { x: left + 6, y: top + 2, class: "phone-tick" }, question.unit));
  const truth = [measured, theory].find((values) => Array.isArray(values) && values.length === xs.length);
  if (Array.isArray(truth)) drawn.append(svg("polyline", { points: points(truth).join(" "), class: truth === measured ? "phone-truth phone-truth-line" : "phone-truth phone-truth-line phone-truth-predicted" }));
  if (guess?.curve?.length === xs.length) {
    drawn.append(svg("polyline", { points: points(guess.curve).join(" "), class: "phone-own-line" }));
    guess.curve.forEach((value, at) => drawn.append(svg("circle", { cx: x(at), cy: y(value), r: 5, class: "phone-own" })));
  }
  const came = !Array.isArray(truth) ? "" : truth === measured ? " · thick line: measured" : " · thick dashes: theory";
  const key = el("p", { class: "phone-key" }, `— with dots: you · band: the middle half of the class · ┄ its middle${came}`);
  return el("div", {}, drawn, key);
}

/** Each item with the place that most gave it, and one's own. @param {Question} question @param {Histogram} histogram @param {Marks} marks */
function places(question, { places: counts = [] }, { guess, right = [] }) {
  const items = question.items ?? [];
  const order = right.length === items.length ? right : items.map((_, at) => at + 1);
  const rows = order.map((item) => {
    const all = counts[item - 1] ?? [];
    const most = Math.max(0, ...all);
    const own = guess?.order ? guess.order.indexOf(item) + 1 : 0;
    return el("tr", {}, el("th", { scope: "row" }, items[item - 1] ?? ""),
      el("td", {}, own === 0 ? "—" : String(own)),
      el("td", {}, most === 0 ? "—" : `${all.indexOf(most) + 1} (${most})`),
      ...(right.length === items.length ? [el("td", {}, String(right.indexOf(item) + 1))] : []));
  });
  const head = ["what", "yours", "most said", ...(right.length === items.length ? ["right"] : [])];
  return el("table", { class: "phone-places" }, el("thead", {}, el("tr", {}, ...head.map((text) => el("th", { scope: "col" }, text)))), el("tbody", {}, ...rows));
}
