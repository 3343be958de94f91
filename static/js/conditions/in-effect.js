// in-effect.js: the sentence of what holds now, and below it a row for every lane that is under conditions.

import { el, find, setText } from "../charts/dom.js";

/**
 * @param {HTMLElement} table     shown while it has something to show
 * @param {HTMLElement} summary   the sentence
 * @param {(lane: string) => void} clear  asked for by a row's button
 */
export function createInEffect(table, summary, clear) {
  const body = find("[data-lanes]", HTMLElement, table);
  /** @type {Map<string, {node: HTMLElement, conditions: HTMLElement, connections: HTMLElement}>} */
  const rows = new Map();

  /** @param {import("./api.js").LaneView} view */
  function rowOf({ lane, label }) {
    const known = rows.get(lane);
    if (known) return known;
    const conditions = el("td", {});
    const connections = el("td", { class: "num" });
    const button = el("button", { class: "button button-small", type: "button", "aria-label": `Clear ${label}` }, "Clear");
    button.addEventListener("click", () => clear(lane));
    const name = el("th", { scope: "row" }, el("span", { class: "lane-name", "data-lane": lane }, label));
    const node = el("tr", {}, name, conditions, connections, el("td", {}, button));
    body.append(node);
    const row = { node, conditions, connections };
    rows.set(lane, row);
    return row;
  }

  /** @param {import("./api.js").LaneView[]} lanes */
  return (lanes) => {
    for (const view of lanes) {
      const { node, conditions, connections } = rowOf(view);
      node.hidden = !view.conditions;
      if (!view.conditions) continue;
      if (conditions.dataset.text !== view.conditions.text) {
        conditions.dataset.text = view.conditions.text;
        conditions.replaceChildren(...told(view.conditions));
      }
      setText(connections, String(view.conditions.connections));
    }
    const impaired = lanes.filter((view) => view.conditions).map((view) => view.label);
    table.hidden = impaired.length === 0;
    setText(summary, sentence(impaired, lanes.length));
  };
}

/** @param {import("./api.js").InEffect} conditions  @returns {(Node | string)[]} */
function told({ text, apart }) {
  if (text === apart) return [el("span", { class: "badge badge-warn" }, "impaired"), " ", el("code", {}, text)];
  return [el("span", { class: "badge badge-warn" }, text), " ", el("code", {}, apart)];
}

/** @param {string[]} impaired  @param {number} all */
function sentence(impaired, all) {
  if (impaired.length === 0) return "No lane is under conditions.";
  if (impaired.length === all) return "Every lane is under conditions.";
  return `${impaired.length} of ${all} lanes ${impaired.length === 1 ? "is" : "are"} under conditions: ${impaired.join(", ")}.`;
}
