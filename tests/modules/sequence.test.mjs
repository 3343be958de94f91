// The sequence's plain modules, without a browser: which instants belong together, what is drawn of them, up to when, and
// the sentence.

import assert from "node:assert/strict";
import { test } from "node:test";
import { exchangesOf, isControl, isSameTarget, Matcher } from "../../static/js/compare/wire/matching.js";
import { numbersIn } from "../../static/js/compare/wire/observed.js";
import { BEHIND_US, Playhead } from "../../static/js/compare/wire/playhead.js";
import { bandsWith, beginOf, drawnEnds, endOf, labelsThatFit, modelOf, onWayText, pathOf, stepOf, thicknessOf } from "../../static/js/compare/wire/sequence-model.js";
import { figuresIn, sentenceOf } from "../../static/js/compare/wire/sequence-sentence.js";

/** The page's clock: performance.now() 0 is second 1,000 of the server's. */
const clock = { at: (/** @type {number} */ ms) => 1000e6 + ms * 1000, boundUs: 300 };
const ORIGIN = "http://127.0.0.1:8081";
const lanesOf = (/** @type {string} */ origin) => (origin === ORIGIN ? ["lane"] : []);

let n = 0;
/** @param {Partial<import("../../static/js/compare/wire/tap.js").Summary> & {ms: number}} of  ms: performance.now() at which it passed the tap */
function unit({ ms, ...of }) {
  n += 1;
  return {
    n, lane: "lane", connection: 1, exchange: 1, direction: /** @type {const} */ ("down"), kind: /** @type {const} */ ("chunk"), at: 0, first_us: clock.at(ms), last_us: clock.at(ms),
    size: 100, kept: 100, hidden: [], title: "chunk, 100 B", status: null, method: null, is_empty_answer: null, publications: [], ...of,
  };
}
const head = (/** @type {number} */ exchange, /** @type {number} */ ms, target = "/short-poll/c?offset=1", method = "GET") =>
  unit({ ms, exchange, direction: "up", kind: "request_head", title: `${method} ${target}`, method, size: 500 });
const answer = (/** @type {number} */ exchange, /** @type {number} */ ms, isEmpty = false, numbers = /** @type {number[]} */ ([])) =>
  [unit({ ms, exchange, kind: "answer_head", title: "200 OK", status: 200, size: 200, is_empty_answer: isEmpty, numbers: [] }), unit({ ms, exchange, kind: "body", title: "body", size: 60, is_empty_answer: isEmpty, numbers })];

let id = 0;
/** @param {Partial<import("../../static/js/compare/wire/observed.js").Observed>} of */
function noted(of) {
  id += 1;
  return { id, kind: /** @type {const} */ ("fetch"), method: "GET", origin: ORIGIN, target: "/short-poll/c?offset=1", sentMs: 0, firstMs: null, endMs: null, messages: [], ...of };
}
/** @param {number} atMs @param {number[]} numbers @param {"up"|"down"} [direction] */
const message = (atMs, numbers = [], direction = "down") => ({ direction, atMs, numbers });

/** @param {import("../../static/js/compare/wire/tap.js").Summary[]} units @param {import("../../static/js/compare/wire/observed.js").Observed[]} observed @param {boolean} [streams] */
function joined(units, observed, streams = false, matcher = new Matcher()) {
  const exchanges = exchangesOf(units, () => streams);
  matcher.update(exchanges, observed, lanesOf, clock);
  return { matcher, exchanges, model: modelOf(exchanges, matcher, observed, lanesOf, clock) };
}

