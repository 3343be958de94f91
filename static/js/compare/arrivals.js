// The newest arrivals of one lane, for the strip on the stage: how late each was, which publication, when it came, and
// whether it counted. Fixed memory however long a run lasts. Pure.

/** At 50 a second these are the last eight seconds; what came before is in the line from fastest to slowest. */
const KEPT = 400;

export class Arrivals {
  #delays = new Float64Array(KEPT);
  #numbers = new Float64Array(KEPT);
  #times = new Float64Array(KEPT);
  #measured = new Uint8Array(KEPT);
  #total = 0;

  /** @param {number} delayMs @param {number} number  of the publication @param {number} atMs  performance.now() @param {boolean} measured */
  add(delayMs, number, atMs, measured) {
    const slot = this.#total % KEPT;
    this.#delays[slot] = delayMs;
    this.#numbers[slot] = number;
    this.#times[slot] = atMs;
    this.#measured[slot] = Number(measured);
    this.#total += 1;
  }

  /** Oldest first. @param {(delayMs: number, number: number, atMs: number, measured: boolean) => void} see */
  each(see) {
    for (let i = Math.max(0, this.#total - KEPT); i < this.#total; i += 1) {
      const slot = i % KEPT;
      see(this.#delays[slot], this.#numbers[slot], this.#times[slot], this.#measured[slot] === 1);
    }
  }

  clear() {
    this.#total = 0;
  }
}
