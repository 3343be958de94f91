// Events per second over the last five seconds, counted in steps of a tenth. Pure: the instant is a parameter.

const STEP_MS = 100;
const STEPS = 50;

export class Rate {
  counts = new Uint32Array(STEPS);
  newest = 0;
  firstMs = NaN;

  /** @param {number} nowMs  performance.now() */
  #advance(nowMs) {
    const step = Math.floor(nowMs / STEP_MS);
    if (step - this.newest >= STEPS) this.counts.fill(0);
    else for (let s = this.newest + 1; s <= step; s += 1) this.counts[s % STEPS] = 0;
    this.newest = Math.max(this.newest, step);
  }

  /** @param {number} nowMs @param {number} [events] */
  add(nowMs, events = 1) {
    if (Number.isNaN(this.firstMs)) this.firstMs = nowMs;
    this.#advance(nowMs);
    this.counts[this.newest % STEPS] += events;
  }

  /** @param {number} nowMs @returns {number|null} null before there is a second to look back on */
  perSecond(nowMs) {
    if (Number.isNaN(this.firstMs) || nowMs - this.firstMs < 1000) return null;
    this.#advance(nowMs);
    const sum = this.counts.reduce((a, b) => a + b, 0);
    return (sum * 1000) / Math.min(STEPS * STEP_MS, nowMs - this.firstMs);
  }
}
