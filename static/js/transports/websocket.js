/*
  WebSocket: one connection, messages both ways (RFC 6455).

      browser                                      server
         │── GET /ws/c  Upgrade: websocket ──────────►│
         │◄── 101 Switching Protocols ────────────────│   from here on no HTTP, only frames
         │◄── {"subscribed":{"offset":7,…}} ──────────│
         │◄── {"offset":8,"event":"message",…} ───────│   a publication: 2 to 4 bytes of framing (10 past 65,535)
         │── {"publish":{"event":…,"id":"x"}} ───────►│   sending needs no new request
         │◄── {"ack":{"id":"x","offset":9,…}} ────────│   the answer finds its question by id
         │◄── ping, pong ────────────────────────────►│   heartbeat, done by the browser, invisible here

  A WebSocket has no memory of its own: resuming after a break is written here, by position. Nor does it answer: what
  came back belongs to what was asked because both have the same id.

  Rejected:
  - socket.send() and taking it for sent. It means that the browser has it. If the connection breaks now, nobody will
    ever say whether the server had it; so a publish waits for its acknowledgement, and may be repeated with its id.
  - Pings of our own, as messages. The browser answers the server's by itself and shows them to nobody; that is enough
    for the server to notice us gone. That the server is gone is noticed when it owes an answer (ackTimeoutMs), or
    when TCP gives up. A page that only listens may learn it late: lesson 13.
  - Coming back at once. After a restart all clients would come in the same second (experiment E20).

  What it costs: 220 bytes for a publication of 60, 4 of them framing; bare, without the envelope, 62, with 2
  (pushlab run --lanes websocket,websocket-bare --clients 1 --markdown). Two round trips until it is in its
  channel (pushlab experiment E10). Killed, a bare WebSocket never came back by itself (E8).
  See also: src/transport/websocket/, the other side; lessons 4, 6 and 13; experiments E1, E6, E8, E10;
  docs/lanes/websocket.md.
  Left out: compression (permessage-deflate) and binary messages.
*/

/**
 * @param {import("./index.js").ConnectOptions} options
 * @returns {import("./index.js").Client}
 */
