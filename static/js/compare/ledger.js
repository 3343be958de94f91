// What should have arrived. All lanes listen to the same channel, whose offsets grow by one without gaps;
// so whatever any lane has seen tells what the others still owe. A run is measured in stretches: a stretch
// begins when a warm-up ends and ends when the run is paused, and a publication belongs to it by its
// intended instant on the server's clock, never by when it happened to arrive. Pure: no page, no network, no clock.

/**
 * @typedef {object} Stretch
 * @property {number} fromUs   intended instants from here on count
 * @property {number} untilUs  up to here, exclusive; Infinity while it goes on
 * @property {number|null} first  smallest offset known to belong to it
 * @property {number|null} last   largest offset known to belong to it
 */

export class Ledger {
  constructor() {
    /** @type {Stretch[]} */
    this.stretches = [];
    /** When an offset was first seen on any lane (ms on performance.now()), by offset. @type {number[]} */
    this.firstSeenMs = [];
    /** Latest intended instant seen on any lane. */
    this.latestUs = 0;
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
   * Notes one arrival on any lane.
   * @param {{offset: number, intended_us: number}} publication
   * @param {number} nowMs
   * @returns {boolean} whether it is measured: false in a warm-up and in a pause
   */
  note(publication, nowMs) {
    this.firstSeenMs[publication.offset] ??= nowMs;
    this.latestUs = Math.max(this.latestUs, publication.intended_us);
    const stretch = this.stretches.find((s) => publication.intended_us >= s.fromUs && publication.intended_us < s.untilUs);
    if (!stretch) return false;
    stretch.first = Math.min(stretch.first ?? Infinity, publication.offset);
    stretch.last = Math.max(stretch.last ?? -Infinity, publication.offset);
    return true;
  }

  /** @param {number} offset @returns {boolean} whether this offset lies in a measured stretch */
  measures(offset) {
    return this.stretches.some((s) => s.first !== null && s.last !== null && offset >= s.first && offset <= s.last);
  }

  /** Publications that every lane should have delivered by the end. */
  expected() {
    return this.stretches.reduce((sum, s) => sum + (s.first === null || s.last === null ? 0 : s.last - s.first + 1), 0);
  }
}
