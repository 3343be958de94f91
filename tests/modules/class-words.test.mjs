// Figures, guesses and refusals of a class as text, without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { clockTime, compared, counted, inWords, refusalText, shown } from "../../static/js/class/words.js";

/** @typedef {import("../../static/js/class/state.js").Question} Question */
/** @type {Record<string, Question>} */
const ASKED = {
  number: { as: "number", question: "", min: 0, max: 1000, unit: "of 60", scale: "linear" },
  choice: { as: "choice", question: "", options: ["1 or 2", "6"], many: true },
  curve: { as: "curve", question: "", x: [1, 10], x_unit: "km", min: 0, max: 10, unit: "s" },
  order: { as: "order", question: "", items: ["a", "b"] },
};

test("figures have three digits that count, and thousands their comma", () => {
  assert.deepEqual([0, 0.4123, 54.26, 999.6, 1680.4, NaN].map((value) => shown(value)), ["0", "0.412", "54.3", "1,000", "1,680", "—"]);
  assert.equal(shown(1234.56, 4), "1,235");
});

test("a guess of each kind in words, and a curve with a point that was not measured", () => {
  assert.equal(inWords(ASKED.number, { number: 30 }), "30 of 60");
  assert.equal(inWords(ASKED.choice, { choices: [1, 2] }), "1 or 2; 6");
  assert.equal(inWords(ASKED.curve, { curve: [0.1, 2] }), "0.1 · 2 s");
  assert.equal(inWords(ASKED.curve, { curve: [null, 2] }), "– · 2 s");
  assert.equal(inWords(ASKED.curve, { curve: [null, null] }), "");
  assert.equal(inWords(ASKED.order, { order: [2, 1] }), "1. b; 2. a");
  assert.equal(inWords(ASKED.number, { unknown: true }), "I do not know");
  assert.equal(inWords(ASKED.number, null), "");
});

test("how far off a guess was is a factor, of a curve at its end, of an order a count", () => {
  const number = (/** @type {number} */ guess, /** @type {object} */ truth) => compared(ASKED.number, { number: guess }, { right: [], ...truth });
  assert.equal(number(54, { measured: [54.2], theory: [1] }), "Your guess is within a tenth of what was measured.");
  assert.equal(number(30, { measured: [60] }), "What was measured is 2 times your guess.");
  assert.equal(number(500, { theory: [5] }), "Your guess is 100 times the prediction.");
  assert.equal(number(0, { theory: [5] }), "Your guess is 5 of 60 from the prediction.");
  assert.equal(number(0, {}), "");
  assert.equal(compared(ASKED.curve, { curve: [1, 2] }, { measured: [1, 4], right: [] }), "At 10 km: what was measured is 2 times your guess.");
  assert.equal(compared(ASKED.order, { order: [2, 1] }, { right: [2, 1] }), "All stand in their place.");
  assert.equal(compared(ASKED.order, { order: [2, 1] }, { right: [1, 2] }), "In their place: 0 of 2.");
  assert.equal(compared(ASKED.number, { unknown: true }, { measured: [1], right: [] }), "");
});

test("times and counts", () => {
  assert.deepEqual([120, 65, 0.2, 60.0001, -3].map(clockTime), ["2:00", "1:05", "0:01", "1:00", "0:00"]);
  assert.deepEqual([counted(1, "poller"), counted(28, "poller"), counted(2, "guess", "guesses")], ["1 poller", "28 pollers", "2 guesses"]);
});

test("a refusal is a sentence, with what helps", () => {
  assert.equal(refusalText({ message: "this is not the code", hint: "Look at the wall." }, 403), "This is not the code. Look at the wall.");
  assert.equal(refusalText({ message: "Is it on?" }), "Is it on?");
  assert.equal(refusalText(undefined, 502), "The lab answered 502.");
});
