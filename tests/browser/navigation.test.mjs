// The header's way from page to page: one row on every screen, by keyboard, and without scripts.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "./chromium.mjs";
import { startLab } from "./lab.mjs";
import { PAGES, visit } from "./visit.mjs";

/** @type {import("./lab.mjs").Lab} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  lab = await startLab([], { log: "navigation" });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

/** How many rows the visible entries of the header take. Runs in the page. */
function rows() {
  const shown = [...document.querySelectorAll(".site-name, .site-nav > ul > li > a, .site-nav summary, .site-head [data-theme-toggle]")]
    .map((entry) => entry.getBoundingClientRect())
    .filter(({ height }) => height > 0);
  const bottom = Math.min(...shown.map((entry) => entry.bottom));
  return { entries: shown.length, rows: shown.every((entry) => entry.top < bottom) ? 1 : 2 };
}

for (const width of [320, 360, 640, 800, 1280]) {
  test(`at ${width} px the header has one row, and every page is an entry of it or of More`, async () => {
    const visitor = await visit(browser, lab.url, { viewport: { width, height: 740 } });
    const { page } = visitor;
    const found = await page.evaluate(rows);
    assert.equal(found.rows, 1);
    assert.ok(found.entries <= 9, `${found.entries} with the lab's name and the theme`);
    const navigation = page.getByRole("navigation", { name: "Pages" });
    await navigation.getByText("More").click();
    const leads = await navigation.getByRole("link").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
    assert.deepEqual([...leads].sort(), Object.values(PAGES).map((address) => address.split("?")[0]).sort());
    for (const path of leads) assert.equal((await page.request.get(lab.url + path)).status(), 200, path ?? "");
    await visitor.finish();
  });
}

test("More opens by keyboard, says where one is, and Escape closes it", async () => {
  const visitor = await visit(browser, `${lab.url}/console`);
  const { page } = visitor;
  const more = page.getByRole("navigation", { name: "Pages" }).getByText("More");
  await more.focus();
  await page.keyboard.press("Enter");
  const here = page.getByRole("link", { name: "Console" });
  await here.waitFor();
  assert.equal(await here.getAttribute("aria-current"), "page");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Escape");
  await here.waitFor({ state: "hidden" });
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "More", "the focus is not lost");
  await page.keyboard.press("Enter");
  await here.waitFor();
  await page.getByRole("heading", { level: 1 }).click({ position: { x: 4, y: 4 } });
  await here.waitFor({ state: "hidden" });
  await visitor.finish();
});

test("without scripts the menu opens, and every page says what needs them", async () => {
  for (const address of Object.values(PAGES)) {
    const visitor = await visit(browser, lab.url + address, { javaScriptEnabled: false });
    await visitor.page.locator("main noscript > p").waitFor();
    await visitor.page.getByText("More", { exact: true }).first().click();
    await visitor.page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Conditions" }).waitFor();
    await visitor.finish();
  }
});
