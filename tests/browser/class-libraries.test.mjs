// Phones whose lanes speak a library's protocol, Channels and Socket.IO: how late their messages are is seen while it runs,
// on each phone, on the wall and by the presenter, each under the name of its lane; and it is in the figures of the groups.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "./chromium.mjs";
import { startClassLab } from "./class.mjs";
import { visit } from "./visit.mjs";

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, visitor: true };
const PROJECTOR = { visitor: true, viewport: { width: 1920, height: 1080 } };

/** In the order of the groups, and as the class's pages call them for short. */
const LANES = /** @type {const} */ ([["channels", "Channels over WebSocket"], ["channels-polling", "Channels over xhr_polling"], ["socketio-polling", "Socket.IO, polling only"], ["socketio-websocket", "Socket.IO, WebSocket only"]]);
/** On the way down, so that no phone's clock is off by more than a small part of it. */
const LATE_MS = 400;

const LESSON = `+++
id = "libraries-test"
title = "Two libraries"
group = "cost"
order = 90
minutes = 5
claims = ["A1"]
steps = ["guess", "set", "run", "reveal", "ask"]
+++
Guess.

\`\`\`guess
as = "number"
question = "How late are half of them?"
min = 0
max = 2000
unit = "ms"
about = ["group1.delay_ms.median"]
\`\`\`

\`\`\`set
phones = [${LANES.map(([lane]) => `{ lane = "${lane}" }`).join(", ")}]
source = { rate_per_s = 4, size_bytes = 60 }
conditions = { ${LANES.map(([lane]) => `${lane} = "latency down=${LATE_MS}ms up=20ms"`).join(", ")} }
\`\`\`

Your phone shows how late its messages are.

\`\`\`run
live = { seconds = 29, warm_up = 1 }
page = "/compare"
seen = "How late are half of them, in ms?"
\`\`\`

\`\`\`reveal
sentence = "Late by ${LANES.map((_, at) => `{group${at + 1}.delay_ms.median}`).join(", ")} ms."
predicted = "As late as the way is long."
expected = ${LATE_MS}
change = "Put them nearer."
\`\`\`

\`\`\`ask
question = "What makes a message late here?"
options = ["the library", "the way", "nothing"]
right = 2
because = ["Both are as late.", "It is as long as was set.", "It was."]
\`\`\`
`;

/** @type {Awaited<ReturnType<typeof startClassLab>>} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  lab = await startClassLab("class-libraries", { "libraries-test": LESSON });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

test("phones on Channels and on Socket.IO: their delays are seen while it runs, each of its own lane, and in the groups' figures", async () => {
  const { code } = await lab.lead("POST", "", {});
  const showing = await visit(browser, `${lab.url}/wall`, PROJECTOR);
  const leading = await visit(browser, `${lab.url}/presenter/class`);
  const [wall, presenter] = [showing.page, leading.page];
  const phones = await Promise.all(LANES.map(() => visit(browser, `${lab.url}/phone?code=${code}`, PHONE)));
  await wall.getByText(`${LANES.length} are in`).waitFor();
  await lab.lead("POST", "/lesson", { lesson: "libraries-test" });
  await lab.lead("POST", "/go", { to: 2 });
  await lab.lead("POST", "/run");

  /** Late by as much as the way at least. @param {string} text @param {string} where */
  const isOfItsLane = (text, where) => {
    const [, number = "", unit] = /([\d.,]+) (ms|s)\b/.exec(text) ?? [];
    const ms = Number(number.replace(",", "")) * (unit === "s" ? 1_000 : 1);
    assert.ok(ms >= LATE_MS && ms < 60_000, `${where}: ${text}`);
  };
  await presenter.getByText(`Phones ${LANES.length} of ${LANES.length}`).click();
  for (const [lane, name] of LANES) {
    const track = wall.locator(`.race-lane[data-lane="${lane}"]`);
    await track.locator(".race-dot").waitFor();
    assert.equal(await track.locator(".lane-name").innerText(), name);
    isOfItsLane(await track.locator(".race-words").innerText(), `the race, ${lane}`);
    const row = presenter.locator(".lead-phones li").filter({ hasText: new RegExp(`open, ${name}, [\\d.,]+ m?s`) });
    await row.first().waitFor();
    isOfItsLane(await row.first().innerText(), `the presenter's list, ${lane}`);
    // The grid says the same of a phone to who does not see the dot.
    const dot = wall.locator(`.phone[data-state="open"][data-lane="${lane}"]`);
    isOfItsLane(await dot.locator(".visually-hidden").innerText(), `the grid, ${lane}`);
  }
  assert.equal(await wall.locator(".race-dot").count(), LANES.length);
  for (const { page } of phones) {
    const own = page.locator(".phone-figures div").filter({ hasText: "last one was late by" }).locator("dd");
    await own.filter({ hasText: /\d/ }).waitFor();
    isOfItsLane(await own.innerText(), "a phone");
  }

  // What each received in the run and how late that was came in one report.
  await wall.locator("[data-part=received] li").filter({ hasText: /received [1-9]/ }).nth(LANES.length - 1).waitFor();
  await lab.lead("POST", "/run/stop");
  const { lesson } = await lab.lead("POST", "/reveal", {});
  const said = [.../** @type {string} */ (lesson.reveal.sentence).matchAll(/[\d.,]+(?=[, ])/g)].map(([number]) => Number(number.replace(/,/g, "")));
  assert.equal(said.length, LANES.length, lesson.reveal.sentence);
  for (const ms of said) assert.ok(ms >= LATE_MS, lesson.reveal.sentence);
  await wall.locator(".wall-sentence").filter({ hasText: lesson.reveal.sentence }).waitFor();
  await lab.lead("DELETE", "?save=false");
  for (const each of [...phones, showing, leading]) {
    each.expectComplaint(/404/); // no class any more
    await each.finish();
  }
});
