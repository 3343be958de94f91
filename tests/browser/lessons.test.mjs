// The lessons: the list, one worked through by keyboard from its first part to its last with a real run, what is kept in
// the browser, a teacher's own beside them, and every address that a lesson names.

import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { launchChromium } from "./chromium.mjs";
import { startLab } from "./lab.mjs";
import { visit } from "./visit.mjs";

const RUN_PATIENCE = { timeout: 120_000 };
const WCAG_22_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const LESSONS = new URL("../../lessons/", import.meta.url);
const FILES = readdirSync(LESSONS).filter((name) => name.endsWith(".md")).sort();
const IDS = FILES.map((name) => name.replace(/^\d+-|\.md$/g, ""));
const PARTS = ["question", "guess", "run", "result", "why", "ask"];

/** @type {import("./lab.mjs").Lab} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {string} */
let folder;
before(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), "pushlab-lessons-"));
  const own = readFileSync(new URL("02-empty-answers.md", LESSONS), "utf8").replace('id = "empty-answers"', 'id = "my-own"').replace("order = 2", "order = 99");
  writeFileSync(path.join(folder, "my-own.md"), own);
  writeFileSync(path.join(folder, "half.md"), own.replace("minutes = 5", "minuets = 5"));
  lab = await startLab(["--lessons", folder], { log: "lessons" });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** @param {import("playwright-core").Page} page */
