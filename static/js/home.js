/*
  home.js: fills in the live state of every lane, asked every two seconds while the page is looked at.
  Delays are what browsers reported (stage "received") in the server's window of some minutes; where none did, what
  the server saw ("written") in it.
*/

import { lab } from "./lab.js";

const ASK_MS = 2000;
const age = /** @type {HTMLElement} */ (document.getElementById("stats-age"));
const mainConnections = /** @type {HTMLElement} */ (document.getElementById("main-connections"));

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch("/api/stats");
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
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

/** @param {any} stats  @param {string} name */
function lane(stats, name) {
  return stats.lanes.find((/** @type {any} */ each) => each.lane === name);
}

/** @param {any} stats  @param {string} name */
function deliveredOn(stats, name) {
  const series = stats.series.filter((/** @type {any} */ each) => each.lane === name);
  return series.reduce((/** @type {number} */ sum, /** @type {any} */ each) => sum + each.publications_delivered_total, 0);
}

/** @param {any} stats  @param {string} name */
function delayOn(stats, name) {
  return ["received", "written"]
    .map((stage) => stats.latency.find((/** @type {any} */ each) => each.lane === name && each.stage === stage && each.n > 0))
    .find((found) => found);
}

/** A protocol with its lanes, one a row. @param {HTMLTableElement} table  @param {any} stats */
function showTable(table, stats) {
  const lanes = lab.lanes.filter(({ protocol }) => protocol === table.dataset.lanesOf);
  const head = ["Lane", "open", "delivered", "p50, ms"].map((text, i) => cell("th", text, i > 0 ? "num" : "", "col"));
  const rows = lanes.map(({ lane: name, label }) => {
    const key = cell("th", "", "", "row");
    const look = document.createElement("span");
    look.className = "lane-name";
    look.dataset.lane = name;
    look.textContent = label.replace(/^(Channels over|Socket\.IO,) /, "");
    key.append(look);
    const delay = delayOn(stats, name);
    return [key, cell("td", String(lane(stats, name)?.connections_open ?? "—"), "num"),
      cell("td", deliveredOn(stats, name).toLocaleString("en"), "num"), cell("td", delay ? milliseconds(delay.p50_us) : "—", "num")];
  });
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

/** @param {HTMLElement} list  @param {any} stats */
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

refresh();
window.setInterval(refresh, ASK_MS);
document.addEventListener("visibilitychange", refresh);
