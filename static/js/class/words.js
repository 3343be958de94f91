/*
  words.js: figures, guesses and refusals as text: on a phone, on the wall, and for who has a lesson alone. Pure.
*/

/**
 * @typedef {import("./state.js").Guess} Guess
 * @typedef {import("./state.js").Question} Question
 * @typedef {(number | null)[]} Values   of a curve one for each point; null: nothing was measured there
 */

/** Digits that count, no exponent, and thousands with their comma: 0.412, 54.2, 1,680. @param {number} value @param {number} [digits] */
export function shown(value, digits = 3) {
  if (!Number.isFinite(value)) return "—";
  const isLarge = Math.abs(value) >= 10 ** digits;
  return value.toLocaleString("en", isLarge ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: digits });
}

/** @param {number} value @param {string | undefined} unit */
export const withUnit = (value, unit) => (unit && unit !== `of ${shown(value)}` ? `${shown(value)} ${unit}` : shown(value));

/** One of many: "1 phone", "28 phones". @param {number} count @param {string} one @param {string} [many] */
export const counted = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

/** How many have done it: "1 of 4 has guessed". @param {number} count @param {string} done */
export const haveDone = (count, done) => `${count === 1 ? "has" : "have"} ${done}`;

/** Of a guess: in the second round it is made again. @param {number | undefined} round */
export const guessedIn = (round) => (round !== undefined && round > 1 ? "guessed again" : "guessed");

/** What was guessed, or what came out in its form. @param {Question} question @param {Guess | {curve: Values} | null | undefined} guess @returns {string} "" where there is nothing to say */
export function inWords(question, guess) {
  if (guess === null || guess === undefined) return "";
  if ("unknown" in guess) return "I do not know";
  if ("number" in guess) return Number.isFinite(guess.number) ? withUnit(guess.number, unitOf(question)) : "";
  if ("choices" in guess) return named(guess.choices, question.as === "choice" ? question.options : []).join("; ");
  if ("order" in guess) return named(guess.order, question.as === "order" ? question.items : []).map((name, at) => `${at + 1}. ${name}`).join("; ");
  if (guess.curve.every((value) => value === null)) return "";
  const unit = unitOf(question);
  return `${guess.curve.map((value) => (value === null ? "–" : shown(value))).join(" · ")}${unit === "" ? "" : ` ${unit}`}`;
}

/**
 * How far off a guess is, in one sentence: of numbers as a factor, since that is what is remembered; of a curve at its last
 * point that has a number; of an order by how many stand in their place.
 * @param {Question} question @param {Guess} guess
 * @param {{measured?: Values, theory?: Values, right: number[]}} truth  of a number lists of one
 */
export function compared(question, guess, { measured, theory, right }) {
  if (question.as === "order" && "order" in guess) {
    if (right.length === 0) return "";
    const inPlace = guess.order.filter((item, at) => item === right[at]).length;
    return inPlace === right.length ? "All stand in their place." : `In their place: ${inPlace} of ${right.length}.`;
  }
  const what = measured === undefined ? "the prediction" : "what was measured";
  const values = measured ?? theory ?? [];
  if (question.as === "number" && "number" in guess) return factor(question, guess.number, values[0], what, "");
  if (question.as !== "curve" || !("curve" in guess)) return "";
  const known = question.x.map((_, at) => values[at] ?? null).findLastIndex((value) => value !== null);
  const last = known === -1 ? question.x.length - 1 : known;
  return factor(question, guess.curve[last], values[last], what, `At ${withUnit(question.x[last], question.x_unit)}: `);
}

/** Neighbours talk: the first guess is locked, and the presenter's timer runs. @param {import("./state.js").ClassState} state */
export const isTalk = ({ lesson, timer }) => lesson?.kind === "guess" && lesson.locked === true && lesson.round === 1 && !lesson.reveal && timer !== null && timer !== undefined;

/** What everybody does meanwhile. */
export const TALK = "Talk to your neighbour: what did you guess, and why? Then you guess again.";

/** @param {Question} question @param {number} guess @param {number | null | undefined} truth @param {string} what @param {string} where */
function factor(question, guess, truth, what, where) {
  if (truth === null || truth === undefined) return "";
  const begin = (/** @type {string} */ text) => (where === "" ? text : `${where}${text[0].toLowerCase()}${text.slice(1)}`);
  if (guess <= 0 || truth <= 0) return begin(guess === truth ? `Your guess is ${what}.` : `Your guess is ${withUnit(Math.abs(guess - truth), unitOf(question))} from ${what}.`);
  const off = Math.max(guess / truth, truth / guess);
  if (off < 1.1) return begin(`Your guess is within a tenth of ${what}.`);
  const times = `${shown(Number(off.toPrecision(2)))} times`;
  return begin(guess > truth ? `Your guess is ${times} ${what}.` : `${what[0].toUpperCase()}${what.slice(1)} is ${times} your guess.`);
}

/** Minutes and seconds, those included that have begun: "1:05". @param {number} seconds */
export function clockTime(seconds) {
  const whole = Math.max(0, Math.ceil(seconds - 0.001));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Why the lab refuses, for people: what is wrong, and what helps. @param {{message?: string, hint?: string} | null | undefined} error @param {number} [status] of the answer */
export function refusalText(error, status) {
  const message = error?.message || (status === undefined ? "The lab refuses it" : `The lab answered ${status}`);
  const sentence = `${message[0].toUpperCase()}${message.slice(1)}${/[.!?]$/.test(message) ? "" : "."}`;
  return error?.hint ? `${sentence} ${error.hint}` : sentence;
}

/** @param {number[]} places  from 1 @param {string[]} names */
const named = (places, names) => places.map((place) => names[place - 1] ?? "");

/** @param {Question} question */
const unitOf = (question) => (question.as === "number" || question.as === "curve" ? question.unit : "");
