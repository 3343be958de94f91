// What is known of the newest publications: when each lane had each of them, and what lanes had cost by then. Fixed memory
// however long a run lasts and however fast it publishes. Pure.

/** At 200 a second these are five seconds of publications, at 4 a second four minutes. */
export const KEPT = 1000;

/** How late, ms; when it was received, and since when it may have been waiting for that, performance.now(). @typedef {{delayMs: number, atMs: number, sinceMs: number}} Arrival */

/** @typedef {{firstMs: number, arrivals: Map<string, Arrival>}} Kept  by lane; firstMs: performance.now() at which the first one had it */

/** What decides whether a publication can be shown. @typedef {{lanes: string[], nowMs: number, patienceMs: number, counts: (number: number) => boolean}} Rules */

export class RaceBook {
  /** By number. @type {Map<number, Kept>} */
  #kept = new Map();
  /** Largest number that came. */
  #newest = 0;

  /** @param {string} lane @param {number} number  of the publication @param {Arrival} arrival */
  take(lane, number, arrival) {
    this.#newest = Math.max(this.#newest, number);
    if (number <= this.#newest - KEPT) return;
    const kept = this.#kept.get(number) ?? { firstMs: arrival.atMs, arrivals: new Map() };
    kept.firstMs = Math.min(kept.firstMs, arrival.atMs);
    kept.arrivals.set(lane, arrival);
    this.#kept.set(number, kept);
    // Oldest in, oldest out; those that came out of order go a little later.
    for (const old of this.#kept.keys()) {
      if (this.#kept.size <= KEPT) break;
      this.#kept.delete(old);
    }
  }

  /** By lane. @param {number} number @returns {ReadonlyMap<string, Arrival>} */
  arrivals(number) {
    return this.#kept.get(number)?.arrivals ?? new Map();
  }

  /**
   * Whether a publication can be shown: it counts, and all lanes have it; or patience is over, in time or because half of
   * what is kept has come since.
   * @param {number} number @param {Rules} rules
   */
  isOver(number, { lanes, nowMs, patienceMs, counts }) {
    const kept = this.#kept.get(number);
    if (kept === undefined || !counts(number)) return false;
    return lanes.every((lane) => kept.arrivals.has(lane)) || nowMs - kept.firstMs >= patienceMs || this.#newest - number >= KEPT / 2;
  }

  /** The newest that can be shown and is newer than `after`. @param {Rules} rules @returns {number|null} */
  newest(rules, after = 0) {
    return this.#seek(this.#newest, -1, after + 1, rules);
  }

  /** The next one that can be shown, in one direction. @param {number} from @param {1|-1} step @param {Rules} rules @returns {number|null} */
  beside(from, step, rules) {
    return this.#seek(from + step, step, step > 0 ? this.#newest : this.#newest - KEPT + 1, rules);
  }

  /** @param {number} from @param {1|-1} step @param {number} to  inclusive @param {Rules} rules */
  #seek(from, step, to, rules) {
    for (let number = from; step > 0 ? number <= to : number >= Math.max(1, to); number += step) {
      if (this.isOver(number, rules)) return number;
    }
    return null;
  }

  clear() {
    this.#kept.clear();
    this.#newest = 0;
  }
}

/** What lanes had cost when a publication had come: as counted the first time after it, so that it stays what it was. */
export class CostBook {
  /** By number, the newest KEPT. @type {Map<number, ReadonlyMap<string, number>>} */
  #kept = new Map();
  /** Came since the last counting. @type {Set<number>} */
  #waiting = new Set();
  /** @type {ReadonlyMap<string, number>|undefined} */
  #newest;
  /** @type {unknown} */
  #counting = null;

  /** @param {number} number  of a publication that came */
  awaits(number) {
    if (!this.#kept.has(number) && this.#waiting.size < KEPT) this.#waiting.add(number);
  }

  /** @param {unknown} counting  another one each time @param {() => ReadonlyMap<string, number>} costs  bytes by lane; empty before anything is counted */
  read(counting, costs) {
    if (counting === this.#counting) return;
    this.#counting = counting;
    const now = costs();
    if (now.size === 0) return;
    this.#newest = now;
    for (const number of this.#waiting) this.#kept.set(number, now);
    this.#waiting.clear();
    for (const old of this.#kept.keys()) {
      if (this.#kept.size <= KEPT) break;
      this.#kept.delete(old);
    }
  }

  /** By lane; of one that was not counted yet, the newest there is. @param {number} number */
  at(number) {
    return this.#kept.get(number) ?? this.#newest;
  }

  clear() {
    this.#kept.clear();
    this.#waiting.clear();
    this.#newest = undefined;
    this.#counting = null;
  }
}
