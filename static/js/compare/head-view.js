// The head of the page: the answer in one sentence as soon as there is one; until then, what the run does now, in words.
// The clock and the seconds left are only shown; the change of phase, the first answer and the last one are spoken.

import { announce } from "../announce.js";
import { find, setText } from "../charts/dom.js";
import { axisDuration, count } from "../charts/format.js";

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

/** How long that may take. @param {import("./settings.js").Settings} settings */
function gap({ rate_per_s, schedule }) {
  const every = rate_per_s >= 1 ? `${count(rate_per_s)} come in a second` : `one comes every ${axisDuration(1000 / rate_per_s)}`;
  return schedule === "poisson" ? `${every} on average, at random instants` : every;
}

export function createHeadView() {
  const root = find("[data-compare]");
  const badge = find('[data-show="phase"]');
  const clock = find('[data-show="clock"]');
  const line = find("[data-answer]");
  let spoken = "ready";
  let spokenAnswer = "";

  /** @param {import("./run.js").Run|null} run @param {string} meanwhile */
  function doing(run, meanwhile) {
    if (run === null) return "";
    const left = Math.max(0, Math.ceil(run.settings.warmup_s - (performance.now() - run.sinceMs) / 1000));
    switch (run.phase) {
      case "connecting": return `Connecting ${run.lanes.length} clients, each on its own lane.`;
      case "warm-up": return `Warm-up: ${left} s left. What arrives now is drawn as a ring and counts for nothing.`;
      case "measuring": return run.ledger.expected() === 0 ? `Measuring. Waiting for the first event: ${gap(run.settings)}. ${meanwhile}`.trim() : "Measuring.";
      case "draining": return "Source stopped; waiting for what is still on its way.";
      case "failed": return run.failure;
      default: return "";
    }
  }

  return {
    /**
     * @param {import("./run.js").Run|null} run
     * @param {string} answer  "" while there is none
     * @param {string} meanwhile  what can be said before anything has happened
     */
    update(run, answer, meanwhile) {
      const phase = run?.phase ?? "ready";
      if (root.dataset.phase !== phase) root.dataset.phase = phase;
      const isSilent = phase === "measuring" && run?.stats.isSilent === true;
      setText(badge, isSilent ? "no answer" : phase);
      const look = `badge ${isSilent ? "badge-bad" : BADGE[phase] ?? ""}`.trim();
      if (badge.className !== look) badge.className = look;
      setText(clock, run === null ? "" : clockText(run.measuredMs()));
      const isAnswer = answer !== "" && phase !== "failed";
      const text = isAnswer ? answer : doing(run, meanwhile);
      setText(line, text);
      line.dataset.is = isAnswer ? "answer" : phase === "failed" ? "failed" : "doing";
      if (isAnswer && answer !== spokenAnswer && (spokenAnswer === "" || phase === "paused")) {
        announce(answer);
        spokenAnswer = answer;
      }
      if (phase === spoken) return;
      spoken = phase;
      if (phase === "ready" || phase === "connecting") spokenAnswer = "";
      announce(phase === "failed" ? `The run failed. ${run?.failure}` : SPOKEN[phase]);
    },
  };
}
