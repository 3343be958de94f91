// A ring buffer of rows of numbers with a time in front: what a strip draws from.
// Fixed memory however long the page stays open; NaN means "no value" and is drawn as a gap.

/** Times in s, then one list of values a line, null for gaps. @typedef {[number[], ...(number|null)[][]]} Columns */

export class Ring {
  /**
   * @param {number} capacity  rows kept; the oldest is overwritten
   * @param {number} columns   values per row, without the time
   */
  constructor(capacity, columns) {
    this.capacity = capacity;
    this.times = new Float64Array(capacity);
    this.values = Array.from({ length: columns }, () => new Float64Array(capacity));
    this.next = 0;
    this.length = 0;
  }

  /** Appends one row. @param {number} timeS  seconds, not smaller than the one before  @param {number[]} row */
  push(timeS, row) {
    this.times[this.next] = timeS;
    for (let i = 0; i < this.values.length; i += 1) this.values[i][this.next] = row[i] ?? NaN;
    this.next = (this.next + 1) % this.capacity;
    this.length = Math.min(this.length + 1, this.capacity);
  }

  /** Forgets everything. */
  clear() {
    this.next = 0;
    this.length = 0;
  }

  /** Newest row as [time, ...values], or null. */
  last() {
    if (this.length === 0) return null;
    const at = (this.next - 1 + this.capacity) % this.capacity;
    return [this.times[at], ...this.values.map((column) => column[at])];
  }

  /**
   * Rows not older than `sinceS`, oldest first, as uPlot wants them.
   * @param {number} sinceS
   * @returns {Columns}
   */
  since(sinceS) {
    /** @type {number[]} */
    const times = [];
    /** @type {(number|null)[][]} */
    const columns = this.values.map(() => []);
    for (let k = 0; k < this.length; k += 1) {
      const at = (this.next - this.length + k + this.capacity) % this.capacity;
      if (this.times[at] < sinceS) continue;
      times.push(this.times[at]);
      this.values.forEach((column, i) => columns[i].push(Number.isNaN(column[at]) ? null : column[at]));
    }
    return [times, ...columns];
  }
}
