// The one sentence above the bytes, made from their figures; and what a guess at the covered ones was worth. Pure.

import { count } from "../../charts/format.js";
import { LAYERS } from "./bytes-sums.js";

/** "85 %", and never "100 %" or "0 %" of what is not all or nothing. @param {number} part @param {number} whole */
export function share(part, whole) {
  if (part === whole) return "all of them";
  const percent = (100 * part) / whole;
  if (percent > 99.5) return "more than 99 %";
  return percent < 0.5 ? "less than 1 %" : `${Math.round(percent)} %`;
}

/**
 * @param {object} shown
 * @param {string} shown.lane      its label
 * @param {string} shown.noun      "exchange", "handshake", "frame", "chunk"
 * @param {number} shown.total     bytes on the wire
 * @param {Record<string, number>} shown.layers
 * @param {boolean} shown.isEmpty  it asked, and there was nothing new
 * @param {number} [shown.unkept]  of the total, of which nothing is known
 */
export function sentenceOf({ lane, noun, total, layers, isEmpty, unkept = 0 }) {
  const data = layers.payload ?? 0;
  const [most, bytes] = Object.entries(layers).filter(([layer]) => layer !== "payload").reduce((best, one) => (one[1] > best[1] ? one : best), ["", 0]);
  const rest = most === "" ? "" : ` ${LAYERS[most]?.subject ?? `${most} is`} ${share(bytes, total)}`;
  const these = total === 1 ? `the one byte of this ${noun}` : `the ${count(total)} bytes of this ${noun}`;
  const cut = unkept > 0 ? ` ${count(unkept)} of them were not kept, and are in no other figure.` : "";
  if (isEmpty) return `${lane}: this ${noun} spent ${count(total)} bytes to learn that there was nothing new;${rest}.${cut}`;
  if (data === 0) return `${lane}: of ${these}, none are your data${noun === "handshake" ? ", and they are spent once for each connection" : ""};${rest}.${cut}`;
  const yours = `${unkept > 0 ? "at least " : ""}${count(data)} ${data === 1 ? "is" : "are"} your data`;
  if (rest === "") return `${lane}: of ${these}, ${yours}, ${share(data, total)}.${cut}`;
  return data >= total / 2 ? `${lane}: of ${these}, ${yours}, ${share(data, total)};${rest}.${cut}` : `${lane}: of ${these}, ${yours};${rest}.${cut}`;
}

/** @param {number} guess @param {number} counted  bytes that were covered */
export function verdictOf(guess, counted) {
  const there = `there ${counted === 1 ? "is one byte" : `are ${count(counted)} bytes`} under it`;
  if (guess === counted) return `Exactly: ${there}.`;
  if (counted === 0) return `Nothing is under it; you said ${count(guess)}.`;
  const times = guess > 0 && (guess >= 2 * counted || counted >= 2 * guess) ? `, ${(Math.max(guess, counted) / Math.min(guess, counted)).toFixed(1)} times off` : "";
  return `${count(Math.abs(guess - counted))} too ${guess < counted ? "few" : "many"}: ${there}, you said ${count(guess)}${times}.`;
}
