// The compare page's plain modules, without a browser: its address, its messages, its axis, when rows may move.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readAddress, writeAddress } from "../../static/js/compare/address.js";
import { learn, predictedFigures, predictedText, withLearnt } from "../../static/js/compare/predictions.js";
import { DelayAxis } from "../../static/js/compare/delay-axis.js";
import { meanBytes, messagesOf, readMessages } from "../../static/js/compare/own-messages.js";
import { DEFAULTS, exampleOf, EXAMPLES } from "../../static/js/compare/settings.js";
import { settingsLine } from "../../static/js/compare/settings-line.js";
import { questionOf } from "../../static/js/compare/answer-feed.js";
import { medianRanks, summarise } from "../../static/js/compare/summary.js";
import { Histogram } from "../../static/js/histogram.js";
import { SteadyOrder } from "../../static/js/compare/steady-order.js";
import { whyUnopened } from "../../static/js/compare/unopened.js";

const KNOWN = { lanes: ["short-poll", "sse", "websocket"], first: ["short-poll", "websocket"], views: ["stage", "figures"] };
const read = (/** @type {string} */ search) => readAddress(search, KNOWN);

test("an address without a word is how the page starts", () => {
  const { settings, complaints, view, projector, run } = read("");
  assert.deepEqual(settings, { ...DEFAULTS, lanes: KNOWN.first });
  assert.deepEqual([complaints, view, projector, run], [[], "stage", false, false]);
});

test("what is written is read again", () => {
  const state = {
    settings: { ...DEFAULTS, rate_per_s: 0.2, seed: 0, schedule: /** @type {const} */ ("periodic"), lanes: ["sse"], payloads: '{"a":"&=+ ö"}\n[1]' },
    guess: "10", view: "figures", projector: true, conditions: "latency down=100ms + stall", sequence: { lanes: ["websocket", "sse"], s: 0.3 },
  };
  const { run, complaints, ...again } = read(writeAddress(state, "stage"));
  assert.deepEqual(again, state);
  assert.deepEqual([run, complaints], [false, []]);
});

test("what the sequence shows is in the address only where it was chosen", () => {
  const { settings, guess, view, projector, conditions, sequence } = read("");
  assert.deepEqual(sequence, { lanes: [], s: 10 });
  assert.doesNotMatch(writeAddress({ settings, guess, view, projector, conditions, sequence }, "stage"), /seq_/);
  assert.match(writeAddress({ settings, guess, view, projector, conditions, sequence: { lanes: ["sse"], s: 3 } }, "stage"), /&seq_lanes=sse&seq_s=3$/);
  const strange = read("?seq_lanes=sse,nix&seq_s=7");
  assert.deepEqual(strange.sequence, { lanes: ["sse"], s: 10 });
  assert.equal(strange.complaints.length, 2);
  assert.match(strange.complaints.join(" "), /nix is no lane of this lab.*seq_s=7, which is none of 60, 30, 10, 3, 1, 0\.3, 0\.1\. It is 10 instead\./);
});

test("lanes are in the order of the page, whatever the address says", () => {
  assert.deepEqual(read("?lanes=websocket,short-poll").settings.lanes, ["short-poll", "websocket"]);
});

test("an example is named, and single settings stand above it", () => {
  const { settings } = read("?example=rare&seed=5");
  assert.equal(settings.rate_per_s, EXAMPLES.rare.rate_per_s);
  assert.equal(exampleOf(settings), "rare");
  assert.equal(exampleOf({ ...settings, size_bytes: 61 }), "");
  assert.equal(exampleOf(read("?example=burst&rate_per_s=5").settings), "");
});

for (const bad of ["rate_per_s=0", "rate_per_s=", "rate_per_s=1e999", "seed=1.5", "seed=-1", "hold_ms=x", "schedule=POISSON", "lanes=", "lanes=nix", "example=nix", "view=nix", "payloads=%7B"]) {
  test(`${bad} is complained of, and is as the page starts`, () => {
    const { settings, view, complaints } = read(`?${bad}`);
    assert.deepEqual([settings, view], [{ ...DEFAULTS, lanes: KNOWN.first }, "stage"]);
    assert.equal(complaints.length, 1);
    assert.match(complaints[0], new RegExp(`^The address asks for ${bad.split("=")[0]}=`));
  });
}

