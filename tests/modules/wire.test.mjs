// What the views of the wire say and count, without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { compressedSentence, contentOf, deflatedSize } from "../../static/js/compare/wire/bytes-compressed.js";
import { carriedText, firstOf, itemsOf, newestOf, titlesOf } from "../../static/js/compare/wire/bytes-list.js";
import { fieldsOfFrame, headOfFrame, howText } from "../../static/js/compare/wire/bytes-parts.js";
import { sentenceOf, share, verdictOf } from "../../static/js/compare/wire/bytes-sentence.js";
import { added, layersOf, rowsOf } from "../../static/js/compare/wire/bytes-sums.js";
import { bytesOfHex, hexDump, hexOfUnits, nameOfControl, visible } from "../../static/js/compare/wire/bytes-text.js";
import { noticeOf } from "../../static/js/compare/wire/notice.js";
import { goneText, missingUs, reachText, Tap, TapError, openTap } from "../../static/js/compare/wire/tap.js";

const part = (/** @type {string} */ layer, /** @type {number} */ len, more = {}) => ({ at: 0, len, layer, what: layer, by: "protocol", ...more });
const summary = (/** @type {number} */ n, more = {}) => ({
  n, lane: "short-poll", connection: 1, exchange: 1, direction: /** @type {const} */ ("up"), kind: /** @type {const} */ ("request_head"), at: 0, first_us: n * 1000, last_us: n * 1000,
  size: 100, kept: 100, hidden: [], title: "GET /x", status: null, method: null, is_empty_answer: null, publications: [], ...more,
});

test("the sentence says what of the bytes is data, and which other layer is most", () => {
  const shown = { lane: "Short polling", noun: "exchange", total: 412, layers: { http_headers: 350, payload: 60, protocol: 2 }, isEmpty: false };
  assert.equal(sentenceOf(shown), "Short polling: of the 412 bytes of this exchange, 60 are your data; headers are 85 %.");
  assert.equal(sentenceOf({ ...shown, total: 100, layers: { framing: 2, payload: 98 } }), "Short polling: of the 100 bytes of this exchange, 98 are your data, 98 %; framing is 2 %.");
  assert.equal(sentenceOf({ ...shown, layers: { http_headers: 412 }, isEmpty: true }), "Short polling: this exchange spent 412 bytes to learn that there was nothing new; headers are all of them.");
  assert.equal(sentenceOf({ ...shown, noun: "handshake", layers: { http_headers: 410, framing: 2 } }), "Short polling: of the 412 bytes of this handshake, none are your data, and they are spent once for each connection; headers are more than 99 %.");
  assert.equal(sentenceOf({ ...shown, total: 10, layers: { payload: 10 } }), "Short polling: of the 10 bytes of this exchange, 10 are your data, all of them.");
  assert.equal(sentenceOf({ ...shown, total: 1, layers: { framing: 1 } }), "Short polling: of the one byte of this exchange, none are your data; framing is all of them.");
  assert.match(sentenceOf({ ...shown, total: 1412, unkept: 1000 }), /at least 60 are your data.*1,000 of them were not kept/);
});

test("a share is never all or nothing of what is neither", () => {
  assert.deepEqual([share(1, 1), share(999, 1000), share(1, 1000), share(1, 3)], ["all of them", "more than 99 %", "less than 1 %", "33 %"]);
});

test("a guess is held against what was counted", () => {
  assert.equal(verdictOf(352, 352), "Exactly: there are 352 bytes under it.");
  assert.equal(verdictOf(976, 1036), "60 too few: there are 1,036 bytes under it, you said 976.");
  assert.equal(verdictOf(1600, 400), "1,200 too many: there are 400 bytes under it, you said 1,600, 4.0 times off.");
  assert.equal(verdictOf(0, 400), "400 too few: there are 400 bytes under it, you said 0.");
  assert.equal(verdictOf(5, 0), "Nothing is under it; you said 5.");
});

test("what is inside counts by its own layers, escapes by the part's; of compressed bytes those on the wire", () => {
  const inner = [part("protocol", 10), part("payload", 50)];
  assert.deepEqual(layersOf([part("framing", 6), part("payload", 60, { inner: { how: "unmasked", parts: inner } })]), { framing: 6, protocol: 10, payload: 50 });
  assert.deepEqual(layersOf([part("protocol", 70, { inner: { how: "string unescaped", parts: inner } })]), { protocol: 20, payload: 50 });
  assert.deepEqual(layersOf([part("payload", 40, { inner: { how: "inflated", parts: inner } })]), { payload: 40 });
  assert.deepEqual(rowsOf([part("payload", 40, { inner: { how: "inflated", parts: inner } })]).map(({ bytes, inside }) => [bytes, inside]), [[40, 0], [0, 10], [0, 50]]);
  assert.deepEqual(layersOf([part("payload", 40, { inner: null })]), { payload: 40 });
  assert.deepEqual(added([{ a: 1 }, { a: 2, b: 3 }]), { a: 3, b: 3 });
});

