// All settings of a comparison in one line, with the ones that decide. Pure.

import { axisBytes, axisDuration } from "../charts/format.js";
import { messagesText } from "./own-messages.js";
import { DEFAULTS, exampleOf, EXAMPLES } from "./settings.js";

/**
 * @param {import("./settings.js").Settings} settings
 * @param {string} example  its name, "" for none
 * @param {string} polls    "short_polls" and "held_polls" among the lanes that run
 */
export function settingsLine(settings, example, polls) {
  const { rate_per_s, schedule, size_bytes, poll_interval_ms, hold_ms, seed, warmup_s, payloads } = settings;
  return [
    example || "Own settings",
    `${Number(rate_per_s.toFixed(2))}/s ${schedule === "poisson" ? "Poisson" : "periodic"}`,
    payloads === "" ? axisBytes(size_bytes) : messagesText(payloads),
    ...(polls.includes("short_polls") ? [`polls every ${axisDuration(poll_interval_ms)}`] : []),
    ...(polls.includes("held_polls") && hold_ms !== DEFAULTS.hold_ms ? [`held for ${axisDuration(hold_ms)}`] : []),
    ...(seed === (EXAMPLES[exampleOf(settings)]?.seed ?? DEFAULTS.seed) ? [] : [`seed ${seed}`]),
    ...(warmup_s === DEFAULTS.warmup_s ? [] : [`warm-up ${warmup_s} s`]),
    `${settings.lanes.length} ${settings.lanes.length === 1 ? "lane" : "lanes"}`,
  ].join(" · ");
}
