// The chat, between two people on different transports, as they see it: messages both
// ways, who is here, what was said before, what a message goes through on its way.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "./chromium.mjs";
import { startLab } from "./lab.mjs";
import { enter, newRoom } from "./room.mjs";
import { startNetwork } from "./network.mjs";
import { codeOf, LANES, POSTING } from "./visit.mjs";

/** Every transport beside its neighbour, in a ring: each is once on either side. */
const NEIGHBOURS = Object.keys(LANES).map((lane, index, lanes) => [lane, lanes[(index + 1) % lanes.length]]);

/** @type {import("./lab.mjs").Lab} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  lab = await startLab([], { log: "chat" });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

/** Ann and Ben in a room of their own, each on a lane. */
async function annAndBen(annLane, benLane) {
  const room = newRoom();
  const ann = await enter(browser, { url: lab.url, room, lane: annLane, name: "Ann" });
  const ben = await enter(browser, { url: lab.url, room, lane: benLane, name: "Ben" });
  return { room, ann, ben };
}

for (const [one, other] of NEIGHBOURS) {
  test(`${one} and ${other}: messages arrive in both directions, once`, async () => {
    const { ann, ben } = await annAndBen(one, other);
    await ann.say("Can you hear me?");
    await ben.sees("Can you hear me?");
    await ann.isConfirmed("Can you hear me?");
    await ben.say("Loud and clear.");
    await ann.sees("Loud and clear.");
    await ben.isConfirmed("Loud and clear.");
    await ann.finish();
    await ben.finish();
  });
}

for (const lane of ["channels-polling", "sse", "short-poll"]) {
  test(`what somebody else's program publishes loses no message on ${lane}`, async () => {
    const room = newRoom();
    const post = async (/** @type {object} */ data) => {
      const body = JSON.stringify({ event: "message", data });
      const answer = await fetch(`${lab.url}/api/channels/presence-chat-${room}/publications`, { method: "POST", body });
      assert.equal(answer.status, 200);
    };
    const odd = JSON.parse('{"toString":1,"valueOf":1}');
    await post({ text: "before", id: "a", client: "x", name: "Cy" });
    await post({ text: "odd id", id: odd, client: odd, name: odd, via: odd, bound_us: odd });
    for (const data of [{ text: odd }, odd, [odd], "text", 12]) await post(data);
    await post({ text: "after", id: "b", client: "x", name: "Cy" });
    const ann = await enter(browser, { url: lab.url, room, lane, name: "Ann" });
    await ann.sees("after");
    assert.deepEqual(await ann.page.locator("#log .message-text").allTextContents(), ["before", "odd id", "after"]);
    assert.match(await ann.entry("odd id").innerText(), /Somebody/);
    await ann.finish();
  });
}

for (const lane of Object.keys(LANES)) {
  test(`presence on ${lane}: both are listed, and one who closes the page is not`, async () => {
    const { ann, ben } = await annAndBen("sse", lane);
    await ann.seesPeople("Ann", "Ben");
    await ben.seesPeople("Ann", "Ben");
    const mark = ann.page.locator("li", { hasText: "Ben" }).locator("[data-lane]");
    assert.equal(await mark.getAttribute("data-lane"), lane, "transport and protocol are told apart");
    await ben.page.goto("about:blank");
    await ann.seesPeople("Ann");
    await ann.sees("Ben left");
    await ann.finish();
    await ben.finish();
  });
}

test("a member changes the transport and stays the same member, with nothing missed or repeated", async () => {
  const { ann, ben } = await annAndBen("short-poll", "sse");
  for (const lane of [...Object.keys(LANES).slice(1), "short-poll"]) {
    const changing = ann.chooses(lane);
    await ben.say(`While you change to ${lane}`);
    await changing;
    await ann.sees(`While you change to ${lane}`);
  }
  await ann.seesPeople("Ann", "Ben");
  assert.match(ann.page.url(), /transport=short-poll/);
  await ann.finish();
  await ben.finish();
});

test("a name that is changed is seen by the other", async () => {
  const { ann, ben } = await annAndBen("websocket", "long-poll");
  await ann.page.getByLabel("Name", { exact: true }).fill("Anna");
  await ann.page.getByRole("button", { name: "Use" }).click();
  await ben.seesPeople("Anna", "Ben");
  await ann.finish();
  await ben.finish();
});

