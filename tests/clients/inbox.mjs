// Waiting for what a client hears, by event and never by sleeping.
//
// `inbox` gathers callbacks in order; `until` resolves as soon as what has come satisfies the
// test, or rejects after the deadline with all that came, so that a failure reads by itself.

export const DEADLINE_MS = 60_000;

/**
 * @template T
 * @param {string} what  named when nothing comes
 */
export function inbox(what) {
  /** @type {T[]} */
  const items = [];
  const waiting = new Set();
  const push = (item) => {
    items.push(item);
    for (const check of waiting) check();
  };

  /**
   * @param {number | ((items: T[]) => unknown)} enough  a count, or a test of all that has come
   * @returns {Promise<T[]>}
   */
  const until = (enough, deadlineMs = DEADLINE_MS) => {
    const isEnough = typeof enough === "number" ? () => items.length >= enough : () => enough(items);
    return new Promise((resolve, reject) => {
      const settle = (outcome, value) => {
        clearTimeout(late);
        waiting.delete(check);
        outcome(value);
      };
      const check = () => {
        if (isEnough()) settle(resolve, [...items]);
      };
      const late = setTimeout(() => {
        settle(reject, new Error(`${what}: waited ${deadlineMs} ms; so far ${JSON.stringify(items)}`));
      }, deadlineMs);
      waiting.add(check);
      check();
    });
  };

  /** The next one, and what it was. @returns {Promise<T>} */
  const first = async () => (await until(1))[0];

  return { items, push, until, first };
}

/** The next `event` of something with pusher-js' `bind`. @returns {Promise<any>} */
export function heard(bindable, event, what = event) {
  const box = inbox(what);
  bindable.bind(event, box.push);
  return box.first();
}
