// What a visitor sets: the drawer with every setting, the three examples and Start before a run, Pause and Reset during
// one. It knows nothing of what lanes do; it says what is wanted and shows what holds.

import { find, setText } from "../charts/dom.js";
import { joinNumberSlider } from "../charts/number-slider.js";
import { toast } from "../toast.js";
import { readMessages } from "./own-messages.js";
import { EXAMPLES, exampleOf, readSettings, writeSettings } from "./settings.js";

/**
 * @param {import("./settings.js").Settings} first  with which the page starts
 * @param {object} wants
 * @param {() => void} wants.start
 * @param {() => void} wants.pauseOrResume
 * @param {() => void} wants.reset
 * @param {(settings: import("./settings.js").Settings) => void} wants.changed  a setting differs from before
 */
export function attachControls(first, wants) {
  const form = find("#settings", HTMLFormElement);
  const drawer = find("[data-drawer]", HTMLDialogElement);
  const ready = find("[data-ready]", HTMLFormElement);
  const [begin, pause, again, reset] = ["start", "pause", "again", "reset"].map((name) => find(`[data-run="${name}"]`, HTMLButtonElement));
  const examples = /** @type {HTMLInputElement[]} */ ([...ready.querySelectorAll('input[name="example"]')]);
  const lanes = /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll('input[name="lane"]')]);
  const messages = find("#payloads", HTMLTextAreaElement);
  const fault = find("[data-payloads-fault]");

  for (const field of form.querySelectorAll("[data-number-slider]")) joinNumberSlider(field);
  writeSettings(form, first);
  markExample();
  let known = JSON.stringify(readSettings(form));

  for (const opener of document.querySelectorAll("[data-open-settings]")) opener.addEventListener("click", () => drawer.showModal());
  drawer.addEventListener("click", ({ target }) => { if (target === drawer) drawer.close(); });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    drawer.close();
  });
  ready.addEventListener("submit", (event) => {
    event.preventDefault();
    wants.start();
  });
  pause.addEventListener("click", () => { if (pause.getAttribute("aria-disabled") !== "true") wants.pauseOrResume(); });
  again.addEventListener("click", wants.start);
  reset.addEventListener("click", wants.reset);
  messages.addEventListener("input", sayFault);
  form.addEventListener("change", (event) => {
    if (!lanes.some((lane) => lane.checked) && event.target instanceof HTMLInputElement) {
      event.target.checked = true;
      toast("At least one lane has to run.", "warn");
    }
    sayFault();
    tell();
  });
  for (const example of examples) {
    example.addEventListener("change", () => {
      writeSettings(form, EXAMPLES[example.value]);
      tell();
    });
  }

  /** What was typed outside the limits is shown as what will be used; what changed is told. */
  function tell() {
    const settings = readSettings(form);
    for (const [name, value] of Object.entries(settings)) {
      const control = form.elements.namedItem(name);
      if (control instanceof HTMLInputElement && Number(control.value) !== value) writeSettings(form, { [name]: value });
    }
    markExample();
    if (JSON.stringify(settings) === known) return;
    known = JSON.stringify(settings);
    wants.changed(settings);
  }

  function sayFault() {
    const said = readMessages(messages.value).fault;
    setText(fault, said);
    fault.hidden = said === "";
    messages.setAttribute("aria-invalid", String(said !== ""));
  }

  function markExample() {
    const holds = exampleOf(readSettings(form));
    for (const example of examples) example.checked = example.value === holds;
  }

  return {
    /** As the form stands. */
    settings: () => readSettings(form),
    /** The words on an example's card. @param {string} name */
    exampleLabel: (name) => examples.find(({ value }) => value === name)?.closest("label")?.querySelector("strong")?.textContent ?? "",
    /** @param {import("./run.js").Phase} phase */
    show(phase) {
      // A button that somebody stands on must not vanish under the keyboard: what comes in its place takes the focus.
      const stood = document.activeElement;
      const wasOn = stood !== null && (ready.contains(stood) || [pause, again, reset].some((button) => button === stood));
      pause.setAttribute("aria-disabled", String(!["warm-up", "measuring", "paused"].includes(phase)));
      setText(pause, phase === "paused" ? "Continue" : "Pause");
      reset.hidden = phase === "ready";
      pause.hidden = phase === "ready" || phase === "failed";
      again.hidden = phase !== "paused" && phase !== "failed";
      if (phase !== "ready") setText(begin, "Start again");
      if (!wasOn || stood?.checkVisibility()) return;
      const next = phase === "ready" ? begin : phase === "failed" ? again : pause;
      // Start is on the stage; on another tab its own head is the place to be.
      (next.checkVisibility() ? next : find('[role="tab"][aria-selected="true"]')).focus({ preventScroll: true });
    },
  };
}
