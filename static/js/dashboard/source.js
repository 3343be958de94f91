// The server's own publishers, started and stopped from a page: PUT and DELETE /api/sources/{channel}.
// The schedule is kept by the server, not by this page, so that a busy tab cannot slow down what it measures.
// Used by the dashboard (kind "market") and by the compare page (kind "compare").

/**
 * @typedef {object} SourceSettings
 * @property {"compare"|"market"} kind
 * @property {number} rate_per_s   0.1 to 200
 * @property {number} size_bytes   bytes of data in each publication
 * @property {number} conflate_ms  0: every publication; above: at most one in that time, the newest
 * @property {"periodic"|"poisson"} schedule
 * @property {number} seed
 */

/**
 * Starts a source, or changes the one that runs.
 * @param {string} channel @param {SourceSettings} settings
 * @returns {Promise<unknown>}
 * @throws {Error} with the server's own message and hint
 */
export function startSource(channel, settings) {
  return call("PUT", `/presenter/api/sources/${channel}`, settings);
}

/** Stops a source. One that is gone already is no error. @param {string} channel */
export function stopSource(channel) {
  return call("DELETE", `/presenter/api/sources/${channel}`).catch(() => {});
}

/** @param {string} method @param {string} path @param {unknown} [body] */
async function call(method, path, body) {
  const answer = await fetch(path, {
    method,
    keepalive: method === "DELETE", // also while the page is being left
    ...(body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
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
