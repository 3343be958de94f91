// Lanes as tracks on one axis of time: a dot each, which has come as far as the time that has passed. Used by the race
// that moves, and by each of its stills. For eyes only: the table beside it says the same.

import { el, setText } from "../../charts/dom.js";
import { axisDuration } from "../../charts/format.js";
import { dotOf, endOf } from "./race-order.js";

/** What stands at a track's right end, by lane. @typedef {Map<string, {under?: string, place: string, note: string, delay: string, bytes: string}>} Words */

/**
 * @param {HTMLElement} host
 * @param {{heads: {place: string, delay: string, bytes: string}|null}} options  heads: null without the figures at the right
 */
export function createTracks(host, { heads }) {
  const caption = el("span", { class: "race-since" });
  const ticks = el("span", { class: "axis race-axis" });
  const head = el("div", { class: "race-row race-head" }, caption, ticks, ...(heads === null ? [] : ["place", "delay", "bytes"].map((name) => el("span", { class: `race-${name}` }, heads[/** @type {"place"} */ (name)]))));
  const body = el("div", { class: "race-tracks", "aria-hidden": "true" }, head);
  host.append(body);
  /** @type {Map<string, ReturnType<typeof createTrack>>} */
  let tracks = new Map();
  let drawnAxis = "";

  return {
    /** The rows, and the axis they share. @param {import("./race-order.js").Entry[]} entries @param {import("./race-order.js").Axis} axis @param {string} since  what the axis counts */
    set(entries, axis, since) {
      setText(caption, since);
      if ([...tracks.keys()].join() !== entries.map(({ lane }) => lane).join()) {
        tracks = new Map(entries.map((entry) => [entry.lane, createTrack(entry, heads !== null)]));
        body.replaceChildren(head, ...[...tracks.values()].map(({ element }) => element));
      }
      const wanted = axis.ticks.join();
      if (wanted === drawnAxis) return;
      drawnAxis = wanted;
      body.style.setProperty("--parts", String(axis.ticks.length - 1));
      ticks.replaceChildren(...axis.ticks.map((ms) => {
        const tick = el("span", {}, axisDuration(ms));
        tick.style.setProperty("--at", String(ms / axis.maxMs));
        return tick;
      }));
    },
    /** @param {import("./race-order.js").Entry[]} entries @param {number} atMs @param {import("./race-order.js").Axis} axis @param {Words} words */
    draw(entries, atMs, axis, words) {
      const isOver = atMs >= endOf(entries);
      for (const entry of entries) {
        const dot = dotOf(entry, atMs, axis);
        // Who waits is said to wait when nobody else is on the way any more.
        tracks.get(entry.lane)?.draw(dot, dot.isIn || (isOver && entry.delayMs === null), words.get(entry.lane));
      }
    },
  };
}

/** @param {import("./race-order.js").Entry} entry @param {boolean} hasFigures */
function createTrack({ lane, short }, hasFigures) {
  const track = el("span", { class: "race-track" }, el("span", { class: "race-trail" }), el("span", { class: "race-dot" }));
  const [place, note, delay, bytes] = ["race-at", "race-note", "num", "num"].map((name) => el("span", { class: name }));
  // For eyes only, as all of it; in the table it is a link.
  const under = el("span", { class: "badge badge-warn race-under", hidden: "" });
  const element = el("div", { class: "race-row", "data-lane": lane, "data-race-lane": lane },
    el("span", { class: "race-name" }, el("span", { class: "lane-key", "data-lane": lane }), el("span", { class: "race-label" }, short), under),
    track,
    el("span", { class: "race-place" }, place, " ", note),
    el("span", { class: "race-delay" }, delay),
    ...(hasFigures ? [el("span", { class: "race-bytes" }, bytes)] : []));
  return {
    element,
    /** @param {ReturnType<typeof dotOf>} dot @param {boolean} isSaid @param {{under?: string, place: string, note: string, delay: string, bytes: string}|undefined} words */
    draw({ at, isIn, isBeyond }, isSaid, words) {
      track.style.setProperty("--at", at.toFixed(5));
      element.dataset.is = isBeyond ? "beyond" : isIn ? "in" : "under-way";
      setText(under, words?.under ?? "");
      under.hidden = under.textContent === "";
      setText(place, isSaid ? words?.place ?? "" : "");
      setText(note, isSaid ? words?.note ?? "" : "");
      setText(delay, isSaid ? words?.delay ?? "" : "");
      setText(bytes, words?.bytes ?? "");
    },
  };
}
