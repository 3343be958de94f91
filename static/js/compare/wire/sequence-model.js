// What the sequence draws, made of what both sides noted: arrows, bars of held questions, and what of them is not known.
// Instants are µs of the server's clock; those noted in the page are taken over by the page's clock. Pure.

import { errorText } from "../trust.js";
import { isControl } from "./matching.js";

/** @typedef {import("./tap.js").Summary} Summary */
/** @typedef {import("./observed.js").Observed} Observed */
/** @typedef {import("./observed.js").Message} Message */
/** @typedef {import("./matching.js").Exchange} Exchange */

/** A question that is answered sooner was not held: that long takes a server that has nothing to wait for. */
const HELD_US = 20_000;

/** Instants that are nearer to each other are the same. */
const SAME_US = 1000;

/**
 * One thing that went from one side to the other.
 * @typedef {object} Arrow
 * @property {string} id
 * @property {string} lane
 * @property {"up"|"down"} direction
 * @property {import("./tap.js").Which|null} which  null: the lab has no bytes of it
 * @property {number|null} n          its first unit
 * @property {string} short           the label in the picture
 * @property {string} what            the same in a table
 * @property {"question"|"answer"|"message"|"control"|"preflight"} kind
 * @property {boolean} isEmpty        of a poll that brought nothing
 * @property {number|null} bytes      on the wire; null where only the page noted it
 * @property {number} events          of the source, in it
 * @property {boolean} mayBeMore      it was not kept in whole: there may be more events in it
 * @property {number|null} serverUs   when it left the server, or had come there in whole
 * @property {number|null} pageUs     when the page sent it, or had it
 * @property {string} missing         why an end is not known; "" when both are
 *
 * A question that waits at the server.
 * @typedef {object} Bar
 * @property {string} id
 * @property {string} lane
 * @property {number} fromUs
 * @property {number|null} toUs  null: it still waits
 *
 * @typedef {{arrows: Arrow[], bars: Bar[]}} Model  arrows in the order in which they began
 */

/** @param {readonly Summary[]} units */
const bytesOf = (units) => units.reduce((sum, { size }) => sum + size, 0);

/** Whether there may be more events in them than are known. A frame is one message, however much of it was kept. @param {readonly Summary[]} units */
export const mayHaveMore = (units) => units.some(({ kind, kept, size }) => kept < size && (kind === "body" || kind === "chunk"));

/** "event 17", "3 events", "at least 3 events", "" @param {number[]} numbers @param {boolean} mayBeMore */
function eventsText(numbers, mayBeMore) {
  if (numbers.length === 0) return "";
  if (mayBeMore) return `at least ${numbers.length} ${numbers.length === 1 ? "event" : "events"}`;
  return numbers.length === 1 ? `event ${numbers[0]}` : `${numbers.length} events`;
}

/** @param {readonly Summary[]} units */
const numbersOf = (units) => [...new Set(units.flatMap(({ numbers = [] }) => numbers))];

/** Where a request goes, without what is different every time. @param {string} target */
export function pathOf(target) {
  const path = target.split("?")[0];
  return path.replace(/\/compare-[0-9a-z]{18}(?=\/|$)/, "/…");
}

const NO_SCRIPT = "the browser does this by itself, and tells no script when";
const NOT_NOTED = "the page has not noted it";
const NOT_KEPT = "the lab has not told of it";
const NO_CLOCK = "the page noted it, and its clock is being set";

/** @param {number|null} us @param {number|null|undefined} ms  as noted @param {boolean} byItself */
function missing(us, ms, byItself) {
  if (us !== null) return "";
  if (byItself) return NO_SCRIPT;
  return Number.isFinite(ms) ? NO_CLOCK : NOT_NOTED;
}

/**
 * @param {Exchange[]} exchanges
 * @param {import("./matching.js").Matcher} matcher
 * @param {readonly Observed[]} observed
 * @param {(origin: string) => string[]} lanesOf
 * @param {{at: (ms: number) => number}} clock
 * @returns {Model}
 */
