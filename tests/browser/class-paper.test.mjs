// What a class has on paper: a worksheet for each lesson and for each plan, their keys for whoever leads alone, the plans
// themselves, and what a class did as one file. Pages that are made for paper are printed, and their leaves counted.

import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { launchChromium } from "./chromium.mjs";
import { AS_PRESENTER, ROOT, startLab } from "./lab.mjs";
import { visit } from "./visit.mjs";

const WCAG_22_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const LESSONS = new URL("../../lessons/", import.meta.url);
const IDS = readdirSync(LESSONS).filter((name) => name.endsWith(".md")).map((name) => name.replace(/^\d+-|\.md$/g, ""));
const PLANS = ["45", "90"];

/** @type {import("./lab.mjs").Lab} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  lab = await startLab([], { log: "class-paper" });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

/** @param {import("playwright-core").Page} page */
async function isCleanForAxe(page) {
  const { violations } = await new AxeBuilder({ page }).options({ preload: false }).withTags(WCAG_22_AA).analyze();
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].target} ${nodes[0].failureSummary}`), []);
}

/** How many leaves a page takes. @param {import("playwright-core").Page} page @param {string} format */
async function leaves(page, format) {
  const pdf = await page.pdf({ format });
  // Chromium writes one /Type /Page for each, and one /Pages for all.
  return pdf.toString("latin1").match(/\/Type \/Page(?!s)/g)?.length ?? 0;
}

/** Sideways, at the width of paper. @param {import("playwright-core").Page} page */
const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

test("each lesson's worksheet fits one or two leaves of A4 and Letter, black on white, without navigation", async () => {
  const { page, finish } = await visit(browser, `${lab.url}/lessons/tunnel/worksheet`, { colorScheme: "dark", visitor: true });
  await isCleanForAxe(page);
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  for (const id of IDS) {
    await page.goto(`${lab.url}/lessons/${id}/worksheet`);
    // A4 without its margins is 182 mm wide.
    await page.setViewportSize({ width: 688, height: 1016 });
    assert.equal(await overflow(page), 0, id);
    const found = await page.evaluate(() => ({
      ground: getComputedStyle(document.body).backgroundColor,
      ink: getComputedStyle(document.querySelector(".sheet h1") ?? document.body).color,
      around: [...document.querySelectorAll(".site-head, .site-foot, .sheet-around")].filter((node) => node.getClientRects().length > 0).length,
    }));
    assert.deepEqual(found, { ground: "rgb(255, 255, 255)", ink: "rgb(0, 0, 0)", around: 0 }, id);
    for (const format of ["A4", "Letter"]) {
      const count = await leaves(page, format);
      assert.ok(count >= 1 && count <= 2, `${id} takes ${count} leaves of ${format}`);
    }
  }
  for (const plan of PLANS) {
    for (const address of [`/lessons/plans/${plan}`, `/lessons/plans/${plan}/worksheet`]) {
      await page.goto(lab.url + address);
      assert.equal(await overflow(page), 0, address);
      for (const format of ["A4", "Letter"]) assert.ok(await leaves(page, format) <= 2, `${address} on ${format}`);
    }
  }
  await finish();
});

test("on a phone and in the dark the sheets and plans fit, and are clean for axe", async () => {
  const { page, finish } = await visit(browser, `${lab.url}/lessons/plans/90`, { viewport: { width: 320, height: 700 }, colorScheme: "dark", visitor: true });
  for (const address of ["/lessons/plans/45", "/lessons/plans/45/worksheet", "/lessons/plans/90", "/lessons/plans/90/worksheet", "/lessons/who-comes-back/worksheet"]) {
    await page.goto(lab.url + address);
    assert.equal(await overflow(page), 0, address);
    await isCleanForAxe(page);
  }
  await finish();
});

test("as Markdown it is a file, and the key is for whoever leads alone", async () => {
  const ask = (/** @type {string} */ address, headers = {}) => fetch(lab.url + address, { headers });
  const sheet = await ask("/lessons/empty-answers/worksheet.md");
  assert.match(sheet.headers.get("content-type") ?? "", /^text\/markdown/);
  assert.match(sheet.headers.get("content-disposition") ?? "", /attachment; filename="empty-answers-worksheet.md"/);
  assert.match(await sheet.text(), /how many bring nothing\?/);
  for (const address of ["/lessons/empty-answers/worksheet", "/lessons/empty-answers/worksheet.md", "/lessons/plans/45/worksheet", "/lessons/plans/90/worksheet.md"]) {
    const refused = await ask(`${address}?key=1`);
    assert.equal(refused.status, 403, address);
    assert.equal((await refused.json()).error.code, "presenter_only");
    assert.equal((await ask(`${address}?key=1`, AS_PRESENTER)).status, 200, address);
  }
  assert.equal((await ask("/lessons/plans/60")).status, 404);
  assert.equal((await ask("/lessons/tunel/worksheet")).status, 404);
  assert.equal((await ask("/lessons/empty-answers/worksheet?result=none")).status, 404);

  // The presenter's browser: its cookie goes below /presenter only, and the page leads there.
  const { page, finish } = await visit(browser, `${lab.url}/lessons/two-servers/worksheet`);
  await page.getByRole("link", { name: "The key, for whoever leads the lab" }).click();
  await page.getByText("names the old idea, what was seen, and why the two differ").waitFor();
  await page.getByText("50 %", { exact: true }).waitFor();
  await isCleanForAxe(page);
  await page.getByRole("link", { name: "The sheet without the key" }).click();
  await page.getByText("What surprised you?").waitFor();
  await finish();
});

test("a plan gives its lessons while a class is on, to whoever leads and to nobody else", async () => {
  const give = (/** @type {import("playwright-core").Page} */ of) => of.getByRole("button", { name: "Give this lesson Ask, and ask, and ask" });
  const without = await visit(browser, `${lab.url}/lessons/plans/45`);
  await without.page.getByRole("button", { name: "Print" }).waitFor();
  assert.equal(await give(without.page).count(), 0, "no class is on");
  await without.finish();
  const asPresenter = { ...AS_PRESENTER, "content-type": "application/json" };
  const begun = await fetch(`${lab.url}/api/class`, { method: "POST", headers: asPresenter, body: JSON.stringify({ name: "5c <b>on Monday</b>" }) });
  assert.equal(begun.status, 201);
  const { page, finish } = await visit(browser, `${lab.url}/lessons/plans/45`);
  await give(page).click();
  await page.locator('[data-is-on="empty-answers"]').waitFor();
  await isCleanForAxe(page);
  const state = await (await fetch(`${lab.url}/api/class`)).json();
  assert.equal(state.lesson.id, "empty-answers");

  const visitor = await visit(browser, `${lab.url}/lessons/plans/45`, { visitor: true });
  await visitor.page.getByRole("button", { name: "Print" }).waitFor();
  assert.equal(await visitor.page.getByRole("button", { name: /Give this lesson/ }).count(), 0);
  await visitor.finish();
  await finish();
});

test("what the class did is kept as one file without scripts, names and other addresses, until it is deleted", async () => {
  const joined = await fetch(`${lab.url}/api/class`);
  const { code } = await joined.json();
  const phone = await fetch(`${lab.url}/api/class/join`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ code }) });
  const { name } = await phone.json();
  const ended = await fetch(`${lab.url}/api/class?save=true`, { method: "DELETE", headers: AS_PRESENTER });
  const { saved } = await ended.json();
  assert.match(saved, /^[0-9a-f]{8}$/);

  const file = await (await fetch(`${lab.url}/runs/classes/${saved}`)).text();
  assert.ok(!/<script|<b>|https?:|src=/.test(file) && !file.includes(name));
  assert.match(file, /5c &#60;b&#62;on Monday&#60;\/b&#62;/);
  assert.equal((await fetch(`${lab.url}/runs/classes/${saved}?names=1`)).status, 403);
  const named = await fetch(`${lab.url}/presenter/runs/classes/${saved}?names=1`, { headers: AS_PRESENTER });
  assert.ok((await named.text()).includes(name));

  // From the disk, in a browser without anything else.
  const folder = path.join(ROOT, "target/test-data", `class-paper-${process.pid}-file`);
  mkdirSync(folder, { recursive: true });
  const kept = path.join(folder, "class.html");
  writeFileSync(kept, file);
  assert.ok(readFileSync(kept, "utf8").startsWith("<!doctype html>"));
  const { page, finish } = await visit(browser, `${lab.url}/runs/classes/${saved}`, { viewport: { width: 320, height: 700 }, colorScheme: "dark", visitor: true });
  assert.equal(await overflow(page), 0);
  await page.getByRole("heading", { name: "Ask, and ask, and ask" }).waitFor();
  await finish();

  const runs = await visit(browser, `${lab.url}/runs`);
  await runs.page.getByRole("link", { name: "5c <b>on Monday</b>" }).waitFor();
  await runs.page.getByRole("button", { name: /^Delete 5c/ }).click();
  await runs.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await runs.page.getByRole("link", { name: "5c <b>on Monday</b>" }).waitFor({ state: "detached" });
  assert.equal((await fetch(`${lab.url}/runs/classes/${saved}`)).status, 404);
  await runs.finish();
});
