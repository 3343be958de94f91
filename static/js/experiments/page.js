/*
  The experiments page: a guess first, then the run, then guess, theory and measurement beside each other. The
  result's markup is the server's own, the same as on the page of the saved run.
*/

import { announce } from "../announce.js";
import { find, seek, setText } from "../charts/dom.js";
import { isOver, sentence, share, start, stop, watch } from "../runs/job.js";
import { keepGuess, said } from "./guess.js";

const DRAW_EVERY_MS = 250;
const cards = new Map(/** @type {HTMLElement[]} */ ([...document.querySelectorAll("[data-experiment]")]).map((card) => [card.dataset.experiment ?? "", card]));
const buttons = /** @type {HTMLButtonElement[]} */ ([...document.querySelectorAll("[data-run]")]).filter((button) => !button.disabled);
const other = find("[data-job]");
let timer = 0;
let shownNumber = 0; // the job whose end is awaited here

for (const [id, card] of cards) {
  keepGuess(card, id);
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (card.querySelectorAll("[data-run]"))) {
    button.addEventListener("click", () => void run(id, card, button.dataset.run === "full"));
  }
  find("[data-stop]", HTMLElement, card).addEventListener("click", () => { stop().catch((error) => fail(card, error.message)); });
}
watch(onJob);

/** @param {string} id @param {Element} card @param {boolean} full */
async function run(id, card, full) {
  part(card, "error").hidden = true;
  part(card, "result").hidden = true;
  try {
    const job = await start(`/api/experiments/${id}`, { full });
    shownNumber = job.number;
    watch(onJob);
  } catch (error) {
    fail(card, error instanceof Error ? error.message : String(error));
  }
}

/** @param {import("../runs/job.js").Job} job */
function onJob(job) {
  clearInterval(timer);
  const card = cards.get(job.experiment ?? "");
  if (!isOver(job)) shownNumber = job.number;
  for (const button of buttons) button.disabled = !isOver(job);
  showOther(card === undefined && !isOver(job) ? job : undefined);
  if (card === undefined || job.number !== shownNumber) return;
  const box = part(card, "progress");
  box.hidden = isOver(job);
  setText(find("p", HTMLElement, box), sentence(job));
  find("[data-stop]", HTMLButtonElement, box).disabled = job.state !== "running";
  const draw = () => { find("progress", HTMLProgressElement, box).value = share(job); };
  draw();
  if (!isOver(job)) timer = window.setInterval(draw, DRAW_EVERY_MS);
  else if (job.saved !== null) reveal(card, job.experiment ?? "", job.saved).catch((error) => fail(card, `The result is saved as ${job.saved} and cannot be shown: ${error.message}`));
  else fail(card, job.error ?? "It ended without a result.");
}

/** @param {Element} card @param {string} id @param {string} saved */
async function reveal(card, id, saved) {
  const address = `/runs/${encodeURIComponent(saved)}`;
  const answer = await fetch(`${address}/result`);
  if (!answer.ok) return fail(card, `The result is saved as ${saved} and cannot be shown.`);
  // Markup that the lab made: every text in it is escaped there (src/experiments/html/).
  const { body } = new DOMParser().parseFromString(await answer.text(), "text/html");
  part(card, "outcome").replaceChildren(...body.childNodes);
  said(card);
  part(card, "link", HTMLAnchorElement).href = address;
  part(card, "theory", HTMLDetailsElement).open = true;
  part(card, "result").hidden = false;
  announce(`${id}: ${seek(".verdict", HTMLElement, part(card, "outcome"))?.textContent ?? "done"}`);
}

/** A run that was started elsewhere keeps the buttons waiting, and says so. @param {import("../runs/job.js").Job} [job] */
function showOther(job) {
  other.hidden = job === undefined;
  if (job === undefined) return;
  const show = (/** @type {string} */ name) => find(`[data-job-show="${name}"]`, HTMLElement, other);
  setText(show("what"), job.what);
  setText(show("text"), sentence(job));
  find('[data-job-show="bar"]', HTMLProgressElement, other).value = share(job);
}
other.querySelector("[data-job-stop]")?.addEventListener("click", () => { stop().catch((error) => setText(find('[data-job-show="text"]', HTMLElement, other), error.message)); });

/** @param {Element} card @param {string} text */
function fail(card, text) {
  part(card, "progress").hidden = true;
  part(card, "error").hidden = false;
  setText(part(card, "error"), text);
}

/** @template {Element} [T=HTMLElement]  @param {Element} card @param {string} name @param {new () => T} [kind] @returns {T} */
function part(card, name, kind) {
  return find(`[data-${name}]`, kind, card);
}