test("control characters are seen, and nothing turns a line around", () => {
  assert.equal(visible("a\r\nb\t\u0000\u007f"), "a␍␊\nb␉␀␡");
  assert.equal(visible("x\u202ey"), "x⟨U+202E⟩y");
  assert.deepEqual(["␍", "␊", "␡"].map(nameOfControl), ["CR", "LF", "DEL"]);
});

test("hexadecimal there and back", () => {
  assert.deepEqual([...bytesOfHex("47455400ff")], [0x47, 0x45, 0x54, 0, 255]);
  assert.equal(hexDump(bytesOfHex("474554")), `00000000  ${"47 45 54".padEnd(47)}  |GET|`);
  assert.equal(hexDump(new Uint8Array(17)).split("\n").length, 2);
  const unit = { ...summary(1, { size: 5, hidden: [{ at: 1, len: 2, what: "session_id" }] }), hex: "477878", parts: [] };
  assert.match(hexOfUnits([unit], "Short polling"), /# Short polling: client to server, GET \/x, 5 B\n# 2 more B were not kept\n# 2 B from 1 on are hidden \(session id\) and stand as x\n00000000 {2}47 78 78/);
});

test("a frame's first two bytes are fields", () => {
  assert.deepEqual(fieldsOfFrame(0xc1, 0).map(({ bits, says }) => `${bits} ${says}`), ["1 last frame", "100 compressed", "0001 1 text"]);
  assert.deepEqual(fieldsOfFrame(0xfe, 1).map(({ bits, says }) => `${bits} ${says}`), ["1 masked", "1111110 in the next 2 B"]);
  assert.deepEqual(fieldsOfFrame(0x3c, 1).map(({ says }) => says), ["not masked", "60 B"]);
  assert.deepEqual(["813c", "81fe", "817f", "8180", ""].map(headOfFrame), [2, 8, 10, 6, 2]);
});

test("encoded bytes say what became of them", () => {
  assert.equal(howText(part("payload", 52, { inner: { how: "unmasked", parts: [part("payload", 52)] } })), "52 B masked → unmasked:");
  assert.equal(howText(part("payload", 30, { inner: { how: "inflated", parts: [part("payload", 52)] } })), "30 B compressed → inflated, 52 B:");
});

test("a poll is one thing to choose; of a stream, the handshake and each message", () => {
  const poll = [summary(1), summary(2, { direction: "down", kind: "answer_head", status: 200, title: "200 OK" }), summary(3, { direction: "down", kind: "body", publications: [9], numbers: [4] })];
  const [item, ...rest] = itemsOf(poll, "short-poll", false);
  assert.deepEqual([rest.length, item.noun, item.size, item.title, item.asked, item.carried], [0, "exchange", 300, "200 OK", "GET /x", [4]]);
  const frames = [summary(1, { status: 101 }), summary(2, { kind: "answer_head", status: 101 }), summary(3, { kind: "frame", publications: [1, 2] }), summary(4, { kind: "frame" })];
  const items = itemsOf(frames, "short-poll", true);
  assert.deepEqual(items.map(({ noun, n }) => [noun, n]), [["frame", 4], ["frame", 3], ["handshake", null]]);
  assert.equal(newestOf(items)?.n, 3);
  assert.equal(newestOf([]), null);
  assert.deepEqual(itemsOf(frames, "sse", true), []);
  const chunks = [summary(1), summary(2, { kind: "chunk" })];
  assert.deepEqual([true, false].map((isStream) => itemsOf(chunks, "short-poll", isStream).length), [2, 1]);
});

test("a line of the list says what is not the same in all; first is one with just one event", () => {
  const poll = (/** @type {number} */ n, /** @type {string} */ query, /** @type {number[]} */ numbers, kept = 100) => [
    summary(2 * n, { exchange: n, first_us: 2000 * n, title: `GET /short-poll/compare-abcdefghij01234567?${query}` }),
    summary(2 * n + 1, { exchange: n, first_us: 2000 * n, direction: "down", kind: "body", numbers, kept }),
  ];
  const items = itemsOf([...poll(1, "epoch=a&offset=3", [1]), ...poll(2, "epoch=a&offset=4", [2, 3]), ...poll(3, "epoch=a&offset=6", [4], 50)], "short-poll", false);
  assert.deepEqual(titlesOf(items), ["?offset=6", "?offset=4", "?offset=3"]);
  assert.deepEqual(titlesOf(items.slice(0, 1)), ["GET /short-poll/…?epoch=a&offset=6"]);
  assert.deepEqual([firstOf(items)?.which.exchange, newestOf(items)?.which.exchange], [1, 3], "of the newest, which is cut, nobody knows how many it brought");
  assert.equal(carriedText(items[0]), "at least 1 event");
});

test("what was carried is said in events", () => {
  const said = (/** @type {number[]} */ carried, isEmpty = false, isOpen = false) => carriedText(/** @type {import("../../static/js/compare/wire/bytes-list.js").Item} */ ({ carried, isEmpty, isOpen }));
  assert.deepEqual([said([7]), said([7, 8, 9]), said([7, 9]), said([], true), said([], false, true), said([])], ["event 7", "events 7 to 9", "2 events, 7 to 9", "nothing new", "no answer yet", ""]);
});

test("a panel with nothing to draw says what to do", () => {
  assert.deepEqual(noticeOf("bytes", "ready", "none", "").button, "Start");
  assert.equal(noticeOf("bytes", "measuring", "kept", "").text, "");
  assert.equal(noticeOf("race", "measuring", "none", "").text, "");
  assert.match(noticeOf("sequence", "measuring", "none", "").button, /with the bytes kept/);
  assert.match(noticeOf("bytes", "measuring", "silent", "The lab has not answered for 12 s.").text, /^The lab has not answered for 12 s\. What is shown is from before\.$/);
  assert.equal(noticeOf("bytes", "failed", "ended", "It was not read.").button, "", "a run that failed has a button of its own");
  assert.match(noticeOf("bytes", "warm-up", "refused", "All are taken.").text, /All are taken\./);
  assert.match(noticeOf("bytes", "paused", "ended", "It was not read.").text, /It was not read\./);
});

/** Answers for fetch, one after the other. @param {{status?: number, body?: unknown}[]} answers @param {(url: string) => void} [seen] */
function answering(answers, seen = () => {}) {
  globalThis.fetch = /** @type {typeof fetch} */ (async (url) => {
    seen(String(url));
    const { status = 200, body = {} } = answers.shift() ?? {};
    return new Response(status === 204 ? null : JSON.stringify(body), { status });
  });
}
const OPENED = { key: "k", channel: "compare-x", lane_bytes_max: 1, idle_s: 60 };

test("a tap asks again while there is more, and keeps a minute", async () => {
  const tap = new Tap(OPENED);
  /** @type {number[]} */
  const told = [];
  tap.onUnits((units) => told.push(units.length));
  const many = Array.from({ length: 500 }, (_, i) => summary(i + 1));
  /** @type {string[]} */
  const asked = [];
  answering([{ body: { units: many, next: 500, lanes: {}, now_us: 1 } }, { body: { units: [summary(501, { last_us: 61e6 })], next: 501, lanes: {}, now_us: 2 } }], (url) => asked.push(url));
  await tap.refresh();
  assert.deepEqual([told, asked], [[500, 1], ["/api/taps/own?after=0", "/api/taps/own?after=500"]]);
  assert.deepEqual(tap.units().map(({ n }) => n), [501], "the others were more than a minute before");
  answering([{ status: 204 }]);
  tap.close();
});

test("a tap that is gone says so once and asks no more", async () => {
  const tap = new Tap(OPENED);
  let ends = 0;
  tap.onEnd(() => { ends += 1; });
  answering([{ status: 404, body: { error: { message: "there is no such tap", hint: "Open another." } } }]);
  await tap.refresh();
  await tap.refresh();
  assert.deepEqual([ends, tap.ended], [1, "there is no such tap. Open another."]);
});

test("a lab without a tap to give is heard", async () => {
  answering([{ status: 503, body: { error: { message: "all taps are taken" } } }]);
  await assert.rejects(openTap(), (error) => error instanceof TapError && error.status === 503 && error.message === "all taps are taken.");
});

test("what the lab gave up between two readings is a time that is missing, of the lanes that gave up more than ever came here", async () => {
  const tap = new Tap(OPENED);
  const of = (/** @type {string} */ lane, /** @type {number[]} */ ns) => ns.map((n) => summary(n, { lane, kind: "frame" }));
  const lanes = (/** @type {number} */ sse, /** @type {number} */ other) => ({ websocket: { kept_bytes: 1, dropped_units: other }, sse: { kept_bytes: 1, dropped_units: sse } });
  const both = [...of("sse", [1, 3, 5]), ...of("websocket", Array.from({ length: 20 }, (_, i) => 10 + i))];
  answering([
    { body: { units: both, next: 29, lanes: lanes(0, 0), now_us: 29_000 } },
    // The WebSocket's units that went had been read; those of SSE had not.
    { body: { units: [...of("websocket", [30]), ...of("sse", [41]), ...of("websocket", [42])], next: 42, lanes: lanes(13, 5), now_us: 42_000 } },
  ]);
  await tap.refresh();
  // Numbers 2, 4 and 6 to 9 are left out, but no lane says that it gave up any.
  assert.deepEqual(tap.gaps(), []);
  await tap.refresh();
  assert.deepEqual(tap.gaps(), [{ lane: "sse", fromUs: 5000, toUs: 41_000 }]);
  assert.deepEqual([missingUs(tap.gaps()), missingUs(tap.gaps(), 40_000), missingUs([])], [36_000, 1000, 0]);
  assert.equal(goneText(3.4e6, 131072), "bytes of 3.40 s are gone: the lab keeps 128 KiB of each lane");
  assert.equal(goneText(0, 131072), "");
  answering([{ status: 204 }]);
  tap.close();
});

test("a lab that does not answer twice is silent until it does", async () => {
  const tap = new Tap(OPENED);
  let told = 0;
  tap.onSilence(() => { told += 1; });
  globalThis.fetch = () => Promise.reject(new TypeError("no network"));
  await tap.refresh();
  assert.deepEqual([told, tap.silentS()], [0, 0], "one reading may fail");
  await tap.refresh();
  assert.deepEqual([told, tap.silentS() > 0], [1, true]);
  answering([{ body: { units: [], next: 0, lanes: {}, now_us: 1 } }, { status: 204 }]);
  await tap.refresh();
  assert.deepEqual([told, tap.silentS()], [2, 0]);
  tap.close();
});

test("a tap says how far back it goes: a minute, or less where there is more than it keeps", async () => {
  const tap = new Tap(OPENED);
  const answers = Array.from({ length: 11 }, (_, page) => {
    const units = Array.from({ length: 500 }, (_, i) => summary(500 * page + i + 1));
    return { body: { units, next: 500 * page + 500, lanes: {}, now_us: 1 } };
  });
  answering([...answers.slice(0, 10), { body: { units: [], next: 5000, lanes: {}, now_us: 1 } }, ...answers.slice(10), { body: { units: [], next: 5500, lanes: {}, now_us: 1 } }]);
  await tap.refresh();
  assert.deepEqual([tap.units().length, tap.reachUs()], [5000, 60e6]);
  await tap.refresh();
  assert.deepEqual([tap.units().length, tap.units()[0].n, tap.reachUs()], [5000, 501, 5_000_000]);
  assert.deepEqual([60e6, 12.7e6, 0.45e6].map(reachText), ["minute", "12 s", "0.4 s"]);
  answering([{ status: 204 }]);
  tap.close();
});

test("what compressing would save is counted of what comes down whole, without heads, framing and what is hidden", async () => {
  const json = JSON.stringify({ publications: Array.from({ length: 9 }, (_, n) => ({ n, name: "temperature" })) });
  const hex = Buffer.from(`\u0001${json}`).toString("hex");
  const parts = [part("framing", 1), { ...part("payload", json.length), at: 1 }];
  /** @type {import("../../static/js/compare/wire/tap.js").Unit} */
  const frame = { ...summary(1, { kind: "frame", direction: "down", size: 1 + json.length, kept: 1 + json.length }), hex, parts };
  assert.equal(Buffer.from(contentOf([frame])).toString(), json);
  for (const not of /** @type {Partial<typeof frame>[]} */ ([{ kind: "request_head" }, { direction: "up" }, { hidden: [{ at: 1, len: 2, what: "secret" }] }, { kept: 5 }])) assert.equal(contentOf([{ ...frame, ...not }]).length, 0);
  const size = await deflatedSize(contentOf([frame]));
  assert.equal(size, deflateRawSync(json).length);
  assert.match(await compressedSentence([frame]), new RegExp(`^Model: compressed .* would be ${size} B instead of ${json.length} B, before framing\\.`));
  assert.equal(await compressedSentence([{ ...frame, kind: /** @type {const} */ ("request_head") }]), "");
});
