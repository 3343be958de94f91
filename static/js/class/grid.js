/*
  grid.js: every phone of a class as a dot. Its state is a shape (● open, ◐ asleep, ✕ gone) as well as a colour, its lane
  a line below it, dashed and coloured as everywhere. A hundred fit on a wall; beyond that they shrink. Names are text of
  the list for screen readers, stand beside the dots while there is room, and show on focus: the grid is one stop of the
  keyboard, and arrows go through it.
*/

import { el, setText } from "../charts/dom.js";
import { LANES } from "../lanes.js";

/** @typedef {import("./state.js").Seat} Phone */

/** The shape of each state. */
export const SHAPES = { open: "●", cut: "◌", asleep: "◐", gone: "✕" };

/** Whether a phone is in the class while its line to the lane is not there: in a tunnel, for one. @param {Phone} phone */
export const isCut = ({ state, lane, line }) => state === "open" && lane !== null && line === "reconnecting";
/** So many have room for their names. */
const NAMED = 40;

/** A lane's name, as the phones have it. @param {string|null} lane */
export function laneLabel(lane) {
  return lane === null ? "no lane" : LANES[lane]?.label ?? lane;
}

/** A delay with its unit, as far as it is known. @param {number|null} delayMs */
export function delayText(delayMs) {
  if (delayMs === null) return "";
  return `${delayMs < 10 ? delayMs.toFixed(1) : Math.round(delayMs)} ms`;
}

/** A phone's delay and of what it is: without a lane it has received nothing, and knows how long an answer takes. @param {Phone} phone */
export function phoneDelay({ lane, delay_ms: delayMs }) {
  const text = delayText(delayMs);
  return lane === null && text !== "" ? `an answer takes ${text}` : text;
}

/** One phone in words. @param {Phone} phone */
export function phoneText(phone) {
  const parts = [isCut(phone) ? "connecting again" : phone.state, laneLabel(phone.lane), phoneDelay(phone)].filter((part) => part !== "");
  return `${phone.name}${phone.here_by === "native" ? " (stand-in)" : ""}: ${parts.join(", ")}`;
}

/** A group by its lane, and by how often it asks. @param {import("./state.js").Group} group */
export const groupLabel = ({ lane, poll_interval_ms: ms }) => `${laneLabel(lane)}${ms ? `, every ${ms.toLocaleString("en")} ms` : ""}`;

/** Whether a phone's delay counts in what is said of all: of several at one address one speaks. @param {Phone} phone */
export const isHeard = ({ state, delay_ms: delay, speaks }) => state === "open" && delay !== null && speaks !== false;

/**
 * How many are here on each lane, the most first. Those that are gone count for none. Groups on one lane are told apart.
 * @param {Phone[]} phones @param {import("./state.js").Group[]} [groups]
 */
export function byLane(phones, groups = []) {
  /** @type {Map<string, {key: string, name: string, lane: string, count: number, open: number, delays: number[]}>} */
  const lanes = new Map();
  for (const phone of phones) {
    const { lane, group: own, state, delay_ms: delay } = phone;
    if (lane === null || state === "gone") continue;
    const group = groups.filter((each) => each.lane === lane).length > 1 ? groups.find((each) => each.group === own) : undefined;
    const key = group === undefined ? lane : `${lane} ${group.group}`;
    const counted = lanes.get(key) ?? { key, name: group === undefined ? laneLabel(lane) : groupLabel(group), lane, count: 0, open: 0, delays: [] };
    counted.count += 1;
    if (state === "open") counted.open += 1;
    if (delay !== null && isHeard(phone)) counted.delays.push(delay);
    lanes.set(key, counted);
  }
  return [...lanes.values()].sort((one, other) => other.count - one.count || one.key.localeCompare(other.key));
}

/** What those that follow something are called: with one port a lesson may run on native clients alone. @param {Phone[]} phones */
export function whoFollow(phones) {
  const following = phones.filter(({ lane, state }) => lane !== null && state !== "gone");
  return following.length > 0 && following.every((phone) => phone.here_by === "native") ? "stand-in" : "phone";
}

/** What half of a list does not exceed; null for an empty one. @param {number[]} values */
export function halfWithin(values) {
  if (values.length === 0) return null;
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.ceil(sorted.length / 2) - 1];
}

/** Draws a grid into an element and keeps it up to date; focus stays where it is. */
export class Grid {
  #list = el("ul", { class: "phones", role: "list", "aria-label": "Phones" });
  /** @type {Map<string, HTMLElement>} */
  #dots = new Map();

  /** @param {HTMLElement} parent  is emptied */
  constructor(parent) {
    parent.replaceChildren(this.#list);
    this.#list.addEventListener("keydown", (event) => this.#move(event));
  }

  /** @param {Phone[]} phones */
  show(phones) {
    const left = new Map(this.#dots);
    for (const phone of phones) {
      left.delete(phone.id);
      const dot = this.#dots.get(phone.id) ?? this.#add(phone.id);
      draw(dot, phone);
    }
    for (const [id, dot] of left) {
      this.#dots.delete(id);
      dot.remove();
    }
    this.#list.classList.toggle("phones-named", phones.length <= NAMED);
    // The dots fill what is there: about as many columns as make a field three times as wide as high.
    this.#list.style.setProperty("--columns", String(Math.max(10, Math.ceil(Math.sqrt(phones.length * 2.4)))));
    const dots = [...this.#dots.values()];
    if (!dots.some((dot) => dot.tabIndex === 0) && dots.length > 0) dots[0].tabIndex = 0;
  }

  /** @param {string} id */
  #add(id) {
    const dot = el("li", { class: "phone", tabindex: "-1" }, el("span", { class: "phone-shape", "aria-hidden": "true" }), el("span", { class: "lane-key", "aria-hidden": "true" }), el("span", { class: "phone-name", "aria-hidden": "true" }), el("span", { class: "visually-hidden" }));
    this.#dots.set(id, dot);
    this.#list.append(dot);
    return dot;
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const dots = [...this.#dots.values()];
    const at = dots.findIndex((dot) => dot === document.activeElement);
    if (step === undefined || at < 0) return;
    event.preventDefault();
    const to = dots[Math.min(dots.length - 1, Math.max(0, at + step))];
    dots[at].tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  }
}

/** @param {HTMLElement} dot @param {Phone} phone */
function draw(dot, phone) {
  const [shape, key, name, words] = dot.children;
  const state = isCut(phone) ? "cut" : phone.state;
  dot.dataset.state = state;
  setText(shape, SHAPES[state] ?? "·");
  /** @type {HTMLElement} */ (key).style.visibility = phone.lane === null ? "hidden" : "visible";
  if (phone.lane === null) delete dot.dataset.lane;
  else dot.dataset.lane = phone.lane;
  setText(name, phone.name);
  setText(words, phoneText(phone));
}
