// Every figure of every lane, in tables that fit a screen: lateness, theory, delivery, bytes.

import { createSortableTable } from "../charts/sortable-table.js";
import { bytesText, count, digits, durationText, percent, NONE } from "../charts/format.js";
import { showPercentile } from "./percentile-view.js";
import { predictedText } from "./predictions.js";

/** @typedef {import("../charts/sortable-table.js").Column} Column */
/** @typedef {import("../charts/sortable-table.js").Value} Value */

/** The number in a cell that holds one; a lane without a figure has null. @param {Value} value */
const numeric = (value) => (typeof value === "number" ? value : null);
/** @param {(value: number|null) => string} text @returns {Column["show"]} */
const numbers = (text) => (value) => text(numeric(value));
const asCount = numbers(count);
const asBytes = numbers((value) => (value === null ? NONE : value < 100 && value % 1 ? value.toFixed(1) : count(value)));

/**
 * Percentile columns of one stage. What the server measured on its own clock has no error of this page's.
 * @param {string} stage @param {string} group @param {Array<[string, number]>} which @returns {Column[]}
 */
function percentiles(stage, group, which) {
  const errorOf = (/** @type {Record<string, Value>} */ record) => (stage === "written" ? 0 : numeric(record.delay_error_ms ?? null) ?? 0);
  return which.map(([name, quantile]) => ({
    key: `${stage}_${name}_ms`, label: name, group,
    show: (value, record, cell) => showPercentile(cell, numeric(value), quantile, numeric(record[`${stage}_n`] ?? null) ?? 0, errorOf(record)),
  }));
}

/** @type {Array<[string, number]>} */
const FOUR = [["p50", 0.5], ["p90", 0.9], ["p99", 0.99], ["max", 1]];
const WRITTEN = "Written by the server (last five minutes)";

/** @type {Column[]} */
const LATENCY = [
  { key: "received_n", label: "n", group: "Received", show: asCount },
  ...percentiles("received", "Received", FOUR),
  { key: "painted_n", label: "n", group: "Painted", show: asCount },
  ...percentiles("painted", "Painted", FOUR),
  { key: "delay_error_ms", label: "±", group: "Error", show: numbers(durationText) },
  ...percentiles("written", WRITTEN, [["p50", 0.5], ["p99", 0.99]]),
];

/** @type {Column[]} */
const DELIVERY = [
  { key: "delivered", label: "delivered", group: "Publications", show: asCount },
  { key: "expected", label: "expected", group: "Publications", show: asCount },
  { key: "on_the_way", label: "on the way", group: "Publications", show: asCount },
  { key: "missing", label: "missing", group: "Publications", show: asCount },
  { key: "duplicates", label: "duplicates", group: "Publications", show: asCount },
  { key: "order_violations", label: "out of order", group: "Publications", show: asCount },
  { key: "requests", label: "requests", group: "Requests", show: asCount },
  { key: "requests_per_publication", label: "per publication", group: "Requests", show: numbers(digits) },
  { key: "empty_ratio", label: "empty answers", group: "Requests", show: numbers(percent) },
  { key: "connections_opened", label: "opened", group: "Connections", show: asCount },
];

/** A figure that was computed and not measured. @param {string} key @param {string} group @param {(value: number|null) => string} text @returns {Column} */
const predicted = (key, group, text) => ({
  key, label: "predicted", group,
  show: (value, record, cell) => {
    cell.dataset.predicted = "";
    const of = key.replace(/_ms$/, "");
    return predictedText(numeric(value), record[`${of}_is`], numeric(record[`${of}_off_ms`] ?? null), text);
  },
});
const MEASURED = "measured";
/** @type {Column[]} */
const PREDICTION = [
  { ...percentiles("received", "p50", [["p50", 0.5]])[0], label: MEASURED },
  predicted("predicted_p50_ms", "p50", durationText),
  { ...percentiles("received", "p99", [["p99", 0.99]])[0], label: MEASURED },
  predicted("predicted_p99_ms", "p99", durationText),
  { key: "requests_per_publication", label: MEASURED, group: "Requests per publication", show: numbers(digits) },
  predicted("predicted_requests_per_publication", "Requests per publication", digits),
  { key: "empty_ratio", label: MEASURED, group: "Empty answers", show: numbers(percent) },
  predicted("predicted_empty_ratio", "Empty answers", percent),
  { key: "counted_bytes", label: MEASURED, group: "Bytes per publication, as counted", show: numbers(bytesText) },
  predicted("predicted_bytes", "Bytes per publication, as counted", bytesText),
];

const LAYER_LABELS = [["http_headers", "HTTP"], ["framing", "framing"], ["protocol", "protocol"], ["lab", "lab"], ["payload", "payload"], ["tcp_ip", "Ethernet, IP, TCP"]];
/** @param {"up"|"down"} direction @param {string} group @returns {Column[]} */
const layersOf = (direction, group) => LAYER_LABELS.map(([layer, label]) => ({ key: `${direction}_${layer}_bytes`, label, group, show: asBytes }));

const asWord = (/** @type {Value} */ value) => String(value ?? NONE);

/** @type {Column[]} */
const BYTES = [
  { key: "protocol", label: "protocol", group: "What", show: asWord },
  { key: "transport", label: "transport", group: "What", show: asWord },
  ...layersOf("up", "Up"),
  ...layersOf("down", "Down"),
  { key: "wire_bytes", label: "each", group: "All on the wire", show: asBytes },
  { key: "wire_total_bytes", label: "in total", group: "All on the wire", show: numbers(bytesText) },
  { key: "tcp_ip_source", label: "packets by", group: "All on the wire", show: asWord },
];

/**
 * @param {HTMLElement} host
 * @param {import("../lab.js").Lane[]} lanes
 */
export function createResultsTables(host, lanes) {
  const rows = lanes.map((lane) => ({ id: lane.lane, label: lane.label }));
  const tables = [
    createSortableTable(host, { caption: "How late: from the intended instant to received, and to painted", columns: LATENCY, rows }),
    createSortableTable(host, { caption: "Theory beside measurement: delay until received, requests, empty answers, bytes", columns: PREDICTION, rows }),
    createSortableTable(host, { caption: "What arrived, and how often it was asked for", columns: DELIVERY, rows }),
    createSortableTable(host, { caption: "Bytes by layer and direction, per delivered publication", columns: BYTES, rows }),
  ];
  return {
    /** @param {string[]} ids  lanes that run; the others have no row */
    only(ids) {
      for (const table of tables) table.only(ids);
    },
    /** @param {import("./figures.js").Figures[]} figures */
    update(figures) {
      const byLane = Object.fromEntries(figures.map((f) => [f.lane, f]));
      for (const table of tables) table.update(byLane);
    },
  };
}
