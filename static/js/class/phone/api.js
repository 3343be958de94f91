/*
  api.js: what a phone tells the class. Each call answers with what the server says, or rejects with a Refused.
*/

import { refusalText } from "../words.js";

const TIMEOUT_MS = 8000;

/** What a call ended with instead of an answer. */
export class Refused extends Error {
  /** @param {string} code  the lab's own ("wrong_class_code"), or "unreachable" @param {string} message @param {string} hint */
  constructor(code, message, hint) {
    super(message);
    this.code = code;
    this.hint = hint;
  }

  /** For people: what is wrong, and what helps. */
  get sentence() {
    return refusalText(this);
  }
}

/**
 * @param {"join"|"name"|"guess"|"answer"|"report"} what
 * @param {object} body
 * @returns {Promise<{id: string, name: string}>}  of "join"; "name" answers the name alone, the others nothing
 */
export async function tell(what, body) {
  /** @type {Response} */
  let answer;
  try {
    answer = await fetch(`/api/class/${what}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    throw new Refused("unreachable", "The lab does not answer.", "Is this phone still in the same Wi-Fi?");
  }
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  const { code = "", message = `The lab answered ${answer.status}.`, hint = "" } = said.error ?? {};
  throw new Refused(code, message, hint);
}

/** The same where the page goes away and nobody waits for an answer. @param {object} body */
export function farewell(body) {
  navigator.sendBeacon("/api/class/report", new Blob([JSON.stringify(body)], { type: "application/json" }));
}
