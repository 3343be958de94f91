/*
  published.js: what comes on the dashboard's channels. The lab publishes there, and an application's server may, as on any
  channel: what is something else is left out. Pure.
*/

/**
 * What is published on cache-dashboard-host every second or so.
 * @typedef {object} HostFigures
 * @property {number[]} cpu_percent   of each core
 * @property {number[]} load          over 1, 5 and 15 min
 * @property {number} memory_used_bytes
 * @property {number} memory_total_bytes
 * @property {number} network_in_bytes_per_s
 * @property {number} network_out_bytes_per_s
 * @property {number} process_cpu_percent   of the lab itself
 * @property {number} process_memory_bytes
 */

/** Cores that a strip has room for. */
const CORES_MAX = 1024;
const NUMBERS = /** @type {const} */ (["memory_used_bytes", "memory_total_bytes", "network_in_bytes_per_s", "network_out_bytes_per_s", "process_cpu_percent", "process_memory_bytes"]);

/** @param {unknown} data  @returns {data is HostFigures} */
export function isHostFigures(data) {
  const figures = /** @type {Partial<HostFigures>} */ (data ?? {});
  return [figures.cpu_percent, figures.load].every((list) => Array.isArray(list) && list.length <= CORES_MAX && list.every(Number.isFinite))
    && NUMBERS.every((name) => Number.isFinite(figures[name]));
}

/**
 * What is published on cache-dashboard-market.
 * @typedef {object} Market
 * @property {number} n   number of the publication, from 1; with conflation some are left out
 * @property {{symbol: string, price: number, change: number}[]} quotes
 */

/** Quotes of one publication. */
const QUOTES_MAX = 500;

/** @param {unknown} data  @returns {data is Market} */
export function isMarket(data) {
  const { n, quotes } = /** @type {Partial<Market>} */ (data ?? {});
  return Number.isFinite(n) && Array.isArray(quotes) && quotes.length <= QUOTES_MAX
    && quotes.every((quote) => typeof quote?.symbol === "string" && Number.isFinite(quote.price) && Number.isFinite(quote.change));
}
