// The race of one publication as a table, in the order of arrival: what the tracks show, for who reads, hears or copies.

import { el, setText } from "../../charts/dom.js";
import { byArrival } from "./race-order.js";

/** @param {HTMLElement} host */
export function createRaceTable(host) {
  const caption = el("caption", {});
  const body = el("tbody", {});
  host.append(el("table", { class: "data" }, caption,
    el("thead", {}, el("tr", {}, ...["Lane", "Finish", "Received after", "Bytes so far"].map((name, i) => el("th", { scope: "col", class: i > 1 ? "num" : "" }, name)))),
    body));
  let drawn = "";

  return {
    /** @param {string} title @param {import("./race-order.js").Entry[]} entries @param {import("./race-tracks.js").Words} words @param {number} [atMs]  of a race under way: who has it by then is told, the others stand in the order of the page */
    draw(title, entries, words, atMs = Infinity) {
      setText(caption, title);
      const isTold = (/** @type {import("./race-order.js").Entry} */ { delayMs }) => atMs === Infinity || (delayMs !== null && delayMs <= atMs);
      const told = new Set(entries.filter(isTold).map(({ lane }) => lane));
      const sorted = [...byArrival(entries.filter(isTold)), ...entries.filter((entry) => !isTold(entry))];
      const order = sorted.map(({ lane }) => lane).join();
      if (order !== drawn) {
        drawn = order;
        body.replaceChildren(...sorted.map(({ lane, label }) => el("tr", { "data-race-lane": lane },
          el("th", { scope: "row" }, el("span", { class: "lane-name", "data-lane": lane }, label), " ", el("a", { class: "badge badge-warn", href: "/conditions", hidden: "" })), el("td", {}), el("td", { class: "num" }), el("td", { class: "num" }))));
      }
      for (const row of body.rows) {
        const said = words.get(row.dataset.raceLane ?? "");
        const [name, place, delay, bytes] = row.cells;
        const isIn = told.has(row.dataset.raceLane ?? "");
        const mark = /** @type {HTMLElement} */ (name.lastElementChild);
        setText(mark, said?.under ?? "");
        mark.hidden = mark.textContent === "";
        setText(place, isIn ? [said?.place, said?.note].filter(Boolean).join(", ") : "on its way");
        setText(delay, isIn ? said?.delay ?? "" : "");
        setText(bytes, said?.bytes ?? "");
      }
    },
  };
}
