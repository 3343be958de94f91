/*
  page.js: one lesson, one part at a time. Nobody looks before guessing: the parts after the guess open with it. The guess
  may be changed until the result is seen. Everything is kept in this browser, and a reload goes on where one was.
*/

import { announce } from "../announce.js";
import { find, seek, setText } from "../charts/dom.js";
import { guessControl } from "../class/guess-control.js";
import { compared, inWords } from "../class/words.js";
import { drawAxis } from "./axis.js";
import { drawCurves } from "./beside.js";
import { PARTS, anew, keep, progressOf } from "./progress.js";
import { attachRun } from "./run.js";

/** @typedef {import("./progress.js").Part} Part */
/** @typedef {import("../class/guess-control.js").Guess} Guess */

const article = find("[data-lesson]");
const id = article.dataset.lesson ?? "";
const links = /** @type {HTMLAnchorElement[]} */ ([...article.querySelectorAll(".lesson-way a")]);
const form = find("[data-guess-form]", HTMLFormElement);
const guessPlace = find("[data-guess]");
/** @type {import("../class/guess-control.js").Asked} */
const asked = JSON.parse(guessPlace.dataset.guess ?? "");
const control = guessControl(asked, { onChange: (guess) => { if (guess !== null && "unknown" in guess) take(guess); } });
guessPlace.replaceChildren(control.element);
const seen = seek("[data-seen]", HTMLInputElement);
const ask = find("[data-ask]", HTMLFormElement);
let progress = progressOf(id);

article.dataset.live = "";
fill();
go(progress.part, false);

for (const link of links) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const part = partOf(link);
    if (isOpen(part)) go(part);
  });
}
for (const button of /** @type {NodeListOf<HTMLElement>} */ (article.querySelectorAll("[data-go]"))) {
  button.addEventListener("click", () => go(/** @type {Part} */ (button.dataset.go)));
}
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (isLocked()) return go("run");
  const guess = control.value();
  showError("[data-guess-error]", control.fault());
  if (guess === null) return control.focus();
  take(guess);
});
seen?.addEventListener("change", () => {
  progress.seen = seen.value;
  keep(id, progress);
});
ask.addEventListener("submit", (event) => {
  event.preventDefault();
  const answer = Number(new FormData(ask).get("answer") ?? 0);
  showError("[data-ask-error]", answer === 0 ? "Choose one of the answers." : "");
  if (answer === 0) return;
  progress.answer = answer;
  keep(id, progress);
  showReason();
});
find("[data-again]").addEventListener("click", () => {
  progress = anew();
  keep(id, progress);
  fill();
  go("question");
});
for (const box of /** @type {NodeListOf<HTMLElement>} */ (article.querySelectorAll("[data-run-experiment]"))) attachRun(box, takeResult);

/** @param {HTMLAnchorElement} link */
function partOf(link) {
  return /** @type {Part} */ (link.hash.slice(1));
}

/** The first two always; the others once there is a guess and, after the result, once one has been there. @param {Part} part */
function isOpen(part) {
  const place = PARTS.indexOf(part);
  return place <= 1 || (progress.guess !== null && place <= Math.max(2, progress.reached));
}

/** Whoever has seen what came out has guessed. */
function isLocked() {
  return progress.reached >= PARTS.indexOf("result");
}

/** Shows a part, and leads there. @param {Part} asked @param {boolean} [isMoved]  false: the page was opened */
function go(asked, isMoved = true) {
  const part = PARTS.indexOf(asked) > 1 && progress.guess === null ? "guess" : asked;
  progress.part = part;
  progress.reached = Math.max(progress.reached, PARTS.indexOf(part));
  keep(id, progress);
  for (const section of /** @type {NodeListOf<HTMLElement>} */ (article.querySelectorAll(".lesson-part"))) section.hidden = section.id !== part;
  for (const link of links) {
    if (partOf(link) === part) link.setAttribute("aria-current", "step");
    else link.removeAttribute("aria-current");
    link.setAttribute("aria-disabled", String(!isOpen(partOf(link))));
  }
  control.lock(isLocked());
  if (part === "result") showResult();
  if (!isMoved) return;
  const title = find(`#${part}-title`);
  title.focus({ preventScroll: true });
  article.scrollIntoView({ block: "start" });
}

