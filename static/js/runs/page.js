/*
  The page of saved runs: starts a run from the form, shows how it goes, picks two to compare, takes a file from
  elsewhere.
*/

import { announce } from "../announce.js";
import { find, seek, setText } from "../charts/dom.js";
import { offerDeleting } from "./deleting.js";
import { isOver, sentence, share, start, stop, understood, watch } from "./job.js";

const DRAW_EVERY_MS = 250;
const BROUGHT_MAX_BYTES = 8 * 1024 * 1024;


// The run that goes on
const card = find("[data-job]");
/** @template {Element} [T=HTMLElement]  @param {string} name  @param {new () => T} [kind]  @returns {T} */
const part = (name, kind) => find(`[data-job-show="${name}"]`, kind, card);
const stopButton = find("[data-job-stop]", HTMLButtonElement, card);
let timer = 0;
const begun = performance.now();

/** @param {import("./job.js").Job} job */
function show(job) {
  // A run that was over before this page was opened is in the list.
  if (isOver(job) && card.hidden && job.startedMs < begun) return;
  card.hidden = false;
  setText(part("what"), job.what);
  setText(part("state"), job.state);
  part("state").dataset.state = { running: "connecting", stopping: "reconnecting", done: "open", failed: "closed" }[job.state];
  setText(part("text"), isOver(job) ? "" : sentence(job));
  stopButton.hidden = isOver(job);
  part("link").hidden = job.saved === null;
  if (job.saved !== null) part("link", HTMLAnchorElement).href = `/runs/${encodeURIComponent(job.saved)}`;
  part("error").hidden = job.error === null;
  setText(part("error"), job.error ?? "");
  clearInterval(timer);
  const draw = () => { part("bar", HTMLProgressElement).value = share(job); };
  draw();
  if (isOver(job)) announce(job.state === "done" ? "The run is over and saved." : "The run failed.");
  else timer = window.setInterval(draw, DRAW_EVERY_MS);
}

stopButton.addEventListener("click", () => {
  stop().catch((error) => { part("error").hidden = false; setText(part("error"), error.message); });
});
watch(show);

// A new run
const form = seek("#plan", HTMLFormElement);
form?.addEventListener("submit", (event) => {
  event.preventDefault();
  void begin(form);
});

/** @param {HTMLFormElement} form */
async function begin(form) {
  const refused = find('[data-show="refused"]');
  refused.hidden = true;
  try {
    await start("/api/runs", plan(form));
    watch(show);
    card.scrollIntoView({ block: "nearest" });
  } catch (error) {
    refused.hidden = false;
    setText(refused, messageOf(error));
  }
}

/** What is filled in, as JSON has it. @param {HTMLFormElement} form */
function plan(form) {
  /** @type {Record<string, string | number | boolean>} */
  const asked = {};
  const lanes = /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll('input[name="lanes"]:checked')]).map(({ value }) => value);
  if (lanes.length > 0) asked.lanes = lanes.join(",");
  for (const field of form.elements) {
    if (!(field instanceof HTMLInputElement || field instanceof HTMLSelectElement || field instanceof HTMLTextAreaElement)) continue;
    const value = field.name && field.name !== "lanes" ? field.value.trim() : "";
    const chosen = field instanceof HTMLSelectElement ? field.selectedOptions[0] : undefined;
    if (value === "" || chosen?.defaultSelected) continue;
    const number = Number(value);
    if (chosen && ["true", "false"].includes(value)) asked[field.name] = value === "true";
    else asked[field.name] = "number" in field.dataset && !Number.isNaN(number) ? number : value;
  }
  return asked;
}

/** Fills the form with a ready plan's settings; what it leaves open has its default. @param {HTMLSelectElement} ready */
function fill(ready) {
  if (form === null) return;
  const { settings = "{}", question = "" } = ready.selectedOptions[0]?.dataset ?? {};
  const chosen = ready.value;
  form.reset();
  ready.value = chosen;
  const { lanes = "", ...others } = JSON.parse(settings);
  for (const box of form.querySelectorAll('input[name="lanes"]')) {
    if (box instanceof HTMLInputElement) box.checked = lanes.split(",").includes(box.value);
  }
  for (const [name, value] of Object.entries(others)) {
    const field = form.elements.namedItem(name);
    if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement) field.value = String(value);
  }
  setText(find('[data-show="question"]'), question === "" ? "What was filled in is cleared." : `It is to answer: ${question}`);
}
const ready = seek("[data-ready-plan]", HTMLSelectElement);
ready?.addEventListener("change", () => fill(ready));

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

// Two to compare
const pick = find("#pick");
const boxes = /** @type {HTMLInputElement[]} */ ([...pick.querySelectorAll('input[name="run"]')]);
const compare = seek("[data-compare]", HTMLButtonElement, pick);
function picked() {
  if (compare === null) return;
  const ticked = boxes.filter((box) => box.checked);
  const kind = ticked[0]?.dataset.kind;
  // A result has its steps in common with others of its kind alone; two are enough.
  for (const box of boxes) box.disabled = !box.checked && (ticked.length === 2 || (kind !== undefined && box.dataset.kind !== kind));
  compare.disabled = ticked.length !== 2;
  setText(find('[data-show="picked"]'), pickedWords(ticked.length, kind));
}
/** @param {number} count  @param {string} [kind] */
function pickedWords(count, kind) {
  if (count === 2) return "Two are ticked.";
  if (kind === undefined) return "Tick two runs, or two results of the same experiment.";
  const what = kind === "run" ? "run" : `result of ${kind}`;
  if (boxes.every((box) => box.checked || box.dataset.kind !== kind)) return `This list has no other ${what} to compare it with.`;
  return kind === "run" ? "Tick another run; experiments cannot be compared with it." : `Tick another ${what}; nothing else can be compared with it.`;
}
pick.addEventListener("change", picked);
picked();

offerDeleting("/runs");

// A file from elsewhere
const bring = seek("#bring", HTMLInputElement);
bring?.addEventListener("change", () => void take(bring.files?.[0]));

/** @param {File | undefined} file */
async function take(file) {
  const says = find('[data-show="brought"]');
  if (file === undefined) return;
  if (file.size > BROUGHT_MAX_BYTES) return setText(says, `${file.name} is larger than 8 MB.`);
  setText(says, "Reading it …");
  try {
    const { id } = await understood(await fetch("/presenter/api/runs/files", { method: "POST", headers: { "Content-Type": "application/json" }, body: await file.text() }));
    location.assign(`/runs/${encodeURIComponent(id)}`);
  } catch (error) {
    setText(says, messageOf(error));
  }
}
