/*
  words.js: a phone's figures and guesses as text.
*/

/** @typedef {import("../state.js").Guess} Guess */
/** @typedef {import("../state.js").Question} Question */

/** Three digits that count: 0.412, 54.2, 1,680. @param {number} value */
export function shown(value) {
  const size = Math.abs(value);
  return value.toLocaleString("en", size >= 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 });
}

/** @param {number} value @param {string | undefined} unit */
export const withUnit = (value, unit) => (unit ? `${shown(value)} ${unit}` : shown(value));

/** @param {Question} question @param {Guess | null | undefined} guess @returns {string} "" where nothing was guessed */
export function inWords(question, guess) {
  if (!guess) return "";
  if (guess.unknown) return "I do not know";
  if (guess.number !== undefined) return withUnit(guess.number, question.unit);
  if (guess.choices) return guess.choices.map((place) => question.options?.[place - 1] ?? "").join("; ");
  if (guess.order) return guess.order.map((item, at) => `${at + 1}. ${question.items?.[item - 1] ?? ""}`).join(" · ");
  const { curve } = guess;
  if (curve) return curve.map((value, at) => (at === curve.length - 1 ? withUnit(value, question.unit) : shown(value))).join(" · ");
  return "";
}

/** One of many: "1 phone", "28 phones". @param {number} count @param {string} one @param {string} [many] */
export const counted = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

/** How far off, as a factor: that is what is remembered. @param {number} guess @param {number} truth @param {string} what */
export function compared(guess, truth, what) {
  if (guess <= 0 || truth <= 0) return guess === truth ? `Your guess is ${what}.` : "";
  const factor = Math.max(guess / truth, truth / guess);
  if (factor < 1.1) return `Your guess is within a tenth of ${what}.`;
  const times = `${shown(Number(factor.toPrecision(2)))} times`;
  return guess > truth ? `Your guess is ${times} ${what}.` : `${what.charAt(0).toUpperCase()}${what.slice(1)} is ${times} your guess.`;
}

/** Minutes and seconds: "1:05". @param {number} seconds */
export function clockTime(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
