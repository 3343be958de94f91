// One tap of the lab: the bytes of one channel's own connections, as the lanes' meters saw them. The server keeps
// them, bounded and with secrets hidden; this file opens the tap, asks for what is new, and closes it.
//
//   const tap = await openTap();          the run goes on tap.channel: only that channel is copied
//   tap.onUnits((units) => …);            what is new, as it comes
//   await tap.exchange({ lane, connection, exchange });   one question and its answer, with every byte described
//   tap.close();

import { bytesText, durationText } from "../../charts/format.js";

/**
 * A head, body, chunk or frame, in short.
 * @typedef {object} Summary
 * @property {number} n            number within the tap, from 1
 * @property {string} lane         the lane's name; a row in another form has its lane's
 * @property {number} connection
 * @property {number} exchange     number of the request on its connection
 * @property {"up"|"down"} direction
 * @property {"request_head"|"answer_head"|"body"|"chunk"|"frame"} kind
 * @property {number} at           where it begins in its direction's stream
 * @property {number} first_us     server's clock
 * @property {number} last_us
 * @property {number} size         bytes on the wire
 * @property {number} kept         how many of them the tap has
 * @property {{at: number, len: number, what: string}[]} hidden
 * @property {string} title
 * @property {number|null} status
 * @property {string|null} method
 * @property {boolean|null} is_empty_answer
 * @property {number[]} publications  positions that it carries, where the protocol tells them
 * @property {number[]} [numbers]     the source's own event numbers in it
 *
 * Bytes with one meaning; src/capture/annotate/part.rs. Siblings are in order and cover everything.
 * @typedef {object} Part
 * @property {number} at
 * @property {number} len
 * @property {string} layer        as in the byte bars
 * @property {string} what
 * @property {string} by           who put it there
 * @property {string|null} [section]
 * @property {string|null} [note]
 * @property {string|null} [text]
 * @property {string|null} [hidden]
 * @property {{how: string, parts: Part[]}|null} [inner]
 *
 * A time of which a lane's units are missing: the lab gave them up before this page had asked for them.
 * @typedef {{lane: string, fromUs: number, toUs: number}} Gap
 *
 * @typedef {Summary & {hex: string, parts: Part[]}} Unit
 * @typedef {Record<string, number>} ByLayer
 * @typedef {{lane: string, connection: number, exchange: number}} Which
 * @typedef {Which & {units: Unit[], left_out: number, layers: {up: ByLayer, down: ByLayer}}} Exchange
 */

/** While its tab is looked at. */
const WATCHED_MS = 500;
/** A run waits for it. */
const OPEN_PATIENCE_MS = 3000;
const READ_PATIENCE_MS = 5000;
/** One reading may fail; after so many the lab is silent. */
const FAILURES_SILENT = 2;
/** Connections of a lane whose heads are counted. */
const CONNECTIONS_MAX = 12;
/** As many as one answer holds: then there is more. */
const ANSWER_MAX = 500;
/** Kept here; the server has bounds of its own. */
const UNITS_MAX = 5000;
export const KEPT_US = 60e6;
const GAPS_MAX = 100;

/** Its key is unknown: what that means here. */
const GONE = "it was started anew, or nobody looked for a minute, or a newer comparison from the same address took this one's place.";

