/*
  event.js: the event in the creator's form, and what stands in the body of the call that publishes it
  (POST /apps/{id}/events). Creator, code and signature all speak of the same event.
*/

import { find } from "./dom.js";

/** Longest data of an event, in bytes of UTF-8; the server's default. */
const DATA_MAX_BYTES = 10_240;

/** @typedef {{channel: string, event: string, data: string, socketId: string}} LabEvent */

/** @returns {LabEvent} */
export function eventInForm() {
  const form = new FormData(find("[data-creator]", HTMLFormElement));
  const text = (/** @type {string} */ name) => String(form.get(name));
  // A form's newlines are CR LF; what was typed has LF.
  return { channel: text("channel").trim(), event: text("event").trim(), data: text("data").replaceAll("\r\n", "\n"), socketId: text("socket_id").trim() };
}

/** The body of the call, as SDKs send it. @param {LabEvent} event */
export function bodyOf({ channel, event, data, socketId }) {
  return JSON.stringify({ name: event, channels: [channel], data, ...(socketId === "" ? {} : { socket_id: socketId }) });
}

/**
 * What the data is. Any text may be sent; clients decode JSON and show the rest as it stands.
 * @param {string} data
 * @returns {{text: string, isBad: boolean}}
 */
export function checkData(data) {
  const bytes = new TextEncoder().encode(data).length;
  const size = `${bytes.toLocaleString()} of ${DATA_MAX_BYTES.toLocaleString()} bytes`;
  if (bytes > DATA_MAX_BYTES) return { text: `Too long: ${size}.`, isBad: true };
  try {
    const value = JSON.parse(data);
    const kind = Array.isArray(value) ? "array" : value === null ? "null" : typeof value;
    return { text: `JSON (${kind}), ${size}.`, isBad: false };
  } catch (error) {
    const looksLikeJson = /^\s*[[{"]/.test(data);
    const why = error instanceof Error ? error.message : String(error);
    return looksLikeJson
      ? { text: `Not JSON: ${why}. It would be sent as plain text, ${size}.`, isBad: true }
      : { text: `Plain text, ${size}: clients get it as a string.`, isBad: false };
  }
}
