// The race's plain modules, without a browser: order and ties, axis, stills, what is kept, what time does, the words.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULTS } from "../../static/js/compare/settings.js";
import { Busy } from "../../static/js/compare/wire/race-busy.js";
import { CostBook, KEPT, RaceBook } from "../../static/js/compare/wire/race-book.js";
import { axisOf, axisUpTo, byArrival, dotOf, endOf, placesOf, stillsOf } from "../../static/js/compare/wire/race-order.js";
import { RacePlayer } from "../../static/js/compare/wire/race-player.js";
import { delayText, loadWords, measuredText, placeText, sentenceOf, stillText } from "../../static/js/compare/wire/race-words.js";

/** @param {Record<string, number|null>} delays  ms by lane @param {Record<string, number>} [bytes] */
function entriesOf(delays, bytes = {}) {
  return Object.entries(delays).map(([lane, delayMs]) => ({
    lane, label: lane, short: lane, delayMs, heldMs: 0, bytes: bytes[lane] ?? null,
    fetching: lane === "Short polling" ? /** @type {const} */ ("short_polls") : /** @type {const} */ ("stream"),
  }));
}
const placesText = (delays, errorMs) => Object.fromEntries([...placesOf(entriesOf(delays), errorMs)].map(([lane, place]) => [lane, placeText(place)]));

test("places are by arrival; who waits has none", () => {
  assert.deepEqual(placesText({ a: 5, b: 4, c: null, d: 250 }, 0.2), { a: "2nd", b: "1st", c: "waits", d: "3rd" });
  assert.deepEqual(byArrival(entriesOf({ a: 5, b: null, c: 4 })).map(({ lane }) => lane), ["c", "a", "b"]);
});

test("lanes closer than the error share the places between them, and no others", () => {
  assert.deepEqual(placesText({ a: 4, b: 4.1, c: 9 }, 0.2), { a: "1st–2nd", b: "1st–2nd", c: "3rd" });
  // a is before c for certain, and b may be anywhere between.
  assert.deepEqual(placesText({ a: 4, b: 4.15, c: 4.3 }, 0.2), { a: "1st–2nd", b: "1st–3rd", c: "2nd–3rd" });
  assert.deepEqual(placesText({ a: 4, b: 4 }, 0), { a: "1st–2nd", b: "1st–2nd" });
});

test("one that may have waited is not told apart from those it may have been there before", () => {
  const entries = entriesOf({ a: 4, b: 4.6, c: 5, d: 9 });
  const places = (held) => [...placesOf(entries.map((entry) => ({ ...entry, heldMs: held[entry.lane] ?? 0 })), 0.1).values()].map(placeText);
  assert.deepEqual(places({}), ["1st", "2nd", "3rd", "4th"]);
  assert.deepEqual(places({ b: 0.6, c: 1 }), ["1st–3rd", "1st–3rd", "1st–3rd", "4th"]);
  assert.deepEqual(places({ c: 0.5 }), ["1st", "2nd–3rd", "2nd–3rd", "4th"]);
  assert.deepEqual(places({ d: 20 }), ["1st–2nd", "2nd–3rd", "3rd–4th", "1st–4th"], "the last may have been the first, and all others stay in order");
});

test("what comes at once after something else may have waited since that began", () => {
  const busy = new Busy();
  assert.equal(busy.waitingSince(100), 100);
  busy.during(100, 100.3);
  assert.equal(busy.waitingSince(100.5), 100);
  busy.during(100.5, 100.9);
  assert.equal(busy.waitingSince(101.2), 100, "of several in a row, since the first");
  assert.equal(busy.waitingSince(110), 110);
  busy.during(110, 111);
  assert.equal(busy.waitingSince(111), 110);
  busy.longTask(40, 99.8);
  assert.equal(busy.reaching(100), 40, "what the browser tells afterwards counts, too");
  assert.equal(busy.reaching(110), 110);
});