/** What a tap could not do, in the server's words. */
export class TapError extends Error {
  /** @param {string} message @param {number} status  0: there was no answer @param {string} [code]  the server's name for it */
  constructor(message, status, code = "") {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** @param {string} path @param {RequestInit} [init] @returns {Promise<Response>} */
async function ask(path, init) {
  /** @type {Response} */
  let answer;
  try {
    answer = await fetch(path, { cache: "no-store", ...init });
  } catch {
    throw new TapError("The lab does not answer.", 0);
  }
  if (answer.ok) return answer;
  const { error } = await answer.json().catch(() => ({ error: null }));
  const said = [error?.message ?? `${path} was answered with ${answer.status}`, error?.hint].filter(Boolean);
  throw new TapError(said.map((each) => each.replace(/\.?$/, ".")).join(" "), answer.status, error?.code);
}

/**
 * @param {{channel: string, address: string}} [of]  for the presenter: one device's connections to a channel; its payloads are hidden
 * @returns {Promise<Tap>}  @throws {TapError} with status 503 when all taps are taken
 */
export async function openTap(of) {
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(of ?? {}), signal: AbortSignal.timeout(OPEN_PATIENCE_MS) };
  const answer = await ask(of === undefined ? "/api/taps" : "/presenter/api/taps", options);
  return new Tap(await answer.json());
}

export class Tap {
  /** Of the lab's clock when it last answered, µs. */
  nowUs = NaN;
  /** What it keeps of each lane. @type {Record<string, {kept_bytes: number, dropped_units: number}>} */
  lanes = {};
  /** Why it has ended; "" while it has not. */
  ended = "";
  #key;
  #idleMs;
  #next = 0;
  /** @type {Summary[]} */
  #units = [];
  /** @type {Gap[]} */
  #gaps = [];
  /** What is known of each lane: units that came or are known to be gone, the end of the newest unit, and of each connection how many heads its newest exchange has. @type {Map<string, {passed: number, lastUs: number, heads: Map<number, {exchange: number, count: number}>}>} */
  #known = new Map();
  /** Lanes of which units are missing from an instant on, while the first after them has not come. @type {Map<string, number>} */
  #missing = new Map();
  /** Those of the present reading. @type {Gap[]} */
  #found = [];
  /** The present reading left out a number. */
  #hasHole = false;
  #failures = 0;
  #answeredMs = performance.now();
  /** @type {() => void} */
  #onSilence = () => {};
  /** Of the newest unit that had to go for its number alone. */
  #cutUs = -Infinity;
  /** @type {Set<(units: Summary[]) => void>} */
  #listeners = new Set();
  /** @type {(tap: Tap) => void} */
  #onEnd = () => {};
  #isWatched = false;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;
  /** @type {Promise<void>|null} */
  #asking = null;

  /** @param {{key: string, channel: string, lane_bytes_max: number, idle_s: number}} opened */
  constructor({ key, channel, lane_bytes_max, idle_s }) {
    this.#key = key;
    this.#idleMs = idle_s * 1000;
    this.channel = channel;
    this.laneBytesMax = lane_bytes_max;
    this.#later();
  }

  /** The last minute before the newest, or as much of it as reachUs() says; oldest first. Look, do not change. @returns {readonly Summary[]} */
  units() {
    return this.#units;
  }

