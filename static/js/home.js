/*
  home.js: fills in the live state of every lane, asked every two seconds while the page is looked at.
  Delays are what browsers reported (stage "received") in the server's window of some minutes; where none did, what
  the server saw ("written") in it.
*/

import { find } from "./charts/dom.js";
import { transportLanes } from "./lab.js";

/** @typedef {import("./compare/counters.js").Stats} Stats */

const ASK_MS = 2000;
const age = find("#stats-age");
const mainConnections = find("#main-connections");

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch("/api/stats");
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    /** @type {Stats} */
    const stats = await answer.json();
    for (const list of document.querySelectorAll("[data-figures]")) show(/** @type {HTMLElement} */ (list), stats);
    for (const table of document.querySelectorAll("[data-lanes-of]")) showTable(/** @type {HTMLTableElement} */ (table), stats);
    mainConnections.textContent = String(lane(stats, "main")?.connections_open ?? "—");
    const window = duration(stats.latency_window_us / 1e6);
    age.textContent = `Totals since the start ${duration(stats.uptime_us / 1e6)} ago, delays of the last ${window}; asked every 2 s`;
  } catch {
    age.textContent = "The server does not answer; what you see is old. Trying again …";
  }
}

/** @param {Stats} stats  @param {string} name */
function lane(stats, name) {
  return stats.lanes.find((each) => each.lane === name);
}

/** @param {Stats} stats  @param {string} name */
function deliveredOn(stats, name) {
  const series = stats.series.filter((each) => each.lane === name);
  return series.reduce((sum, each) => sum + each.publications_delivered_total, 0);
}

/** @param {Stats} stats  @param {string} name */
function delayOn(stats, name) {
  return ["received", "written"]
    .map((stage) => stats.latency.find((each) => each.lane === name && each.stage === stage && each.n > 0))
    .find((found) => found);
}

/** A protocol's lanes that have no card of their own, one a row. @param {HTMLTableElement} table  @param {Stats} stats */
function showTable(table, stats) {
  const hasCard = (/** @type {string} */ name) => document.querySelector(`[data-figures="${name}"]`) !== null;
  const lanes = transportLanes.filter(({ lane: name, protocol }) => protocol === table.dataset.lanesOf && !hasCard(name));
  const head = ["Lane", "open", "delivered", "p50, ms"].map((text, i) => cell("th", text, i > 0 ? "num" : "", "col"));
  const rows = lanes.map(({ lane: name, label, short, protocol }) => {
    const key = cell("th", "", "", "row");
    const look = document.createElement("span");
    look.className = "lane-name";
    look.dataset.lane = name;
    // The card's heading says the protocol; of plain lanes a short name leaves room for the figures.
    look.textContent = protocol === "plain" ? short : label.replace(/^(Channels over|Socket\.IO,) /, "");
    key.append(look);
    const delay = delayOn(stats, name);
    return [key, cell("td", String(lane(stats, name)?.connections_open ?? "—"), "num"),
      cell("td", deliveredOn(stats, name).toLocaleString("en"), "num"), cell("td", delay ? milliseconds(delay.p50_us) : "—", "num")];
  });
  const card = table.closest("article");
  if (card) card.hidden = lanes.length === 0;
  table.replaceChildren(...[head, ...rows].map((cells) => {
    const line = document.createElement("tr");
    line.append(...cells);
    return line;
  }));
}

/** @param {"th" | "td"} name  @param {string} text  @param {string} [className]  @param {string} [scope] */
function cell(name, text, className = "", scope = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  if (scope) made.setAttribute("scope", scope);
  return made;
}

/** @param {HTMLElement} list  @param {Stats} stats */
function show(list, stats) {
  const name = list.dataset.figures ?? "";
  const delivered = deliveredOn(stats, name);
  const delay = delayOn(stats, name);
  const where = delay?.stage === "written" ? "to the kernel" : "to the page";
  const none = `none in ${duration(stats.latency_window_us / 1e6)}`;
  list.replaceChildren(
    figure("connections open", String(lane(stats, name)?.connections_open ?? "—")),
    figure("delivered", delivered.toLocaleString("en"), delivered === 1 ? "publication" : "publications"),
    figure(`p50 ${where}`, delay ? milliseconds(delay.p50_us) : "—", delay ? "ms" : none),
    figure("p99", delay ? milliseconds(delay.p99_us) : "—", delay?.bound_us ? `ms ± ${milliseconds(delay.bound_us)}` : delay ? "ms" : none),
  );
}

/** @param {string} label  @param {string} value  @param {string} [unit] */
function figure(label, value, unit = "") {
  const group = document.createElement("div");
  const term = document.createElement("dt");
  const description = document.createElement("dd");
  const note = document.createElement("span");
  term.textContent = label;
  description.textContent = `${value} `;
  description.classList.toggle("missing", value === "—");
  note.className = "unit";
  note.textContent = unit;
  description.append(note);
  group.append(term, description);
  return group;
}

/** @param {number} us  three significant digits, never more than two decimals */
function milliseconds(us) {
  const ms = us / 1000;
  return ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2);
}

/** @param {number} seconds */
function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

const ask = () => void refresh();
ask();
window.setInterval(ask, ASK_MS);
document.addEventListener("visibilitychange", ask);