export function modelOf(exchanges, matcher, observed, lanesOf, clock) {
  /** @type {Arrow[]} */
  const arrows = [];
  /** @type {Bar[]} */
  const bars = [];
  const at = (/** @type {number|null|undefined} */ ms) => {
    const us = ms === null || ms === undefined ? NaN : clock.at(ms);
    return Number.isFinite(us) ? us : null;
  };

  for (const exchange of exchanges) {
    const one = matcher.partner(exchange.key);
    const { key, lane, connection, up, down, method, target } = exchange;
    const which = { lane, connection, exchange: exchange.exchange };
    const isPreflight = method === "OPTIONS";
    const isEmpty = down.some(({ is_empty_answer }) => is_empty_answer === true) && !down.some(({ is_empty_answer }) => is_empty_answer === false);
    const cameBack = one !== undefined && Number.isNaN(one.sentMs);
    const common = { lane, which, isEmpty, kind: /** @type {Arrow["kind"]} */ ("question"), events: 0, mayBeMore: false };

    if (up.length > 0) {
      const pageUs = at(one?.sentMs);
      arrows.push({
        ...common, id: `${key} up`, direction: "up", n: up[0].n, kind: isPreflight ? "preflight" : "question",
        short: method || "body", what: isPreflight ? `preflight: OPTIONS ${pathOf(target)}` : method === "" ? "the rest of a request" : `${method} ${pathOf(target)}`,
        bytes: bytesOf(up), serverUs: up[up.length - 1].last_us, pageUs, missing: missing(pageUs, one?.sentMs, isPreflight || cameBack),
      });
    }
    if (down.length > 0) {
      const head = down.find(({ kind }) => kind === "answer_head");
      const numbers = numbersOf(down);
      const mayBeMore = mayHaveMore(down);
      const events = eventsText(numbers, mayBeMore);
      const status = head?.status ?? null;
      // Of an answer that goes on in pieces, this is the head.
      const cameMs = exchange.streams || exchange.upgraded ? one?.firstMs : one?.endMs ?? one?.firstMs;
      const pageUs = at(cameMs);
      arrows.push({
        ...common, id: `${key} down`, direction: "down", n: down[0].n, kind: isPreflight ? "preflight" : "answer",
        short: isEmpty ? "empty" : events || String(status ?? "answer"),
        what: isPreflight ? `answer to the preflight: ${head?.title ?? ""}` : `${isEmpty ? "empty answer" : exchange.streams ? "answer begins" : "answer"}: ${[head?.title ?? "", events].filter(Boolean).join(", ")}`,
        bytes: bytesOf(down), events: numbers.length, mayBeMore, serverUs: down[0].first_us, pageUs, missing: missing(pageUs, cameMs, isPreflight),
      });
    }
    const asked = up.at(-1)?.last_us;
    const answered = down[0]?.first_us ?? exchange.pieces[0]?.first_us ?? null;
    // Without an answer it is held for as long as the page is known to wait for one.
    const isAwaited = one !== undefined && one.firstMs === null && one.endMs === null;
    if (asked !== undefined && !isPreflight && !exchange.upgraded && (answered === null ? isAwaited : answered - asked >= HELD_US)) {
      bars.push({ id: `${key} held`, lane, fromUs: asked, toUs: answered });
    }
    for (const unit of exchange.pieces) {
      const message = matcher.message(unit.n);
      const pageUs = at(message?.atMs);
      const control = isControl(unit);
      const numbers = unit.numbers ?? [];
      const isFrame = unit.kind === "frame";
      const mayBeMore = mayHaveMore([unit]);
      const events = eventsText(numbers, mayBeMore);
      arrows.push({
        ...common, id: `${lane} ${unit.n}`, direction: unit.direction, n: unit.n, isEmpty: false, kind: control ? "control" : "message",
        short: events || (isFrame ? unit.title.split(/[ ,]/)[0] : control ? "end" : "chunk"),
        what: [unit.title.replace(/,? [\d,]+ B$/, ""), events].filter(Boolean).join(", "),
        bytes: unit.size, events: numbers.length, mayBeMore, serverUs: unit.direction === "up" ? unit.last_us : unit.first_us, pageUs,
        missing: missing(pageUs, message?.atMs, control),
      });
    }
  }

  // What the page sent, and the lab has not told of.
  for (const one of observed) {
    const pageUs = at(one.sentMs);
    const [lane, another] = lanesOf(one.origin);
    if (lane === undefined || another !== undefined || pageUs === null || matcher.isTaken(one)) continue;
    arrows.push({
      lane, which: null, isEmpty: false, events: 0, mayBeMore: false, id: `observed ${one.id}`, direction: "up", n: null, kind: "question", short: one.method,
      what: `${one.method} ${pathOf(one.target)}`, bytes: null, serverUs: null, pageUs, missing: NOT_KEPT,
    });
  }
  arrows.sort((one, other) => beginOf(one) - beginOf(other));
  return { arrows, bars };
}

/** @param {Arrow} arrow  µs of the end that was measured, the sender's if it was */
export function beginOf({ direction, serverUs, pageUs }) {
  return (direction === "up" ? pageUs ?? serverUs : serverUs ?? pageUs) ?? NaN;
}

/** @param {Arrow} arrow  µs at which all of it is over */
export function endOf({ direction, serverUs, pageUs }) {
  return (direction === "up" ? serverUs ?? pageUs : pageUs ?? serverUs) ?? NaN;
}

