/*
  people.js: who is here, and who came or went. The list is asked from the server whenever it may have changed,
  rather than kept by adding and subtracting: after a break that would be wrong. A member who leaves and is
  back within two seconds has only reconnected, and is not worth a line.
*/
import { lookOfVia } from "../lanes.js";

const GRACE_MS = 2000;
const REFRESH_AFTER_MS = 250; // many arrive together: ask once

/** Who joins, leaves or is there, as the server tells it. @typedef {{client: string, name: string}} Member */

/**
 * @param {object} options
 * @param {HTMLElement} options.list
 * @param {Iterable<Element>} options.counts  where it says how many
 * @param {string} options.channel
 * @param {string} options.client
 * @param {(text: string) => void} options.onLine
 */
export function createPeople({ list, counts, channel, client, onLine }) {
  let refreshTimer = 0;
  /** Members who left a moment ago. @type {Map<string, number>} */
  const leaving = new Map();
  /** Names of those who are here, as the list says. @type {Map<string, string>} */
  const known = new Map();

  function refresh() {
    clearTimeout(refreshTimer);
    // On failure the old list stands; the next change or reconnection asks again.
    refreshTimer = window.setTimeout(() => { ask().catch(() => {}); }, REFRESH_AFTER_MS);
  }

  async function ask() {
    const answer = await fetch(`/api/channels/${channel}/presence`);
    if (answer.ok) show((await answer.json()).members);
  }

  /** @param {(Member & {via: {transport: string, protocol: string}[]})[]} members */
  function show(members) {
    known.clear();
    for (const member of members) known.set(member.client, member.name);
    for (const count of counts) count.textContent = String(members.length);
    list.replaceChildren(...members.map((member) => {
      const item = document.createElement("li");
      const name = document.createElement("span");
      name.className = "chat-person";
      name.textContent = member.client === client ? `${member.name} (you)` : member.name;
      item.append(name, ...member.via.map(viaMark));
      return item;
    }));
  }

  /** @param {Member} member */
  function joined(member) {
    refresh();
    const pending = leaving.get(member.client);
    clearTimeout(pending);
    leaving.delete(member.client);
    if (pending !== undefined || member.client === client) return;
    const before = known.get(member.client);
    onLine(before === undefined || before === member.name ? `${member.name} joined` : `${before} is called ${member.name} now`);
  }

  /** @param {Member} member */
  function left(member) {
    refresh();
    if (member.client === client) return;
    clearTimeout(leaving.get(member.client));
    leaving.set(member.client, window.setTimeout(() => {
      leaving.delete(member.client);
      onLine(`${member.name} left`);
    }, GRACE_MS));
  }

  return { refresh, joined, left };
}

/** @param {{transport: string, protocol: string}} via */
function viaMark(via) {
  const mark = document.createElement("span");
  mark.className = "chat-person-via";
  const sample = document.createElement("span");
  sample.className = "lane-key";
  const { lane, name } = lookOfVia(via);
  sample.dataset.lane = lane;
  sample.setAttribute("aria-hidden", "true");
  mark.append(sample, ` ${name}`);
  return mark;
}
