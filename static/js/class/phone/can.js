/*
  can.js: what this device's browser can, of what the lab's lanes need. Looked for, not guessed by its name.
*/

/** @typedef {{websocket: boolean, eventsource: boolean, streams: boolean, http2: boolean}} Can */

/** @returns {Can} */
export function whatItCan() {
  const entries = /** @type {PerformanceResourceTiming[]} */ ([...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]);
  return {
    websocket: typeof WebSocket === "function",
    eventsource: typeof EventSource === "function",
    streams: typeof ReadableStream === "function" && "body" in Response.prototype,
    // That this page came by it: a browser that can, from a server that does.
    http2: entries.some(({ nextHopProtocol }) => nextHopProtocol === "h2" || nextHopProtocol === "h3"),
  };
}

/** For people. @param {Can} can @param {boolean} isEncrypted  this page came by https @returns {string[]} */
export function canInWords({ websocket, eventsource, streams, http2 }, isEncrypted) {
  const line = (/** @type {boolean} */ has, /** @type {string} */ what) => `${has ? "✓" : "✕"} ${what}: ${has ? "yes" : "no"}`;
  return [
    line(websocket, "WebSocket"),
    line(eventsource, "EventSource"),
    line(streams, "Streaming fetch"),
    http2 ? "✓ HTTP/2: this page came by it" : `· HTTP/2: this page came by HTTP/1.1${isEncrypted ? "" : "; without encryption browsers use no other"}`,
  ];
}
