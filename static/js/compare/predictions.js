// What theory says each lane should show under the settings of a run: asked of the server, which has the closed
// forms (src/run/theory/, src/run/bytes.rs). The round trip is the page's own, from the clock's exchange; what server and
// browser take besides is learnt from the run's own warm-up (learn()). Without an answer there are no predictions, and the
// run goes on. A prediction is a value with what it may be off, or a bound, as docs/predictions.md has it.

import { messagesOf } from "./own-messages.js";
import { delayErrorMs, NUMBER_SHARE } from "./trust.js";

/**
 * @typedef {object} Predicted
 * @property {string} lane
 * @property {number} p50_us
 * @property {number} p99_us
 * @property {number} max_us
 * @property {number} empty_ratio
 * @property {number} requests_per_publication
 * @property {string[]} at_least  which of the delays are lower bounds, since what server and page take is not in them
 * @property {number} [bytes_per_publication]  with a poll of the lab's own client: a browser's heads are longer
 *
 * @typedef {{takesUs: number, offUs: number}} Learnt  what a delivery took beyond the way, and how far from that most were
 */

/** Fewer publications of a warm-up say nothing. */
const LEARN_FROM = 3;
/** Of fewer than these all count, of more the middle 80 %. */
const ALL_BELOW = 10;

/**
 * What a row's deliveries took beyond the way, from its warm-up and from nothing that is measured.
 * @param {number[]} delaysMs  of the warm-up's publications
 * @param {number} wayUs       half the round trip
 * @returns {Learnt|null}
 */
export function learn(delaysMs, wayUs) {
  const n = delaysMs.length;
  if (n < LEARN_FROM || !Number.isFinite(wayUs)) return null;
  const sorted = delaysMs.map((ms) => ms * 1000 - wayUs).sort((a, b) => a - b);
  const middle = (sorted[Math.floor((n - 1) / 2)] + sorted[Math.ceil((n - 1) / 2)]) / 2;
  const cut = n < ALL_BELOW ? 0 : Math.floor(n / 10);
  const spread = Math.max(middle - sorted[cut], sorted[n - 1 - cut] - middle);
  // Nothing is known closer than this page's clock can be read.
  const learnt = { takesUs: Math.max(0, middle), offUs: Math.max(spread, (delayErrorMs(0) ?? 0) * 1000) };
  // As of every figure: off by as much as it is, it says nothing. A page that stood still in its warm-up has learnt that alone.
  return learnt.offUs < NUMBER_SHARE * (wayUs + learnt.takesUs) ? learnt : null;
}

/**
 * @param {import("./settings.js").Settings} settings
 * @param {number} roundTripUs
 * @param {number} [processingUs]  learnt from the warm-up; without it the delays of streams and held polls are bounds
 * @returns {Promise<Map<string, Predicted>>} by lane
 */
export async function predictionsFor(settings, roundTripUs, processingUs) {
  const { rate_per_s, schedule, poll_interval_ms, hold_ms, size_bytes, payloads } = settings;
  // Of somebody's own messages the form would need every length; it is not asked for a mean.
  const sized = messagesOf(payloads).length === 0 ? { size_bytes } : {};
  const learnt = processingUs === undefined ? {} : { processing_us: Math.round(processingUs) };
  const asked = new URLSearchParams(Object.entries({ rate_per_s, schedule, poll_interval_ms, hold_ms, round_trip_us: Math.round(roundTripUs), ...sized, ...learnt })
    .map(([name, value]) => [name, String(value)]));
  try {
    const answer = await fetch(`/api/predictions?${asked}`, { signal: AbortSignal.timeout(5000) });
    const { predicted } = answer.ok ? await answer.json() : { predicted: [] };
    return new Map(predicted.map((/** @type {Predicted} */ each) => [each.lane, each]));
  } catch {
    return new Map();
  }
}

/** How a row listens, and the load. @typedef {{fetching: string, schedule: string, pollIntervalMs: number, roundTripUs: number}} Way */

