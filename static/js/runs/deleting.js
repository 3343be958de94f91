/*
  deleting.js: removes a saved run for good, asked first. Any button with data-delete names one, by its part of an
  address; data-called is what people call it.
*/
import { find, seek, setText } from "../charts/dom.js";
import { confirmed } from "../confirm.js";
import { understood } from "./job.js";

/** @param {string} next  the page that is shown afterwards */
export function offerDeleting(next) {
  for (const button of document.querySelectorAll("[data-delete]")) {
    if (button instanceof HTMLElement) button.addEventListener("click", () => void remove(button, next));
  }
}

/** @param {HTMLElement} button  @param {string} next */
async function remove(button, next) {
  const called = button.dataset.called ?? "";
  const text = `“${called}” is removed from the data folder, with its page and its note. It cannot be brought back.`;
  if (!await confirmed({ title: "Delete this run?", text, yes: "Delete" })) return;
  try {
    await understood(await fetch(`/presenter/api/runs/saved/${button.dataset.delete}`, { method: "DELETE" }));
    location.assign(next);
  } catch (error) {
    refused(error);
  }
}

/** Says why nothing was changed. @param {unknown} error */
export function refused(error) {
  if (seek('[data-show="not-changed"]') === null) return;
  const notice = find('[data-show="not-changed"]');
  notice.hidden = false;
  setText(notice, error instanceof Error ? error.message : String(error));
}
