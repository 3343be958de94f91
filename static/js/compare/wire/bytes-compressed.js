// What compressing would save: the contents of the messages that come down in an exchange (a body, a chunk, a frame; not
// the heads), put through DEFLATE by this browser (RFC 1951, what gzip and permessage-deflate do). A model and no measurement, of
// lanes that do not compress: each exchange is taken alone, while a server that keeps its memory of earlier messages saves more.

import { bytesText } from "../../charts/format.js";
import { bytesOfHex } from "./bytes-text.js";

/** More would take a while to compress, at each choice. */
const BYTES_MAX = 256 * 1024;

/** What can be compressed: whole, and with nothing hidden in it. @param {import("./tap.js").Unit} unit */
const isContent = ({ kind, direction, hidden, size, kept }) => direction === "down" && ["body", "chunk", "frame"].includes(kind) && hidden.length === 0 && size === kept;

/** The contents, without the framing around them. @param {import("./tap.js").Unit[]} units @returns {Uint8Array<ArrayBuffer>} */
export function contentOf(units) {
  return bytesOfHex(units.filter(isContent).flatMap(({ hex, parts }) => parts
    .filter(({ layer, inner }) => layer !== "framing" && layer !== "http_headers" && inner?.how !== "inflated")
    .map(({ at, len }) => hex.slice(at * 2, (at + len) * 2))).join(""));
}

/** @param {Uint8Array<ArrayBuffer>} bytes @returns {Promise<number>} */
export async function deflatedSize(bytes) {
  const compressed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  return (await new Response(compressed).arrayBuffer()).byteLength;
}

/** One sentence; "" where there is nothing to compress. @param {import("./tap.js").Unit[]} units @returns {Promise<string>} */
export async function compressedSentence(units) {
  const bytes = contentOf(units);
  if (bytes.length === 0 || bytes.length > BYTES_MAX || typeof CompressionStream === "undefined") return "";
  const size = await deflatedSize(bytes);
  const saved = size < bytes.length ? `${bytesText(size)} instead of ${bytesText(bytes.length)}` : `no smaller: ${bytesText(size)} instead of ${bytesText(bytes.length)}`;
  return `Model: compressed (DEFLATE, each exchange for itself), what came down would be ${saved}, before framing. Nothing of it was compressed.`;
}
