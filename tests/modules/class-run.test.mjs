// Until when a phone counts what it sees of a run.

import assert from "node:assert/strict";
import { test } from "node:test";
import { spanOf } from "../../static/js/class/phone/run-end.js";

const NONE = { fromUs: NaN, toUs: Infinity };
const run = (/** @type {"measuring" | "over"} */ state, /** @type {number | null} */ endsUs, fromUs = 1000) => /** @type {import("../../static/js/class/state.js").Run} */ (
  /** @type {unknown} */ ({ kind: "live", state, measured_from_us: fromUs, ends_us: endsUs }));

test("a run that is prolonged is counted until its newest end", () => {
  const first = spanOf(NONE, run("measuring", 5000));
  const longer = spanOf(first, run("measuring", 9000));
  assert.deepEqual([first.toUs, longer.toUs], [5000, 9000]);
});

test("what the class needs for its figures after the end is not counted", () => {
  const measuring = spanOf(NONE, run("measuring", 9000));
  const over = spanOf(measuring, run("over", 9400));
  assert.deepEqual([over.toUs, spanOf(over, run("over", 9400)).toUs], [9000, 9000]);
});

test("a run that was stopped is counted until then, and another run begins anew", () => {
  const measuring = spanOf(NONE, run("measuring", 9000));
  const stopped = spanOf(measuring, run("over", 4000));
  assert.equal(stopped.toUs, 4000);
  assert.deepEqual(spanOf(stopped, run("measuring", 30_000, 20_000)), { fromUs: 20_000, toUs: 30_000 });
  assert.equal(spanOf(NONE, run("over", 4000)).toUs, 4000, "a page that was loaded after it");
});
