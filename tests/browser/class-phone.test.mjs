// A student's phone in a class: it joins by the QR's address or by the code, guesses, is a client of the run, sees what came
// out and answers; the presenter's tools; what happens when it sleeps, reloads or loses its place.

import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { launchChromium } from "./chromium.mjs";
import { startClassLab } from "./class.mjs";
import { AS_PRESENTER, PATIENCE_MS, startLab } from "./lab.mjs";
import { startNetwork } from "./network.mjs";
import { visit } from "./visit.mjs";

const WCAG_22_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, visitor: true };
/** How long a page may take to find out that its stream is dead. */
const WAKES = { timeout: PATIENCE_MS };

const [SAY, GUESS, SET, RUN, REVEAL, ASK] = [0, 1, 2, 3, 4, 5];
const LESSON = `+++
id = "phone-test"
title = "Ask, and ask"
group = "cost"
order = 90
minutes = 5
claims = ["A1"]
steps = ["say", "guess", "set", "run", "reveal", "ask"]
+++
Your phone asks twice a second.

\`\`\`say
\`\`\`

Guess before you look.

\`\`\`guess
as = "number"
question = "Of 6 answers, how many bring nothing?"
min = 0
max = 6
unit = "of 6"
again = true
\`\`\`

\`\`\`set
phones = [{ lane = "short-poll", poll_interval_ms = 500 }]
source = { rate_per_s = 1, size_bytes = 60 }
\`\`\`

Look at your own phone.

\`\`\`run
live = { seconds = 29, warm_up = 1 }
page = "/compare"
seen = "How many of 6 answers were empty?"
\`\`\`

A poll finds something only if an event fell into the half second before it.

\`\`\`reveal
sentence = "About 4 of 6 answers are empty."
expected = 4
figures = ["short-poll.requests", "short-poll.empty_answers"]
change = "Ask half as often."
\`\`\`

\`\`\`ask
question = "Which interval halves the questions?"
options = ["a quarter of a second", "one second", "none"]
right = 2
because = ["That doubles them.", "Twice the time between two questions.", "One second does."]
\`\`\`
`;

/** Its result comes from an experiment; here it is told as predicted. */
const CURVE = `+++
id = "curve-test"
title = "A curve"
group = "cost"
order = 91
minutes = 5
claims = ["A1"]
steps = ["say", "guess", "run", "reveal", "ask"]
+++
The longer the interval, the later.

\`\`\`say
\`\`\`

\`\`\`guess
as = "curve"
question = "How late is a message on average?"
x = [25, 100, 250]
x_unit = "ms"
min = 0
max = 500
unit = "ms"
\`\`\`

\`\`\`run
experiment = "E2"
\`\`\`

\`\`\`reveal
sentence = "Half of the interval."
theory = "short_poll_delay"
expected = [12.5, 50, 125]
figure = "short-poll mean_us"
step = [1, 2, 3]
per_unit = 1000
change = "Ask half as often."
\`\`\`

\`\`\`ask
question = "Which interval halves the delay?"
options = ["half of it", "twice of it", "none"]
right = 1
because = ["It does.", "That doubles it.", "Half of it does."]
\`\`\`
`;

/** @type {Awaited<ReturnType<typeof startClassLab>>} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  lab = await startClassLab("class-phone", { "phone-test": LESSON, "curve-test": CURVE });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});
afterEach(async () => { await lead("DELETE", "?save=false", undefined, [200, 404]); });

const lead = (/** @type {Parameters<typeof lab.lead>} */ ...call) => lab.lead(...call);

const go = (/** @type {number | string} */ to) => lead("POST", "/go", { to });
const tools = (/** @type {object} */ tool) => lead("POST", "/tools", tool);

/** Waits until the class's state is so; fails with what it is in the end. @param {(state: any) => boolean} isSo @param {string} what */
async function until(isSo, what) {
  const untilMs = Date.now() + PATIENCE_MS;
  for (;;) {
    const state = await lead("GET", "");
    if (isSo(state)) return state;
    assert.ok(Date.now() < untilMs, `${what}: ${JSON.stringify(state)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A class with the lesson at a step, and a phone in it.
 * @param {number} [step] @param {Awaited<ReturnType<typeof startNetwork>>} [network] */
async function phoneAt(step, network) {
  const { code } = await lead("POST", "", {});
  const phone = await visit(browser, `${network?.url ?? lab.url}/phone?code=${code}`, PHONE, async (context) => network?.carry(context));
  await phone.page.getByRole("heading", { name: "You are in." }).waitFor();
  if (step !== undefined) {
    await lead("POST", "/lesson", { lesson: "phone-test" });
    await go(step);
  }
  return { ...phone, code };
}

/** @param {import("playwright-core").Page} page @param {string} text */
const notice = (page, text) => page.locator("[data-notices] .notice").filter({ hasText: text });
const heading = (/** @type {import("playwright-core").Page} */ page, /** @type {string | RegExp} */ name) => page.getByRole("heading", { name });

/** @param {import("playwright-core").Page} page */
async function isCleanForAxe(page) {
  const { violations } = await new AxeBuilder({ page }).options({ preload: false }).withTags(WCAG_22_AA).analyze();
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].target} ${nodes[0].failureSummary}`), []);
}

