// The two first examples run side by side and show their wire; one's own first event stops the clock.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { launchChromium } from "./chromium.mjs";
import { startLab } from "./lab.mjs";
import { visit } from "./visit.mjs";

/** @type {import("./lab.mjs").Lab} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  lab = await startLab([], { log: "examples" });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

const cardOf = (page, name) => {
  const card = page.locator(`[data-example="${name}"]`);
  return {
    go: card.getByRole("button"),
    says: (text) => card.locator("[data-part=says]").filter({ hasText: text }).waitFor(),
    wire: (text) => card.locator("[data-part=wire] li").filter({ hasText: text }),
    count: (of) => card.locator(`[data-count="${of}"]`).textContent(),
  };
};

test("one emit and one trigger each reach both clients, and the wire shows who asked", async () => {
  const visitor = await visit(browser, `${lab.url}/examples`);
  const socketio = cardOf(visitor.page, "socketio");
  await socketio.go.click();
  await socketio.says('Ann and Ben heard: hello 1');
  await socketio.wire('Ann → 42["send-message","hello 1"]').waitFor();
  assert.equal(await socketio.wire('← 42["new-message","hello 1"]').count(), 2, "one in, two out");
  assert.equal(await socketio.count("connections"), "2");
  assert.equal(await socketio.count("calls"), "0");
  const pusher = cardOf(visitor.page, "pusher");
  await pusher.says("Both clients are connected");
  assert.equal(await pusher.count("connections"), "2");
  const askedBefore = await pusher.count("up");
  await pusher.go.click();
  await pusher.says('Ann and Ben heard: {"message":"hello 1"}');
  await pusher.wire("back end → POST /apps/").waitFor();
  assert.equal(await pusher.wire('← {"event":"my-event"').count() + await pusher.wire(/← .*"channel":"my-channel".*my-event/).count() > 0, true);
  assert.equal(await pusher.count("calls"), "1");
  assert.equal(await pusher.count("up"), askedBefore, "no client asked for it");
  await visitor.finish();
});

test("a first event from a shell, by the code that the page shows, stops the clock", async () => {
  const visitor = await visit(browser, `${lab.url}/examples`);
  const { page } = visitor;
  const code = page.locator('[data-show="snippet"]');
  await page.getByText("Waiting for your first event on first-").waitFor();
  await code.filter({ hasText: "first-" }).waitFor();
  const send = async () => promisify(execFile)("sh", ["-c", String(await code.textContent())]);
  await send();
  await page.getByText("A call came and was refused with 401.").waitFor();
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await code.filter({ hasNotText: "YOUR_APP_SECRET" }).waitFor();
  assert.match((await send()).stdout, /^\{/);
  await page.getByText(/Your first event came after \d+ s, under five minutes: .*\{"message":"hello"\}/).waitFor();
  assert.equal(await page.locator('[data-show="refused"]').isVisible(), false);
  await visitor.finish();
});

test("a student hears the examples and is shown no secret", async () => {
  const student = await visit(browser, `${lab.url}/examples`, { visitor: true });
  const { page } = student;
  const pusher = cardOf(page, "pusher");
  await pusher.says("Both clients are connected");
  await page.getByText("for whoever leads the lab only").waitFor();
  assert.match(String(await page.locator('[data-show="snippet"]').textContent()), /YOUR_APP_SECRET/);
  const teacher = await visit(browser, `${lab.url}/examples`);
  await cardOf(teacher.page, "pusher").go.click();
  await pusher.says("Ann and Ben heard:");
  await teacher.finish();
  await student.finish();
});
