/*
  One experiment's page: the guess, the run, and the answer. The answer's markup is the server's own; a run that was
  started before a reload, or by somebody else, is joined again.
*/

import { announce } from "../announce.js";
import { find, seek, setText } from "../charts/dom.js";
import { isOver, sentence, share, start, stop, watch } from "../runs/job.js";
import { attachGuess } from "./guess.js";
import { showOther } from "./other-job.js";

const DRAW_EVERY_MS = 250;
const article = find("[data-experiment]");
const id = article.dataset.experiment ?? "";
const buttons = /** @type {HTMLButtonElement[]} */ ([...document.querySelectorAll("[data-run]")]).filter((button) => !button.disabled);
const box = find("[data-progress]");
const outcome = find("[data-outcome]");
const guess = attachGuess(article, id);
let timer = 0;
let shownNumber = 0; // the job whose end is awaited here

for (const button of buttons) button.addEventListener("click", () => void run(button.dataset.run === "full"));
find("[data-stop]").addEventListener("click", () => { stop().catch((error) => fail(error.message)); });
watch(onJob);

/** @param {boolean} full */
async function run(full) {
  find("[data-error]").hidden = true;
  try {
    const job = await start(`/api/experiments/${id}`, { full });
    shownNumber = job.number;
    watch(onJob);
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
  }
}

/** @param {import("../runs/job.js").Job} job */
function onJob(job) {
  clearInterval(timer);
  const over = isOver(job);
  const isMine = job.experiment === id;
  if (!over) shownNumber = job.number;
  for (const button of buttons) button.disabled = !over;
  showOther(isMine || over ? undefined : job);
  if (!isMine || job.number !== shownNumber) return;
  // What is known from before is no answer to the run that goes on.
  outcome.hidden = !over;
  box.hidden = over;
  setText(find("p", HTMLElement, box), sentence(job));
  find("[data-stop]", HTMLButtonElement, box).disabled = job.state !== "running";
  const draw = () => { find("progress", HTMLProgressElement, box).value = share(job); };
  draw();
  if (!over) timer = window.setInterval(draw, DRAW_EVERY_MS);
  else if (job.saved !== null) reveal(job.saved).catch((error) => fail(`The result is saved as ${job.saved} and cannot be shown: ${error.message}`));
  else fail(job.error ?? "It ended without a result.");
}

/** Shows a saved result as this page would be opened with it. @param {string} saved */
async function reveal(saved) {
  const answer = await fetch(`/experiments/${id}?result=${encodeURIComponent(saved)}`);
  if (!answer.ok) return fail(`The result is saved as ${saved} and cannot be shown.`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  outcome.replaceChildren(...find("[data-outcome]", HTMLElement, page).childNodes);
  const older = seek("[data-older]", HTMLElement, page);
  seek("[data-older]")?.remove();
  if (older !== null) outcome.after(older);
  guess.mark();
  announce(seek(".answer-sentence", HTMLElement, outcome)?.textContent ?? "Done.");
}

/** @param {string} text */
function fail(text) {
  box.hidden = true;
  outcome.hidden = false;
  find("[data-error]").hidden = false;
  setText(find("[data-error]"), text);
}
