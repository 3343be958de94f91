// The line under the controls that says what a run is doing now, in words, and tells a screen reader when it
// changes. The ticking parts (seconds left) are only shown; only the change of phase is spoken.

import { find, setText } from "../charts/dom.js";
import { durationText } from "../charts/format.js";
import { announce } from "../announce.js";

/** @type {Partial<Record<import("./run.js").Phase, string>>} */
const BADGE = { measuring: "badge-ok", "warm-up": "badge-warn", failed: "badge-bad" };
const SPOKEN = {
  connecting: "Connecting.",
  "warm-up": "Warm-up; nothing counts yet.",
  measuring: "Measuring.",
  draining: "Pausing; waiting for what is on its way.",
  paused: "Paused.",
  ready: "Ready.",
};

/** Minutes and seconds, 0:42. @param {number} ms */
function clockText(ms) {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

export function createPhaseView() {
  const badge = find('[data-show="phase"]');
  const says = find('[data-show="phase-says"]');
  let spoken = "ready";

  /** @param {import("./run.js").Run|null} run @param {number|null} boundMs */
  function sentence(run, boundMs) {
    if (run === null) return "Press Start, or one of the three experiments above.";
    const left = Math.max(0, Math.ceil(run.settings.warmup_s - (performance.now() - run.sinceMs) / 1000));
    const clock = boundMs === null ? "" : `, clock ± ${durationText(boundMs)}`;
    switch (run.phase) {
      case "connecting": return `Connecting ${run.lanes.length} clients, each on its own lane.`;
      case "warm-up": return `Warm-up: ${left} s left. What arrives now is drawn grey and counts for nothing.`;
      case "measuring": return `Measured for ${clockText(run.measuredMs())} on channel ${run.channel}${clock}.`;
      case "draining": return "Source stopped; waiting for what is still on its way.";
      case "paused": return `Paused after ${clockText(run.measuredMs())}. The clients stay connected; nothing is counted.`;
      case "failed": return run.failure;
      default: return "";
    }
  }

  return {
    /** @param {import("./run.js").Run|null} run @param {number|null} boundMs */
    update(run, boundMs) {
      const phase = run?.phase ?? "ready";
      setText(badge, phase);
      const look = `badge ${BADGE[phase] ?? ""}`.trim();
      if (badge.className !== look) badge.className = look;
      setText(says, sentence(run, boundMs));
      if (phase === spoken) return;
      spoken = phase;
      announce(phase === "failed" ? `The run failed. ${run?.failure}` : SPOKEN[phase]);
    },
  };
}
