// Many phones in one class: PUSHLAB_PHONES browser contexts of their own (8 unless it says otherwise), one wall, one
// presenter. All join by the code, guess, are the clients of one live run and see what came out; one of them goes. What is
// asserted are states, not times: how long it takes is the machine's.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "./chromium.mjs";
import { startClassLab } from "./class.mjs";
import { AS_PRESENTER, startLab } from "./lab.mjs";
import { visit } from "./visit.mjs";

const PHONES = Number(process.env.PUSHLAB_PHONES ?? 8);
const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, visitor: true };
const PROJECTOR = { visitor: true, viewport: { width: 1920, height: 1080 } };
/** So many pages are opened at a time: thirty at once would wait for each other's processes longer than a page may take. */
const AT_ONCE = 4;
/** However many share this machine. */
const PATIENCE = { timeout: 30_000 + 3_000 * PHONES };

const LESSON = `+++
id = "many-test"
title = "All of you"
group = "cost"
order = 90
minutes = 6
clock = { run = 61 }
claims = ["A1"]
steps = ["say", "guess", "set", "run", "reveal", "ask"]
+++
Your phones ask twice a second.

\`\`\`say
\`\`\`

Guess before you look.

\`\`\`guess
as = "number"
question = "How many answers of 100 bring nothing?"
min = 0
max = 100
unit = "of 100"
\`\`\`

\`\`\`set
phones = [{ lane = "short-poll", poll_interval_ms = 500 }]
source = { rate_per_s = 1, size_bytes = 60 }
\`\`\`

Look at your own phone.

\`\`\`run
live = { seconds = 60, warm_up = 1 } # for many on a busy machine; Stop ends it
page = "/compare"
seen = "How many of 100 answers were empty?"
\`\`\`

Most half seconds are empty.

\`\`\`reveal
sentence = "About half of the answers are empty."
expected = 50
figures = ["short-poll.requests", "short-poll.phones"]
change = "Ask half as often."
\`\`\`

\`\`\`ask
question = "Which interval halves the questions?"
options = ["a quarter of a second", "one second", "none"]
right = 2
because = ["That doubles them.", "Twice the time between two questions.", "One second does."]
\`\`\`
`;

/** @type {Awaited<ReturnType<typeof startClassLab>>} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  lab = await startClassLab("class-many", { "many-test": LESSON });
  browser = await launchChromium();
});
/** Of the second test, which stops it and starts it again. @type {Awaited<ReturnType<typeof startLab>> | undefined} */
let stopped;
after(async () => {
  await browser?.close();
  await stopped?.stop();
  await lab?.stop();
});

