// The conditions page, put together: the lanes, the presets, the fields, and one line of text that says it all and is
// what the lab is told; and what holds now.

import { el, find, setText } from "../charts/dom.js";
import { clear, everything, put } from "./api.js";
import { createBuilder } from "./builder.js";
import { createInEffect } from "./in-effect.js";
import { LANES } from "../lanes.js";
import { watchConditions } from "./watch.js";

const form = find("[data-form]", HTMLFormElement);
const text = /** @type {HTMLInputElement} */ (form.elements.namedItem("conditions"));
const seed = /** @type {HTMLInputElement} */ (form.elements.namedItem("seed"));
const apart = find('[data-show="apart"]'); // what a chosen preset stands for
const lanes = /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll('input[name="lane"]')]);
const show = createInEffect(find("[data-now]"), find('[data-show="summary"]'), (lane) => void change([lane], clear, "Cleared"));

/** @param {string} words  @param {"ok"|"bad"} tone */
function say(words, tone) {
  const line = find('[data-show="answer"]');
  line.dataset.tone = tone;
  setText(line, words);
}

const chosen = () => lanes.filter((lane) => lane.checked).map((lane) => lane.value);

/**
 * Does the same to some lanes and shows what then holds.
 * @param {string[]} names  @param {(lane: string) => Promise<unknown>} how  @param {string} done  how that is called
 */
async function change(names, how, done) {
  if (names.length === 0) return say("Choose a lane first.", "bad");
  try {
    // All of them is one request, so that they change together.
    for (const name of names.length === lanes.length ? ["all"] : names) await how(name);
    say(`${done}: ${names.length === lanes.length ? "all lanes" : names.map((name) => LANES[name]?.label ?? name).join(", ")}.`, "ok");
  } catch (error) {
    say(/** @type {Error} */ (error).message, "bad");
  }
  await look();
}

async function look() {
  try {
    show((await everything()).lanes);
  } catch (error) {
    setText(find('[data-show="summary"]'), /** @type {Error} */ (error).message);
  }
}

/** @param {import("./api.js").Preset} preset */
function presetChoice({ name, meaning, source }) {
  const input = el("input", { type: "radio", name: "preset", value: name, "aria-label": `${name}: ${meaning}` });
  return el("label", { class: "conditions-preset" }, input, el("b", {}, name), el("small", {}, meaning), ...(source ? [el("small", { class: "conditions-source" }, source)] : []));
}

async function begin() {
  const { catalogue, presets, lanes: now } = await everything();
  const builder = createBuilder(find("[data-catalogue]"), catalogue, (built) => {
    text.value = built;
    forgetPreset();
  });
  const list = find("[data-presets]");
  const made = presets.filter(({ source }) => !source);
  const platforms = presets.filter(({ source }) => source);
  list.replaceChildren(...made.map(presetChoice), el("p", { class: "hint conditions-platforms" }, "What platforms do by default, by their documentation:"), ...platforms.map(presetChoice));
  list.addEventListener("change", (/** @type {Event} */ event) => {
    text.value = /** @type {HTMLInputElement} */ (event.target).value;
    builder.reset();
    const preset = presets.find(({ name }) => name === text.value);
    if (preset) apart.replaceChildren(`${preset.name} is `, el("code", {}, preset.text));
    apart.hidden = preset === undefined;
  });
  text.addEventListener("input", () => {
    forgetPreset();
    builder.reset();
  });
  if (now.length === 0) {
    setText(find('[data-show="summary"]'), "This lab runs on one port, which serves this page as well: its lanes have no conditions. Start it without --single-port.");
    for (const button of document.querySelectorAll("[data-form] button, [data-clear-all]")) /** @type {HTMLButtonElement} */ (button).disabled = true;
    return;
  }
  show(now);
  watchConditions(show);
}

function forgetPreset() {
  apart.hidden = true;
  for (const input of form.querySelectorAll('input[name="preset"]')) /** @type {HTMLInputElement} */ (input).checked = false;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (text.value.trim() === "") return say("Choose a preset or build conditions first.", "bad");
  void change(chosen(), (lane) => put(lane, text.value, Number(seed.value) || 0), "In effect");
});
find("[data-clear-chosen]").addEventListener("click", () => void change(chosen(), clear, "Cleared"));
find("[data-clear-all]").addEventListener("click", () => void change(lanes.map((lane) => lane.value), clear, "Cleared"));
for (const button of form.querySelectorAll("[data-choose]")) {
  button.addEventListener("click", () => {
    for (const lane of lanes) lane.checked = /** @type {HTMLElement} */ (button).dataset.choose === "all";
  });
}

begin().catch((error) => setText(find('[data-show="summary"]'), `The lab does not answer: ${error.message}. Reload the page once it runs.`));