test("whoever enters sees what was said before, in order", async () => {
  const room = newRoom();
  const ann = await enter(browser, { url: lab.url, room, lane: "sse", name: "Ann" });
  const said = ["First.", "Second.", "Third."];
  for (const text of said) {
    await ann.say(text);
    await ann.isConfirmed(text);
  }
  for (const lane of Object.keys(LANES)) {
    const ben = await enter(browser, { url: lab.url, room, lane, name: "Ben" });
    await ben.sees("Third.");
    assert.deepEqual(await ben.log.locator(".message-text").allTextContents(), said, lane);
    await ben.finish();
  }
  await ann.finish();
});

test("somebody who types is announced, and no more once the message is there", async () => {
  const { ann, ben } = await annAndBen("websocket", "sse");
  await ben.page.getByRole("textbox", { name: "Message" }).pressSequentially("Hm");
  await ann.page.getByText("Ben is typing").waitFor();
  await ben.page.keyboard.press("Enter");
  await ann.sees("Hm");
  await ann.page.getByText("Ben is typing").waitFor({ state: "detached" });
  await ann.finish();
  await ben.finish();
});

for (const [one, other] of [["channels", "sse"], ["socketio-websocket", "channels"], ["channels-polling", "socketio-polling"], ["websocket", "channels-streaming"]]) {
  test(`typing on ${one} is seen on ${other}, and the other way`, async () => {
    const { ann, ben } = await annAndBen(one, other);
    await ann.page.getByRole("textbox", { name: "Message" }).pressSequentially("Hm");
    await ben.page.getByText("Ann is typing").waitFor();
    await ben.page.getByRole("textbox", { name: "Message" }).pressSequentially("Well");
    await ann.page.getByText("Ben is typing").waitFor();
    await ann.finish();
    await ben.finish();
  });
}

for (const [lane, transport] of [["channels", "ws"], ["channels-streaming", "xhr_streaming"], ["channels-polling", "xhr_polling"], ["socketio-polling", "polling"], ["socketio-websocket", "websocket"]]) {
  test(`${lane}: the page says what the library is connected by, and how long that took`, async () => {
    const ann = await enter(browser, { url: lab.url, room: newRoom(), lane, name: "Ann" });
    await ann.page.getByText(new RegExp(`^Connected by ${transport}, which took \\d+ ms\\.$`)).waitFor();
    await ann.finish();
  });
}

test("where WebSockets are blocked, Channels falls back to HTTP if it may, and says so", async () => {
  const network = await startNetwork(lab);
  network.blockWebSockets();
  const room = newRoom();
  const ben = await enter(browser, { url: lab.url, room, lane: "sse", name: "Ben" });
  const ann = await enter(browser, { url: lab.url, room, lane: "sse", name: "Ann", network });
  ann.expectComplaint(/WebSocket connection to .* failed/);
  await ann.page.getByRole("combobox", { name: "via transport" }).selectOption({ label: LANES.channels });
  await ann.page.getByRole("switch", { name: "May fall back to HTTP" }).check({ force: true });
  await ann.isState("open");
  await ann.page.getByText(/^Connected by xhr_(streaming|polling), which took \d+ ms\.$/).waitFor();
  await ann.say("Through the proxy");
  await ben.sees("Through the proxy");
  await ben.say("Good to hear");
  await ann.sees("Good to hear");
  await ann.finish();
  await ben.finish();
  await network.stop();
});

