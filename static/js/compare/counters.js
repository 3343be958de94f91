// The server's counters, made into figures of one run. /api/stats counts from the start of the server and
// only upwards; a stretch of measurement is the difference of two readings, and a run is the sum of its
// stretches. Pure: takes and returns values. What the counters mean is documented in the server's src/metrics.

export const LAYERS = /** @type {const} */ (["http_headers", "framing", "protocol", "lab", "payload"]);
/** @type {["up", "down"]} */
const DIRECTIONS = ["up", "down"];

/**
 * The answer of GET /api/stats: counters from the start of the server, only upwards.
 * @typedef {object} Stats
 * @property {number} now_us      when it was taken, µs on the server's clock
 * @property {number} uptime_us
 * @property {LaneStats[]} lanes
 * @property {Series[]} series    one for each lane, transport, protocol, demo and channel
 * @property {number} latency_window_us   how far back the delays go
 * @property {Latency[]} latency  over all channels; no row where nothing was delayed in that time
 *
 * @typedef {{lane: string, transport: string|null, protocol: string|null, connections_open: number, connections_opened_total: number}} LaneStats
 *
 * @typedef {object} Series
 * @property {string} lane
 * @property {string} transport
 * @property {string} protocol
 * @property {string} demo         what the client said that it is used for, or "none"
 * @property {"bare"|"positions"} [form]  how publications are written where the protocol is not as it is
 * @property {string} channel
 * @property {number} connections_opened_total
 * @property {number} requests_total
 * @property {number} empty_answers_total
 * @property {number} publications_delivered_total
 * @property {number} drops_total
 * @property {Bytes} up            from clients
 * @property {Bytes} down          to clients
 * @property {{segments_up: number, segments_down: number, wire_bytes_up: number, wire_bytes_down: number, source: "TCP_INFO"|"model"}} tcp
 *
 * @typedef {{http_headers: number, framing: number, protocol: number, lab: number, payload: number, tls: number, total: number}} Bytes  by layer
 *
 * @typedef {object} Latency
 * @property {string} lane
 * @property {string} transport
 * @property {string} protocol
 * @property {"written"|"received"|"painted"} stage   by the server: handed to the kernel; by browsers: the other two
 * @property {number} n
 * @property {number} p50_us
 * @property {number} p99_us
 * @property {number} max_us
 * @property {number} bound_us     the most that the clocks behind it can be wrong by
 */

/** One lane's counters, flattened: numbers by name. @typedef {Record<string, number>} Counters */

/** @returns {Counters} */
export function zero() {
  /** @type {Counters} */
  const counters = { requests: 0, empty: 0, delivered: 0, opened: 0, drops: 0, wire_up: 0, wire_down: 0, segments_up: 0, segments_down: 0 };
  for (const direction of DIRECTIONS) {
    counters[`${direction}_total`] = 0;
    for (const layer of LAYERS) counters[`${direction}_${layer}`] = 0;
  }
  return counters;
}

/** What counters are kept by: not by lane, because with --single-port all of them run on the main lane.
 * @param {{transport: string|null, protocol: string|null, form?: string}} labels */
export function seriesOf({ transport, protocol, form }) {
  return form ? `${protocol}/${transport}/${form}` : `${protocol}/${transport}`;
}

/**
 * The counters of one transport and protocol on one channel, out of an /api/stats answer. The demo is not asked
 * for: a run has a channel of its own, and pusher-js has no way to tell the server what it is used for.
 * @param {Stats} stats @param {string} series  as seriesOf() names it @param {string} channel
 * @returns {{counters: Counters, tcpSource: string|null}}
 */
export function read(stats, series, channel) {
  const sum = zero();
  let tcpSource = null;
  for (const s of stats.series) {
    if (seriesOf(s) !== series || s.channel !== channel) continue;
    sum.requests += s.requests_total;
    sum.empty += s.empty_answers_total;
    sum.delivered += s.publications_delivered_total;
    sum.opened += s.connections_opened_total;
    sum.drops += s.drops_total;
    sum.wire_up += s.tcp.wire_bytes_up;
    sum.wire_down += s.tcp.wire_bytes_down;
    sum.segments_up += s.tcp.segments_up;
    sum.segments_down += s.tcp.segments_down;
    tcpSource = s.tcp.source;
    for (const direction of DIRECTIONS) {
      sum[`${direction}_total`] += s[direction].total;
      for (const layer of LAYERS) sum[`${direction}_${layer}`] += s[direction][layer];
    }
  }
  return { counters: sum, tcpSource };
}

/** @param {Counters} a @param {Counters} b @returns {Counters} a + b */
export function plus(a, b) {
  return Object.fromEntries(Object.keys(a).map((key) => [key, a[key] + b[key]]));
}

/** @param {Counters} a @param {Counters} b @returns {Counters} a − b, never below zero */
export function minus(a, b) {
  return Object.fromEntries(Object.keys(a).map((key) => [key, Math.max(0, a[key] - b[key])]));
}

/**
 * Bytes per delivered publication by layer; null while nothing was delivered, because a missing value stays missing.
 * tcp_ip is what the packets add: wire bytes, Ethernet headers included, minus the bytes the lane counted.
 * @param {Counters} counters
 * @returns {Record<string, number>|null}
 */
export function perPublication(counters) {
  if (counters.delivered === 0) return null;
  const each = (/** @type {number} */ value) => value / counters.delivered;
  /** @type {Record<string, number>} */
  const out = { wire: each(counters.wire_up + counters.wire_down), up_total: each(counters.up_total), down_total: each(counters.down_total) };
  for (const direction of DIRECTIONS) {
    for (const layer of LAYERS) out[`${direction}_${layer}`] = each(counters[`${direction}_${layer}`]);
    out[`${direction}_tcp_ip`] = each(Math.max(0, counters[`wire_${direction}`] - counters[`${direction}_total`]));
  }
  return out;
}
