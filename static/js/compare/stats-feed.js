// Reads the server's counters for one run: GET /api/stats?channel=…, at most once a second, over the main lane,
// whose own traffic is in none of them. Holds the baseline of the present stretch and the sum of finished ones.

import { minus, plus, read, seriesOf, zero } from "./counters.js";

export const READ_EVERY_MS = 1000;

export class StatsFeed {
  /** @param {string} channel @param {string[]} series  as seriesOf() names them */
  constructor(channel, series) {
    this.channel = channel;
    this.series = series;
    /** Bytes of answers read, for the page's statement of its own cost. */
    this.bytesRead = 0;
    /** Finished stretches, by series. @type {Map<string, import("./counters.js").Counters>} */
    this.finished = new Map(series.map((t) => [t, zero()]));
    /** @type {Map<string, import("./counters.js").Counters>|null} null while nothing is measured */
    this.baseline = null;
    /** @type {import("./counters.js").Stats|null} the last answer */
    this.latest = null;
    /** The server was started anew: its counters, channels and sources began again from nothing. */
    this.restarted = false;
    /** Readings that failed, one after the other. */
    this.failures = 0;
  }

  /** One failed reading is nothing; after two nobody can say that anything is measured. */
  get isSilent() { return this.failures >= 2; }

  /** One reading. @returns {Promise<number>} the instant it was taken, µs on the server's clock */
  async refresh() {
    const text = await this.#read().catch((error) => {
      this.failures += 1;
      throw error;
    });
    this.failures = 0;
    this.bytesRead += text.length;
    const before = this.latest;
    /** @type {import("./counters.js").Stats} */
    const latest = JSON.parse(text);
    this.latest = latest;
    if (before && latest.uptime_us < before.uptime_us) this.restarted = true;
    return latest.now_us;
  }

  async #read() {
    const answer = await fetch(`/api/stats?channel=${this.channel}`, { cache: "no-store" });
    if (!answer.ok) throw new Error(`the counters could not be read: ${answer.status}`);
    return answer.text();
  }

  /** @param {string} series */
  #now(series) {
    return this.latest ? read(this.latest, series, this.channel).counters : zero();
  }

  /** Begins a stretch at the last reading. */
  begin() {
    this.baseline = new Map(this.series.map((t) => [t, this.#now(t)]));
  }

  /** Ends it at the last reading. */
  end() {
    for (const t of this.series) this.finished.set(t, this.measured(t));
    this.baseline = null;
  }

  /** What was measured on a transport so far. @param {string} series @returns {import("./counters.js").Counters} */
  measured(series) {
    const done = this.finished.get(series) ?? zero();
    const base = this.baseline?.get(series);
    return base ? plus(done, minus(this.#now(series), base)) : done;
  }

  /** Since the run began, warm-up included: how many connections this lane needed. @param {string} series */
  opened(series) {
    return this.latest ? this.#now(series).opened : null;
  }

  /** @param {string} series @returns {string|null} "TCP_INFO" or "model" */
  tcpSource(series) {
    return this.latest ? read(this.latest, series, this.channel).tcpSource : null;
  }

  /** The server's own latency (published → handed to the kernel). The main lane may carry the same series as well.
   * @param {string} series @param {string} lane */
  written(series, lane) {
    const rows = (this.latest?.latency ?? []).filter((row) => row.stage === "written" && seriesOf(row) === series);
    return rows.find((row) => row.lane === lane) ?? rows[0] ?? null;
  }
}
