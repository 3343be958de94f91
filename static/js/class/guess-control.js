/*
  guess-control.js: the four ways to guess, for a phone in a class and for who is alone: a number, a choice, a curve over a
  few points, an order. Nothing is chosen beforehand, and "I do not know" is an answer apart. Whatever a finger can do, keys
  can; a curve is drawn on its picture, or by the slider and the number field of each point.

      const control = guessControl(guess, { onChange });
      form.append(control.element);          // needs /static/css/guess-control.css
      control.value()                        // a Guess, or null while there is none

  Its texts come from a lesson and stay text. Nothing here is newer than Baseline 2023.
*/

import { el, setText } from "../charts/dom.js";
import { shown as figure } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
/** Places of a slider between its ends. */
const STEPS = 200;
/** The picture of a curve, in its own units. */
const PICTURE = { width: 320, height: 190, left: 54, right: 12, top: 10, bottom: 26 };

/**
 * @typedef {import("./state.js").Question} Asked
 * @typedef {import("./state.js").Guess} Guess
 *
 * @typedef {object} GuessControl
 * @property {HTMLElement} element
 * @property {() => Guess | null} value      null: nothing was guessed yet, or it cannot be taken
 * @property {() => string} fault            what is missing while there is no value; "" otherwise
 * @property {(guess: Guess | null) => void} set   shows a guess; null: none. Calls nobody.
 * @property {(locked?: boolean) => void} lock     it can be read and no more be changed
 * @property {() => void} focus              to where one begins
 */

/**
 * @typedef {object} Part                    what differs between the four kinds
 * @property {HTMLElement} body
 * @property {() => Guess | null} value
 * @property {() => string} fault
 * @property {(guess: Guess | null) => void} set
 * @property {(locked: boolean) => void} lock
 * @property {() => void} focus
 */

let made = 0;

/**
 * @param {Asked} guess
 * @param {{onChange?: (value: Guess | null) => void}} [hooks]  onChange: after each change by the visitor
 * @returns {GuessControl}
 */
export function guessControl(guess, { onChange = () => {} } = {}) {
  const id = `guess-${++made}`;
  let isUnknown = false;
  const changed = () => {
    isUnknown = false;
    showUnknown();
    onChange(value());
  };
  const part = partOf(guess, id, changed);
  const unknown = el("button", { type: "button", class: "button guess-unknown", "data-unknown": "yes", "aria-pressed": "false" }, "I do not know");
  const element = el("fieldset", { class: `guess guess-as-${guess.as}` }, el("legend", {}, guess.question), part.body, unknown);
  const showUnknown = () => {
    unknown.setAttribute("aria-pressed", String(isUnknown));
    element.classList.toggle("is-unknown", isUnknown);
  };
  const value = () => (isUnknown ? /** @type {Guess} */ ({ unknown: true }) : part.value());
  unknown.addEventListener("click", () => {
    isUnknown = !isUnknown;
    if (isUnknown) part.set(null);
    showUnknown();
    onChange(value());
  });
  return {
    element,
    value,
    fault: () => (value() === null ? part.fault() : ""),
    set(given) {
      isUnknown = given !== null && "unknown" in given;
      part.set(isUnknown ? null : given);
      showUnknown();
    },
    lock(locked = true) {
      part.lock(locked);
      unknown.disabled = locked;
      element.classList.toggle("is-locked", locked);
    },
    focus: part.focus,
  };
}

/** @param {Asked} guess @param {string} id @param {() => void} changed @returns {Part} */
function partOf(guess, id, changed) {
  switch (guess.as) {
    case "number": return numberPart(guess, id, changed);
    case "choice": return choicePart(guess, id, changed);
    case "curve": return curvePart(guess, id, changed);
    case "order": return orderPart(guess, changed);
  }
}

/** @param {import("./state.js").NumberQuestion} guess @param {string} id @param {() => void} changed @returns {Part} */
function numberPart({ min, max, unit, scale, question }, id, changed) {
  const one = valueField({ min, max, unit, isLog: scale === "log", label: question, id, changed });
  const hint = el("p", { class: "hint", id: `${id}-limits` }, `From ${shown(min)} to ${shown(max)}. Write it, or slide.`);
  one.number.setAttribute("aria-describedby", hint.id);
  return {
    body: el("div", { class: "guess-body" }, el("div", { class: "guess-value" }, one.number, el("span", { class: "guess-unit" }, unit), one.range), hint),
    value() {
      const number = one.value();
      return number === null ? null : { number };
    },
    fault: () => `Write a number from ${min} to ${max}, or say that you do not know.`,
    set: (given) => one.set(given !== null && "number" in given ? given.number : null),
    lock: one.lock,
    focus: () => one.number.focus(),
  };
}