/** What a finger cannot hit, and what sticks out at 320 px. @param {import("playwright-core").Page} page */
async function fitsAPhone(page) {
  await page.setViewportSize({ width: 320, height: 568 });
  const faults = await page.evaluate(() => {
    const controls = [...document.querySelectorAll("button, a[href], input, summary")].filter((each) => each.getClientRects().length > 0 && !each.classList.contains("skip-link"));
    const small = controls.filter((each) => each.getBoundingClientRect().height < 47.5 && each.closest(".phone-prose") === null);
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    return [...small.map((each) => `${each.outerHTML.slice(0, 80)} is ${each.getBoundingClientRect().height} px high`), ...(wide > 0 ? [`${wide} px too wide`] : [])];
  });
  assert.deepEqual(faults, []);
  await page.setViewportSize(PHONE.viewport);
}

test("the QR's address joins at once, and the code is gone from the address bar", async () => {
  const { page, finish } = await phoneAt();
  assert.equal(page.url(), `${lab.url}/phone`);
  const name = await page.locator("[data-name]").textContent();
  assert.match(name ?? "", /\S/);
  await page.locator("[data-link][data-state=open]").waitFor();
  await page.getByText("What this phone can").click();
  await page.getByText("✓ WebSocket: yes").waitFor();
  await isCleanForAxe(page);
  await fitsAPhone(page);
  // The presenter and the wall know it by this name, and that it is here.
  const { grid } = await until((state) => state.grid[0]?.state === "open", "the phone is open");
  assert.deepEqual([grid.length, grid[0].name, grid[0].here_by], [1, name, "browser"]);
  await page.reload();
  await page.locator("[data-name]").filter({ hasText: name ?? "" }).waitFor();
  await finish();
});

test("without a code, or with a wrong one, the page asks for it", async () => {
  const { code } = await lead("POST", "", {});
  const { page, finish, expectComplaint } = await visit(browser, `${lab.url}/phone?code=${code === "2222" ? "3333" : "2222"}`, PHONE);
  expectComplaint(/status of 403/);
  await page.getByRole("alert").filter({ hasText: "not the code" }).waitFor();
  assert.equal(page.url(), `${lab.url}/phone`);
  await isCleanForAxe(page);
  await fitsAPhone(page);
  await page.getByLabel("The code on the wall").fill(code.toLowerCase());
  await page.keyboard.press("Enter");
  await heading(page, "You are in.").waitFor();
  await finish();
});

