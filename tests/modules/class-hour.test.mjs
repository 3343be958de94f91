// The plan of an hour as text, without a browser: minutes used beside minutes planned, and what comes next.

import assert from "node:assert/strict";
import { test } from "node:test";
import { behind, minutesUsed, nextRow, rowMinutes, shortened, stepTime } from "../../static/js/class/hour.js";

const MIN = 60_000_000;
const NINE = 1_764_465_120_000_000;

/** @param {number} from @param {number} to @param {string|null} lesson @param {number} used  minutes */
const row = (from, to, lesson, used) => ({ from, to, lesson, note: "", bridge: "", used_us: used * MIN });

/** @param {number} at @param {number} sinceMin */
const plan = (at, sinceMin) => ({
  id: "45", title: "", minutes: 45, began_us: NINE, row: at, since_us: NINE + sinceMin * MIN,
  rows: [row(0, 4, null, 4), row(4, 9, "one", at === 1 ? 0 : 4), row(9, 15, "two", 0), row(15, 45, null, 0)],
});

test("minutes used stand beside those planned, of the row and of the hour", () => {
  assert.equal(minutesUsed(plan(1, 4), NINE + 8.9 * MIN), "4 min of 5, 8 of 45");
  // What was written down for this row before counts.
  const back = { ...plan(1, 10), rows: [row(0, 4, null, 4), row(4, 9, "one", 3)] };
  assert.equal(minutesUsed(back, NINE + 12 * MIN), "5 min of 5, 12 of 45");
  assert.equal(minutesUsed({ ...plan(1, 4), row: 9 }, NINE + 8 * MIN), "8 of 45");
});

test("a class is behind once the hour is further than its row, by two minutes or more", () => {
  assert.equal(behind(plan(1, 4), NINE + 9 * MIN), "");
  assert.equal(behind(plan(1, 5), NINE + 10.5 * MIN), "");
  assert.equal(behind(plan(1, 4), NINE + 11 * MIN), "2 min behind the plan");
  assert.equal(behind(plan(2, 20), NINE + 20 * MIN), "11 min behind the plan");
});

test("rows that were left say what they took, others what is planned", () => {
  const now = plan(2, 9);
  assert.deepEqual([0, 1, 2, 3].map((at) => rowMinutes(now, at, NINE + 12 * MIN)), ["4 of 4 min", "4 of 5 min", "3 of 6 min", "30 min"]);
});

test("what comes next can be given; what cannot is left out, and the last row has none", () => {
  assert.deepEqual(nextRow(plan(0, 0), () => true), { at: 1, leftOut: [] });
  assert.deepEqual(nextRow(plan(0, 0), (id) => id !== "one"), { at: 2, leftOut: [1] });
  assert.deepEqual(nextRow(plan(1, 4), () => false), { at: 3, leftOut: [2] });
  assert.deepEqual(nextRow(plan(3, 15), () => true), { at: null, leftOut: [] });
});

test("what is done is named by its beginning", () => {
  assert.equal(shortened("In threes, part 6 of the worksheet: a thermometer. Two groups speak."), "In threes, part 6 of the worksheet");
  assert.equal(shortened("All join."), "All join");
  assert.equal(shortened("Version 1.5 is read aloud"), "Version 1.5 is read aloud");
});

test("a step's time, with what has passed since it was written down", () => {
  const times = { since_us: NINE, steps: [{ kind: "say", planned_s: 20, used_us: 5_000_000 }, { kind: "set", planned_s: 0, used_us: 0 }] };
  assert.equal(stepTime(times, 0, NINE + 37_400_000), "This step: 0:42 of 0:20");
  assert.equal(stepTime(times, 1, NINE + 2_000_000), "This step: 0:02");
  assert.equal(stepTime(times, 7, NINE), "");
  // Never begun: a class of an earlier version.
  assert.equal(stepTime({ ...times, since_us: 0 }, 0, NINE), "This step: 0:05 of 0:20");
});
