// The sequence as a table: what is seen in the picture, row by row.

import { el } from "../../charts/dom.js";
import { bytesText, durationText, NONE } from "../../charts/format.js";
import { timeText } from "./sequence-column.js";
import { beginOf, endOf, onWayText } from "./sequence-model.js";

/** More rows nobody reads; the newest are there. */
const ROWS_MAX = 150;

/**
 * @param {HTMLElement} host
 * @param {(arrow: import("./sequence-model.js").Arrow) => void} open
 */
export function createSequenceTable(host, open) {
  const caption = el("caption", {}, "The same in words");
  const body = el("tbody");
  const head = ["time", "lane", "from", "to", "what", "bytes", "how long"].map((text) => el("th", { scope: "col", class: text === "bytes" ? "num" : "" }, text));
  host.append(el("table", { class: "data sequence-table" }, caption, el("thead", {}, el("tr", {}, ...head)), body));
  let shown = "";

  /**
   * @param {import("./sequence-model.js").Model} model  of the lanes that are shown
   * @param {{fromUs: number, toUs: number, zeroUs: number, boundUs: number, labelOf: (lane: string) => string}} view
   */
  return ({ arrows, bars }, { fromUs, toUs, zeroUs, boundUs, labelOf }) => {
    if (host.contains(document.activeElement) && document.activeElement !== host) return; // rows that go while they are used
    const rows = [
      ...arrows.filter((arrow) => endOf(arrow) > fromUs && beginOf(arrow) <= toUs).map((arrow) => ({
        atUs: beginOf(arrow), arrow, lane: arrow.lane, from: arrow.direction === "up" ? "browser" : "server", to: arrow.direction === "up" ? "server" : "browser",
        what: arrow.what, bytes: arrow.bytes === null ? NONE : bytesText(arrow.bytes), howLong: onWayText(arrow, boundUs, durationText), isEmpty: arrow.isEmpty,
      })),
      ...bars.filter((bar) => (bar.toUs ?? toUs) > fromUs && bar.fromUs <= toUs).map((bar) => ({
        atUs: bar.fromUs, arrow: null, lane: bar.lane, from: "server", to: "server", what: "holds the question", bytes: NONE,
        howLong: bar.toUs === null ? "no answer yet" : durationText((bar.toUs - bar.fromUs) / 1000), isEmpty: false,
      })),
    ].sort((one, other) => one.atUs - other.atUs);
    const now = rows.map(({ atUs, what, howLong, bytes, lane }) => [lane, atUs, what, bytes, howLong].join()).join("\n");
    if (now === shown) return;
    shown = now;
    const last = rows.slice(-ROWS_MAX);
    caption.textContent = `The same in words: ${rows.length > last.length ? `the newest ${last.length} of ${rows.length}` : `${rows.length} ${rows.length === 1 ? "row" : "rows"}`}, the oldest first`;
    body.replaceChildren(...(last.length === 0 ? [el("tr", {}, el("td", { colspan: "7" }, "Nothing was said in this time."))] : last.map(({ atUs, arrow, lane, from, to, what, bytes, howLong, isEmpty }) => {
      const said = el("td", { class: "sequence-what" });
      if (arrow?.which) {
        const button = el("button", { class: "button-quiet", type: "button", title: "Show its bytes" }, what);
        button.addEventListener("click", () => open(arrow));
        said.append(button);
      } else said.append(what);
      return el("tr", { class: isEmpty ? "is-empty" : "" }, el("th", { scope: "row", class: "num" }, timeText(atUs, zeroUs)), el("td", {}, labelOf(lane)), el("td", {}, from), el("td", {}, to), said, el("td", { class: "num" }, bytes), el("td", { class: "sequence-long" }, howLong));
    })));
  };
}
