/*
  webhooks.js: what the lab's own receiver was told, newest first, with its verdict on the signature, and the form
  that points the demo's webhooks elsewhere. The bodies are shown as they came.
*/

import { current, isPresenter, onChange } from "./apps.js";
import { element, find, say, shown } from "./dom.js";
import { clockTime } from "./feed-text.js";
import { refresh } from "./refresh.js";

const EVERY_MS = 2000;
const SHOWN = 20;

/**
 * One that came, right or wrong: anybody may post to the receiver, so that an event may be any JSON.
 * @typedef {object} Webhook
 * @property {number} received_us
 * @property {boolean} valid
 * @property {string} [why]   it is not
 * @property {string} body
 * @property {({name?: string, channel?: string} | null)[]} events
 */

let now = () => {};
/** What is on the page, as the server said it: made anew only when that is something else. */
let painted = "";

export function attachWebhooks() {
  now = refresh(show, EVERY_MS);
  onChange((app) => {
    painted = "";
    allow(app.is_demo && isPresenter);
    now();
  });
  const form = find("[data-webhook-url]", HTMLFormElement);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void point(find("#webhook-url", HTMLInputElement).value.trim() || null);
  });
  find("[data-webhook-default]").addEventListener("click", () => void point(null));
}

/** The server lets only the person at the lab's machine move webhooks, and only the demo's. @param {boolean} isAllowed */
function allow(isAllowed) {
  for (const control of find("[data-webhook-url]", HTMLFormElement).elements) control.toggleAttribute("disabled", !isAllowed);
  say("webhook-answer", isAllowed ? "" : "Only the demo's can be moved, and only by whoever leads the lab; other applications' are in the settings file.");
}

async function show() {
  const app = current();
  if (app === undefined) return;
  const answer = await fetch(`/presenter/api/apps/${app.id}/webhooks`).catch(() => undefined);
  if (answer === undefined || current() !== app) return;
  const text = await answer.text();
  if (text === painted) return;
  painted = text;
  const list = find("[data-webhooks]");
  if (!answer.ok) return list.replaceChildren(element("p", "empty", JSON.parse(text).error.message));
  /** @type {{sent: {delivered_total: number, retried_total: number, dropped_total: number, queued: number}, received: Webhook[], urls: string[]}} */
  const { sent, received, urls } = JSON.parse(text);
  shown("webhooks-urls").textContent = urls.length === 0 ? "This application has none." : `They go to ${urls.join(", ")}.`;
  shown("webhooks-sent").textContent = `${sent.delivered_total} delivered, ${sent.retried_total} tried again, ${sent.dropped_total} given up, ${sent.queued} waiting`;
  // What somebody has opened, or is at by keyboard, stays so.
  const opened = new Set(Array.from(list.querySelectorAll("details"), (one) => (one.open ? one.dataset.at : undefined)));
  const held = document.activeElement?.closest("[data-webhooks] details")?.getAttribute("data-at");
  list.replaceChildren(...(received.length === 0
    ? [element("p", "empty", "The lab's receiver has been told nothing yet. Subscribe to a channel, and it will be.")]
    : received.slice(-SHOWN).reverse().map(webhook)));
  for (const one of list.querySelectorAll("details")) {
    one.open = opened.has(one.dataset.at);
    if (one.dataset.at === held) find("summary", HTMLElement, one).focus();
  }
}

/** @param {Webhook} one */
function webhook(one) {
  const time = element("time", "", clockTime(one.received_us));
  const verdict = element("span", `badge ${one.valid ? "badge-ok" : "badge-bad"}`, one.valid ? "signature good" : "refused");
  const names = one.events.map((event) => `${event?.name ?? "?"} ${event?.channel ?? ""}`.trim()).join(", ");
  const summary = element("summary", "", [time, verdict, element("span", "", names || "no events")]);
  const details = element("details", "console-webhook", [summary]);
  details.dataset.at = String(one.received_us);
  if (one.why) details.append(element("p", "hint", one.why));
  details.append(element("pre", "well", one.body));
  return details;
}

/** @param {string | null} url  null: the lab's own receiver */
async function point(url) {
  const app = current();
  if (app === undefined) return;
  try {
    const answer = await fetch(`/presenter/api/apps/${app.id}/webhooks`, { method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify({ url }) });
    const text = await answer.text();
    if (answer.ok) say("webhook-answer", url === null ? "Done: they come to the lab." : "Done: they go there from now on.", "ok");
    else {
      const { error } = JSON.parse(text);
      say("webhook-answer", typeof error === "string" ? error : `${error.message}. ${error.hint}`, "bad");
    }
    now();
  } catch (error) {
    say("webhook-answer", `The server could not be reached: ${error instanceof Error ? error.message : error}`, "bad");
  }
}