/** All phones, a few at a time. @template T @param {() => Promise<T>} open @returns {Promise<T[]>} */
async function inTurn(open) {
  /** @type {T[]} */
  const all = [];
  let begun = 0;
  const one = async () => {
    while (begun < PHONES) {
      begun += 1;
      all.push(await open());
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return all;
}

test(`${PHONES} phones, one wall, one presenter: join, guess, run, reveal, and one goes`, async () => {
  const leading = await visit(browser, `${lab.url}/presenter/class`);
  const showing = await visit(browser, `${lab.url}/wall`, PROJECTOR);
  const [presenter, wall] = [leading.page, showing.page];
  for (const { context } of [leading, showing]) context.setDefaultTimeout(PATIENCE.timeout);
  for (const each of [leading, showing]) each.expectComplaint(/404/); // no class yet
  const press = (/** @type {string | RegExp} */ name) => presenter.getByRole("button", { name, exact: typeof name === "string" }).click();

  await press("Start a class");
  const code = await wall.locator(".wall-code").innerText();
  const phones = await inTurn(async () => {
    const phone = await visit(browser, `${lab.url}/phone`, PHONE);
    phone.context.setDefaultTimeout(PATIENCE.timeout);
    await phone.page.getByLabel("The code on the wall").fill(code);
    await phone.page.getByRole("button", { name: "Join" }).click();
    await phone.page.getByRole("heading", { name: "You are in." }).waitFor();
    return phone;
  });
  const all = (/** @type {(page: import("playwright-core").Page, at: number) => Promise<unknown>} */ does) => Promise.all(phones.map(({ page }, at) => does(page, at)));
  const names = await Promise.all(phones.map(({ page }) => page.locator("[data-name]").innerText()));
  assert.equal(new Set(names).size, PHONES, "each has a name of its own");
  await wall.getByText(`${PHONES} are in`).waitFor();
  const open = wall.locator('.phone[data-state="open"]');
  await open.nth(PHONES - 1).waitFor();

  // Each guesses another number, from 1.
  await press(/All of you/);
  await press(/^Next/);
  await all(async (page, at) => {
    await page.getByRole("spinbutton").fill(String(at + 1));
    await page.getByText(`Sent: ${at + 1} of 100.`).waitFor();
  });
  await wall.locator("[data-counter]").filter({ hasText: `${PHONES} of ${PHONES} have guessed` }).waitFor();
  assert.equal(await wall.locator(".guesses").count(), 0, "no guess stands on the wall before the reveal");

  // All are clients of one run, and race.
  await press(/^Next/);
  await all((page) => page.locator("[data-own-lane]").filter({ hasText: "Short polling" }).waitFor());
  await press(/^Next/);
  await press("Run");
  await all((page, at) => page.waitForFunction(() => [...document.querySelectorAll(".phone-figures dd .num")].slice(0, 3).every((figure) => Number(figure.textContent) > 0)).catch(async (error) => {
    throw new Error(`${names[at]}: ${await page.locator("main").innerText()}`, { cause: error });
  }));
  // A dot for each whose delay is known; the words count the others.
  await wall.waitForFunction((phones) => {
    const dots = document.querySelectorAll(".race-dot").length;
    const silent = Number(/(\d+) without a message yet/.exec(document.querySelector(".race-words")?.textContent ?? "")?.[1] ?? 0);
    return dots > phones / 2 && dots + silent === phones;
  }, PHONES);
  assert.equal(await wall.locator(".race-dot[data-middle]").count(), 1);
  await wall.locator(".race-words").filter({ hasText: /^half of the phones within \d/ }).waitFor();
  await press("Stop");
  await all((page) => page.getByRole("heading", { name: "It is over" }).waitFor());

  // What came out, on the wall for all of them and on each phone with its own.
  await press("Reveal");
  await wall.locator(".wall-sentence").filter({ hasText: "About half of the answers are empty." }).waitFor();
  assert.match(await wall.locator(".guesses-key").innerText(), new RegExp(`${PHONES} guess`));
  const bars = await wall.locator(".guesses-number").allTextContents();
  assert.equal(bars.map(Number).reduce((sum, count) => sum + count, 0), PHONES, `bars of ${bars.join(", ")}`);
  await all(async (page, at) => {
    await page.locator(".phone-beside").getByText(`${at + 1} of 100`, { exact: true }).waitFor();
    assert.match(await page.locator(".guesses-key").innerText(), new RegExp(`you\\s+${at + 1} of 100`));
  });

  // All are open in the grid; one closes, and is shown gone.
  await presenter.getByText(`Phones ${PHONES} of ${PHONES}`).click();
  await presenter.locator('.lead-phones li[data-state="open"]').nth(PHONES - 1).waitFor();
  await presenter.locator("[data-can]").filter({ hasText: `WebSocket all` }).waitFor();
  const [left] = phones.splice(PHONES - 1);
  await left.finish();
  await presenter.locator('.lead-phones li[data-state="gone"]').filter({ hasText: names[PHONES - 1] }).waitFor();
  assert.equal(await presenter.locator('.lead-phones li[data-state="open"]').count(), PHONES - 1);
  await wall.locator("[data-counts]").filter({ hasText: `${PHONES - 1} of ${PHONES}` }).waitFor();
  await presenter.locator("[data-lessons-part] > summary").click();
  await press("No lesson: back to the lobby");
  await wall.locator('.phone[data-state="gone"]').waitFor();
  assert.equal(await open.count(), PHONES - 1);

  for (const { finish } of phones) await finish();
  await leading.finish();
  await showing.finish();
});

test(`the lab is stopped in the middle of a run of ${PHONES} phones and started again: all are back, with their guesses, and run`, async () => {
  const flags = ["--single-port", "--lessons", lab.folder]; // one port, which was the lab's a moment ago
  const first = await startLab(flags, { log: "class-many-again" });
  stopped = first;
  /** As the presenter. @param {string} what @param {object} [body] @returns {Promise<import("../../static/js/class/state.js").ClassState>} */
  const lead = async (what, body) => {
    const how = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    const answer = await fetch(`${first.url}/api/class${what}`, { ...how, headers: { ...AS_PRESENTER, "content-type": "application/json" } });
    assert.ok(answer.ok, `${what}: ${answer.status}`);
    return answer.json();
  };
  const { code } = await lead("", {});
  const showing = await visit(browser, `${first.url}/wall`, PROJECTOR);
  const phones = await inTurn(() => visit(browser, `${first.url}/phone?code=${code}`, PHONE));
  for (const each of [showing, ...phones]) {
    each.context.setDefaultTimeout(PATIENCE.timeout);
    each.expectComplaint(/net::ERR_|status of 503/);
  }
  const all = (/** @type {(page: import("playwright-core").Page, at: number) => Promise<unknown>} */ does) => Promise.all(phones.map(({ page }, at) => does(page, at)));
  await all((page) => page.getByRole("heading", { name: "You are in." }).waitFor());
  await lead("/lesson", { lesson: "many-test" });
  await lead("/go", { to: 1 });
  await all(async (page, at) => {
    await page.getByRole("spinbutton").fill(String(at + 1));
    await page.getByText(`Sent: ${at + 1} of 100.`).waitFor();
  });
  await lead("/go", { to: 3 });
  await lead("/run", {});
  const hasFigures = (/** @type {import("playwright-core").Page} */ page) => page.waitForFunction(() => [...document.querySelectorAll(".phone-figures dd .num")].slice(0, 3).every((figure) => Number(figure.textContent) > 0));
  await all(hasFigures);

  await first.stop();
  await all((page) => page.locator("[data-link][data-state=reconnecting]").waitFor());
  stopped = await startLab(flags, { log: "class-many-again", port: Number(new URL(first.url).port) });
  await all((page) => page.locator("[data-link][data-state=open]").waitFor());
  await showing.page.locator("[data-counts]").filter({ hasText: `${PHONES} of ${PHONES}` }).waitFor();
  const state = await lead("/lead");
  assert.deepEqual([state.joined, state.lesson?.id, state.lesson?.step, state.lesson?.answered], [PHONES, "many-test", 3, PHONES]);
  // With what had been counted by then, or with nothing.
  assert.match(state.lesson?.run?.state ?? "", /^(over|failed)$/);

  // Each is a client of the run again: of the class's lane, by a line that is open.
  await lead("/run", {});
  const areClients = (/** @type {import("../../static/js/class/state.js").Seat[]} */ grid) => grid.length === PHONES && grid.every(({ line, lane }) => line === "open" && lane === "short-poll");
  const deadline = Date.now() + PATIENCE.timeout;
  while (!areClients((await lead("/lead")).grid ?? [])) assert.ok(Date.now() < deadline, "not all are clients of the run");
  await lead("/run/stop", {});
  await lead("/reveal", { predicted_only: true });
  await all((page, at) => page.locator(".phone-beside").getByText(`${at + 1} of 100`, { exact: true }).waitFor());
  for (const { finish } of [...phones, showing]) await finish();
});
