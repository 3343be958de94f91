// What strangers publish is anything that JSON has.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

const { eachForItself, textOf } = await import("../../static/js/strangers.js");
const { isHostFigures, isMarket } = await import("../../static/js/dashboard/published.js");

/** Each throws where it is made a text without a look. */
const POISON = JSON.parse('[{"toString":1,"valueOf":1}, [{"toString":null}], {"__proto__":null,"toString":{}}]');

test("what is no text is no text, and nothing of it is called", () => {
  for (const value of [...POISON, null, undefined, {}, []]) assert.equal(textOf(value), "");
  assert.deepEqual(["<b>", 12.5, true].map(textOf), ["<b>", "12.5", "true"]);
});

test("an error in one publication does not lose the next", () => {
  const said = mock.method(console, "error", () => {});
  /** @type {number[]} */
  const taken = [];
  const take = eachForItself((/** @type {number} */ n) => {
    if (n === 2) throw new TypeError("Cannot convert object to primitive value");
    taken.push(n);
  });
  for (const n of [1, 2, 3]) take(n);
  said.mock.restore();
  assert.deepEqual([taken, said.mock.callCount()], [[1, 3], 1]);
});

test("a dashboard shows whole figures or none", () => {
  const host = { cpu_percent: [1], load: [0, 0, 0], memory_used_bytes: 1, memory_total_bytes: 2, network_in_bytes_per_s: 0, network_out_bytes_per_s: 0, process_cpu_percent: 0, process_memory_bytes: 1 };
  const market = { n: 1, quotes: [{ symbol: "ABC", price: 1, change: 0 }] };
  assert.ok(isHostFigures(host) && isMarket(market));
  for (const [key, value] of Object.entries(host)) for (const other of [undefined, null, "1", { toString: 1 }]) assert.ok(!isHostFigures({ ...host, [key]: other }), `${key}: ${value}`);
  assert.ok(!isHostFigures({ ...host, cpu_percent: Array.from({ length: 5000 }, () => 1) }));
  for (const other of [undefined, null, "1", ...POISON]) assert.ok(!isMarket({ ...market, n: other }));
  for (const quotes of [POISON, Array.from({ length: 5000 }, () => market.quotes[0])]) assert.ok(!isMarket({ ...market, quotes }));
});
