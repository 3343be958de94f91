// How far a percentile may be believed. A p99 is decided by the slowest hundredth of the samples: out of
// 100 samples that is one of them, out of 1,000 it is ten. Below one deciding sample the figure is an accident
// and is shown greyed with "n too small"; below ten it is shown as rough. (Rule of design/measurement.md:
// p99 needs n ≥ 1,000.) Pure.

/** @typedef {"none"|"too-small"|"rough"|"solid"} Trust */

/**
 * @param {number} quantile  for example 0.99; 1 is the maximum, which needs only to exist
 * @param {number} n  samples
 * @returns {Trust}
 */
export function trust(quantile, n) {
  if (n === 0) return "none";
  if (quantile >= 1) return "solid";
  const deciding = Math.round(n * (1 - quantile) * 1e6) / 1e6;
  if (deciding < 1) return "too-small";
  return deciding < 10 ? "rough" : "solid";
}

/** What the mark beside such a figure says. @type {Record<Trust, string>} */
export const TRUST_MARK = { none: "", "too-small": "n too small", rough: "rough", solid: "" };

/** The same as a sentence, for whoever points at it or hears it. @param {number} quantile @param {number} n @returns {string} */
export function trustSentence(quantile, n) {
  const name = `p${Math.round(quantile * 100)}`;
  const full = Math.ceil(10 / (1 - quantile) - 1e-9).toLocaleString("en");
  switch (trust(quantile, n)) {
    case "too-small": return `${n} samples: too few for a ${name}, which needs ${full}.`;
    case "rough": return `${n} samples: a rough ${name}; ${full} make it solid.`;
    default: return "";
  }
}
