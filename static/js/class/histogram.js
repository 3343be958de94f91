/*
  histogram.js: the guesses of a class as a picture, on one axis with what was measured (● filled) and what theory says
  (○ hollow), and the same as a table. A number has bars over bins, a choice a bar for each option, a curve the quartiles
  at each place, an order a table of who stands where. On the wall, and on a phone with
  its own guess in it; looks: class-histogram.css.
*/

import { el } from "../charts/dom.js";
import { shareOf } from "../lessons/axis.js";
import { counted, shown as figure } from "./words.js";

/**
 * @typedef {import("./state.js").Guesses} Guesses
 * @typedef {import("./words.js").Values} Values
 *
 * @typedef {object} Shown
 * @property {import("./state.js").Question} question
 * @property {Guesses|null} guesses
 * @property {Guesses|null} [first]              before they talked
 * @property {Values|null} [measured]            of a number one, of a curve one for each x
 * @property {Values|null} [theory]
 * @property {number[]} [right]                  from 1
 * @property {import("./state.js").Guess|null} [own]  on one's own phone only
 *
 * @typedef {{picture: HTMLElement, table: HTMLTableElement, words: string}} Drawn
 */

const SVG = "http://www.w3.org/2000/svg";
/** Of the height of a plot; the rest is for the counts above the bars. */
const BARS = 86;

/**
 * The picture, the table that says the same, and one sentence of both.
 * @param {Shown} shown
 * @returns {Drawn}
 */
export function drawGuesses(shown) {
  const { as } = shown.question;
  const drawn = as === "number" ? ofNumber(shown) : as === "choice" ? ofChoice(shown) : as === "curve" ? ofCurve(shown) : ofOrder(shown);
  drawn.picture.classList.add("guesses");
  drawn.picture.dataset.as = as;
  return drawn;
}

/** @param {Shown} shown @returns {Drawn} */
function ofNumber(shown) {
  const question = /** @type {import("./state.js").NumberQuestion} */ (shown.question);
  const guesses = /** @type {import("./state.js").NumberGuesses|null} */ (shown.guesses);
  const first = /** @type {import("./state.js").NumberGuesses|null} */ (shown.first ?? null);
  const unit = question.unit ? ` ${question.unit}` : "";
  const scale = { min: question.min, max: question.max, isLog: question.scale === "log" };
  const at = (/** @type {number} */ value) => shareOf(value, scale) * 100;
  const bins = guesses?.bins ?? [];
  const most = Math.max(1, ...bins.map(({ count }) => count), ...(first?.bins ?? []).map(({ count }) => count));
  const [measured, theory] = [shown.measured?.[0] ?? null, shown.theory?.[0] ?? null];
  const own = shown.own && "number" in shown.own ? shown.own.number : undefined;

  const plot = svg("guesses-plot");
  for (const bin of first?.bins ?? []) plot.append(bar("guesses-first", at(bin.from), at(bin.to), bin.count / most, 0.02));
  for (const bin of bins) plot.append(bar("guesses-bar", at(bin.from), at(bin.to), bin.count / most, 0.1));
  if (measured !== null) plot.append(line("guesses-line", at(measured)));
  if (theory !== null) plot.append(line("guesses-line guesses-line-theory", at(theory)));
  if (own !== undefined) plot.append(line("guesses-own", at(own)));
  for (const bin of bins) {
    if (bin.count > 0) plot.append(text((at(bin.from) + at(bin.to)) / 2, 100 - (bin.count / most) * BARS, String(bin.count)));
  }

  const axis = svg("guesses-axis");
  axis.append(make("line", { class: "guesses-rule", x1: "0", x2: "100%", y1: "50%", y2: "50%" }));
  const labelled = scale.isLog ? decades(question.min, question.max) : rounds(question.min, question.max);
  for (const value of labelled) axis.append(make("line", { class: "guesses-rule", x1: `${at(value)}%`, x2: `${at(value)}%`, y1: "30%", y2: "70%" }));
  if (measured !== null) axis.append(mark("measured", at(measured)));
  if (theory !== null) axis.append(mark("theory", at(theory)));

  const scaleRow = el("div", { class: "guesses-scale" });
  labelled.forEach((value, place) => {
    const isEnd = place === 0 || place === labelled.length - 1;
    const label = el("span", { class: isEnd ? "" : place % 2 === 0 ? "guesses-tick" : "guesses-tick guesses-tick-odd" }, figure(value));
    label.style.insetInlineStart = `${at(value)}%`;
    scaleRow.append(label);
  });
  if (unit !== "") scaleRow.append(el("span", { class: "guesses-unit" }, unit.trim()));

  const beyond = (/** @type {number} */ value) => (value > question.max || value < question.min ? " (beyond the axis)" : "");
  const keys = [];
  if (measured !== null) keys.push(key("measured", "measured", `${figure(measured)}${unit}${beyond(measured)}`));
  if (theory !== null) keys.push(key("theory", "theory", `${figure(theory)}${unit}${beyond(theory)}`));
  if (own !== undefined) keys.push(key("own", "you", `${figure(own)}${unit}`));
  const words = sentence(guesses, guesses !== null && guesses.median !== null && guesses.count > guesses.unknown ? `half of them at most ${figure(guesses.median)}${unit}` : "", measured, theory, unit);
  return {
    picture: picture(words, [plot, axis, scaleRow], keys, guesses, first),
    table: table("Guesses", ["from", "to", ...(first ? ["first guess"] : []), "guesses"], [
      ...bins.map(({ from, to, count }, place) => [figure(from), figure(to), ...(first ? [String(first.bins[place]?.count ?? 0)] : []), String(count)]),
      ...marksInTable(measured, theory, unit, first ? 4 : 3),
    ]),
    words,
  };
}

