/*
  Newline-delimited JSON by fetch: one request whose answer never ends, read as it comes (WHATWG Streams).

      browser                                      server
         │── GET /fetch-stream/c?epoch=k3&offset=7 ──►│
         │◄── {"subscribed":{"offset":7,…}} ──────────│   where the stream stands
         │◄── {"offset":8,"event":"message",…} ───────│   one line of JSON per publication, as it happens
         │◄── (an empty line) ────────────────────────│   heartbeat
         ✕    the connection breaks                   ✕
         │── GET /fetch-stream/c?epoch=k3&offset=8 ──►│   asked again by this module: fetch does not come back by itself
         │── POST /api/channels/c/publications ──────►│   the stream is one-way: sending is another request

  Beside an EventSource: any header and method, and the body is yours to cut into lines; but coming back, and
  where from, is yours as well. What arrives may end in the middle of a line, or of a letter: the rest is kept.

  Rejected:
  - for await (const piece of answer.body). Not in every browser of 2023; a reader is.
  - JSON.parse on each piece. On one machine each piece is one publication, and it works for weeks; the first proxy in
    between cuts where it likes.
  - new TextDecoder().decode(piece) for each. A letter of two bytes that is cut in two becomes two question marks.
    TextDecoderStream keeps the first half for the next piece.
  - A timeout for the whole request, as polls have. It would end the stream in its middle.

  What it costs: 223 bytes for a publication of 60, 7 of them framing; server-sent events need 245, with 29
  (pushlab run --lanes fetch-stream,sse --clients 1 --markdown). What they buy is the code below "the wire".
  See also: src/transport/fetch_stream.rs, the other side; sse.js, beside which to read it; experiments E7 and E11;
  docs/lanes/fetch-stream.md.
  Left out: asking by POST with the query as JSON, which the server also answers.
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
  let open = false;
  let timer = 0;
  const stop = new AbortController();
  /** @type {((publication: import("./index.js").Publication) => void)[]} */
  const callbacks = [];

  // The four calls: connect …
  onState("connecting", {});
  void ask();

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

    // … close: final; aborting the request closes its connection, so presence needs no word of farewell
    close() {
      if (stop.signal.aborted) return;
      stop.abort();
      clearTimeout(timer);
      onState("closed", { reason: "closed by this page" });
    },

    get position() { return position; },
  };

  // The wire: one stream, asked for again when it has ended
  async function ask() {
    const attempted = new AbortController(); // ends this attempt's connection, whatever became of it
    try {
      const start = position ?? { history };
      const answer = await fetch(`${url}/fetch-stream/${channel}?${query({ ...start, client, name, demo })}`, {
        signal: AbortSignal.any([stop.signal, attempted.signal]),
      });
      if (!answer.ok || !answer.body) throw await refusal(answer);
      const text = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      // The loop ends with the stream; a network error throws out of it. Both are the same to whoever listens.
      let begun = ""; // of a line whose end has not come
      for (let read = await text.read(); !read.done; read = await text.read()) {
        const lines = (begun + read.value).split("\n");
        begun = lines.pop() ?? "";
        for (const line of lines) if (line !== "") take(JSON.parse(line));
      }
      throw new Error("the stream ended");
    } catch (error) {
      attempted.abort();
      retry(/** @type {Error & {final?: boolean}} */ (error));
    }
  }

  /** @param {import("./index.js").Publication & {subscribed?: import("./index.js").Start, closing?: {reason: string}}} line */
  function take(line) {
    // Thrown, not noted: it ends the reading above, and what is thrown there is the reason that is shown.
    if (line.closing) throw new Error(line.closing.reason);
    else if (line.subscribed) subscribed(line.subscribed);
    else try {
      deliver(line);
    } catch (error) {
      reportError(error); // the page's own fault, and no reason to come back
    }
  }

  /** @param {import("./index.js").Start} at  first line of every stream */
  function subscribed(at) {
    const lost = position !== null && !at.recovered;
    const anotherLife = lost && (at.epoch !== delivered?.epoch || at.offset < (delivered?.offset ?? 0));
    if (anotherLife) delivered = null; // offsets begin again, nothing is a duplicate
    if (position === null || lost) position = { epoch: at.epoch, offset: at.offset };
    attempt = 0;
    if (!open || lost) onState("open", { recovered: at.recovered, lost });
    open = true;
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
    if (publication.epoch === delivered?.epoch && publication.offset <= delivered.offset) return;
    delivered = position = { epoch: publication.epoch, offset: publication.offset };
    for (const callback of callbacks) callback(publication);
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
