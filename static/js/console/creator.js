/*
  creator.js: sends the event in the form. The browser has no secret and needs none: the lab's own page may publish
  (POST /api/apps/{id}/trigger), through the very path and checks of the signed HTTP API, and shows its answer.
*/

import { current } from "./apps.js";
import { find, say } from "./dom.js";
import { bodyOf, checkData, eventInForm } from "./event.js";

export function attachCreator() {
  const form = find("[data-creator]", HTMLFormElement);
  const check = () => {
    const event = eventInForm();
    const { text, isBad } = checkData(event.data);
    const encrypted = event.channel.startsWith("private-encrypted-");
    say("data-check", encrypted ? `${text} Clients of an encrypted channel expect ciphertext: an SDK would encrypt this, the form does not.` : text, isBad ? "bad" : "");
  };
  form.addEventListener("input", check);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send(find("[type=submit]", HTMLButtonElement, form));
  });
  check();
}

/** @param {HTMLButtonElement} button */
async function send(button) {
  const app = current();
  if (app === undefined) return say("answer", "There is no application to send it to.", "bad");
  button.disabled = true;
  try {
    const answer = await fetch(`/presenter/api/apps/${app.id}/trigger`, { method: "POST", body: bodyOf(eventInForm()) });
    const text = await answer.text();
    say("answer", `${answer.status} ${answer.ok ? text : reasonIn(text)}`, answer.ok ? "ok" : "bad");
  } catch (error) {
    say("answer", `The server could not be reached: ${error instanceof Error ? error.message : error}`, "bad");
  } finally {
    button.disabled = false;
    button.focus();
  }
}

/** The sentence in a refusal, of the HTTP API or of the lab's own. @param {string} text */
function reasonIn(text) {
  try {
    const { error } = JSON.parse(text);
    return typeof error === "string" ? error : `${error.message}. ${error.hint}`;
  } catch {
    return text;
  }
}