/** @param {Arrow} arrow  both ends of which are known */
const onWayUs = (arrow) => endOf(arrow) - beginOf(arrow);

/**
 * How it is drawn: both ends at the same height where they are closer than the clock can tell.
 * @param {Arrow} arrow @param {number} boundUs  the most the clock may be wrong by; NaN while nobody knows
 * @returns {{pageUs: number|null, serverUs: number|null, isLevel: boolean}}
 */
export function drawnEnds(arrow, boundUs) {
  const { pageUs, serverUs } = arrow;
  if (pageUs === null || serverUs === null) return { pageUs, serverUs, isLevel: false };
  // What came before it is said to have left was noted late, and how late nobody knows.
  const isLevel = Math.abs(pageUs - serverUs) < boundUs || onWayUs(arrow) < 0;
  return { pageUs: isLevel ? serverUs : pageUs, serverUs, isLevel };
}

/**
 * How long it was on its way, in words.
 * @param {Arrow} arrow @param {number} boundUs @param {(ms: number) => string} text  of a duration
 */
export function onWayText(arrow, boundUs, text) {
  const { pageUs, serverUs, missing } = arrow;
  if (pageUs === null || serverUs === null) return missing;
  if (!Number.isFinite(boundUs)) return "the clock is being set";
  if (Math.abs(pageUs - serverUs) < boundUs) return `less than the clock can tell (${errorText(boundUs / 1000)})`;
  const ms = onWayUs(arrow) / 1000;
  if (ms < 0) return `cannot be told: the lab noted it ${text(-ms)} late`;
  return `${text(ms)} ± ${errorText(boundUs / 1000)}`;
}

/**
 * Widths of arrows, px: the least for nothing, and 1¼ more for every fourfold of 64 bytes.
 * @param {number|null} bytes @param {boolean} isEmpty @param {number} [least]  3 where it is projected
 */
export function thicknessOf(bytes, isEmpty, least = 2) {
  if (isEmpty || bytes === null) return least;
  return Math.min(least + 8, least + 0.5 + Math.max(0, Math.log2(bytes / 64) / 2) * 1.25);
}

/**
 * Which labels are shown: those of more weight first, then the older; none where another stands.
 * @param {{id: string, y: number, weight: number}[]} wanted  y in px; in order of time
 * @param {number} height  of a label, px
 * @returns {Set<string>}
 */
export function labelsThatFit(wanted, height) {
  /** @type {Set<string>} */
  const shown = new Set();
  const byWeight = [...wanted].sort((one, other) => other.weight - one.weight);
  const taken = new Map(); // by row of `height`: two rows on either side are all that may collide
  for (const { id, y } of byWeight) {
    const row = Math.floor(y / height);
    const isFree = [row - 1, row, row + 1].every((near) => !(Math.abs((taken.get(near) ?? -Infinity) - y) < height));
    if (!isFree) continue;
    taken.set(row, y);
    shown.add(id);
  }
  return shown;
}

/** Marks of the axis: a step that is 1, 2 or 5 of something, and about `wanted` of them. @param {number} spanUs @param {number} wanted */
export function stepOf(spanUs, wanted) {
  const least = spanUs / wanted;
  const ten = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((times) => times * ten).find((step) => step >= least) ?? 10 * ten;
}

/**
 * What a lane's network was under, with what the lab says now. The lab tells since when something holds. When it was lifted
 * is not told: then it ended somewhere between what was heard last and now.
 * The same instant may come out a little different each time that it is taken over from another of the lab's clocks.
 * @typedef {{text: string, fromUs: number, sureToUs: number|null, toUs: number|null}} Band  null: it still holds
 * @param {Band[]} bands @param {{text: string, since_us: number}|null} conditions @param {number} nowUs @param {number} heardUs  when the lab told before
 * @returns {Band[]}
 */
export function bandsWith(bands, conditions, nowUs, heardUs) {
  const last = bands.at(-1);
  const holds = last !== undefined && last.toUs === null;
  if (conditions === null ? !holds : holds && last.text === conditions.text && Math.abs(last.fromUs - conditions.since_us) < SAME_US) return bands;
  const before = holds ? bands.slice(0, -1) : bands;
  const ended = !holds ? [] : [conditions === null
    ? { ...last, sureToUs: Math.max(last.fromUs, Number.isNaN(heardUs) ? last.fromUs : heardUs), toUs: nowUs }
    : { ...last, sureToUs: conditions.since_us, toUs: conditions.since_us }];
  return [...before, ...ended, ...(conditions === null ? [] : [{ text: conditions.text, fromUs: conditions.since_us, sureToUs: null, toUs: null }])];
}