/** @param {Shown} shown @returns {Drawn} */
function ofChoice(shown) {
  const question = /** @type {import("./state.js").ChoiceQuestion} */ (shown.question);
  const guesses = /** @type {import("./state.js").ChoiceGuesses|null} */ (shown.guesses);
  const first = /** @type {import("./state.js").ChoiceGuesses|null} */ (shown.first ?? null);
  const right = shown.right ?? [];
  const most = Math.max(1, ...(guesses?.options ?? []), ...(first?.options ?? []));
  const own = shown.own && "choices" in shown.own ? shown.own.choices : [];
  const rows = question.options.map((option, place) => {
    const count = guesses?.options[place] ?? 0;
    const isRight = right.includes(place + 1);
    const filled = el("span", { class: "guesses-fill" });
    filled.style.inlineSize = `${(count / most) * 100}%`;
    const well = el("span", { class: "guesses-well" }, filled);
    if (first !== null) {
      const before = el("span", { class: "guesses-before" });
      before.style.inlineSize = `${((first.options[place] ?? 0) / most) * 100}%`;
      well.append(before);
    }
    const row = el("div", { class: "guesses-row" }, el("span", { class: "guesses-right" }, isRight ? "✓" : ""), el("span", { class: "guesses-option" }, option, ...(own.includes(place + 1) ? [el("strong", {}, " (you)")] : [])), well, el("span", { class: "guesses-count" }, String(count)));
    if (isRight) row.dataset.right = "";
    return row;
  });
  const rights = right.map((place) => question.options[place - 1] ?? "").filter((option) => option !== "");
  const words = sentence(guesses, rights.length > 0 ? `right: ${rights.join("; ")}` : "", null, null, "");
  return {
    picture: picture(words, [el("div", { class: "guesses-rows" }, ...rows)], rights.length > 0 ? [key("right", "what came out", "")] : [], guesses, first),
    table: table("Guesses", ["option", ...(first ? ["first guess"] : []), "guesses", "right"], question.options.map((option, place) => [option, ...(first ? [String(first.options[place] ?? 0)] : []), String(guesses?.options[place] ?? 0), right.includes(place + 1) ? "right" : ""])),
    words,
  };
}

