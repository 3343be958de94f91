// Smallest and largest value per tenth of a second: a strip's memory for quantities that come up to
// 200 times a second on each of four lanes. Nothing is averaged: the slowest publication of a bucket
// stays visible as the top of its mark, the fastest as its bottom.

export const BUCKET_S = 0.1;

export class RangeBuckets {
  /** @param {number} seconds  how far back marks are kept */
  constructor(seconds) {
    this.capacity = Math.ceil(seconds / BUCKET_S) + 2;
    /** Bucket number of each slot; a slot whose number differs is from an earlier round. */
    this.numbers = new Float64Array(this.capacity).fill(-1);
    this.lows = new Float64Array(this.capacity);
    this.highs = new Float64Array(this.capacity);
  }

  clear() {
    this.numbers.fill(-1);
  }

  /** @param {number} timeS  seconds on performance.now()'s clock  @param {number} value */
  add(timeS, value) {
    const number = Math.floor(timeS / BUCKET_S);
    const slot = number % this.capacity;
    if (this.numbers[slot] !== number) {
      this.numbers[slot] = number;
      this.lows[slot] = value;
      this.highs[slot] = value;
      return;
    }
    if (value < this.lows[slot]) this.lows[slot] = value;
    if (value > this.highs[slot]) this.highs[slot] = value;
  }

  /**
   * Marks between two instants, oldest first: [times, lows, highs], as uPlot wants its columns.
   * @param {number} fromS @param {number} toS
   * @returns {[number[], number[], number[]]}
   */
  between(fromS, toS) {
    const times = [];
    const lows = [];
    const highs = [];
    const last = Math.floor(toS / BUCKET_S);
    const first = Math.max(0, Math.floor(fromS / BUCKET_S), last - this.capacity + 1);
    for (let number = first; number <= last; number += 1) {
      const slot = number % this.capacity;
      if (this.numbers[slot] !== number) continue;
      times.push((number + 0.5) * BUCKET_S);
      lows.push(this.lows[slot]);
      highs.push(this.highs[slot]);
    }
    return [times, lows, highs];
  }
}
