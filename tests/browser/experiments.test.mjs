// The experiments page: an experiment of the catalogue by its button, with a guess first; and the two that run in the
// visitor's own browser, really run in this one.

import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "./chromium.mjs";
import { startLab } from "./lab.mjs";
import { visit } from "./visit.mjs";

const RUN_PATIENCE = { timeout: 120_000 };
const WCAG_22_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** @type {import("./lab.mjs").Lab} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  lab = await startLab([], { log: "experiments" });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

test("every experiment of the catalogue has a card, with its claim and its question", async () => {
  const { experiments } = await (await fetch(`${lab.url}/api/experiments`)).json();
  const visitor = await visit(browser, `${lab.url}/experiments`);
  const ids = await visitor.page.locator("[data-experiment]").evaluateAll((cards) => cards.map((card) => card.dataset.experiment));
  assert.deepEqual(ids, experiments.map(({ id }) => id));
  for (const { id, question, claim } of experiments) {
    const text = await visitor.page.locator(`[data-experiment="${id}"]`).innerText();
    assert.ok(text.includes(question) && text.includes(claim), id);
  }
  await visitor.finish();
});

test("predict, run, and see guess, theory and measurement beside each other", async () => {
  const visitor = await visit(browser, `${lab.url}/experiments`);
  const { page } = visitor;
  const card = page.locator('[data-experiment="E10"]');
  await card.getByLabel(/^Predict first/).fill("two <b>round</b> trips");
  await card.getByRole("button", { name: /^Run it/ }).click();
  await card.getByRole("progressbar").waitFor();
  await card.getByText(/pass 1 of 1/).waitFor(RUN_PATIENCE);
  assert.equal(await page.locator('[data-experiment="E2"]').getByRole("button", { name: /^Run it/ }).isDisabled(), true, "one at a time");
  const verdict = card.locator(".verdict");
  await verdict.waitFor(RUN_PATIENCE);
  assert.match(await verdict.innerText(), /^(As predicted|Not as predicted|Not enough valid figures to say|Nothing can be said)/);
  assert.equal(await card.locator("[data-said]").innerText(), "two <b>round</b> trips");
  assert.equal(await card.locator(".report figure").count(), 2, "a chart for each step");
  const compared = await card.locator(".report tbody tr").count();
  assert.ok(compared >= 14, "every lane, in both steps");
  assert.equal(await card.locator(".report .foretold").count(), compared, "each has its prediction in a chart");
  const axe = new AxeBuilder({ page }).options({ preload: false }).withTags(WCAG_22_AA);
  const { violations } = await axe.analyze();
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].target} ${nodes[0].failureSummary}`), []);
  await card.getByRole("link", { name: /^The whole result/ }).click();
  await page.getByRole("heading", { name: "E10 Handshake anatomy" }).waitFor();
  await page.getByText("The run of step 2").click();
  assert.equal(await page.locator(".step[open] figure").count(), 4);
  await visitor.finish();
});

test("an experiment is stopped by its button and leaves a partial result", async () => {
  const visitor = await visit(browser, `${lab.url}/experiments`);
  const card = visitor.page.locator('[data-experiment="E10"]');
  await card.getByRole("button", { name: /^Run it/ }).click();
  await card.getByText(/Step 2 of 2/).waitFor(RUN_PATIENCE);
  await card.getByRole("button", { name: /^Stop it/ }).click();
  const verdict = card.locator(".verdict");
  await verdict.waitFor(RUN_PATIENCE);
  assert.match(await verdict.innerText(), /stopped before its end/);
  await visitor.finish();
});

test("E21: six event streams open, the seventh waits and so does everything else; WebSockets do not", async () => {
  const visitor = await visit(browser, `${lab.url}/experiments`);
  const card = visitor.page.locator('[data-own="e21"]');
  await card.getByLabel(/^Predict first/).fill("7");
  await card.getByRole("button", { name: "Open them" }).click();
  await card.locator("[data-rows] tr").nth(7).waitFor(RUN_PATIENCE);
  const rows = await card.locator("[data-rows] tr").evaluateAll((all) => all.map((row) => [.../** @type {HTMLTableRowElement} */ (row).cells].map((cell) => cell.innerText)));
  const waits = (column) => rows.filter((row) => row[column] === "waits").map((row) => Number(row[0]));
  assert.deepEqual(waits(1), [7, 8], "event streams");
  assert.deepEqual(waits(2), [6, 7, 8], "an ordinary request needs a connection of the same six");
  assert.deepEqual([waits(3), waits(4)], [[], []], "WebSockets have a pool of their own");
  const verdict = await card.locator("[data-verdict]").innerText();
  assert.match(verdict, /6 event streams opened; number 7 waits\. With 6 of them an ordinary request .* no answer\. All 8 WebSockets opened\./);
  assert.equal(await card.locator("[data-said]").innerText(), "7");
  await visitor.finish();
});

test("E22: polls and pushes are booked by whether the tab was hidden", async () => {
  const visitor = await visit(browser, `${lab.url}/experiments`);
  const { page } = visitor;
  const card = page.locator('[data-own="e22"]');
  const opening = page.waitForEvent("websocket");
  await card.getByRole("button", { name: "Begin" }).click();
  const socket = await opening;
  const count = (tab, column, least) => page.waitForFunction(
    ([name, at, enough]) => Number(document.querySelector(`[data-own="e22"] [data-tab="${name}"]`)?.children[at]?.textContent) >= enough,
    [tab, column, least],
  );
  await count("visible", 2, 3);
  await count("visible", 5, 3);
  // A headless browser hides no tab: what a page is told when it is hidden is said to it here. How a browser slows
  // a hidden tab's timers is the browser's own and is not tested.
  const turn = (state) => page.evaluate((value) => {
    Object.defineProperty(document, "visibilityState", { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);
  await turn("hidden");
  // Hidden, the page paints nothing: that it polls and is pushed to is seen on the network. Of five of each, at least
  // four came after it was told, which is three intervals.
  const five = async (/** @type {() => Promise<unknown>} */ next) => { for (let n = 0; n < 5; n += 1) await next(); };
  await Promise.all([
    five(() => page.waitForRequest(/\/short-poll\/e22-/)),
    five(() => socket.waitForEvent("framereceived")),
  ]);
  await turn("visible");
  await count("hidden", 2, 3);
  await count("hidden", 5, 3);
  assert.match(await card.locator("[data-verdict]").innerText(), /^While the tab was hidden, polls/);
  await card.getByRole("button", { name: "End it" }).click();
  await card.getByText("Ended.").waitFor();
  const { sources } = await (await fetch(`${lab.url}/api/sources`)).json();
  assert.deepEqual(sources.filter(({ channel }) => channel.startsWith("e22-")), [], "its source is stopped");
  await visitor.finish();
});
