/*
  Socket.IO, protocol 5 over Engine.IO 4, by the unmodified socket.io-client (https://github.com/socketio/socket.io, MIT).

      browser                                      server
         │── GET /socket.io/?EIO=4&transport=… ──────►│   polling: GETs are held, POSTs send; or one WebSocket
         │◄── 0{"sid","pingInterval",…} ──────────────│   Engine.IO: the session is open
         │── 40/lab, ────────────────────────────────►│   Socket.IO: into the namespace /lab
         │◄── 40/lab,{"sid"} ─────────────────────────│
         │── 42/lab,0["subscribe",{"channel",…}] ────►│   an event that wants an acknowledgement
         │◄── 43/lab,0[{"epoch","offset",…}] ─────────│   which finds its question by number
         │◄── 42/lab,["publication",{…}] ─────────────│   4 message, 2 event: that is all the framing there is
         │── 42/lab,1["publish",{…}] ────────────────►│   and {"channel","epoch","offset"} comes back as 43/lab,1
         │◄── 2 … 3 ─────────────────────────────────►│   heartbeat, asked by the server, answered by the library

  The same messages travel by polling and by WebSocket: whatever the two lanes differ in is the transport's cost.
  The library reconnects with a back-off of its own; where to continue is said here, by position.

  Rejected:
  - emitWithAck, which gives a promise. Its continuation runs after the publications that came in the same payload, and
    so would take what is live for what is missed. A callback runs in its place in the line.
  - The library's own connection state recovery. It brings back what was missed within two minutes, from the server that
    the client was on; a position is honoured for as long as the history is kept, and by every lane alike.
  - Letting the library keep what is sent while there is no connection (its default). The page shows such messages as
    waiting and sends them again itself, with their ids, on this lane as on the others.

  What it costs: 243 bytes for a publication of 60 by WebSocket and 570 by polling, with the same messages in both
  (pushlab run --lanes socketio-websocket,socketio-polling --clients 1 --markdown). In its channel after 4 round
  trips by WebSocket and 6 by polling, where a plain WebSocket takes 2 (pushlab experiment E10).
  See also: src/protocol/socketio/, the other side; lessons 1 and 6; experiments E8, E10, E19;
  docs/protocols/socketio.md.
  Left out: the upgrade from one to the other (a lane is one transport), binary, rooms on this side.
*/
import { io } from "../../vendor/socket.io.esm.min.js";

/**
 * @typedef {object} Answer  the acknowledgement of an event: a position, or why not
 * @property {string} epoch
 * @property {number} offset
 * @property {boolean} recovered      of "subscribe" only
 * @property {{message: string}} [error]
 */

/**
 * @param {import("./index.js").ConnectOptions & import("./index.js").LibraryOptions} options
 * @returns {import("./index.js").Client}
 */
