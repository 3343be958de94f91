/*
  Pusher Channels, protocol 7, by the unmodified pusher-js (https://github.com/pusher/pusher-js, MIT).

      browser                                      server
         │── GET /app/KEY?protocol=7  Upgrade ───────►│   or POST /pusher/app/KEY/…/xhr_streaming, …/xhr
         │◄── pusher:connection_established ──────────│   socket_id
         │── POST /pusher/auth  socket_id ───────────►│   to OUR server: may this visitor into this channel?
         │◄── {"auth":"KEY:signature"} ───────────────│   (guarded channels only; public ones need no leave)
         │── pushlab:position {"epoch","offset"} ────►│   this lab's extension: where we stand
         │── pusher:subscribe {"channel","auth"} ────►│
         │◄── pusher_internal:subscription_succeeded ─│
         │◄── pushlab:position {"recovered":true} ────│   then what was missed, then what happens
         │◄── {"event","channel","data":"{…}"} ───────│   JSON inside JSON; the envelope is in the inner one
         │── POST /api/channels/c/publications ──────►│   publishing is the application's server's business
         │── client-typing ──────────────────────────►│   what clients may say to each other, past the server

  pusher-js connects, sends heartbeats, falls back from one transport to the next and comes back by itself. What
  it cannot do is ask for what was missed meanwhile: protocol 7 has no positions. The extension adds them, and
  a client that does not use it (`recovery: false`) is a plain one.

  Rejected:
  - A client of our own for protocol 7. It would speak as this server does, and their common mistakes would never be
    seen. What the lab claims to be compatible with is this file from that package.
  - Positions in the query of the connection. pusher-js makes that address itself, and one connection carries many
    channels.
  - Asking an HTTP API for the missed ones after coming back, as Pusher's own help advises. Between the answer and the
    subscription there is a gap again, unless both are told where the other ends; that is what the extension does.

  What it costs: 135 bytes for a publication of 60 as protocol 7 has it, JSON inside of JSON; 249 with this lab's
  positions and instants (pushlab run --lanes channels,channels-resume --clients 1 --markdown). Cut off for 400 ms in
  every 3 s it gets 87 % of what is published, and 100 % with positions (pushlab experiment E7).
  See also: src/protocol/pusher/, the other side; lessons 1 and 10; experiments E7, E8, E9;
  docs/protocols/pusher-channels.md.
  Left out: sign-in, encrypted channels, and publishing by the HTTP API, whose secret no browser may know.
*/
import "../../vendor/pusher.min.js"; // defines the global Pusher

/** A member as pusher-js knows one. @typedef {{id: string, info?: {name?: string}}} Member */

/**
 * @param {import("./index.js").ConnectOptions & import("./index.js").LibraryOptions} options
 * @returns {import("./index.js").Client}
 */
