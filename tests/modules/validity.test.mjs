// What the compare page says against its own run, without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { doubts } from "../../static/js/compare/validity.js";

/** @type {Omit<Parameters<typeof doubts>[0], "figures">} */
const run = { measuredMs: 10_000, ratePerS: 4, schedule: "periodic", boundMs: 1, wasHidden: false, oneOrigin: false, stallMs: 0, drawingMsPerS: 0 };
const lane = { label: "Server-sent events", transport: "sse", received_n: 0, received_p50_ms: null, expected: 47, never_opened: 0, missing: 0, drops: 0 };

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
