// The experiments: the index by question, one address for each, guess, run and answer, and what is there after a reload;
// and the two that run in the visitor's own browser, really run in this one.

import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "./chromium.mjs";
import { startLab } from "./lab.mjs";
import { visit } from "./visit.mjs";

const RUN_PATIENCE = { timeout: 120_000 };
const WCAG_22_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const VERDICT = /^(As predicted|Not as predicted|Not enough valid figures to say|Nothing can be said)$/;

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

/** @param {import("playwright-core").Page} page */
async function isCleanForAxe(page) {
  const axe = new AxeBuilder({ page }).options({ preload: false }).withTags(WCAG_22_AA);
  const { violations } = await axe.analyze();
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].target} ${nodes[0].failureSummary}`), []);
}

test("the index has every experiment once, in five groups, and says once that nothing was carried out", async () => {
  const { experiments } = await (await fetch(`${lab.url}/api/experiments`)).json();
  const { page, finish } = await visit(browser, `${lab.url}/experiments`);
  const ids = await page.locator("[data-experiment]").evaluateAll((tiles) => tiles.map((tile) => tile.dataset.experiment));
  assert.deepEqual([...ids].sort(), [...experiments.map(({ id }) => id), "E21", "E22"].sort());
  assert.deepEqual(await page.getByRole("heading", { level: 2 }).allInnerTexts(), ["What it costs", "How late it is", "What gets lost", "What networks do", "How it scales"]);
  assert.equal(await page.getByText(/none .* yet/i).count(), 1);
  assert.equal(await page.locator(".tile .badge").count(), 0);
  for (const { id, question } of experiments) {
    assert.equal(await page.locator(`[data-experiment="${id}"]`).getByRole("link").innerText(), question);
  }
  await finish();
});

for (const [width, columns] of [[1280, 3], [360, 1]]) {
  test(`at ${width} px the index has ${columns} column${columns === 1 ? "" : "s"}`, async () => {
    const { page, finish } = await visit(browser, `${lab.url}/experiments`, { viewport: { width, height: 800 } });
    const lefts = await page.locator(".tile").evaluateAll((tiles) => tiles.map((tile) => Math.round(tile.getBoundingClientRect().left)));
    assert.equal(new Set(lefts).size, columns);
    await finish();
  });
}

test("each experiment has an address, in either case; an unknown one is a page with the way back", async () => {
  const { experiments } = await (await fetch(`${lab.url}/api/experiments`)).json();
  for (const { id, question } of experiments) {
    const answer = await fetch(`${lab.url}/experiments/${id}`);
    assert.equal(answer.status, 200, id);
    const text = await answer.text();
    assert.ok(text.includes(`data-experiment="${id}"`), id);
    assert.equal(text.includes("NaN"), false, `${id}: ${question}`);
  }
  const visitor = await visit(browser, `${lab.url}/experiments/e10`);
  assert.equal(await visitor.page.locator("[data-experiment]").getAttribute("data-experiment"), "E10");
  visitor.expectComplaint(/404/);
  const missing = await visitor.page.goto(`${lab.url}/experiments/E99`);
  assert.equal(missing?.status(), 404);
  await visitor.page.getByText(/no experiment "E99"/).waitFor();
  await visitor.page.getByRole("link", { name: "Back to Experiments" }).click();
  await visitor.page.getByRole("heading", { name: "Experiments", level: 1 }).waitFor();
  const program = await fetch(`${lab.url}/experiments/E99`);
  assert.equal((await program.json()).error.code, "unknown_experiment");
  const result = await fetch(`${lab.url}/experiments/E10?result=20260101T000000Z-e10-quick`);
  assert.equal(result.status, 404, "a result that is not there");
  await result.body?.cancel();
  await visitor.finish();
});

test("by keyboard: guess, run, and see guess, theory and measurement on one axis; it is there after a reload", async () => {
  const visitor = await visit(browser, `${lab.url}/experiments/E10`);
  const { page } = visitor;
  const field = page.getByRole("spinbutton");
  await field.focus();
  await page.keyboard.type("3");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement?.textContent?.trim().startsWith("Run ·")), true);
  await page.keyboard.press("Enter");
  await page.getByRole("progressbar").first().waitFor();
  await page.locator("[data-progress]").getByText(/pass 1 of 1/).waitFor(RUN_PATIENCE);

  // A page of another experiment waits, and says for what.
  const other = await visitor.context.newPage();
  await other.goto(`${lab.url}/experiments/E2`);
  await other.locator("[data-job]").getByText(/E10/).waitFor();
  assert.equal(await other.getByRole("button", { name: /^Run ·/ }).isDisabled(), true, "one at a time");
  await other.close();

  // A reload joins the run that goes on.
  await page.reload();
  await page.getByRole("progressbar").first().waitFor();
  const verdict = page.locator(".answer [data-verdict]");
  await verdict.waitFor(RUN_PATIENCE);
  const seen = async () => ({
    sentence: await page.locator(".answer-sentence").innerText(),
    verdict: await verdict.innerText(),
    guess: await page.locator("[data-said]").innerText(),
    stroke: await page.locator("[data-guess-stroke]").getAttribute("x1"),
    meaning: await page.locator(".answer-meaning").innerText(),
  });
  const first = await seen();
  assert.match(first.verdict, VERDICT);
  assert.match(first.sentence, /round trip of 200 ms|Cannot be told here/);
  assert.equal(first.guess, "You guessed: 3 round trips.");
  assert.match(first.meaning, /Each layer that greets adds a round trip/);

  // Guess, theory and measurement are shares of the same axis: 3 trips lie between a WebSocket's 2 and Socket.IO's 4.
  const picture = page.locator("[data-picture]");
  const { from, to } = await picture.evaluate((figure) => ({ from: Number(figure.dataset.from), to: Number(figure.dataset.to) }));
  assert.ok(Math.abs(Number.parseFloat(first.stroke ?? "") - (100 * (3 - from)) / (to - from)) < 0.01, `${first.stroke} of ${from} to ${to}`);
  const guessed = picture.locator("[data-guessed]");
  assert.match(await guessed.innerText(), /Socket\.IO, WebSocket only/);
  assert.equal(await guessed.locator("[data-guess-stroke]").count(), 1);
  assert.equal(await guessed.locator(".picture-theory").count(), 1);
  assert.equal(await picture.locator(".picture-row .picture-theory").count(), await picture.locator("li").count(), "each row has its theory");
  assert.match(await picture.locator("[data-guess-says]").innerText(), /your guess: 3 round trips/);
  await isCleanForAxe(page);

  // Everything else is there on demand, with names and units for people.
  await page.getByText(/^All figures \(\d+\)$/).click();
  const compared = page.locator(".answer-more[open] tbody tr");
  assert.ok(await compared.count() >= 14, "every lane, in both steps");
  assert.match(await compared.first().innerText(), /Short polling: round trips to its channel/);
  await page.getByText("How it was run").click();
  await page.getByText("Do it yourself", { exact: true }).click();
  await page.getByText("pushlab experiment E10", { exact: true }).waitFor();
  await isCleanForAxe(page);

  await page.reload();
  assert.deepEqual(await seen(), first, "the last result is there at once, with the guess");
  await page.getByRole("link", { name: "Experiments", exact: true }).last().click();
  assert.equal(await page.locator('[data-experiment="E10"] .badge').innerText(), first.verdict);
  await page.goBack();
  await page.getByText("How it was run").click();
  await page.getByRole("link", { name: /^The whole result/ }).click();
  await page.getByRole("heading", { name: "E10 Handshake anatomy" }).waitFor();
  await page.getByText("The run of step 2").click();
  assert.equal(await page.locator(".step[open] figure").count(), 4);
  await visitor.finish();
});

test("a guess beyond the axis stands at its end, and one in words of before is none", async () => {
  const visitor = await visit(browser, `${lab.url}/experiments/E10`, {}, (context) => context.addInitScript(() => {
    if (localStorage.getItem("lab-guess-E10") === null) localStorage.setItem("lab-guess-E10", "two <b>round</b> trips");
  }));
  const { page } = visitor;
  assert.equal(await page.getByRole("spinbutton").inputValue(), "");
  assert.equal(await page.locator("[data-guess-stroke]").count(), 0);
  await page.getByRole("spinbutton").fill("500");
  await page.keyboard.press("Tab");
  assert.equal(await page.locator("[data-guess-stroke]").getAttribute("x1"), "100.00%");
  await page.getByText("your guess: 500 round trips, beyond the axis").waitFor();
  await visitor.finish();
});

test("all claims have their place, what was found here or why it cannot be, and lead to the experiment and back", async () => {
  const { page, finish } = await visit(browser, `${lab.url}/claims#B2`);
  const ids = await page.locator(".claim").evaluateAll((claims) => claims.map(({ id }) => id));
  assert.equal(ids.length, 40);
  assert.equal(new Set(ids).size, 40);
  for (const id of ids) assert.match(await page.locator(`#${id} .claim-found`).innerText(), /measured here|predicted|to be seen here|not testable here/);
  const found = page.locator("#B2 .claim-found");
  await found.getByText(/^measured here/).waitFor();
  await found.getByRole("link", { name: "E10 Handshake anatomy" }).click();
  await page.getByRole("link", { name: "B2", exact: true }).click();
  await page.waitForURL(/\/claims#B2$/);
  await isCleanForAxe(page);
  await finish();
});

