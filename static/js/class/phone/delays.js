/*
  delays.js: how late one phone's publications were, as it tells the class: five figures of them. The class's figures are
  the middle of all phones' (src/lab_api/class/live/by_phones.rs). Pure.
*/

/** One stage's delays, ms. @typedef {{mean: number, p50: number, p90: number, p99: number, max: number}} Late */

/** @param {number[]} delays  ms @returns {Late | null} null: there are none */
export function lateOf(delays) {
  if (delays.length === 0) return null;
  const sorted = [...delays].sort((one, other) => one - other);
  const at = (/** @type {number} */ part) => sorted[Math.round((sorted.length - 1) * part)];
  return { mean: sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}
