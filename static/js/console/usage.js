/*
  usage.js: today's use against the free plan of the hosted service, counted as Pusher counts: for all applications
  together, since its limits are per account. What it says about the future is arithmetic, and drawn as such.
*/

import { element, find, shown } from "./dom.js";
import { refresh } from "./refresh.js";

const EVERY_MS = 2000;

/** Parts of the count, in the order of the bar. @type {[string, string][]} */
const PARTS = [
  ["deliveries", "deliveries"],
  ["api", "API calls"],
  ["webhooks", "webhooks"],
  ["member_events", "member events"],
];

export function attachUsage() {
  refresh(show, EVERY_MS)();
}

async function show() {
  const answer = await fetch("/api/apps/usage").catch(() => undefined);
  if (answer === undefined || !answer.ok) return;
  const { plan, messages, connections, plans, plans_checked: checked } = await answer.json();
  shown("usage-plan").textContent = plan === null ? "counted only" : "enforced";
  find("[data-usage]").replaceChildren(
    figures(messages, connections),
    bar(messages),
    split(messages.by),
    element("p", "hint", forecast(messages)),
    element("p", "hint", note(plan)),
    element("p", "hint", written(messages)),
  );
  find("[data-ladder]").hidden = false;
  if (find("[data-ladder] tbody").childElementCount === 0) ladder(plans, checked);
}

/** The plans there are; they do not change while the page is open. @param {any[]} plans  @param {string} checked */
function ladder(plans, checked) {
  shown("ladder-checked").textContent = `Prices in US$ a month. ${checked}.`;
  find("[data-ladder] tbody").replaceChildren(...plans.map((plan) => {
    const name = element("th", "", plan.name.replaceAll("_", " "));
    name.setAttribute("scope", "row");
    const cell = (/** @type {number} */ n) => element("td", "num", n.toLocaleString());
    return element("tr", "", [name, cell(plan.usd_per_month), cell(plan.messages_per_day), cell(plan.connections)]);
  }));
}

/** @param {any} messages  @param {any} connections */
function figures(messages, connections) {
  const of = (/** @type {number} */ n, /** @type {number} */ limit) => [element("span", "num", n.toLocaleString()), element("span", "unit", ` of ${limit.toLocaleString()}`)];
  const list = element("dl", "figures", [
    element("div", "", [element("dt", "", "messages today (UTC)"), element("dd", "", of(messages.today, messages.limit))]),
    element("div", "", [element("dt", "", "connections now"), element("dd", "", of(connections.now, connections.limit))]),
    element("div", "", [element("dt", "", "most at once"), element("dd", "", connections.peak.toLocaleString())]),
  ]);
  list.setAttribute("aria-label", "Use of the sandbox plan");
  return list;
}

/** @param {any} messages */
function bar(messages) {
  const made = element("div", "usage-bar", PARTS.map(([part]) => {
    const piece = element("span");
    piece.dataset.part = part;
    piece.style.inlineSize = `${Math.min(100, (100 * messages.by[part]) / Math.max(messages.limit, messages.today))}%`;
    return piece;
  }));
  made.setAttribute("role", "img");
  made.setAttribute("aria-label", `${((100 * messages.today) / messages.limit).toFixed(1)} percent of today's messages are used`);
  return made;
}

/** @param {Record<string, number>} by */
function split(by) {
  return element("dl", "usage-split", PARTS.map(([part, label]) => {
    const key = element("span", "usage-key");
    key.dataset.part = part;
    return element("div", "", [element("dt", "", [key, label]), element("dd", "", by[part].toLocaleString())]);
  }));
}

/** @param {any} messages */
function forecast(messages) {
  if (messages.today >= messages.limit) return "The day's messages are used up: the hosted service would refuse to publish until midnight UTC.";
  const rate = messages.per_s.toLocaleString(undefined, { maximumFractionDigits: 2 });
  if (messages.reached_at === null) return `At the last minute's rate (${rate} a second) today's limit would not be reached.`;
  const at = new Date(messages.reached_at);
  return `Predicted: at the last minute's rate (${rate} a second) today's limit would be reached at ${at.toLocaleTimeString()}.`;
}

/** @param {{handed_over: number, written: number}} messages */
function written({ handed_over: handed, written: sent }) {
  return "Counted when handed to a connection, as the hosted service counts what it distributes, not when written. "
    + `Since the start ${handed.toLocaleString()} were handed over, and ${sent.toLocaleString()} of them are with the kernel.`;
}

/** @param {string | null} plan */
function note(plan) {
  const counted = "Counted: every API call, every delivery handed to a client, every webhook, every member event. One event to 50 subscribers is 51 messages. "
    + "Not counted: pings, subscribing.";
  return plan === null ? `${counted} Start the lab with --sandbox-plan to have the limits enforced.` : `${counted} The limits are enforced.`;
}
