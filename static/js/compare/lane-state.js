// One row of a run: its client, what it has received, and how late. All of them share the ledger (what
// was published), the clock and the measurement; nothing else, and no lane waits for another.

import { rowTransport } from "../transports/index.js";
import { Tally } from "./tally.js";

/** @typedef {{measured: import("../charts/range-buckets.js").RangeBuckets, discarded: import("../charts/range-buckets.js").RangeBuckets}} Marks */

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
   * @param {Marks} marks  of the strip: ms by performance time in s
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
    /** Whether it was ever open: what it was never sent is not lost. */
    this.opened = false;
    /** @type {import("../transports/index.js").Client|null} */
    this.client = null;
    this.closed = false;
  }

  /**
   * Connects; resolves when the lane is open for the first time.
   * @param {string} channel
   * @param {import("./settings.js").Settings} settings
   * @param {{onChange: () => void, onArrival: (lane: LaneState) => void}} hooks
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
          if (state === "open") {
            this.opened = true;
            resolve(undefined);
          }
          onChange();
        },
      });
      client.onPublication((publication) => {
        this.#receive(publication);
        onArrival(this);
      });
      this.client = client;
    });
  }

  /** @param {import("../transports/index.js").Publication} publication */
  #receive(publication) {
    const nowMs = performance.now();
    const known = this.shared.ledger.identify(publication);
    if (known === null) return;
    this.latest = Math.max(this.latest, known.number);
    if (!Number.isNaN(known.intended_us)) this.#take(known, nowMs);
    // Neither its data nor its protocol says when it was meant: another row will.
    else this.shared.ledger.whenIntended(known.number, (intended_us) => this.#take({ ...known, intended_us }, nowMs));
  }

  /** @param {import("./ledger.js").Known} known @param {number} nowMs  when it came */
  #take(known, nowMs) {
    const { clock, measure, ledger } = this.shared;
    const measured = ledger.note(known, nowMs);
    if (!this.tally.add(known, measured)) return;
    const delayMs = (clock.at(nowMs) - known.intended_us) / 1000;
    (measured ? this.marks.measured : this.marks.discarded).add(nowMs / 1000, delayMs);
    // Warm-up and pause are kept out of the histograms, and out of what is reported to the server, too.
    if (measured) measure.observe(this.lane.lane, { intended_us: known.intended_us, published_us: known.intended_us }, nowMs);
  }

  close() {
    this.closed = true;
    this.client?.close();
  }
}
