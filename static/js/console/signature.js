/*
  signature.js: how the call in the creator's form is signed, step by step. The server works the steps out (browsers
  have no MD5); the last one, HMAC-SHA256, is done again right here with WebCrypto when the secret is shown, so that
  the page does not ask to be believed. WebCrypto is there in secure contexts only: https, or localhost.
*/

import { current, onChange } from "./apps.js";
import { element, find } from "./dom.js";
import { bodyOf, eventInForm } from "./event.js";
import { onReveal, revealed } from "./secret.js";

export function attachSignature() {
  find("[data-sign]").addEventListener("click", () => void explain());
  // Steps of another application or another event would explain what is no longer there.
  const clear = () => find("[data-steps]").replaceChildren();
  onChange(clear);
  onReveal(clear);
  find("[data-creator]").addEventListener("input", clear);
}

async function explain() {
  const app = current();
  if (app === undefined) return;
  const list = find("[data-steps]");
  const body = bodyOf(eventInForm());
  const call = { method: "POST", path: `/apps/${app.id}/events`, body };
  try {
    const answer = await fetch(`/presenter/api/apps/${app.id}/explain-signature`, { method: "POST", body: JSON.stringify(call) });
    const steps = await answer.json();
    if (!answer.ok) throw new Error(steps.error.message);
    list.replaceChildren(...(await stepsOf(steps, body)));
  } catch (error) {
    list.replaceChildren(element("li", "", `It could not be worked out: ${error instanceof Error ? error.message : error}`));
  }
}

/**
 * @typedef {object} Steps
 * @property {string} body_md5
 * @property {[string, string][]} parameters   sorted by name
 * @property {string} text                     what is signed
 * @property {string|null} signature           null for who does not lead the lab
 * @property {string} target                   path and query of the call, signed
 */

/** @param {Steps} steps  @param {string} body */
async function stepsOf(steps, body) {
  const shown = [
    step("The body of the call.", body),
    step("Its MD5, as 32 hexadecimal digits: body_md5. Whoever alters the body alters this.", steps.body_md5),
    step(
      "The parameters, sorted by name. auth_timestamp is now, in seconds: ten minutes from now the call is stale.",
      steps.parameters.map(([name, value]) => `${name}=${value}`).join("\n"),
    ),
    step("The text to sign: method, path and parameters, three lines without a line end at the end.", steps.text),
  ];
  const own = await hmac(revealed(), steps.text);
  if (steps.signature === null) {
    shown.push(step("HMAC-SHA256 of that text with the secret as key: auth_signature. It is worked out for whoever leads the lab only, since who has it can make the call.", "…"));
    return shown;
  }
  shown.push(step(`HMAC-SHA256 of that text with the secret as key, as 64 hexadecimal digits: auth_signature. ${verdict(own, steps.signature)}`, steps.signature));
  shown.push(step("The call as it goes out. It may be made until it is ten minutes old.", `POST ${steps.target}\nContent-Type: application/json\n\n${body}`));
  return shown;
}

/** @param {string | undefined} own  @param {string} signature */
function verdict(own, signature) {
  if (revealed() === "") return "Show the secret above, and this browser does it again by itself.";
  if (own === undefined) return "This browser does not do it here: WebCrypto needs https or localhost.";
  return own === signature ? "This browser has worked out the same." : "This browser has worked out something else!";
}

/** @param {string} what  @param {string} text */
function step(what, text) {
  const item = element("li", "", what);
  const pre = element("pre", "well", text);
  item.append(pre);
  return item;
}

/** Hexadecimal digits; undefined where the browser or the secret is missing. @param {string} secret  @param {string} text */
async function hmac(secret, text) {
  if (secret === "" || globalThis.crypto?.subtle === undefined) return undefined;
  const utf8 = (/** @type {string} */ part) => new TextEncoder().encode(part);
  const key = await crypto.subtle.importKey("raw", utf8(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const bytes = new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8(text)));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
