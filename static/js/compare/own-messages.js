// Somebody's own messages instead of ones made to a size: one JSON value a line, sent in turn. The server has the
// last word on them (src/demo/payloads.rs); this says early, and by line, what it would refuse. Pure.

import { bytesText, count } from "../charts/format.js";

/** They travel in the body of the request that starts the source, which the server takes up to 64 KiB of. */
const BYTES_MAX = 60_000;
const MESSAGES_MAX = 1_000;

/** Bytes of a text as UTF-8. @param {string} text */
const bytesOf = (text) => new TextEncoder().encode(text).length;

/** What of a text is messages: lines that say something. @param {string} text */
const linesOf = (text) => text.split("\n").map((line) => line.trim());

/**
 * @param {string} written  as it stands in the box
 * @returns {{text: string, fault: string}}  the messages, one a line; why they cannot be sent, "" when they can
 */
export function readMessages(written) {
  const lines = linesOf(written);
  const text = lines.filter((line) => line !== "").join("\n");
  for (const [at, line] of lines.entries()) {
    if (line === "") continue;
    try {
      JSON.parse(line);
    } catch (error) {
      return { text, fault: `Line ${at + 1} is no JSON value: ${error instanceof Error ? error.message : error}. Text stands in double quotes.` };
    }
  }
  const messages = messagesOf(text).length;
  if (messages > MESSAGES_MAX) return { text, fault: `These are ${count(messages)} messages; ${count(MESSAGES_MAX)} can be sent in turn.` };
  if (bytesOf(text) > BYTES_MAX) return { text, fault: `These are ${count(bytesOf(text))} bytes; ${count(BYTES_MAX)} can be sent in turn.` };
  return { text, fault: "" };
}

/** The values, for the request that starts the source. @param {string} text  as readMessages() gives it @returns {unknown[]} */
export function messagesOf(text) {
  return linesOf(text).filter((line) => line !== "").map((line) => JSON.parse(line));
}

/** Bytes of one message on average. @param {string} text */
export function meanBytes(text) {
  const lines = linesOf(text).filter((line) => line !== "");
  return lines.reduce((sum, line) => sum + bytesOf(line), 0) / lines.length;
}

/** "3 own messages of 84 B" @param {string} text */
export function messagesText(text) {
  const n = linesOf(text).filter((line) => line !== "").length;
  return n === 1 ? `an own message of ${bytesText(meanBytes(text))}` : `${count(n)} own messages, ${bytesText(Math.round(meanBytes(text)))} each on average`;
}
