// watch.js: what holds for the lanes, asked again and again, and the small mark that other pages show for it.

import { setText } from "../charts/dom.js";
import { lanesNow } from "./api.js";

/** @typedef {import("./api.js").InEffect} InEffect */

const EVERY_MS = 2000;

/**
 * Tells at once and then every two seconds, while the page is seen; what does not answer tells nothing.
 * @param {(lanes: import("./api.js").LaneView[]) => void} tell
 */
export function watchConditions(tell) {
  const ask = async () => {
    if (document.hidden) return;
    try {
      tell((await lanesNow()).lanes);
    } catch {
      // A lab on one port has none to tell of, and one that is gone is told of elsewhere.
    }
  };
  const look = () => void ask();
  setInterval(look, EVERY_MS);
  document.addEventListener("visibilitychange", look);
  look();
}

/**
 * A link that says that a lane's network is not as it comes; hidden while it is.
 * @param {HTMLElement} mark  @param {InEffect | null | undefined} conditions
 */
export function showMark(mark, conditions) {
  mark.hidden = !conditions;
  if (!conditions) return;
  const text = conditions.text.length > 28 ? "under conditions" : conditions.text;
  setText(mark, text);
  mark.title = conditions.apart;
  mark.setAttribute("aria-label", `Network conditions: ${conditions.text}`);
}
