/*
  Short polling: ask, get an answer at once, wait, ask again (RFC 6202 §2 names it as the thing to improve on).

      browser                                      server
         │── GET /short-poll/c?epoch=k3&offset=7 ────►│
         │◄── 200 {"offset":7,"publications":[]} ─────│   nothing new: an empty answer, paid in full
         ·   wait pollIntervalMs                      ·
         │── GET /short-poll/c?epoch=k3&offset=7 ────►│
         │◄── 200 {"offset":9,"publications":[8,9]} ──│   both waited for this question
         │── POST /api/channels/c/publications ──────►│   sending is a request of its own

  A publication waits for the next question, so it arrives half an interval late on average. Nobody has to hold
  anything open for that: between two questions there is no connection in use, on no server and in no proxy.

  Rejected:
  - setInterval(ask, 1000). Where an answer takes longer than the interval, questions overtake one another, and each
    failure starts another beside those under way. Here the next timer is set when the answer is there, and the time
    that it took is taken off, so that questions still keep their beat.
  - Asking "what is there?" and comparing with what is shown. It costs the whole state each time, and what came and
    went between two questions is never seen. A position asks for what is new.
  - Adapting the interval to what happens. It saves empty answers when little happens, and is latest just when
    something begins to; and two clients would no longer be comparable.

  What it costs: one event of 60 bytes in two seconds, asked for twice a second, is 1,652 bytes and four requests, three
  of them for nothing (pushlab run --lanes short-poll --clients 1 --rate 0.5 --markdown). With four events a second it
  is 398, and from a browser, whose requests have longer heads, 659:
  /compare?rate_per_s=4&size_bytes=60&poll_interval_ms=500&schedule=periodic&lanes=short-poll
  See also: src/transport/short_poll.rs, the other side; lessons 2 and 3; experiments E2 and E15;
  docs/lanes/short-poll.md.
  Left out: conditional requests. Answers say no-store, so the browser keeps none that it could ask about.
*/

/**
 * @param {import("./index.js").ConnectOptions} options
 * @returns {import("./index.js").Client}
 */
export function connect(options) {
  // Settings
  const { url, channel, client, name, demo, history = 0, onState = () => {}, pollIntervalMs = 1000 } = options;
  const requestTimeoutMs = 10_000;
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

    // … close: final. A member that asks no more is counted as gone after a while, so changing the transport
    // is no leave.
    close() {
      if (stop.signal.aborted) return;
      stop.abort();
      clearTimeout(timer);
      window.removeEventListener("pagehide", leave);
      onState("closed", { reason: "closed by this page" });
    },

    get position() { return position; },
  };

  // The wire: one question, then a timer for the next one
  async function ask() {
    const askedAt = performance.now();
    const named = position !== null;
    try {
      const start = position ?? { history };
      const answer = await fetch(`${url}/short-poll/${channel}?${query({ ...start, client, name, demo })}`, {
        signal: AbortSignal.any([stop.signal, AbortSignal.timeout(requestTimeoutMs)]),
      });
      if (!answer.ok) throw await refusal(answer);
      take(await answer.json(), named);
      const elapsedMs = performance.now() - askedAt; // not Date.now(): the time of day may be set back meanwhile
      timer = window.setTimeout(() => void ask(), Math.max(0, pollIntervalMs - elapsedMs));
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