test("a lesson on a phone, by keyboard: guess, second guess, run, what came out, one question to go", async () => {
  const { page, context, finish } = await phoneAt(SAY);
  await page.getByText("Your phone asks twice a second.").waitFor();

  await go(GUESS);
  const question = heading(page, "Of 6 answers, how many bring nothing?");
  await question.waitFor();
  await page.getByText("0 of 1 have guessed.").waitFor();
  assert.equal(await page.getByRole("spinbutton").inputValue(), "", "nothing is chosen beforehand");
  await isCleanForAxe(page);
  await fitsAPhone(page);
  await page.getByRole("spinbutton").focus();
  await page.keyboard.type("2");
  await page.getByText("Sent: 2 of 6.").waitFor();
  await page.getByText("1 of 1 has guessed.").waitFor();
  await page.keyboard.press("Backspace");
  await page.keyboard.type("3");
  await page.getByText("Sent: 3 of 6.").waitFor();
  await page.reload();
  await page.getByText("Sent: 3 of 6.").waitFor();
  assert.equal(await page.getByRole("spinbutton").inputValue(), "3");
  await lead("POST", "/lock");
  await page.getByText("Locked: guesses can no longer be changed.").waitFor();
  assert.equal(await page.getByRole("spinbutton").isDisabled(), true);
  await lead("POST", "/second-guess");
  // It has its own count, and keeping a guess is said by a press.
  await page.getByText("Your first guess: 3 of 6.").waitFor();
  await page.getByText("0 of 1 have guessed again.").waitFor();
  await isCleanForAxe(page);
  await page.getByRole("button", { name: "Keep my guess" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText("Sent: 3 of 6.").waitFor();
  await page.getByText("1 of 1 has guessed again.").waitFor();
  await page.getByRole("button", { name: "Keep my guess" }).waitFor({ state: "hidden" });
  await page.getByRole("spinbutton").fill("5");
  await page.getByText("Sent: 5 of 6.").waitFor();

  await go(SET);
  await page.locator("[data-own-lane]").filter({ hasText: "Short polling" }).waitFor();
  await page.getByText("This phone: Short polling, asking every 500 ms").waitFor();
  await page.locator("[data-link][data-state=open]").waitFor();
  await go(RUN);
  await heading(page, "Ready: it begins in a moment").waitFor();
  await lead("POST", "/run");
  await heading(page, "Running: you are one of 1 poller").waitFor();
  await page.locator(".phone-figures").waitFor();
  await isCleanForAxe(page);
  await fitsAPhone(page);
  await page.waitForFunction(() => [...document.querySelectorAll(".phone-figures dd .num")].slice(0, 3).every((figure) => Number(figure.textContent) >= 2));
  await lead("POST", "/run/stop");
  await heading(page, "It is over").waitFor(WAKES);
  // Frozen: what is asked from now on is none of the run.
  const [asked, empty] = (await page.locator(".phone-figures dd .num").allTextContents()).map(Number);

  await go(REVEAL);
  await lead("POST", "/reveal", {});
  await page.locator(".phone-sentence").filter({ hasText: /\d/ }).waitFor();
  // As the lab counted; what was on its way at either end may be on one side alone.
  const counted = (await lead("GET", "")).lesson.reveal.figures;
  assert.ok(Math.abs(asked - counted["short-poll.requests"]) <= 2, `the phone asked ${asked} times, the lab answered ${counted["short-poll.requests"]}`);
  assert.ok(Math.abs(empty - counted["short-poll.empty_answers"]) <= 2, `the phone got ${empty} empty answers, the lab gave ${counted["short-poll.empty_answers"]}`);
  const beside = page.locator(".phone-beside");
  await beside.getByText("5 of 6").waitFor();
  await beside.getByText("3 of 6").waitFor();
  const key = page.locator(".guesses-key");
  await key.filter({ hasText: "1 guess" }).waitFor();
  assert.match(await key.innerText(), /you\s+5 of 6[\s\S]*before you talked/);
  assert.equal(await page.locator("line.guesses-own").count(), 1);
  await page.getByText("Ask half as often.").waitFor();
  await isCleanForAxe(page);
  await fitsAPhone(page);

  await go(ASK);
  await heading(page, "Which interval halves the questions?").waitFor();
  await page.getByRole("button", { name: "none" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText("Sent. You can change it until the answer is shown.").waitFor();
  await isCleanForAxe(page);
  await lead("POST", "/answers");
  await page.getByText("Twice the time between two questions.").waitFor();
  await page.getByText("Yours is another one: read why.").waitFor();
  await isCleanForAxe(page);
  await fitsAPhone(page);
  await lead("POST", "/lesson", { lesson: null });
  await heading(page, "You are in.").waitFor();
  await page.locator("[data-own-lane]").waitFor({ state: "hidden" });
  assert.equal((await context.cookies(`${lab.url}/api/class`)).every(({ httpOnly }) => httpOnly), true);
  await finish();
});

test("a curve on a phone: its own beside the class's and what came out, in words and in the picture", async () => {
  const { page, finish } = await phoneAt();
  await lead("POST", "/lesson", { lesson: "curve-test" });
  await go(1);
  await heading(page, "How late is a message on average?").waitFor();
  for (const [at, value] of [10, 40, 250].entries()) await page.getByRole("spinbutton").nth(at).fill(String(value));
  await page.getByText("Sent: 10 · 40 · 250 ms.").waitFor();
  await go(3);
  await lead("POST", "/reveal", { predicted_only: true });
  const beside = page.locator(".phone-beside");
  await beside.getByText("10 · 40 · 250 ms").waitFor();
  await beside.getByText("12.5 · 50 · 125 ms").waitFor();
  await page.getByText("At 250 ms: your guess is 2 times the prediction.").waitFor();
  assert.equal(await page.locator("circle.guesses-mark-theory").count(), 3);
  assert.equal(await page.locator("polyline.guesses-own").count(), 1);
  assert.match(await page.locator(".guesses-table").innerText(), /250\s+250\s+250\s+250\s+—\s+125/);
  await isCleanForAxe(page);
  await fitsAPhone(page);
  await finish();
});

test("a name is changed, a refused one says why", async () => {
  const { page, finish, expectComplaint } = await phoneAt();
  expectComplaint(/status of 422/);
  await page.getByRole("button", { name: "change my name" }).click();
  await page.getByLabel("A name for the wall").fill("12345");
  await page.keyboard.press("Enter");
  await page.locator("[data-rename-error]").filter({ hasText: /\w/ }).waitFor();
  await fitsAPhone(page);
  await page.getByLabel("A name for the wall").fill("Zoë");
  await page.getByRole("button", { name: "Save" }).click();
  await page.locator("[data-name]").filter({ hasText: "Zoë" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "change my name" }).evaluate((button) => button === document.activeElement), true);
  const { grid } = await lead("GET", "");
  assert.equal(grid[0].name, "Zoë");
  await finish();
});

test("the presenter's tools: muted, frozen, dark, a timer, this phone on the wall", async () => {
  const { page, finish } = await phoneAt(GUESS);
  await page.getByRole("spinbutton").waitFor();
  await tools({ muted: true });
  await notice(page, "has muted the phones").waitFor();
  assert.equal(await page.getByRole("spinbutton").isDisabled(), true);
  await tools({ muted: false });
  await notice(page, "has muted").waitFor({ state: "detached" });
  assert.equal(await page.getByRole("spinbutton").isDisabled(), false);

  await tools({ frozen: true });
  await notice(page, "has stopped the picture").waitFor();
  assert.equal(await page.getByRole("spinbutton").isDisabled(), true, "it can be read, and nothing is sent");
  await go(ASK);
  await tools({ timer_s: 90 });
  await page.locator("[data-timer]").filter({ hasText: /^1:[23]\d$/ }).waitFor();
  assert.equal(await page.getByRole("heading", { name: "Which interval" }).count(), 0);
  await tools({ frozen: false, timer_s: 0 });
  await heading(page, "Which interval").waitFor();
  await page.locator("[data-timer]").waitFor({ state: "hidden" });

  const { grid } = await lead("GET", "");
  await tools({ show: grid[0].id });
  await notice(page, "The wall shows this phone").waitFor();
  await isCleanForAxe(page);
  await tools({ show: null, dark: true });
  await page.getByText("Look to the front.", { exact: true }).first().waitFor();
  assert.equal(await page.locator("[data-dark]").evaluate((dark) => getComputedStyle(dark).backgroundColor), "rgb(0, 0, 0)");
  await tools({ dark: false });
  await page.locator("[data-dark]").waitFor({ state: "hidden" });
  await finish();
});

test("everybody to a page: it goes there once, and comes back when the class goes on", async () => {
  const { page, finish } = await phoneAt();
  await tools({ page: "/chat?room=class" });
  await page.waitForURL(/\/chat\?room=class$/);
  await page.getByRole("link", { name: "Back to the class" }).click();
  await notice(page, "The class goes to /chat?room=class").waitFor();
  await page.getByRole("link", { name: "Go there" }).waitFor();
  await page.reload();
  await notice(page, "The class goes to").waitFor();
  assert.equal(new URL(page.url()).pathname, "/phone");
  await page.getByRole("link", { name: "Go there" }).click();
  await page.waitForURL(/\/chat/);
  await page.getByRole("link", { name: "Back to the class" }).waitFor();
  await page.locator("#state").filter({ hasText: /^open$/ }).waitFor();
  // Under the name that the class knows, and with the field to write in on the first screen.
  const { grid } = await lead("GET", "");
  assert.equal(await page.locator("#name").inputValue(), grid[0].name);
  const field = await page.locator("#text").boundingBox();
  assert.ok(field !== null && field.y + field.height <= (page.viewportSize()?.height ?? 0), `the field ends at ${field?.y} + ${field?.height}`);
  await tools({ page: null });
  await page.waitForURL(/\/phone$/);
  await heading(page, "You are in.").waitFor();
  await finish();
});

test("everybody reload now: each phone once, and at once", async () => {
  const phones = [await phoneAt()];
  const { code } = phones[0];
  const second = await visit(browser, `${lab.url}/phone?code=${code}`, PHONE);
  await heading(second.page, "You are in.").waitFor();
  phones.push({ ...second, code });
  const loads = phones.map(() => 0);
  phones.forEach(({ page }, at) => page.on("load", () => { loads[at] += 1; }));
  const reloaded = Promise.all(phones.map(({ page }) => page.waitForEvent("load")));
  await lead("POST", "/reload");
  await reloaded;
  await Promise.all(phones.map(({ page }) => heading(page, "You are in.").waitFor()));
  // A later state has come to both: who would load once more would be gone by then.
  await tools({ timer_s: 90 });
  await Promise.all(phones.map(({ page }) => page.locator("[data-timer]").filter({ hasText: /^1:/ }).waitFor()));
  assert.deepEqual(loads, [1, 1]);
  for (const { finish } of phones) await finish();
});

test("a phone that lost its network comes back with its name, its guess and its lane", async () => {
  const network = await startNetwork(lab);
  const { page, finish, expectComplaint } = await phoneAt(GUESS, network);
  // Chromium words a refused connection as a refused permission for a document of network.mjs.
  expectComplaint(/net::ERR_|access the `loopback` address space/);
  const name = await page.locator("[data-name]").textContent();
  await page.getByRole("spinbutton").fill("4");
  await page.getByText("Sent: 4 of 6.").waitFor();
  network.cut();
  await page.locator("[data-link][data-state=reconnecting]").waitFor(WAKES);
  await page.getByRole("spinbutton").fill("5");
  await page.getByText("Not sent yet").waitFor();
  network.restore();
  await page.getByText("Sent: 5 of 6.").waitFor(WAKES);
  await page.locator("[data-link][data-state=open]").waitFor(WAKES);

  // A stream that is dead without a word: after eight seconds the page asks.
  network.mute();
  await go(SET);
  await page.locator("[data-link][data-state=reconnecting]").waitFor(WAKES);
  network.restore();
  await page.locator("[data-own-lane]").filter({ hasText: "Short polling" }).waitFor(WAKES);
  await page.locator("[data-link][data-state=open]").waitFor(WAKES);
  assert.equal(await page.locator("[data-name]").textContent(), name);
  await finish();
  await network.stop();
});

test("a place that is lost, and a class that is over, say so", async () => {
  const { page, context, finish, expectComplaint } = await phoneAt();
  expectComplaint(/status of (403|404)/);
  const { grid } = await lead("GET", "");
  await lead("DELETE", `/participants/${grid[0].id}`);
  await page.getByRole("alert").filter({ hasText: "place in the class is gone" }).waitFor(WAKES);
  await page.getByLabel("The code on the wall").fill((await lead("GET", "")).code);
  await page.getByRole("button", { name: "Join" }).click();
  await heading(page, "You are in.").waitFor();

  await lead("DELETE", "?save=false");
  await heading(page, "The class is over").waitFor(WAKES);
  assert.equal(await page.getByText("Nobody has started a class").isVisible(), false);
  const { code } = await lead("POST", "", {});
  await heading(page, "Join the class").waitFor(WAKES);
  await page.getByLabel("The code on the wall").fill(code);
  await page.getByRole("button", { name: "Join" }).click();
  await heading(page, "You are in.").waitFor();

  await context.clearCookies();
  await page.reload();
  await page.getByRole("alert").filter({ hasText: "place in the class is gone" }).waitFor();
  await finish();
});

test("the lab is stopped in the middle and started again: the class goes on", async () => {
  const flags = ["--single-port", "--lessons", lab.folder]; // one port, which was the lab's a moment ago
  const first = await startLab(flags, { log: "class-phone-again" });
  const lead = (/** @type {string} */ what, /** @type {object} */ body) => fetch(`${first.url}/api/class${what}`, {
    method: "POST", headers: { ...AS_PRESENTER, "content-type": "application/json" }, body: JSON.stringify(body),
  });
  const { code } = await (await lead("", {})).json();
  const { page, finish, expectComplaint } = await visit(browser, `${first.url}/phone?code=${code}`, PHONE);
  expectComplaint(/net::ERR_|status of 503/);
  await heading(page, "You are in.").waitFor();
  const name = await page.locator("[data-name]").textContent();
  await lead("/lesson", { lesson: "phone-test" });
  await lead("/go", { to: GUESS });
  await page.getByRole("spinbutton").fill("4");
  await page.getByText("Sent: 4 of 6.").waitFor();
  await first.stop();
  await page.locator("[data-link][data-state=reconnecting]").waitFor(WAKES);
  const second = await startLab(flags, { log: "class-phone-again", port: Number(new URL(first.url).port) });
  await page.locator("[data-link][data-state=open]").waitFor(WAKES);
  await page.getByRole("spinbutton").fill("2");
  await page.getByText("Sent: 2 of 6.").waitFor(WAKES);
  await page.reload();
  await page.getByText("Sent: 2 of 6.").waitFor();
  assert.equal(await page.locator("[data-name]").textContent(), name);
  await finish();
  await second.stop();
});