/** @param {Shown} shown @returns {Drawn} */
function ofCurve(shown) {
  const question = /** @type {import("./state.js").CurveQuestion} */ (shown.question);
  const guesses = /** @type {import("./state.js").CurveGuesses|null} */ (shown.guesses);
  const first = /** @type {import("./state.js").CurveGuesses|null} */ (shown.first ?? null);
  const unit = question.unit ? ` ${question.unit}` : "";
  const [measured, theory] = [shown.measured ?? [], shown.theory ?? []];
  const own = shown.own && "curve" in shown.own ? shown.own.curve : undefined;
  const count = question.x.length;
  const x = (/** @type {number} */ place) => (count < 2 ? 50 : 4 + (place / (count - 1)) * 92);
  const y = (/** @type {number} */ value) => 96 - shareOf(value, { min: question.min, max: question.max, isLog: false }) * 92;
  const points = (/** @type {number[]} */ values) => values.map((value, place) => `${x(place)},${y(value)}`);

  const plot = svg("guesses-plot guesses-curves");
  // Stretched to the plot: lines keep their width, and dots stand in the other layer, which is not stretched.
  const stretched = make("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", width: "100%", height: "100%" });
  for (const place of question.x.keys()) stretched.append(make("line", { class: "guesses-grid", x1: String(x(place)), x2: String(x(place)), y1: "0", y2: "100" }));
  stretched.append(make("line", { class: "guesses-rule", x1: "0", x2: "100", y1: String(y(question.min)), y2: String(y(question.min)) }));
  if (guesses !== null && guesses.middle.length > 0) {
    stretched.append(make("polygon", { class: "guesses-band", points: [...points(guesses.high), ...points(guesses.low).reverse()].join(" ") }));
    stretched.append(make("polyline", { class: "guesses-middle", points: points(guesses.middle).join(" ") }));
  }
  if (first !== null && first.middle.length > 0) stretched.append(make("polyline", { class: "guesses-first", points: points(first.middle).join(" ") }));
  if (own !== undefined) stretched.append(make("polyline", { class: "guesses-own", points: points(own).join(" ") }));
  for (const [name, values] of /** @type {const} */ ([["theory", theory], ["measured", measured]])) {
    // A point at which nothing was measured parts the line.
    values.forEach((value, place) => {
      const before = place === 0 ? null : values[place - 1];
      if (value !== null && before !== null) stretched.append(make("line", { class: `guesses-line${name === "theory" ? " guesses-line-theory" : ""}`, x1: String(x(place - 1)), y1: String(y(before)), x2: String(x(place)), y2: String(y(value)) }));
    });
  }
  plot.append(stretched);
  for (const [name, values] of /** @type {const} */ ([["theory", theory], ["measured", measured]])) {
    values.forEach((value, place) => { if (value !== null) plot.append(mark(name, x(place), y(value))); });
  }

  const scaleRow = el("div", { class: "guesses-scale" });
  question.x.forEach((value, place) => {
    const label = el("span", {}, `${figure(value)}${place === count - 1 && question.x_unit ? ` ${question.x_unit}` : ""}`);
    label.style.insetInlineStart = `${x(place)}%`;
    scaleRow.append(label);
  });
  const ends = el("div", { class: "guesses-ends" }, el("span", {}, `${figure(question.max)}${unit}`), el("span", {}, figure(question.min)));
  const keys = [];
  if (guesses !== null && guesses.middle.length > 0) keys.push(key("band", "half of the class", ""), key("middle", "its middle", ""));
  if (measured.length > 0) keys.push(key("measured", "measured", ""));
  if (theory.length > 0) keys.push(key("theory", "theory", ""));
  if (own !== undefined) keys.push(key("own", "you", ""));
  const at = (/** @type {Values|undefined} */ values, /** @type {number} */ place) => figure(values?.[place] ?? NaN);
  const words = sentence(guesses, question.x.map((value, place) => `at ${figure(value)}${question.x_unit ? ` ${question.x_unit}` : ""} the middle guess is ${at(guesses?.middle, place)}${unit}`).join("; "), null, null, unit);
  return {
    picture: picture(words, [el("div", { class: "guesses-curve" }, ends, plot, scaleRow)], keys, guesses, first),
    table: table("Guesses", [question.x_unit || "at", "a quarter below", "half below", "three quarters below", "measured", "theory"], question.x.map((value, place) => [figure(value), at(guesses?.low, place), at(guesses?.middle, place), at(guesses?.high, place), at(measured, place), at(theory, place)])),
    words,
  };
}

