// What should have arrived. All rows listen to the same channel, and every publication has a number in its data
// that grows by one without gaps; so whatever any row has seen tells what the others still owe. The number is in
// the data because rows whose protocol has no positions are compared, too. A run is measured in stretches: a stretch
// begins when a warm-up ends and ends when the run is paused, and a publication belongs to it by its
// intended instant on the server's clock, never by when it happened to arrive. Pure: no page, no network, no clock.

import { instantInData } from "../instant.js";

/** Publications whose instant may be waited for; past that the oldest is given up. */
const WAITING_MAX = 10_000;

/**
 * @typedef {object} Known       what a publication is known by, whichever row brought it
 * @property {number} number       from 1, growing by one over the whole run
 * @property {number} intended_us  NaN where neither data nor protocol says it, and no other row has said it yet
 *
 * @typedef {object} Stretch
 * @property {number} fromUs   intended instants from here on count
 * @property {number} untilUs  up to here, exclusive; Infinity while it goes on
 * @property {number|null} first  smallest number known to belong to it
 * @property {number|null} last   largest number known to belong to it
 */

export class Ledger {
  constructor() {
    /** @type {Stretch[]} */
    this.stretches = [];
    /** When a number was first seen on any row (ms on performance.now()), by number. @type {number[]} */
    this.firstSeenMs = [];
    /** Latest intended instant seen on any row. */
    this.latestUs = 0;
    /** Each source counts from 1: the instant it began, and the largest number before it. @type {{fromUs: number, base: number}[]} */
    this.sources = [];
    /** Intended instants, by number. @type {number[]} */
    this.intendedUs = [];
    /** Who waits for an instant, by number. @type {Map<number, ((intendedUs: number) => void)[]>} */
    this.waiting = new Map();
  }

  /** A source begins to publish on the channel. @param {number} nowUs  on the server's clock */
  sourceBegins(nowUs) {
    this.sources.push({ fromUs: nowUs, base: Math.max(0, this.firstSeenMs.length - 1) });
  }

  /**
   * What a publication is known by; null for what no source of this run published. The number is in its data, and
   * so is the instant where the data has room for it; else the instant is the protocol's, if that says one.
   * @param {{data: unknown, intended_us: number}} publication
   * @returns {Known|null}
   */
  identify({ data, intended_us: told }) {
    const { n } = /** @type {{n?: unknown}} */ (data ?? {});
    if (typeof n !== "number" || !Number.isInteger(n) || n < 1) return null;
    const inData = instantInData(data);
    const intendedUs = Number.isNaN(inData) ? told : inData;
    // What comes late from before a pause belongs to the source before.
    const source = this.sources.findLast(({ fromUs }) => !(intendedUs < fromUs)) ?? this.sources[0];
    const number = (source?.base ?? 0) + n;
    return { number, intended_us: Number.isNaN(intendedUs) ? this.intendedUs[number] ?? NaN : intendedUs };
  }

  /** Calls back with a publication's instant as soon as any row says it. @param {number} number @param {(intendedUs: number) => void} then */
  whenIntended(number, then) {
    const [oldest] = this.waiting.keys();
    if (this.waiting.size >= WAITING_MAX && oldest !== undefined) this.waiting.delete(oldest);
    this.waiting.set(number, [...(this.waiting.get(number) ?? []), then]);
  }

  /**
   * Opens a stretch. While the reading that names the instant was on its way here, a fast lane may have brought
   * publications from after it, as warm-up; a slow lane would bring the same ones as measured. So the stretch
   * begins behind everything seen so far, for all lanes alike.
   * @param {number} fromUs
   */
  open(fromUs) {
    this.stretches.push({ fromUs: Math.max(fromUs, this.latestUs + 1), untilUs: Infinity, first: null, last: null });
  }

  /** Closes the open stretch. @param {number} untilUs */
  close(untilUs) {
    const open = this.stretches.at(-1);
    if (open && open.untilUs === Infinity) open.untilUs = untilUs;
  }

  /**
   * Notes one arrival on any row. Its instant must be known.
   * @param {Known} publication
   * @param {number} nowMs
   * @returns {boolean} whether it is measured: false in a warm-up and in a pause
   */
  note({ number, intended_us }, nowMs) {
    this.firstSeenMs[number] ??= nowMs;
    this.latestUs = Math.max(this.latestUs, intended_us);
    if (this.intendedUs[number] === undefined) {
      this.intendedUs[number] = intended_us;
      const waiting = this.waiting.get(number) ?? [];
      this.waiting.delete(number);
      for (const then of waiting) then(intended_us);
    }
    const stretch = this.stretches.find((s) => intended_us >= s.fromUs && intended_us < s.untilUs);
    if (!stretch) return false;
    stretch.first = Math.min(stretch.first ?? Infinity, number);
    stretch.last = Math.max(stretch.last ?? -Infinity, number);
    return true;
  }

  /** @param {number} number @returns {boolean} whether it lies in a measured stretch */
  measures(number) {
    return this.stretches.some((s) => s.first !== null && s.last !== null && number >= s.first && number <= s.last);
  }

  /** Publications that every row should have delivered by the end. */
  expected() {
    return this.stretches.reduce((sum, s) => sum + (s.first === null || s.last === null ? 0 : s.last - s.first + 1), 0);
  }
}
