// The bytes of one unit as the page shows them: a line for each line on the wire, with its size in the margin and who put
// it there; single bits of a frame's first two bytes as boxes; what is inside of encoded bytes as a block below them.
// Everything from the wire is set as text.

import { el } from "../../charts/dom.js";
import { bytesText, count } from "../../charts/format.js";
import { bytesOfHex, hexText, nameOfControl, visible, wordsOfSecret } from "./bytes-text.js";
import { countsInside, lengthOf } from "./bytes-sums.js";

/** @typedef {import("./tap.js").Part} Part @typedef {import("./tap.js").Unit} Unit */

/** More would freeze the page and help nobody, until asked for. */
const TEXT_MAX = 2048;
const PARTS_MAX = 500;
/** Bytes that are no text are shown so far. */
const HEX_MAX = 24;

/** Fewer headers are no line shorter. */
const FOLDED_MIN = 3;
/** Whose headers can be folded. @type {Record<string, string>} */
const ADDERS = { browser: "the browser", server: "the server" };

/** Digits that stand for a type are worth a box. */
const OF_LIBRARY = /\b(Engine|Socket)\.IO\b/;
/** Of RFC 6455 §5.2 and §11.8. @type {Record<number, string>} */
const OPCODES = { 0: "goes on", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong" };

/**
 * @typedef {object} Drawn
 * @property {HTMLElement} element
 * @property {Map<Element, Part>} parts  those that can be pointed at
 * @property {boolean} isCut
 */

/**
 * @param {Unit} unit
 * @param {{all: boolean, covered: boolean, unfold: (() => void)|null}} how  all: however much it is; unfold: shows the headers that others than the page have added, null where they are shown
 * @returns {Drawn}
 */
export function drawUnit(unit, { all, covered, unfold }) {
  const bytes = bytesOfHex(unit.hex);
  /** @type {Map<Element, Part>} */
  const parts = new Map();
  let isCut = false;
  let left = PARTS_MAX;

  /**
   * @param {Part[]} siblings
   * @param {Uint8Array|null} raw  the bytes they describe; null inside of what was decoded
   * @returns {HTMLElement}
   */
  function block(siblings, raw) {
    /** @type {{by: string, size: number, nodes: HTMLElement[]}[]} */
    const lines = [];
    let text = all ? Infinity : TEXT_MAX;
    /** @type {Part[]} */
    let onLine = [];
    let line = el("div", { class: "wire-text" });
    /** @type {HTMLElement[]} */
    let below = [];
    let wasBox = false;
    const endLine = () => {
      if (onLine.length === 0) return;
      lines.push({ by: byOf(onLine), size: lengthOf(onLine), nodes: [el("div", { class: "wire-line" }, margin(onLine), line), ...below] });
      [onLine, line, below] = [[], el("div", { class: "wire-text" }), []];
    };
    for (const part of siblings) {
      if (text <= 0 || (left <= 0 && !all)) {
        isCut = true;
        break;
      }
      left -= 1;
      const { element, used, cut } = draw(part, raw, text);
      isCut ||= cut;
      text -= used;
      const isBox = element.classList.contains("wire-box");
      // A frame's head is a line of its own.
      if (wasBox && !isBox) endLine();
      wasBox = isBox;
      onLine.push(part);
      line.append(element);
      if (part.inner && part.inner.parts.length > 0 && !(covered && !countsInside(part))) below.push(inside(part, part.inner.parts));
      if (part.text?.endsWith("\n") === true) endLine();
    }
    endLine();
    const isFolded = unfold !== null && !covered && raw !== null && unit.kind.endsWith("_head");
    return el("div", { class: "wire-lines" }, ...(isFolded ? folded(lines, unfold) : lines.flatMap(({ nodes }) => nodes)));
  }

  /** @param {Part} part @param {Part[]} within */
  function inside(part, within) {
    return el("div", { class: "wire-inner" }, el("p", { class: "wire-how", "data-covered-hides": "true" }, howText(part)), block(within, null));
  }

  /** @param {Part} part @param {Uint8Array|null} raw @param {number} most */
  function draw(part, raw, most) {
    const own = raw?.subarray(part.at, part.at + part.len) ?? null;
    if (covered && (part.layer !== "payload" || countsInside(part))) {
      // Of what is told inside, only what writing it so takes besides.
      const len = countsInside(part) ? part.len - lengthOf(part.inner?.parts ?? []) : part.len;
      return { element: el("span", { class: "wire-cover", "aria-hidden": "true" }, "░".repeat(Math.min(len, TEXT_MAX))), used: Math.min(len, TEXT_MAX - 1), cut: false };
    }
    const element = el("span", { class: "wire-part", role: "button", tabindex: "-1", "data-layer": part.layer, "data-direction": unit.direction });
    parts.set(element, part);
    if (part.hidden) {
      element.classList.add("is-hidden");
      element.append(`${count(part.len)} B hidden: ${wordsOfSecret(part.hidden)}`);
      return { element, used: 0, cut: false };
    }
    const label = boxLabel(unit, part);
    if (label !== "") {
      element.classList.add("wire-box");
      element.append(...boxOf(unit, part, own, label));
      return { element, used: 0, cut: false };
    }
    const isEncoded = part.inner?.how === "unmasked" || part.inner?.how === "inflated";
    if (typeof part.text !== "string" || isEncoded) {
      element.classList.add("wire-hex");
      element.append(own === null || own.length === 0 ? `${bytesText(part.len)}, no text` : hexText(own, HEX_MAX));
      return { element, used: 0, cut: false };
    }
    const isLong = part.text.length > most;
    const shown = isLong ? part.text.slice(0, most) : part.text;
    element.append(...spelt(visible(shown).replace(/\n$/, "")));
    return { element, used: shown.length, cut: isLong };
  }

  return { element: block(unit.parts, bytes), parts, isCut };
}

/**
 * Headers in a row that the browser or the server has added, in one line with their size. The first line of a head says what
 * is asked or answered, and stays; so does the last, which ends it.
 * @param {{by: string, size: number, nodes: HTMLElement[]}[]} lines @param {() => void} unfold
 */
function folded(lines, unfold) {
  /** @type {HTMLElement[]} */
  const nodes = [];
  /** @type {(typeof lines)[]} */
  const runs = [];
  lines.forEach((line, i) => {
    const isAlone = i <= 1 || i === lines.length - 1 || line.by !== lines[i - 1].by;
    if (isAlone) runs.push([line]);
    else runs[runs.length - 1].push(line);
  });
  for (const run of runs) {
    const adder = ADDERS[run[0].by];
    if (run.length < FOLDED_MIN || adder === undefined) {
      nodes.push(...run.flatMap((line) => line.nodes));
      continue;
    }
    const show = el("button", { class: "wire-fold", type: "button" }, `${count(run.length)} headers ${adder} added · show`);
    show.addEventListener("click", unfold);
    const size = run.reduce((sum, line) => sum + line.size, 0);
    nodes.push(el("div", { class: "wire-line" }, marginOf(size, run[0].by), el("div", { class: "wire-text" }, show)));
  }
  return nodes;
}

/** Pictures of control characters with their names, which every face can show. @param {string} text @returns {(Node|string)[]} */
function spelt(text) {
  return text.split(/([\u2400-\u2421])/).map((piece, i) => (i % 2 === 0 ? piece : el("span", { class: "wire-control", "data-name": nameOfControl(piece) }, piece)));
}

/** "52 B masked → unmasked:" @param {Part} part */
export function howText({ len, inner }) {
  const within = lengthOf(inner?.parts ?? []);
  switch (inner?.how) {
    case "unmasked": return `${bytesText(len)} masked → unmasked:`;
    case "inflated": return `${bytesText(len)} compressed → inflated, ${bytesText(within)}:`;
    case "string unescaped": return `${bytesText(len)} written as a string → read back, ${bytesText(within)}:`;
    default: return `${bytesText(len)} → ${inner?.how ?? ""}, ${bytesText(within)}:`;
  }
}

/** Who put most of a line there. @param {Part[]} parts */
function byOf(parts) {
  const most = parts.reduce((best, part) => (part.len > best.len ? part : best));
  // Of what is inside, the block below says who.
  return countsInside(most) ? "" : 1.5 * lengthOf(parts.filter((part) => part.by === most.by)) >= lengthOf(parts) ? most.by : "several";
}

/** @param {Part[]} parts */
const margin = (parts) => marginOf(lengthOf(parts), byOf(parts));

/** A line's size and who put it there. @param {number} size @param {string} by */
function marginOf(size, by) {
  return el("span", { class: "wire-margin", "data-covered-hides": "true" }, el("span", { class: "num" }, bytesText(size)), " ", el("span", { class: "wire-by" }, by));
}

/** What stands under a box; "" for what is none. @param {Unit} unit @param {Part} part */
function boxLabel(unit, part) {
  if (part.len <= 4 && OF_LIBRARY.test(part.what)) return part.what;
  return unit.kind === "frame" && part.at < headOfFrame(unit.hex) && unit.parts.includes(part) ? part.what : "";
}

/** How many bytes of a frame come before its payload. @param {string} hex */
export function headOfFrame(hex) {
  const second = parseInt(hex.slice(2, 4), 16) || 0;
  const length = second & 0x7f;
  return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + (second & 0x80 ? 4 : 0);
}

/** @param {Unit} unit @param {Part} part @param {Uint8Array|null} bytes @param {string} label */
function boxOf(unit, part, bytes, label) {
  const isText = typeof part.text === "string" && (bytes === null || OF_LIBRARY.test(part.what));
  const value = el("span", { class: "wire-box-value" }, isText ? visible(part.text ?? "") : hexText(bytes ?? new Uint8Array(), 8));
  const isFirstTwo = unit.kind === "frame" && bytes !== null && part.at < 2 && unit.parts.includes(part);
  const bits = isFirstTwo ? [...bytes.subarray(0, 2 - part.at)].map((byte, i) => bitsOf(byte, part.at + i)) : [];
  return [value, ...bits, el("span", { class: "wire-box-label" }, label)];
}

/** The fields of a frame's first two bytes. @param {number} byte @param {number} at */
export function fieldsOfFrame(byte, at) {
  const bits = byte.toString(2).padStart(8, "0");
  if (at === 0) {
    const opcode = byte & 0x0f;
    return [
      { bits: bits[0], name: "FIN", says: byte & 0x80 ? "last frame" : "more come" },
      { bits: bits.slice(1, 4), name: "RSV", says: byte & 0x40 ? "compressed" : "" },
      { bits: bits.slice(4), name: "opcode", says: `${opcode} ${OPCODES[opcode] ?? "reserved"}` },
    ];
  }
  const length = byte & 0x7f;
  return [
    { bits: bits[0], name: "MASK", says: byte & 0x80 ? "masked" : "not masked" },
    { bits: bits.slice(1), name: "length", says: length < 126 ? `${length} B` : `in the next ${length === 126 ? 2 : 8} B` },
  ];
}

/** @param {number} byte @param {number} at */
function bitsOf(byte, at) {
  return el("span", { class: "wire-bits" }, ...fieldsOfFrame(byte, at).map(({ bits, name, says }) =>
    el("span", { class: "wire-field" }, el("b", {}, bits), el("span", {}, name), el("span", {}, says))));
}