/** What is kept into the fields. */
function fill() {
  control.set(progress.guess);
  // The lesson was changed since: what was guessed is no answer to it.
  if (progress.guess !== null && control.value() === null) progress = anew();
  showError("[data-guess-error]", "");
  if (seen !== null) seen.value = progress.seen;
  for (const field of /** @type {NodeListOf<HTMLInputElement>} */ (ask.querySelectorAll("[name=answer]"))) field.checked = Number(field.value) === progress.answer;
  showReason();
}

/** @param {Guess} guess */
function take(guess) {
  progress.guess = guess;
  fill();
  go("run");
}

/** @param {string} selector @param {string} text */
function showError(selector, text) {
  const node = find(selector);
  node.hidden = text === "";
  setText(node, text);
}

function showReason() {
  for (const reason of /** @type {NodeListOf<HTMLElement>} */ (ask.querySelectorAll("[data-because]"))) reason.hidden = Number(reason.dataset.because) !== progress.answer;
}

/** Reads a saved result back: this page as it would be opened with it. @param {string} saved */
async function takeResult(saved) {
  const answer = await fetch(`/lessons/${id}?result=${encodeURIComponent(saved)}`);
  if (!answer.ok) throw new Error(`the lab answered ${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  find("[data-outcome]").replaceChildren(...find("[data-outcome]", HTMLElement, page).childNodes);
  const [here, there] = [find("[data-outcome-figures]"), find("[data-outcome-figures]", HTMLElement, page)];
  for (const name of ["measured", "theory"]) {
    if (there.dataset[name] === undefined) delete here.dataset[name];
    else here.dataset[name] = there.dataset[name];
  }
  setText(find("[data-last]"), find("[data-last]", HTMLElement, page).textContent ?? "");
  announce("The run is over.");
  go("result");
}

/** The guess beside what was measured and what theory says. */
function showResult() {
  const box = find("[data-outcome-figures]");
  /** @param {string | undefined} text @returns {(number | null)[] | undefined} */
  const list = (text) => (text === undefined ? undefined : JSON.parse(text));
  const read = progress.seen.trim() === "" || !Number.isFinite(Number(progress.seen)) ? undefined : [Number(progress.seen)];
  const measured = list(box.dataset.measured) ?? (asked.as === "number" ? read : undefined);
  const theory = list(box.dataset.theory) ?? list(box.dataset.expected);
  const right = /** @type {number[]} */ (list(box.dataset.right) ?? []);
  const { guess } = progress;
  beside("guess", guess === null ? "" : inWords(asked, guess));
  beside("measured", measured === undefined ? "" : inWords(asked, asked.as === "curve" ? { curve: measured } : { number: measured[0] ?? NaN }));
  if (theory !== undefined) beside("theory", inWords(asked, asked.as === "curve" ? { curve: theory } : { number: theory[0] ?? NaN }));
  else beside("theory", inWords(asked, asked.as === "order" ? { order: right } : { choices: right }));
  const verdict = find("[data-verdict-of-guess]");
  setText(verdict, guess === null ? "" : compared(asked, guess, { measured, theory, right }));
  verdict.hidden = verdict.textContent === "";
  const axis = find("[data-axis]");
  axis.hidden = !(asked.as === "number" || asked.as === "curve");
  if (asked.as === "number") {
    const mark = (/** @type {(number | null)[] | undefined} */ values) => values?.[0] ?? undefined;
    drawAxis(axis, { min: asked.min, max: asked.max, isLog: asked.scale === "log" }, { guess: guess !== null && "number" in guess ? guess.number : undefined, measured: mark(measured), theory: mark(theory) });
  } else if (asked.as === "curve") drawCurves(axis, asked, { guess: guess !== null && "curve" in guess ? guess.curve : [], measured, theory });
}

/** @param {string} name @param {string} text */
function beside(name, text) {
  const part = find(`[data-beside="${name}"]`);
  part.hidden = text === "";
  setText(find("dd", HTMLElement, part), text);
}
