// The same as a table: every part that counts, with its bytes, its layer and who put it there.

import { el } from "../../charts/dom.js";
import { count } from "../../charts/format.js";
import { LAYERS, rowsOf, WHO } from "./bytes-sums.js";

/** More rows than this only when asked for. */
const ROWS_MAX = 400;

/** @param {HTMLTableElement} table @param {import("./tap.js").Unit[]} units @param {boolean} all  however many */
export function showTable(table, units, all) {
  let left = all ? Infinity : ROWS_MAX;
  const bodies = units.map((unit) => {
    const rows = rowsOf(unit.parts);
    const shown = rows.slice(0, Math.max(0, left));
    left -= shown.length;
    const after = rows.length - shown.length;
    const unkept = unit.size - rows.reduce((sum, { bytes }) => sum + bytes, 0);
    return el("tbody", {},
      el("tr", {}, el("th", { scope: "rowgroup", class: "wire-group" }, `${unit.direction === "up" ? "↑ up" : "↓ down"}: ${unit.title}`), el("td", { class: "num" }, count(unit.size)), el("td"), el("td")),
      ...shown.map(({ what, bytes, inside, layer, by }) => el("tr", {},
        el("th", { scope: "row" }, what),
        el("td", { class: "num" }, inside > 0 ? `(${count(inside)} inside)` : count(bytes)),
        el("td", {}, el("span", { class: "layer-key", "data-layer": layer, "data-direction": unit.direction, "aria-hidden": "true" }), LAYERS[layer]?.label ?? layer),
        el("td", {}, WHO[by] ?? by))),
      ...(after > 0 ? [el("tr", {}, el("td", { colspan: "4" }, `${count(after)} more parts: “Show all” above shows them here, too.`))] : []),
      ...(unkept > 0 ? [el("tr", {}, el("th", { scope: "row" }, "not kept by the tap"), el("td", { class: "num" }, count(unkept)), el("td"), el("td"))] : []));
  });
  for (const before of [...table.tBodies]) before.remove();
  table.append(...bodies);
}
