/*
  other-job.js: a run that goes on and is not this page's: it keeps the buttons waiting, and says so.
*/

import { find, setText } from "../charts/dom.js";
import { sentence, share, stop } from "../runs/job.js";

const card = find("[data-job]");
const show = (/** @type {string} */ name) => find(`[data-job-show="${name}"]`, HTMLElement, card);
find("[data-job-stop]", HTMLElement, card).addEventListener("click", () => { stop().catch((error) => setText(show("text"), error.message)); });

/** @param {import("../runs/job.js").Job} [job]  none: hidden */
export function showOther(job) {
  card.hidden = job === undefined;
  if (job === undefined) return;
  setText(show("what"), job.what);
  setText(show("text"), sentence(job));
  find('[data-job-show="bar"]', HTMLProgressElement, card).value = share(job);
}
