/*
  index.js: what the index of experiments knows only here: the run that goes on, and what this browser measured of
  itself.
*/

import { el, find } from "../charts/dom.js";
import { isOver, watch } from "../runs/job.js";
import { lastOwn } from "./own.js";
import { showOther } from "./other-job.js";

watch((job) => showOther(isOver(job) ? undefined : job));
for (const tile of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-experiment]"))) {
  if (lastOwn(tile.dataset.experiment ?? "") !== null) find(".tile-foot", HTMLElement, tile).append(el("span", { class: "badge" }, "Measured"));
}
