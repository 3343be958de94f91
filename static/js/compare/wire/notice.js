// What a panel of the wire says when it has nothing to draw, or only what was: one sentence and at most one button. Pure.

/** What each view draws. @type {Record<string, string>} */
const DRAWS = {
  race: "The race shows one event on its way to every lane at once, ten times slower than it was.",
  sequence: "The sequence shows every question and answer of this page's own connections, as they happen.",
  bytes: "The bytes of one exchange stand here, each with who put it there and why.",
};
/** Views that are drawn from copied bytes. */
export const NEED_TAP = ["sequence", "bytes"];

/**
 * @param {string} view
 * @param {import("../run.js").Phase} phase
 * @param {import("./tap-keeper.js").TapState} state
 * @param {string} why  of a tap that was refused or has ended
 * @returns {{text: string, button: ""|"Start"|"Start again with the bytes kept", tone: ""|"warn"}}  no text: there is nothing to say
 */
export function noticeOf(view, phase, state, why) {
  const again = "Start again with the bytes kept";
  if (phase === "ready") return { text: `${DRAWS[view]} Press Start.`, button: "Start", tone: "" };
  if (!NEED_TAP.includes(view)) return { text: "", button: "", tone: "" };
  // A run that has failed has its own button, above.
  const button = phase === "failed" ? "" : again;
  switch (state) {
    case "silent": return { text: `${why} What is shown is from before.`, button: "", tone: "warn" };
    case "kept": return { text: "", button: "", tone: "" };
    case "refused": return { text: `The lab keeps no bytes of this run: ${why} The run itself goes on; start again later.`, button, tone: "warn" };
    case "ended": return { text: `The lab keeps the bytes of this run no more: ${why} What is shown is from before.${button === "" ? "" : " Start again for new ones."}`, button, tone: "warn" };
    default: return { text: "The lab keeps the bytes of a run only where it is asked to at Start, and this run began without. From the next Start on, this browser asks.", button, tone: "" };
  }
}
