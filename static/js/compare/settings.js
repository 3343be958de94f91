// The settings of a run: their limits, their defaults, the three suggested experiments, and the form that
// holds them. A setting has one name everywhere: in the form, in the address, in the exported result.

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
 */

export const LIMITS = {
  rate_per_s: { min: 0.1, max: 200, whole: false },
  size_bytes: { min: 20, max: 16384, whole: true },
  poll_interval_ms: { min: 50, max: 30000, whole: true },
  hold_ms: { min: 500, max: 60000, whole: true },
  seed: { min: 0, max: 4294967295, whole: true },
  warmup_s: { min: 1, max: 60, whole: true },
};

/** Each starts from a question a stranger can guess at before looking. @type {Record<string, Partial<Settings>>} */
export const EXPERIMENTS = {
  rare: { rate_per_s: 0.2, size_bytes: 60, poll_interval_ms: 500, hold_ms: 25000, schedule: "poisson" },
  burst: { rate_per_s: 50, size_bytes: 60, poll_interval_ms: 500, hold_ms: 25000, schedule: "periodic" },
  big: { rate_per_s: 2, size_bytes: 4096, poll_interval_ms: 500, hold_ms: 25000, schedule: "poisson" },
};

/** Reads the form. @param {HTMLFormElement} form @returns {Settings} values brought inside their limits */
export function readSettings(form) {
  const data = new FormData(form);
  const value = (/** @type {keyof typeof LIMITS} */ name) => {
    const { min, max, whole } = LIMITS[name];
    const input = /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
    const wanted = input.value === "" || !Number.isFinite(Number(input.value)) ? Number(input.defaultValue) : Number(input.value);
    const inside = Math.min(max, Math.max(min, wanted));
    return whole ? Math.round(inside) : inside;
  };
  return {
    lanes: data.getAll("lane").map(String),
    schedule: data.get("schedule") === "poisson" ? "poisson" : "periodic",
    rate_per_s: value("rate_per_s"),
    size_bytes: value("size_bytes"),
    poll_interval_ms: value("poll_interval_ms"),
    hold_ms: value("hold_ms"),
    seed: value("seed"),
    warmup_s: value("warmup_s"),
  };
}

/** Writes values into the form, sliders included. @param {HTMLFormElement} form @param {Partial<Settings>} values */
export function writeSettings(form, values) {
  for (const [name, value] of Object.entries(values)) {
    if (name === "lanes") continue; // chosen one by one, and never by an experiment
    const control = form.elements.namedItem(name);
    if (control instanceof RadioNodeList) control.value = String(value);
    else if (control instanceof HTMLInputElement) {
      control.value = String(value);
      control.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }
}
