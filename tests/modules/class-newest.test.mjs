// The number of a market that a phone shows; of anything else none.

import assert from "node:assert/strict";
import { test } from "node:test";

Object.assign(globalThis, { document: { body: { dataset: { lab: JSON.stringify({ lanes: [], variants: [] }) } } } });
const { numberOf } = await import("../../static/js/class/phone/newest.js");

test("the newest number is the first price of a market", () => {
  assert.deepEqual(numberOf({ n: 1, quotes: [{ symbol: "ABC", price: 12.5, change: 0 }, { symbol: "DEF", price: 1, change: 0 }] }), { name: "ABC", value: 12.5 });
  for (const other of [undefined, null, 5, "text", {}, { quotes: [] }, { quotes: "x" }, { quotes: [{ symbol: 1, price: 2 }] }, { quotes: [{ symbol: "A", price: "2" }] }]) assert.equal(numberOf(other), null);
});