export function connect(options) {
  // Settings
  const { url, channel, client, name, demo, history = 0, onState = () => {} } = options;
  const ackTimeoutMs = 10_000;
  const backoffFirstMs = 500;
  const backoffMaxMs = 15_000;

  // State
  let position = options.position ?? null; // where to continue, known even before the first publication
  let delivered = position; // the last publication handed on
  let attempt = 0; // failures in a row
  let timer = 0;
  let closed = false;
  /** @type {WebSocket} */
  let socket;
  /** Sent and not yet acknowledged, by id: answers may come in another order than questions. @type {Map<string, {resolve: (at: import("./index.js").Position) => void, reject: (error: Error) => void, timer: number}>} */
  const waiting = new Map();
  /** @type {((publication: import("./index.js").Publication) => void)[]} */
  const callbacks = [];

  // The four calls: connect …
  onState("connecting", {});
  open();

  return {
    // … publish: a frame up, an acknowledgement down; without one in time, the connection is taken for dead
    publish(event, data, { id = newId(), intendedUs } = {}) {
      return new Promise((resolve, reject) => {
        if (socket.readyState !== WebSocket.OPEN) { reject(new Error("not connected")); return; }
        const timeout = window.setTimeout(() => {
          settle(id)?.reject(new Error("no acknowledgement in time"));
          socket.close(4000, "no acknowledgement");
          broken("no acknowledgement");
        }, ackTimeoutMs);
        waiting.set(id, { resolve, reject, timer: timeout });
        socket.send(JSON.stringify({ publish: { event, data, id, intended_us: intendedUs } }));
      });
    },

    // … onPublication: called once for each publication, in order
    onPublication(callback) { callbacks.push(callback); },

    // … close: final; 1000 tells the server that this is no accident
    close() {
      if (closed) return;
      closed = true;
      clearTimeout(timer);
      socket.close(1000);
      abandon("closed by this page");
      onState("closed", { reason: "closed by this page" });
    },

    get position() { return position; },
  };

  // The wire: one socket, four kinds of message
  function open() {
    const start = position ?? { history };
    const made = new WebSocket(`${url.replace(/^http/, "ws")}/ws/${channel}?${query({ ...start, client, name, demo })}`);
    // A socket that was given up may still speak: what it says is of another connection's life.
    made.addEventListener("message", (event) => { if (made === socket) take(JSON.parse(event.data)); });
    made.addEventListener("close", (event) => { if (made === socket) broken(closeReason(event)); });
    socket = made;
  }

  /** @param {{subscribed: import("./index.js").Start} | {ack: {id: string, epoch: string, offset: number}}
   *   | {error: {id: string, message: string}} | import("./index.js").Publication} message */
  function take(message) {
    // Told apart by their one key; a publication has several, "event" among them.
    if ("subscribed" in message) subscribed(message.subscribed);
    else if ("ack" in message) settle(message.ack.id)?.resolve({ epoch: message.ack.epoch, offset: message.ack.offset });
    else if ("error" in message) settle(message.error.id)?.reject(new Error(message.error.message));
    else if ("event" in message) deliver(message);
  }

  /** @param {import("./index.js").Start} at  first message of every connection */
  function subscribed(at) {
    const lost = position !== null && !at.recovered;
    const anotherLife = lost && (at.epoch !== delivered?.epoch || at.offset < (delivered?.offset ?? 0));
    if (anotherLife) delivered = null; // offsets begin again, nothing is a duplicate
    if (position === null || lost) position = { epoch: at.epoch, offset: at.offset };
    attempt = 0; // not when the connection opened: one that opens and is refused would be tried without a pause
    onState("open", { recovered: at.recovered, lost });
  }

  /** @param {string} reason */
  function broken(reason) {
    if (closed) return;
    abandon(reason);
    clearTimeout(timer);
    const retryInMs = backoffMs(attempt++);
    onState("reconnecting", { reason, retryInMs });
    timer = window.setTimeout(open, retryInMs);
  }

  // Helpers
  /** @param {import("./index.js").Publication} publication  skips what was delivered before */
  function deliver(publication) {
    if (publication.epoch === delivered?.epoch && publication.offset <= delivered.offset) return;
    delivered = position = { epoch: publication.epoch, offset: publication.offset };
    for (const callback of callbacks) callback(publication);
  }

  /** @param {string} id  takes a waiting publish off the list */
  function settle(id) {
    const found = waiting.get(id);
    waiting.delete(id);
    clearTimeout(found?.timer);
    return found;
  }

  /** Whoever still waits must know. It may have arrived or not: the same id is safe to repeat. @param {string} reason */
  function abandon(reason) {
    for (const id of [...waiting.keys()]) settle(id)?.reject(new Error(reason));
  }

  /** @param {number} failures  doubles up to the limit; the random half keeps clients from returning in step */
  function backoffMs(failures) {
    return Math.min(backoffMaxMs, backoffFirstMs * 2 ** failures) * (0.5 + Math.random() / 2);
  }

  /** @param {CloseEvent} event  RFC 6455 §7.4; 1006 is the browser's word for "no close frame came" */
  function closeReason(event) {
    if (event.reason) return event.reason;
    return event.code === 1006 ? "the connection broke off" : `closed with code ${event.code}`;
  }

  function newId() {
    return crypto.getRandomValues(new Uint32Array(3)).join("-");
  }

  /** @param {Record<string, unknown>} fields  leaves out what is not set */
  function query(fields) {
    const set = Object.entries(fields).filter(([, value]) => value !== undefined && value !== "");
    return new URLSearchParams(set.map(([name, value]) => [name, String(value)]));
  }
}
