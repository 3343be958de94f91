// in-effect.js: the table of what holds for each lane now, and the sentence above it.

import { el, setText } from "../charts/dom.js";

/**
 * @param {HTMLElement} body      where the rows go
 * @param {HTMLElement} summary   the sentence
 * @param {(lane: string) => void} clear  asked for by a row's button
 */
export function createInEffect(body, summary, clear) {
  /** @type {Map<string, {conditions: HTMLElement, connections: HTMLElement, button: HTMLElement}>} */
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
    body.append(el("tr", {}, name, conditions, connections, el("td", {}, button)));
    const row = { conditions, connections, button };
    rows.set(lane, row);
    return row;
  }

  /** @param {import("./api.js").LaneView[]} lanes */
  return (lanes) => {
    for (const view of lanes) {
      const { conditions, connections, button } = rowOf(view);
      const text = view.conditions?.text ?? "none";
      if (conditions.dataset.text !== text) {
        conditions.dataset.text = text;
        conditions.replaceChildren(...told(view.conditions));
      }
      setText(connections, view.conditions ? String(view.conditions.connections) : "—");
      button.hidden = !view.conditions;
    }
    const impaired = lanes.filter((view) => view.conditions).map((view) => view.label);
    setText(summary, sentence(impaired, lanes.length));
  };
}

/** @param {import("./api.js").InEffect | null} conditions  @returns {(Node | string)[]} */
function told(conditions) {
  if (!conditions) return [el("span", { class: "missing" }, "none: the network as it comes")];
  const { text, apart } = conditions;
  if (text === apart) return [el("span", { class: "badge badge-warn" }, "impaired"), " ", el("code", {}, text)];
  return [el("span", { class: "badge badge-warn" }, text), " ", el("code", {}, apart)];
}

/** @param {string[]} impaired  @param {number} all */
function sentence(impaired, all) {
  if (impaired.length === 0) return "No lane is under conditions.";
  if (impaired.length === all) return "Every lane is under conditions.";
  return `${impaired.length} of ${all} lanes ${impaired.length === 1 ? "is" : "are"} under conditions: ${impaired.join(", ")}.`;
}