/** @param {import("./state.js").ChoiceQuestion} guess @param {string} id @param {() => void} changed @returns {Part} */
function choicePart({ options, many }, id, changed) {
  const fields = options.map((_, at) => {
    const field = el("input", { type: many ? "checkbox" : "radio", name: id, value: String(at + 1), autocomplete: "off" });
    field.addEventListener("change", changed);
    return field;
  });
  const labels = options.map((option, at) => el("label", {}, fields[at], el("span", {}, option)));
  return {
    body: el("div", { class: "guess-body" }, ...(many ? [el("p", { class: "hint" }, "Choose as many as you like.")] : []), el("div", { class: "guess-options" }, ...labels)),
    value() {
      const choices = fields.filter((field) => field.checked).map((field) => Number(field.value));
      return choices.length === 0 ? null : { choices };
    },
    fault: () => "Choose an answer, or say that you do not know.",
    set(given) {
      const choices = given !== null && "choices" in given ? given.choices : [];
      for (const field of fields) field.checked = choices.includes(Number(field.value));
    },
    lock(locked) { for (const field of fields) field.disabled = locked; },
    focus: () => fields[0].focus(),
  };
}

/** @param {import("./state.js").CurveQuestion} guess @param {string} id @param {() => void} changed @returns {Part} */
function curvePart({ x, x_unit: xUnit, min, max, unit }, id, changed) {
  const picture = curvePicture({ x, xUnit, min, max, unit });
  const draw = () => picture.draw(fields.map((field) => field.value()));
  const fields = x.map((at, place) => valueField({
    min, max, unit, isLog: false, id: `${id}-${place}`, label: `at ${shown(at)} ${xUnit}`.trim(),
    changed() {
      draw();
      changed();
    },
  }));
  const rows = fields.map((field, place) => el("div", { class: "guess-point" },
    el("label", { for: field.number.id }, `at ${shown(x[place])} ${xUnit}`), field.number, el("span", { class: "guess-unit" }, unit), field.range));

  // A finger (or a mouse) draws: it sets the point that is nearest to it, and goes on to the next one.
  let isLocked = false;
  const put = (/** @type {PointerEvent} */ event) => {
    const { place, value } = picture.under(event);
    fields[place].set(value);
    draw();
    changed();
  };
  picture.svg.addEventListener("pointerdown", (event) => {
    if (isLocked || event.button !== 0) return;
    picture.svg.setPointerCapture(event.pointerId);
    event.preventDefault();
    put(event);
  });
  picture.svg.addEventListener("pointermove", (event) => {
    if (!isLocked && picture.svg.hasPointerCapture(event.pointerId)) put(event);
  });
  draw();
  return {
    body: el("div", { class: "guess-body" },
      el("p", { class: "hint" }, `Draw on the picture, or set each point: from ${shown(min)} to ${shown(max)} ${unit}.`.trim()),
      picture.svg, el("div", { class: "guess-points" }, ...rows)),
    value() {
      const curve = fields.map((field) => field.value());
      return curve.every((value) => value !== null) ? { curve } : null;
    },
    fault: () => `Give each of the ${x.length} points a number from ${shown(min)} to ${shown(max)}, or say that you do not know.`,
    set(given) {
      const curve = given !== null && "curve" in given ? given.curve : [];
      fields.forEach((field, place) => field.set(curve[place] ?? null));
      draw();
    },
    lock(locked) {
      isLocked = locked;
      for (const field of fields) field.lock(locked);
    },
    focus: () => (fields.find((field) => field.value() === null) ?? fields[0]).number.focus(),
  };
}

