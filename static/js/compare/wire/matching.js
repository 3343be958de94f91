// Finds the two ends of an arrow: which instant noted in this page belongs to which bytes that the lab saw. A request is
// found by lane, method, target and time. A message of a stream is found by the source's event number where both sides
// know it; messages between two that were found so are paired in order. What finds no partner has one end only.
// Pairs are remembered, since both sides forget what is old. Otherwise pure.

/** @typedef {import("./tap.js").Summary} Summary */
/** @typedef {import("./observed.js").Observed} Observed */
/** @typedef {import("./observed.js").Message} Message */

/** The last chunk of a body, and the empty line after it. */
const LAST_CHUNK = 5;
/** observed.js keeps so many messages of a stream: of one that has as many, the first may be gone. */
const MESSAGES_WHOLE = 2000;
/** The next request for the same is looked for among so many. */
const AHEAD = 50;
/** The lab notes an instant after it has handed bytes over, and may be so late with it that the page had them long before. */
const NOTED_LATE_US = 100_000;
/** A pair made by order alone is wrong if it was on its way for longer. */
const UNDER_WAY_US = 10e6;

/**
 * One question and all that came for it.
 * @typedef {object} Exchange
 * @property {string} key
 * @property {string} lane
 * @property {number} connection
 * @property {number} exchange
 * @property {string} method      "" where its head is no longer kept
 * @property {string} target
 * @property {boolean} upgraded
 * @property {boolean} streams    its answer comes in pieces that each are a message
 * @property {Summary[]} up       head and body of the question; after an upgrade not the frames
 * @property {Summary[]} down     head and body of the answer, but for what is in `pieces`
 * @property {Summary[]} pieces   frames both ways, or the chunks of a stream, in order
 */

/**
 * @param {readonly Summary[]} units  in order of n
 * @param {(lane: string) => boolean} isStream  whether publications come there by one answer that goes on
 * @returns {Exchange[]}  in order of their first unit
 */
export function exchangesOf(units, isStream) {
  /** @type {Map<string, Exchange>} */
  const found = new Map();
  for (const unit of units) {
    const { lane, connection, exchange } = unit;
    const key = `${lane} ${connection} ${exchange}`;
    const one = found.get(key) ?? { key, lane, connection, exchange, method: "", target: "", upgraded: false, streams: false, up: [], down: [], pieces: [] };
    found.set(key, one);
    if (unit.kind === "frame") {
      one.upgraded = true;
      one.pieces.push(unit);
    } else if (unit.direction === "up") {
      if (unit.kind === "request_head") [one.method, one.target] = [unit.method ?? "", targetOf(unit.title)];
      one.up.push(unit);
    } else if (unit.kind === "chunk" && isStream(lane)) {
      one.streams = true;
      one.pieces.push(unit);
    } else {
      if (unit.status === 101) one.upgraded = true;
      one.down.push(unit);
    }
  }
  return [...found.values()];
}

/** "GET /ws/c?x" → "/ws/c?x". @param {string} title */
function targetOf(title) {
  return title.split(" ")[1] ?? "";
}

/** Whether a target that the lab kept is the one that was asked for: an x may stand for a byte that is hidden, and a long one ends with "…". @param {string} kept @param {string} asked */
export function isSameTarget(kept, asked) {
  const isCut = kept.endsWith("…");
  const length = isCut ? kept.length - 1 : kept.length;
  if (isCut ? asked.length <= length : asked.length !== length) return false;
  for (let i = 0; i < length; i += 1) if (kept[i] !== asked[i] && kept[i] !== "x") return false;
  return true;
}

/** What the browser says by itself, and no script is told of: heartbeats, the end of a stream. @param {Summary} unit */
export function isControl({ kind, title, size }) {
  if (kind === "frame") return /^(ping|pong|close)\b/i.test(title);
  return kind === "chunk" && size <= LAST_CHUNK;
}

export class Matcher {
  /** By key of an exchange. @type {Map<string, Observed>} */
  #ofExchange = new Map();
  /** By n of a unit. @type {Map<number, Message>} */
  #ofUnit = new Map();
  /** @type {Set<Observed>} */
  #taken = new Set();
  /** Of them, those that no later exchange can take over. @type {WeakSet<Observed>} */
  #settled = new WeakSet();

