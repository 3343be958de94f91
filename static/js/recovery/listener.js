// One of the three clients: connected, cut and connected again through the same four calls as everywhere, and an
// account of which numbers came as they happened, which after a cut, and which never.

import { eachForItself } from "../strangers.js";

/** @typedef {"live"|"late"|"lost"|"waiting"} Mark */
/** @typedef {import("../transports/index.js").ConnectOptions & import("../transports/index.js").LibraryOptions} Options */

const PATIENCE_MS = 2000; // a number that an open client has not got by then is lost

export class Listener {
  /**
   * @param {(options: Options) => import("../transports/index.js").Client} connect
   * @param {Options} options  of the client; what stays the same over all connections
   * @param {(state: string) => void} onState
   */
  constructor(connect, options, onState) {
    this.connect = connect;
    this.options = options;
    this.onState = onState;
    /** By number. @type {Map<number, Mark>} */
    this.marks = new Map();
    /** When a number was published, performance.now(). @type {Map<number, number>} */
    this.publishedMs = new Map();
    this.away = false;
    this.open = false;
    this.openedMs = NaN;
    /** Where the last connection stood; only the extension has it. @type {import("../transports/index.js").Position | null} */
    this.position = null;
    this.connections = 0;
    this.client = this.#begin();
  }

  #begin() {
    this.connections += 1;
    const mine = this.connections;
    const client = this.connect({
      ...this.options,
      position: this.position,
      onState: (/** @type {string} */ state) => {
        if (mine !== this.connections) return; // of a connection that was cut
        this.open = state === "open";
        if (this.open) this.openedMs = performance.now();
        this.onState(state);
      },
    });
    client.onPublication(eachForItself(({ data }) => { if (mine === this.connections) this.#take(data); }));
    return client;
  }

  /** @param {unknown} data  of the publisher: {"n": 12} */
  #take(data) {
    const { n = NaN } = /** @type {{n?: number}} */ (data ?? {});
    const publishedMs = this.publishedMs.get(n);
    if (publishedMs === undefined || this.marks.get(n) === "live" || this.marks.get(n) === "late") return; // seen before
    this.marks.set(n, this.#wasAwayAt(publishedMs) ? "late" : "live");
  }

  /** @param {number} ms */
  #wasAwayAt(ms) {
    return ms < this.openedMs;
  }

  /** @param {number} n  a number is on its way */
  expect(n) {
    this.publishedMs.set(n, performance.now());
    this.marks.set(n, "waiting");
  }

  /** @returns {number[]} numbers that had not arrived yet */
  cut() {
    this.away = true;
    this.open = false;
    this.position = this.client.position;
    this.connections += 1;
    this.client.close();
    this.onState("closed");
    return [...this.marks].filter(([, mark]) => mark === "waiting").map(([n]) => n);
  }

  restore() {
    this.away = false;
    this.client = this.#begin();
  }

  /** Whatever an open client still waits for in vain is lost. @param {number} nowMs */
  settle(nowMs) {
    if (!this.open) return;
    for (const [n, mark] of this.marks) {
      const since = Math.max(this.publishedMs.get(n) ?? 0, this.openedMs);
      if (mark === "waiting" && nowMs - since > PATIENCE_MS) this.marks.set(n, "lost");
    }
  }

  /** @param {Mark} mark */
  count(mark) {
    return [...this.marks.values()].filter((each) => each === mark).length;
  }

  forget() {
    this.marks.clear();
    this.publishedMs.clear();
  }
}
