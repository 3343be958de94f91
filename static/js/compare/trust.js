// How far a percentile may be believed. A p99 is decided by the slowest hundredth of the samples: out of
// 100 samples that is one of them, out of 1,000 it is ten. Below one deciding sample the figure is an accident
// and is shown greyed with "n too small"; below ten it is shown as rough. (docs/measuring.md, "What is withheld
// as a whole": ten samples have to lie beyond a percentile, so p99 needs n ≥ 1,000.) Beside the number of samples stands what the instruments may be off: the error is held
// against the figure it belongs to, by the rule of docs/measuring.md. Pure.

import { axisDuration, durationText } from "../charts/format.js";

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

/** An error of less than this share of a figure stands beside it as ±; any other leaves only a bound. As in src/run/uncertainty.rs. */
export const NUMBER_SHARE = 1;
/** What one reading of a page's clock may be off, ms, where it shares its process with nobody, and where it may. */
const RESOLUTION_MS = { isolated: 0.005, shared: 0.1 };

/**
 * A figure of delay that can be stood behind, a bound, or why there is neither. All in µs, as the lab's own reports have it.
 * @typedef {{value: number, error: number}|{below: number, error: number}|{invalid: string}} DelayFigure
 */

/**
 * What the instruments may have made of a delay, ms: the clock bound is of either sign, so is the resolution of
 * reading the arrival (the bound has that of the exchange in it), and the time this page stood still only adds. They are independent of each other, and added as they
 * are: the worst is what must not be missed. Null where the clock is not known.
 * @param {number|null} boundMs  error of the clock offset
 * @param {number} [stoodStillMs]  that may have held back the very arrivals the figure is made of
 * @param {boolean} [isolated]
 */
export function delayErrorMs(boundMs, stoodStillMs = 0, isolated = globalThis.crossOriginIsolated === true) {
  return boundMs === null ? null : boundMs + (isolated ? RESOLUTION_MS.isolated : RESOLUTION_MS.shared) + stoodStillMs;
}

/**
 * A percentile with its error.
 * @param {number|null} ms
 * @param {number|null} errorMs
 * @param {number} quantile
 * @param {number} n  samples
 * @returns {DelayFigure}
 */
export function delayFigure(ms, errorMs, quantile, n) {
  const us = (/** @type {number} */ value) => Math.round(value * 1000);
  if (ms === null || n === 0) return { invalid: "nothing has arrived yet" };
  if (trust(quantile, n) === "too-small") return { invalid: trustSentence(quantile, n) };
  if (errorMs === null) return { invalid: "the clock of this page is not set by the server's yet" };
  if (errorMs < NUMBER_SHARE * ms) return { value: us(ms), error: us(errorMs) };
  // The clock may be wrong in either direction: the truth is not larger than both together.
  return { below: us(Math.max(ms, 0) + errorMs), error: us(errorMs) };
}

/** Why a figure is a bound: which error, how large, against what. @param {number} ms @param {number} errorMs */
export function boundSentence(ms, errorMs) {
  return `${durationText(ms)} was measured, and clock and page may be wrong by ${durationText(errorMs)}: all that can be said is below ${durationText(Math.max(ms, 0) + errorMs)}.`;
}

/** Decimal places down to the first digit of an error; none of tens and more. @param {number} error */
export const placesOfError = (error) => (error > 0 ? Math.max(0, Math.ceil(-Math.log10(error) - 1e-9)) : 3);

/** An error by its first digit, rounded up. @param {number} ms */
export function errorRoundedUp(ms) {
  const parts = 10 ** placesOfError(ms);
  return Math.ceil(ms * parts - 1e-9) / parts;
}

/** An error in words, the same wherever it stands. @param {number} ms */
export const errorText = (ms) => axisDuration(errorRoundedUp(ms));