  /** @param {string} key  of an exchange @returns {Observed|undefined} */
  partner(key) {
    return this.#ofExchange.get(key);
  }

  /** @param {number} n  of a unit @returns {Message|undefined} */
  message(n) {
    return this.#ofUnit.get(n);
  }

  /** @param {Observed} one */
  isTaken(one) {
    return this.#taken.has(one);
  }

  /**
   * @param {Exchange[]} exchanges
   * @param {readonly Observed[]} observed  oldest first
   * @param {(origin: string) => string[]} lanesOf  the lanes at an origin
   * @param {{at: (ms: number) => number, boundUs: number}} clock
   */
  update(exchanges, observed, lanesOf, clock) {
    this.#forget(exchanges, observed);
    this.#matchRequests(exchanges, observed, lanesOf, clock);
    for (const exchange of exchanges) {
      const one = this.#ofExchange.get(exchange.key);
      if (one === undefined || exchange.pieces.length === 0) continue;
      for (const direction of /** @type {const} */ (["up", "down"])) this.#matchMessages(exchange, one, direction, clock);
    }
  }

  /** @param {Exchange[]} exchanges @param {readonly Observed[]} observed */
  #forget(exchanges, observed) {
    // A stream that was silent for a minute has no units left; its pair stays, for it may speak again.
    const keys = new Set(exchanges.map(({ key }) => key));
    const there = new Set(observed);
    for (const [key, one] of this.#ofExchange) if (!keys.has(key) && !there.has(one)) this.#ofExchange.delete(key);
    const oldest = exchanges.reduce((least, { pieces }) => Math.min(least, pieces[0]?.n ?? Infinity), Infinity);
    for (const n of this.#ofUnit.keys()) if (n < oldest) this.#ofUnit.delete(n);
    for (const one of this.#taken) if (!there.has(one)) this.#taken.delete(one);
  }

  /**
   * When a connection breaks, the browser may send the same request again by itself; the page notes only one call. The lab
   * then has several requests that fit: the last of them is the one that was answered. So a pair is final only once the
   * page has noted an answer; until then it is made anew each time.
   * @param {Exchange[]} exchanges @param {readonly Observed[]} observed @param {(origin: string) => string[]} lanesOf @param {{at: (ms: number) => number, boundUs: number}} clock
   */
  #matchRequests(exchanges, observed, lanesOf, clock) {
    const byKey = new Map(exchanges.map((exchange) => [exchange.key, exchange]));
    for (const [key, one] of this.#ofExchange) {
      if (this.#settled.has(one) || !byKey.has(key)) continue;
      this.#ofExchange.delete(key);
      this.#taken.delete(one);
    }
    const open = exchanges.filter(({ key, method }) => method !== "" && method !== "OPTIONS" && !this.#ofExchange.has(key));
    if (open.length === 0) return;
    const slackUs = (Number.isFinite(clock.boundUs) ? clock.boundUs : 0) + 1000;
    const waiting = observed.filter((one) => !this.#taken.has(one));
    waiting.forEach((one, i) => {
      const lanes = lanesOf(one.origin);
      const next = waiting.slice(i + 1, i + 1 + AHEAD).find(({ method, target, origin }) => method === one.method && target === one.target && origin === one.origin);
      // A WebSocket or EventSource begins without a call: the page noted the first listener, which is a little later.
      const fromUs = clock.at(one.sentMs) - slackUs - (one.kind === "websocket" || one.kind === "eventsource" ? NOTED_LATE_US : 0);
      // The lab has it before its answer came here, and before the same was asked again.
      const toUs = Math.min(clock.at(one.firstMs ?? one.endMs ?? Infinity), next === undefined || Number.isNaN(next.sentMs) ? Infinity : clock.at(next.sentMs)) + slackUs;
      const isIt = (/** @type {Exchange} */ exchange) => exchange.method === one.method && lanes.includes(exchange.lane) && isSameTarget(exchange.target, one.target)
        // Without a clock both bounds are NaN and exclude nothing: then order decides.
        && !(exchange.up[0].first_us < fromUs) && !(exchange.up[0].first_us > toUs);
      const at = Number.isNaN(toUs) ? open.findIndex(isIt) : open.findLastIndex(isIt);
      if (at < 0) return;
      const [exchange] = open.splice(at, 1);
      this.#ofExchange.set(exchange.key, one);
      this.#taken.add(one);
      if (one.firstMs !== null || one.endMs !== null) this.#settled.add(one);
    });
  }

  /** @param {Exchange} exchange @param {Observed} one @param {"up"|"down"} direction @param {{at: (ms: number) => number, boundUs: number}} clock */
  #matchMessages({ pieces, method }, one, direction, clock) {
    const isWhole = method !== "" && one.messages.length < MESSAGES_WHOLE;
    const units = pieces.filter((unit) => unit.direction === direction && !isControl(unit));
    const messages = one.messages.filter((message) => message.direction === direction);
    /** @type {Map<number, number>} */
    const byNumber = new Map();
    messages.forEach(({ numbers }, at) => { for (const number of numbers) if (!byNumber.has(number)) byNumber.set(number, at); });
    const at = new Map(messages.map((message, i) => [message, i]));

    /** Where in `messages` each unit's is; -1: not known. */
    const found = units.map((unit) => {
      const known = this.#ofUnit.get(unit.n);
      if (known !== undefined) return at.get(known) ?? -2; // matched before, and the message is forgotten here
      const number = unit.numbers?.find((each) => byNumber.has(each));
      return number === undefined ? -1 : byNumber.get(number) ?? -1;
    });
    units.forEach((unit, i) => { if (found[i] >= 0) this.#ofUnit.set(unit.n, messages[found[i]]); });

    // The others, between two that are known: one to one where both sides have as many, else the first that time allows.
    let from = 0;
    let after = -1;
    for (let i = 0; i <= units.length; i += 1) {
      if (i < units.length && found[i] === -1) continue;
      const before = i < units.length && found[i] >= 0 ? found[i] : messages.length;
      if (i === units.length || found[i] >= 0) this.#matchRun(units.slice(from, i).filter((_, k) => found[from + k] === -1), messages.slice(after + 1, before), { closed: i < units.length, begins: after >= 0 || isWhole }, direction, clock);
      if (i < units.length && found[i] >= 0) {
        after = Math.max(after, found[i]);
        from = i + 1;
      }
    }
  }

  /** Pairs a run of units with a run of messages. @param {Summary[]} units @param {Message[]} messages @param {{closed: boolean, begins: boolean}} is  closed: both runs are complete; begins: their first ones belong together @param {"up"|"down"} direction @param {{at: (ms: number) => number, boundUs: number}} clock */
  #matchRun(units, messages, { closed, begins }, direction, clock) {
    // A message with a number would have been found by it.
    const free = messages.filter((message) => message.numbers.length === 0);
    const bare = units.filter(({ numbers = [] }) => numbers.length === 0);
    if (bare.length === 0 || free.length === 0) return;
    const slackUs = (Number.isFinite(clock.boundUs) ? clock.boundUs : 0) + 1000;
    const onWay = (/** @type {Summary} */ unit, /** @type {Message} */ { atMs }) => (direction === "down" ? clock.at(atMs) - unit.first_us : unit.last_us - clock.at(atMs));
    // Every frame is a message, so frames pair up from the start. A chunk need not be one: it may be a heartbeat.
    const pairs = closed && bare.length === free.length ? bare.length : begins && bare.every(({ kind }) => kind === "frame") ? Math.min(bare.length, free.length) : 0;
    if (pairs > 0 && bare.slice(0, pairs).every((unit, i) => !(onWay(unit, free[i]) < -slackUs - NOTED_LATE_US))) {
      for (let i = 0; i < pairs; i += 1) this.#ofUnit.set(bare[i].n, free[i]);
      return;
    }
    // Fewer were read than written: one reading may have brought several chunks.
    const isShared = free.length < bare.length && bare.every(({ kind }) => kind === "chunk");
    let next = 0;
    for (const unit of bare) {
      for (; next < free.length; next += 1) {
        const onWayUs = onWay(unit, free[next]);
        if (onWayUs < -slackUs) continue; // of one that is not kept any more
        if (onWayUs <= UNDER_WAY_US || Number.isNaN(onWayUs)) {
          this.#ofUnit.set(unit.n, free[next]);
          if (!isShared) next += 1;
        }
        break;
      }
    }
  }
}
