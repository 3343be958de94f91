/*
  late.js: after a minute in which no phone has joined, the wall and the presenter's page say so, with the way to what
  helps (/join).
*/

import { LATE_MS, askReach, lateWords } from "../way-in.js";

const LOOK_MS = 10_000;

/** @param {(text: string) => void} say  "": somebody has */
export function watchLate(say) {
  let waits = ""; // the class that nobody has joined
  let sinceMs = 0;

  async function look() {
    const own = waits;
    if (own === "" || performance.now() - sinceMs < LATE_MS) return;
    const reach = await askReach().catch(() => null);
    if (reach === null || own !== waits) return;
    const { title, says } = lateWords(reach.reached);
    say(`${title}. ${says}`);
  }
  setInterval(() => void look(), LOOK_MS);

  return {
    /** @param {import("../state.js").ClassState|null} state */
    show(state) {
      const next = state !== null && state.joined === 0 ? state.class : "";
      if (next === waits) return;
      waits = next;
      sinceMs = performance.now();
      say("");
    },
  };
}
