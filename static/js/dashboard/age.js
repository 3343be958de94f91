// How old what is on the screen is, at every moment. Between two paints the age grows by one second per second;
// a paint with something newer makes it drop. So the age is a saw, and its mean and peak over a window can be
// told exactly from the paints alone. Pure: instants are parameters, µs on the server's clock.

/**
 * @typedef {object} Shown  one thing that stood on the screen
 * @property {number} intendedUs  when the schedule wanted it
 * @property {number} fromUs      painted
 * @property {number} untilUs     painted over; Infinity for what stands there now
 */

export class Age {
  /** @param {number} windowUs  how far back mean and peak look */
  constructor(windowUs) {
    this.windowUs = windowUs;
    /** @type {Shown[]} oldest first */
    this.shown = [];
  }

  /** Something new was painted. @param {number} intendedUs @param {number} nowUs */
  painted(intendedUs, nowUs) {
    const last = this.shown.at(-1);
    if (last) last.untilUs = nowUs;
    this.shown.push({ intendedUs, fromUs: nowUs, untilUs: Infinity });
    while (this.shown.length > 1 && this.shown[0].untilUs < nowUs - this.windowUs) this.shown.shift();
  }

  /** Age now. @param {number} nowUs @returns {number|null} µs; null while nothing was painted */
  now(nowUs) {
    const last = this.shown.at(-1);
    return last ? nowUs - last.intendedUs : null;
  }

  /**
   * Mean over time and largest value within the window.
   * @param {number} nowUs
   * @returns {{mean: number, peak: number}|null} µs
   */
  summary(nowUs) {
    let area = 0;
    let time = 0;
    let peak = -Infinity;
    for (const { intendedUs, fromUs, untilUs } of this.shown) {
      const from = Math.max(fromUs, nowUs - this.windowUs);
      const until = Math.min(untilUs, nowUs);
      if (until < from) continue;
      // A straight line from (from − intended) to (until − intended): its area is its middle times its length.
      area += ((from + until) / 2 - intendedUs) * (until - from);
      time += until - from;
      peak = Math.max(peak, until - intendedUs);
    }
    return time > 0 ? { mean: area / time, peak } : null;
  }
}
