// channels.js: the table of occupied channels; a name pressed goes into the creator's form.

import { current, onChange } from "./apps.js";
import { element, find, seek, shown } from "./dom.js";
import { refresh } from "./refresh.js";

const EVERY_MS = 2000;

/**
 * A channel that somebody is subscribed to.
 * @typedef {object} Occupied
 * @property {string} name
 * @property {boolean} guarded    private or presence
 * @property {boolean} presence
 * @property {boolean} encrypted
 * @property {boolean} cached
 * @property {number} subscriptions
 * @property {number} [users]     of a presence channel
 */

export function attachChannels() {
  onChange(refresh(show, EVERY_MS));
}

async function show() {
  const app = current();
  if (app === undefined) return;
  const answer = await fetch(`/presenter/api/apps/${app.id}/channels`).catch(() => undefined);
  if (answer === undefined || !answer.ok || current() !== app) return;
  /** @type {{channels: Occupied[], total: number}} */
  const { channels, total } = await answer.json();
  shown("channels-total").textContent = total > channels.length ? `the ${channels.length} busiest of ${total}` : String(total);
  find("#channels").replaceChildren(...channels.map((channel) => {
    const option = document.createElement("option");
    option.value = channel.name;
    return option;
  }));
  const held = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.channel : undefined;
  find("[data-channels]").replaceChildren(total === 0 ? element("p", "empty", "Nobody is subscribed to anything.") : table(channels));
  // The table was made anew under the finger of whoever was going through it by keyboard.
  if (held !== undefined) seek(`[data-channel="${CSS.escape(held)}"]`)?.focus();
}

/** @param {Occupied[]} channels */
function table(channels) {
  const head = element("tr", "", ["Channel", "Kind", "Subscriptions", "Users"].map((title, at) => {
    const cell = element("th", ["", "wide-only", "num", "num"][at], title);
    cell.setAttribute("scope", "col");
    return cell;
  }));
  const rows = channels.map((channel) => {
    const name = element("button", "button button-quiet button-small console-channel", channel.name);
    name.setAttribute("type", "button");
    name.dataset.channel = channel.name;
    name.title = "Put it into the event creator";
    name.addEventListener("click", () => use(channel.name));
    const row = element("th", "", [name]);
    row.setAttribute("scope", "row");
    return element("tr", "", [row, element("td", "wide-only", kindOf(channel)), element("td", "num", String(channel.subscriptions)), element("td", "num", channel.users === undefined ? "—" : String(channel.users))]);
  });
  const made = element("table", "data", [element("thead", "", [head]), element("tbody", "", rows)]);
  const frame = element("div", "table-scroll console-channels", [made]);
  frame.tabIndex = 0;
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", "Occupied channels");
  return frame;
}

/** @param {Occupied} channel */
function kindOf(channel) {
  const kind = channel.presence ? "presence" : channel.encrypted ? "encrypted" : channel.guarded ? "private" : "public";
  return channel.cached ? `${kind}, cached` : kind;
}

/** @param {string} name */
function use(name) {
  const field = find("#channel", HTMLInputElement);
  field.value = name;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
}
