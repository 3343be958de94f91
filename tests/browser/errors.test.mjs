// What a person sees who asked for something that is not there, or not for them: a page of the lab, with the way on.

import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "./chromium.mjs";
import { startLab } from "./lab.mjs";
import { visit } from "./visit.mjs";

/** @type {import("./lab.mjs").Lab} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  lab = await startLab([], { log: "errors" });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

const REFUSED = [
  ["/no-such-page", 404, /nothing here/],
  ["/chat?room=not a room", 400, /cannot be a name/],
  ["/api/reports", 405, /not asked that way/],
  ["/api/apps/demo/secret", 403, /leads the lab/],
  ["/short-poll/a%20b", 400, /cannot be a name/],
];

for (const [address, status, heading] of /** @type {[string, number, RegExp][]} */ (REFUSED)) {
  test(`${address} is a page for people: clean for axe, fits a phone, leads back`, async () => {
    const visitor = await visit(browser, lab.url, { viewport: { width: 360, height: 740 }, reducedMotion: "reduce", visitor: true });
    visitor.expectComplaint(/Failed to load resource/);
    const answer = await visitor.page.goto(lab.url + address);
    assert.equal(answer?.status(), status);
    await visitor.page.getByRole("heading", { level: 1, name: heading }).waitFor();
    const { violations } = await new AxeBuilder({ page: visitor.page }).options({ preload: false }).analyze();
    assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" "))}`), []);
    assert.ok(await visitor.page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth));
    await visitor.page.getByRole("link", { name: "To the lab's first page" }).click();
    await visitor.page.getByRole("heading", { level: 1, name: /Poll or push/ }).waitFor();
    await visitor.finish();
  });
}

test("a room that cannot be one: another is one field away", async () => {
  const visitor = await visit(browser, lab.url);
  visitor.expectComplaint(/Failed to load resource/);
  await visitor.page.goto(`${lab.url}/chat?room=not a room`);
  await visitor.page.getByLabel("Go to room").fill("class");
  await visitor.page.keyboard.press("Enter");
  await visitor.page.getByRole("heading", { level: 1, name: "Chat room class" }).waitFor();
  await visitor.finish();
});