test("a poll is a question and an answer, each with both ends", () => {
  const units = [head(1, 12), ...answer(1, 13, true)];
  const { model } = joined(units, [noted({ sentMs: 10, firstMs: 15, endMs: 16 })]);
  assert.deepEqual(model.arrows.map(({ direction, kind, isEmpty, bytes, missing }) => ({ direction, kind, isEmpty, bytes, missing })), [
    { direction: "up", kind: "question", isEmpty: true, bytes: 500, missing: "" },
    { direction: "down", kind: "answer", isEmpty: true, bytes: 260, missing: "" },
  ]);
  assert.deepEqual(model.arrows.map((arrow) => [beginOf(arrow), endOf(arrow)]), [[clock.at(10), clock.at(12)], [clock.at(13), clock.at(16)]]);
  assert.deepEqual(model.bars, []);
});

test("two polls that ask the same are told apart by their order and by when they were", () => {
  const units = [head(1, 12), ...answer(1, 13), head(2, 512), ...answer(2, 513)];
  const [first, second] = [noted({ sentMs: 10, endMs: 20 }), noted({ sentMs: 510, endMs: 520 })];
  const { matcher, exchanges } = joined(units, [first, second]);
  assert.deepEqual(exchanges.map(({ key }) => matcher.partner(key)), [first, second]);
  // The lab no longer has the first one: the second keeps its own.
  const later = joined(units.slice(3), [first, second]);
  assert.equal(later.matcher.partner(later.exchanges[0].key), second);
});

test("a question that the browser asked again by itself is the last one", () => {
  const lost = [head(1, 12), ...answer(1, 500)];
  const one = noted({ sentMs: 10 });
  const matcher = new Matcher();
  const first = joined(lost, [one], false, matcher);
  assert.equal(matcher.partner(first.exchanges[0].key), one);
  one.endMs = one.firstMs = 2050;
  const { exchanges, model } = joined([...lost, head(2, 2000), ...answer(2, 2040)], [one], false, matcher);
  assert.deepEqual(exchanges.map(({ key }) => matcher.partner(key)), [undefined, one]);
  assert.deepEqual(model.arrows.filter(({ direction }) => direction === "down").map(({ pageUs }) => pageUs), [null, clock.at(2050)]);
});

test("a target with hidden bytes is still the one that was asked for", () => {
  assert.ok(isSameTarget("/socket.io/?sid=xxxx&t=1", "/socket.io/?sid=Ab_9&t=1"));
  assert.ok(!isSameTarget("/socket.io/?sid=xxxx&t=1", "/socket.io/?sid=Ab_9&t=2"));
  assert.ok(!isSameTarget("/short", "/short-poll"));
  assert.ok(isSameTarget("/short…", "/short-poll") && !isSameTarget("/long…", "/short-poll"));
});

test("what nobody noted on the other side keeps one end, and says why", () => {
  const { model } = joined([head(1, 12, "/short-poll/c", "OPTIONS"), head(2, 14)], [noted({ sentMs: 90 })]);
  assert.deepEqual(model.arrows.map(({ kind, pageUs, serverUs, missing }) => ({ kind, page: pageUs !== null, server: serverUs !== null, missing })), [
    { kind: "preflight", page: false, server: true, missing: "the browser does this by itself, and tells no script when" },
    { kind: "question", page: false, server: true, missing: "the page has not noted it" },
    { kind: "question", page: true, server: false, missing: "the lab has not told of it" },
  ]);
  assert.match(model.arrows[0].what, /^preflight: OPTIONS \/short-poll\/c$/);
});

test("a question that waits is a bar, until its answer or until nobody waits", () => {
  const units = [head(1, 10), ...answer(1, 810, false, [4]), head(2, 820)];
  const { model } = joined(units, [noted({ sentMs: 9, endMs: 812 }), noted({ sentMs: 819 })]);
  assert.deepEqual(model.bars.map(({ fromUs, toUs }) => [fromUs, toUs]), [[clock.at(10), clock.at(810)], [clock.at(820), null]]);
  const ended = joined(units, [noted({ sentMs: 9, endMs: 812 }), noted({ sentMs: 819, endMs: 900 })]);
  assert.equal(ended.model.bars.length, 1);
});

