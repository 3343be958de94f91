/*
  WebSocket, bare: the data of each publication in a frame of its own, and nothing around it. The floor of what
  this transport costs; what the lab's own protocol adds to it is in websocket.js.

      browser                                      server
         │── GET /ws/c?envelope=bare  Upgrade ───────►│
         │◄── 101 Switching Protocols ────────────────│
         │◄── {"subscribed":{"offset":7,…}} ──────────│   always the first message
         │◄── {"n":8,…} ──────────────────────────────│   the data as it was published: 2 to 4 bytes of framing
         │── POST /api/channels/c/publications ──────►│   sending is another request: no frame could tell an answer

  Without positions there is no way to go on where it was: after a break it begins anew, and what was published
  meanwhile is lost. Nor can it tell events apart, or when they happened; that is what an envelope is for.

  Rejected: publishing by a frame, as websocket.js does. Its acknowledgement would have to be told from a publication,
  and a bare message may be anything, an object with the key "ack" too.

  What it costs: 62 bytes for a publication of 60; websocket.js has 220
  (pushlab run --lanes websocket,websocket-bare --clients 1 --markdown).
  See also: src/transport/websocket/mod.rs; lesson 6; experiment E1; docs/lanes/websocket.md.
  Left out: history, presence.
*/

/**
 * @param {import("./index.js").ConnectOptions} options
 * @returns {import("./index.js").Client}
 */
export function connect(options) {
  // Settings
  const { url, channel, client, demo, onState = () => {} } = options;
  const requestTimeoutMs = 10_000;
  const backoffFirstMs = 500;
  const backoffMaxMs = 15_000;

  // State
  let attempt = 0; // failures in a row
  let timer = 0;
  let closed = false;
  let greeted = false; // the first message has come
  /** @type {WebSocket} */
  let socket;
  /** @type {((publication: import("./index.js").Publication) => void)[]} */
  const callbacks = [];

  // The four calls: connect …
  onState("connecting", {});
  open();

  return {
    // … publish: over the same lane; text/plain spares the CORS preflight
    async publish(event, data, { id, intendedUs } = {}) {
      const answer = await fetch(`${url}/api/channels/${channel}/publications?${query({ client, demo })}`, {
        method: "POST",
        headers: { "Content-Type": "text/plain" },
        body: JSON.stringify({ event, data, id, intended_us: intendedUs }),
        signal: AbortSignal.timeout(requestTimeoutMs),
      });
      if (!answer.ok) throw await refusal(answer);
      return answer.json();
    },

    // … onPublication: called once for each publication, in order
    onPublication(callback) { callbacks.push(callback); },

    // … close: final; 1000 tells the server that this is no accident
    close() {
      if (closed) return;
      closed = true;
      clearTimeout(timer);
      socket.close(1000);
      onState("closed", { reason: "closed by this page" });
    },

    get position() { return null; },
  };

  // The wire: one socket; one greeting, then data
  function open() {
    greeted = false;
    const made = new WebSocket(`${url.replace(/^http/, "ws")}/ws/${channel}?${query({ envelope: "bare", demo })}`);
    made.addEventListener("message", (event) => { if (made === socket) take(JSON.parse(event.data)); });
    made.addEventListener("close", (event) => { if (made === socket) broken(closeReason(event)); });
    socket = made;
  }

  /** @param {unknown} message */
  function take(message) {
    if (greeted) { hand(message); return; }
    greeted = true;
    attempt = 0;
    onState("open", { recovered: false });
  }

  /** @param {string} reason */
  function broken(reason) {
    if (closed) return;
    clearTimeout(timer);
    const retryInMs = backoffMs(attempt++);
    onState("reconnecting", { reason, retryInMs });
    timer = window.setTimeout(open, retryInMs);
  }

  // Helpers
  /** @param {unknown} data  all that this row is told */
  function hand(data) {
    const publication = { channel, epoch: "", offset: NaN, event: "", intended_us: NaN, published_us: NaN, data };
    for (const callback of callbacks) callback(publication);
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

  /** @param {Response} answer */
  async function refusal(answer) {
    const { error } = await answer.json().catch(() => ({}));
    return new Error(error?.message ?? `the server answered ${answer.status}`);
  }

  /** @param {Record<string, unknown>} fields  leaves out what is not set */
  function query(fields) {
    const set = Object.entries(fields).filter(([, value]) => value !== undefined && value !== "");
    return new URLSearchParams(set.map(([name, value]) => [name, String(value)]));
  }
}
