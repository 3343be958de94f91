// The stage: one row per lane on one axis. Rows stand in the order of the page until the answer's order has held for a
// while (steady-order.js); then they move there, with reduced motion at once, and never under somebody's keyboard.

import { el, find } from "../charts/dom.js";
import { DelayAxis } from "./delay-axis.js";
import { marksOf } from "./lane-state.js";
import { createStageRow } from "./stage-row.js";
import { SteadyOrder } from "./steady-order.js";

const MOVE_MS = 400;
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

/** @param {import("../lab.js").ComparedRow[]} lanes @param {Map<string, import("./lane-state.js").Marks>} marks */
export function createStage(lanes, marks) {
  const table = find("[data-stage]", HTMLTableElement);
  const ticks = find("[data-axis]");
  const axis = new DelayAxis();
  const steady = new SteadyOrder();
  const rows = new Map(lanes.map((lane) => [lane.lane, createStageRow(lane, marksOf(marks, lane.lane))]));
  const byPage = lanes.map(({ lane }) => lane);
  table.append(...byPage.map((name) => rowOf(name).element));
  let drawnAxis = "";

  /** @param {string} name */
  function rowOf(name) {
    const row = rows.get(name);
    if (row === undefined) throw new Error(`the stage has no row for the lane "${name}"`);
    return row;
  }

  function showAxis() {
    const wanted = axis.range.join();
    if (wanted === drawnAxis) return;
    drawnAxis = wanted;
    ticks.replaceChildren(...axis.marks().map(({ ms, label }) => {
      const tick = el("span", {}, label);
      tick.style.setProperty("--at", String(axis.at(ms)));
      return tick;
    }));
  }

  /** @param {string[]} order  of the rows that are shown */
  function arrange(order) {
    const moving = order.map((name) => rowOf(name).element);
    const before = moving.map((row) => row.getBoundingClientRect().top);
    table.append(...moving);
    if (STILL.matches) return;
    moving.forEach((row, i) => {
      const by = before[i] - row.getBoundingClientRect().top;
      if (by !== 0) row.animate([{ transform: `translateY(${by}px)` }, { transform: "none" }], { duration: MOVE_MS, easing: "ease-in-out" });
    });
  }

  showAxis();
  return {
    row: rowOf,
    /** @param {string[]} names  lanes that run */
    only(names) {
      for (const [name, row] of rows) row.show(names.includes(name));
    },
    /** A delay that the axis has to hold. @param {number} ms */
    take(ms) { axis.take(ms); },
    /** An order that the figures give now. @param {string[]} order */
    offer(order) {
      const shown = [...table.querySelectorAll("tbody:not([hidden])")].map((row) => /** @type {HTMLElement} */ (row).dataset.lane ?? "");
      const wanted = [...order.filter((name) => shown.includes(name)), ...shown.filter((name) => !order.includes(name))];
      const isRead = table.contains(document.activeElement);
      if (steady.offer(wanted, shown) && !isRead) arrange(wanted);
    },
    /**
     * @param {Iterable<{name: string, measured: {min: number|null, p50: number|null, max: number|null}}>} lanesNow
     * @param {number} nowMs
     */
    draw(lanesNow, nowMs) {
      showAxis();
      for (const { name, measured } of lanesNow) rowOf(name).draw(axis, measured, marks.values(), nowMs);
    },
    /** Before a run: the page's own order and the axis where it starts. */
    reset() {
      axis.reset();
      steady.forget();
      for (const row of rows.values()) row.paintLatest(0);
      arrange(byPage);
    },
  };
}
