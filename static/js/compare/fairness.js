// What is the same for all lanes and what is not: the server's own statement, then what only this page knows.
// It is printed on the page and travels with every copied result.

import { el } from "../charts/dom.js";
import { lab, transportLanes } from "../lab.js";

/**
 * User-Agent Client Hints, which not every browser has.
 * @typedef {{userAgentData?: {brands: {brand: string, version: string}[], platform: string}}} Hints
 */

/** Browser and system, as the browser names itself. Client hints where they exist, else the user agent text. */
export function browserName() {
  const { brands = [], platform = "" } = /** @type {Navigator & Hints} */ (navigator).userAgentData ?? {};
  const named = brands.filter((b) => !/not.?a.?brand/i.test(b.brand)).map((b) => `${b.brand} ${b.version}`);
  return named.length > 0 ? `${named.join(", ")}${platform ? ` on ${platform}` : ""}` : navigator.userAgent;
}

/** Whether every lane has an address of its own; with --single-port they have not. */
export function ownOrigins() {
  return new Set(transportLanes.map((lane) => lane.url)).size === transportLanes.length;
}

/**
 * @param {import("../lab.js").Host} host
 * @returns {string[]}
 */
export function fairnessStatement(host) {
  const machine = [host.os, host.kernel && `kernel ${host.kernel}`, host.cpus && `${host.cpus} processors`].filter(Boolean).join(", ");
  return [
    ...lab.fairness,
    ownOrigins()
      ? "All clients run in this one tab, each on its own origin, so that the browser's limit of six connections per host starves none of them."
      : "All clients run in this one tab and share one address, and with it the browser's limit of six connections per host.",
    "Polls cost more bytes here than in a run of pushlab run: this browser puts its own headers into every request, and the run's client only the few that are needed. Streams and sockets ask once, so the two agree on them.",
    "They share this tab's one thread, too: a slow moment delays all of them, and the more lanes run, the more each costs the others.",
    "The Channels and Socket.IO lanes are driven by pusher-js and socket.io-client, unmodified: their parsing is in the delays, as it is for whoever uses them.",
    "One clock offset serves all lanes, so its error shifts all of them alike and leaves their differences untouched.",
    "The clients drop what they have already delivered after a reconnect; duplicates and order are counted behind that, as an application sees them.",
    `Browser: ${browserName()}.`,
    ...(machine === "" ? [] : [`Machine of the server: ${machine}.`]),
  ];
}

/** @param {HTMLElement} list @param {import("../lab.js").Host} host */
export function showFairness(list, host) {
  list.replaceChildren(...fairnessStatement(host).map((sentence) => el("li", {}, sentence)));
}
