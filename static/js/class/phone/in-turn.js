/*
  in-turn.js: a whole class behind one router joins with one address, and the lab lets so many in at once and the others
  one after the other (src/lab_api/class_room/budgets.rs). Nobody should have to press Join again for that.
*/

import { Refused, tell } from "./api.js";

/** Between two tries, ms: not all phones in step. */
const AGAIN_MS = 2000;
/** After so many the lab's own reason is shown. */
const TRIES_MAX = 60;

export const WAITS = "Many phones come in at once. This one is let in when it is its turn, usually within a minute.";

/**
 * Joins, and where too many phones do at once, waits for its turn.
 * @param {string} code
 * @param {() => void} onWait   it has to wait; called once
 * @param {{join?: (code: string) => Promise<{name: string}>, later?: (ms: number) => Promise<void>}} [by]
 */
export async function joinInTurn(code, onWait, { join = (given) => tell("join", { code: given }), later = sleep } = {}) {
  for (let tries = 1; ; tries++) {
    try {
      return await join(code);
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== "too_many_join" || tries >= TRIES_MAX) throw error;
      if (tries === 1) onWait();
      await later(AGAIN_MS * (1 + Math.random()));
    }
  }
}

/** @param {number} ms @returns {Promise<void>} */
const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
