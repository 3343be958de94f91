/*
  page.js: one lesson, one part at a time. Nobody looks before guessing: the parts after the guess open with it. The guess
  may be changed until the result is seen. Everything is kept in this browser, and a reload goes on where one was.
*/

import { announce } from "../announce.js";
import { find, seek, setText } from "../charts/dom.js";
import { drawAxis } from "./axis.js";
import { PARTS, anew, keep, progressOf } from "./progress.js";
import { attachRun } from "./run.js";

/** @typedef {import("./progress.js").Part} Part */

const article = find("[data-lesson]");
const id = article.dataset.lesson ?? "";
const links = /** @type {HTMLAnchorElement[]} */ ([...article.querySelectorAll(".lesson-way a")]);
const form = find("[data-guess-form]", HTMLFormElement);
const fields = /** @type {HTMLInputElement[]} */ ([...article.querySelectorAll("[data-guess]")]);
const isNumber = fields[0]?.type === "number";
const unit = isNumber && fields[0].dataset.unit ? ` ${fields[0].dataset.unit}` : "";
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
  const guess = isNumber ? [fields[0].value] : fields.filter((field) => field.checked).map((field) => field.value);
  const fault = faultOf(guess);
  showError("[data-guess-error]", fault);
  if (fault !== "") return fields[0].focus();
  take(guess);
});
find("[data-unknown]").addEventListener("click", () => { if (isLocked()) go("run"); else take(["?"]); });
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
  return place <= 1 || (progress.guess.length > 0 && place <= Math.max(2, progress.reached));
}

/** Whoever has seen what came out has guessed. */
function isLocked() {
  return progress.reached >= PARTS.indexOf("result");
}

/** Shows a part, and leads there. @param {Part} asked @param {boolean} [isMoved]  false: the page was opened */
function go(asked, isMoved = true) {
  const part = PARTS.indexOf(asked) > 1 && progress.guess.length === 0 ? "guess" : asked;
  progress.part = part;
  progress.reached = Math.max(progress.reached, PARTS.indexOf(part));
  keep(id, progress);
  for (const section of /** @type {NodeListOf<HTMLElement>} */ (article.querySelectorAll(".lesson-part"))) section.hidden = section.id !== part;
  for (const link of links) {
    if (partOf(link) === part) link.setAttribute("aria-current", "step");
    else link.removeAttribute("aria-current");
    link.setAttribute("aria-disabled", String(!isOpen(partOf(link))));
  }
  for (const field of fields) field.disabled = isLocked();
  if (part === "result") showResult();
  if (!isMoved) return;
  const title = find(`#${part}-title`);
  title.focus({ preventScroll: true });
  article.scrollIntoView({ block: "start" });
}

/** What is kept into the fields. */
function fill() {
  for (const field of fields) {
    if (isNumber) field.value = progress.guess[0] === "?" ? "" : progress.guess[0] ?? "";
    else field.checked = progress.guess.includes(field.value);
  }
  if (seen !== null) seen.value = progress.seen;
  for (const field of /** @type {NodeListOf<HTMLInputElement>} */ (ask.querySelectorAll("[name=answer]"))) field.checked = Number(field.value) === progress.answer;
  showReason();
}

/** @param {string[]} guess @returns {string} "" where it can be taken */
function faultOf(guess) {
  if (!isNumber) return guess.length === 0 ? "Choose an answer, or say that you do not know." : "";
  const { min, max, value } = fields[0];
  const number = Number(value);
  if (value.trim() === "" || !Number.isFinite(number)) return "Write a number, or say that you do not know.";
  return number < Number(min) || number > Number(max) ? `Write a number from ${min} to ${max}.` : "";
}

/** @param {string[]} guess */
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
  const number = (/** @type {string | undefined} */ text) => (text === undefined || text.trim() === "" || !Number.isFinite(Number(text)) ? undefined : Number(text));
  const measured = number(box.dataset.measured) ?? number(progress.seen);
  const theory = number(box.dataset.theory) ?? number(box.dataset.expected);
  const unknown = progress.guess[0] === "?";
  const guess = isNumber && !unknown ? number(progress.guess[0]) : undefined;
  beside("guess", unknown ? "I do not know" : isNumber ? shown(guess) : progress.guess.map(optionOf).join("; "));
  beside("measured", shown(measured));
  if (isNumber) beside("theory", shown(theory));
  const said = find("[data-verdict-of-guess]");
  setText(said, compared(guess, measured ?? theory, measured === undefined ? "the prediction" : "what was measured"));
  said.hidden = said.textContent === "";
  const axis = find("[data-axis]");
  axis.hidden = !isNumber;
  if (isNumber) drawAxis(axis, { min: Number(fields[0].min), max: Number(fields[0].max), isLog: fields[0].dataset.log !== undefined }, { guess, measured, theory });
}

/** @param {string} name @param {string} text */
function beside(name, text) {
  const part = find(`[data-beside="${name}"]`);
  part.hidden = text === "";
  setText(find("dd", HTMLElement, part), text);
}

/** @param {number | undefined} value */
function shown(value) {
  return value === undefined ? "" : `${Number(value.toPrecision(3))}${unit}`;
}

/** @param {string} place  from 1 */
function optionOf(place) {
  return fields.find((field) => field.value === place)?.parentElement?.textContent?.trim() ?? "";
}

/** How far off, as a factor: that is what is remembered. @param {number | undefined} guess @param {number | undefined} truth @param {string} what */
function compared(guess, truth, what) {
  if (guess === undefined || truth === undefined) return "";
  if (guess <= 0 || truth <= 0) return guess === truth ? `Your guess is ${what}.` : `Your guess is ${shown(Math.abs(guess - truth))} from ${what}.`;
  const factor = Math.max(guess / truth, truth / guess);
  if (factor < 1.1) return `Your guess is within a tenth of ${what}.`;
const times = `${Number(factor.toPrecision(2))} times`;
  return guess > truth ? `Your guess is ${times} ${what}.` : `${what[0].toUpperCase()}${what.slice(1)} is ${times} your guess.`;
}