test("messages of a stream find each other by the source's numbers, the others by order", () => {
  const units = [
    head(1, 10), unit({ ms: 11, kind: "answer_head", title: "200 OK", status: 200, numbers: [] }), unit({ ms: 12, numbers: [] }), unit({ ms: 100, numbers: [1] }), unit({ ms: 200, numbers: [2, 3] }), unit({ ms: 300, numbers: [4] }),
  ];
  // Event 1 was lost on this side; 2 and 3 are two events of one chunk.
  const stream = noted({ kind: "eventsource", sentMs: 9, firstMs: 12, messages: [message(13), message(202, [2]), message(202.1, [3]), message(305, [4])] });
  const { model } = joined(units, [stream], true);
  assert.deepEqual(model.arrows.filter(({ kind }) => kind === "message").map(({ pageUs, short }) => [pageUs, short]), [
    [clock.at(13), "chunk"], [null, "event 1"], [clock.at(202), "2 events"], [clock.at(305), "event 4"],
  ]);
});

test("frames go both ways; heartbeats are the browser's own; a pair once made stays", () => {
  const frame = (/** @type {number} */ ms, /** @type {"up"|"down"} */ direction, title = "text frame, 62 B", numbers = /** @type {number[]} */ ([])) => unit({ ms, direction, kind: "frame", title, size: 62, numbers });
  const units = [
    head(1, 10, "/ws/c"), unit({ ms: 11, kind: "answer_head", title: "101 Switching Protocols", status: 101, numbers: [] }),
    frame(12, "down"), frame(20, "up"), frame(21, "down", "ping, 6 B"), frame(22, "up", "pong, 10 B"), frame(30, "down"), frame(40, "down", "text frame, 62 B", [1]),
  ];
  const socket = noted({ kind: "websocket", target: "/ws/c", sentMs: 9, firstMs: 12, messages: [message(13), message(19, [], "up"), message(31), message(41, [1])] });
  const { matcher, model } = joined(units, [socket]);
  const frames = model.arrows.filter(({ kind }) => kind === "message" || kind === "control");
  assert.deepEqual(frames.map(({ pageUs, kind }) => [kind, pageUs]), [
    ["message", clock.at(13)], ["message", clock.at(19)], ["control", null], ["control", null], ["message", clock.at(31)], ["message", clock.at(41)],
  ]);
  // What came before the sixth is forgotten on both sides.
  socket.messages.splice(0, 3);
  const forgotten = joined(units.slice(6), [socket], false, matcher);
  assert.deepEqual(forgotten.model.arrows.map(({ pageUs }) => pageUs), [clock.at(31), clock.at(41)]);
  assert.ok(isControl(units[4]) && !isControl(units[2]));
});

test("ends that are closer than the clock can tell are level, and said to be", () => {
  const arrow = joined([head(1, 10.2)], [noted({ sentMs: 10 })]).model.arrows[0];
  assert.deepEqual(drawnEnds(arrow, 300), { pageUs: clock.at(10.2), serverUs: clock.at(10.2), isLevel: true });
  assert.equal(drawnEnds(arrow, 100).isLevel, false);
  const text = (/** @type {number} */ ms) => `${ms.toFixed(1)} ms`;
  assert.equal(onWayText(arrow, 300, text), "less than the clock can tell (0.3 ms)");
  assert.equal(onWayText(arrow, 100, text), "0.2 ms ± 0.1 ms");
  assert.equal(onWayText(arrow, NaN, text), "the clock is being set");
  const late = joined([head(1, 5), ...answer(1, 20)], [noted({ sentMs: 4, endMs: 16 })]).model.arrows[1];
  assert.deepEqual([drawnEnds(late, 300).isLevel, onWayText(late, 300, text)], [true, "cannot be told: the lab noted it 4.0 ms late"]);
});

