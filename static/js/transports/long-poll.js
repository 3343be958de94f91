/*
  Long polling: ask, and let the server keep the question until it has an answer (RFC 6202 §2).

      browser                                      server
         │── GET /long-poll/c?epoch=k3&offset=7 ───►│
         │                                            ┊   held open, nothing is sent
         │◄── 200 {"offset":8,"publications":[8]} ────│   answered the moment there is something
         │── GET /long-poll/c?epoch=k3&offset=8 ───►│   asked again at once
         │── POST /api/channels/c/publications ──────►│   sending is a request of its own

  What is published between an answer and the next question is not lost: the question names a position. But it is
  late: it waits for the question. So one publication arrives as soon as on a WebSocket, and the second of two that
  come closer together than a round trip up to three transits later (RFC 6202 §2.2).

  Rejected:
  - Two questions at a time, so that one is always there. It fills the gap, takes two of the six connections that a
    browser opens to a host, and two answers may overtake each other.
  - Asking again after a pause. It is short polling with a held question: what happens in the pause waits.
  - No timeout of one's own. A proxy that has forgotten the connection tells nobody; the question would be open forever.
    So it is given up ten seconds after the server should have answered.

  What it costs: a request for each publication, 592 bytes for 60 bytes of data where a WebSocket needs 220
  (pushlab run --lanes long-poll,websocket --clients 1 --markdown); from a browser 1,121, of which 839 are heads
  (/compare?rate_per_s=4&size_bytes=60&schedule=periodic&lanes=long-poll,websocket). The gap: pushlab experiment E5.
  See also: src/transport/long_poll.rs, the other side; lesson 7; experiments E5 and E9; docs/lanes/long-poll.md.
  Left out: adapting the hold to proxies that cut idle requests earlier; holdMs is what you say it is.
*/

/**
 * @param {import("./index.js").ConnectOptions} options
 * @returns {import("./index.js").Client}
 */
export function connect(options) {
  // Settings
  const { url, channel, client, name, demo, history = 0, onState = () => {}, holdMs = 25_000 } = options;
  const requestTimeoutMs = 10_000; // beyond the hold
  const backoffFirstMs = 500;
  const backoffMaxMs = 15_000;

  // State
  let position = options.position ?? null; // after the last publication seen
  let attempt = 0; // failures in a row
  let open = false;
  let timer = 0;
  const stop = new AbortController(); // aborted by close(), and by a refusal that is final
  /** @type {((publication: import("./index.js").Publication) => void)[]} */
  const callbacks = [];

  // The four calls: connect …
  onState("connecting", {});
  void ask();
  window.addEventListener("pagehide", leave);

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

    // … close: final; aborting the held request closes its connection. A member that asks no more is counted
    // as gone after a while, so changing the transport is no leave.
    close() {
      if (stop.signal.aborted) return;
      stop.abort();
      clearTimeout(timer);
      window.removeEventListener("pagehide", leave);
      onState("closed", { reason: "closed by this page" });
    },

    get position() { return position; },
  };

  // The wire: one question after the other, each held by the server
  async function ask() {
    const named = position !== null;
    const hold_ms = open ? holdMs : 0; // the first is answered at once: the lane is up, and we know where we stand
    try {
      const start = position ?? { history };
      const answer = await fetch(`${url}/long-poll/${channel}?${query({ ...start, hold_ms, client, name, demo })}`, {
        signal: AbortSignal.any([stop.signal, AbortSignal.timeout(hold_ms + requestTimeoutMs)]),
      });
      if (!answer.ok) throw await refusal(answer);
      take(await answer.json(), named);
      void ask(); // no pause: each millisecond without a question is one in which nothing can arrive
    } catch (error) {
      retry(/** @type {Error & {final?: boolean}} */ (error));
    }
  }

  /**
   * @param {import("./index.js").Start & {publications: import("./index.js").Publication[]}} answer  up to its offset
   * @param {boolean} named  whether the question named a position
   */
  function take(answer, named) {
    const lost = named && !answer.recovered;
    const anotherLife = lost && (answer.epoch !== position?.epoch || answer.offset < (position?.offset ?? 0));
    if (anotherLife) position = null; // offsets begin again, nothing is a duplicate
    if (!open || lost) onState("open", { recovered: answer.recovered, lost });
    open = true;
    attempt = 0;
    for (const publication of answer.publications) deliver(publication);
    // The answer's own position, which may be beyond the last publication: the history forgets, offsets do not.
    position = { epoch: answer.epoch, offset: answer.offset };
  }

  /** @param {Error & {final?: boolean}} error  of fetch, or a refusal */
  function retry(error) {
    if (stop.signal.aborted) return;
    open = false;
    if (error.final) { stop.abort(); onState("closed", { reason: error.message }); return; }
    const unreachable = error instanceof TypeError; // all that fetch says about a failed connection
    const reason = unreachable ? "the server does not answer" : error.message;
    const retryInMs = backoffMs(attempt++);
    onState("reconnecting", { reason, retryInMs });
    timer = window.setTimeout(() => void ask(), retryInMs);
  }

  // Helpers
  /** @param {import("./index.js").Publication} publication  skips what was delivered before */
  function deliver(publication) {
    if (publication.epoch === position?.epoch && publication.offset <= position.offset) return;
    position = { epoch: publication.epoch, offset: publication.offset };
    for (const callback of callbacks) callback(publication);
  }

  /** The page goes away: a poller would be present until it has been silent for a while, so say it at once. */
  function leave() {
    if (client) navigator.sendBeacon(`${url}/api/channels/${channel}/presence/leave?${query({ client })}`);
  }

  /** @param {number} failures  doubles up to the limit; the random half keeps clients from returning in step */
  function backoffMs(failures) {
    return Math.min(backoffMaxMs, backoffFirstMs * 2 ** failures) * (0.5 + Math.random() / 2);
  }

  /** @param {Response} answer  4xx is final (asking again would not help), 5xx is worth another attempt */
  async function refusal(answer) {
    const { error } = await answer.json().catch(() => ({}));
    const final = answer.status >= 400 && answer.status < 500 && answer.status !== 429;
    return Object.assign(new Error(error?.message ?? `the server answered ${answer.status}`), { final });
  }

  /** @param {Record<string, unknown>} fields  leaves out what is not set */
  function query(fields) {
    const set = Object.entries(fields).filter(([, value]) => value !== undefined && value !== "");
    return new URLSearchParams(set.map(([name, value]) => [name, String(value)]));
  }
}
