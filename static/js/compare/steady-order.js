// When rows may change places: an order that the figures gave several times in a row holds; one that flickers does not,
// or rows would jump under somebody's eyes. Pure.

const TIMES = 3;

export class SteadyOrder {
  /** What was offered last, and how often in a row. @type {string[]} */
  #offered = [];
  #times = 0;

  /**
   * @param {string[]} order  as the figures have it now
   * @param {string[]} shown  as it stands
   * @returns {boolean} whether rows should take it now
   */
  offer(order, shown) {
    this.#times = same(order, this.#offered) ? this.#times + 1 : 1;
    this.#offered = order;
    return this.#times >= TIMES && !same(order, shown);
  }

  forget() {
    this.#offered = [];
    this.#times = 0;
  }
}

/** @param {string[]} one @param {string[]} other */
function same(one, other) {
  return one.length === other.length && one.every((name, i) => other[i] === name);
}
