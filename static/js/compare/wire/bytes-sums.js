// Parts of bytes, counted: which layer has how many, part by part. What is written inside of a part counts by its own
// layers, and what writing it that way took besides (escapes) by the part's; compressed, only what was on the wire counts. Pure.

/** @typedef {import("./tap.js").Part} Part */

/** Layers in the order of the byte bars, and what a sentence calls them. @type {Record<string, {label: string, subject: string}>} */
export const LAYERS = {
  http_headers: { label: "HTTP headers", subject: "headers are" },
  framing: { label: "Framing", subject: "framing is" },
  protocol: { label: "Protocol", subject: "the protocol's own words are" },
  lab: { label: "Lab", subject: "what the lab adds to measure by is" },
  payload: { label: "Payload", subject: "your data is" },
};

/** Who put it there. @type {Record<string, string>} */
export const WHO = {
  browser: "the browser", page: "this page", server: "this lab's HTTP server", proxy: "something in between", protocol: "the protocol", lab: "the lab, to measure by", application: "the application",
};

/** @param {Part[]} parts */
export const lengthOf = (parts) => parts.reduce((sum, { len }) => sum + len, 0);

/** Whether what is inside of it counts in its place. @param {Part} part */
export function countsInside({ inner, len }) {
  return inner !== undefined && inner !== null && inner.how !== "inflated" && inner.parts.length > 0 && lengthOf(inner.parts) <= len;
}

/** @param {Part[]} parts @returns {Record<string, number>} */
export function layersOf(parts) {
  /** @type {Record<string, number>} */
  const sums = {};
  for (const { layer, bytes } of rowsOf(parts)) if (bytes > 0) sums[layer] = (sums[layer] ?? 0) + bytes;
  return sums;
}

/**
 * Every part that counts, in order; what is inside of a compressed one follows with 0 bytes and how it was found.
 * @typedef {{what: string, bytes: number, inside: number, layer: string, by: string}} Row
 * @param {Part[]} parts
 * @param {boolean} [counted]
 * @returns {Row[]}
 */
export function rowsOf(parts, counted = true) {
  return parts.flatMap((part) => {
    const { what, layer, by, inner, len } = part;
    const row = (/** @type {number} */ bytes, said = what) => ({ what: said, bytes: counted ? bytes : 0, inside: counted ? 0 : bytes, layer, by });
    if (!inner || inner.parts.length === 0) return [row(len)];
    if (!countsInside(part)) return [row(len), ...rowsOf(inner.parts, false)];
    const besides = len - lengthOf(inner.parts);
    return [...rowsOf(inner.parts, counted), ...(besides > 0 ? [row(besides, `${what}: what writing it so takes besides`)] : [])];
  });
}

/** @param {Record<string, number>[]} all */
export function added(all) {
  /** @type {Record<string, number>} */
  const sums = {};
  for (const one of all) for (const [layer, bytes] of Object.entries(one)) sums[layer] = (sums[layer] ?? 0) + bytes;
  return sums;
}
