// A phone that is one of many behind one router waits for its turn.

import assert from "node:assert/strict";
import { test } from "node:test";

const { joinInTurn } = await import("../../static/js/class/phone/in-turn.js");
const { Refused } = await import("../../static/js/class/phone/api.js");

/** A lab that lets in after some tries. @param {number} refusals @param {string} code */
function lab(refusals, code) {
  const seen = { tries: 0, waits: 0, waited: /** @type {number[]} */ ([]) };
  const join = async () => {
    seen.tries += 1;
    if (seen.tries <= refusals) throw new Refused(code, "no", "wait");
    return { name: "Quiet Otter" };
  };
  const later = async (/** @type {number} */ ms) => { seen.waited.push(ms); };
  return { seen, joined: joinInTurn("K4T7", () => { seen.waits += 1; }, { join, later }) };
}

test("who is refused for many joining at once asks again, and says so once", async () => {
  const { seen, joined } = lab(20, "too_many_join");
  assert.equal((await joined).name, "Quiet Otter");
  assert.deepEqual([seen.tries, seen.waits], [21, 1]);
  assert.ok(seen.waited.every((ms) => ms >= 2000 && ms <= 4000));
});

test("another refusal is told at once, and the same one in the end", async () => {
  for (const [code, tries] of /** @type {const} */ ([["door_closed", 1], ["too_many_join", 60]])) {
    const { seen, joined } = lab(1000, code);
    await assert.rejects(joined, (/** @type {import("../../static/js/class/phone/api.js").Refused} */ error) => error.code === code);
    assert.equal(seen.tries, tries);
  }
});
