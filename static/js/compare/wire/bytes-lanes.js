// The choice of a lane among those that run, and of what to look at in it: newest first, as radio buttons. A list under
// somebody's hand or keyboard stands still; it is filled again when they leave.

import { el, setText } from "../../charts/dom.js";
import { bytesText, count, NONE } from "../../charts/format.js";
import { carriedText, titlesOf } from "./bytes-list.js";
import { reachText } from "./tap.js";

/** More would be no list to choose from; Pause holds them. */
const ITEMS_MAX = 60;
/** @typedef {import("./bytes-list.js").Item} Item */

/**
 * @param {HTMLElement} host
 * @param {(lane: string) => void} chosen
 */
export function createLaneChoice(host, chosen) {
  /** @type {string[]} */
  let shown = [];
  host.addEventListener("change", ({ target }) => { if (target instanceof HTMLInputElement) chosen(target.value); });
  return {
    /** @param {{lane: string, short: string, label: string}[]} lanes @param {string} lane */
    show(lanes, lane) {
      const names = lanes.map((each) => each.lane);
      if (names.join() !== shown.join()) {
        shown = names;
        host.replaceChildren(...lanes.map(({ lane: name, short, label }) => el("label", { "data-lane": name },
          el("input", { type: "radio", name: "bytes-lane", value: name, "aria-label": label }), el("span", {}, short))));
      }
      for (const input of host.querySelectorAll("input")) input.checked = input.value === lane;
    },
  };
}

/**
 * @param {HTMLElement} host
 * @param {HTMLElement} says  how many of how many
 * @param {(key: string) => void} chosen
 */
export function createItemList(host, says, chosen) {
  let isHeld = false;
  /** @type {(() => void)|null} */
  let waiting = null;
  let drawn = "";
  const release = () => {
    isHeld = host.matches(":hover") || host.contains(document.activeElement);
    if (!isHeld) waiting?.();
  };
  host.addEventListener("change", ({ target }) => { if (target instanceof HTMLInputElement) chosen(target.value); });
  host.addEventListener("pointerenter", ({ pointerType }) => { isHeld ||= pointerType !== "touch"; });
  host.addEventListener("focusin", () => { isHeld = true; });
  for (const leaves of ["pointerleave", "focusout"]) host.addEventListener(leaves, () => setTimeout(release));

  /** @param {Item[]} items @param {() => string} key @param {(us: number) => string} at @param {number} reachUs */
  function fill(items, key, at, reachUs) {
    waiting = null;
    const chosenNow = key();
    // The one that is shown stays in the list, however many are newer.
    const shown = items.filter((item, i) => i < ITEMS_MAX || item.key === chosenNow);
    const titles = titlesOf(shown);
    const hasTimes = shown.length > 0 && at(shown[0].firstUs) !== NONE;
    const wanted = shown.map((item) => `${item.key}:${item.units}:${hasTimes}`).join() + titles.join();
    if (wanted !== drawn) {
      drawn = wanted;
      host.replaceChildren(...shown.map((item, i) => line(item, at(item.firstUs), titles[i])));
    }
    for (const input of host.querySelectorAll("input")) {
      input.checked = input.value === chosenNow;
      if (input.checked) bringIntoSight(input);
    }
    const all = `${count(items.length)} in the last ${reachText(reachUs)}`;
    setText(says, items.length === 0 ? "Nothing yet on this lane." : items.length > ITEMS_MAX ? `The newest ${ITEMS_MAX} of ${all}.` : `${all}.`);
  }

  /** @param {HTMLElement} input */
  function bringIntoSight(input) {
    const { top, bottom } = (input.closest("label") ?? input).getBoundingClientRect();
    const box = host.getBoundingClientRect();
    if (top < box.top) host.scrollTop -= box.top - top;
    else if (bottom > box.bottom) host.scrollTop += bottom - box.bottom;
  }

  return {
    /** To the chosen one. */
    focus() { host.querySelector("input:checked")?.closest("label")?.querySelector("input")?.focus({ preventScroll: true }); },
    /** @param {Item[]} items  newest first @param {() => string} key  the chosen one @param {(us: number) => string} at  when that was, in words @param {number} reachUs  how far back they go @param {boolean} [now]  held or not */
    show(items, key, at, reachUs, now = false) {
      waiting = () => fill(items, key, at, reachUs);
      if (!isHeld || now) waiting();
    },
  };
}

/** @param {Item} item @param {string} when @param {string} title */
function line(item, when, title) {
  return el("label", { class: "wire-item", "data-empty": String(item.isEmpty) },
    el("input", { type: "radio", name: "bytes-item", value: item.key }),
    el("span", { class: "wire-when num" }, when),
    el("span", { class: "wire-carried" }, carriedText(item) || item.noun),
    el("span", { class: "wire-size num", "data-covered-hides": "true" }, bytesText(item.size)),
    el("span", { class: "wire-title", "data-covered-hides": "true" }, title));
}
