// The race in words: places, delays no more precise than their error, and the sentences above it. Pure.

import { axisDuration, bytesText, count, NONE } from "../../charts/format.js";
import { messagesOf } from "../own-messages.js";
import { errorRoundedUp, errorText, NUMBER_SHARE, placesOfError } from "../trust.js";
import { byArrival, placesOf } from "./race-order.js";

/** @typedef {import("./race-order.js").Entry} Entry */

/** More lanes than this are counted and not named. */
const NAMED_MAX = 2;

/** Digits that an error leaves, and never more than three in all. @param {number} ms @param {number} errorMs @returns {string} */
export function measuredText(ms, errorMs) {
  const [value, error, unit] = Math.abs(ms) >= 1000 ? [ms / 1000, errorMs / 1000, "s"] : [ms, errorMs, "ms"];
  const size = Math.abs(value);
  const places = Math.min(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3, placesOfError(error));
  return `${value.toLocaleString("en", { minimumFractionDigits: places, maximumFractionDigits: places })} ${unit}`;
}

/** Whether all that can be said of a delay is a bound, by the rule of trust.js. @param {number} ms @param {number} errorMs */
const isBound = (ms, errorMs) => errorRoundedUp(errorMs) >= NUMBER_SHARE * ms;

/** @param {number} ms @param {number} errorMs */
const boundText = (ms, errorMs) => measuredText(Math.max(ms, 0) + errorRoundedUp(errorMs), errorMs);

/** A delay with what it may be off; or a bound. @param {number} ms @param {number|null} errorMs  null: the clock is not known */
export function delayText(ms, errorMs) {
  if (errorMs === null) return NONE;
  if (isBound(ms, errorMs)) return `below ${boundText(ms, errorMs)}`;
  return `${measuredText(ms, errorMs)} ± ${errorText(errorMs)}`;
}

/** @param {number} n */
function ordinal(n) {
  const ending = n % 100 >= 11 && n % 100 <= 13 ? "th" : ["th", "st", "nd", "rd"][n % 10] ?? "th";
  return `${n}${ending}`;
}

/** "2nd", or "1st–3rd" for lanes that are not told apart. @param {import("./race-order.js").Place|null} place */
export function placeText(place) {
  if (place === null) return "waits";
  return isShared(place) ? `${ordinal(place.best)}–${ordinal(place.worst)}` : ordinal(place.best);
}

/** @param {import("./race-order.js").Place|null} place */
export function placeNote(place) {
  return place !== null && isShared(place) ? "not told apart" : "";
}

/** @param {import("./race-order.js").Place} place */
const isShared = ({ best, worst }) => best !== worst;

/** @param {number|null} bytes */
export const bytesSoFarText = (bytes) => (bytes === null ? NONE : bytesText(bytes));

/** What happens how often, "one event of 60 bytes in 5 s". @param {import("../settings.js").Settings} settings */
export function loadWords({ rate_per_s: rate, size_bytes: size, payloads }) {
  const own = messagesOf(payloads).length > 0;
  const of = own ? "of your own messages" : `of ${count(size)} bytes`;
  if (rate === 1) return `one event ${own ? "" : `${of} `}a second`;
  return rate > 1 ? `${Number(rate.toFixed(2))} events ${of} a second` : `one event ${of} in ${axisDuration(Number((1000 / rate).toPrecision(3)))}`;
}

/** A label in a sentence: one that has a comma of its own in quotes. @param {string} label */
const named = (label) => (label.includes(",") ? `“${label}”` : label);

/** A lane with the setting that decides about it. @param {Entry} entry @param {import("../settings.js").Settings} settings */
function withSetting({ label, fetching }, { poll_interval_ms: every }) {
  return fetching === "short_polls" ? `${named(label)}, asking every ${axisDuration(every)}` : named(label);
}

/** The same among others. @param {Entry} entry @param {import("../settings.js").Settings} settings */
function amongOthers({ label, fetching }, { poll_interval_ms: every }) {
  return fetching === "short_polls" ? `${named(label)} (every ${axisDuration(every)})` : named(label);
}