async function isCleanForAxe(page) {
  const { violations } = await new AxeBuilder({ page }).options({ preload: false }).withTags(WCAG_22_AA).analyze();
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].target} ${nodes[0].failureSummary}`), []);
}

/** The part that is shown, and where the focus is. @param {import("playwright-core").Page} page */
const where = (page) => page.evaluate(() => ({
  shown: [...document.querySelectorAll(".lesson-part")].filter((part) => part instanceof HTMLElement && part.offsetHeight > 0).map(({ id }) => id),
  focus: document.activeElement?.id ?? "",
}));

test("the list has every lesson once, a teacher's own beside them, and says what is wrong with a file", async () => {
  const { page, finish } = await visit(browser, `${lab.url}/lessons`);
  const ids = await page.locator("[data-lesson]").evaluateAll((tiles) => tiles.map((tile) => tile.dataset.lesson));
  assert.deepEqual([...ids].sort(), [...IDS, "my-own"].sort());
  await page.getByText("about all 40 claims").waitFor();
  assert.equal(await page.locator('[data-lesson="my-own"]').getByText("your own").count(), 1);
  await page.getByText("no lessons yet (1)").click();
  await page.getByText('half.md:6:1 front matter: "minuets" is no key of it; nearest: "minutes"').waitFor();
  await isCleanForAxe(page);
  await finish();
});

/** Presses a button or a link from the keyboard. @param {import("playwright-core").Page} page */
const presser = (page) => async (/** @type {string} */ name, role = /** @type {"button"|"link"} */ ("button")) => {
  await page.getByRole(role, { name, exact: role === "link" }).focus();
  await page.keyboard.press("Enter");
};

test("a number by keyboard from the first part to the last: guess, run, see both beside each other, answer", async () => {
  const { page, finish } = await visit(browser, `${lab.url}/lessons/two-servers`);
  const press = presser(page);
  assert.deepEqual((await where(page)).shown, ["question"]);
  assert.equal(await page.getByRole("link", { name: "Result" }).getAttribute("aria-disabled"), "true");
  await press("Guess");
  assert.deepEqual(await where(page), { shown: ["guess"], focus: "guess-title" });
  await press("That is my guess");
  await page.getByText("Write a number from 0 to 100").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("type")), "number", "one is led to where it is missing");
  assert.equal(await page.getByRole("slider").getAttribute("aria-valuetext"), "no guess yet");
  await page.keyboard.type("999");
  await page.keyboard.press("Enter");
  await page.getByText("Write a number from 0 to 100").waitFor();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("100");
  assert.equal(await page.getByRole("slider").getAttribute("aria-valuetext"), "100 %");
  await page.keyboard.press("Enter");
  assert.deepEqual(await where(page), { shown: ["run"], focus: "run-title" });
  await page.getByText("It was not run here yet.").waitFor();
  await press("Run E19");
  await page.getByRole("progressbar").waitFor();
  await page.locator("#result .answer-sentence").waitFor(RUN_PATIENCE);
  assert.deepEqual((await where(page)).shown, ["result"]);
  await page.locator('[data-beside="guess"]').getByText("100 %").waitFor();
  assert.match(await page.locator('[data-beside="theory"] dd').innerText(), /^50 %$/);
  const result = await page.locator("[data-result]").getAttribute("data-result");
  const { runs } = await (await fetch(`${lab.url}/api/runs`)).json();
  assert.ok(JSON.stringify(runs).includes(result ?? "none"), "it is a saved result");
  assert.equal(await page.locator(".lesson-line .picture-guess").count(), 1);
  await isCleanForAxe(page);

  await press("Why?");
  assert.deepEqual(await where(page), { shown: ["why"], focus: "why-title" });
  await page.getByText("Who is connected is a memory of one process.").waitFor();
  await isCleanForAxe(page);
  await press("One question to go");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  await page.keyboard.press("Enter");
  await page.getByText('Right (400 "Session ID unknown")').waitFor();
  assert.equal(await page.locator("[data-because]:visible").count(), 1);
  await isCleanForAxe(page);

  // It is kept: after a reload one is where one was, and the guess stands beside the saved result.
  await page.reload();
  assert.deepEqual((await where(page)).shown, ["ask"]);
  await press("Result", "link");
  await page.locator('[data-beside="guess"]').getByText("100 %").waitFor();
  await press("Guess", "link");
  assert.equal(await page.getByRole("spinbutton").isDisabled(), true, "whoever has seen the result has guessed");
  await page.goto(`${lab.url}/lessons`);
  assert.equal(await page.locator('[data-lesson="two-servers"] [data-progress]').innerText(), "done");
  await page.goto(`${lab.url}/lessons/two-servers`);
  await press("One to go", "link");
  await press("Begin again");
  assert.deepEqual((await where(page)).shown, ["question"]);
  await finish();
});

test("a curve by keyboard and by finger: each point is set, and guess, measurement and theory are drawn beside each other", async () => {
  const { page, finish } = await visit(browser, `${lab.url}/lessons/half-the-interval`);
  const press = presser(page);
  await press("Guess");
  assert.equal(await page.getByText("Every phone polls now").count(), 0, "what only a class does is not said to one alone");
  await press("That is my guess");
  await page.getByText("Give each of the 4 points a number from 0 to 500").waitFor();
  // One is led to the first field that is empty; from there Tab reaches slider and field of each point.
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("aria-label")), "at 100 ms");
  await page.keyboard.type("50");
  for (const value of ["250", "250", "250"]) {
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.type(value);
  }
  assert.equal(await page.locator(".guess-picture circle.curve-guess").count(), 4);
  // The arrows of a slider move its point by a little.
  await page.getByRole("slider", { name: "at 250 ms: slider" }).focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.getByRole("spinbutton", { name: "at 250 ms" }).inputValue(), "253");
  await isCleanForAxe(page);
  // A finger draws: from the first point across to the last.
  await page.locator(".guess-picture").scrollIntoViewIfNeeded();
  const box = await page.locator(".guess-picture").boundingBox();
  assert.ok(box);
  await page.mouse.move(box.x + box.width * 0.2, box.y + box.height * 0.5);
  await page.mouse.down();
  for (const share of [0.3, 0.5, 0.7, 0.9]) await page.mouse.move(box.x + box.width * share, box.y + box.height * 0.4);
  await page.mouse.up();
  const drawn = await page.locator(".guess-point input[type=number]").evaluateAll((fields) => fields.map((field) => Number(/** @type {HTMLInputElement} */ (field).value)));
  assert.ok(drawn[1] > 200 && drawn[1] === drawn[2], String(drawn));
  await page.getByRole("spinbutton", { name: "at 250 ms" }).fill("250");
  await page.keyboard.press("Enter");
  assert.deepEqual((await where(page)).shown, ["run"]);
  await press("Run E2");
  await page.locator("#result .answer-sentence").waitFor(RUN_PATIENCE);
  const count = (/** @type {string} */ kind) => page.locator(`#result circle.curve-${kind}`).count();
  assert.deepEqual([await count("guess"), await count("theory")], [4, 4]);
  assert.ok(await count("measured") >= 1, "measured where the experiment has it, and enough of it was seen");
  // Of the last point that was measured; what it is, is the machine's.
  await page.getByText(/At (100|250) ms: \S/).waitFor();
  await isCleanForAxe(page);
  await page.reload();
  assert.equal(await count("guess"), 4, "it is kept");
  await finish();
});

