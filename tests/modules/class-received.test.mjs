// "received 40 of 48": of a group on the wall; groups on one lane told apart; and what a step waits for.

import assert from "node:assert/strict";
import { test } from "node:test";

// A page of a lab that has told no lanes: they have no short names then.
Object.assign(globalThis, { document: { body: { dataset: { lab: JSON.stringify({ lanes: [], variants: [] }) } } } });
const { byLane } = await import("../../static/js/class/grid.js");
const { publishedOf, receivedByGroup, receivedText } = await import("../../static/js/class/received.js");
const { countedOf } = await import("../../static/js/class/counted.js");
const { waitWords } = await import("../../static/js/class/waiting.js");
const { arrivalText } = await import("../../static/js/class/wall/views.js");

const seat = (/** @type {string} */ id, /** @type {number} */ group, /** @type {number|null} */ received, more = {}) =>
  /** @type {any} */ ({ id, name: id, state: "open", lane: "channels", line: "open", delay_ms: 5, group, seen: received === null ? null : { requests: 0, empty: 0, received }, ...more });
const state = (/** @type {object} */ run, /** @type {any[]} */ grid, published = /** @type {number|undefined} */ (undefined)) =>
  /** @type {any} */ ({ lesson: { run: { kind: "live", state: "measuring", number: 1, ...run } }, groups: [{ group: 0, lane: "channels", poll_interval_ms: null }, { group: 1, lane: "sse", poll_interval_ms: null }], grid, published });

test("a group received what its phones did, from the least to the most", () => {
  const grid = [seat("a", 0, 40), seat("b", 0, 44), seat("c", 1, 48), seat("d", 1, null), seat("e", 0, 3, { state: "asleep" })];
  assert.deepEqual([...receivedByGroup(state({}, grid, 48))], [[0, "received 40 to 44 of 48"], [1, "received 48 of 48"]]);
  assert.equal(receivedByGroup(state({}, grid, 0)).size, 0, "nothing was published yet");
  assert.equal(receivedByGroup(state({ kind: "experiment" }, grid, 48)).size, 0);
});

test("what the question is about is counted over all phones that are open", () => {
  const counts = (/** @type {number} */ requests, /** @type {number} */ empty, /** @type {number} */ received, more = {}) => seat("a", 0, 0, { seen: { requests, empty, received }, ...more });
  const grid = [counts(14, 13, 2), counts(15, 13, 2), seat("c", 0, null), counts(9, 9, 9, { state: "asleep" })];
  const asked = (/** @type {string} */ about, /** @type {object} */ run = {}) => {
    const whole = state(run, grid, 2);
    return countedOf({ ...whole, groups: whole.groups.slice(0, 1), lesson: { ...whole.lesson, asks_about: about } });
  };
  assert.deepEqual(asked("empty"), { figure: "26", words: "of 29 answers brought nothing new, on 2 phones" });
  assert.deepEqual(asked("requests"), { figure: "29", words: "questions asked by 2 phones" });
  assert.deepEqual(asked("received"), { figure: "4", words: "messages received by 2 phones; 2 published" });
  assert.equal(asked("empty", { state: "waiting" }), null, "of another run");
  assert.equal(asked("empty", { kind: "experiment" }), null);
  assert.equal(countedOf({ ...state({}, grid, 2) }), null, "the question is about something else");
});

test("once a run is over its own count holds, and nobody got more than there was", () => {
  assert.equal(publishedOf(state({ state: "over", published: 48 }, [])), 48);
  assert.equal(publishedOf(state({}, [], 12)), 12);
  assert.equal(publishedOf(state({}, [])), null);
  assert.equal(receivedText(1234, 1230), "received 1,230 of 1,230");
});

test("groups on one lane are told apart by how often they ask", () => {
  const groups = /** @type {any[]} */ ([100, 1000].map((ms, group) => ({ group, lane: "short-poll", poll_interval_ms: ms })));
  const grid = [seat("a", 0, 1, { lane: "short-poll" }), seat("b", 1, 1, { lane: "short-poll" }), seat("c", 1, 1, { lane: "short-poll" })];
  const found = byLane(grid, groups).map(({ name, count }) => `${name}: ${count}`);
  assert.deepEqual(found, ["short-poll, every 1,000 ms: 2", "short-poll, every 100 ms: 1"]);
  assert.equal(byLane(grid).length, 1);
});

test("what is waited for is in words, with how far it is and until when", () => {
  const wait = /** @type {any} */ ({ until: "publications >= 3", seen: false, so_far: ["messages published: 2 of 3"], since_us: 0, late_us: 0, otherwise: "again" });
  assert.deepEqual(waitWords(wait, 19.2), { what: "Waiting for at least 3 messages published, for 20 s more at most", soFar: ["messages published: 2 of 3"] });
  assert.match(waitWords(wait, 0).what, /the time for it is over$/);
  assert.deepEqual(waitWords({ ...wait, seen: true }, 5), { what: "Seen: at least 3 messages published", soFar: [] });
});

test("a run that waits for phones says how many are there, and when it begins without the others", () => {
  const run = /** @type {any} */ ({ kind: "live", state: "warming", measured_from_us: null });
  assert.equal(arrivalText(run, [seat("a", 0, null), seat("b", 0, null, { line: "connecting" })], 2.4), "1 of 2 phones is connected; it begins when all are, or in 3 s");
});
