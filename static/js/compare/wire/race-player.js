// What the race does with time: which publication is on its way, how far it is, and what comes after it. One at a time:
// when it is free, it takes the newest there is, so it never falls behind. Pure.

/** A race that is over stays for so long, ms, before the next one begins. */
const STAYS_MS = 2500;
/** A frame that took longer moves nothing by more than this, ms: a tab that rested goes on where it was. */
const FRAME_MAX_MS = 100;

export class RacePlayer {
  /** Which publication; null: none yet. @type {number|null} */
  number = null;
  /** Time since it happened, ms, as it was. */
  atMs = 0;
  /** Dots are on their way, or would be, if somebody looked. */
  isMoving = false;
  /** The newest publication comes next, without being asked. */
  follows = true;
  /** It was seen to its end, so that its end may be told. */
  isOver = false;
  /** How many times slower than it was. */
  factor = 10;
  #overMs = 0;

  /** Something is going on that Pause would end. */
  get isOn() {
    return this.isMoving || this.follows;
  }

  /** Lets one go. @param {number} number */
  begin(number) {
    this.number = number;
    this.atMs = 0;
    this.isMoving = true;
    this.isOver = false;
  }

  /** Somebody chose this one: it runs, and then stays. @param {number} number */
  choose(number) {
    this.begin(number);
    this.follows = false;
  }

  /** Shows it as it ended, without motion. @param {number} number */
  show(number) {
    this.number = number;
    this.atMs = Infinity;
    this.isMoving = false;
    this.isOver = true;
    this.follows = false;
  }

  /** @param {number} endMs  of the present race */
  play(endMs) {
    this.follows = true;
    if (this.number !== null && !this.isOver && this.atMs < endMs) this.isMoving = true;
    else this.#overMs = -Infinity;
  }

  pause() {
    this.follows = false;
    this.isMoving = false;
  }

  /**
   * Time goes on. @param {number} frameMs  since the frame before @param {number} endMs  of the present race @param {number} nowMs
   * @returns {boolean} whether it came to its end
   */
  tick(frameMs, endMs, nowMs) {
    if (!this.isMoving) return false;
    this.atMs = Math.min(endMs, this.atMs + Math.min(Math.max(0, frameMs), FRAME_MAX_MS) / this.factor);
    if (this.atMs < endMs) return false;
    this.isMoving = false;
    this.isOver = true;
    this.#overMs = nowMs;
    return true;
  }

  /** Whether the next one may begin. @param {number} nowMs */
  isFree(nowMs) {
    return this.follows && !this.isMoving && (this.number === null || nowMs - this.#overMs >= STAYS_MS);
  }

  /** A new run begins. */
  forget() {
    this.number = null;
    this.atMs = 0;
    this.isMoving = this.isOver = false;
    this.follows = true;
  }
}
