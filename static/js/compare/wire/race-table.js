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
    /** @param {string} title @param {import("./race-order.js").Entry[]} entries @param {import("./race-tracks.js").Words} words */
    draw(title, entries, words) {
      setText(caption, title);
      const sorted = byArrival(entries);
      const order = sorted.map(({ lane }) => lane).join();
      if (order !== drawn) {
        drawn = order;
        body.replaceChildren(...sorted.map(({ lane, label }) => el("tr", { "data-race-lane": lane },
          el("th", { scope: "row" }, el("span", { class: "lane-name", "data-lane": lane }, label)), el("td", {}), el("td", { class: "num" }), el("td", { class: "num" }))));
      }
      for (const row of body.rows) {
        const said = words.get(row.dataset.raceLane ?? "");
        const [, place, delay, bytes] = row.cells;
        setText(place, [said?.place, said?.note].filter(Boolean).join(", "));
        setText(delay, said?.delay ?? "");
        setText(bytes, said?.bytes ?? "");
      }
    },
  };
}