test("a reader who scrolled up finds an unread marker and a way down", async () => {
  const { ann, ben } = await annAndBen("sse", "websocket");
  for (let line = 1; line <= 30; line += 1) await ben.say(`Line ${line} of many`);
  await ann.sees("Line 30 of many");
  await ann.log.evaluate((log) => { log.scrollTop = 0; });
  await ben.say("Did you see this?");
  const button = ann.page.getByRole("button", { name: "1 new message" });
  await button.waitFor();
  await ann.log.getByText("New messages").waitFor();
  assert.match(await ann.page.title(), /^\(1\) /);
  await button.click();
  await button.waitFor({ state: "hidden" });
  assert.doesNotMatch(await ann.page.title(), /^\(/);
  await ann.finish();
  await ben.finish();
});

test("each message carries its delay in the look of the lane that brought it, and the room sees the race", async () => {
  const { room, ann, ben } = await annAndBen("websocket", "short-poll");
  for (const line of ["One", "Two", "Three"]) {
    await ann.say(line);
    await ben.sees(line);
  }
  const delay = ben.entry("Three").locator(".message-delay");
  assert.equal(await delay.getAttribute("data-lane"), "short-poll");
  assert.match(await delay.textContent() ?? "", /\d (ms|s).*late, by Short polling/);
  assert.match(await ann.entry("Three").locator(".message-delay").textContent() ?? "", /\d (ms|s)late, by WebSocket/, "one clock: no bound");
  for (const visitor of [ann, ben]) {
    const race = visitor.page.getByRole("list", { name: "Race in this room" });
    await race.getByRole("listitem").filter({ hasText: "Short polling" }).waitFor();
    await race.getByRole("listitem").filter({ hasText: "WebSocket" }).waitFor();
  }
  // Who comes later saw nothing of that on time.
  const cyd = await enter(browser, { url: lab.url, room, lane: "sse", name: "Cyd" });
  await cyd.sees("Three");
  assert.equal(await cyd.log.locator(".message-delay").count(), 0);
  await Promise.all([ann, ben, cyd].map((visitor) => visitor.finish()));
});

for (const lane of Object.keys(LANES)) {
  test(`${lane}: the presenter clears the room, for who is there and for who is away`, async () => {
    const network = await startNetwork(lab);
    const room = newRoom();
    const ann = await enter(browser, { url: lab.url, room, lane: "websocket", name: "Ann" });
    const ben = await enter(browser, { url: lab.url, room, lane, name: "Ben" });
    const away = await enter(browser, { url: lab.url, room, lane, name: "Cyd", network });
    away.expectComplaint(/./); // its network is cut
    await ann.say("Forget this");
    for (const visitor of [ann, ben, away]) await visitor.sees("Forget this");
    network.cut();
    await away.isState("reconnecting");
    await ann.page.getByRole("button", { name: "Clear this room" }).click();
    await ann.page.getByRole("dialog").getByRole("button", { name: "Clear", exact: true }).click();
    for (const visitor of [ann, ben]) {
      await visitor.sees("The presenter cleared this room");
      assert.equal(await visitor.entry("Forget this").count(), 0);
    }
    await ben.say("A new beginning");
    await ann.sees("A new beginning");
    network.restore();
    await away.isState("open");
    await away.sees("A new beginning");
    assert.equal(await away.entry("Forget this").count(), 0);
    await Promise.all([ann, ben, away].map((visitor) => visitor.finish()));
    await network.stop();
  });
}

test("a visitor cannot clear the room, and Escape clears nothing", async () => {
  const room = newRoom();
  const ann = await enter(browser, { url: lab.url, room, lane: "sse", name: "Ann" });
  await ann.say("Stays");
  await ann.isConfirmed("Stays");
  await ann.page.getByRole("button", { name: "Clear this room" }).click();
  await ann.page.getByRole("dialog").waitFor();
  await ann.page.keyboard.press("Escape");
  await ann.page.getByRole("dialog").waitFor({ state: "detached" });
  await ann.sees("Stays");
  const answer = await fetch(`${lab.url}/api/history/presence-chat-${room}`, { method: "DELETE" });
  assert.equal(answer.status, 403);
  await answer.body?.cancel();
  await ann.finish();
});

for (const [width, height, least] of [[360, 740, 4], [360, 380, 1], [320, 640, 3], [1280, 800, 12], [1920, 1080, 12]]) {
  test(`at ${width} × ${height} the composer is in view, and at least ${least} messages`, async () => {
    const ann = await enter(browser, { url: lab.url, room: newRoom(), lane: "sse", name: "Ann" });
    for (let line = 1; line <= 30; line += 1) await ann.say(`Line ${line} of many`);
    await ann.isConfirmed("Line 30 of many");
    await ann.page.setViewportSize({ width, height });
    await ann.page.waitForFunction(() => {
      const log = document.querySelector("#log");
      return log !== null && log.scrollHeight - log.scrollTop - log.clientHeight < 2;
    });
    const seen = await ann.page.evaluate(seenAtOnce);
    assert.ok(seen.composerBottom <= height, `the composer ends at ${seen.composerBottom} px`);
    assert.ok(seen.messages >= least, `${seen.messages} messages`);
    await ann.finish();
  });
}

/** Runs in the page. */
function seenAtOnce() {
  const box = (/** @type {Element | null} */ element) => /** @type {Element} */ (element).getBoundingClientRect();
  const log = box(document.querySelector("#log"));
  const isWhole = (/** @type {DOMRect} */ { top, bottom }) => top >= log.top - 1 && bottom <= log.bottom + 1;
  return {
    composerBottom: box(document.querySelector("#composer")).bottom,
    messages: [...document.querySelectorAll("#log .message")].map(box).filter(isWhole).length,
  };
}

test("what people write is text and never markup", async () => {
  const { ann, ben } = await annAndBen("long-poll", "short-poll");
  const text = `<img src="/nowhere" onerror="document.title='taken'"><b>bold</b>`;
  await ann.say(text);
  await ben.sees(text);
  assert.equal(await ben.log.locator("img, b").count(), 0);
  await ann.finish();
  await ben.finish();
});

test("the code button opens exactly the file of the chosen transport", async () => {
  const room = newRoom();
  const ann = await enter(browser, { url: lab.url, room, lane: "sse", name: "Ann" });
  for (const lane of Object.keys(LANES)) {
    await ann.chooses(lane);
    await ann.page.getByRole("button", { name: "Show the code" }).click();
    const dialog = ann.page.getByRole("dialog");
    await dialog.getByText("as this page runs it").waitFor();
    const shown = (await dialog.locator(".code-lines li").allTextContents()).join("\n");
    const served = await (await fetch(`${lab.url}${codeOf(lane)}`)).text();
    assert.equal(shown, served.trimEnd(), lane);
    await ann.page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
  }
  await ann.finish();
});

describe("a message on its way", () => {
  const PUBLICATIONS = "**/publications?*";
  const QUESTIONS = "**/short-poll/**";

  test("is shown as pending, then sent, then as the room has it", async () => {
    const ann = await enter(browser, { url: lab.url, room: newRoom(), lane: "short-poll", name: "Ann" });
    const publishing = await hold(ann.page, PUBLICATIONS);
    await ann.say("Patience");
    await ann.entry("Patience").getByText("sending").waitFor();
    const asking = await hold(ann.page, QUESTIONS); // else the room may show it before "sent" can be seen
    publishing.release();
    await ann.entry("Patience").getByText("sent", { exact: true }).waitFor();
    asking.release();
    await ann.isConfirmed("Patience");
    await ann.finish();
  });

  for (const lane of POSTING) {
    test(`is failed on ${lane} when the server cannot be reached, and sent by Try again`, async () => {
      const { ann, ben } = await annAndBen(lane, "websocket");
      ann.expectComplaint(/net::ERR_CONNECTION_REFUSED/);
      await ann.page.route(PUBLICATIONS, (route) => route.abort("connectionrefused"));
      await ann.say("Lost at first");
      await ann.entry("Lost at first").getByText("not sent: the server does not answer").waitFor();
      await ann.page.unroute(PUBLICATIONS);
      await ann.page.getByRole("button", { name: "Try again" }).click();
      await ann.isConfirmed("Lost at first");
      await ben.sees("Lost at first");
      await ann.finish();
      await ben.finish();
    });
  }

  test("is not doubled when only the answer was lost and it is tried again", async () => {
    const { ann, ben } = await annAndBen("short-poll", "websocket");
    ann.expectComplaint(/net::ERR_CONNECTION_RESET/);
    const asking = await hold(ann.page, QUESTIONS); // keeps Ann from seeing that it did arrive
    await ann.page.route(PUBLICATIONS, async (route) => {
      await route.fetch();
      await route.abort("connectionreset");
    });
    await ann.say("Once is enough");
    await ben.sees("Once is enough");
    await ann.entry("Once is enough").getByText("not sent").waitFor();
    await ann.page.unroute(PUBLICATIONS);
    await ann.page.getByRole("button", { name: "Try again" }).click();
    await ann.entry("Once is enough").getByText("sent", { exact: true }).waitFor();
    asking.release();
    await ann.isConfirmed("Once is enough");
    await ben.say("Got it.");
    await ann.sees("Got it.");
    await ben.sees("Once is enough");
    await ann.finish();
    await ben.finish();
  });
});

/** Keeps requests back until `release()`. */
async function hold(page, pattern) {
  let release = () => {};
  const released = new Promise((resolve) => { release = () => resolve(undefined); });
  await page.route(pattern, async (route) => {
    await released;
    await route.continue();
  });
  return { release };
}
