// What a page shows without the presenter's cookie: what is locked says how to unlock it, and the rest works.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CHROMIUM_MISSING, findChromium, launchChromium } from "./chromium.mjs";
import { startLab, TOKEN } from "./lab.mjs";
import { visit } from "./visit.mjs";

const skip = findChromium() ? false : CHROMIUM_MISSING;
let lab;
let browser;

before(async () => {
  if (skip) return;
  lab = await startLab([], { log: "presenter" });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
  for (const width of [360, 1280]) {
    test(`a visitor is told how to unlock what is locked, ${colorScheme}, ${width} px`, { skip }, async () => {
      for (const [path, locked] of /** @type {const} */ ([["/console", 4], ["/conditions", 1], ["/runs", 2]])) {
        const { page, finish } = await visit(browser, lab.url + path, { visitor: true, colorScheme, viewport: { width, height: 800 } });
        await page.locator('body[data-unlocked="false"]').waitFor();
        const notices = page.locator("[data-locked-here]");
        assert.equal(await notices.count(), locked, path);
        for (const text of await notices.allTextContents()) assert.match(text, /address that the lab printed in its terminal/);
        assert.equal(await page.locator("[data-presenter] > :not(.notice)").evaluateAll((parts) => parts.every((part) => /** @type {HTMLElement} */ (part).inert)), true, path);
        assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width, path);
        await finish();
      }
    });
  }
}

test("the address in the terminal unlocks, and the token stays in no address", { skip }, async () => {
  const { page, context, finish } = await visit(browser, `${lab.url}/conditions`, { visitor: true });
  await page.goto(`${lab.url}/presenter/unlock/${TOKEN}`);
  assert.equal(page.url(), `${lab.url}/`);
  await page.goto(`${lab.url}/console`);
  await page.locator('body[data-unlocked="true"]').waitFor();
  assert.equal(await page.locator("[data-locked-here]").count(), 0);
  await page.locator("[data-reveal]").click();
  await page.locator('[data-show="app-secret"]:not(:text("not shown"))').waitFor();
  const [cookie] = await context.cookies(`${lab.url}/presenter`);
  assert.deepEqual([cookie.path, cookie.httpOnly, cookie.sameSite], ["/presenter", true, "Strict"]);
  await finish();
});

test("no request of a lane carries the cookie, on one port neither", { skip }, async () => {
  const single = await startLab(["--single-port"], { log: "presenter-single" });
  try {
    for (const transport of ["short-poll", "sse", "websocket", "channels"]) {
      const { page, finish } = await visit(browser, `${single.url}/chat?transport=${transport}`);
      const carried = [];
      page.on("request", async (request) => {
        const { cookie = "" } = await request.allHeaders().catch(() => /** @type {Record<string, string>} */ ({}));
        if (cookie.includes("pushlab-presenter")) carried.push(new URL(request.url()).pathname);
      });
      await page.locator('body[data-unlocked="true"]').waitFor();
      const [asked] = await Promise.all([page.waitForRequest(/presenter\/status/), page.reload()]);
      assert.match((await asked.allHeaders()).cookie ?? "", /pushlab-presenter/);
      await page.locator('body[data-unlocked="true"]').waitFor();
      assert.deepEqual(carried.filter((path) => !path.startsWith("/presenter/")), [], transport);
      await finish();
    }
  } finally {
    await single.stop();
  }
});