  /** How far back units() goes, µs: a minute, or less where units are many. */
  reachUs() {
    return Math.max(0, Math.min(KEPT_US, (this.#units.at(-1)?.last_us ?? 0) - this.#cutUs));
  }

  /** Where units are missing, as far back as units() goes. @returns {readonly Gap[]} */
  gaps() {
    return this.#gaps;
  }

  /** @param {(units: Summary[]) => void} callback  what is new; never empty @returns {() => void} unsubscribes */
  onUnits(callback) {
    this.#listeners.add(callback);
    return () => this.#listeners.delete(callback);
  }

  /** @param {(tap: Tap) => void} callback  once, when the lab has ended it */
  onEnd(callback) {
    this.#onEnd = callback;
  }

  /** @param {() => void} callback  the lab does not answer, each time that it did not; and once when it does again */
  onSilence(callback) {
    this.#onSilence = callback;
  }

  /** For how long the lab has not answered, s; 0 while it does. */
  silentS() {
    return this.#failures < FAILURES_SILENT ? 0 : Math.max(1, Math.round((performance.now() - this.#answeredMs) / 1000));
  }

  /** Whether anybody looks: it asks twice a second then, else only as often as keeps the tap. @param {boolean} isWatched */
  watch(isWatched) {
    if (isWatched === this.#isWatched) return;
    this.#isWatched = isWatched;
    if (isWatched) void this.refresh();
    else this.#later();
  }

  #later() {
    clearTimeout(this.#timer);
    if (this.ended !== "") return;
    this.#timer = setTimeout(() => void this.refresh(), this.#isWatched ? WATCHED_MS : this.#idleMs / 4);
  }

  /** Asks for what is new, until there is no more. */
  refresh() {
    if (this.ended !== "") return Promise.resolve();
    this.#asking ??= this.#readAll();
    return this.#asking;
  }

  async #readAll() {
    try {
      let came = ANSWER_MAX;
      while (came === ANSWER_MAX && this.ended === "") came = await this.#readOnce();
      this.#closeGaps();
      this.#answered();
    } catch (error) {
      // One that is gone stays gone; a lab that does not answer may answer again.
      if (error instanceof TapError && error.status >= 400 && error.status < 500) this.#end(error.code === "unknown_tap" ? GONE : error.message);
      else this.#failed();
    } finally {
      this.#asking = null;
      this.#later();
    }
  }

  #answered() {
    const wasSilent = this.silentS() > 0;
    this.#failures = 0;
    this.#answeredMs = performance.now();
    if (wasSilent) this.#onSilence();
  }

  #failed() {
    this.#failures += 1;
    if (this.silentS() > 0 && this.ended === "") this.#onSilence();
  }

  async #readOnce() {
    const { units, next, lanes, now_us } = await (await this.#askOwn(`?after=${this.#next}`, { signal: AbortSignal.timeout(READ_PATIENCE_MS) })).json();
    if (this.ended !== "") return 0;
    this.#noteGaps(units, lanes);
    [this.#next, this.lanes, this.nowUs] = [next, lanes, now_us];
    this.#keep(units);
    if (units.length > 0) for (const listener of this.#listeners) listener(units);
    return units.length;
  }

  /**
   * The lab numbers its units without a break, so a number that is left out was given up. Of which lane it was, the lanes'
   * sums tell: the lab gives up what is oldest, but for the heads of exchanges that go on. So if all that came here is gone
   * but for those heads, more is gone than came.
   * @param {Summary[]} units @param {Tap["lanes"]} lanes
   */
  #noteGaps(units, lanes) {
    /** Heads that came before and may be there still, of lanes that lack something. @type {Map<string, {dropped: number, heads: Map<number, {exchange: number, count: number}>}>} */
    const lacking = new Map();
    for (const [lane, { dropped_units: dropped }] of Object.entries(lanes)) {
      const known = this.#knownOf(lane, units[0]?.first_us ?? this.nowUs);
      if (dropped === 0 || dropped <= known.passed - sumOf(known.heads)) continue;
      lacking.set(lane, { dropped, heads: new Map([...known.heads].map(([connection, head]) => [connection, { ...head }])) });
      if (!this.#missing.has(lane)) this.#missing.set(lane, known.lastUs);
    }
    /** @type {Map<string, number>} */
    const came = new Map();
    let before = this.#next;
    for (const { n, lane, connection, exchange, kind, first_us, last_us } of units) {
      this.#hasHole ||= n > before + 1;
      before = n;
      const known = this.#knownOf(lane, first_us);
      const isHead = kind === "request_head" || kind === "answer_head";
      const fromUs = this.#missing.get(lane);
      if (fromUs !== undefined && !isHead) {
        this.#found.push({ lane, fromUs, toUs: Math.max(fromUs, first_us) });
        this.#missing.delete(lane);
      }
      known.passed += 1;
      came.set(lane, (came.get(lane) ?? 0) + 1);
      known.lastUs = Math.max(known.lastUs, last_us);
      const head = known.heads.get(connection);
      if (head === undefined || head.exchange !== exchange) {
        known.heads.delete(connection);
        known.heads.set(connection, { exchange, count: Number(isHead) });
        for (const old of known.heads.keys()) if (known.heads.size > CONNECTIONS_MAX) known.heads.delete(old);
      } else head.count += Number(isHead);
    }
    for (const [lane, { dropped, heads }] of lacking) {
      const known = this.#knownOf(lane, 0);
      const stay = new Map([...heads].filter(([connection, { exchange }]) => known.heads.get(connection)?.exchange === exchange));
      known.passed = Math.max(known.passed, dropped + sumOf(stay) + (came.get(lane) ?? 0));
    }
  }

  /** Everything is read: what is missing still is missing up to now. */
  #closeGaps() {
    for (const [lane, fromUs] of this.#missing) this.#found.push({ lane, fromUs, toUs: Math.max(fromUs, this.nowUs) });
    this.#missing.clear();
    if (this.#hasHole) this.#gaps.push(...this.#found);
    [this.#found, this.#hasHole] = [[], false];
  }

  /** @param {string} lane @param {number} fromUs  before which nothing of it can have come */
  #knownOf(lane, fromUs) {
    const known = this.#known.get(lane) ?? { passed: 0, lastUs: fromUs, heads: new Map() };
    this.#known.set(lane, known);
    return known;
  }

  /** @param {Summary[]} units */
  #keep(units) {
    this.#units.push(...units);
    const oldest = (this.#units.at(-1)?.last_us ?? 0) - KEPT_US;
    const recent = Math.max(0, this.#units.findIndex(({ last_us }) => last_us >= oldest));
    const tooMany = this.#units.length - UNITS_MAX;
    if (tooMany > recent) this.#cutUs = this.#units[tooMany - 1].last_us;
    this.#units.splice(0, Math.max(recent, tooMany));
    const since = Math.max(oldest, this.#cutUs);
    this.#gaps = this.#gaps.filter(({ toUs }) => toUs >= since).slice(-GAPS_MAX);
  }

  /** @param {string} rest @param {RequestInit} [init] */
  #askOwn(rest, init) {
    return ask(`/api/taps/own${rest}`, { ...init, headers: { "Pushlab-Tap": this.#key } });
  }

  /**
   * An exchange with its heads and, of what comes after them, the last few.
   * @param {Which} which @param {{last?: number, upto?: number}} [part]  upto: the last few up to this unit
   * @returns {Promise<Exchange>}
   */
  async exchange({ lane, connection, exchange }, { last = 50, upto } = {}) {
    const query = new URLSearchParams({ ...(upto === undefined ? {} : { upto: String(upto) }), last: String(last) });
    return (await this.#askOwn(`/exchanges/${encodeURIComponent(lane)}/${connection}/${exchange}?${query}`)).json();
  }

  /** A file of everything, or of one exchange. @param {"pcapng"|"har"} kind @param {Partial<Which>} [filter] @returns {Promise<Blob>} */
  async download(kind, filter = {}) {
    const query = new URLSearchParams(Object.entries(filter).map(([name, value]) => [name, String(value)])).toString();
    return (await this.#askOwn(`/capture.${kind}${query === "" ? "" : `?${query}`}`)).blob();
  }

  /** @param {string} why */
  #end(why) {
    this.ended = why;
    clearTimeout(this.#timer);
    this.#onEnd(this);
  }

  /** Gives it back. */
  close() {
    if (this.ended !== "") return;
    this.ended = "It was closed.";
    clearTimeout(this.#timer);
    this.#listeners.clear();
    void this.#askOwn("", { method: "DELETE", keepalive: true }).catch(() => {});
  }
}

/** How far back, after "the last": "minute", "12 s". @param {number} us */
export function reachText(us) {
  if (us >= KEPT_US - 500_000) return "minute";
  return us >= 1e6 ? `${Math.floor(us / 1e6)} s` : `${(Math.floor(us / 1e5) / 10).toFixed(1)} s`;
}

/** @param {Map<number, {count: number}>} heads */
const sumOf = (heads) => [...heads.values()].reduce((sum, { count }) => sum + count, 0);

/** Time of which units are missing, µs: of several lanes together, the longest. @param {readonly Gap[]} gaps @param {number} [fromUs] @param {number} [toUs] */
export function missingUs(gaps, fromUs = -Infinity, toUs = Infinity) {
  /** @type {Map<string, number>} */
  const byLane = new Map();
  for (const gap of gaps) byLane.set(gap.lane, (byLane.get(gap.lane) ?? 0) + Math.max(0, Math.min(gap.toUs, toUs) - Math.max(gap.fromUs, fromUs)));
  return Math.max(0, ...byLane.values());
}

/** "bytes of 3.40 s are gone: the lab keeps 128 KiB of each lane"; "" for none. @param {number} us @param {number} laneBytesMax */
export function goneText(us, laneBytesMax) {
  return us > 0 ? `bytes of ${durationText(us / 1000)} are gone: the lab keeps ${bytesText(laneBytesMax)} of each lane` : "";
}
