/*
  list.js: on the list of lessons, how far this browser has come with each.
*/

import { find, setText } from "../charts/dom.js";
import { PARTS, progressOf } from "./progress.js";

for (const tile of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-lesson]"))) {
  const { reached, answer } = progressOf(tile.dataset.lesson ?? "");
  const badge = find("[data-progress]", HTMLElement, tile);
  badge.hidden = reached === 0;
  badge.classList.toggle("badge-ok", answer > 0);
  setText(badge, answer > 0 ? "done" : `part ${reached + 1} of ${PARTS.length}`);
}
