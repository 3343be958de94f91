// One run of the comparison, from Start to Reset, as phases:
//
//   ready ─► connecting ─► warm-up ─► measuring ─► draining ─► paused ─► warm-up …
//
// A run has one channel and one set of settings; changed settings make a new run. The clients are connected
// before the source starts, the counters' baseline and the first measured instant are the same reading, and a
// pause lets the last publications arrive before it takes its closing reading.

import { startSource, stopSource } from "../dashboard/source.js";
import { seriesOf } from "./counters.js";
import { Ledger } from "./ledger.js";
import { messagesOf } from "./own-messages.js";
import { learn, predictionsFor, withLearnt } from "./predictions.js";
import { LaneState, marksOf } from "./lane-state.js";
import { StatsFeed } from "./stats-feed.js";

const CONNECT_PATIENCE_MS = 5000;
const sleep = (/** @type {number} */ ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** @typedef {"ready"|"connecting"|"warm-up"|"measuring"|"draining"|"paused"|"failed"} Phase */

/** As long as the channel of a run (src/run/names.rs) and of a tap (src/lane/tap), so that their names cost the same bytes. */
function ownName() {
  return `compare-${[...crypto.getRandomValues(new Uint8Array(18))].map((n) => (n % 36).toString(36)).join("")}`;
}

export class Run {
  /** @type {Phase} */
  phase = "ready";
  /** Why it failed, in the server's words. */
  failure = "";
  /** performance.now() at which the present phase began. */
  sinceMs = performance.now();
  /** The worst the clock was known to be while this run measured, ms: its exchanges are repeated, and not all are equally good. @type {number|null} */
  worstBoundMs = null;
  /** Measured time of finished stretches, ms. */
  #measuredMs = 0;
  /** What theory expects, by lane. @type {ReturnType<typeof withLearnt>} */
  predictions = new Map();
  #sourceRuns = false;
  /** Way there and back, as it was when the run began. @type {number|undefined} */
  #roundTripUs;

  /**
   * @param {import("../lab.js").ComparedRow[]} lanes
   * @param {import("./settings.js").Settings} settings
   * @param {{clock: import("../clock.js").Clock, measure: import("../measure.js").Measure, marks: Map<string, import("./lane-state.js").Marks>}} shared
   * @param {{onPhase: () => void, onLane: () => void, onArrival: import("./lane-state.js").Arrived}} hooks
   * @param {string} [channel]  of a tap, which copies what goes over it; a name of its own where there is none
   */
  constructor(lanes, settings, shared, hooks, channel = ownName()) {
    this.settings = settings;
    this.hooks = hooks;
    this.shared = shared;
    this.channel = channel;
    this.startedAt = new Date();
    this.ledger = new Ledger();
    this.lanes = lanes.map((lane) => new LaneState(lane, { ...shared, ledger: this.ledger }, marksOf(shared.marks, lane.lane)));
    this.stats = new StatsFeed(this.channel, lanes.map(seriesOf));
  }

  /** @param {Phase} phase */
  #enter(phase) {
    this.phase = phase;
    this.sinceMs = performance.now();
    this.hooks.onPhase();
  }

  /** Whether `phase` is still the present one after a wait; Reset and Pause may have come in between. @param {Phase} phase */
  #still(phase) {
    return this.phase === phase;
  }

  /** Measured time so far, ms, without warm-ups and pauses. */
  measuredMs() {
    return this.#measuredMs + (this.phase === "measuring" ? performance.now() - this.sinceMs : 0);
  }

  /** Reads the counters while measuring. A reading that fails is skipped: they only grow, so the next one holds it all. */
  async readCounters() {
    if (this.phase !== "measuring") return;
    await this.stats.refresh().catch(() => {});
    if (this.stats.restarted) this.#fail(new Error("The server was started anew in the middle of this run, and its source is gone. Start again."));
  }

  /** @param {number|null} boundMs  of the clock, now */
  noteBound(boundMs) {
    if (this.phase === "measuring" && boundMs !== null) this.worstBoundMs = Math.max(boundMs, this.worstBoundMs ?? 0);
  }

  async start() {
    this.#enter("connecting");
    this.shared.measure.reset();
    try {
      await this.shared.clock.ready;
      await this.#predict();
      await Promise.race([
        Promise.all(this.lanes.map((lane) => lane.open(this.channel, this.settings, { onChange: this.hooks.onLane, onArrival: this.hooks.onArrival }))),
        sleep(CONNECT_PATIENCE_MS),
      ]);
      if (this.#still("connecting")) await this.#stretch();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Source on, warm-up, then the reading from which everything counts. */
  async #stretch() {
    const { rate_per_s, size_bytes, schedule, seed, warmup_s } = this.settings;
    this.ledger.sourceBegins(this.shared.clock.now());
    const payloads = messagesOf(this.settings.payloads);
    await startSource(this.channel, { kind: "compare", rate_per_s, size_bytes, ...(payloads.length > 0 && { payloads }), conflate_ms: 0, schedule, seed });
    this.#sourceRuns = true;
    if (this.phase === "failed" || this.phase === "ready") return void this.#stopSource();
    this.#enter("warm-up");
    await sleep(warmup_s * 1000);
    if (!this.#still("warm-up")) return;
    const fromUs = await this.stats.refresh();
    if (!this.#still("warm-up")) return;
    for (const lane of this.lanes) lane.settleWhoTakesPart();
    this.stats.begin();
    this.ledger.open(fromUs);
    this.#enter("measuring");
    if (this.ledger.stretches.length === 1) void this.#predict();
  }

  /** What theory says; once more when the warm-up has taught what server and browser take. */
  async #predict() {
    const { schedule, poll_interval_ms } = this.settings;
    this.#roundTripUs ??= this.shared.clock.roundTripUs;
    const roundTripUs = this.#roundTripUs;
    const ways = new Map(this.lanes.map(({ lane }) => [lane.lane, { fetching: lane.fetching, schedule, pollIntervalMs: poll_interval_ms, roundTripUs }]));
    const learnt = new Map(this.lanes.filter(({ lane }) => lane.fetching !== "short_polls").map((state) => [state.lane.lane, learn(state.warmUpMs, roundTripUs / 2)]));
    const quickest = [...learnt.values()].reduce((best, one) => (one !== null && (best === null || one.takesUs < best.takesUs) ? one : best), null);
    this.predictions = withLearnt(await predictionsFor(this.settings, roundTripUs, quickest?.takesUs), learnt, quickest, ways);
  }

  /** Stops the source, waits for what is on its way, and takes the closing reading. */
  async pause() {
    if (this.phase !== "measuring" && this.phase !== "warm-up") return;
    const measuring = this.phase === "measuring";
    if (measuring) this.#measuredMs += performance.now() - this.sinceMs;
    this.#enter("draining");
    await this.#stopSource();
    await sleep(Math.max(500, this.settings.poll_interval_ms + 300));
    if (!this.#still("draining")) return;
    if (measuring) {
      try {
        this.ledger.close(await this.stats.refresh());
        this.stats.end();
      } catch (error) {
        this.#fail(error);
        return;
      }
    }
    if (this.#still("draining")) this.#enter("paused");
  }

  /** Goes on after a pause, with a warm-up of its own. */
  async resume() {
    if (this.phase !== "paused") return;
    this.#enter("connecting");
    try {
      await this.#stretch();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Ends the run for good. */
  stop() {
    if (this.phase !== "failed") this.phase = "ready";
    for (const lane of this.lanes) lane.close();
    void this.#stopSource();
  }

  async #stopSource() {
    if (!this.#sourceRuns) return;
    this.#sourceRuns = false;
    await stopSource(this.channel);
  }

  /** @param {unknown} error */
  #fail(error) {
    if (this.phase === "ready") return;
    this.failure = error instanceof Error ? error.message : String(error);
    this.stop();
    this.#enter("failed");
  }
}