test("an experiment is stopped by its button and leaves a partial result; the whole one stays the last", async () => {
  const visitor = await visit(browser, `${lab.url}/experiments/E10`);
  const { page } = visitor;
  const whole = await page.locator(".answer-verdict .hint").innerText();
  await page.getByRole("button", { name: /^Run ·/ }).click();
  await page.locator("[data-progress]").getByText(/Step 2 of 2/).waitFor(RUN_PATIENCE);
  await page.locator("[data-progress]").getByRole("button", { name: /^Stop it/ }).click();
  await page.locator(".answer-sentence", { hasText: "stopped before its end" }).waitFor(RUN_PATIENCE);
  await page.reload();
  assert.equal(await page.locator(".answer-verdict .hint").innerText(), whole, "what was stopped is no last result");
  await page.getByText(/^Older results/).click();
  await page.locator("[data-older] li", { hasText: "stopped early" }).getByRole("link").click();
  await page.locator(".answer-sentence", { hasText: "stopped before its end" }).waitFor();
  await visitor.finish();
});

test("a choice is guessed by its button and kept", async () => {
  const visitor = await visit(browser, `${lab.url}/experiments/E9`);
  await visitor.page.getByRole("radio", { name: "only polling" }).check({ force: true });
  await visitor.page.reload();
  assert.equal(await visitor.page.getByRole("radio", { name: "only polling" }).isChecked(), true);
  await visitor.finish();
});

