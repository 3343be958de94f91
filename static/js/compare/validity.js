// What stands against a run: reasons to doubt its figures, as sentences. An empty list is no proof, only the
// absence of the known faults (docs/measuring.md). An error speaks against the figures it is large beside, never
// against a run as a whole: which those are is said by name, and each is shown as a bound. Pure.

import { durationText, percent } from "../charts/format.js";
import { delayErrorMs, NUMBER_SHARE } from "./trust.js";

/** What a browser opens to one host with HTTP/1.1. */
export const CONNECTIONS_PER_HOST = 6;
/** The transports that keep one of them; a WebSocket is not among them. */
const HOLD_A_CONNECTION = ["long-poll", "sse", "xhr_streaming", "xhr_polling", "polling"];

/** Shorter pauses between two frames are drawing at its usual pace, during which arrivals are read all the same. */
const STALL_MS = 250;

/** What of a lane's figures speaks for or against them.
 * @typedef {Pick<import("./figures.js").Figures, "label"|"transport"|"received_n"|"received_p50_ms"|"received_max_ms"|"expected"|"never_opened"|"missing"|"drops">} Judged */

/**
 * @param {object} run
 * @param {Judged[]} run.figures   one for each lane
 * @param {number} run.measuredMs
 * @param {number} run.ratePerS
 * @param {"periodic"|"poisson"} run.schedule
 * @param {number|null} run.boundMs
 * @param {boolean} run.wasHidden      the tab was in the background while measuring
 * @param {boolean} run.oneOrigin      all lanes share one address
 * @param {number} run.stallMs         the longest this tab stood still while measuring
 * @param {number} run.drawingMsPerS   what drawing this page costs
 * @returns {Array<{level: "warn"|"bad", text: string}>}
 */
export function doubts({ figures, measuredMs, ratePerS, schedule, boundMs, wasHidden, oneOrigin, stallMs, drawingMsPerS }) {
  /** @type {Array<{level: "warn"|"bad", text: string}>} */
  const list = [];
  const say = (/** @type {"warn"|"bad"} */ level, /** @type {string} */ text) => list.push({ level, text });

  if (wasHidden) say("bad", "This tab was in the background while measuring. Browsers slow timers down there, which delays short polling, and paint nothing. Reset and keep the tab visible.");
  const stalled = stallMs > STALL_MS ? larger(figures, "received_max_ms", stallMs) : [];
  if (stalled.length > 0) say("warn", `This tab stood still for ${durationText(stallMs)} while measuring, longer than the slowest arrival of ${stalled.join(", ")}. It may have made that one; medians it does not touch.`);
  if (oneOrigin) {
    const left = CONNECTIONS_PER_HOST - figures.filter((f) => HOLD_A_CONNECTION.includes(f.transport ?? "")).length;
    say(left <= 1 ? "bad" : "warn", `All lanes share one address (--single-port), and a browser opens ${CONNECTIONS_PER_HOST} HTTP connections to one. The lanes that wait on theirs leave ${left} for everything else, other tabs included.${left <= 1 ? " Choose fewer of them." : ""}`);
  }

  const errorMs = delayErrorMs(boundMs);
  const unsure = errorMs === null ? [] : larger(figures, "received_p50_ms", errorMs);
  if (errorMs !== null && unsure.length > 0) say("warn", `The clock may be wrong by ${durationText(errorMs)}, more than the median of ${unsure.join(", ")}: there is only a bound for it. Differences between lanes are safe, because all of them use the same clock.`);

  // Poisson arrivals scatter by the square root of their number; three of those is still luck.
  const due = (measuredMs / 1000) * ratePerS;
  const known = Math.max(0, ...figures.map((f) => f.expected));
  const slack = (schedule === "poisson" ? 3 * Math.sqrt(due) : 2) + 0.01 * due;
  if (due >= 30 && known < due - slack) say("warn", `The source published ${percent(known / due)} of its schedule. Latency counts from the schedule, so the delay is in the figures.`);

  for (const f of figures) {
    if (f.never_opened) say("bad", `${f.label} never opened, so nothing was sent to it and nothing is lost. ${whyNot(f)}`);
    if (f.missing !== null && f.missing > 0) say("bad", `${f.label} has lost ${f.missing} of ${f.expected}. Its percentiles are those of what arrived; the rest is infinitely late.`);
    if (f.drops > 0) say("bad", `The server dropped ${f.drops} publications for ${f.label}, because this page did not read fast enough.`);
  }
  if (drawingMsPerS > 250) say("warn", `Drawing this page takes ${Math.round(drawingMsPerS)} ms of every second. That can delay what it receives.`);
  return list;
}

/**
 * Lanes with a figure that an error is larger than.
 * @param {Judged[]} figures @param {"received_p50_ms"|"received_max_ms"} key @param {number} errorMs
 */
function larger(figures, key, errorMs) {
  return figures.filter((f) => f.received_n > 0 && errorMs >= NUMBER_SHARE * (f[key] ?? Infinity)).map((f) => f.label);
}

/** What may keep a lane from opening. @param {Judged} figures */
function whyNot({ transport }) {
  const unreached = "its port is not reached from here, as behind a proxy that serves the main one only (start the lab with --single-port)";
  if (!HOLD_A_CONNECTION.includes(transport ?? "")) return `Perhaps ${unreached}.`;
  return `Perhaps ${unreached}; or other tabs of this lab hold the ${CONNECTIONS_PER_HOST} HTTP connections that a browser opens to one address: close them, then reset.`;
}
