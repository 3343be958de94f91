/*
  progress.js: how far a visitor has come with a lesson, and what they guessed. Kept in this browser alone.
*/

/** The parts, in their order. */
export const PARTS = /** @type {const} */ (["question", "guess", "run", "result", "why", "ask"]);
/** @typedef {(typeof PARTS)[number]} Part */

/**
 * @typedef {import("../class/guess-control.js").Guess} Guess
 * @typedef {object} Progress
 * @property {Part} part           where one is
 * @property {number} reached      the farthest part that was opened, by its place in PARTS
 * @property {Guess | null} guess  null: none yet
 * @property {string} seen         what was read off the page that measures
 * @property {number} answer       of the last question, from 1; 0 for none
 */

/** @returns {Progress} */
export const anew = () => ({ part: "question", reached: 0, guess: null, seen: "", answer: 0 });

/** @param {string} id @returns {Progress} */
export function progressOf(id) {
  try {
    const kept = JSON.parse(localStorage.getItem(`lab-lesson-${id}`) ?? "null");
    const isText = (/** @type {unknown} */ text) => typeof text === "string" && text.length < 100;
    const isKnown = PARTS.includes(kept?.part) && Number.isInteger(kept.reached) && kept.reached >= 0 && kept.reached < PARTS.length;
    if (!isKnown || !isGuess(kept.guess) || !isText(kept.seen) || !Number.isInteger(kept.answer)) return anew();
    return { part: kept.part, reached: kept.reached, guess: kept.guess, seen: kept.seen, answer: kept.answer };
  } catch {
    return anew();
  }
}

/** Whether it has the form of a guess, or is none. @param {unknown} guess @returns {guess is Guess | null} */
function isGuess(guess) {
  if (guess === null) return true;
  if (typeof guess !== "object") return false;
  const { unknown, number, choices, curve, order } = /** @type {Record<string, unknown>} */ (guess);
  const isList = (/** @type {unknown} */ list) => Array.isArray(list) && list.length <= 6 && list.every((each) => Number.isFinite(each));
  return unknown === true || Number.isFinite(number) || isList(choices) || isList(curve) || isList(order);
}

/** @param {string} id @param {Progress} progress */
export function keep(id, progress) {
  try { localStorage.setItem(`lab-lesson-${id}`, JSON.stringify(progress)); } catch { /* this page only */ }
}