test("a visitor sees why the run is locked, and may guess", async () => {
  const visitor = await visit(browser, `${lab.url}/experiments/E2`, { visitor: true });
  await visitor.page.getByText(/^Locked: this experiment takes the whole machine/).waitFor();
  const isInert = (name) => visitor.page.locator("button", { hasText: name }).evaluate((button) => /** @type {HTMLElement} */ (button).inert);
  assert.deepEqual([await isInert("Run ·"), await isInert("In full ·")], [true, true]);
  await visitor.page.getByRole("spinbutton").fill("40");
  await visitor.finish();
});

test("E21: six event streams open, the seventh waits and so does everything else; WebSockets do not", async () => {
  const visitor = await visit(browser, `${lab.url}/experiments/E21`);
  const card = visitor.page.locator('[data-own="E21"]');
  await card.getByRole("spinbutton").fill("7");
  await card.getByRole("button", { name: /^Open them/ }).click();
  await card.locator("[data-rows] tr").nth(7).waitFor(RUN_PATIENCE);
  const rows = await card.locator("[data-rows] tr").evaluateAll((all) => all.map((row) => [.../** @type {HTMLTableRowElement} */ (row).cells].map((cell) => cell.innerText)));
  const waits = (column) => rows.filter((row) => row[column] === "waits").map((row) => Number(row[0]));
  assert.deepEqual(waits(1), [7, 8], "event streams");
  assert.deepEqual(waits(2), [6, 7, 8], "an ordinary request needs a connection of the same six");
  assert.deepEqual([waits(3), waits(4)], [[], []], "WebSockets have a pool of their own");
  const verdict = await card.locator("[data-verdict]").innerText();
  assert.match(verdict, /6 event streams opened; number 7 waits\. With 6 of them an ordinary request .* no answer\. All 8 WebSockets opened\./);
  assert.match(await card.locator("[data-said]").innerText(), /^You guessed: 7/);
  await visitor.page.reload();
  assert.equal(await card.locator("[data-verdict]").innerText(), verdict, "this browser keeps its last result");
  assert.equal(await card.locator("[data-rows] strong").count(), 5);
  await visitor.page.goto(`${lab.url}/experiments`);
  await visitor.page.locator('[data-experiment="E21"]').getByText("Measured").waitFor();
  await visitor.finish();
});

test("E22: polls and pushes are booked by whether the tab was hidden", async () => {
  const visitor = await visit(browser, `${lab.url}/experiments/E22`);
  const { page } = visitor;
  const card = page.locator('[data-own="E22"]');
  const opening = page.waitForEvent("websocket");
  await card.getByRole("button", { name: "Begin" }).click();
  const socket = await opening;
  const count = (tab, column, least) => page.waitForFunction(
    ([name, at, enough]) => Number(document.querySelector(`[data-own="E22"] [data-tab="${name}"]`)?.children[at]?.textContent) >= enough,
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
  // Its source is stopped by a request of the page's, which may still be under way.
  await page.waitForFunction(async () => {
    const { sources } = await (await fetch("/api/sources")).json();
    return !sources.some((/** @type {{channel: string}} */ { channel }) => channel.startsWith("e22-"));
  });
  await visitor.finish();
});
