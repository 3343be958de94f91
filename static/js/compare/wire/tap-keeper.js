// The tap of the present run, if it has one: opened before the run because the run goes on the tap's channel, and given
// back with it. Says in which state it is, for the panels' notices (notice.js).

import { openTap } from "./tap.js";

/** silent: the lab does not answer. @typedef {"none"|"kept"|"silent"|"refused"|"ended"} TapState */

export class TapKeeper {
  /** @type {TapState} */
  state = "none";
  /** Why it was refused or ended, in the server's words. */
  why = "";
  /** Also after it has ended: what it had told is still worth looking at. @type {import("./tap.js").Tap|null} */
  tap = null;
  #serial = 0;
  #isWatched = false;

  /** @param {() => void} changed */
  constructor(changed) {
    this.changed = changed;
  }

  /** A tap for a new run; null when the lab has none to give. @returns {Promise<import("./tap.js").Tap|null>} */
  async open() {
    this.close();
    const serial = this.#serial;
    try {
      const tap = await openTap();
      if (serial !== this.#serial) {
        tap.close();
        return null;
      }
      tap.onEnd(({ ended }) => { if (this.tap === tap) this.#set("ended", ended); });
      tap.onSilence(() => {
        if (this.tap === tap) this.#set(tap.silentS() > 0 ? "silent" : "kept", tap.silentS() > 0 ? `The lab has not answered for ${tap.silentS()} s.` : "");
      });
      tap.watch(this.#isWatched);
      this.tap = tap;
      this.#set("kept", "");
      return tap;
    } catch (error) {
      if (serial === this.#serial) this.#set("refused", error instanceof Error ? error.message : String(error));
      return null;
    }
  }

  /** @param {boolean} isWatched  a tab is shown that draws what it tells */
  watch(isWatched) {
    this.#isWatched = isWatched;
    this.tap?.watch(isWatched);
  }

  close() {
    this.#serial += 1;
    this.tap?.close();
    this.tap = null;
    this.#set("none", "");
  }

  /** @param {TapState} state @param {string} why */
  #set(state, why) {
    this.state = state;
    this.why = why;
    this.changed();
  }
}
