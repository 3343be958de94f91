/*
  The page of saved runs: starts a run from the form, shows how it goes, picks two to compare, takes a file from
  elsewhere.
*/

import { announce } from "../announce.js";
import { setText } from "../charts/dom.js";
import { isOver, sentence, share, start, stop, understood, watch } from "./job.js";

const DRAW_EVERY_MS = 250;
const BROUGHT_MAX_BYTES = 8 * 1024 * 1024;
const find = (selector) => /** @type {any} */ (document.querySelector(selector));

// The run that goes on
const card = find("[data-job]");
const part = (name) => card.querySelector(`[data-job-show="${name}"]`);
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
  card.querySelector("[data-job-stop]").hidden = isOver(job);
  part("link").hidden = job.saved === null;
  if (job.saved !== null) part("link").href = `/runs/${encodeURIComponent(job.saved)}`;
  part("error").hidden = job.error === null;
  setText(part("error"), job.error ?? "");
  clearInterval(timer);
  const draw = () => { part("bar").value = share(job); };
  draw();
  if (isOver(job)) announce(job.state === "done" ? "The run is over and saved." : "The run failed.");
  else timer = window.setInterval(draw, DRAW_EVERY_MS);
}

card.querySelector("[data-job-stop]").addEventListener("click", () => {
  stop().catch((error) => { part("error").hidden = false; setText(part("error"), error.message); });
});
watch(show);

// A new run
const form = find("#plan");
form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const refused = find('[data-show="refused"]');
  refused.hidden = true;
  try {
    await start("/api/runs", plan());
    watch(show);
    card.scrollIntoView({ block: "nearest" });
  } catch (error) {
    refused.hidden = false;
    setText(refused, error.message);
  }
});

/** What is filled in, as JSON has it. */
function plan() {
  const asked = {};
  for (const field of form.elements) {
    const value = field.name ? field.value.trim() : "";
    const isAsItWas = field.selectedOptions?.[0]?.defaultSelected ?? false;
    if (value === "" || isAsItWas) continue;
    const number = Number(value);
    if (field.selectedOptions && ["true", "false"].includes(value)) asked[field.name] = value === "true";
    else asked[field.name] = "number" in field.dataset && !Number.isNaN(number) ? number : value;
  }
  return asked;
}

// Two to compare
const pick = find("#pick");
const boxes = [...pick.querySelectorAll('input[name="run"]')];
const compare = pick.querySelector("[data-compare]");
function picked() {
  const count = boxes.filter((box) => box.checked).length;
  if (compare === null) return;
  compare.disabled = count !== 2;
  setText(find('[data-show="picked"]'), count === 2 ? "Two are ticked." : `${count} of 2 are ticked.`);
}
pick.addEventListener("change", picked);
picked();

// A file from elsewhere
find("#bring")?.addEventListener("change", async (event) => {
  const [file] = event.target.files;
  const says = find('[data-show="brought"]');
  if (file === undefined) return;
  if (file.size > BROUGHT_MAX_BYTES) return setText(says, `${file.name} is larger than 8 MB.`);
  setText(says, "Reading it …");
  try {
    const { id } = await understood(await fetch("/presenter/api/runs/files", { method: "POST", headers: { "Content-Type": "application/json" }, body: await file.text() }));
    location.assign(`/runs/${encodeURIComponent(id)}`);
  } catch (error) {
    setText(says, error.message);
  }
});
