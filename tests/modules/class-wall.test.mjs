// What the wall draws and says of the phones, without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";

// A page of a lab that has told no lanes: they have no short names then.
Object.assign(globalThis, { document: { body: { dataset: { lab: JSON.stringify({ lanes: [], variants: [] }) } } } });
const { shareOfTrack, tracksOf } = await import("../../static/js/class/wall/race.js");
const { byLane, whoFollow } = await import("../../static/js/class/grid.js");
const { usualOf } = await import("../../static/js/class/wall/lead.js");
const { whyWords } = await import("../../static/js/class/waiting.js");
const { conditionText } = await import("../../static/js/class/wall/condition.js");

/** @param {[string|null, number|null, ("open"|"asleep"|"gone")?][]} phones */
const seats = (phones) => phones.map(([lane, delay_ms, state = "open"], at) => /** @type {import("../../static/js/class/state.js").Seat} */ ({ id: `p${at}`, name: "", lane, delay_ms, state, here_by: "browser" }));

test("a track goes from 1 ms to 10 s, each decade as wide as the next", () => {
  assert.deepEqual([0, 1, 10, 100, 1000, 10_000, 60_000].map((ms) => Math.round(shareOfTrack(ms) * 1000) / 1000), [0, 0, 0.25, 0.5, 0.75, 1, 1]);
});

test("dots that would cover each other are stacked, and the middle one is marked", () => {
  const [track] = tracksOf(seats([["sse", 39], ["sse", 12], ["sse", 39.1], ["sse", 39.2], ["sse", 900]]));
  assert.equal(track.words, "half of the phones within 39 ms");
  assert.deepEqual(track.dots.map(({ id, level, isMiddle }) => [id, level, isMiddle]), [["p1", 0, false], ["p0", 0, false], ["p2", 1, true], ["p3", 2, false], ["p4", 0, false]]);
  assert.deepEqual([track.highest, track.phones], [3, 5]);
});

test("each lane in use has a track; who sleeps, is gone or heard nothing has no dot", () => {
  const tracks = tracksOf(seats([["sse", 30], ["sse", 31, "asleep"], ["sse", null], ["websocket", 2, "gone"], ["websocket", null], [null, 5]]));
  assert.deepEqual(tracks.map(({ lane, phones, dots, words }) => [lane, phones, dots.length, words]), [
    ["sse", 3, 1, "within 30 ms, 1 without a message yet"],
    ["websocket", 1, 0, "nothing received yet"],
  ]);
});

test("of several phones at one address one speaks, and the others have faint dots", () => {
  const phones = seats([["sse", 40], ["sse", 9000], ["sse", 9001], ["sse", 9002], ["sse", 9003]]).map((seat, at) => ({ ...seat, speaks: at === 0 || at === 2 }));
  const [track] = tracksOf(phones);
  assert.equal(track.words, "half of the phones within 40 ms, each address once");
  assert.deepEqual(track.dots.map(({ id, isMiddle, isHeard }) => [id, isMiddle, isHeard]), [["p0", true, true], ["p1", false, false], ["p2", false, true], ["p3", false, false], ["p4", false, false]]);
  assert.deepEqual(byLane(phones)[0].delays, [40, 9001]);
});

test("where native clients alone follow the class they are not called phones", () => {
  const [phone, native] = [seats([["sse", 3]])[0], { ...seats([["sse", 4]])[0], here_by: /** @type {const} */ ("native") }];
  const watching = { ...phone, lane: null };
  assert.deepEqual([[], [phone, native], [watching, native], [watching]].map(whoFollow), ["phone", "phone", "stand-in", "phone"]);
  assert.deepEqual(tracksOf([watching, native]).map(({ phones, who, words }) => [phones, who, words]), [[1, "stand-in", "within 4.0 ms"]]);
});

test("what a step waits for is told in plain words", () => {
  assert.equal(conditionText("short-poll.requests.per_phone >= 40 and publications >= 3"), "at least 40 questions per phone on short-poll, and at least 3 messages published");
  assert.equal(conditionText("websocket.connections_opened.per_phone >= 2"), "at least 2 connections made per phone on websocket");
  assert.equal(conditionText("ratio(sse.delivered.per_phone, publications) >= 0.95"), "at least 95 % of all messages received by the phones on sse");
  assert.equal(conditionText("ratio(sse.requests, publications) <= 0.2"), "questions on sse: at most 20 % of the messages published");
  assert.equal(conditionText("sse.received.p50 <= 20"), "sse.received.p50 <= 20");
});

test("what a step asks of who leads follows how far it is", () => {
  /** @param {object} lesson @param {object} [lead] @param {object} [run] */
  const at = (lesson, lead = {}, run) => usualOf(/** @type {any} */ ({ lesson: { kind: "guess", round: 1, locked: false, reveal: null, ask: null, run: run ?? null, ...lesson }, lead: { next: "run", hint: null, asks_again: false, plan: null, ...lead } }));
  assert.match(at({}), /alone.*lock\.$/);
  assert.equal(at({ locked: true }, { asks_again: true, hint: "explain" }), "", "the hint says it");
  assert.match(at({ locked: true }, { asks_again: true }), /ask again/);
  assert.doesNotMatch(at({ locked: true }), /again/, "this lesson proposes no second guess");
  assert.match(at({ round: 2 }), /have talked/);
  const run = (/** @type {string} */ kind, /** @type {string} */ state, more = {}) => at({ kind: "run", ...more }, {}, { kind, state });
  assert.match(run("live", "measuring", { asks_about: "empty" }), /what is counted/);
  assert.match(run("live", "measuring"), /dots/);
  assert.match(run("experiment", "measuring"), /no picture/);
  assert.match(run("live", "failed"), /again/);
  assert.notEqual(at({ kind: "reveal" }), at({ kind: "reveal", reveal: {} }));
  assert.notEqual(at({ kind: "ask", ask: { answers: null } }), at({ kind: "ask", ask: { answers: [1] } }));
  assert.match(at({ kind: "ask", ask: { answers: [1] } }, { next: null }), /Choose the next one below/);
  assert.match(at({ kind: "ask", ask: { answers: [1] } }, { next: null, plan: {} }), /in the plan/);
  assert.equal(at({ kind: "wait", wait: { seen: true } }), "");
});

test("why a run gave nothing names no figure by its name in the files", () => {
  assert.equal(whyWords("what the lesson waits for, short-poll.requests.per_phone >= 40, was not seen: publications is 1"), "What the lesson waits for was not seen in time.");
  assert.equal(whyWords("nothing can be published: the channel is full"), "Nothing can be published: the channel is full.");
  assert.equal(whyWords("Stopped by the teacher."), "Stopped by the teacher.");
});

test("before a live run counts, it says how many phones are connected", async () => {
  const { arrivalText } = await import("../../static/js/class/wall/views.js");
  const seat = (/** @type {string} */ id, /** @type {object} */ more = {}) => /** @type {any} */ ({ id, name: id, state: "open", lane: "sse", line: "open", delay_ms: null, ...more });
  const run = /** @type {any} */ ({ kind: "live", state: "warming", number: 1, began_us: 1, measured_from_us: null, ends_us: null });
  const seats = [seat("p1"), seat("p2", { line: "connecting" }), seat("p3", { lane: null, line: "idle" }), seat("p4", { state: "asleep" })];
  assert.equal(arrivalText(run, seats), "1 of 3 phones is connected; nothing is counted yet");
  assert.equal(arrivalText({ ...run, measured_from_us: 5 }, seats), null);
  assert.equal(arrivalText({ ...run, state: "measuring" }, seats), null);
});
