/*
  index.js: which client module belongs to which lane, and what all of them promise.

  Every module here exports one function, connect(options), and gives back a client with the other three
  calls: publish, onPublication, close. They share no code on purpose: each file is the whole truth about
  its transport, and any two can be read side by side. The order inside is always the same:
  settings, state, the four calls, the wire, helpers.

  websocket-bare.js and sse-bare.js are no lanes of their own but rows of a comparison: the floor of what their
  transport costs. channels.js and socketio.js stand on the official client libraries, unmodified, and serve several lanes each: which
  transport the library may use is an option. All others are the lab's own protocol, in the browser's own words; what
  two of them have in common stands in each, word for word (tests/modules/copies.test.mjs holds the copies equal).

  Rejected: a base class with the back-off, the callbacks and the position. It would be a third of the lines. But whoever
  reads how long polling works would read it in two files and in the order of neither; and the first transport that
  needs one step done differently would get a flag that the others must read past.

  Every head says what goes over the wire, what was rejected, what it costs and by which command that is shown. The
  figures are of 60 bytes of data; those of polls are of the lab's own client, whose requests are short, and say so.
*/
import { comparedRows, lab, transportLanes } from "../lab.js";

/**
 * @typedef {object} Position             where a reader stands in a channel's history
 * @property {string} epoch               identity of one life of the history
 * @property {number} offset              number of the last publication read
 *
 * @typedef {object} Publication          one piece of data, the same on every transport
 * @property {string} channel
 * @property {string} epoch
 * @property {number} offset              from 1, growing by one
 * @property {string} event
 * @property {number} intended_us         when it was meant to be sent, µs on the server's clock
 * @property {number} published_us        when the server took it, µs on the server's clock
 * @property {unknown} data               JSON, as the publisher sent it: look before you use it
 *           What a row's protocol does not tell is NaN or empty: bare rows tell only the data.
 *
 * @typedef {object} Start                where the server begins, said before the first publication
 * @property {string} epoch
 * @property {number} offset              of the last publication before
 * @property {boolean} recovered          a position was named and is honoured: nothing is missing
 *
 * @typedef {object} StateDetail
 * @property {boolean} [recovered]        open: the position named was honoured
 * @property {boolean} [lost]             open: a position was named and could not be honoured, something is missing
 * @property {string} [reason]            reconnecting, closed: why
 * @property {number} [retryInMs]         reconnecting: when the next attempt is made
 * @property {string} [transport]         open: what the library is connected by, in its own words
 * @property {number} [connectMs]         open: how long that took
 *
 * @typedef {"connecting"|"open"|"reconnecting"|"closed"} State
 *
 * @typedef {object} ConnectOptions
 * @property {string} url                 base address of the lane
 * @property {string} channel
 * @property {string} [client]            id of this client; makes it a member of a presence channel
 * @property {string} [name]              what other members see
 * @property {"chat"|"dashboard"|"compare"|"none"} [demo]  label for the lab's meters
 * @property {Position|null} [position]   continue after this publication; null: begin now
 * @property {number} [history]           without a position: this many earlier publications first
 * @property {(state: State, detail: StateDetail) => void} [onState]
 * @property {number} [pollIntervalMs]    short polling: time from one question to the next
 * @property {number} [holdMs]            long polling: how long the server may keep a question open
 *
 * @typedef {object} LibraryOptions       what only the modules on official libraries know
 * @property {string} [key]               of the application (pusher-js)
 * @property {string[]} [transports]      what the library may use, in its own names
 * @property {boolean} [recovery]         false: without this lab's extension, as any client of Channels (pusher-js)
 *
 * @typedef {object} Client
 * @property {(event: string, data: unknown, extra?: {id?: string, intendedUs?: number}) => Promise<Position>} publish
 *           resolves with the position the publication got; the same id again answers the same position,
 *           so a repeated attempt never doubles
 * @property {(callback: (publication: Publication) => void) => void} onPublication
 * @property {(event: string, data: unknown) => void} [whisper]  where the protocol has a way for it (client events of
 *           Channels): tells the others in the channel, unacknowledged
 * @property {() => void} close           final; a closed client is not opened again
 * @property {Position|null} position     hand this to the next client to continue without a gap
 */

/** @type {Record<string, string>} file of each lane's client, as shown by the code viewer */
export const CODE = Object.fromEntries(transportLanes.map(({ lane, client }) => [lane, `/static/js/transports/${client.module}`]));

/** What a client is told beside the address: the library's own options.
 * @param {import("../lab.js").Facts["client"]} client  @returns {LibraryOptions} */
function optionsOf(client) {
  return {
    ...(client.transports && { transports: client.transports }),
    ...(client.wants_key && { key: lab.demo_app?.key }),
  };
}

/** What pusher-js is given on the lane `channels` when it may fall back, which is what its users get. */
export const FALLBACK = ["ws", "xhr_streaming", "xhr_polling"];

/**
 * Loads the client module of a lane, once.
 * @param {string} lane
 * @returns {Promise<{connect: (options: ConnectOptions & LibraryOptions) => Client}>}
 */
export async function transport(lane) {
  if (!(lane in CODE)) throw new Error(`no client for the lane "${lane}"`);
  const { connect } = await import(CODE[lane]);
  const known = transportLanes.find((each) => each.lane === lane);
  return { connect: (options) => connect({ ...(known && optionsOf(known.client)), ...options }) };
}

/**
 * Loads the client module of a row of a comparison, once. There a protocol is as it is: Channels has this lab's
 * positions only in the rows that say so.
 * @param {string} row
 * @returns {Promise<{connect: (options: ConnectOptions & LibraryOptions) => Client}>}
 */
export async function rowTransport(row) {
  const known = comparedRows.find((each) => each.lane === row);
  if (known === undefined) throw new Error(`no client for the row "${row}"`);
  const { connect } = await import(`/static/js/transports/${known.client.module}`);
  const own = { ...optionsOf(known.client), recovery: known.form === "positions" };
  return { connect: (options) => connect({ ...own, ...options }) };
}
