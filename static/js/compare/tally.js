// What did arrive on one row, once and in order or not. Counts by number: a repeated number is a duplicate,
// a number below one that came earlier is an order violation, and a number that another row showed more
// than a grace period ago and this row has not is missing. Pure: no page, no network, no clock.

export class Tally {
  /** @param {import("./ledger.js").Ledger} ledger */
  constructor(ledger) {
    this.ledger = ledger;
    /** 1 = arrived, 2 = counted as missing, by number. @type {number[]} */
    this.marks = [];
    this.highest = 0;
    this.checked = 0;
    this.delivered = 0;
    this.duplicates = 0;
    this.orderViolations = 0;
    this.missing = 0;
  }

  /**
   * @param {{number: number}} publication
   * @param {boolean} measured  the ledger's word on it
   * @returns {boolean} whether it is the first time this row delivers it
   */
  add({ number }, measured) {
    const mark = this.marks[number];
    if (mark === 1) {
      if (measured) this.duplicates += 1;
      return false;
    }
    if (mark === 2) this.missing -= 1; // late, not lost
    this.marks[number] = 1;
    if (number < this.highest && measured) this.orderViolations += 1;
    this.highest = Math.max(this.highest, number);
    if (measured) this.delivered += 1;
    return true;
  }

  /**
   * Looks for what is overdue. Cheap: each number is looked at once.
   * @param {number} nowMs  performance.now()
   * @param {number} graceMs  how long this row may lag behind the fastest one
   */
  settle(nowMs, graceMs) {
    const seen = this.ledger.firstSeenMs;
    if (this.checked === 0) this.checked = firstKey(seen) - 1;
    while (this.checked + 1 < seen.length) {
      const number = this.checked + 1;
      // A number no row has shown is judged by the next one that some row did show.
      const since = seen[number] ?? seen.slice(number).find((ms) => ms !== undefined) ?? nowMs;
      if (nowMs - since < graceMs) return;
      if (this.marks[number] !== 1 && this.ledger.measures(number)) {
        this.marks[number] = 2;
        this.missing += 1;
      }
      this.checked = number;
    }
  }
}

/** Smallest index that holds something; 1 in an empty list. @param {number[]} list */
function firstKey(list) {
  const key = list.findIndex((value) => value !== undefined);
  return key < 0 ? 1 : key;
}
