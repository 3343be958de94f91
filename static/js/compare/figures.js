// Every figure of a run, one flat record per lane: what the table shows, what CSV and JSON carry.
// A figure without a value is null, never 0. Pure.

import { perPublication } from "./counters.js";
import { predictedFigures } from "./predictions.js";
import { delayErrorMs, delayFigure } from "./trust.js";
import { BYTE_PARTS } from "../charts/byte-bar.js";
import { bytesOfEach } from "./layer-bar.js";

const ratio = (/** @type {number} */ part, /** @type {number} */ whole) => (whole > 0 ? part / whole : null);

/** Percentiles of one stage, ms. @typedef {{n: number, p50: number|null, p50_low: number|null, p50_high: number|null, p90: number|null, p99: number|null, max: number|null}} Summary */

/**
 * One lane's record. Beside these it has, for each direction and layer, bytes for each delivered publication:
 * up_http_headers_bytes, down_payload_bytes …
 * @typedef {ReturnType<typeof figuresOf>} Figures
 */

/**
 * @param {object} lane
 * @param {string} lane.lane
 * @param {string} lane.label
 * @param {string|null} lane.transport
 * @param {string|null} lane.protocol
 * @param {import("./tally.js").Tally} lane.tally
 * @param {boolean} lane.opened  whether its client was ever connected
 * @param {Summary} lane.received
 * @param {Summary} lane.painted
 * @param {{n: number, p50_us: number, p99_us: number}|null} lane.written  the server's own figure
 * @param {import("./counters.js").Counters} lane.counters
 * @param {number|null} lane.openedTotal  connections opened since the run began, warm-up included
 * @param {string|null} lane.tcpSource
 * @param {Parameters<typeof predictedFigures>[0]} lane.predicted
 * @param {number} expected
 * @param {number|null} boundMs  error of the clock offset
 */
export function figuresOf(lane, expected, boundMs) {
  const { tally, received, painted, written, counters } = lane;
  const each = perPublication(counters);
  return {
    lane: lane.lane,
    label: lane.label,
    transport: lane.transport,
    protocol: lane.protocol,
    received_n: received.n,
    received_p50_ms: received.p50,
    // Between which the median lies, in 95 of 100 cases, by how many there are.
    received_p50_low_ms: received.p50_low,
    received_p50_high_ms: received.p50_high,
    received_p90_ms: received.p90,
    received_p99_ms: received.p99,
    received_max_ms: received.max,
    painted_n: painted.n,
    painted_p50_ms: painted.p50,
    painted_p90_ms: painted.p90,
    painted_p99_ms: painted.p99,
    painted_max_ms: painted.max,
    clock_bound_ms: boundMs,
    delay_error_ms: delayErrorMs(boundMs),
    written_n: written?.n ?? null,
    written_p50_ms: written?.n ? written.p50_us / 1000 : null,
    written_p99_ms: written?.n ? written.p99_us / 1000 : null,
    delivered: tally.delivered,
    expected,
    never_opened: lane.opened ? 0 : 1,
    // What a lane that never opened was not sent is neither lost nor on its way.
    missing: lane.opened ? tally.missing : null,
    on_the_way: lane.opened ? Math.max(0, expected - tally.delivered - tally.missing) : null,
    duplicates: tally.duplicates,
    order_violations: tally.orderViolations,
    requests: counters.requests,
    requests_per_publication: ratio(counters.requests, counters.delivered),
    empty_answers: counters.empty,
    empty_ratio: ratio(counters.empty, counters.requests),
    connections_opened: lane.openedTotal,
    drops: counters.drops,
    ...predictedFigures(lane.predicted, received.n),
    counted_bytes: each ? bytesOfEach(each) : null,
    ...layerFigures(each),
    wire_bytes: each ? each.wire : null,
    wire_total_bytes: counters.wire_up + counters.wire_down,
    server_delivered: counters.delivered,
    tcp_ip_source: lane.tcpSource,
  };
}

/** Quantiles of a delay, by their names in the lab's own reports. */
const QUANTILES = /** @type {const} */ ([["p50_us", "received_p50_ms", 0.5], ["p90_us", "received_p90_ms", 0.9], ["p99_us", "received_p99_ms", 0.99], ["max_us", "received_max_ms", 1]]);

/**
 * How late publications were received, each figure with its error, as a bound, or with the reason why it is neither.
 * @param {Pick<Figures, "received_n"|"received_p50_ms"|"received_p90_ms"|"received_p99_ms"|"received_max_ms"|"clock_bound_ms">} lane
 * @param {number} [stallMs]  the longest this tab stood still: it may have made the slowest arrival, and no other figure
 * @returns {Record<"p50_us"|"p90_us"|"p99_us"|"max_us", import("./trust.js").DelayFigure>}
 */
export function delayFigures(lane, stallMs = 0) {
  const all = QUANTILES.map(([name, key, quantile]) => {
    const error = delayErrorMs(lane.clock_bound_ms, quantile === 1 ? stallMs : 0);
    return [name, delayFigure(lane[key], error, quantile, lane.received_n)];
  });
  return Object.fromEntries(all);
}

/** @param {Record<string, number>|null} each  as perPublication() gives it @returns {Record<`${"up"|"down"}_${string}_bytes`, number|null>} */
function layerFigures(each) {
  const names = ["up", "down"].flatMap((direction) => ["http_headers", "framing", "protocol", "lab", "payload", "tcp_ip"].map((layer) => `${direction}_${layer}`));
  return Object.fromEntries(names.map((name) => [`${name}_bytes`, each ? each[name] : null]));
}

/** Bytes that fill the longest byte bar: the largest sum of parts. @param {Array<Record<string, number>|null>} all */
export function commonByteScale(all) {
  return Math.max(0, ...all.map((each) => (each ? BYTE_PARTS.reduce((sum, part) => sum + part.sum(each), 0) : 0)));
}