test("an order by keyboard: nothing is an answer before it is made one; and source text stands with its lines' numbers", async () => {
  const { page, finish } = await visit(browser, `${lab.url}/lessons/hello`, { viewport: { width: 360, height: 740 } });
  const press = presser(page);
  await press("Guess");
  await press("That is my guess");
  await page.getByText("Move what stands in the wrong place").waitFor();
  const first = async () => (await page.locator(".guess-items li > span").allInnerTexts())[0];
  assert.equal(await first(), "Socket.IO by polling");
  // "a WebSocket" is third: two presses lead it to the top, and the focus stays on its arrow.
  const up = page.getByRole("button", { name: "a WebSocket: move up" });
  await up.focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Space");
  assert.equal(await first(), "a WebSocket");
  assert.equal(await up.evaluate((button) => button === document.activeElement), true);
  await page.getByText("a WebSocket: place 1 of 5.").waitFor();
  await page.keyboard.press("Enter");
  assert.equal(await first(), "a WebSocket", "at the end an arrow does nothing");
  await isCleanForAxe(page);
  await press("That is my guess");
  await press("Show what comes out");
  await page.locator('[data-beside="guess"]').getByText("1. a WebSocket; 2. Socket.IO by polling").waitFor();
  await page.locator('[data-beside="theory"]').getByText("1. a WebSocket; 2. Channels over WebSocket").waitFor();
  await page.getByText("In their place: 1 of 5.").waitFor();
  await press("Why?");
  const code = page.locator("#why .lesson-code");
  await code.getByText("new WebSocket(").waitFor();
  const source = readFileSync(new URL("../../static/js/transports/websocket-bare.js", import.meta.url), "utf8").split("\n");
  const number = Number(await code.locator(".lesson-line-number").first().innerText());
  assert.ok(source[number - 1].includes("new WebSocket("), `line ${number}`);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360, "long lines scroll within");
  await isCleanForAxe(page);
  await finish();
});

test("a page that measures is opened beside, and what was read there stands beside the guess; not knowing is a guess", async () => {
  const { page, context, finish } = await visit(browser, `${lab.url}/lessons/empty-answers`, { viewport: { width: 360, height: 740 }, hasTouch: true });
  await page.getByRole("button", { name: "Guess", exact: true }).tap();
  await page.getByRole("button", { name: "I do not know" }).tap();
  const [measuring] = await Promise.all([context.waitForEvent("page"), page.getByRole("link", { name: "Open the page that measures" }).tap()]);
  await measuring.getByRole("button", { name: "Start", exact: true }).waitFor();
  await measuring.close();
  await page.getByLabel("Which share of the answers was empty").fill("91");
  await page.getByRole("button", { name: "Show what comes out" }).tap();
  await page.locator('[data-beside="guess"]').getByText("I do not know").waitFor();
  await page.locator('[data-beside="measured"]').getByText("91 of 100").waitFor();
  await page.locator('[data-beside="theory"]').getByText("90.5 of 100").waitFor();
  await finish();
});

