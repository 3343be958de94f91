// The instant at the sequence's lower edge, µs of the server's clock. It moves as fast as time, ten times slower, or not
// at all. It can be put back as far as messages are kept (a minute at most), and stepped from exchange to exchange.
// At the far end of what is kept, nothing newer is taken in (frozen), or what is looked at would be thrown away; the
// button "Newest" ends that. Pure.

/** What is younger may still be on its way to this page, or to be told by the lab. */
export const BEHIND_US = 1_200_000;
const KEPT_US = 60e6;
export const SLOWER = 10;

export class Playhead {
  /** NaN while there is nothing. */
  headUs = NaN;
  isSlow = false;
  /** Nothing newer is taken in. */
  isFrozen = false;
  /** Somebody has put it where it is. */
  isHeld = false;
  /** How much is seen at once: that, too, has to be there still. */
  spanUs = 10e6;
  /** How much is kept: a minute, or less where messages are many. */
  keptUs = KEPT_US;
  #newestUs = NaN;

  /** @param {boolean} [still]  nothing moves by itself */
  constructor(still = false) {
    this.still = still;
    this.isPlaying = !still;
  }

  /** How far it goes back. */
  get reachUs() { return Math.max(0, this.keptUs - this.spanUs); }

  /** Seconds back from the newest. */
  get agoS() {
    return Number.isFinite(this.headUs) ? Math.max(0, (this.#newestUs - this.headUs) / 1e6) : 0;
  }

  /** It shows what is newest, and stays there. */
  get isLive() {
    return this.isPlaying && !this.isSlow && this.agoS < 0.5;
  }

  /**
   * @param {number} nowUs      on the server's clock, or the end of what there is
   * @param {number} elapsedUs  since the last call
   */
  tick(nowUs, elapsedUs) {
    if (!Number.isFinite(nowUs)) return;
    const newest = nowUs - BEHIND_US;
    if (Number.isNaN(this.headUs)) this.headUs = this.#newestUs = newest;
    if (this.isPlaying) this.headUs += elapsedUs / (this.isSlow ? SLOWER : 1);
    if (newest - this.headUs > this.reachUs + 1e6) this.isFrozen = true;
    else if (!this.isFrozen) this.#newestUs = Math.max(newest, this.#newestUs);
    this.#keepIn();
    if (this.isFrozen && this.headUs === this.#newestUs) this.isPlaying = false;
  }

  #keepIn() {
    this.headUs = Math.min(Math.max(this.headUs, this.#newestUs - this.reachUs), this.#newestUs);
  }

  pauseOrPlay() {
    this.isPlaying = !this.isPlaying;
    this.isHeld = !this.isPlaying;
  }
  pause() { this.isPlaying = false; }
  slowOrNot() { this.isSlow = !this.isSlow; }

  /** To what is newest; goes on from there unless nothing moves by itself. @param {number} nowUs */
  now(nowUs) {
    if (Number.isFinite(nowUs)) this.headUs = this.#newestUs = nowUs - BEHIND_US;
    this.isSlow = this.isFrozen = this.isHeld = false;
    this.isPlaying = !this.still;
  }

  /** @param {number} agoS */
  scrub(agoS) {
    this.isPlaying = false;
    this.isHeld = true;
    this.headUs = this.#newestUs - agoS * 1e6;
    this.#keepIn();
  }

  /**
   * To the end of the next exchange, or of the one before.
   * @param {number[]} endsUs  of all, ascending @param {1|-1} by
   * @returns {boolean}  whether there was one
   */
  step(endsUs, by) {
    this.isPlaying = false;
    this.isHeld = true;
    const to = by > 0 ? endsUs.find((us) => us > this.headUs + 1) : endsUs.findLast((us) => us < this.headUs - 1);
    if (to === undefined || (by < 0 && to < this.#newestUs - this.reachUs)) return false;
    this.headUs = to;
    this.#newestUs = Math.max(this.#newestUs, to);
    return true;
  }
}
