// The view Race: one event at a time on all lanes at once, from arrivals that were measured; the table beside it says the
// same; by keyboard, without motion, on a phone, for axe.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import { launchChromium } from "./chromium.mjs";
import { startLab } from "./lab.mjs";
import { LANES, LANES_BY_PORT, visit } from "./visit.mjs";

const THREE = ["short-poll", "sse", "websocket"];

/** @type {import("./lab.mjs").Lab} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  lab = await startLab([], { log: "race" });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

/** The race of a run that measures; nothing slowed, unless asked.
 * @param {string[]} lanes @param {{query?: Record<string, string>, options?: object, factor?: string}} [more] */
async function openRace(lanes, { query = {}, options = {}, factor = "1" } = {}) {
  const asked = new URLSearchParams({ view: "race", rate_per_s: "10", poll_interval_ms: "200", warmup_s: "1", lanes: lanes.join(","), ...query });
  const visitor = await visit(browser, `${lab.url}/compare?${asked}`, options);
  const { page } = visitor;
  const panel = page.getByRole("tabpanel", { name: "Race" });
  await panel.getByText("ten times slower than it was. Press Start.").waitFor();
  if (factor !== "10") await page.locator(`[name="race-factor"][value="${factor}"]`).evaluate((radio) => /** @type {HTMLInputElement} */ (radio).click());
  await panel.getByRole("button", { name: "Start" }).click();
  return {
    ...visitor,
    panel,
    says: panel.locator("[data-race-says]"),
    button: (name) => panel.getByRole("button", { name, exact: true }),
    picture: panel.getByRole("group", { name: "The tracks" }),
    stills: panel.getByRole("group", { name: "Four stills of the race" }),
    /** Waits until a race is over and its sentence stands. */
    isOver: () => page.waitForFunction(() => / This is event [\d,]+, at /.test(document.querySelector("[data-race-says]")?.textContent ?? "")),
    number: async () => Number(await panel.locator("[data-race-number]").inputValue()),
    /** Lane by lane, what a part of the panel says: finish, delay, bytes. @param {string} part */
    said: (part) => panel.locator(`${part} [data-race-lane]`).evaluateAll((rows) => Object.fromEntries(rows.map((row) => {
      const cells = row instanceof HTMLTableRowElement ? [...row.cells].slice(1) : [...row.querySelectorAll(".race-place, .race-delay, .race-bytes")];
      return [/** @type {HTMLElement} */ (row).dataset.raceLane, cells.map((cell) => (cell.textContent ?? "").replace(", ", " ").trim())];
    }))),
    /** Where the dots are, 0 to 1, by lane. */
    dots: () => panel.locator(".race-picture [data-race-lane]").evaluateAll((rows) => Object.fromEntries(rows.map((row) => {
      const track = /** @type {HTMLElement} */ (row.querySelector(".race-track"));
      return [/** @type {HTMLElement} */ (row).dataset.raceLane, Number(track.style.getPropertyValue("--at"))];
    }))),
    sideways: () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth),
    axe: async () => (await new AxeBuilder({ page }).options({ preload: false }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]).analyze()).violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`),
  };
}

/** "412 ms ± 2 ms" → 412; of a bound, NaN. @param {string} text */
const msOf = (text) => (/^([\d.,]+) (ms|s) ±/.exec(text) ?? []).slice(1, 3).reduce((ms, part, i) => (i === 0 ? Number(part.replaceAll(",", "")) : part === "s" ? ms * 1000 : ms), NaN);

// A browser keeps six HTTP/1.1 connections for all ports of a host: every lane, so many at a time.
const bunches = LANES_BY_PORT.reduce((all, lane, i) => (i % 4 === 0 ? [...all, [lane]] : [...all.slice(0, -1), [...all[all.length - 1], lane]]), /** @type {string[][]} */ ([]));
for (const lanes of bunches) {
  test(`on ${lanes.join(", ")}: the table equals the picture, dots stand where the figures say, the sentence is of them`, async () => {
    const race = await openRace(lanes);
    await race.isOver();
    // The counters are read once a second.
    await race.panel.locator(".race-picture .race-bytes").filter({ hasText: /\d/ }).first().waitFor();
    // Held, so that picture and table are read of the same event; bytes may go on.
    await race.button("Pause race").click();
    await race.button("Replay").click();
    await race.isOver();
    const [drawn, told, dots, says] = await race.page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => resolve(null)); })).then(() => Promise.all([race.said(".race-picture"), race.said(".race-table"), race.dots(), race.says.textContent()]));
    assert.deepEqual(Object.keys(drawn), lanes, "in the order of the page");
    assert.deepEqual(Object.keys(told).toSorted(), lanes.toSorted());
    for (const lane of lanes) {
      assert.deepEqual(drawn[lane].slice(0, 2), told[lane].slice(0, 2), lane);
      assert.match(drawn[lane][0], /^\d+(st|nd|rd|th)(–\d+(st|nd|rd|th) not told apart)?$/, lane);
      assert.match(drawn[lane][1], /^(below [\d.,]+|[\d.,]+ m?s ±) ?[\d.,]* m?s$/, lane);
      assert.match(drawn[lane][2], /^[\d.,]+ (B|KiB|MiB)$/, lane);
    }
    const inOrder = Object.keys(told).map((lane) => dots[lane]);
    assert.deepEqual(inOrder, inOrder.toSorted((a, b) => a - b), "the table is in the order of the dots");
    // Of all dots one scale: ms for the width of the axis.
    const ticks = await race.panel.locator(".race-picture .race-axis > :last-child").textContent();
    const width = parseFloat(ticks ?? "") * (ticks?.endsWith(" ms") ? 1 : 1000);
    for (const lane of lanes) {
      const ms = msOf(told[lane][1]);
      if (!Number.isNaN(ms)) assert.ok(Math.abs(dots[lane] * width - ms) <= 1 + 0.005 * ms, `${lane}: ${dots[lane] * width} drawn, ${told[lane][1]} told`);
    }
    const [first, last] = [Object.keys(told)[0], Object.keys(told).at(-1) ?? ""];
    assert.match(says ?? "", /^(First w|All |Both |\d lanes had it).* This is event [\d,]+, at 10 events of 60 bytes a second\.$/);
    if (told[first][0] === "1st") assert.ok(says?.replace(/[“”]/g, "").includes(`First was ${LANES[first]}`), says ?? "");
    if (told[last][0] === `${lanes.length}th`) assert.ok(says?.replace(/[“”]/g, "").includes(`Last was ${LANES[last]}`), says ?? "");
    await race.panel.getByText(/The ± of each delay is how far that clock may be off the server's/).waitFor();
    await race.finish();
  });
}

test("dots leave together, travel ten times slower than it was, and each stops where it arrived", async () => {
  const race = await openRace(["short-poll", "websocket"], { factor: "10", query: { poll_interval_ms: "1000", rate_per_s: "3" } });
  await race.isOver();
  await race.button("Pause race").click();
  const ms = msOf((await race.said(".race-table"))["short-poll"][1]);
  // By the page's own clock, which does not wait for the test.
  const { took, together } = await race.page.evaluate(() => new Promise((resolve) => {
    const at = (lane) => Number(/** @type {HTMLElement} */ (document.querySelector(`.race-picture [data-race-lane="${lane}"] .race-track`)).style.getPropertyValue("--at"));
    const began = performance.now();
    /** @type {HTMLButtonElement} */ (document.querySelector('[data-race-do="replay"]')).click();
    let together = true;
    const look = () => {
      const row = /** @type {HTMLElement} */ (document.querySelector('.race-picture [data-race-lane="short-poll"]'));
      const other = /** @type {HTMLElement} */ (document.querySelector('.race-picture [data-race-lane="websocket"]'));
      if (other.dataset.is !== "in" && at("short-poll") !== at("websocket")) together = false;
      if (row.dataset.is === "in" && performance.now() - began > 50) resolve({ took: performance.now() - began, together });
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }));
  assert.ok(together, "dots that are under way are at the same instant");
  assert.ok(took > 10 * (ms - 1) && took < 14 * ms + 1000, `${took} ms for ${ms} ms`);
  await race.finish();
});

test("with the keyboard alone: space, arrows, Home, End, a number; a chosen event stays", async () => {
  const race = await openRace(THREE);
  await race.isOver();
  await race.picture.focus();
  await race.page.keyboard.press("Space");
  await race.button("Play race").waitFor();
  const held = await race.number();
  await race.page.waitForTimeout(500);
  assert.equal(await race.number(), held, "it stays");
  await race.page.keyboard.press("ArrowRight");
  await race.page.waitForFunction((than) => Number(/** @type {HTMLInputElement} */ (document.querySelector("[data-race-number]")).value) === Number(than) + 1, held);
  await race.isOver();
  await race.page.keyboard.press("ArrowLeft");
  await race.page.waitForFunction((than) => Number(/** @type {HTMLInputElement} */ (document.querySelector("[data-race-number]")).value) === Number(than), held);
  await race.isOver();
  await race.page.keyboard.press("Home");
  await race.isOver();
  assert.equal(await race.number(), held);
  await race.button("Play race").waitFor();
  await race.page.keyboard.press("End");
  await race.page.waitForFunction((than) => Number(/** @type {HTMLInputElement} */ (document.querySelector("[data-race-number]")).value) > Number(than) + 1, held);
  await race.button("Pause race").waitFor();

  const box = race.panel.getByRole("spinbutton", { name: "Event" });
  await box.fill(String(held));
  await box.press("Enter");
  await race.says.filter({ hasText: `Event ${held}` }).waitFor();
  await box.fill("999999");
  await box.press("Enter");
  await race.panel.getByText(/Event 999,999 cannot be shown: it has not come yet/).waitFor();
  await race.finish();
});

test("at fifty a second it takes one at a time, and is never far behind", async () => {
  const race = await openRace(["sse", "websocket"], { query: { rate_per_s: "50", schedule: "periodic" } });
  await race.isOver();
  const numbers = [];
  for (let seen = 0; seen < 3; seen += 1) {
    const now = await race.number();
    numbers.push(now);
    await race.page.waitForFunction((than) => Number(/** @type {HTMLInputElement} */ (document.querySelector("[data-race-number]")).value) > Number(than), now);
  }
  const newest = await race.page.evaluate(() => Math.max(...[...document.querySelectorAll(".row-newest")].map((each) => Number(each.textContent?.replace(/\D/g, "")))));
  assert.ok(newest - (await race.number()) < 100, `${newest} has come, ${await race.number()} is shown`);
  assert.ok(numbers[2] - numbers[0] > 100, `what came meanwhile is passed over: ${numbers}`);
  await race.finish();
});

test("without motion: four stills that stand, stepped by button and by key, and the table equals the last", async () => {
  const race = await openRace(THREE, { options: { reducedMotion: "reduce" } });
  await race.stills.getByText(/^4\. The last has it (after|in less than) .*\.$/).waitFor();
  assert.equal(await race.picture.count(), 0);
  const figures = race.stills.locator("figure:visible");
  assert.deepEqual((await figures.locator("figcaption").allTextContents()).map((text) => text.replace(/ (after|in less than) .*/, "")), ["1. It happens: let go on all 3 lanes at once.", "2. The first has it", "3. Half have it", "4. The last has it"]);
  const present = () => figures.evaluateAll((all) => all.findIndex((each) => each.getAttribute("aria-current") === "step") + 1);
  const number = await race.number();
  assert.equal(await present(), 1);
  await race.button("Still after").click();
  assert.equal(await present(), 2);
  await race.stills.focus();
  await race.page.keyboard.press("Space");
  await race.page.keyboard.press("Space");
  assert.equal(await present(), 4);
  await race.button("Still before").click();
  assert.equal(await present(), 3);
  const [drawn, told] = await Promise.all([race.said(".race-still:nth-of-type(4)"), race.said(".race-table")]);
  for (const lane of THREE) assert.deepEqual(drawn[lane], told[lane].slice(0, 2), lane);
  const start = await race.said(".race-still:nth-of-type(1)");
  for (const lane of THREE) assert.deepEqual(start[lane], ["", ""], `${lane}: nobody has it at the start`);
  await race.page.waitForTimeout(3000);
  assert.equal(await race.number(), number, "no other event comes by itself");
  await race.stills.focus();
  await race.page.keyboard.press("End");
  await race.page.waitForFunction((than) => Number(/** @type {HTMLInputElement} */ (document.querySelector("[data-race-number]")).value) > Number(than), number);
  assert.equal(await present(), 1);
  // Nothing comes any more, so that no button changes while axe looks.
  await race.page.getByRole("button", { name: "Pause", exact: true }).click();
  await race.page.locator('[data-compare][data-phase="paused"]').waitFor();
  await race.page.waitForTimeout(1200);
  assert.deepEqual(await race.axe(), []);
  await race.finish();
});

test("a lane that does not get it is said to wait", async () => {
  const race = await openRace(["short-poll", "websocket"], { query: { rate_per_s: "4" } });
  await race.isOver();
  await race.context.route(/\/short-poll\//, () => {});
  await race.page.waitForFunction(() => / Still waiting: Short polling, asking every 200 ms\. This/.test(document.querySelector("[data-race-says]")?.textContent ?? ""));
  const [drawn, told] = await Promise.all([race.said(".race-picture"), race.said(".race-table")]);
  assert.deepEqual([drawn["short-poll"][0], told["short-poll"][0], drawn["websocket"][0]], ["waits", "waits", "1st"]);
  await race.context.unrouteAll({ behavior: "ignoreErrors" });
  await race.finish();
});

test("a paused run can be replayed; Reset leaves one sentence and Start", async () => {
  const race = await openRace(["sse", "websocket"]);
  await race.isOver();
  const bar = race.page.getByRole("button", { name: "Pause", exact: true });
  await bar.click();
  await race.page.locator('[data-compare][data-phase="paused"]').waitFor();
  await race.button("Replay").click();
  await race.isOver();
  await race.button("Play race").click();
  await race.isOver();
  await race.page.getByRole("button", { name: "Reset", exact: true }).click();
  await race.panel.getByRole("button", { name: "Start" }).waitFor();
  assert.equal(await race.picture.count(), 0);
  await race.finish();
});

for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
  test(`on a phone in ${colorScheme} nothing moves sideways, and axe is content`, async () => {
    const race = await openRace(THREE, { options: { viewport: { width: 360, height: 740 }, colorScheme } });
    await race.isOver();
    assert.equal(await race.sideways(), 0);
    await race.button("Pause race").click();
    assert.deepEqual(await race.axe(), []);
    await race.page.emulateMedia({ reducedMotion: "reduce" });
    await race.stills.waitFor();
    assert.equal(await race.sideways(), 0);
    await race.finish();
  });
}

test("nine lanes, projected, are on one screen and can be read from the back row", async () => {
  const nine = LANES_BY_PORT.slice(0, 9);
  const race = await openRace(nine, { query: { projector: "1" }, options: { viewport: { width: 1920, height: 1080 } } });
  await race.isOver();
  const { sizes, dots, bottom } = await race.picture.evaluate((node) => ({
    sizes: [...node.querySelectorAll("*")].filter((each) => [...each.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.textContent?.trim())).map((each) => parseFloat(getComputedStyle(each).fontSize)),
    dots: [...node.querySelectorAll(".race-dot")].map((each) => /** @type {HTMLElement} */ (each).offsetWidth),
    bottom: node.getBoundingClientRect().bottom,
  }));
  assert.ok(Math.min(...sizes) >= 24, `type of ${Math.min(...sizes)} px`);
  assert.ok(dots.length > 0 && Math.min(...dots) >= 8, `dots of ${Math.min(...dots)} px`);
  assert.ok(bottom <= 1080, `the tracks end at ${bottom} px`);
  assert.equal(await race.sideways(), 0);
  await race.finish();
});
