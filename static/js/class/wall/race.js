/*
  race.js: the phones' race. For each lane in use a track from 1 ms to 10 s, each decade as wide as the next, and on it a
  dot for each phone that is open, at the delay of what it received last. Dots that would cover each other are stacked;
  the middle one is marked, for the sentence beside the track speaks of it. Of several phones at one address one speaks;
  the others' dots are faint. That sentence says the same as the picture,
  which is hidden from screen readers. Dots move where no visitor has asked for less motion (class-wall.css).
*/

import { el, setText } from "../../charts/dom.js";
import { byLane, delayText, halfWithin, isHeard, whoFollow } from "../grid.js";
import { counted } from "../words.js";

/** Ends of a track, ms. */
const [FIRST_MS, LAST_MS] = [1, 10_000];
const TICKS = /** @type {const} */ ([[1, "≤ 1 ms"], [10, "10 ms"], [100, "100 ms"], [1000, "1 s"], [10_000, "≥ 10 s"]]);
/** Places for dots beside each other: a dot is as wide as one. Within one the delays differ by a sixth at most. */
const PLACES = 64;

/**
 * @typedef {import("../state.js").Seat} Seat
 * @typedef {{id: string, place: number, level: number, isMiddle: boolean, isHeard: boolean}} Dot  place: from the left, level: from the ground
 * @typedef {object} Track
 * @property {string} key          of its lane, or of its group where several are on one lane
 * @property {string} name @property {string} lane
 * @property {number} phones       open or asleep
 * @property {string} who          what they are
 * @property {Dot[]} dots
 * @property {number} highest      dots in the highest stack
 * @property {number|null} half    ms, what half of them are within; null: none has received anything
 * @property {string} words
 */

/** Where a delay stands on a track: 0 to 1, beyond the ends at the ends. @param {number} ms */
export function shareOfTrack(ms) {
  if (!(ms > FIRST_MS)) return 0;
  return Math.min(1, Math.log(ms / FIRST_MS) / Math.log(LAST_MS / FIRST_MS));
}

/** The tracks of a class, that of the most phones first. Pure. @param {Seat[]} seats @param {import("../state.js").Group[]} [groups] @returns {Track[]} */
export function tracksOf(seats, groups = []) {
  const keyOf = (/** @type {Seat} */ seat) => byLane([{ ...seat, state: "open" }], groups)[0]?.key;
  return byLane(seats, groups).map(({ key, name, lane, count, open }) => {
    const there = seats.flatMap((seat) => (seat.state === "open" && seat.delay_ms !== null && keyOf(seat) === key ? [{ id: seat.id, ms: seat.delay_ms, isHeard: isHeard(seat) }] : []));
    there.sort((one, other) => one.ms - other.ms || one.id.localeCompare(other.id));
    const voices = there.filter((each) => each.isHeard);
    const half = halfWithin(voices.map(({ ms }) => ms));
    const middle = voices[Math.ceil(voices.length / 2) - 1];
    const stacks = new Map();
    const dots = there.map((each) => {
      const place = Math.round(shareOfTrack(each.ms) * (PLACES - 1));
      const level = stacks.get(place) ?? 0;
      stacks.set(place, level + 1);
      return { id: each.id, place, level, isMiddle: each === middle, isHeard: each.isHeard };
    });
    const silent = open - there.length;
    const who = whoFollow(seats.filter((seat) => keyOf(seat) === key));
    const words = half === null ? "nothing received yet"
      : `${voices.length === 1 ? "" : `half of the ${who}s `}within ${delayText(half)}${voices.length < there.length ? ", each address once" : ""}${silent > 0 ? `, ${silent} without a message yet` : ""}`;
    return { key, name, lane, phones: count, who, dots, highest: Math.max(0, ...stacks.values()), half, words };
  });
}

/** What only the picture shows, for who does not see it. @param {Track} track @param {Seat[]} seats */
function endsOf({ dots }, seats) {
  const delayOf = (/** @type {Dot} */ dot) => delayText(seats.find(({ id }) => id === dot.id)?.delay_ms ?? null);
  return dots.length < 2 ? "" : `. The first ${delayOf(dots[0])}, the last ${delayOf(dots[dots.length - 1])}.`;
}