/** @param {import("./state.js").OrderQuestion} guess @param {() => void} changed @returns {Part} */
function orderPart({ items }, changed) {
  const asShown = () => items.map((_, at) => at + 1);
  let order = asShown();
  let isMade = false; // nothing is an answer before somebody has made it one
  let isLocked = false;
  const list = el("ol", { class: "guess-items" });
  const said = el("p", { class: "visually-hidden", role: "status" });
  const asItIs = el("button", { type: "button", class: "button", "aria-pressed": "false" }, "This order, as it stands");
  const rows = items.map((item, at) => {
    const row = el("li", {}, el("span", {}, item));
    for (const [by, sign, word] of /** @type {const} */ ([[-1, "↑", "up"], [1, "↓", "down"]])) {
      const button = el("button", { type: "button", class: "button", "aria-label": `${item}: move ${word}`, "data-by": String(by) }, sign);
      button.addEventListener("click", () => move(at + 1, by));
      row.append(button);
    }
    return row;
  });
  asItIs.addEventListener("click", () => {
    if (isLocked) return;
    isMade = true;
    draw();
    changed();
  });

  /** @param {number} item @param {number} by */
  function move(item, by) {
    const from = order.indexOf(item);
    const to = from + by;
    if (isLocked || to < 0 || to >= order.length) return;
    [order[from], order[to]] = [order[to], order[from]];
    isMade = true;
    const focused = document.activeElement;
    draw();
    if (focused instanceof HTMLElement) focused.focus();
    setText(said, `${items[item - 1]}: place ${to + 1} of ${order.length}.`);
    changed();
  }
  function draw() {
    const sorted = order.map((item) => rows[item - 1]);
    if (sorted.some((row, at) => list.children[at] !== row)) list.replaceChildren(...sorted);
    sorted.forEach((row, at) => {
      for (const button of row.querySelectorAll("button")) {
        const isAtEnd = button.dataset.by === "-1" ? at === 0 : at === sorted.length - 1;
        // It stays where a key can reach it: focus is not lost when an item arrives at the end.
        button.setAttribute("aria-disabled", String(isAtEnd || isLocked));
      }
    });
    list.classList.toggle("is-made", isMade);
    asItIs.setAttribute("aria-pressed", String(isMade));
  }
  draw();
  return {
    body: el("div", { class: "guess-body" }, el("p", { class: "hint" }, "The first one on top. Move each with its arrows."), list, asItIs, said),
    value: () => (isMade ? { order: [...order] } : null),
    fault: () => "Move what stands in the wrong place, or press \"This order, as it stands\"; or say that you do not know.",
    set(given) {
      const known = given !== null && "order" in given && given.order.length === items.length;
      order = known ? [...given.order] : asShown();
      isMade = known;
      draw();
    },
    lock(locked) {
      isLocked = locked;
      asItIs.disabled = locked;
      draw();
    },
    focus: () => rows[order[0] - 1].querySelector("button")?.focus(),
  };
}

/**
 * A number field and a slider that are one: the slider has no thumb until one of the two was touched.
 * @param {{min: number, max: number, unit: string, isLog: boolean, label: string, id: string, changed: () => void}} options
 */
function valueField({ min, max, unit, isLog, label, id, changed }) {
  const number = el("input", { type: "number", id, step: "any", min: String(min), max: String(max), inputmode: min < 0 ? "text" : "decimal", autocomplete: "off", "aria-label": label });
  const range = el("input", { type: "range", min: "0", max: String(STEPS), step: "1", autocomplete: "off", "aria-label": `${label}: slider`, class: "is-untouched" });
  const toRange = (/** @type {number} */ value) => Math.round(STEPS * (isLog ? Math.log(value / min) / Math.log(max / min) : (value - min) / (max - min)));
  const toValue = (/** @type {number} */ place) => {
    const share = place / STEPS;
    return rounded(isLog ? min * (max / min) ** share : min + (max - min) * share, isLog ? 0 : (max - min) / STEPS);
  };
  const value = () => {
    const written = Number(number.value);
    return number.value.trim() === "" || !Number.isFinite(written) || written < min || written > max ? null : written;
  };
  const follow = () => {
    const known = value();
    range.classList.toggle("is-untouched", known === null);
    range.setAttribute("aria-valuetext", known === null ? "no guess yet" : `${shown(known)} ${unit}`.trim());
    if (document.activeElement !== range || known === null) range.value = String(known === null ? STEPS / 2 : toRange(known));
  };
  const slid = () => {
    number.value = String(toValue(Number(range.value)));
    follow();
    changed();
  };
  range.addEventListener("input", slid);
  // A tap where the hidden thumb is moves nothing and is a guess all the same.
  range.addEventListener("click", () => { if (value() === null) slid(); });
  number.addEventListener("input", () => {
    follow();
    changed();
  });
  follow();
  return {
    number, range, value,
    set(/** @type {number | null} */ given) {
      number.value = given === null ? "" : String(given);
      follow();
    },
    lock(/** @type {boolean} */ locked) { number.disabled = range.disabled = locked; },
  };
}