/** An order is a table already: rows are items, columns the places they were given. @param {Shown} shown @returns {Drawn} */
function ofOrder(shown) {
  const question = /** @type {import("./state.js").OrderQuestion} */ (shown.question);
  const guesses = /** @type {import("./state.js").OrderGuesses|null} */ (shown.guesses);
  const right = shown.right ?? [];
  const own = shown.own && "order" in shown.own ? shown.own.order : [];
  const given = Math.max(1, (guesses?.count ?? 0) - (guesses?.unknown ?? 0));
  const heads = ["", ...question.items.map((_, place) => `${place + 1}.`)];
  const isRight = (/** @type {number} */ item, /** @type {number} */ place) => right[place] === item + 1;
  const rows = question.items.map((item, which) => [item, ...question.items.map((_, place) => `${guesses?.places[which]?.[place] ?? 0}${isRight(which, place) ? " ✓" : ""}`)]);
  const shownTable = table("How many put it at which place", heads, rows);
  [...shownTable.tBodies[0].rows].forEach((row, which) => [...row.cells].slice(1).forEach((cell, place) => {
    cell.style.setProperty("--share", `${Math.round(((guesses?.places[which]?.[place] ?? 0) / given) * 100)}%`);
    if (isRight(which, place)) cell.dataset.right = "";
    if (own[place] === which + 1) cell.dataset.own = "";
  }));
  const rights = right.map((item) => question.items[item - 1] ?? "").filter((item) => item !== "");
  const words = sentence(guesses, rights.length > 0 ? `it came out as: ${rights.join(", ")}` : "", null, null, "");
  const drawn = picture(words, [shownTable], [...(rights.length > 0 ? [key("right", "what came out", "")] : []), ...(own.length > 0 ? [key("own-place", "you", "")] : [])], guesses, null);
  return { picture: drawn, table: /** @type {HTMLTableElement} */ (shownTable.cloneNode(true)), words };
}

/** The ends of a log axis, and the powers of ten between them that stand clear of both. @param {number} min @param {number} max */
function decades(min, max) {
  const between = [];
  for (let power = Math.ceil(Math.log10(min)); power <= Math.log10(max); power += 1) {
    const value = 10 ** power;
    if (value >= min * 1.5 && value <= max / 1.5) between.push(value);
  }
  return [min, ...between, max];
}

/** The ends of an axis, and about five round values that stand clear of both. @param {number} min @param {number} max */
function rounds(min, max) {
  const rough = (max - min) / 6;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = size * ([1, 2, 5].find((times) => times * size >= rough * 0.99) ?? 10);
  const between = [];
  for (let times = Math.ceil(min / step); times * step < max; times += 1) {
    // By multiplication, and rounded: sums of 0.1 are no round values.
    const value = Number((times * step).toPrecision(12));
    if (value > min + step * 0.6 && value < max - step * 0.6) between.push(value);
  }
  return [min, ...between, max];
}

/** @param {Guesses|null} guesses */
const countText = (guesses) => (guesses === null || guesses.count === 0 ? "nobody guessed" : counted(guesses.count, "guess", "guesses"));

