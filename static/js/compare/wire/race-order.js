// What a race is, in numbers: who came when, in which order, how far that order can be told, and on which axis it is
// drawn. Pure.

/**
 * One lane in the race of one publication.
 * @typedef {object} Entry
 * @property {string} lane
 * @property {string} label
 * @property {string} short
 * @property {"short_polls"|"held_polls"|"stream"} fetching
 * @property {number|null} delayMs  ms from when it happened to when this page had it; null: not yet
 * @property {number} heldMs        ms that it may have waited, because this page was busy with something else
 * @property {number|null} bytes    that this lane has cost since measuring began, both ways; null: not counted yet
 *
 * Where a lane may have come in: the first and the last place that the error of the timer leaves open.
 * @typedef {{best: number, worst: number}} Place
 *
 * @typedef {{maxMs: number, ticks: number[]}} Axis
 */

/** Parts of an axis: at least so many, so that there is something to read off. */
const PARTS_MIN = 3;

/**
 * Place of each lane, null for one that still waits. A page receives one thing after another: one that may have waited may
 * have been there as long before. Lanes that are not farther apart than that and the timer's error are not told apart, and
 * share the places between them.
 * @param {Entry[]} entries
 * @param {number} timerMs  that the difference of two readings of the page's timer may be off
 * @returns {Map<string, Place|null>}
 */
export function placesOf(entries, timerMs) {
  const came = entries.flatMap(({ delayMs, heldMs }) => (delayMs === null ? [] : [{ atMs: delayMs, fromMs: delayMs - heldMs }]));
  return new Map(entries.map(({ lane, delayMs, heldMs }) => [lane, delayMs === null ? null : {
    best: 1 + came.filter(({ atMs }) => atMs + timerMs < delayMs - heldMs).length,
    worst: came.length - came.filter(({ fromMs }) => delayMs + timerMs < fromMs).length,
  }]));
}

/** As they came in; who waits is last; else in the order of the page. @param {Entry[]} entries */
export function byArrival(entries) {
  return entries.toSorted((one, other) => (one.delayMs ?? Infinity) - (other.delayMs ?? Infinity) || 0);
}

/** When the last of those that came had come, ms. @param {Entry[]} entries */
export function endOf(entries) {
  return Math.max(0, ...entries.map(({ delayMs }) => delayMs ?? 0));
}

/**
 * An axis from 0 that holds so much: even steps of 1, 2 or 5 and their tens.
 * @param {number} ms @returns {Axis}
 */
export function axisUpTo(ms) {
  const wanted = Math.max(ms, 0.1) / PARTS_MIN;
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = ([5, 2].find((times) => times * power <= wanted) ?? 1) * power;
  const parts = Math.ceil(Math.max(ms, 0.1) / step - 1e-9);
  const exact = (/** @type {number} */ value) => Number(value.toPrecision(6));
  return { maxMs: exact(parts * step), ticks: Array.from({ length: parts + 1 }, (_, i) => exact(i * step)) };
}

/**
 * The axis of a race: to the last arrival; or, close up, a little farther than where half have arrived.
 * @param {Entry[]} entries @param {boolean} isCloseUp
 */
export function axisOf(entries, isCloseUp) {
  const half = halfOf(entries);
  return axisUpTo(isCloseUp && half !== null ? half * 1.25 : endOf(entries));
}

/** When half of the lanes had it, ms; null while fewer have. @param {Entry[]} entries */
function halfOf(entries) {
  return byArrival(entries)[Math.ceil(entries.length / 2) - 1]?.delayMs ?? null;
}

/**
 * Where a lane's dot is at an instant of the race.
 * @param {Entry} entry @param {number} atMs @param {Axis} axis
 * @returns {{at: number, isIn: boolean, isBeyond: boolean}}  at: 0 to 1; beyond: it has left this axis
 */
export function dotOf({ delayMs }, atMs, { maxMs }) {
  const ms = Math.max(0, Math.min(atMs, delayMs ?? Infinity));
  return { at: Math.min(1, ms / maxMs), isIn: delayMs !== null && atMs >= delayMs, isBeyond: Number.isFinite(ms) && ms > maxMs };
}

/**
 * The four instants that tell a race without motion.
 * @param {Entry[]} entries
 * @returns {{name: "start"|"first"|"half"|"last", atMs: number, came: Entry[]}[]}  came: who had arrived by then, as they came
 */
export function stillsOf(entries) {
  const came = byArrival(entries).filter(({ delayMs }) => delayMs !== null);
  const by = (/** @type {number} */ atMs) => came.filter(({ delayMs }) => (delayMs ?? Infinity) <= atMs);
  const at = (/** @type {"first"|"half"|"last"} */ name, /** @type {number|null|undefined} */ atMs) => (atMs === null || atMs === undefined ? [] : [{ name, atMs, came: by(atMs) }]);
  return [{ name: "start", atMs: 0, came: [] }, ...at("first", came[0]?.delayMs), ...at("half", halfOf(entries)), ...at("last", came.at(-1)?.delayMs)];
}
