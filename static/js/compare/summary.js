// A histogram's summary in the shape the page works with: milliseconds, null where nothing was recorded. Pure.

/**
 * @param {import("../histogram.js").Histogram} histogram  of µs
 * @returns {{n: number, p50: number|null, p90: number|null, p99: number|null, max: number|null}}  ms
 */
export function summarise(histogram) {
  const n = histogram.count;
  const at = (/** @type {number} */ percent) => (n === 0 ? null : histogram.percentile(percent) / 1000);
  return { n, p50: at(50), p90: at(90), p99: at(99), max: n === 0 ? null : histogram.max / 1000 };
}
