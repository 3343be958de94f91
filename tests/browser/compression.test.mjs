// Compressed answers in a browser: it undoes the coding by itself, and what a stream says is there the moment it
// is said. Nothing here waits for a time: the next event is published when the page has the one before.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "./chromium.mjs";
import { startLab } from "./lab.mjs";
import { visit } from "./visit.mjs";

const TEXT = "has anybody seen where the room plan hangs, the one of last week with the new rooms on it?";

/** @type {import("./lab.mjs").Lab} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  lab = await startLab(["--compress", "on"], { log: "compression" });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

/** Publishes from here, so that the page has no connection of its own for it. */
async function publish(channel, data) {
  const answer = await fetch(`${lab.url}/api/channels/${channel}/publications`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ event: "tick", data }),
  });
  assert.equal(answer.status, 200, await answer.text());
}

/** A page, and the head of the lab's next answer to it below a path. */
async function open() {
  const visitor = await visit(browser, `${lab.url}/docs`);
  const headOf = async (path) => (await visitor.page.waitForResponse((response) => response.url().includes(path))).allHeaders();
  return { ...visitor, headOf };
}

describe("with --compress on", () => {
  for (const lane of ["sse", "fetch-stream"]) {
    test(`${lane}: every event comes by itself, in a coding that Chromium asked for`, async () => {
      const { page, headOf, finish } = await open();
      const channel = `browser-${lane}`;
      const answered = headOf(channel);
      await page.evaluate(async ({ lane, channel }) => {
        const got = Object.assign(window, { got: /** @type {string[]} */ ([]) }).got;
        if (lane === "sse") {
          const source = new EventSource(`/sse/${channel}`);
          source.onmessage = ({ data }) => got.push(data);
          await new Promise((resolve) => source.addEventListener("subscribed", resolve, { once: true }));
          return;
        }
        const { body } = await fetch(`/fetch-stream/${channel}`);
        if (body === null) throw new Error("an answer without a body");
        const reader = body.pipeThrough(new TextDecoderStream()).getReader();
        await reader.read();
        void (async () => {
          for (let piece = await reader.read(); !piece.done; piece = await reader.read()) got.push(piece.value);
        })();
      }, { lane, channel });
      for (let n = 1; n <= 10; n++) {
        await publish(channel, { text: TEXT, number: `<${n}>` });
        await page.waitForFunction((mark) => Reflect.get(window, "got").some((text) => text.includes(mark)), `<${n}>`);
      }
      const head = await answered;
      assert.match(head["content-encoding"], /^(zstd|br|gzip)$/);
      assert.match(head.vary, /Accept-Encoding/);
      await finish();
    });
  }

  test("a dictionary that was fetched is used, by fetch and by EventSource", async () => {
    const { page, headOf, finish } = await open();
    for (const lane of ["long-poll", "sse"]) {
      await page.evaluate(async (path) => (await fetch(path)).text(), `/dictionaries/${lane}`);
    }
    for (let n = 1; n <= 3; n++) await publish("browser-dictionary", { text: TEXT, number: n });
    const answers = Promise.all(["/long-poll/browser-dictionary", "/sse/browser-dictionary"].map(headOf));
    const polled = await page.evaluate(async (path) => (await fetch(path)).json(), "/long-poll/browser-dictionary?history=3");
    assert.deepEqual(polled.publications.map(({ data }) => data.number), [1, 2, 3]);
    await page.evaluate(() => new Promise((resolve) => {
      const source = new EventSource("/sse/browser-dictionary?history=1");
      source.onmessage = resolve;
    }));
    assert.deepEqual((await answers).map((head) => head["content-encoding"]), ["dcz", "dcz"]);
    await finish();
  });

  for (const lane of ["short-poll", "long-poll"]) {
    test(`${lane}: an answer is read as if nobody had compressed it`, async () => {
      const { page, headOf, finish } = await open();
      const channel = `browser-${lane}`;
      const answered = headOf(`/${lane}/`);
      for (let n = 1; n <= 5; n++) await publish(channel, { text: TEXT, number: n });
      const polled = await page.evaluate(async (path) => (await fetch(path)).json(), `/${lane}/${channel}?history=5`);
      assert.deepEqual(polled.publications.map(({ data }) => data.number), [1, 2, 3, 4, 5]);
      assert.match((await answered)["content-encoding"], /^(zstd|br|gzip)$/);
      await finish();
    });
  }
});
