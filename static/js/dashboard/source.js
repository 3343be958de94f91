// The server's own publishers, started and stopped from a page: PUT and DELETE /api/sources/{channel}.
// The schedule is kept by the server, not by this page, so that a busy tab cannot slow down what it measures.
// Used by the dashboard (kind "market") and by the compare page (kind "compare").

/**
 * @typedef {object} SourceSettings
 * @property {"compare"|"market"} kind
 * @property {number} rate_per_s   0.1 to 200
 * @property {number} size_bytes   bytes of data in each publication
 * @property {unknown[]} [payloads]  of kind "compare": somebody's own messages, sent in turn instead of ones of that size
 * @property {number} conflate_ms  0: every publication; above: at most one in that time, the newest
 * @property {"periodic"|"poisson"} schedule
 * @property {number} seed
 */

/** Of sources that this page started: who has the key may change and stop them. @type {Map<string, string>} */
const keys = new Map();

/**
 * Starts a source, or changes the one that runs.
 * @param {string} channel @param {SourceSettings} settings
 * @returns {Promise<unknown>}
 * @throws {Error} with the server's own message and hint
 */
export async function startSource(channel, settings) {
  const started = await call("PUT", channel, settings);
  if (started.key !== undefined) keys.set(channel, started.key);
  return started;
}

/** Stops a source. One that is gone already is no error. @param {string} channel */
export function stopSource(channel) {
  return call("DELETE", channel).catch(() => {});
}

/** @param {string} method @param {string} channel @param {unknown} [body] */
async function call(method, channel, body) {
  const path = `/presenter/api/sources/${channel}`;
  const key = keys.get(channel);
  const answer = await fetch(path, {
    method,
    keepalive: method === "DELETE", // also while the page is being left
    headers: {
      ...(key === undefined ? {} : { "X-Source-Key": key }),
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (answer.ok) return text === "" ? {} : JSON.parse(text);
  let error = null;
  try {
    error = JSON.parse(text).error;
  } catch {
    // Not the lab's JSON: a proxy in between, perhaps. The status is all there is.
  }
  throw new Error([error?.message ?? `${method} ${path} was answered with ${answer.status}`, error?.hint].filter(Boolean).join(" "));
}
