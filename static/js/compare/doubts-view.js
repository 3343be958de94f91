// The doubts about a run (validity.js), shown as notices above the lanes, and spoken once when a new one appears.

import { announce } from "../announce.js";
import { el, find } from "../charts/dom.js";

export function createDoubtsView() {
  const host = find("[data-notes]");
  let shown = "";
  let count = 0;

  /** @param {Array<{level: "warn"|"bad", text: string}>} doubts */
  return function show(doubts) {
    const text = doubts.map((doubt) => doubt.text).join("\n");
    if (text === shown) return;
    shown = text;
    if (doubts.length > count) announce(doubts[doubts.length - 1].text);
    count = doubts.length;
    host.hidden = doubts.length === 0;
    host.replaceChildren(...doubts.map((doubt) => el("p", { class: `notice notice-${doubt.level}` }, doubt.text)));
  };
}
