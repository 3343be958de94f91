// What did arrive on one lane, once and in order or not. Counts by offset: a repeated offset is a duplicate,
// an offset below one that came earlier is an order violation, and an offset that another lane showed more
// than a grace period ago and this lane has not is missing. Pure: no page, no network, no clock.

export class Tally {
  /** @param {import("./ledger.js").Ledger} ledger */
  constructor(ledger) {
    this.ledger = ledger;
    /** 1 = arrived, 2 = counted as missing, by offset. @type {number[]} */
    this.marks = [];
    this.highest = 0;
    this.checked = 0;
    this.delivered = 0;
    this.duplicates = 0;
    this.orderViolations = 0;
    this.missing = 0;
  }

  /**
   * @param {{offset: number}} publication
   * @param {boolean} measured  the ledger's word on it
   * @returns {boolean} whether it is the first time this lane delivers it
   */
  add({ offset }, measured) {
    const mark = this.marks[offset];
    if (mark === 1) {
      if (measured) this.duplicates += 1;
      return false;
    }
    if (mark === 2) this.missing -= 1; // late, not lost
    this.marks[offset] = 1;
    if (offset < this.highest && measured) this.orderViolations += 1;
    this.highest = Math.max(this.highest, offset);
    if (measured) this.delivered += 1;
    return true;
  }

  /**
   * Looks for what is overdue. Cheap: each offset is looked at once.
   * @param {number} nowMs  performance.now()
   * @param {number} graceMs  how long this lane may lag behind the fastest one
   */
  settle(nowMs, graceMs) {
    const seen = this.ledger.firstSeenMs;
    if (this.checked === 0) this.checked = firstKey(seen) - 1;
    while (this.checked + 1 < seen.length) {
      const offset = this.checked + 1;
      // An offset no lane has shown is judged by the next one that some lane did show.
      const since = seen[offset] ?? seen.slice(offset).find((ms) => ms !== undefined) ?? nowMs;
      if (nowMs - since < graceMs) return;
      if (this.marks[offset] !== 1 && this.ledger.measures(offset)) {
        this.marks[offset] = 2;
        this.missing += 1;
      }
      this.checked = offset;
    }
  }
}

/** Smallest index that holds something; 1 in an empty list. @param {number[]} list */
function firstKey(list) {
  const key = list.findIndex((value) => value !== undefined);
  return key < 0 ? 1 : key;
}