export function connect(options) {
  // Settings
  const { url, channel, client, name, demo, history = 0, onState = () => {} } = options;
  const { transports = ["websocket"] } = options;
  const ackTimeoutMs = 10_000;
  const backoffFirstMs = 500;
  const backoffMaxMs = 15_000;

  // State
  let position = options.position ?? null; // where to continue, known even before the first publication
  let delivered = position; // the last publication handed on
  let timer = 0;
  let closed = false;
  let connectingSinceMs = performance.now();
  /** What it is connected by, and how long that took. @type {{transport?: string, connectMs?: number}} */
  let connectedBy = {};
  /** @type {((publication: import("./index.js").Publication) => void)[]} */
  const callbacks = [];

  // The four calls: connect …
  onState("connecting", {});
  const socket = io(`${url}/lab`, {
    transports,
    query: given({ channel, demo }), // labels for the lab's meters
    forceNew: true, // a connection of its own, as every client here has
    reconnectionDelay: backoffFirstMs,
    reconnectionDelayMax: backoffMaxMs,
  });
  socket.on("connect", connected);
  socket.on("publication", deliver);
  socket.on("typing", hear);
  socket.on("connect_error", (problem) => broken(problem.message));
  socket.on("disconnect", (reason) => broken(reason));

  return {
    // … publish: an event with an acknowledgement; the library would keep it for later, but the page keeps its own
    async publish(event, data, { id, intendedUs } = {}) {
      if (!socket.connected) throw new Error("not connected");
      return new Promise((resolve, reject) => {
        ask("publish", { channel, event, data, id, intended_us: intendedUs }, (problem, answer) => {
          if (problem === null) resolve(answer);
          else reject(problem);
        });
      });
    },

    // … onPublication: called once for each publication, in order
    onPublication(callback) { callbacks.push(callback); },

    // … close: final
    close() {
      if (closed) return;
      closed = true;
      clearTimeout(timer);
      socket.disconnect();
      onState("closed", { reason: "closed by this page" });
    },

    get position() { return position; },
  };

  // The wire: one socket; after every connection, one subscription
  function connected() {
    connectedBy = { transport: socket.io.engine.transport.name, connectMs: performance.now() - connectingSinceMs };
    ask("subscribe", given({ channel, client, name, ...(position ?? { history }) }), (problem, answer) => {
      if (problem === null) subscribed(answer);
      else if (socket.connected) { // otherwise "disconnect" has told
        socket.disconnect();
        again(problem.message);
      }
    });
  }

  /** @param {import("./index.js").Start} at  the acknowledgement, which comes before the first publication */
  function subscribed(at) {
    const lost = position !== null && !at.recovered;
    const anotherLife = lost && (at.epoch !== delivered?.epoch || at.offset < (delivered?.offset ?? 0));
    if (anotherLife) delivered = null; // offsets begin again, nothing is a duplicate
    if (position === null || lost) position = { epoch: at.epoch, offset: at.offset };
    onState("open", { recovered: at.recovered, lost, ...connectedBy });
  }

  /** @param {string} reason  the library's own word */
  function broken(reason) {
    if (closed) return;
    if (connectedBy.transport) connectingSinceMs = performance.now();
    connectedBy = {};
    // After these two the library does not come back by itself (its documentation, "disconnect").
    if (reason === "io server disconnect") again("the server ended it");
    else if (reason !== "io client disconnect") onState("reconnecting", { reason });
  }

  /** @param {string} reason */
  function again(reason) {
    const retryInMs = backoffMaxMs * (0.5 + Math.random() / 2);
    onState("reconnecting", { reason, retryInMs });
    timer = window.setTimeout(() => { connectingSinceMs = performance.now(); socket.connect(); }, retryInMs);
  }

  // Helpers
  /** @param {import("./index.js").Publication} publication  skips what was delivered before */
  function deliver(publication) {
    if (publication.epoch === delivered?.epoch && publication.offset <= delivered.offset) return;
    delivered = position = { epoch: publication.epoch, offset: publication.offset };
    for (const callback of callbacks) callback(publication);
  }

  /** What Socket.IO clients tell each other past the channel's history: no publication, no position. @param {{client: string, name: string, on: boolean}} who */
  function hear({ client: from, name: called, on }) {
    if (!on) return;
    const heard = { channel, epoch: "", offset: NaN, event: "typing", intended_us: NaN, published_us: NaN, data: { client: from, name: called } };
    for (const callback of callbacks) callback(heard);
  }

  /** An event and its acknowledgement. By callback, not by promise: a promise would resolve after the publications
   * that came in the same payload. @param {string} event  @param {object} what
   * @param {(problem: Error | null, answer: Answer) => void} then */
  function ask(event, what, then) {
    socket.timeout(ackTimeoutMs).emit(event, what, (/** @type {Error | null} */ late, /** @type {Answer} */ answer) => {
      const refusal = late ? late.message : answer.error?.message;
      then(refusal === undefined ? null : new Error(refusal), answer);
    });
  }

  /** @param {Record<string, unknown>} fields  leaves out what is not set */
  function given(fields) {
    return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== ""));
  }
}
