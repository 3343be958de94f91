// What theory says each lane should show under the settings of a run: asked of the server, which has the closed
// forms (src/run/theory/). The round trip is the page's own, from the clock's exchange. Without an answer there
// are no predictions, and the run goes on.

/**
 * @typedef {object} Predicted
 * @property {string} lane
 * @property {number} p50_us
 * @property {number} p99_us
 * @property {number} max_us
 * @property {number} empty_ratio
 * @property {number} requests_per_publication
 * @property {string[]} at_least  which of the delays are lower bounds, since what server and page take is not in them
 */

/**
 * @param {import("./settings.js").Settings} settings
 * @param {number} roundTripUs
 * @returns {Promise<Map<string, Predicted>>} by lane
 */
export async function predictionsFor(settings, roundTripUs) {
  const { rate_per_s, schedule, poll_interval_ms, hold_ms } = settings;
  const asked = new URLSearchParams(Object.entries({ rate_per_s, schedule, poll_interval_ms, hold_ms, round_trip_us: Math.round(roundTripUs) })
    .map(([name, value]) => [name, String(value)]));
  try {
    const answer = await fetch(`/api/predictions?${asked}`, { signal: AbortSignal.timeout(5000) });
    const { predicted } = answer.ok ? await answer.json() : { predicted: [] };
    return new Map(predicted.map((/** @type {Predicted} */ each) => [each.lane, each]));
  } catch {
    return new Map();
  }
}

/** Its part of a lane's record; null where there is none. @param {Predicted|undefined} predicted */
export function predictedFigures(predicted) {
  const ms = (/** @type {number|undefined} */ us) => (us === undefined ? null : us / 1000);
  /** What a delay is: a value, or a bound. @param {string} name */
  const is = (name) => (predicted === undefined ? null : predicted.at_least.includes(name) ? "at_least" : "value");
  return {
    predicted_p50_ms: ms(predicted?.p50_us),
    predicted_p99_ms: ms(predicted?.p99_us),
    predicted_max_ms: ms(predicted?.max_us),
    predicted_requests_per_publication: predicted?.requests_per_publication ?? null,
    predicted_empty_ratio: predicted?.empty_ratio ?? null,
    predicted_p50_is: is("p50_us"),
    predicted_p99_is: is("p99_us"),
  };
}