test("ordinals of two digits", () => {
  const places = [1, 2, 3, 4, 11, 12, 13, 21, 22].map((n) => placeText({ best: n, worst: n }));
  assert.deepEqual(places, ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd"]);
});

test("the axis begins at 0, holds the last arrival, and has few even ticks", () => {
  assert.deepEqual(axisUpTo(247), { maxMs: 250, ticks: [0, 50, 100, 150, 200, 250] });
  assert.deepEqual(axisUpTo(250).maxMs, 250);
  for (const ms of [0, 0.05, 0.3, 1, 3.7, 9.99, 60, 180, 499, 1001, 30_000, 61_234]) {
    const { maxMs, ticks } = axisUpTo(ms);
    assert.ok(maxMs >= ms && maxMs > 0, `${ms} in ${maxMs}`);
    assert.ok(ticks.length >= 4 && ticks.length <= 9, `${ms}: ${ticks.length} ticks`);
    assert.deepEqual([ticks[0], ticks.at(-1)], [0, maxMs]);
  }
});

test("close up the axis ends a little after half have arrived", () => {
  const entries = entriesOf({ a: 4, b: 5, c: 8, d: 247 });
  assert.equal(axisOf(entries, false).maxMs, 250);
  assert.equal(axisOf(entries, true).maxMs, 8);
  assert.equal(axisOf(entriesOf({ a: 4, b: null, c: null }), true).maxMs, axisUpTo(4).maxMs, "half have not arrived");
});

test("a dot travels in time, stops where it arrived, and leaves an axis that is shorter", () => {
  const [quick, late, none] = entriesOf({ quick: 50, late: 200, none: null });
  const axis = axisUpTo(100);
  assert.deepEqual(dotOf(quick, 25, axis), { at: 0.25, isIn: false, isBeyond: false });
  assert.deepEqual(dotOf(quick, 500, axis), { at: 0.5, isIn: true, isBeyond: false });
  assert.deepEqual(dotOf(late, 150, axis), { at: 1, isIn: false, isBeyond: true });
  assert.deepEqual(dotOf(none, 60, axis), { at: 0.6, isIn: false, isBeyond: false });
  assert.equal(dotOf({ ...quick, delayMs: -0.3 }, 10, axis).at, 0, "a clock that is off draws nothing left of the start");
});

test("the four stills: the start, the first, half, the last", () => {
  const entries = entriesOf({ a: 5, b: 4, c: 250, d: 6, e: 7 });
  assert.deepEqual(stillsOf(entries).map(({ name, atMs, came }) => [name, atMs, came.map(({ lane }) => lane).join("")]),
    [["start", 0, ""], ["first", 4, "b"], ["half", 6, "bad"], ["last", 250, "badec"]]);
  assert.deepEqual(stillsOf(entriesOf({ a: 5, b: null, c: null })).map(({ name }) => name), ["start", "first", "last"], "half never had it");
  assert.deepEqual(stillsOf(entriesOf({ a: null })).map(({ name }) => name), ["start"]);
});

test("the stills in words", () => {
  const entries = entriesOf({ WebSocket: 4.12, "Short polling": 247.3, SSE: null });
  assert.deepEqual(stillsOf(entries).map((still) => stillText(still, entries, 0.3, (lane) => (lane === "WebSocket" ? "not told apart" : ""))), [
    "It happens: let go on all 3 lanes at once.",
    "The first has it after 4.1 ms: WebSocket, not told apart from others.",
    "Half have it after 247 ms: 2 of 3.",
    "The last that came has it after 247 ms: Short polling. Still waiting: SSE.",
  ]);
});

const arrival = (delayMs, atMs) => ({ delayMs, atMs, sinceMs: atMs });
const rules = (lanes, nowMs, more = {}) => ({ lanes, nowMs, patienceMs: 2500, counts: () => true, ...more });

test("shown is the newest that every lane has, or one whose patience is over", () => {
  const book = new RaceBook();
  book.take("a", 1, arrival(4, 1000));
  book.take("a", 2, arrival(4, 1250));
  assert.equal(book.newest(rules(["a", "b"], 1300)), null);
  book.take("b", 1, arrival(300, 1300));
  assert.equal(book.newest(rules(["a", "b"], 1300)), 1);
  assert.equal(book.newest(rules(["a", "b"], 1300), 1), null, "not the same again");
  assert.equal(book.newest(rules(["a", "b"], 3750), 1), 2, "b has been waited for long enough");
  assert.equal(book.newest(rules(["a"], 1300)), 2, "b does not run");
  assert.equal(book.newest(rules(["a", "b"], 3750, { counts: (n) => n !== 2 })), 1, "2 is of a warm-up");
  assert.deepEqual([...book.arrivals(1)], [["a", arrival(4, 1000)], ["b", arrival(300, 1300)]]);
});

test("the one before and the one after pass over what cannot be shown", () => {
  const book = new RaceBook();
  for (const n of [1, 2, 4]) book.take("a", n, arrival(4, 0));
  assert.deepEqual([book.beside(2, 1, rules(["a"], 1)), book.beside(4, -1, rules(["a"], 1)), book.beside(1, -1, rules(["a"], 1)), book.beside(4, 1, rules(["a"], 1))], [4, 2, null, null]);
});

test("what is kept is bounded, and a lane that never comes holds nothing up", () => {
  const book = new RaceBook();
  for (let n = 1; n <= 5 * KEPT; n += 1) book.take("a", n, arrival(4, n));
  book.take("b", 1, arrival(4, 5 * KEPT));
  assert.equal(book.arrivals(1).size, 0, "too old to be taken in again");
  assert.equal(book.arrivals(4 * KEPT).size, 0);
  assert.equal(book.arrivals(4 * KEPT + 1).size, 1);
  assert.equal(book.newest(rules(["a", "b"], 5 * KEPT, { patienceMs: 60_000 })), 4.5 * KEPT);
  book.clear();
  assert.equal(book.newest(rules(["a"], 0)), null);
});

test("what lanes had cost stays what it was when the event had come", () => {
  const costs = new CostBook();
  const counted = (/** @type {number} */ bytes) => () => new Map(bytes === 0 ? [] : [["a", bytes]]);
  costs.awaits(1);
  costs.read("begin", counted(0));
  assert.equal(costs.at(1), undefined, "nothing has been counted");
  costs.read("one", counted(100));
  costs.awaits(2);
  assert.deepEqual([costs.at(1)?.get("a"), costs.at(2)?.get("a")], [100, 100], "the newest there is");
  costs.read("one", counted(999));
  costs.read("two", counted(300));
  costs.awaits(1);
  costs.read("three", counted(400));
  assert.deepEqual([costs.at(1)?.get("a"), costs.at(2)?.get("a")], [100, 300]);
  for (let n = 3; n < 3 + KEPT; n += 1) { costs.awaits(n); costs.read(n, counted(n)); }
  assert.equal(costs.at(3)?.get("a"), 3);
  costs.clear();
  assert.equal(costs.at(3), undefined);
});

test("dots travel ten times slower, stop at the end, stay a while, and then the next one is due", () => {
  const player = new RacePlayer();
  assert.ok(player.isFree(0));
  player.begin(7);
  assert.equal(player.tick(100, 25, 100), false);
  assert.equal(player.atMs, 10);
  assert.equal(player.tick(5000, 25, 5100), false, "a tab that rested goes on where it was");
  assert.equal(player.atMs, 20);
  assert.equal(player.tick(100, 25, 5200), true);
  assert.deepEqual([player.atMs, player.isMoving, player.isOn], [25, false, true]);
  assert.ok(!player.isFree(5300));
  assert.ok(player.isFree(7701));
});

test("one that was chosen stays; Pause holds it where it is, Play goes on, and then follows again", () => {
  const player = new RacePlayer();
  player.choose(3);
  player.tick(100, 25, 0);
  player.pause();
  assert.equal(player.tick(100, 25, 100), false);
  assert.deepEqual([player.atMs, player.isOn], [10, false]);
  player.play(25);
  assert.deepEqual([player.isMoving, player.atMs], [true, 10]);
  player.choose(3);
  player.tick(100, 5, 0);
  assert.deepEqual([player.isMoving, player.isOn, player.isFree(1e9)], [false, false, false]);
  player.play(5);
  assert.ok(player.isFree(0), "the newest is taken at once");
});

test("a figure is no more precise than its error", () => {
  assert.deepEqual([[4.123, 0.3], [4.123, 0.035], [4.123, 2], [247.34, 0.2], [2512, 0.3], [0.4, 0.02]].map(([ms, error]) => measuredText(ms, error)),
    ["4.1 ms", "4.12 ms", "4 ms", "247 ms", "2.51 s", "0.40 ms"]);
  assert.deepEqual([delayText(4.123, 0.312), delayText(0.2, 0.3), delayText(-0.1, 0.3), delayText(4, null)], ["4.1 ms ± 0.4 ms", "below 0.5 ms", "below 0.3 ms", "—"]);
});

const settings = { ...DEFAULTS, lanes: [] };
const said = (delays, bytes, more = {}) => sentenceOf({ number: 17, entries: entriesOf(delays, bytes), settings, delayErrorMs: 0.3, timerMs: 0.2, ...more });

test("the load in words", () => {
  const words = (more) => loadWords({ ...settings, ...more });
  assert.deepEqual([words({}), words({ rate_per_s: 0.2 }), words({ rate_per_s: 1 }), words({ rate_per_s: 2, size_bytes: 4096 }), words({ payloads: "1" })],
    ["4 events of 60 bytes a second", "one event of 60 bytes in 5 s", "one event of 60 bytes a second", "2 events of 4,096 bytes a second", "4 events of your own messages a second"]);
});

test("the sentences name load, setting, first, last, the margin and the ratio", () => {
  assert.equal(said({ "Short polling": 247.31, SSE: 4.12, WebSocket: 5 }, { "Short polling": 31_000, SSE: 1000, WebSocket: 900 }),
    "First was SSE, after 4.1 ms. Last was Short polling, asking every 500 ms, 243 ms later. Short polling has cost 31 times the bytes of SSE so far. This is event 17, at 4 events of 60 bytes a second.");
});

test("the sentence says what cannot be told apart", () => {
  assert.equal(said({ "Short polling": 247.31, SSE: 4.12, WebSocket: 4.2 }, { "Short polling": 2400, SSE: 1000, WebSocket: 900 }),
    "First were SSE and WebSocket, not told apart, after 4.1 ms. Last was Short polling, asking every 500 ms, 243 ms later. Short polling has cost 2.4 times the bytes of SSE so far. This is event 17, at 4 events of 60 bytes a second.");
  assert.match(said({ a: 4, b: 4.1, c: 4.15, d: 9 }, {}), /^First were 3 lanes, not told apart, after 4\.0 ms\. Last was d, 5\.0 ms later\. This/);
  assert.match(said({ a: 4, b: 4.1 }, {}), /^Both lanes had it after 4\.0 ms, and cannot be told apart\. This/);
  assert.match(said({ "Socket.IO, WebSocket only": 4, b: 4.1, d: 9, "Short polling": 9.1 }, {}), /^First were “Socket\.IO, WebSocket only” and b, not told apart, after 4\.0 ms\. Last were d and Short polling \(every 500 ms\), not told apart, 5\.1 ms later\. This/);
  assert.match(said({ a: 0.1, b: 9 }, {}), /^First was a, in less than 0\.4 ms\./);
});

test("the sentence tells no order of lanes that may have waited for the page", () => {
  const entries = entriesOf({ a: 4, b: 5, c: 130 }).map((entry) => ({ ...entry, heldMs: entry.lane === "c" ? 128 : 0 }));
  assert.match(sentenceOf({ number: 17, entries, settings, delayErrorMs: 0.3, timerMs: 0.2 }), /^3 lanes had it\. Which was first or last cannot be told, because this page was busy when they came\. This/);
});

test("the sentence says who waits, and makes no race of one lane", () => {
  assert.match(said({ a: 4, b: 9, "Short polling": null }, {}), /Last was b, 5\.0 ms later\. Still waiting: Short polling, asking every 500 ms\. This/);
  assert.match(said({ a: 4, b: null, c: null, d: null }, {}), /^First was a, after 4\.0 ms\. Still waiting: 3 of 4 lanes\. This/);
  assert.match(said({ WebSocket: 4 }, {}), /^The one lane that runs, WebSocket, had it after 4\.0 ms\. This/);
  assert.match(said({ a: null }, {}), /^No lane has it yet\. This/);
  assert.match(said({ a: 4, b: 9 }, {}, { delayErrorMs: null }), /after a time that the clock does not tell yet\. Last was b, 5\.0 ms later\. This/);
});

test("a race ends with the last that came", () => {
  assert.equal(endOf(entriesOf({ a: 4, b: null })), 4);
});
