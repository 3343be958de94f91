// The frame around every chart: title, drawing, one sentence that says in words what the drawing shows,
// and the same data as a table for whoever wants values or cannot see the drawing (WCAG 2.2, 1.1.1).
// The sentence changes with the data but is no live region: it is there when somebody goes to read it.
// The table is a snapshot, taken when it is opened: rows that move cannot be read.

import { el } from "./dom.js";

let numbered = 0;

/**
 * @param {HTMLElement} host
 * @param {object} options
 * @param {string} options.title
 * @param {string} [options.of]  whose, where the page around it says so to the eye only
 * @param {Array<{label: string, line: string}>} [options.keys]  which line is which; `line` is a class of charts.css
 * @param {() => {head: string[], rows: Array<Array<string>>}} options.table  asked when the table is opened
 * @returns {{chart: HTMLElement, say: (sentence: string) => void}}  an element to draw in; a way to set the sentence
 */
export function createFigure(host, { title, of, keys = [], table }) {
  numbered += 1;
  const id = `figure-${numbered}`;
  const chart = el("div", { class: "chart", role: "img", "aria-labelledby": `${id}-title`, "aria-describedby": `${id}-says` });
  const says = el("p", { class: "chart-says", id: `${id}-says` });
  const whose = of ? ` of ${of}` : "";
  const holder = el("div", { class: "table-scroll chart-table", id: `${id}-table`, role: "region", tabindex: "0", "aria-label": `${title}${whose}, as a table`, hidden: "" });
  const toggle = el("button", { class: "button button-small button-quiet", type: "button", "aria-expanded": "false", "aria-controls": `${id}-table`, "aria-label": `Data as table: ${title}${whose}` }, "Data as table");

  toggle.addEventListener("click", () => {
    const open = toggle.getAttribute("aria-expanded") !== "true";
    toggle.setAttribute("aria-expanded", String(open));
    holder.hidden = !open;
    holder.replaceChildren(...(open ? [snapshot(`${title}${whose}`, table())] : []));
  });

  host.classList.add("chart-figure");
  host.append(
    el("figcaption", { class: "chart-caption" }, el("span", { class: "chart-title", id: `${id}-title` }, title, el("span", { class: "visually-hidden" }, whose)),
      ...keys.map(({ label, line }) => el("span", { class: "line-item" }, el("span", { class: `line-key ${line}`, "aria-hidden": "true" }), label)), toggle),
    chart, says, holder,
  );
  return {
    chart,
    say(sentence) {
      if (says.textContent !== sentence) says.textContent = sentence;
    },
  };
}

/** @param {string} title @param {{head: string[], rows: Array<Array<string>>}} data */
function snapshot(title, { head, rows }) {
  const taken = new Date().toLocaleTimeString("en-GB");
  return el("table", { class: "data" },
    el("caption", {}, `${title}: snapshot of ${taken}`),
    el("thead", {}, el("tr", {}, ...head.map((text, i) => el("th", { scope: "col", class: i ? "num" : "" }, text)))),
    el("tbody", {}, ...(rows.length ? rows : [["Nothing yet"]]).map((row) => el("tr", {},
      ...row.map((text, i) => (i ? el("td", { class: "num" }, text) : el("th", { scope: "row" }, text)))))));
}
