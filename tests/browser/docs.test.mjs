// The book under /docs: read from its first chapter to its last, by keyboard, at every width, and without scripts.

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
  lab = await startLab([], { log: "docs" });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

const WIDTHS = [360, 1280, 1920];

/** Whether the page itself can be moved sideways. Runs in the page. */
const moves = () => document.documentElement.scrollWidth > document.documentElement.clientWidth;

test("“Next” leads through every chapter of the list, and none is wider than a phone", async () => {
  const visitor = await visit(browser, `${lab.url}/docs`, { viewport: { width: 360, height: 740 } });
  const { page } = visitor;
  const list = page.getByRole("navigation", { name: "Chapters", exact: true });
  const chapters = await list.getByRole("link").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
  assert.ok(chapters.length > 20, `${chapters.length}`);
  const read = [];
  for (;;) {
    const path = new URL(page.url()).pathname;
    read.push(path);
    assert.equal(await list.locator("[aria-current=page]").getAttribute("href"), path);
    assert.equal(await page.getByRole("heading", { level: 1 }).count(), 1, path);
    assert.equal(await page.evaluate(moves), false, path);
    const next = page.locator("a[rel=next]");
    if ((await next.count()) === 0) break;
    await Promise.all([page.waitForURL((url) => url.pathname !== path), next.click()]);
  }
  assert.deepEqual(read, chapters);
  await visitor.finish();
});

for (const width of WIDTHS) {
  test(`at ${width} px the list of chapters stands beside the text or below it, and a wide table scrolls by itself`, async () => {
    const visitor = await visit(browser, `${lab.url}/docs/api`, { viewport: { width, height: 900 } });
    const { page } = visitor;
    const box = async (selector) => (await page.locator(selector).boundingBox()) ?? assert.fail(selector);
    const [text, list] = [await box(".docs-text"), await box(".docs-list")];
    if (width < 960) assert.ok(list.y >= text.y + text.height, "below");
    else assert.ok(list.x >= text.x + text.width && list.y < 400, "beside");
    assert.equal(await page.evaluate(moves), false);
    if (width === 360) {
      const table = page.getByRole("region", { name: "Table: Error codes" });
      await table.focus();
      await page.keyboard.press("ArrowRight");
      await page.waitForFunction(() => [...document.querySelectorAll(".table-scroll")].some((table) => table.scrollLeft > 0));
    }
    await visitor.finish();
  });
}

test("without scripts a chapter is read, and its headings lead to themselves", async () => {
  const visitor = await visit(browser, `${lab.url}/docs/measuring`, { javaScriptEnabled: false });
  const { page } = visitor;
  await page.getByRole("link", { name: "What is said of a figure" }).click();
  assert.equal(new URL(page.url()).hash, "#what-is-said-of-a-figure");
  await page.getByRole("link", { name: "Docs" }).last().click();
  await page.getByRole("heading", { level: 1, name: "What this book is" }).waitFor();
  assert.ok(await page.getByRole("img", { name: /compare page/ }).evaluate((img) => /** @type {HTMLImageElement} */ (img).naturalWidth > 0));
  await visitor.finish();
});