/** @param {Guesses|null} guesses @param {string} middle @param {number|null} measured @param {number|null} theory @param {string} unit */
function sentence(guesses, middle, measured, theory, unit) {
  const parts = [countText(guesses)];
  if (middle !== "") parts.push(middle);
  if (guesses !== null && guesses.unknown > 0) parts.push(`${guesses.unknown} did not know`);
  if (measured !== null) parts.push(`measured ${figure(measured)}${unit}`);
  if (theory !== null) parts.push(`theory ${figure(theory)}${unit}`);
  const text = parts.join("; ");
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}

/** @param {string} words @param {Node[]} parts @param {HTMLElement[]} keys @param {Guesses|null} guesses @param {Guesses|null} first */
function picture(words, parts, keys, guesses, first) {
  const hasTable = parts.some((part) => part instanceof HTMLTableElement);
  const drawing = el("div", { class: "guesses-drawing", ...(hasTable ? {} : { role: "img", "aria-label": words }) }, ...parts);
  const unknown = guesses !== null && guesses.unknown > 0 ? `, ${guesses.unknown} did not know` : "";
  const list = el("p", { class: "guesses-key" }, ...keys, key("bar", `${countText(guesses)}${unknown}`, ""), ...(first === null ? [] : [key("first", "before you talked", "")]));
  return el("div", {}, drawing, list);
}

/** A sample and its name; a value is large. @param {string} name @param {string} label @param {string} value */
function key(name, label, value) {
  return el("span", { class: "guesses-item" }, el("span", { class: `guesses-sample guesses-sample-${name}`, "aria-hidden": "true" }), ` ${label}`, ...(value === "" ? [] : [" ", el("strong", { class: "guesses-value" }, value)]));
}

/** @param {string} caption @param {string[]} heads @param {string[][]} rows */
function table(caption, heads, rows) {
  const head = el("tr", {}, ...heads.map((name) => (name === "" ? el("td") : el("th", { scope: "col" }, name))));
  const body = rows.map(([first, ...rest]) => el("tr", {}, el("th", { scope: "row" }, first), ...rest.map((value) => el("td", { class: "num" }, value))));
  return el("table", { class: "data guesses-table" }, el("caption", {}, caption), el("thead", {}, head), el("tbody", {}, ...body));
}

/** @param {number|null} measured @param {number|null} theory @param {string} unit @param {number} columns */
function marksInTable(measured, theory, unit, columns) {
  const row = (/** @type {string} */ name, /** @type {number} */ value) => [name, ...Array.from({ length: columns - 2 }, () => ""), `${figure(value)}${unit}`];
  return [...(measured === null ? [] : [row("measured", measured)]), ...(theory === null ? [] : [row("theory", theory)])];
}

/** @param {string} className */
function svg(className) {
  return make("svg", { class: className, "aria-hidden": "true", focusable: "false" });
}

/** A bar from one end of a bin to the other, with air on both sides. @param {string} className @param {number} from @param {number} to in % @param {number} share of the highest @param {number} air of its width */
function bar(className, from, to, share, air) {
  const width = to - from;
  return make("rect", { class: className, x: `${from + width * air}%`, width: `${Math.max(0, width * (1 - 2 * air))}%`, y: `${100 - share * BARS}%`, height: `${share * BARS}%` });
}

/** @param {string} className @param {number} at in % */
function line(className, at) {
  return make("line", { class: className, x1: `${at}%`, x2: `${at}%`, y1: "0", y2: "100%" });
}

/** @param {"measured"|"theory"} name @param {number} x in % @param {number} [y] in % */
function mark(name, x, y = 50) {
  return make("circle", { class: `guesses-mark-${name}`, cx: `${x}%`, cy: `${y}%`, r: name === "measured" ? "0.34em" : "0.56em" });
}

/** @param {number} x in % @param {number} y in % @param {string} words */
function text(x, y, words) {
  const node = make("text", { class: "guesses-number", x: `${x}%`, y: `${y}%`, dy: "-0.25em", "text-anchor": "middle" });
  node.textContent = words;
  return node;
}

/** @param {string} name @param {Record<string, string>} attributes */
function make(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [attribute, value] of Object.entries(attributes)) node.setAttribute(attribute, value);
  return node;
}
