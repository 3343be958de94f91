// The one axis of the stage: how long after it happened something arrived, logarithmic, the same for every lane. It
// grows while a run lasts and never shrinks, so that marks do not swim. Pure.

import { axisDuration } from "../charts/format.js";

/** Below this the clock says nothing: performance.now() has a resolution of 0.1 ms. */
const FLOOR_MS = 0.1;
/** Where it starts: from what a local stream takes to what a slow poll does. @type {[number, number]} */
const START = [1, 1000];

export class DelayAxis {
  /** ms at the two ends, powers of ten. @type {[number, number]} */
  range = START;

  /** Takes in a delay. @param {number} ms @returns {boolean} whether the axis had to grow */
  take(ms) {
    const [low, high] = this.range;
    if (ms >= low && ms <= high) return false;
    const bottom = Math.min(low, 10 ** Math.floor(Math.log10(Math.max(FLOOR_MS, ms))));
    const top = Math.max(high, 10 ** Math.ceil(Math.log10(Math.max(FLOOR_MS, ms))));
    this.range = [bottom, top];
    return bottom !== low || top !== high;
  }

  /** Where a delay stands, 0 to 1 from the axis's beginning. @param {number} ms */
  at(ms) {
    const [low, high] = this.range;
    return Math.log(Math.min(high, Math.max(low, ms)) / low) / Math.log(high / low);
  }

  /** Powers of ten in it. @returns {{ms: number, label: string}[]} */
  marks() {
    const [low, high] = this.range;
    const powers = Math.round(Math.log10(high / low));
    return Array.from({ length: powers + 1 }, (_, i) => low * 10 ** i).map((ms) => ({ ms, label: axisDuration(ms) }));
  }

  reset() {
    this.range = START;
  }
}