test("labels do not collide: more weight first, then the older", () => {
  const shown = labelsThatFit([{ id: "a", y: 0, weight: 1 }, { id: "b", y: 10, weight: 4 }, { id: "c", y: 24, weight: 1 }, { id: "d", y: 25, weight: 4 }, { id: "e", y: 45, weight: 1 }], 15);
  assert.deepEqual([...shown].sort(), ["b", "d", "e"]);
});

test("thickness grows with bytes, within bounds; nothing is thin", () => {
  assert.deepEqual([thicknessOf(5000, true), thicknessOf(null, false), thicknessOf(64, false), thicknessOf(1, true, 3)], [2, 2, 2.5, 3]);
  assert.ok(thicknessOf(500, false) > thicknessOf(100, false));
  assert.equal(thicknessOf(1e12, false), 10);
});

test("paths are said without what is different every time", () => {
  assert.equal(pathOf("/long-poll/compare-0123456789abcdefgh?offset=3"), "/long-poll/…");
  assert.equal(pathOf("/app/key?protocol=7"), "/app/key");
});

test("marks of the axis are at round times", () => {
  assert.deepEqual([stepOf(10e6, 10), stepOf(10e6, 8), stepOf(1e6, 4)], [1e6, 2e6, 500e3]);
});

test("event numbers are found in JSON, and in JSON in JSON", () => {
  assert.deepEqual(numbersIn('{"data":{"n":17,"x":1}}'), [17]);
  assert.deepEqual(numbersIn(JSON.stringify({ data: JSON.stringify({ n: 5 }) })), [5]);
  assert.deepEqual(numbersIn('{"publications":[{"data":{"n":1}},{"data":{"n":2}}]}'), [1, 2]);
  assert.deepEqual(numbersIn('{"name":3,"n":"x"}'), []);
  assert.equal(numbersIn('"n":1,'.repeat(500)).length, 64);
});

test("the lower edge: live, paused, slow, stepped, put back, frozen after a minute", () => {
  const head = new Playhead();
  head.tick(100e6, 0);
  assert.equal(head.headUs, 100e6 - BEHIND_US);
  head.tick(101e6, 1e6);
  assert.equal(head.headUs, 101e6 - BEHIND_US);
  assert.ok(head.isLive);
  head.pauseOrPlay();
  head.tick(103e6, 2e6);
  assert.equal(head.headUs, 101e6 - BEHIND_US);
  assert.equal(head.agoS, 2);
  head.pauseOrPlay();
  head.slowOrNot();
  head.tick(104e6, 1e6);
  assert.equal(head.headUs, 101.1e6 - BEHIND_US);
  head.scrub(1);
  assert.equal(head.headUs, 103e6 - BEHIND_US);
  assert.equal(head.step([100e6, 102.5e6, 104e6], 1), true);
  assert.equal(head.headUs, 102.5e6);
  assert.equal(head.step([100e6, 102.5e6, 104e6], -1), true);
  assert.equal(head.headUs, 100e6);
  assert.equal(head.step([100e6, 102.5e6, 104e6], -1), false);
  head.tick(200e6, 1e6);
  assert.equal(head.isFrozen, true);
  assert.equal(head.headUs, 100e6);
  head.now(200e6);
  assert.deepEqual([head.isFrozen, head.isSlow, head.isPlaying, head.headUs], [false, false, true, 200e6 - BEHIND_US]);
});

test("under reduced motion nothing moves by itself", () => {
  const head = new Playhead(true);
  head.tick(100e6, 0);
  head.tick(105e6, 5e6);
  assert.equal(head.headUs, 100e6 - BEHIND_US);
  head.now(105e6);
  assert.equal(head.isPlaying, false);
  assert.equal(head.headUs, 105e6 - BEHIND_US);
});

const POLLS = { lane: "lane", label: "Short polling", fetching: /** @type {const} */ ("short_polls") };
const SOCKET = { lane: "lane", label: "WebSocket", fetching: /** @type {const} */ ("stream") };

