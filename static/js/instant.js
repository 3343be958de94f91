/*
  instant.js: when a source's publication was meant, µs on the server's clock. The lab's own protocol says so beside the
  data; protocol 7, Socket.IO without an envelope and the bare rows do not. So a source's padding begins with it
  (src/demo/content.rs). Pure.
*/

/** What a source's data says. @param {unknown} data @returns {number} NaN where it says nothing */
export function instantInData(data) {
  const { pad } = /** @type {{pad?: unknown}} */ (typeof data === "object" && data !== null ? data : {});
  const digits = typeof pad === "string" ? /^\d{16}/.exec(pad)?.[0] : undefined;
  return digits === undefined ? NaN : Number(digits);
}

/**
 * What the protocol says, or else the data. A publication that does not say when it was published was so when it was meant.
 * @param {{intended_us: number, published_us: number, data: unknown}} publication
 * @returns {{intended_us: number, published_us: number}}
 */
export function instantsOf({ intended_us: told, published_us: published, data }) {
  const intended = Number.isNaN(told) ? instantInData(data) : told;
  return { intended_us: intended, published_us: Number.isNaN(published) ? intended : published };
}
