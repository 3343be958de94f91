// A histogram's summary in the shape the page works with: milliseconds, null where nothing was recorded. Pure.

/** Of a standard normal, for the middle 95 %, halved: half of √n is the spread of how many of n lie below their median. */
const HALF_OF_95 = 0.98;

/**
 * Which two of n samples, smallest first and counted from one, hold the median of all there could be between them, in
 * 95 of 100 cases. They are the ends where n is small.
 * @param {number} n @returns {[number, number]}
 */
export function medianRanks(n) {
  const off = HALF_OF_95 * Math.sqrt(n);
  return [Math.max(1, Math.floor(n / 2 - off)), Math.min(n, Math.ceil(n / 2 + off) + 1)];
}

/**
 * @param {import("../histogram.js").Histogram} histogram  of µs
 * @returns {import("./figures.js").Summary}  ms
 */
export function summarise(histogram) {
  const n = histogram.count;
  const at = (/** @type {number} */ percent) => (n === 0 ? null : histogram.percentile(percent) / 1000);
  const [low, high] = medianRanks(n);
  // The percentage whose rank it is, from within: that of the rank itself may be rounded up to the next one.
  const ofRank = (/** @type {number} */ rank) => at(((rank - 0.5) / n) * 100);
  return { n, p50: at(50), p50_low: ofRank(low), p50_high: ofRank(high), p90: at(90), p99: at(99), max: n === 0 ? null : histogram.max / 1000 };
}
