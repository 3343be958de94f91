// values.js: values with units, as the server reads and prints them, and a slider's place among them. Sliders are
// logarithmic, since ranges span powers of ten; their left end is the least there is.

/** Units and how many of the smallest each holds, the largest first. @type {Record<string, [string, number][]>} */
const UNITS = {
  duration: [["h", 3600e6], ["m", 60e6], ["s", 1e6], ["ms", 1e3], ["us", 1]],
  "bits per second": [["gbit", 1e9], ["mbit", 1e6], ["kbit", 1e3], ["bit", 1]],
  bytes: [["MiB", 1 << 20], ["KiB", 1 << 10], ["B", 1]],
  count: [["", 1]],
  share: [["", 1]],
};
/** Where a slider's scale begins when its range begins at 0. @type {Record<string, number>} */
const SMALLEST = { duration: 1e3, "bits per second": 1e3, bytes: 64, count: 1, share: 0.01 };
/** Sliders end here where ranges go on: the rest can be written. @type {Record<string, number>} */
const LARGEST = { duration: 600e6, "bits per second": 100e6 };
export const STEPS = 200;

/** @param {string} text  @param {string} unit  @returns {number} NaN where it is no value */
export function read(text, unit) {
  const found = /^([\d.]+)([A-Za-z]*)$/.exec(text.trim());
  if (found === null) return NaN;
  const [, number, name] = found;
  const known = UNITS[unit].find(([known]) => known.toLowerCase() === name.toLowerCase());
  if (known === undefined) return Number(number) === 0 ? 0 : NaN;
  return Number(number) * known[1];
}

/** @param {number} value  @param {string} unit */
export function print(value, unit) {
  if (unit === "share") return String(Number(value.toFixed(2)));
  const whole = Math.round(value);
  if (whole === 0) return unit === "duration" ? "0s" : `0${UNITS[unit].at(-1)?.[0] ?? ""}`;
  const [name, each] = UNITS[unit].find(([, each]) => whole >= each && whole % each === 0) ?? ["", 1];
  return `${whole / each}${name}`;
}

/** A slider's scale for a key. @param {import("./api.js").Key} key */
export function scaleOf({ least, most, unit }) {
  const [from, to] = [read(least ?? "0", unit), read(most ?? "1", unit)];
  const begins = Math.max(from, SMALLEST[unit]);
  const ends = Math.min(to, LARGEST[unit] ?? Infinity);
  return {
    /** @param {number} place  0 to STEPS */
    valueAt(place) {
      if (place === 0) return from;
      const value = begins * (ends / begins) ** (place / STEPS);
      // Two digits are as exact as a hand is.
      const rough = Number(value.toPrecision(2));
      return Math.min(ends, Math.max(from, unit === "share" ? rough : Math.round(rough)));
    },
    /** @param {number} value */
    placeOf(value) {
      if (!(value > begins)) return value > from ? 1 : 0;
      return Math.min(STEPS, Math.round(STEPS * Math.log(value / begins) / Math.log(ends / begins)));
    },
  };
}