/** @param {string[]} names */
const listed = (names) => (names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`);

/** "as many bytes as", "31 times the bytes of". @param {number} ratio */
function timesText(ratio) {
  if (ratio > 0.95 && ratio < 1.05) return "as many bytes as";
  const rounded = ratio >= 10 ? Math.round(ratio) : Number(ratio.toPrecision(2));
  return `${rounded.toLocaleString("en")} times the bytes of`;
}

/**
 * What the figures of one publication say: who was first and who last, what that cost, who waits, and which event it was; one
 * fact a sentence.
 * @param {object} race
 * @param {number} race.number
 * @param {Entry[]} race.entries
 * @param {import("../settings.js").Settings} race.settings
 * @param {number|null} race.delayErrorMs  of a delay: the clock is in it
 * @param {number} race.timerMs            of the difference of two: only the page's timer is
 */
export function sentenceOf({ number, entries, settings, delayErrorMs, timerMs }) {
  const waiting = entries.filter(({ delayMs }) => delayMs === null);
  const who = waiting.length > NAMED_MAX ? `${waiting.length} of ${entries.length} lanes` : waiting.length === 1 ? withSetting(waiting[0], settings) : listed(waiting.map((entry) => amongOthers(entry, settings)));
  return [
    ...orderSentences({ entries, settings, delayErrorMs, timerMs }),
    ...(waiting.length === 0 || waiting.length === entries.length ? [] : [`Still waiting: ${who}.`]),
    `This is event ${count(number)}, at ${loadWords(settings)}.`,
  ].join(" ");
}

/** @param {{entries: Entry[], settings: import("../settings.js").Settings, delayErrorMs: number|null, timerMs: number}} race @returns {string[]} */
function orderSentences({ entries, settings, delayErrorMs, timerMs }) {
  const came = byArrival(entries).filter(({ delayMs }) => delayMs !== null);
  const [fastest, slowest] = [came[0], came.at(-1)];
  if (fastest === undefined || slowest === undefined) return ["No lane has it yet."];
  const after = afterText(fastest.delayMs ?? 0, delayErrorMs);
  if (entries.length === 1) return [`The one lane that runs, ${withSetting(fastest, settings)}, had it ${after}.`];
  if (came.length === 1) return [`${whoWas("First", came, settings)}, ${after}.`];

  const places = placesOf(entries, timerMs);
  const first = came.filter(({ lane }) => places.get(lane)?.best === 1);
  const last = came.filter((entry) => !first.includes(entry) && places.get(entry.lane)?.worst === came.length);
  const all = came.length === 2 ? "Both lanes" : `All ${came.length} lanes`;
  if (last.length === 0) return [`${all}${came.length < entries.length ? " that have it" : ""} had it ${after}, and cannot be told apart.`];
  if (first.includes(slowest)) return [`${came.length} lanes had it.`, "Which was first or last cannot be told, because this page was busy when they came."];
  // What the clock is off is the same for both; how long each may have waited for this page is not.
  const marginMs = timerMs + Math.max(fastest.heldMs, slowest.heldMs);
  const later = `${measuredText((slowest.delayMs ?? 0) - (fastest.delayMs ?? 0), marginMs)} later`;
  return [`${whoWas("First", first, settings)}, ${after}.`, `${whoWas("Last", last, settings)}, ${later}.`, ...bytesSentence(fastest, slowest, last)];
}

/** @param {number} ms @param {number|null} errorMs */
function afterText(ms, errorMs) {
  if (errorMs === null) return "after a time that the clock does not tell yet";
  return isBound(ms, errorMs) ? `in less than ${boundText(ms, errorMs)}` : `after ${measuredText(ms, errorMs)}`;
}

/** @param {"First"|"Last"} place @param {Entry[]} who @param {import("../settings.js").Settings} settings */
function whoWas(place, who, settings) {
  if (who.length === 1) return `${place} was ${withSetting(who[0], settings)}`;
  const names = who.length > NAMED_MAX ? `${who.length} lanes` : listed(who.map((entry) => amongOthers(entry, settings)));
  return `${place} were ${names}, not told apart`;
}

/** @param {Entry} fastest @param {Entry} slowest @param {Entry[]} last @returns {string[]} */
function bytesSentence(fastest, slowest, last) {
  if (last.length > 1 || !fastest.bytes || !slowest.bytes) return [];
  return [`${named(slowest.label)} has cost ${timesText(slowest.bytes / fastest.bytes)} ${named(fastest.label)} so far.`];
}

/** What a still shows. @param {ReturnType<typeof import("./race-order.js").stillsOf>[number]} still @param {Entry[]} entries @param {number|null} errorMs @param {(lane: string) => string} noteOf  of its place */
export function stillText({ name, atMs, came }, entries, errorMs, noteOf) {
  const when = errorMs === null ? "" : ` ${afterText(atMs, errorMs)}`;
  const waiting = entries.filter(({ delayMs }) => delayMs === null).map(({ label }) => label);
  const who = (/** @type {Entry|undefined} */ entry) => (entry === undefined ? "" : `${entry.label}${noteOf(entry.lane) === "" ? "" : `, ${noteOf(entry.lane)} from others`}`);
  switch (name) {
    case "start": return `It happens: let go on ${entries.length === 1 ? "the lane" : `all ${entries.length} lanes at once`}.`;
    case "first": return `The first has it${when}: ${who(came[0])}.`;
    case "half": return `Half have it${when}: ${came.length} of ${entries.length}.`;
    default: return `The last ${waiting.length > 0 ? "that came " : ""}has it${when}: ${who(came.at(-1))}.${waiting.length > 0 ? ` Still waiting: ${listed(waiting)}.` : ""}`;
  }
}
