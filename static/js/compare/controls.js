// The form of the compare page: which lanes, settings, the three experiments, Start, Pause and Reset. It knows
// nothing of what lanes do; it says what is wanted and shows what holds.

import { find } from "../charts/dom.js";
import { joinNumberSlider } from "../charts/number-slider.js";
import { transportLanes } from "../lab.js";
import { toast } from "../toast.js";
import { EXPERIMENTS, readSettings, writeSettings } from "./settings.js";

/**
 * @param {object} wants
 * @param {(settings: import("./settings.js").Settings) => void} wants.start
 * @param {() => void} wants.pauseOrResume
 * @param {() => void} wants.reset
 * @param {(settings: import("./settings.js").Settings) => void} wants.changed  a setting differs from before
 */
export function attachControls(wants) {
  const form = find("#settings", HTMLFormElement);
  const button = (/** @type {string} */ name) => find(`[data-run="${name}"]`, HTMLButtonElement, form);
  const [start, pause, reset] = ["start", "pause", "reset"].map(button);
  const experiments = /** @type {HTMLButtonElement[]} */ ([...document.querySelectorAll("[data-experiment]")]);

  for (const field of form.querySelectorAll("[data-number-slider]")) joinNumberSlider(field);
  const lanes = /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll('input[name="lane"]')]);
  for (const lane of lanes) lane.checked = transportLanes.some((known) => known.lane === lane.value && known.is_compared_first);
  let known = JSON.stringify(readSettings(form));

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    normalise();
    wants.start(readSettings(form));
  });
  pause.addEventListener("click", wants.pauseOrResume);
  reset.addEventListener("click", wants.reset);
  form.addEventListener("change", (event) => {
    if (!lanes.some((lane) => lane.checked) && event.target instanceof HTMLInputElement) {
      event.target.checked = true;
      toast("At least one lane has to run.", "warn");
    }
    const settings = normalise();
    if (JSON.stringify(settings) === known) return;
    known = JSON.stringify(settings);
    markExperiment("");
    wants.changed(settings);
  });
  for (const experiment of experiments) {
    experiment.addEventListener("click", () => {
      const name = experiment.dataset.experiment ?? "";
      writeSettings(form, EXPERIMENTS[name]);
      known = JSON.stringify(readSettings(form));
      markExperiment(name);
      wants.start(readSettings(form));
      document.getElementById("controls-title")?.scrollIntoView({ block: "start", behavior: "smooth" });
    });
  }

  /** What was typed outside the limits is shown as what will be used. */
  function normalise() {
    const settings = readSettings(form);
    for (const [name, value] of Object.entries(settings)) {
      const control = form.elements.namedItem(name);
      if (control instanceof HTMLInputElement && Number(control.value) !== value) writeSettings(form, { [name]: value });
    }
    return settings;
  }

  /** @param {string} name  the experiment whose settings hold; "" for none */
  function markExperiment(name) {
    for (const each of experiments) each.setAttribute("aria-pressed", String(each.dataset.experiment === name));
  }

  return {
    /** As the form stands. */
    settings: () => readSettings(form),
    /** @param {import("./run.js").Phase} phase */
    show(phase) {
      const running = phase !== "ready" && phase !== "failed";
      start.textContent = running ? "Start again" : "Start";
      start.classList.toggle("button-primary", !running);
      pause.disabled = !["warm-up", "measuring", "paused"].includes(phase);
      pause.textContent = phase === "paused" ? "Continue" : "Pause";
      reset.disabled = phase === "ready";
    },
  };
}
