// The sentence above the sequence, made of what was counted in the time it names. Pure.

import { bytesText, count, durationText } from "../../charts/format.js";

/** The time the sentence is about, at most. */
export const SENTENCE_US = 10e6;

/**
 * @typedef {object} LaneFigures
 * @property {string} label
 * @property {"short_polls"|"held_polls"|"stream"} fetching
 * @property {number} asked       questions, without preflights
 * @property {number} inVain      of them, answered with nothing
 * @property {number} preflights
 * @property {number} longestHoldUs  0: none was held
 * @property {number} messages    pieces of a stream with an event of the source in them
 * @property {number} events
 * @property {boolean} mayBeMore  bodies were not kept in whole, so that there may be more events
 * @property {number} others      pieces without: greetings, heartbeats
 * @property {number} bytes       all of it, both ways
 */

/**
 * @param {{lane: string, label: string, fetching: LaneFigures["fetching"]}} lane
 * @param {import("./sequence-model.js").Model} model
 * @param {number} fromUs @param {number} toUs
 * @returns {LaneFigures}
 */
export function figuresIn({ lane, label, fetching }, { arrows, bars }, fromUs, toUs) {
  const own = arrows.filter((arrow) => arrow.lane === lane && isIn(arrow.serverUs ?? arrow.pageUs, fromUs, toUs));
  const questions = own.filter(({ kind, direction }) => kind === "question" && direction === "up");
  const pieces = own.filter(({ kind }) => kind === "message" || kind === "control");
  const holds = bars.filter((bar) => bar.lane === lane && bar.fromUs <= toUs && (bar.toUs ?? toUs) > fromUs).map((bar) => Math.min(bar.toUs ?? toUs, toUs) - bar.fromUs);
  return {
    label, fetching,
    asked: questions.length,
    inVain: own.filter(({ isEmpty, kind }) => isEmpty && kind === "answer").length,
    preflights: own.filter(({ kind, direction }) => kind === "preflight" && direction === "up").length,
    longestHoldUs: Math.max(0, ...holds),
    messages: pieces.filter(({ events }) => events > 0).length,
    events: own.reduce((sum, { events }) => sum + events, 0),
    mayBeMore: own.some(({ mayBeMore }) => mayBeMore),
    others: pieces.filter(({ events }) => events === 0).length,
    bytes: own.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0),
  };
}

/** @param {number|null} us @param {number} fromUs @param {number} toUs */
const isIn = (us, fromUs, toUs) => us !== null && us > fromUs && us <= toUs;

/** "1 time", "20 times" @param {number} n @param {string} one @param {string} [many] */
const times = (n, one, many = `${one}s`) => `${n === 0 ? "no" : count(n)} ${n === 1 ? one : many}`;

/** @param {number} seconds */
function stretch(seconds) {
  const words = ["", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
  return seconds <= 1 ? "second" : `${words[seconds] ?? seconds} seconds`;
}

/**
 * @param {LaneFigures[]} lanes  those that are shown
 * @param {number} spanUs  the time they are about
 * @param {boolean} isLive  it ends now
 * @param {boolean} [atLeast]  messages of that time are missing
 * @returns {string}  "" where there is nothing to say it of
 */
export function sentenceOf(lanes, spanUs, isLive, atLeast = false) {
  if (lanes.length === 0 || !(spanUs > 0)) return "";
  const when = `${isLive ? "In the last" : "In the"} ${stretch(Math.max(1, Math.round(spanUs / 1e6)))}${isLive ? "" : " before the lower edge"}`;
  return `${when}${atLeast ? ", at least:" : ""} ${lanes.map(clauseOf).join("; ")}.`;
}

/** @param {LaneFigures} lane */
function clauseOf(lane) {
  const { label, fetching, asked, inVain, preflights, messages, events, others, bytes, longestHoldUs, mayBeMore } = lane;
  if (asked + messages + others + preflights + inVain === 0 && events === 0) {
    return longestHoldUs > 0 ? `${label} said nothing, and its question has been waiting for ${durationText(longestHoldUs / 1000)}` : `${label} said nothing`;
  }
  const all = bytes > 0 ? ` (${bytesText(bytes)})` : "";
  const flights = preflights > 0 ? `, and its browser sent ${times(preflights, "preflight")}` : "";
  if (fetching !== "stream") {
    const vain = inVain === 0 ? "none in vain" : inVain >= asked ? "always in vain" : `${count(inVain)} in vain`;
    const held = longestHoldUs > 0 && fetching === "held_polls" ? `, and was kept waiting for up to ${durationText(longestHoldUs / 1000)}` : "";
    const carried = asked === 0 ? `answered ${mayBeMore ? "at least " : ""}${times(events, "event")}` : `asked ${times(asked, "time")}, ${vain}${held}`;
    return `${label} ${carried}${flights}${all}`;
  }
  const besides = [...(others > 0 ? [`${count(others)} without an event`] : []), ...(asked > 0 ? [times(asked, "request")] : [])];
  const more = besides.length > 0 ? `, besides ${besides.join(" and ")}` : preflights === 0 ? " and nothing else" : "";
  return `${label} carried ${times(messages, "message")}${more}${flights}${all}`;
}
