// A cut network, on every transport: the page says that the connection is gone, comes
// back by itself, and fetches what was missed, once and in order.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "./chromium.mjs";
import { startLab } from "./lab.mjs";
import { startNetwork } from "./network.mjs";
import { enter, newRoom } from "./room.mjs";
import { LANES } from "./visit.mjs";

// Chromium words a refused connection as a refused permission for a document of network.mjs.
const CUT = /net::ERR_|WebSocket connection to .* failed|access the `loopback` address space/;

/** @type {import("./lab.mjs").Lab} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof startNetwork>>} */
let network;
before(async () => {
  lab = await startLab([], { log: "reconnect" });
  network = await startNetwork(lab);
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await network?.stop();
  await lab?.stop();
});

for (const lane of Object.keys(LANES)) {
  test(`${lane}: what was said during the cut is there after it, once and in order`, async () => {
    const room = newRoom();
    const ann = await enter(browser, { url: lab.url, room, lane: "websocket", name: "Ann" });
    const ben = await enter(browser, { url: lab.url, room, lane, name: "Ben", network });
    ben.expectComplaint(CUT);
    await ann.say("Before");
    await ben.sees("Before");

    network.cut();
    await ben.isState("reconnecting");
    for (const text of ["During one", "During two", "During three"]) {
      await ann.say(text);
      await ann.isConfirmed(text);
    }
    network.restore();

    await ben.isState("open");
    await ben.sees("During three");
    await ann.say("After");
    await ben.sees("After");
    const texts = await ben.log.locator(".message-text").allTextContents();
    assert.deepEqual(texts, ["Before", "During one", "During two", "During three", "After"]);
    await ann.finish();
    await ben.finish();
  });

  test(`${lane}: messages written during the cut wait, and go out by themselves, in their order`, async () => {
    const room = newRoom();
    const ann = await enter(browser, { url: lab.url, room, lane: "sse", name: "Ann" });
    const ben = await enter(browser, { url: lab.url, room, lane, name: "Ben", network });
    ben.expectComplaint(CUT);
    network.cut();
    await ben.isState("reconnecting");
    const texts = ["Into the void", "And again"];
    for (const text of texts) {
      await ben.say(text);
      await ben.entry(text).getByText("not sent yet: there is no connection just now").waitFor();
    }
    assert.equal(await ben.page.getByRole("button", { name: "Try again" }).count(), 0);
    network.restore();
    await ben.isState("open");
    for (const text of texts) {
      await ben.isConfirmed(text);
      await ann.sees(text);
    }
    assert.deepEqual(await ann.log.locator(".message-text").allTextContents(), texts);
    await ann.finish();
    await ben.finish();
  });

  test(`${lane}: a message whose answer is lost with the connection is there once`, async () => {
    const room = newRoom();
    const ann = await enter(browser, { url: lab.url, room, lane: "sse", name: "Ann" });
    const ben = await enter(browser, { url: lab.url, room, lane, name: "Ben", network });
    ben.expectComplaint(CUT);
    // That somebody types is told, too, and Engine.IO sends nothing before that is answered.
    const told = lane !== "socketio-polling" ? undefined : ben.page.waitForResponse((answer) => answer.request().method() === "POST");
    await ben.page.getByRole("textbox", { name: "Message" }).fill("Once is enough");
    await (await told)?.finished();
    network.mute();
    await ben.page.getByRole("button", { name: "Send" }).click();
    await ann.sees("Once is enough");
    network.cut();
    await ben.isState("reconnecting");
    await ben.entry("Once is enough").getByText(/^not sent/).waitFor();
    network.restore();
    await ben.isState("open");
    await ben.isConfirmed("Once is enough");
    await ben.say("After");
    await ann.sees("After");
    for (const tab of [ann, ben]) await tab.sees("Once is enough");
    await ann.finish();
    await ben.finish();
  });
}

test("a browser switched to offline stops polling and takes up where it was", async () => {
  const room = newRoom();
  const ann = await enter(browser, { url: lab.url, room, lane: "sse", name: "Ann" });
  const ben = await enter(browser, { url: lab.url, room, lane: "short-poll", name: "Ben" });
  ben.expectComplaint(/net::ERR_INTERNET_DISCONNECTED/);
  await ben.context.setOffline(true);
  await ben.isState("reconnecting");
  await ann.say("While you were offline");
  await ann.isConfirmed("While you were offline");
  await ben.context.setOffline(false);
  await ben.isState("open");
  await ben.sees("While you were offline");
  await ann.finish();
  await ben.finish();
});
