// A table that is sorted by its column heads, with mouse or keyboard: each head is a button, aria-sort on the
// head cell says what holds (ARIA Authoring Practices, "Sortable table"). Values change in place; the order of
// the rows is kept up to date while they do. What is missing comes last, whichever way it is sorted.

import { el, setText } from "./dom.js";
import { announce } from "../announce.js";

/** What a cell holds; null where there is no value. @typedef {string|number|null} Value */

/**
 * @typedef {object} Column
 * @property {string} key      property of a row's record
 * @property {string} label
 * @property {string} [group]  label above neighbouring columns
 * @property {(value: Value, record: Record<string, Value>, cell: HTMLElement) => string|void} show  text, or writes the cell itself
 */

/**
 * @param {HTMLElement} host
 * @param {object} options
 * @param {string} options.caption
 * @param {Column[]} options.columns  without the name of the row
 * @param {Array<{id: string, label: string}>} options.rows
 */
export function createSortableTable(host, { caption, columns, rows }) {
  let sortKey = "";
  let direction = 1;
  /** @type {Record<string, Record<string, Value>>} */
  let records = {};

  const heads = columns.map((column) => {
    const button = el("button", { class: "sort", type: "button" }, column.label);
    const head = el("th", { scope: "col", class: "num", "aria-sort": "none" }, button);
    button.addEventListener("click", () => {
      direction = sortKey === column.key ? -direction : 1;
      sortKey = column.key;
      heads.forEach((other, i) => other.setAttribute("aria-sort", columns[i].key !== sortKey ? "none" : direction > 0 ? "ascending" : "descending"));
      arrange();
      announce(`Sorted by ${[column.group, column.label].filter(Boolean).join(" ")}, ${direction > 0 ? "ascending" : "descending"}.`);
    });
    return head;
  });
  const lines = new Map(rows.map(({ id, label }) => {
    const cells = columns.map(() => el("td", { class: "num" }));
    return [id, { cells, row: el("tr", {}, el("th", { scope: "row" }, el("span", { class: "lane-name", "data-lane": id }, label)), ...cells) }];
  }));
  const body = el("tbody", {}, ...[...lines.values()].map((line) => line.row));
  const grouped = columns.some((column) => column.group);

  host.append(el("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": caption },
    el("table", { class: "data results" },
      el("caption", {}, caption),
      el("thead", {},
        ...(grouped ? [groupRow(columns)] : []),
        el("tr", {}, el("th", { scope: "col" }, "Lane"), ...heads)),
      body)));

  function arrange() {
    if (sortKey === "") return;
    const order = rows.map((row) => row.id).sort((a, b) => {
      const [x, y] = [records[a]?.[sortKey] ?? null, records[b]?.[sortKey] ?? null];
      if (x === null || y === null) return Number(x === null) - Number(y === null);
      return direction * (x < y ? -1 : x > y ? 1 : 0);
    });
    const wanted = order.flatMap((id) => lines.get(id)?.row ?? []);
    if (wanted.some((row, i) => body.children[i] !== row)) body.append(...wanted);
  }

  return {
    /** @param {string[]} ids  rows to show */
    only(ids) {
      for (const [id, { row }] of lines) row.hidden = !ids.includes(id);
    },
    /** @param {Record<string, Record<string, Value>>} next  records by row id */
    update(next) {
      records = next;
      for (const [id, line] of lines) {
        const record = next[id];
        columns.forEach((column, i) => {
          const text = column.show(record?.[column.key] ?? null, record ?? {}, line.cells[i]);
          if (typeof text === "string") setText(line.cells[i], text);
        });
      }
      arrange();
    },
  };
}

/** One head cell over each run of columns that share a group. @param {Column[]} columns */
function groupRow(columns) {
  const cells = [el("td", {})];
  let from = 0;
  while (from < columns.length) {
    let to = from;
    while (to < columns.length && columns[to].group === columns[from].group) to += 1;
    cells.push(el("th", { scope: "colgroup", colspan: String(to - from), class: "group" }, columns[from].group ?? ""));
    from = to;
  }
  return el("tr", { class: "groups" }, ...cells);
}
