/*
  commands.js: what the presenter tells the server, below /presenter, where the presenter's cookie is sent. A refusal
  becomes an Error with the server's own sentence and its hint.
*/

import { refusalText } from "../words.js";

const API = "/presenter/api/class";
/** Starting a run takes a while; an answer that never comes is told, too. */
const PATIENCE_MS = 30_000;

/**
 * @param {string} path   below the class: "/go"
 * @param {unknown} [body]
 * @param {"POST"|"DELETE"} [method]
 * @returns {Promise<Partial<import("../state.js").ClassState> & {saved?: string|null}>}  the answer's body, {} where it has none
 */
export async function tell(path, body, method = "POST") {
  const options = body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(API + path, { method, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS), ...options }).catch((problem) => {
    throw new Error(problem.name === "TimeoutError" ? `The lab gave no answer for ${PATIENCE_MS / 1000} s.` : "The lab does not answer. Is it still running?");
  });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(refusalText(told.error, answer.status));
  return told;
}