test("whoever does not lead the lab starts nothing, is told so, and goes on with the prediction", async () => {
  const { page, finish } = await visit(browser, `${lab.url}/lessons/both-ways`, { visitor: true });
  await page.getByRole("button", { name: "Guess", exact: true }).click();
  await page.getByRole("spinbutton").fill("4.3");
  await page.keyboard.press("Enter");
  await page.getByText("Locked: this experiment takes the whole machine").waitFor();
  assert.equal(await page.locator("[data-run]").evaluate((button) => /** @type {HTMLElement} */ (button).inert), true);
  await page.getByRole("button", { name: "Show what comes out" }).click();
  await page.getByText("Your guess is 2 times the prediction.").waitFor();
  await page.locator('[data-beside="theory"]').getByText("2.15 s").waitFor();
  assert.equal(await page.locator('[data-beside="measured"]').isVisible(), false, "nothing was measured");
  await finish();
});

for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
  test(`each lesson fits 360 px in ${colorScheme}, with targets of 48 px, and is clean for axe`, async () => {
    const { page, finish } = await visit(browser, `${lab.url}/lessons`, { viewport: { width: 360, height: 740 }, colorScheme, reducedMotion: "reduce" });
    for (const id of IDS) {
      // Every part is opened, as after a guess.
      await page.evaluate((lesson) => localStorage.setItem(`lab-lesson-${lesson}`, JSON.stringify({ part: "guess", reached: 5, guess: { unknown: true }, seen: "", answer: 1 })), id);
      await page.goto(`${lab.url}/lessons/${id}`);
      for (const part of PARTS) {
        await page.locator(`.lesson-way a[href="#${part}"]`).click();
        const found = await page.evaluate(() => ({
          wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
          low: [...document.querySelectorAll(".lesson-part:not([hidden]) :is(.button, input[type=number], input[type=range], .lesson-choice label, .guess-options label), .lesson-way a")]
            .map((node) => node.getBoundingClientRect()).filter(({ height }) => height > 0 && height < 47.5).length,
        }));
        assert.deepEqual(found, { wide: 0, low: 0 }, `${id} ${part}`);
      }
      if (["what-it-weighs", "who-comes-back"].includes(id)) await isCleanForAxe(page);
    }
    await finish();
  });
}

test("the compare page understands every address that a lesson opens", async () => {
  const addresses = new Set(FILES.flatMap((name) => readFileSync(new URL(name, LESSONS), "utf8").match(/\/compare\?[^")]+/g) ?? []));
  assert.ok(addresses.size >= 6);
  const { page, finish } = await visit(browser, `${lab.url}/compare`);
  for (const address of addresses) {
    await page.goto(lab.url + address);
    await page.locator("[data-settings-line]").filter({ hasText: /\S/ }).waitFor();
    assert.equal(await page.locator("[data-address-notes] li").count(), 0, address);
  }
  await finish();
});

test("without scripts a lesson reads from top to bottom, and an unknown one is a page with the way back", async () => {
  const plain = await visit(browser, `${lab.url}/lessons/tunnel`, { javaScriptEnabled: false });
  for (const part of PARTS) assert.equal(await plain.page.locator(`#${part}`).isVisible(), true, part);
  await plain.page.getByText("A new subscription begins now").waitFor();
  assert.equal(await plain.page.getByRole("button", { name: "That is my guess" }).isVisible(), false);
  await plain.finish();
  const lost = await visit(browser, `${lab.url}/lessons`);
  lost.expectComplaint(/404/);
  assert.equal((await lost.page.goto(`${lab.url}/lessons/tunel`))?.status(), 404);
  await lost.page.getByText(/nearest: "tunnel"/).waitFor();
  await lost.page.getByRole("link", { name: "Back to Lessons" }).click();
  await lost.page.getByRole("heading", { name: "Lessons", level: 1 }).waitFor();
  await lost.finish();
});
