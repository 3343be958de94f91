/*
  secret.js: the application's secret, shown only when asked for, and only to whoever leads the lab: the server
  refuses everybody else. It is kept in this page's memory and goes when the button is pressed again, when another
  application is chosen, or with the page.
*/

import { current, isPresenter, onChange } from "./apps.js";
import { find, shown } from "./dom.js";
import { toast } from "../toast.js";

let secret = "";
/** @type {Set<() => void>} */
const listeners = new Set();

/** The secret if it is shown, otherwise "". */
export const revealed = () => secret;

/** @param {() => void} listener  called when it is shown or hidden */
export const onReveal = (listener) => void listeners.add(listener);

export function attachSecret() {
  const button = find("[data-reveal]", HTMLButtonElement);
  button.addEventListener("click", () => (secret === "" ? void reveal() : hide()));
  onChange(hide);
  button.disabled = !isPresenter;
  if (!isPresenter) shown("app-secret").textContent = "for whoever leads the lab only";
}

async function reveal() {
  const app = current();
  if (app === undefined) return;
  try {
    const answer = await fetch(`/presenter/api/apps/${app.id}/secret`);
    const body = await answer.json();
    if (!answer.ok) return toast(`${body.error.message}. ${body.error.hint}`, "bad");
    set(body.secret);
  } catch (error) {
    toast(`The secret could not be had: ${error instanceof Error ? error.message : error}`, "bad");
  }
}

const hide = () => set("");

/** @param {string} text */
function set(text) {
  secret = text;
  if (isPresenter) shown("app-secret").textContent = secret === "" ? "not shown" : secret;
  const button = find("[data-reveal]");
  button.setAttribute("aria-pressed", String(secret !== ""));
  button.textContent = secret === "" ? "Show" : "Hide";
  for (const listener of listeners) listener();
}
