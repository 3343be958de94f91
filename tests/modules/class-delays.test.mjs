// What a phone tells of its delays, and how it knows when a publication was meant.

import assert from "node:assert/strict";
import { test } from "node:test";
import { lateOf } from "../../static/js/class/phone/delays.js";
import { instantsOf } from "../../static/js/instant.js";

test("a phone's delays are five figures, and none where nothing came", () => {
  const delays = Array.from({ length: 101 }, (_, n) => 100 - n);
  assert.deepEqual(lateOf(delays), { mean: 50, p50: 50, p90: 90, p99: 99, max: 100 });
  assert.deepEqual(lateOf([7]), { mean: 7, p50: 7, p90: 7, p99: 7, max: 7 });
  assert.equal(lateOf([]), null);
});

test("where a lane does not say when a publication was meant, a source's padding does", () => {
  const plain = { intended_us: 1_763_800_000_000_000, published_us: 1_763_800_000_000_900, data: { n: 7, pad: "xxx" } };
  assert.deepEqual(instantsOf(plain), { intended_us: 1_763_800_000_000_000, published_us: 1_763_800_000_000_900 });
  const channels = { intended_us: NaN, published_us: NaN, data: { n: 7, pad: "1763800000000000xxx" } };
  assert.deepEqual(instantsOf(channels), { intended_us: 1_763_800_000_000_000, published_us: 1_763_800_000_000_000 });
  for (const data of [undefined, null, "17638000000000000", { pad: 7 }, { pad: "176380000000000x" }]) {
    assert.ok(Number.isNaN(instantsOf({ intended_us: NaN, published_us: NaN, data }).intended_us), JSON.stringify(data));
  }
});