test("the sentence says what was asked and what came", () => {
  const units = Array.from({ length: 20 }, (_, i) => [head(i + 1, i * 500 + 1), ...answer(i + 1, i * 500 + 2, i !== 3 && i !== 11, i === 3 || i === 11 ? [i] : [])]).flat();
  const polls = figuresIn(POLLS, joined(units, []).model, clock.at(0), clock.at(10_000));
  assert.deepEqual([polls.asked, polls.inVain, polls.events], [20, 18, 2]);
  const frames = [unit({ ms: 100, kind: "frame", title: "text frame, 62 B", size: 62, numbers: [1] }), unit({ ms: 200, kind: "frame", title: "text frame, 62 B", size: 62, numbers: [2] })];
  const socket = figuresIn(SOCKET, joined(frames, []).model, clock.at(0), clock.at(10_000));
  assert.equal(sentenceOf([polls, socket], 10e6, true),
    "In the last ten seconds Short polling asked 20 times, 18 in vain (14.8 KiB); WebSocket carried 2 messages and nothing else (124 B).");
  assert.equal(sentenceOf([socket], 4.2e6, false), "In the four seconds before the lower edge WebSocket carried 2 messages and nothing else (124 B).");
  assert.equal(sentenceOf([], 10e6, true), "");
});

test("the sentence names a hold, heartbeats, preflights, and silence", () => {
  const held = figuresIn({ ...POLLS, label: "Long polling", fetching: "held_polls" }, joined([head(1, 0), ...answer(1, 3200, false, [1])], []).model, clock.at(-1), clock.at(10_000));
  assert.match(sentenceOf([held], 10e6, true), /Long polling asked 1 time, none in vain, and was kept waiting for up to 3\.20 s/);
  const beats = [unit({ ms: 1, kind: "frame", title: "ping, 6 B", size: 6 }), unit({ ms: 2, kind: "frame", title: "text frame", numbers: [1] })];
  assert.match(sentenceOf([figuresIn(SOCKET, joined(beats, []).model, clock.at(0), clock.at(10))], 1e6, true), /^In the last second WebSocket carried 1 message, besides 1 without an event/);
  const flight = figuresIn(POLLS, joined([head(1, 1, "/x", "OPTIONS"), head(2, 2)], []).model, clock.at(0), clock.at(10));
  assert.match(sentenceOf([flight], 10e6, true), /its browser sent 1 preflight/);
  assert.equal(sentenceOf([figuresIn(SOCKET, { arrows: [], bars: [] }, 0, 1)], 10e6, true), "In the last ten seconds WebSocket said nothing.");
  assert.equal(sentenceOf([figuresIn({ ...POLLS, label: "Long polling" }, { arrows: [], bars: [{ id: "b", lane: "lane", fromUs: 0, toUs: null }] }, 1, 5e6)], 10e6, true),
    "In the last ten seconds Long polling said nothing, and its question has been waiting for 5.00 s.");
});

test("conditions hold since the lab's instant; lifted, since some time between two looks", () => {
  const put = (/** @type {string} */ text, /** @type {number} */ us) => ({ text, since_us: us });
  const first = bandsWith([], put("stall", 100), 900, NaN);
  assert.deepEqual(first, [{ text: "stall", fromUs: 100, sureToUs: null, toUs: null }]);
  assert.equal(bandsWith(first, put("stall", 100), 1900, 900), first);
  const second = bandsWith(first, put("loss", 2000), 2900, 1900);
  assert.deepEqual(second.map(({ fromUs, sureToUs, toUs }) => [fromUs, sureToUs, toUs]), [[100, 2000, 2000], [2000, null, null]]);
  const lifted = bandsWith(second, null, 4900, 2900);
  assert.deepEqual([lifted[1].sureToUs, lifted[1].toUs], [2900, 4900]);
  assert.equal(bandsWith(lifted, null, 5900, 4900), lifted);
});
