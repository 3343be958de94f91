// What this page was busy with when something came. A page receives one thing after another: what came while it drew, or
// took in another arrival, waits for that, and in which order such things came nobody can tell. Pure.

/** What begins within so long after something else, ms, was waiting for it, as far as a page can know. */
const AT_ONCE_MS = 0.5;
/** Long tasks that are kept; arrivals are asked about soon after they came. */
const LONG_MAX = 100;

export class Busy {
  /** The newest stretch without a break. */
  #fromMs = -Infinity;
  #untilMs = -Infinity;
  /** Stretches that the browser tells of afterwards. @type {{fromMs: number, untilMs: number}[]} */
  #long = [];

  /** Something was done. @param {number} fromMs @param {number} untilMs  performance.now() */
  during(fromMs, untilMs) {
    if (fromMs - this.#untilMs > AT_ONCE_MS) this.#fromMs = fromMs;
    else this.#fromMs = Math.min(this.#fromMs, fromMs);
    this.#untilMs = Math.max(this.#untilMs, untilMs);
  }

  /** A task that the browser calls long. @param {number} fromMs @param {number} untilMs */
  longTask(fromMs, untilMs) {
    this.#long.push({ fromMs, untilMs });
    if (this.#long.length > LONG_MAX) this.#long.shift();
  }

  /** Since when what is received now may have been waiting; now, where nothing was in its way. @param {number} nowMs */
  waitingSince(nowMs) {
    return nowMs - this.#untilMs > AT_ONCE_MS ? nowMs : Math.min(nowMs, this.#fromMs);
  }

  /** The same, with what the browser has told since. @param {number} sinceMs */
  reaching(sinceMs) {
    const before = this.#long.find(({ fromMs, untilMs }) => sinceMs >= fromMs && sinceMs - untilMs <= AT_ONCE_MS);
    return before === undefined ? sinceMs : before.fromMs;
  }
}
