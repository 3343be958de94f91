// Every figure of a run, one flat record per lane: what the table shows, what CSV and JSON carry.
// A figure without a value is null, never 0. Pure.

import { perPublication } from "./counters.js";
import { predictedFigures } from "./predictions.js";
import { BYTE_PARTS } from "../charts/byte-bar.js";

const ratio = (part, whole) => (whole > 0 ? part / whole : null);
const usToMs = (us) => (us === null || us === undefined ? null : us / 1000);

/**
 * @param {object} lane
 * @param {string} lane.lane
 * @param {string} lane.label
 * @param {string|null} lane.transport
 * @param {string|null} lane.protocol
 * @param {import("./tally.js").Tally} lane.tally
 * @param {{n: number, p50: number|null, p90: number|null, p99: number|null, max: number|null}} lane.received  ms
 * @param {{n: number, p50: number|null, p90: number|null, p99: number|null, max: number|null}} lane.painted   ms
 * @param {{n: number, p50_us: number, p99_us: number}|null} lane.written  the server's own figure
 * @param {import("./counters.js").Counters} lane.counters
 * @param {number} lane.openedTotal  connections opened since the run began, warm-up included
 * @param {string|null} lane.tcpSource
 * @param {import("./predictions.js").Predicted|undefined} lane.predicted
 * @param {number} expected
 * @param {number|null} boundMs  error of the clock offset
 * @returns {Record<string, string|number|null>}
 */
export function figuresOf(lane, expected, boundMs) {
  const { tally, received, painted, written, counters } = lane;
  const each = perPublication(counters);
  const figures = {
    lane: lane.lane,
    label: lane.label,
    transport: lane.transport,
    protocol: lane.protocol,
    received_n: received.n,
    received_p50_ms: received.p50,
    received_p90_ms: received.p90,
    received_p99_ms: received.p99,
    received_max_ms: received.max,
    painted_n: painted.n,
    painted_p50_ms: painted.p50,
    painted_p90_ms: painted.p90,
    painted_p99_ms: painted.p99,
    painted_max_ms: painted.max,
    clock_bound_ms: boundMs,
    written_n: written?.n ?? null,
    written_p50_ms: written?.n ? usToMs(written.p50_us) : null,
    written_p99_ms: written?.n ? usToMs(written.p99_us) : null,
    delivered: tally.delivered,
    expected,
    never_opened: lane.opened === false ? 1 : 0,
    // What a lane that never opened was not sent is neither lost nor on its way.
    missing: lane.opened === false ? null : tally.missing,
    on_the_way: lane.opened === false ? null : Math.max(0, expected - tally.delivered - tally.missing),
    duplicates: tally.duplicates,
    order_violations: tally.orderViolations,
    requests: counters.requests,
    requests_per_publication: ratio(counters.requests, counters.delivered),
    empty_answers: counters.empty,
    empty_ratio: ratio(counters.empty, counters.requests),
    connections_opened: lane.openedTotal,
    drops: counters.drops,
    ...predictedFigures(lane.predicted),
  };
  for (const direction of ["up", "down"]) {
    for (const layer of ["http_headers", "framing", "envelope", "payload", "tcp_ip"]) {
      figures[`${direction}_${layer}_bytes`] = each ? each[`${direction}_${layer}`] : null;
    }
  }
  figures.wire_bytes = each ? each.wire : null;
  figures.wire_total_bytes = counters.wire_up + counters.wire_down;
  figures.server_delivered = counters.delivered;
  figures.tcp_ip_source = lane.tcpSource;
  return figures;
}

/** Bytes that fill the longest byte bar: the largest sum of parts. @param {Array<Record<string, number>|null>} all */
export function commonByteScale(all) {
  return Math.max(0, ...all.map((each) => (each ? BYTE_PARTS.reduce((sum, part) => sum + part.sum(each), 0) : 0)));
}
