/*
  reason.js: why a connection broke or a message was not sent, in words for people. Libraries and browsers have words
  of their own ("xhr poll error", "Failed to fetch"), which differ from lane to lane for one and the same thing, and
  some have none at all. What the server says itself is passed on as it is.
*/

const NO_ANSWER = "the server does not answer";
const TOO_LATE = "the server did not answer in time";
const BROKEN = "the connection broke off";
const NOT_CONNECTED = "there is no connection just now";

/** The words of socket.io-client, engine.io-client, pusher-js, fetch and this lab's own clients. @type {Record<string, string>} */
const WORDS = {
  "xhr poll error": NO_ANSWER,
  "xhr post error": NO_ANSWER,
  "websocket error": NO_ANSWER,
  "Failed to fetch": NO_ANSWER, // Chromium
  "Load failed": NO_ANSWER, // Safari
  "NetworkError when attempting to fetch resource.": NO_ANSWER, // Firefox
  "timeout": TOO_LATE,
  "operation has timed out": TOO_LATE,
  "no acknowledgement": TOO_LATE,
  "no acknowledgement in time": TOO_LATE,
  "transport close": BROKEN,
  "transport error": BROKEN,
  "socket has been disconnected": BROKEN,
  "ping timeout": "nothing was heard from the server for too long",
  "io server disconnect": "the server ended it",
  "parse error": "something came that is not of the protocol",
  "not connected": NOT_CONNECTED,
  "not connected yet": NOT_CONNECTED,
};

/** Whether it was the connection's fault, and not the server's word: then the same may do over the next one.
 * @param {unknown} cause */
export function isOfConnection(cause) {
  if (cause instanceof TypeError || cause instanceof DOMException) return true;
  return !(cause instanceof Error) || cause.message in WORDS;
}

/** @param {unknown} cause  an Error, a library's word, or nothing  @returns {string} without a full stop */
export function reasonOf(cause) {
  if (cause instanceof TypeError) return NO_ANSWER; // what fetch throws where nothing answers
  if (cause instanceof DOMException && cause.name === "TimeoutError") return TOO_LATE;
  if (cause instanceof DOMException && cause.name === "AbortError") return BROKEN;
  const word = cause instanceof Error ? cause.message : cause;
  if (typeof word !== "string" || word.trim() === "" || word === "undefined") return BROKEN;
  return WORDS[word] ?? word.trim().replace(/\.$/, "");
}
