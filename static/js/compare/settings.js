// The settings of a run: their limits, where they start, the three examples, and the form that holds them. A
// setting has one name everywhere: in the form, in the address (address.js), in the exported result.

import { readMessages } from "./own-messages.js";

/**
 * @typedef {object} Settings
 * @property {number} rate_per_s        publications per second, 0.1 to 200
 * @property {number} size_bytes        bytes of data in each, before the envelope
 * @property {number} poll_interval_ms  short polling asks this often
 * @property {number} hold_ms           a long poll is held this long at most
 * @property {"periodic"|"poisson"} schedule
 * @property {number} seed              same seed, same schedule and same contents
 * @property {number} warmup_s          discarded at the start of each stretch
 * @property {string[]} lanes           that run, in the order of the page
 * @property {string} payloads          somebody's own messages, one JSON value a line, sent in turn; "" for none
 */

export const LIMITS = {
  rate_per_s: { min: 0.1, max: 200, whole: false },
  size_bytes: { min: 20, max: 16384, whole: true },
  poll_interval_ms: { min: 50, max: 30000, whole: true },
  hold_ms: { min: 500, max: 60000, whole: true },
  seed: { min: 0, max: 4294967295, whole: true },
  warmup_s: { min: 1, max: 60, whole: true },
};
export const SCHEDULES = /** @type {const} */ (["poisson", "periodic"]);

/** Where the page starts; its lanes are the server's word (is_compared_first). @type {Omit<Settings, "lanes">} */
export const DEFAULTS = {
  rate_per_s: 4, size_bytes: 60, poll_interval_ms: 500, hold_ms: 25000, schedule: "poisson", seed: 1, warmup_s: 3, payloads: "",
};

/**
 * Each starts from a question a stranger can guess at before looking; its seed has its first events soon after the
 * warm-up (held by src/demo/schedule.rs).
 * @type {Record<string, Partial<Settings>>}
 */
export const EXAMPLES = {
  rare: { rate_per_s: 0.2, size_bytes: 60, poll_interval_ms: 500, hold_ms: 25000, schedule: "poisson", seed: 10, payloads: "" },
  burst: { rate_per_s: 50, size_bytes: 60, poll_interval_ms: 500, hold_ms: 25000, schedule: "periodic", seed: 1, payloads: "" },
  big: { rate_per_s: 2, size_bytes: 4096, poll_interval_ms: 500, hold_ms: 25000, schedule: "poisson", seed: 1, payloads: "" },
};

/** The example whose settings hold, whatever its seed; "" for none. @param {Settings} settings */
export function exampleOf(settings) {
  const holds = (/** @type {Partial<Settings>} */ of) => Object.entries(of).every(([name, value]) => name === "seed" || settings[/** @type {keyof Settings} */ (name)] === value);
  return Object.keys(EXAMPLES).find((name) => holds(EXAMPLES[name])) ?? "";
}

/** Reads the form. @param {HTMLFormElement} form @returns {Settings} values brought inside their limits */
export function readSettings(form) {
  const data = new FormData(form);
  const value = (/** @type {keyof typeof LIMITS} */ name) => {
    const { min, max, whole } = LIMITS[name];
    const written = String(data.get(name) ?? "");
    const wanted = written === "" || !Number.isFinite(Number(written)) ? DEFAULTS[name] : Number(written);
    const inside = Math.min(max, Math.max(min, wanted));
    return whole ? Math.round(inside) : inside;
  };
  const { text, fault } = readMessages(String(data.get("payloads") ?? ""));
  return {
    lanes: data.getAll("lane").map(String),
    schedule: data.get("schedule") === "periodic" ? "periodic" : "poisson",
    rate_per_s: value("rate_per_s"),
    size_bytes: value("size_bytes"),
    poll_interval_ms: value("poll_interval_ms"),
    hold_ms: value("hold_ms"),
    seed: value("seed"),
    warmup_s: value("warmup_s"),
    // What cannot be sent is not sent; the form says why beside it.
    payloads: fault === "" ? text : "",
  };
}

/** Writes values into the form, sliders included. @param {HTMLFormElement} form @param {Partial<Settings>} values */
export function writeSettings(form, values) {
  for (const [name, value] of Object.entries(values)) {
    if (name === "lanes") {
      const chosen = /** @type {string[]} */ (value);
      for (const lane of /** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll('input[name="lane"]'))) lane.checked = chosen.includes(lane.value);
      continue;
    }
    const control = form.elements.namedItem(name);
    if (control instanceof RadioNodeList) control.value = String(value);
    else if (control instanceof HTMLInputElement || control instanceof HTMLTextAreaElement) {
      control.value = String(value);
      control.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }
}
