// What of a lane can be looked at, from the summaries of a tap: a question with its answer as one, and of what stays open
// the handshake and then each frame or chunk. Pure.

import { mayHaveMore } from "./sequence-model.js";

/** @typedef {import("./tap.js").Summary} Summary @typedef {import("./tap.js").Which} Which */

/**
 * @typedef {object} Item
 * @property {string} key
 * @property {Which} which
 * @property {number|null} n    the unit, of what stays open; null: all units of the exchange that are not such
 * @property {"exchange"|"handshake"|"frame"|"chunk"} noun
 * @property {number} firstUs
 * @property {string} title    of what stays open; of an exchange, that of its answer
 * @property {string} asked    of an exchange, the request line without its version
 * @property {number} size
 * @property {"up"|"down"|"both"} direction
 * @property {number[]} carried  numbers of events, or else positions of publications
 * @property {boolean} mayBeMore  it was not kept in whole: there may be more events in it
 * @property {boolean} isEmpty   an answer with nothing new
 * @property {boolean} isOpen    a question without an answer yet, as a held poll's
 * @property {number} units      how many units it has by now
 */

/** @param {Which} which */
export const keyOf = ({ lane, connection, exchange }) => `${lane}/${connection}/${exchange}`;

/**
 * @param {readonly Summary[]} units
 * @param {string} lane
 * @param {boolean} isStream  its answers stay open, so each chunk is a message
 * @returns {Item[]}  newest first
 */
export function itemsOf(units, lane, isStream) {
  /** @type {Map<string, Summary[]>} */
  const exchanges = new Map();
  for (const unit of units) {
    if (unit.lane !== lane) continue;
    const known = exchanges.get(keyOf(unit));
    if (known === undefined) exchanges.set(keyOf(unit), [unit]);
    else known.push(unit);
  }
  const items = [...exchanges.values()].flatMap((all) => {
    const isMessage = (/** @type {Summary} */ { kind }) => kind === "frame" || (kind === "chunk" && isStream);
    const alone = all.filter(isMessage);
    const together = all.filter((unit) => !isMessage(unit));
    return [...(together.length > 0 ? [itemOf(together, alone.length > 0)] : []), ...alone.map(messageOf)];
  });
  return items.sort((one, other) => other.firstUs - one.firstUs || (other.n ?? 0) - (one.n ?? 0));
}

/** @param {Summary} unit @returns {Which} */
const whichOf = ({ lane, connection, exchange }) => ({ lane, connection, exchange });

/** @param {Summary[]} units */
function carriedBy(units) {
  const numbers = units.flatMap((unit) => unit.numbers ?? []);
  return [...new Set(numbers.length > 0 ? numbers : units.flatMap(({ publications }) => publications))].sort((one, other) => one - other);
}

/** @param {Summary[]} units @param {boolean} staysOpen @returns {Item} */
function itemOf(units, staysOpen) {
  const head = units.find(({ kind }) => kind === "request_head") ?? units[0];
  const answer = units.find(({ kind, status }) => kind === "answer_head" && (status ?? 0) >= 200) ?? units.find(({ kind }) => kind === "answer_head");
  return {
    key: keyOf(head),
    which: whichOf(head),
    n: null,
    noun: staysOpen || answer?.status === 101 ? "handshake" : "exchange",
    firstUs: units[0].first_us,
    title: answer?.title ?? "",
    asked: head === answer ? "" : head.title,
    size: units.reduce((sum, { size }) => sum + size, 0),
    direction: "both",
    carried: carriedBy(units),
    mayBeMore: mayHaveMore(units),
    isEmpty: units.some(({ is_empty_answer }) => is_empty_answer === true),
    isOpen: units.every(({ direction }) => direction === "up"),
    units: units.length,
  };
}

/** @param {Summary} unit @returns {Item} */
function messageOf(unit) {
  return {
    key: `${keyOf(unit)}/${unit.n}`,
    which: whichOf(unit),
    n: unit.n,
    noun: unit.kind === "frame" ? "frame" : "chunk",
    firstUs: unit.first_us,
    title: unit.title,
    asked: "",
    size: unit.size,
    direction: unit.direction,
    carried: carriedBy([unit]),
    mayBeMore: mayHaveMore([unit]),
    isEmpty: false,
    isOpen: false,
    units: 1,
  };
}

/** The newest that carried something; else the newest. @param {Item[]} items  newest first @returns {Item|null} */
export function newestOf(items) {
  return items.find(({ carried }) => carried.length > 0) ?? items[0] ?? null;
}

/** What is looked at first: the newest that brought just one event, which is the easiest to read. @param {Item[]} items  newest first */
export function firstOf(items) {
  return items.find(({ carried, mayBeMore }) => carried.length === 1 && !mayBeMore) ?? newestOf(items);
}

/**
 * What was asked and answered, in a short line each: of the query only what is not the same in all.
 * @param {Item[]} items
 * @returns {string[]}
 */
export function titlesOf(items) {
  const queries = items.map(({ asked }) => [...new URLSearchParams(asked.split("?")[1] ?? "")]);
  /** @type {Map<string, Set<string>>} */
  const values = new Map();
  for (const query of queries) for (const [name, value] of query) values.set(name, (values.get(name) ?? new Set()).add(value));
  return items.map(({ title, asked, direction }, i) => {
    const arrow = direction === "up" ? "↑ " : direction === "down" ? "↓ " : "";
    const differs = queries[i].filter(([name]) => (values.get(name)?.size ?? 0) > 1).map(([name, value]) => `${name}=${value}`).join("&");
    if (differs === "") return `${arrow}${[title, asked.replace(/compare-[0-9a-z]{18}/, "…")].filter(Boolean).join(" ← ")}`;
    // Short: the status without its words, and the method only where it is an unusual one.
    const [method] = asked.split(" ");
    return [title.split(" ")[0], `${method === "GET" ? "" : `${method} `}?${differs}`].filter(Boolean).join(" ← ");
  });
}

/** "event 7", "at least 8 events", "events 7 to 9", "2 events, 7 to 9" @param {Item} item */
export function carriedText({ carried, mayBeMore, isEmpty, isOpen }) {
  if (carried.length === 0) return isEmpty ? "nothing new" : isOpen ? "no answer yet" : "";
  if (mayBeMore) return `at least ${carried.length} ${carried.length === 1 ? "event" : "events"}`;
  if (carried.length === 1) return `event ${carried[0]}`;
  const first = carried[0];
  const last = carried[carried.length - 1];
  return last - first === carried.length - 1 ? `events ${first} to ${last}` : `${carried.length} events, ${first} to ${last}`;
}
