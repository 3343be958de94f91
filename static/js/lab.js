/*
  lab.js: what the server told this page about the lab, in <body data-lab>: version, lanes, fairness, host.
  Reading it from the page saves a request, and the addresses in it carry the host name the visitor used.
*/

/**
 * @typedef {object} Lane
 * @property {string} lane               "main", "short-poll", "sse", "channels-streaming", …
 * @property {string|null} transport     how bytes travel; null on the main lane
 * @property {string|null} protocol      what they mean: "plain", "pusher", "socketio"
 * @property {string} label
 * @property {string} url                base address; every path of the contract is appended to it
 * @property {number} port
 *
 * @typedef {object} Facts               what pages need to draw and to use a lane; see src/catalogue.rs
 * @property {string} short              name where there is little room
 * @property {string} note               one sentence for who uses it in the chat
 * @property {"short_polls"|"held_polls"|"stream"} fetching
 * @property {"same_connection"|"own_request"} sending
 * @property {string} lab_part           what the lab adds around each publication there, or why nothing
 * @property {boolean} is_compared_first whether the compare page starts with it
 * @property {number[]} dash             line pattern in px; [] is a solid line
 * @property {{module: string, transports?: string[], wants_key?: boolean}} client
 *           file below /static/js/transports, and what the library in it is told
 *
 * @typedef {Lane & Facts} TransportLane
 *
 * @typedef {object} Variant             a row that uses a lane in another form; see src/catalogue/variants.rs
 * @property {string} row                "websocket-bare", "channels-resume", …
 * @property {string} lane               whose port, transport, protocol and colour it has
 * @property {"bare"|"positions"} form   the label that its bytes are counted under
 * @property {string} label
 * @property {string} short
 * @property {string} note
 * @property {string} lab_part
 * @property {number[]} dash
 * @property {{module: string, transports?: string[], wants_key?: boolean}} client
 *
 * @typedef {TransportLane & {of: string, form: ""|"bare"|"positions"}} ComparedRow
 *           a row of a comparison, under its own name in `lane`; `of` is the lane that carries it, `form` "" is the
 *           lane's protocol as it is
 */

/**
 * Facts of the machine that the server runs on; what it cannot find out is not there.
 * @typedef {object} Host
 * @property {string} [os]
 * @property {string} [kernel]
 * @property {number} [cpus]
 * @property {number} [memory_bytes]
 * @property {string} [congestion_control]  of TCP
 */

/** @type {{version: string, lanes: Lane[], variants: Variant[], fairness: string[], host: Host, demo_app?: {id: string, key: string}}} */
export const lab = JSON.parse(document.body.dataset.lab ?? '{"version":"","lanes":[],"variants":[],"fairness":[],"host":{}}');

/** The lanes that pages have a client for, all but the main one, in the order of the server. @type {TransportLane[]} */
export const transportLanes = /** @type {TransportLane[]} */ (lab.lanes.filter((lane) => "client" in lane));

/** What can be compared: every lane with its protocol as it is, then the variants. @type {ComparedRow[]} */
export const comparedRows = [
  ...transportLanes.map((lane) => ({ ...lane, of: lane.lane, form: /** @type {""} */ ("") })),
  ...lab.variants.flatMap(({ row, lane: of, ...own }) => {
    const carrier = transportLanes.find((lane) => lane.lane === of);
    return carrier ? [{ ...carrier, ...own, lane: row, of, is_compared_first: false }] : [];
  }),
];

/** @param {string} name  @returns {Lane | undefined} */
export function laneNamed(name) {
  return lab.lanes.find((lane) => lane.lane === name);
}