/**
 * Theory with what the warm-up taught: every row by its own. Short polls mostly wait and cannot tell what the rest takes;
 * they take the quickest row's, and where none told they are off by one round trip.
 * @param {Map<string, Predicted>} predicted  asked with `quickest`
 * @param {Map<string, Learnt|null>} learnt   by row
 * @param {Learnt|null} quickest              of the rows that are told at once
 * @param {Map<string, Way>} ways             by row
 * @returns {Map<string, Predicted & {offUs: number, way: Way}>}
 */
export function withLearnt(predicted, learnt, quickest, ways) {
  const all = [...ways].flatMap(([row, way]) => {
    const each = predicted.get(row);
    if (each === undefined) return [];
    if (way.fetching === "short_polls") return [{ ...each, way, offUs: quickest?.offUs ?? way.roundTripUs }];
    const own = learnt.get(row) ?? null;
    // What the machine takes moves every delay of a form by as much (processed() in src/run/theory), but those that are bounds:
    // these are the form alone.
    const by = (own?.takesUs ?? 0) - (quickest?.takesUs ?? 0);
    const at_least = own === null ? ["mean_us", "p50_us", "p90_us", "p99_us", "max_us"] : each.at_least;
    const moved = (/** @type {"p50_us"|"p99_us"|"max_us"} */ name) => each[name] + (each.at_least.includes(name) ? 0 : by);
    return [{ ...each, way, at_least, offUs: own?.offUs ?? 0, p50_us: moved("p50_us"), p99_us: moved("p99_us"), max_us: moved("max_us") }];
  });
  return new Map(all.map((each) => [each.lane, each]));
}

/** Rows that wait for the next beat of their poll: how far chance takes a quantile of their waits, µs. @param {Way} way @param {number} quantile @param {number} n  publications measured */
function chanceUs({ fetching, schedule, pollIntervalMs }, quantile, n) {
  if (fetching !== "short_polls") return 0;
  // Publications at even distances meet this page's beat at a few phases that stay: as good as one sample.
  const samples = schedule === "periodic" ? 1 : Math.max(1, n);
  return (2 * pollIntervalMs * 1000 * Math.sqrt(quantile * (1 - quantile))) / Math.sqrt(samples);
}

/**
 * Its part of a lane's record; null where there is none.
 * @param {(Predicted & {offUs: number, way: Way})|undefined} predicted
 * @param {number} n  publications measured
 */
export function predictedFigures(predicted, n) {
  const ms = (/** @type {number|undefined} */ us) => (us === undefined ? null : us / 1000);
  /** What a delay is: a value, or a bound. @param {string} name */
  const is = (name) => (predicted === undefined ? null : predicted.at_least.includes(name) ? "at_least" : "value");
  /** What it may be off; of a bound nothing. @param {string} name @param {number} quantile */
  const off = (name, quantile) => (predicted === undefined || is(name) !== "value" ? null : ms(predicted.offUs + chanceUs(predicted.way, quantile, n)));
  return {
    predicted_p50_ms: ms(predicted?.p50_us),
    predicted_p50_is: is("p50_us"),
    predicted_p50_off_ms: off("p50_us", 0.5),
    predicted_p99_ms: ms(predicted?.p99_us),
    predicted_p99_is: is("p99_us"),
    predicted_p99_off_ms: off("p99_us", 0.99),
    predicted_max_ms: ms(predicted?.max_us),
    predicted_requests_per_publication: predicted?.requests_per_publication ?? null,
    predicted_empty_ratio: predicted?.empty_ratio ?? null,
    predicted_bytes: predicted?.bytes_per_publication ?? null,
    predicted_bytes_is: predicted?.bytes_per_publication === undefined ? null : predicted.way.fetching === "stream" ? "value" : "at_least",
  };
}

/**
 * A prediction as it stands beside what was measured: "≥ 0.4 ms", "250 ms ± 58", "187 B".
 * @param {number|null} value
 * @param {unknown} is      "at_least" for a bound
 * @param {number|null} off that a value may be off
 * @param {(value: number|null) => string} text
 */
export function predictedText(value, is, off, text) {
  if (value === null) return text(null);
  if (is === "at_least") return `≥ ${text(value)}`;
  if (off === null) return text(value);
  // Two digits are more than anybody knows of an error.
  return `${text(value)} ± ${text(Number(off.toPrecision(2)))}`;
}
