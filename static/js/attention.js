// Since when this page has been looked at without a pause. A tab in the background is slowed down or frozen by its
// browser, and a machine sleeps: what was on its way meanwhile is late for that reason and not for its transport's, so
// it is no delay that others should be shown.

const BEAT_MS = 250;
const STOOD_STILL_MS = 1500; // between two beats

/** Pure: instants are parameters, ms by performance.now(). */
export class Attention {
  /** @param {number} nowMs @param {boolean} hidden */
  constructor(nowMs, hidden) {
    this.sinceMs = nowMs;
    this.beatMs = nowMs;
    this.hidden = hidden;
  }

  /** @param {number} nowMs @param {boolean} hidden */
  beat(nowMs, hidden) {
    if (hidden || this.hidden || nowMs - this.beatMs > STOOD_STILL_MS) this.sinceMs = nowMs;
    this.beatMs = nowMs;
    this.hidden = hidden;
  }

  /** Whether it was looked at all the time since an instant. @param {number} fromMs @param {number} nowMs @param {boolean} hidden */
  held(fromMs, nowMs, hidden) {
    this.beat(nowMs, hidden);
    return !hidden && fromMs >= this.sinceMs;
  }
}

/** @returns {(delayUs: number) => boolean} whether this page was looked at for all of a delay that ends now */
export function startAttention() {
  const attention = new Attention(performance.now(), document.hidden);
  const beat = () => attention.beat(performance.now(), document.hidden);
  setInterval(beat, BEAT_MS);
  document.addEventListener("visibilitychange", beat);
  return (delayUs) => attention.held(performance.now() - delayUs / 1000, performance.now(), document.hidden);
}
