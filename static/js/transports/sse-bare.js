/*
  Server-sent events, bare: the data of each publication in an event without a name or an id. The floor of what
  this transport costs; what the lab's own protocol adds to it is in sse.js.

      browser                                      server
         │── GET /sse/c?envelope=bare ───────────────►│
         │◄── event: subscribed ──────────────────────│
         │◄── data: {"n":8,…} ────────────────────────│   the data as it was published, and an empty line
         ✕    the connection breaks                   ✕
         │── GET /sse/c?envelope=bare ───────────────►│   no id came, so the browser has none to return
         │── POST /api/channels/c/publications ──────►│   the stream is one-way: sending is another request

  Without ids there is no way to go on where it was: after a break it begins anew, and what was published
  meanwhile is lost. Nor can it tell events apart, or when they happened; that is what an envelope is for.

  Rejected: leaving coming back to EventSource, as sse.js does for the first attempt. That is worth its while only
  where an id says where to go on.

  What it costs: 74 bytes for a publication of 60, 14 of them framing ("data: ", the empty line, the chunk around it);
  sse.js has 245 (pushlab run --lanes sse,sse-bare --clients 1 --markdown).
  See also: src/transport/sse.rs; experiment E1; docs/lanes/sse.md.
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
  let closingReason = "";
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

    get position() { return null; },
  };

  // The wire: one stream
  function listen() {
    stream = new EventSource(`${url}/sse/${channel}?${query({ envelope: "bare", demo })}`);
    stream.addEventListener("subscribed", () => {
      attempt = 0;
      closingReason = "";
      onState("open", { recovered: false });
    });
    stream.addEventListener("message", (event) => hand(JSON.parse(event.data)));
    stream.addEventListener("closing", (event) => { closingReason = JSON.parse(event.data).reason; });
    stream.addEventListener("error", broken);
  }

  /** The browser would come back by itself; with a back-off it does not come in step with all others. */
  function broken() {
    if (closed) return;
    stream.close();
    const retryInMs = backoffMs(attempt++);
    onState("reconnecting", { reason: closingReason || "the stream broke off", retryInMs });
    timer = window.setTimeout(listen, retryInMs);
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
