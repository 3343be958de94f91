/*
  Server-sent events: one request whose answer never ends (WHATWG HTML, "Server-sent events").

      browser                                      server
         │── GET /sse/c  Accept: text/event-stream ──►│
         │◄── event: subscribed ──────────────────────│   where the stream stands
         │◄── id: k3x9:8  data: {"offset":8,…} ───────│   one block of text per publication, as it happens
         │◄── id: k3x9:9  data: {"offset":9,…} ───────│
         ✕    the connection breaks                   ✕
         │── GET /sse/c  Last-Event-ID: k3x9:9 ──────►│   the browser comes back by itself and says where it was
         │── POST /api/channels/c/publications ──────►│   the stream is one-way: sending is another request

  EventSource parses the stream and makes the first new attempt by itself. It has no back-off, so when that
  attempt fails as well, this client takes over.

  Rejected:
  - Leaving it all to the browser. A thousand pages whose server restarts would come back every two seconds in step,
    for as long as it takes; and after an answer other than 200 an EventSource never comes back at all.
  - Doing it all here: closing at the first error and opening a new stream. Then Last-Event-ID would never be sent, which
    is what this transport has and others have not.
  - One stream for each channel of a page. Over HTTP/1.1 a browser opens six connections to a host, over all of its
    tabs; the seventh stream waits, and with it every other request (experiment E21).

  What it costs: 245 bytes for a publication of 60, 29 of them framing, the same from a browser as from the lab's own
  client, since a stream asks once (pushlab run --lanes sse --clients 1 --markdown). Killed, it had its next event after
  2.0 s, by no code of the page's (pushlab experiment E8).
  See also: src/transport/sse.rs, the other side; lessons 8, 11 and 12; experiments E8, E11, E18; docs/lanes/sse.md.
  Left out: headers of our own (EventSource allows none).
*/

/**
 * @param {import("./index.js").ConnectOptions} options
 * @returns {import("./index.js").Client}
 */
export function connect(options) {
  // Settings
  const { url, channel, client, name, demo, history = 0, onState = () => {} } = options;
  const requestTimeoutMs = 10_000;
  const backoffFirstMs = 500;
  const backoffMaxMs = 15_000;

  // State
  let position = options.position ?? null; // where to continue, known even before the first publication
  let delivered = position; // the last publication handed on
  let attempt = 0; // failures in a row
  let timer = 0;
  let closed = false;
  let closingReason = "";
  let lastEventId = ""; // what the browser will send as Last-Event-ID when it comes back by itself
  /** @type {EventSource} */
  let stream;
  /** @type {((publication: import("./index.js").Publication) => void)[]} */
  const callbacks = [];

  // The four calls: connect …
  onState("connecting", {});
  listen();

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

    // … close: final; the server sees the connection go, so presence needs no word of farewell
    close() {
      if (closed) return;
      closed = true;
      clearTimeout(timer);
      stream.close();
      onState("closed", { reason: "closed by this page" });
    },

    get position() { return position; },
  };

  // The wire: one stream
  function listen() {
    const start = position ?? { history };
    stream = new EventSource(`${url}/sse/${channel}?${query({ ...start, client, name, demo })}`);
    lastEventId = "";
    stream.addEventListener("subscribed", (event) => {
      lastEventId = event.lastEventId;
      subscribed(JSON.parse(event.data));
    });
    stream.addEventListener("message", (event) => {
      lastEventId = event.lastEventId;
      deliver(JSON.parse(event.data));
    });
    // The server's own farewell. What follows is an error event without a word of why, so it is kept for then.
    stream.addEventListener("closing", (event) => { closingReason = JSON.parse(event.data).reason; });
    stream.addEventListener("error", retry);
  }

  /** @param {import("./index.js").Start} at  first event of every stream */
  function subscribed(at) {
    const lost = position !== null && !at.recovered;
    const anotherLife = lost && (at.epoch !== delivered?.epoch || at.offset < (delivered?.offset ?? 0));
    if (anotherLife) delivered = null; // offsets begin again, nothing is a duplicate
    if (position === null || lost) position = { epoch: at.epoch, offset: at.offset };
    attempt = 0; // not when the connection opened: one that opens and is refused would be tried without a pause
    closingReason = "";
    onState("open", { recovered: at.recovered, lost });
  }

  function retry() {
    if (closed) return;
    const reason = closingReason || "the stream broke off";
    // CONNECTING: the browser is coming back by itself. CLOSED: it has given up, which it does at any other status.
    if (stream.readyState === EventSource.CONNECTING && lastEventId && attempt === 0) {
      attempt = 1;
      onState("reconnecting", { reason }); // by the browser, after the `retry:` time the server asked for
      return;
    }
    stream.close();
    const retryInMs = backoffMs(attempt++);
    onState("reconnecting", { reason, retryInMs });
    timer = window.setTimeout(listen, retryInMs);
  }

  // Helpers
  /** @param {import("./index.js").Publication} publication  skips what was delivered before */
  function deliver(publication) {
    if (publication.epoch === delivered?.epoch && publication.offset <= delivered.offset) return;
    delivered = position = { epoch: publication.epoch, offset: publication.offset };
    for (const callback of callbacks) callback(publication);
  }

  /** @param {number} failures  doubles up to the limit; the random half keeps clients from returning in step */
  function backoffMs(failures) {
    return Math.min(backoffMaxMs, backoffFirstMs * 2 ** failures) * (0.5 + Math.random() / 2);
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