test("of lanes that are partly known, those run", () => {
  const { settings, complaints } = read("?lanes=nix,sse");
  assert.deepEqual(settings.lanes, ["sse"]);
  assert.match(complaints[0], /nix is no lane/);
});

test("?view=projector is the projector on the first tab, as it was before tabs had addresses", () => {
  const { view, projector, complaints } = read("?view=projector");
  assert.deepEqual([view, projector, complaints], ["stage", true, []]);
});

test("messages are one JSON value a line; blank lines are none", () => {
  assert.deepEqual(readMessages(' {"a":1}\r\n\n[2]\n'), { text: '{"a":1}\n[2]', fault: "" });
  assert.deepEqual(messagesOf('{"a":1}\n[2]'), [{ a: 1 }, [2]]);
  assert.equal(meanBytes('{"a":1}\n[2]'), 5);
  assert.match(readMessages('1\n\nhello').fault, /^Line 3 is no JSON value/);
  assert.match(readMessages(`"${"x".repeat(61_000)}"`).fault, /60,000 can be sent/);
  assert.match(readMessages("1\n".repeat(1001)).fault, /1,000 can be sent/);
  assert.deepEqual(readMessages(""), { text: "", fault: "" });
});

test("the axis grows by powers of ten and does not shrink", () => {
  const axis = new DelayAxis();
  assert.deepEqual(axis.range, [1, 1000]);
  assert.equal(axis.take(250), false);
  assert.equal(axis.take(1200), true);
  assert.deepEqual(axis.range, [1, 10_000]);
  axis.take(0.02);
  assert.deepEqual(axis.range, [0.1, 10_000], "below a tenth of a millisecond the clock says nothing");
  assert.deepEqual(axis.marks().map(({ label }) => label), ["0.1 ms", "1 ms", "10 ms", "100 ms", "1 s", "10 s"]);
  assert.deepEqual([axis.at(0.001), axis.at(0.1), axis.at(10_000)], [0, 0, 1]);
  assert.ok(Math.abs(axis.at(1) - 0.2) < 1e-9);
});

test("an order holds when it came three times in a row", () => {
  const steady = new SteadyOrder();
  const shown = ["a", "b"];
  assert.deepEqual([1, 2, 3].map(() => steady.offer(["b", "a"], shown)), [false, false, true]);
  assert.equal(steady.offer(["a", "b"], shown), false);
  assert.deepEqual([1, 2].map(() => steady.offer(["b", "a"], shown)), [false, false], "it flickered");
  assert.deepEqual([1, 2, 3].map(() => steady.offer(shown, shown)), [false, false, false], "it stands so already");
});

test("the line of settings has what decides, and what is not as usual", () => {
  const settings = { ...DEFAULTS, lanes: ["short-poll"], ...EXAMPLES.rare };
  assert.equal(settingsLine(settings, "Rare events", "short_polls"), "Rare events · 0.2/s Poisson · 60 B · polls every 500 ms · 1 lane");
  assert.equal(settingsLine({ ...settings, payloads: '"ab"', seed: 2, lanes: ["a", "b"] }, "", "stream"), "Own settings · 0.2/s Poisson · an own message of 4 B · seed 2 · 2 lanes");
});

test("a lane that did not open says which of the reasons it was", () => {
  assert.match(whyUnopened({ holdsConnection: true, refused: false, openedLate: false }), /6 HTTP\/1\.1 connections/);
  assert.doesNotMatch(whyUnopened({ holdsConnection: false, refused: false, openedLate: false }), /connections/, "a WebSocket is none of the six");
  assert.match(whyUnopened({ holdsConnection: true, refused: true, openedLate: false }), /port does not answer/);
  assert.match(whyUnopened({ holdsConnection: true, refused: false, openedLate: true }), /left out/);
});

test("a key that is spelt another way is named with the right one; others are let be, and there are never many", () => {
  const meant = (/** @type {string} */ search) => read(search).complaints.map((text) => text.match(/It is spelt ([a-z_]+)=/)?.[1] ?? text);
  assert.deepEqual(meant("?rate=1&size=2&poll_ms=3&hold=4&lane=sse&warmup=5&Guess=6&shcedule=periodic"), ["rate_per_s", "size_bytes", "poll_interval_ms", "hold_ms", "lanes"]);
  assert.deepEqual(meant("?utm_source=x&fbclid=y&v=1&constructor=2"), []);
  assert.deepEqual(meant("?example=rare&lanes=sse"), []);
});

