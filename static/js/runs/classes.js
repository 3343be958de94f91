/*
  classes.js: removes what a class did for good, asked first. The presenter's, as all that is removed here.
*/

import { find, setText } from "../charts/dom.js";
import { confirmed } from "../confirm.js";
import { understood } from "./job.js";

for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-delete-class]"))) {
  button.addEventListener("click", () => void remove(button));
}

/** @param {HTMLElement} button */
async function remove(button) {
  const text = `What “${button.dataset.called ?? ""}” did is removed from the data folder. It cannot be brought back.`;
  if (!await confirmed({ title: "Delete this class?", text, yes: "Delete" })) return;
  try {
    await understood(await fetch(`/presenter/api/class/saved/${button.dataset.deleteClass}`, { method: "DELETE" }));
    location.reload();
  } catch (error) {
    const notice = find("[data-class-not-deleted]");
    setText(notice, error instanceof Error ? error.message : String(error));
    notice.hidden = false;
  }
}
