// What a row of the stage opens to: the lane over the last minute, its rarer figures, its bytes layer by layer under its
// protocol's own words, and its code. Made when it is opened first, and drawn only while it is open.

import { el, setText } from "../charts/dom.js";
import { createByteBar } from "../charts/byte-bar.js";
import { bytesText, durationText, NONE } from "../charts/format.js";
import { LANES } from "../lanes.js";
import { createLatencyStrip, sharedRange } from "./latency-strip.js";
import { showPercentile } from "./percentile-view.js";
import { predictedText } from "./predictions.js";

/**
 * @param {HTMLElement} host
 * @param {import("../lab.js").ComparedRow} lane
 * @param {import("./lane-state.js").Marks} marks
 */
export function createRowDetail(host, lane, marks) {
  const stripHost = el("figure", {});
  const byteHost = el("div", { class: "bytes" });
  const state = el("span", { class: "state", "data-state": "closed" }, "not started");
  const cells = Object.fromEntries(["p90", "p99", "max"].map((name) => [name, el("dd", {})]));
  const foretold = Object.fromEntries(["p50", "p99", "bytes"].map((name) => [name, el("dd", { class: "num" }, NONE)]));
  const figure = (/** @type {string} */ label, /** @type {HTMLElement} */ cell) => el("div", {}, el("dt", {}, label), cell);
  host.append(
    el("div", { class: "detail-facts" },
      el("p", { class: "row" }, state, el("span", { class: "unit mono" }, `${lane.protocol} over ${lane.transport}`)),
      el("dl", { class: "figures" }, figure("p90", cells.p90), figure("p99", cells.p99), figure("slowest", cells.max)),
      el("div", { class: "foretold" }, el("h3", { class: "detail-head" }, "Predicted"),
        el("dl", { class: "figures" }, figure("half within", foretold.p50), figure("p99", foretold.p99), figure("bytes for each", foretold.bytes))),
      el("button", { class: "button button-small", type: "button", "data-code": `/static/js/transports/${lane.client.module}` }, "Show the code",
        el("span", { class: "visually-hidden" }, ` of ${lane.label}`))),
    stripHost,
    el("div", { class: "stack tight" }, byteHost, el("p", { class: "hint lab-part" }, lane.lab_part)));
  const strip = createLatencyStrip(stripHost, lane.label, LANES[lane.lane].colour, marks.measured, marks.discarded);
  const bar = createByteBar(byteHost, lane.label, lane.protocol);

  return {
    /** @param {Iterable<import("./lane-state.js").Marks>} all  of every lane, which share one scale here, too @param {number} nowMs */
    draw(all, nowMs) { strip.update(nowMs / 1000, sharedRange(all, nowMs / 1000)); },
    /** @param {string} name  a state of lab.css  @param {string} word */
    showState(name, word) {
      if (state.dataset.state !== name) state.dataset.state = name;
      setText(state, word);
    },
    /**
     * @param {import("./figures.js").Figures} f
     * @param {Record<string, number>|null} each  bytes per delivered publication
     * @param {number} scale  bytes that fill a bar
     */
    showFigures(f, each, scale) {
      showPercentile(cells.p90, f.received_p90_ms, 0.9, f.received_n, f.delay_error_ms ?? 0);
      showPercentile(cells.p99, f.received_p99_ms, 0.99, f.received_n, f.delay_error_ms ?? 0);
      showPercentile(cells.max, f.received_max_ms, 1, f.received_n, f.delay_error_ms ?? 0);
      setText(foretold.p50, predictedText(f.predicted_p50_ms, f.predicted_p50_is, f.predicted_p50_off_ms, durationText));
      setText(foretold.p99, predictedText(f.predicted_p99_ms, f.predicted_p99_is, f.predicted_p99_off_ms, durationText));
      setText(foretold.bytes, predictedText(f.predicted_bytes, f.predicted_bytes_is, null, bytesText));
      bar.update(each, scale, f.tcp_ip_source);
      strip.say({ n: f.received_n, p50: f.received_p50_ms, p99: f.received_p99_ms, max: f.received_max_ms });
    },
  };
}
