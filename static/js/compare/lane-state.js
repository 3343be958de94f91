// One row of a run: its client, what it has received, and how late. All of them share the ledger (what
// was published), the clock and the measurement; nothing else, and no lane waits for another.

import { eachForItself } from "../strangers.js";
import { rowTransport } from "../transports/index.js";
import { Tally } from "./tally.js";

/**
 * What strips are drawn from: over time, and the newest one by one.
 * @typedef {object} Marks
 * @property {import("../charts/range-buckets.js").RangeBuckets} measured   ms by performance time in s
 * @property {import("../charts/range-buckets.js").RangeBuckets} discarded  the same of a warm-up
 * @property {import("./arrivals.js").Arrivals} recent
 */

/**
 * A publication came: its number, how many ms after it happened (null while nobody knows when that was; then once more when somebody
 * does; null, too, for one that does not count), and when (performance.now()).
 * @callback Arrived
 * @param {LaneState} lane
 * @param {number} number
 * @param {number|null} delayMs
 * @param {number} atMs
 */

/** Of a warm-up; more of them would teach nothing new. */
const WARM_UP_KEPT = 200;

/** A lane's marks; the page makes them for every lane. @param {Map<string, Marks>} marks @param {string} lane */
export function marksOf(marks, lane) {
  const found = marks.get(lane);
  if (found === undefined) throw new Error(`there are no marks for the lane "${lane}"`);
  return found;
}

export class LaneState {
  /**
   * @param {import("../lab.js").ComparedRow} lane
   * @param {{clock: import("../clock.js").Clock, measure: import("../measure.js").Measure, ledger: import("./ledger.js").Ledger}} shared
   * @param {Marks} marks
   */
  constructor(lane, shared, marks) {
    this.lane = lane;
    this.shared = shared;
    this.tally = new Tally(shared.ledger);
    this.marks = marks;
    /** Newest number received, to be painted. */
    this.latest = 0;
    /** @type {import("../transports/index.js").State} */
    this.state = "connecting";
    this.reconnects = 0;
    /** Whether it was ever open. */
    this.opened = false;
    /** Whether its figures are of this run: not those of one that was still closed when measuring began, for what it was never sent is not lost. */
    this.takesPart = true;
    /** How late the newest of the warm-up were, ms: what server and browser take is learnt from them. @type {number[]} */
    this.warmUpMs = [];
    /** An attempt to open it failed, so the browser did get to ask. */
    this.refused = false;
    /** @type {import("../transports/index.js").Client|null} */
    this.client = null;
    this.closed = false;
  }

  /**
   * Connects; resolves when the lane is open for the first time.
   * @param {string} channel
   * @param {import("./settings.js").Settings} settings
   * @param {{onChange: () => void, onArrival: Arrived}} hooks
   */
  async open(channel, settings, { onChange, onArrival }) {
    const { connect } = await rowTransport(this.lane.lane);
    if (this.closed) return;
    await new Promise((resolve) => {
      const client = connect({
        url: this.lane.url,
        channel,
        demo: "compare",
        pollIntervalMs: settings.poll_interval_ms,
        holdMs: settings.hold_ms,
        onState: (state) => {
          this.state = state;
          if (state === "reconnecting") this.reconnects += 1;
          if (!this.opened && (state === "reconnecting" || state === "closed")) this.refused = true;
          if (state === "open") {
            this.opened = true;
            resolve(undefined);
          }
          onChange();
        },
      });
      client.onPublication(eachForItself((publication) => {
        this.#receive(publication, (number, delayMs, atMs) => onArrival(this, number, delayMs, atMs));
      }));
      this.client = client;
    });
  }

  /** It came after measuring had begun. */
  get openedLate() {
    return this.opened && !this.takesPart;
  }

  /** Its way of listening holds one of the browser's HTTP connections: what is sent by requests of its own is received by others. */
  get holdsConnection() {
    return this.lane.sending === "own_request";
  }

  /** Measuring begins: who is not there by now is left out of this run. */
  settleWhoTakesPart() {
    if (!this.opened) this.takesPart = false;
  }

  /** @param {import("../transports/index.js").Publication} publication @param {(number: number, delayMs: number|null, atMs: number) => void} arrived */
  #receive(publication, arrived) {
    if (!this.takesPart) return;
    const nowMs = performance.now();
    const known = this.shared.ledger.identify(publication);
    if (known === null) return;
    this.latest = Math.max(this.latest, known.number);
    if (!Number.isNaN(known.intended_us)) return arrived(known.number, this.#take(known, nowMs), nowMs);
    // Neither its data nor its protocol says when it was meant: another row will.
    this.shared.ledger.whenIntended(known.number, (intended_us) => arrived(known.number, this.#take({ ...known, intended_us }, nowMs), nowMs));
    arrived(known.number, null, nowMs);
  }

  /** @param {import("./ledger.js").Known} known @param {number} nowMs  when it came @returns {number|null} ms after it happened; null when it came before */
  #take(known, nowMs) {
    const { clock, measure, ledger } = this.shared;
    const measured = ledger.note(known, nowMs);
    if (!this.tally.add(known, measured)) return null;
    const delayMs = (clock.at(nowMs) - known.intended_us) / 1000;
    if (!measured && ledger.stretches.length === 0) this.#noteWarmUp(delayMs);
    (measured ? this.marks.measured : this.marks.discarded).add(nowMs / 1000, delayMs);
    this.marks.recent.add(delayMs, known.number, nowMs, measured);
    // Warm-up and pause are kept out of the histograms, and out of what is reported to the server, too.
    if (measured) measure.observe(this.lane.lane, { intended_us: known.intended_us, published_us: known.intended_us }, nowMs);
    return delayMs;
  }

  /** @param {number} delayMs */
  #noteWarmUp(delayMs) {
    if (this.warmUpMs.length === WARM_UP_KEPT) this.warmUpMs.shift();
    this.warmUpMs.push(delayMs);
  }

  close() {
    this.closed = true;
    this.client?.close();
  }
}