export class Race {
  #rows = el("ul", { class: "race-lanes", role: "list", "aria-label": "Race, by lane" });
  /** @type {Map<string, {row: HTMLElement, dots: Map<string, HTMLElement>}>} */
  #lanes = new Map();
  #made = "";

  /** @param {HTMLElement} parent  is emptied */
  constructor(parent) {
    this.parent = parent;
    const axis = el("div", { class: "race-axis", "aria-hidden": "true" }, ...TICKS.map(([ms, name]) => at(el("span", {}, name), shareOfTrack(ms))));
    const key = el("p", { class: "wall-note race-key" }, "Each dot is one of them: how late its last message was. The ring is the one in the middle.");
    parent.replaceChildren(this.#rows, axis, key);
  }

  /** Brings it up to date; hidden while no phone on a lane has received anything. @param {Seat[]} seats @param {import("../state.js").Group[]} [groups] @returns {boolean} whether it is shown */
  show(seats, groups = []) {
    const tracks = tracksOf(seats, groups);
    const isShown = tracks.some(({ dots }) => dots.length > 0);
    this.parent.hidden = !isShown;
    const made = JSON.stringify([tracks, tracks.map((track) => endsOf(track, seats))]);
    if (!isShown || made === this.#made) return isShown;
    this.#made = made;
    this.parent.style.setProperty("--lanes", String(tracks.length));
    for (const key of this.#lanes.keys()) if (!tracks.some((track) => track.key === key)) this.#lanes.delete(key);
    for (const track of tracks) this.#draw(track, seats);
    const rows = tracks.map(({ key }) => /** @type {{row: HTMLElement}} */ (this.#lanes.get(key)).row);
    // Moved only where the order is another one: a row that is put in again begins its motion anew.
    if (rows.length !== this.#rows.children.length || rows.some((row, place) => this.#rows.children[place] !== row)) this.#rows.replaceChildren(...rows);
    return true;
  }

  /** @param {Track} track @param {Seat[]} seats */
  #draw(track, seats) {
    const known = this.#lanes.get(track.key) ?? newRow(track.lane, track.name);
    this.#lanes.set(track.key, known);
    const [, count, , field, words, ends] = known.row.children;
    setText(count, counted(track.phones, track.who));
    setText(words, track.words);
    setText(ends, endsOf(track, seats));
    /** @type {HTMLElement} */ (field).style.setProperty("--highest", String(Math.max(1, track.highest)));
    const left = new Map(known.dots);
    for (const { id, place, level, isMiddle, isHeard: speaks } of track.dots) {
      left.delete(id);
      const dot = known.dots.get(id) ?? el("span", { class: "race-dot" });
      if (!known.dots.has(id)) field.append(dot);
      known.dots.set(id, dot);
      at(dot, place / (PLACES - 1));
      dot.style.setProperty("--level", String(level));
      dot.toggleAttribute("data-faint", !speaks);
      if (isMiddle) dot.dataset.middle = "";
      else delete dot.dataset.middle;
    }
    for (const [id, dot] of left) {
      known.dots.delete(id);
      dot.remove();
    }
  }
}

/** @param {string} lane @param {string} name */
function newRow(lane, name) {
  const field = el("span", { class: "race-track", "aria-hidden": "true" }, ...TICKS.map(([ms]) => at(el("span", { class: "race-tick" }), shareOfTrack(ms))));
  const row = el("li", { class: "race-lane", "data-lane": lane },
    el("span", { class: "lane-name", "data-lane": lane }, name),
    el("span", { class: "race-count num" }), el("span", { class: "visually-hidden" }, ": "), field,
    el("span", { class: "race-words" }), el("span", { class: "visually-hidden" }));
  return { row, dots: new Map() };
}

/** @template {HTMLElement} T @param {T} node @param {number} share */
function at(node, share) {
  node.style.setProperty("--at", share.toFixed(4));
  return node;
}
