// What the compare page says against its own run, without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { delayErrorMs, delayFigure } from "../../static/js/compare/trust.js";
import { doubts } from "../../static/js/compare/validity.js";

/** @type {Omit<Parameters<typeof doubts>[0], "figures">} */
const run = { measuredMs: 10_000, ratePerS: 4, schedule: "periodic", boundMs: 1, wasHidden: false, oneOrigin: false, stallMs: 0, drawingMsPerS: 0 };
const lane = { label: "Server-sent events", transport: "sse", received_n: 0, received_p50_ms: null, received_max_ms: null, expected: 47, never_opened: 0, missing: 0, drops: 0 };

test("a lane that never opened has lost nothing, and is told what may be in the way", () => {
  const said = doubts({ ...run, figures: [{ ...lane, never_opened: 1, missing: null }] });
  const texts = said.map(({ text }) => text);
  assert.equal(texts.filter((text) => /has lost/.test(text)).length, 0, texts.join());
  assert.match(texts.join(), /never opened, so nothing was sent to it and nothing is lost/);
  assert.match(texts.join(), /--single-port.*close them/);
  const socket = doubts({ ...run, figures: [{ ...lane, transport: "websocket", never_opened: 1, missing: null }] });
  assert.doesNotMatch(socket.map(({ text }) => text).join(), /HTTP connections/, "a WebSocket is none of the six");
  const lost = doubts({ ...run, figures: [{ ...lane, missing: 41 }] });
  assert.match(lost.map(({ text }) => text).join(), /has lost 41 of 47/);
});

test("an error is held against the figure it belongs to", () => {
  const figure = (/** @type {number} */ ms, /** @type {number|null} */ errorMs) => delayFigure(ms, errorMs, 0.5, 1000);
  assert.deepEqual(figure(2500, 1.8), { value: 2500000, error: 1800 });
  assert.deepEqual(figure(1.81, 1.8), { value: 1810, error: 1800 });
  assert.deepEqual(figure(1.8, 1.8), { below: 3600, error: 1800 }, "as large as it is leaves no number");
  assert.deepEqual(figure(0.7, 1.8), { below: 2500, error: 1800 }, "of either sign: both together");
  assert.deepEqual(figure(-0.3, 1.8), { below: 1800, error: 1800 }, "a clock that runs ahead makes no negative bound");
  assert.ok("invalid" in figure(2500, null), "no clock, no figure");
  assert.ok("invalid" in delayFigure(250, 1.8, 0.99, 40), "too few samples");
  assert.equal(delayErrorMs(1.5, 0, false), 1.6);
  assert.equal(delayErrorMs(1.5, 300, true), 301.505);
  assert.equal(delayErrorMs(null), null);
});

test("a lane is doubted for the error that is larger than its own figure", () => {
  const quick = { ...lane, label: "WebSocket", received_n: 40, received_p50_ms: 0.7, received_max_ms: 40 };
  const slow = { ...lane, label: "Short polling", received_n: 40, received_p50_ms: 251, received_max_ms: 498 };
  const said = (/** @type {object} */ more) => doubts({ ...run, figures: [quick, slow], ...more }).map(({ text }) => text).join();
  assert.match(said({ boundMs: 1.8 }), /more than the median of WebSocket: there is only a bound/);
  assert.doesNotMatch(said({ boundMs: 1.8 }), /Short polling/);
  assert.doesNotMatch(said({ boundMs: 0.1 }), /clock/);
  assert.match(said({ boundMs: 0.1, stallMs: 300 }), /longer than the slowest arrival of WebSocket\./);
  assert.doesNotMatch(said({ boundMs: 0.1, stallMs: 30 }), /stood still/, "frames as usual");
});