test("what a machine takes is learnt from the warm-up: the middle, and how far most were from it; or nothing", () => {
  assert.equal(learn([1, 1.2], 200), null, "two say nothing");
  assert.deepEqual(learn([1, 1.4, 1.2], 200), { takesUs: 1000, offUs: 200 });
  assert.equal(learn([0.1, 0.1, 9], 50), null, "off by more than it is");
  const many = learn([...Array.from({ length: 18 }, (_, i) => 2 + i / 100), 90, 90], 0);
  assert.ok(many !== null && many.offUs < 200, "two of twenty that were very late are not of the middle");
  assert.equal(learn([1, 1, 1], NaN), null, "no round trip, no way");
});

test("a prediction is a value with what it may be off, or a bound without", () => {
  const ways = new Map(["short-poll", "sse", "websocket"].map((lane) => [lane, { fetching: lane === "short-poll" ? "short_polls" : "stream", schedule: "poisson", pollIntervalMs: 500, roundTripUs: 400 }]));
  const form = (/** @type {string} */ lane, /** @type {number} */ p50_us) => ({ lane, p50_us, p99_us: p50_us, max_us: p50_us, empty_ratio: 0, requests_per_publication: 0, at_least: lane === "short-poll" ? [] : ["p99_us"], bytes_per_publication: 220 });
  const predicted = new Map([form("short-poll", 251_200), form("sse", 1200), form("websocket", 1200)].map((each) => [each.lane, each]));
  const [quick, slow] = [{ takesUs: 1000, offUs: 300 }, { takesUs: 1700, offUs: 400 }];
  const all = withLearnt(predicted, new Map([["sse", slow], ["websocket", null]]), quick, ways);
  const of = (/** @type {string} */ lane) => predictedFigures(all.get(lane), 100);
  assert.deepEqual([of("sse").predicted_p50_ms, of("sse").predicted_p50_is, of("sse").predicted_p50_off_ms], [1.9, "value", 0.4], "by its own warm-up");
  assert.deepEqual([of("websocket").predicted_p50_ms, of("websocket").predicted_p50_is, of("websocket").predicted_p50_off_ms], [0.2, "at_least", null], "its own said nothing");
  assert.equal(of("sse").predicted_p99_off_ms, null);
  assert.equal(of("short-poll").predicted_p50_off_ms, 50.3, "chance of a hundred waits over half a second, and the quickest's");
  assert.deepEqual([of("short-poll").predicted_bytes_is, of("sse").predicted_bytes_is], ["at_least", "value"]);
  const text = (/** @type {number|null} */ value) => (value === null ? "—" : `${value} ms`);
  assert.deepEqual([predictedText(0.2, "at_least", null, text), predictedText(1.9, "value", 0.4123, text), predictedText(null, null, null, text)], ["≥ 0.2 ms", "1.9 ms ± 0.41 ms", "—"]);
});

test("a median has the order statistics between which it lies", () => {
  assert.deepEqual([1, 5, 6, 20, 100].map(medianRanks), [[1, 1], [1, 5], [1, 6], [5, 16], [40, 61]]);
  const delays = new Histogram();
  for (let ms = 1; ms <= 20; ms += 1) delays.record(ms * 1000);
  const { p50, p50_low, p50_high } = summarise(delays);
  assert.deepEqual([p50, p50_low, p50_high].map((ms) => Math.round(ms ?? NaN)), [10, 5, 16]);
  assert.deepEqual(summarise(new Histogram()), { n: 0, p50: null, p50_low: null, p50_high: null, p90: null, p99: null, max: null });
});

test("the sentence is asked for with what a median's samples leave open, and without a delay below five events", () => {
  const figures = (/** @type {number} */ n) => /** @type {any} */ ({
    lane: "sse", label: "Event stream", never_opened: 0, delivered: n, missing: 0, received_n: n,
    received_p50_ms: 250, received_p50_low_ms: 20, received_p50_high_ms: 480, clock_bound_ms: 1,
    requests_per_publication: null, empty_ratio: null,
  });
  const asked = (/** @type {number} */ n) => /** @type {any} */ (questionOf({ ...DEFAULTS, lanes: ["sse"] }, [{ figures: figures(n), each: null }], "").lanes[0].figures);
  const { value, low, high } = asked(5).p50_us;
  assert.deepEqual([value, low, high], [250000, 20000, 480000]);
  assert.equal(asked(4).p50_us, undefined);
});
