// What a phone says about guesses and figures, without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { clockTime, compared, counted, inWords, shown } from "../../static/js/class/phone/words.js";

test("figures have three digits that count, and thousands their comma", () => {
  assert.deepEqual([0, 0.4123, 54.26, 999.6, 1680.4].map(shown), ["0", "0.412", "54.3", "1,000", "1,680"]);
});

test("a guess of each kind in words", () => {
  assert.equal(inWords({ as: "number", question: "", unit: "of 60" }, { number: 30 }), "30 of 60");
  assert.equal(inWords({ as: "choice", question: "", options: ["1 or 2", "6"] }, { choices: [1, 2] }), "1 or 2; 6");
  assert.equal(inWords({ as: "curve", question: "", unit: "s" }, { curve: [0.1, 2] }), "0.1 · 2 s");
  assert.equal(inWords({ as: "order", question: "", items: ["a", "b"] }, { order: [2, 1] }), "1. b · 2. a");
  assert.equal(inWords({ as: "number", question: "" }, { unknown: true }), "I do not know");
  assert.equal(inWords({ as: "number", question: "" }, null), "");
});

test("how far off a guess was is a factor", () => {
  assert.equal(compared(54, 54.2, "what was measured"), "Your guess is within a tenth of what was measured.");
  assert.equal(compared(30, 60, "what was measured"), "What was measured is 2 times your guess.");
  assert.equal(compared(500, 5, "the prediction"), "Your guess is 100 times the prediction.");
  assert.equal(compared(0, 5, "the prediction"), "");
});

test("times and counts", () => {
  assert.deepEqual([120, 65, 0.2, -3].map(clockTime), ["2:00", "1:05", "0:01", "0:00"]);
  assert.deepEqual([counted(1, "poller"), counted(28, "poller"), counted(2, "guess", "guesses")], ["1 poller", "28 pollers", "2 guesses"]);
});