export function connect(options) {
  // Settings
  const { url, channel, client, name, demo, history = 0, onState = () => {} } = options;
  const { key = "", transports = ["ws"], recovery = true } = options;
  const requestTimeoutMs = 10_000;
  const subscribeAgainMs = 2000;
  const answerWithinMs = 5000;
  const overtakingMs = 100;

  // State
  let position = options.position ?? null; // where to continue, known even before the first publication
  let delivered = position; // the last publication handed on
  let timer = 0;
  let closed = false;
  let connectingSinceMs = performance.now();
  /** An error frame of the protocol, or what pusher-js wraps it in. @typedef {{data?: {code?: number, message?: string}}} Problem */
  let reason = "";
  /** What it is connected by, and how long that took. @type {{transport?: string, connectMs?: number}} */
  let connectedBy = {};
  /** @type {import("pusher-js").Channel | null} */
  let subscription = null;
  /** @type {((publication: import("./index.js").Publication) => void)[]} */
  const callbacks = [];

  // The four calls: connect …
  onState("connecting", {});
  const { protocol, hostname, port: written } = new URL(url);
  const port = Number(written || (protocol === "https:" ? 443 : 80));
  const pusher = new self.Pusher(key, {
    cluster: "lab", // must be there; the addresses below are used instead
    wsHost: hostname, wsPort: port, wssPort: port,
    httpHost: hostname, httpPort: port, httpsPort: port,
    forceTLS: protocol === "https:",
    enabledTransports: /** @type {import("pusher-js").Options["enabledTransports"]} */ (transports),
    channelAuthorization: { endpoint: "/pusher/auth", transport: "ajax", params: given({ client, name }) },
  });
  let tried = pusher.connection.state !== "initialized"; // it may wait for the page to be loaded first
  pusher.connection.bind("connecting", () => { if (tried) broken(); tried = true; });
  pusher.connection.bind("connecting_in", (/** @type {number} */ seconds) => broken(seconds * 1000));
  pusher.connection.bind("unavailable", () => broken());
  pusher.connection.bind("connected", connected);
  pusher.connection.bind("error", (/** @type {Problem | {error: Problem} | undefined} */ problem) => {
    const told = problem && "error" in problem ? problem.error : problem;
    reason = told?.data?.message ?? reason;
  });
  pusher.connection.bind("failed", () => ended("this browser supports none of the transports"));
  pusher.connection.bind("disconnected", () => ended(reason || "the server refused the connection"));

  return {
    // … publish: by the application's server, over the same lane; text/plain spares the CORS preflight
    async publish(event, data, { id, intendedUs } = {}) {
      const answer = await fetch(`${url}/api/channels/${channel}/publications?${new URLSearchParams(/** @type {Record<string, string>} */ (given({ client, demo })))}`, {
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
      pusher.disconnect();
      onState("closed", { reason: "closed by this page" });
    },

    /** A client event: to the others in a guarded channel, unacknowledged, lost if nobody listens. */
    whisper(event, data) {
      if (subscription?.subscribed) subscription.trigger(`client-${event}`, data);
    },

    get position() { return position; },
  };

  // The wire: one connection of pusher-js, one subscription at a time
  function connected() {
    const { transport } = pusher.connection.connection;
    connectedBy = { transport: transport.name, connectMs: performance.now() - connectingSinceMs };
    reason = "";
    subscribe();
  }

  /** The position goes before the subscription it is about. Over HTTP every frame is a request, and a later one may
   * overtake an earlier one: there they keep a distance, and an answer that does not come is asked for again. */
  function subscribe() {
    if (pusher.connection.state !== "connected") return; // "connected" begins anew
    const now = () => {
      subscription = pusher.subscribe(channel);
      subscription.bind_global(take);
      timer = window.setTimeout(again, answerWithinMs);
    };
    if (recovery) pusher.send_event("pushlab:position", { channel, ...(position ?? given({ history: history || undefined })) });
    if (recovery && connectedBy.transport !== "ws") timer = window.setTimeout(now, overtakingMs);
    else now();
  }

  function again() {
    forget();
    timer = window.setTimeout(subscribe, overtakingMs);
  }

  /** pusher-js would subscribe again by itself, without a position: what it holds is taken from it. */
  function forget() {
    clearTimeout(timer);
    subscription?.unbind_global(take);
    subscription = null;
    pusher.unsubscribe(channel);
  }

  /** Every event of the channel, pusher-js' own included: by its name goes what its data is.
   * @param {string} event  @param {unknown} data */
  function take(event, data) {
    if (event === "pushlab:position") subscribed(/** @type {import("./index.js").Start} */ (data));
    else if (event === "pusher:subscription_succeeded") { if (!recovery) opened(connectedBy); }
    else if (event === "pusher:subscription_error") refused(/** @type {{error?: string}} */ (data));
    else if (event === "pusher:member_added") hand(publication("pushlab:join", { data: member(/** @type {Member} */ (data)) }));
    else if (event === "pusher:member_removed") hand(publication("pushlab:leave", { data: member(/** @type {Member} */ (data)) }));
    else if (event.startsWith("pusher:")) return; // counts and cache misses
    else if (recovery && isEnvelope(data)) deliver(publication(event, data));
    else if (!recovery) hand(publication(event, { data }));
  }

  /** @param {import("./index.js").Start} at  first event of every subscription that named a position */
  function subscribed(at) {
    const lost = position !== null && !at.recovered;
    const anotherLife = lost && (at.epoch !== delivered?.epoch || at.offset < (delivered?.offset ?? 0));
    if (anotherLife) delivered = null; // offsets begin again, nothing is a duplicate
    if (position === null || lost) position = { epoch: at.epoch, offset: at.offset };
    opened({ recovered: at.recovered, lost, ...connectedBy });
  }

  /** @param {import("./index.js").StateDetail} detail */
  function opened(detail) {
    clearTimeout(timer);
    onState("open", detail);
  }

  /** The signature came too late for its connection, say. @param {{error?: string}} problem */
  function refused(problem) {
    forget();
    onState("reconnecting", { reason: problem?.error ?? "the subscription was refused", retryInMs: subscribeAgainMs });
    timer = window.setTimeout(subscribe, subscribeAgainMs);
  }

  /** @param {number} [retryInMs] */
  function broken(retryInMs) {
    if (closed) return;
    forget();
    if (connectedBy.transport) connectingSinceMs = performance.now();
    connectedBy = {};
    onState("reconnecting", { reason: reason || "there is no connection", retryInMs });
  }

  /** @param {string} why */
  function ended(why) {
    if (closed) return;
    closed = true;
    onState("closed", { reason: why });
  }

  // Helpers
  /** @param {import("./index.js").Publication} publication  skips what was delivered before */
  function deliver(publication) {
    if (publication.epoch === delivered?.epoch && publication.offset <= delivered.offset) return;
    delivered = position = { epoch: publication.epoch, offset: publication.offset };
    hand(publication);
  }

  /** @param {import("./index.js").Publication} publication */
  function hand(publication) {
    for (const callback of callbacks) callback(publication);
  }

  /** Whether this is the lab's envelope, and not a client event. @param {unknown} data  @returns {data is import("./index.js").Publication} */
  function isEnvelope(data) {
    return typeof data === "object" && data !== null && "offset" in data && typeof data.offset === "number";
  }

  /** What protocol 7 does not tell is not a number.
   * @param {string} event  @param {Partial<import("./index.js").Publication>} envelope  @returns {import("./index.js").Publication} */
  function publication(event, envelope) {
    return { channel, epoch: "", offset: NaN, intended_us: NaN, published_us: NaN, data: undefined, ...envelope, event };
  }

  /** @param {Member} who */
  function member({ id, info }) {
    return { client: id, name: info?.name ?? "" };
  }

  /** @param {Response} answer */
  async function refusal(answer) {
    const { error } = await answer.json().catch(() => ({}));
    return new Error(error?.message ?? `the server answered ${answer.status}`);
  }

  /** @param {Record<string, unknown>} fields  leaves out what is not set */
  function given(fields) {
    return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== ""));
  }
}
