/*
  plan.js: on a plan's page, for whoever leads the lab while a class is on: a button for each lesson that gives it to the
  class, and a mark at the one that is on. Everybody else sees the plan as it is printed.
*/

import { announce } from "../announce.js";
import { find, setText } from "../charts/dom.js";
import { unlocked } from "../presenter.js";

/** What of a class's state is needed here: `GET /api/class`. @typedef {{lesson: {id: string} | null}} ClassState */

const ASK_EVERY_MS = 5000;
const wrong = find("[data-give-error]");
const buttons = /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("[data-give]"));

/** `null`: no class is on. @returns {Promise<ClassState | null>} */
async function ask() {
  const answer = await fetch("/api/class", { cache: "no-store", headers: { accept: "application/json" } });
  return answer.ok ? await answer.json() : null;
}

/** @param {ClassState | null} state */
function show(state) {
  find("[data-class-on]").hidden = state === null;
  for (const button of buttons) button.hidden = state === null;
  for (const mark of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-is-on]"))) {
    mark.hidden = mark.dataset.isOn !== state?.lesson?.id;
  }
}

/** @param {HTMLButtonElement} button */
async function give(button) {
  wrong.hidden = true;
  try {
    const answer = await fetch("/presenter/api/class/lesson", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ lesson: button.dataset.give }),
    });
    const said = await answer.json();
    if (!answer.ok) throw new Error(`${said.error?.message ?? answer.statusText}. ${said.error?.hint ?? ""}`);
    announce("The class has this lesson now.");
  } catch (error) {
    setText(wrong, error instanceof Error ? error.message : String(error));
    wrong.hidden = false;
  }
  await look();
}

async function look() {
  // A lab that is gone for a moment is asked again.
  show(await ask().catch(() => null));
}

if (await unlocked) {
  for (const button of buttons) button.addEventListener("click", () => void give(button));
  await look();
  setInterval(() => void look(), ASK_EVERY_MS);
}