/**
 * The picture of a curve: axes, and the points that are set with lines between neighbours. Fields beside it say the same, so
 * it is hidden from screen readers.
 * @param {{x: number[], xUnit: string, min: number, max: number, unit: string}} options
 */
export function curvePicture({ x, xUnit, min, max, unit }) {
  const { width, height, left, right, top, bottom } = PICTURE;
  const svg = svgNode("svg", { class: "guess-picture", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  const across = (/** @type {number} */ place) => left + 14 + ((width - left - right - 28) * place) / Math.max(1, x.length - 1);
  const up = (/** @type {number} */ value) => height - bottom - ((height - top - bottom) * (Math.min(max, Math.max(min, value)) - min)) / (max - min);
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    const value = min + (max - min) * share;
    svg.append(svgNode("line", { class: "guess-grid", x1: left, x2: width - right, y1: up(value), y2: up(value) }));
    if (share * 2 === Math.round(share * 2)) svg.append(svgNode("text", { x: left - 6, y: up(value) + 4, "text-anchor": "end" }, `${shown(value)}${share === 1 && unit !== "" ? ` ${unit}` : ""}`));
  }
  x.forEach((value, place) => svg.append(svgNode("text", { x: across(place), y: height - 8, "text-anchor": "middle" }, `${shown(value)}${place === x.length - 1 && xUnit !== "" ? ` ${xUnit}` : ""}`)));
  const drawn = svgNode("g", {});
  svg.append(drawn);

  /** Lines between neighbours and a mark for each. @param {(number | null | undefined)[]} values @param {string} kind */
  const curve = (values, kind) => {
    /** @type {SVGElement[]} */
    const nodes = [];
    values.forEach((value, place) => {
      const before = place === 0 ? null : values[place - 1];
      if (value === null || value === undefined) return;
      if (before !== null && before !== undefined) nodes.unshift(svgNode("line", { class: `curve-line curve-${kind}`, x1: across(place - 1), y1: up(before), x2: across(place), y2: up(value) }));
      nodes.push(svgNode("circle", { class: `curve-point curve-${kind}`, cx: across(place), cy: up(value), r: 6 }));
    });
    return nodes;
  };
  return {
    svg,
    /** @param {(number | null)[]} guess @param {{measured?: (number | null)[], theory?: (number | null)[]}} [beside] */
    draw(guess, { measured = [], theory = [] } = {}) {
      drawn.replaceChildren(...curve(theory, "theory"), ...curve(guess, "guess"), ...curve(measured, "measured"));
    },
    /** The nearest point, and the value at that height. @param {{clientX: number, clientY: number}} event */
    under({ clientX, clientY }) {
      const box = svg.getBoundingClientRect();
      const at = { x: ((clientX - box.left) / box.width) * width, y: ((clientY - box.top) / box.height) * height };
      const distances = x.map((_, place) => Math.abs(across(place) - at.x));
      const share = (height - bottom - at.y) / (height - top - bottom);
      const value = Math.min(max, Math.max(min, min + (max - min) * share));
      return { place: distances.indexOf(Math.min(...distances)), value: rounded(value, (max - min) / STEPS) };
    },
  };
}

/** @param {string} name @param {Record<string, string | number>} attributes @param {string} [text] */
function svgNode(name, attributes, text) {
  const node = /** @type {SVGGraphicsElement} */ (document.createElementNS(SVG, name));
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  if (text !== undefined) node.textContent = text;
  return node;
}

/** A value as coarse as a finger is: two digits that count, or whole steps. @param {number} value @param {number} step */
function rounded(value, step) {
  if (step === 0) return Number(value.toPrecision(2));
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  return Number(value.toFixed(Math.min(6, digits)));
}

/** What a guess may be is told more exactly than what came out. @param {number} value */
const shown = (value) => figure(value, 4);
