// A class as the projector and the presenter see it: one presenter, one wall, three phones by the API. A whole lesson by
// keyboard from the lobby to the last question; what the wall must not show; what is refused without the token.

import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "./chromium.mjs";
import { startClassLab } from "./class.mjs";
import { AS_PRESENTER, startLab } from "./lab.mjs";
import { visit } from "./visit.mjs";

const WCAG_22_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const PROJECTOR = { visitor: true, viewport: { width: 1920, height: 1080 } };
/** Smallest type on a projector, px. */
const LEGIBLE = 24;

// With one step of each kind that needs no live engine: its run is a page that is looked at.
const LESSON = `+++
id = "for-the-test"
title = "Half of them"
group = "cost"
order = 1
minutes = 5
claims = ["A1"]
steps = ["say", "say", "guess", "run", "reveal", "ask"]
+++
The secret note: nobody but the presenter reads this.
\`\`\`say
to = "presenter"
\`\`\`
Now and then something happens.
\`\`\`say
\`\`\`
Write down a number.
\`\`\`guess
as = "number"
question = "Of 100 answers, how many bring nothing?"
min = 0
max = 100
unit = "of 100"
\`\`\`
Look at the page.
\`\`\`run
page = "/compare?lanes=short-poll,websocket"
seen = "Which share was empty, in %?"
\`\`\`
Most half seconds are empty.
\`\`\`reveal
sentence = "About 90 of 100 questions were for nothing."
expected = 90.5
change = "Ask once a second instead."
\`\`\`
\`\`\`ask
question = "Who speaks first when a server pushes?"
options = ["the phone", "the server", "nobody"]
right = 2
because = ["It has asked once, long before.", "It has something, so it says it.", "Then nothing would arrive."]
\`\`\`
`;

// With four groups whose phones race.
const RACE = `+++
id = "race-for-the-test"
title = "Who is first"
group = "cost"
order = 2
minutes = 5
claims = ["A1"]
steps = ["say", "guess", "set", "run", "reveal", "ask"]
+++
Four groups, four ways.
\`\`\`say
\`\`\`
\`\`\`guess
as = "number"
question = "How late are half of them?"
min = 0
max = 100
unit = "ms"
\`\`\`
\`\`\`set
phones = [{ lane = "short-poll", poll_interval_ms = 500 }, { lane = "long-poll" }, { lane = "sse" }, { lane = "websocket" }]
source = { rate_per_s = 4, size_bytes = 60 }
\`\`\`
Your phone shows how late its messages are. Compare with a neighbour of another group.
\`\`\`run
live = { seconds = 29, warm_up = 1 }
page = "/compare"
seen = "How late are half of them, in ms?"
\`\`\`
\`\`\`reveal
sentence = "Half of them within 30 ms."
expected = 30
change = "Ask once a second instead."
\`\`\`
\`\`\`ask
question = "Who speaks first when a server pushes?"
options = ["the phone", "the server", "nobody"]
right = 2
because = ["It has asked once, long before.", "It has something, so it says it.", "Then nothing would arrive."]
\`\`\`
`;

/** @type {Awaited<ReturnType<typeof startClassLab>>} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  lab = await startClassLab("class-wall", { "for-the-test": LESSON, "race-for-the-test": RACE });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

/** A phone without a page: what it says, and the event stream that makes it open. @param {string} code */
async function join(code) {
  let cookie = "";
  const stop = new AbortController();
  const say = async (/** @type {string} */ what, /** @type {unknown} */ body) => {
    const answer = await fetch(`${lab.url}/api/class/${what}`, { method: "POST", headers: { "content-type": "application/json", cookie }, body: JSON.stringify(body) });
    cookie ||= answer.headers.get("set-cookie")?.split(";")[0] ?? "";
    const text = await answer.text();
    assert.ok(answer.ok, `${what}: ${answer.status} ${text}`);
    return text === "" ? {} : JSON.parse(text);
  };
  const { id, name } = await say("join", { code });
  const stream = await fetch(`${lab.url}/api/class/events`, { headers: { cookie }, signal: stop.signal });
  assert.equal(stream.status, 200);
  await say("report", { visible: true, state: "open", lane: "short-poll", delay_ms: 240, seen: null, run: null, can: { websocket: true, eventsource: true, streams: true, http2: false }, is_native: false });
  return { id, name, say, leave: () => stop.abort() };
}

/** What one waits for and another lets go. */
function gate() {
  let open = () => {};
  const isOpen = /** @type {Promise<void>} */ (new Promise((resolve) => { open = resolve; }));
  return { isOpen, open: () => open() };
}

/** @param {import("playwright-core").Page} page @param {string} [state] */
async function isCleanForAxe(page, state = "") {
  const { violations } = await new AxeBuilder({ page }).options({ preload: false }).withTags(WCAG_22_AA).analyze();
  assert.deepEqual(violations.map(({ id, nodes }) => `${state} ${id}: ${nodes[0].target} ${nodes[0].failureSummary}`), []);
}

/** Nothing of a view is below the fold, and no type is too small for the back row. @param {import("playwright-core").Page} wall */
async function isLegible(wall) {
  const found = await wall.evaluate(() => {
    const body = /** @type {HTMLElement} */ (document.querySelector("[data-body]"));
    const shown = [...document.querySelectorAll("[data-stage] *")].filter((node) => node.checkVisibility() && node.closest(".visually-hidden") === null && [...node.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.textContent?.trim()));
    return {
      view: document.querySelector("[data-stage]")?.getAttribute("data-view"),
      over: Math.max(0, body.scrollHeight - body.clientHeight - 1, document.documentElement.scrollHeight - innerHeight),
      smallest: Math.min(...shown.map((node) => Number.parseFloat(getComputedStyle(node).fontSize))),
      small: shown.filter((node) => Number.parseFloat(getComputedStyle(node).fontSize) < 23.99).map((node) => node.outerHTML.slice(0, 80)).slice(0, 3),
    };
  });
  assert.equal(found.over, 0, `${found.view}: below the fold`);
  assert.ok(found.smallest >= LEGIBLE - 0.01, `${found.view}: type of ${found.smallest} px: ${found.small}`);
}

test("a whole lesson by keyboard, from the lobby to the last question, on the wall without a guess before the reveal", async () => {
  const leading = await visit(browser, `${lab.url}/presenter/class`);
  const showing = await visit(browser, `${lab.url}/wall`, PROJECTOR);
  const [presenter, wall] = [leading.page, showing.page];
  for (const each of [leading, showing]) each.expectComplaint(/409/); // no class yet; what is refused on purpose
  const key = (/** @type {string} */ name) => presenter.keyboard.press(name);
  // On the presenter's stage, too: who leads presses a key once their own page is there, which may be after the wall.
  const onWall = (/** @type {string|RegExp} */ text) => Promise.all([wall, presenter].map((page) => page.locator("[data-stage]").getByText(text).first().waitFor()));
  const phones = [];
  try {
    await wall.locator("[data-stage]").getByText("No class is on.").waitFor();
    await isLegible(wall);
    await isCleanForAxe(presenter, "no class");
    await presenter.getByRole("button", { name: "Start a class" }).focus();
    await key("Enter");

    // The lobby: the code is the way in, large, and small in the corner.
    await wall.locator(".wall-code").waitFor();
    const code = await wall.locator(".wall-code").innerText();
    assert.match(code, /^[2-9A-HJKMNP-Z]{4}$/);
    assert.equal(await wall.locator("[data-code]").innerText(), code);
    for (let count = 0; count < 3; count += 1) phones.push(await join(code));
    await onWall("3 are in");
    await wall.locator('.phone[data-state="open"][data-lane="short-poll"]').nth(2).waitFor();
    assert.match(await wall.locator("[data-counts]").innerText(), /^3 of 3 phones\s+Short polling 3$/);
    await isLegible(wall);
    await isCleanForAxe(wall, "lobby");
    await isCleanForAxe(presenter, "lobby");
    // The grid is one stop of the keyboard; arrows go through it.
    await wall.locator(".phone").first().focus();
    await wall.keyboard.press("ArrowRight");
    assert.equal(await wall.evaluate(() => [...document.querySelectorAll(".phone")].indexOf(/** @type {Element} */ (document.activeElement))), 1);

    await presenter.getByRole("button", { name: "Half of them" }).focus();
    await key("Enter");
    await onWall("Now and then something happens.");
    await presenter.getByText("The secret note").waitFor();
    assert.equal(await wall.getByText("secret note").count(), 0);
    await isLegible(wall);

    await key("n");
    await onWall("Of 100 answers, how many bring nothing?");
    const guesses = [73.125, 74.375, 76.625]; // found by nothing but themselves
    const step = (await (await fetch(`${lab.url}/api/class`)).json()).lesson.step;
    for (const [at, phone] of phones.entries()) await phone.say("guess", { step, guess: { number: guesses[at] } });
    await wall.locator("[data-counter]").filter({ hasText: "3 of 3 have guessed" }).waitFor();
    await isLegible(wall);
    await isCleanForAxe(wall, "guess");
    await key("l");
    await onWall("Locked: guesses stand as they are.");
    // Not on the wall, not in what it is told, and no hint of how many are right.
    const told = await (await fetch(`${lab.url}/api/class`)).text();
    for (const secret of [...guesses.map(String), "right_share", "median", "bins"]) assert.ok(!told.includes(secret), secret);
    assert.equal(JSON.parse(told).lesson.answered, 3);
    assert.equal(await wall.locator(".guesses, [data-hint]").count(), 0);
    await presenter.locator("[data-hint]").getByText(/Of the guesses \d+\s% are right/).waitFor();

    // Tools, by single keys; none of them while somebody writes.
    await key("f");
    await onWall("frozen: phones hold still");
    await key("f");
    await wall.locator(".wall-flag").waitFor({ state: "detached" });
    await key("t");
    await wall.locator("[data-timer]").getByText(/^1:5\d|2:00$/).waitFor();
    await isLegible(wall);
    await key("t");
    await wall.locator("[data-timer]").waitFor({ state: "hidden" });
    await key("d");
    await wall.locator('[data-stage][data-view="dark"]').waitFor();
    await presenter.locator('[data-tool="dark"][aria-pressed="true"]').waitFor();
    assert.equal(await wall.locator("[data-stage]").getByText("how many bring nothing").count(), 0);
    await isCleanForAxe(wall, "dark");
    await key("d");
    await onWall("Of 100 answers, how many bring nothing?");

    await key("ArrowRight");
    await onWall("Look at the page.");
    await isLegible(wall);
    await key("r");
    await presenter.locator('[data-do="next"].button-primary').waitFor(); // it was run: the run is not what is pressed next
    const field = presenter.getByLabel("Which share was empty, in %?");
    await field.waitFor();
    // Refused, and the reason stands beside the bar.
    await key("v");
    await presenter.locator("[data-error]").waitFor();
    assert.match(await presenter.locator("[data-error]").innerText(), /^[A-Z].+\. [A-Z].+\.$/, "what is wrong, and what to do");
    await isCleanForAxe(presenter, "refused");
    await field.focus();
    await presenter.keyboard.type("nb91");
    await key("Enter");
    await presenter.getByText("Write the value that the page shows as a number").waitFor();
    await onWall("Look at the page.");
    await key("ControlOrMeta+a");
    await presenter.keyboard.type("91");
    await key("Enter");

    // The sentence first, then one picture with both marks and the guesses, and the same as a table.
    await onWall("About 90 of 100 questions were for nothing.");
    await wall.locator(".guesses-mark-measured").waitFor();
    assert.equal(await wall.locator(".guesses-mark-theory").count(), 1);
    assert.equal(await wall.locator(".guesses-bar").count(), 10);
    assert.match(await wall.locator(".guesses-key").innerText(), /measured\s+91 of 100[\s\S]*theory\s+90\.5 of 100[\s\S]*3 guesses/);
    assert.match(await wall.locator(".guesses-table").innerText(), /70\s+80\s+3/);
    await presenter.locator("[data-error]").waitFor({ state: "hidden" });
    await isLegible(wall);
    await isCleanForAxe(wall, "reveal");

    await key("n");
    await onWall("Who speaks first when a server pushes?");
    const last = (await (await fetch(`${lab.url}/api/class`)).json()).lesson.step;
    for (const [at, phone] of phones.entries()) await phone.say("answer", { step: last, choice: at === 0 ? 1 : 2 });
    await wall.locator("[data-counter]").filter({ hasText: "3 of 3 have answered" }).waitFor();
    assert.equal(await wall.locator(".wall-because").count(), 0);
    await isLegible(wall);
    await key("v");
    await onWall("It has something, so it says it.");
    assert.match(await wall.locator(".wall-answer[data-right]").innerText(), /right: the server\s+2/);
    await isLegible(wall);
    await isCleanForAxe(wall, "answers");
    await isCleanForAxe(presenter, "answers");
    await key("b");
    await onWall("About 90 of 100 questions were for nothing.");
  } finally {
    for (const phone of phones) phone.leave();
    await lab.lead("DELETE", "?save=false");
  }
  await wall.locator("[data-body]").getByText("No class is on.").waitFor();
  await leading.finish();
  await showing.finish();
});

test("an answer that comes late takes nothing away: the refusal of what was asked after it, a press, the row that has the focus", async () => {
  const leading = await visit(browser, `${lab.url}/presenter/class`);
  leading.expectComplaint(/409/);
  const { page: presenter } = leading;
  const error = presenter.locator("[data-error]");
  await presenter.getByRole("button", { name: "Start a class" }).click();
  const { code } = await lab.lead("GET", "/lead");
  const phones = [];
  try {
    // Lessons that need phones can be given once some are in. Meanwhile somebody is at one of them.
    const row = presenter.getByRole("button", { name: "The long poll's gap" });
    await row.waitFor();
    await row.focus();
    const before = await row.elementHandle();
    for (let count = 0; count < 2; count += 1) phones.push(await join(code));
    await presenter.getByText("Phones 2 of 2").waitFor();
    assert.ok(await row.evaluate((button, was) => button === was && document.activeElement === button, before), "the same row, and still the one with the focus");

    await lab.lead("POST", "/lesson", { lesson: "for-the-test" });
    await lab.lead("POST", "/go", { to: 3 });
    await presenter.locator('[data-do="run"]:enabled').waitFor();
    // The run is done at once, and its answer is under way until the reveal has been refused.
    const hold = gate();
    const isHeld = gate();
    await presenter.route("**/presenter/api/class/run", async (route) => {
      const answer = await route.fetch();
      isHeld.open();
      await hold.isOpen;
      await route.fulfill({ response: answer });
    });
    await presenter.keyboard.press("r");
    await isHeld.isOpen;
    await presenter.keyboard.press("v");
    await error.waitFor();
    const why = await error.innerText();
    const answered = presenter.waitForResponse((answer) => answer.url().endsWith("/class/run"));
    hold.open();
    await (await answered).finished();
    // Another command of the page has come back since: so the page has dealt with the run's answer.
    await presenter.evaluate(() => fetch("/api/class").then((answer) => answer.text()));
    assert.deepEqual([await error.isVisible(), await error.innerText()], [true, why]);

    // Two presses are as none, though the first is not answered when the second comes.
    const told = /** @type {string[]} */ ([]);
    const [holdTool, isBoth] = [gate(), gate()];
    await presenter.route("**/presenter/api/class/tools", async (route) => {
      told.push(route.request().postData() ?? "");
      if (told.length === 2) isBoth.open();
      else await holdTool.isOpen;
      await route.continue();
    });
    await presenter.keyboard.press("f");
    await presenter.keyboard.press("f");
    holdTool.open();
    await isBoth.isOpen;
    assert.deepEqual(told, ['{"frozen":true}', '{"frozen":false}']);
    await error.waitFor({ state: "hidden" });
  } finally {
    for (const phone of phones) phone.leave();
    await lab.lead("DELETE", "?save=false");
  }
  await leading.finish();
});

test("half are right: one press starts the talk on the wall, the next asks once more; none is offered where nearly all are", async () => {
  const leading = await visit(browser, `${lab.url}/presenter/class`);
  const showing = await visit(browser, `${lab.url}/wall`, PROJECTOR);
  const [presenter, wall] = [leading.page, showing.page];
  await presenter.getByRole("button", { name: "Start a class" }).click();
  await wall.locator(".wall-code").waitFor();
  const code = await wall.locator(".wall-code").innerText();
  const [ann, ben] = [await join(code), await join(code)];
  await lab.lead("POST", "/lesson", { lesson: "for-the-test" });
  await lab.lead("POST", "/go", { to: 2 });
  await ann.say("guess", { step: 2, guess: { number: 90 } });
  await ben.say("guess", { step: 2, guess: { number: 5 } });
  await wall.locator("[data-counter]").filter({ hasText: "2 of 2 have guessed" }).waitFor();
  const talk = presenter.locator("[data-talk]");
  assert.equal(await presenter.getByRole("button", { name: "Ask again" }).isDisabled(), true, "nobody has talked before the lock");
  assert.equal(await talk.isVisible(), false, "not before the lock");
  assert.equal(await presenter.locator("[data-hint]").isVisible(), false, "not before the lock");
  await presenter.getByRole("button", { name: /^Lock/ }).click();
  await presenter.getByText("Of the guesses 50\u00a0% are right.").waitFor();
  await presenter.getByRole("button", { name: "Let them talk: 45 s" }).click();
  await wall.locator("[data-timer]").filter({ hasText: /^0:(45|[34]\d)$/ }).waitFor();
  await wall.locator("[data-part=note]").filter({ hasText: "Talk to your neighbour" }).waitFor();
  await presenter.getByRole("button", { name: "Ask once more, and end the timer" }).click();
  await wall.locator("[data-timer]").waitFor({ state: "hidden" });
  await talk.waitFor({ state: "hidden" });
  const state = await lab.lead("GET", "/lead");
  assert.deepEqual([state.lesson.round, state.lesson.locked, state.timer], [2, false, null]);
  // It has its own count: who leads sees when to lock.
  const again = (/** @type {string} */ text) => wall.locator("[data-counter]").filter({ hasText: text }).waitFor();
  await again("0 of 2 have guessed again");
  await ann.say("guess", { step: 2, guess: { number: 90 } });
  await again("1 of 2 has guessed again");
  await lab.lead("POST", "/reset");
  await lab.lead("POST", "/go", { to: 2 });
  for (const each of [ann, ben]) await each.say("guess", { step: 2, guess: { number: 90 } });
  await lab.lead("POST", "/lock");
  await presenter.getByText("Of the guesses 100\u00a0% are right.").waitFor();
  assert.equal(await talk.isVisible(), false, "nearly all are right");
  await lab.lead("DELETE", "?save=false");
  for (const each of [ann, ben]) each.leave();
  await leading.finish();
  await showing.finish();
});

test("a phone is shown, renamed and sent away; the class is ended by choice", async () => {
  const leading = await visit(browser, `${lab.url}/presenter/class`);
  const showing = await visit(browser, `${lab.url}/wall`, PROJECTOR);
  const [presenter, wall] = [leading.page, showing.page];
  await presenter.getByRole("button", { name: "Start a class" }).click();
  await wall.locator(".wall-code").waitFor();
  const phone = await join(await wall.locator(".wall-code").innerText());
  await presenter.getByText("Phones 1 of 1").click();
  await presenter.locator(".lead-phones summary").click();
  const row = presenter.locator(".lead-phones li");
  assert.match(await row.getByRole("link", { name: "Its sequence" }).getAttribute("href") ?? "", /^\/presenter\/class\/sequence\?phone=p\d+$/);
  await row.getByRole("button", { name: "Show on the wall" }).click();
  await wall.locator('[data-stage][data-view="show"]').getByText(phone.name).waitFor();
  await wall.getByText("240 ms").waitFor();
  await isLegible(wall);
  await isCleanForAxe(presenter, "a phone");
  await row.getByRole("button", { name: "New name" }).click();
  await wall.locator('[data-stage][data-view="show"]').getByText(phone.name).waitFor({ state: "detached" });
  await presenter.getByRole("button", { name: "Stop showing one phone" }).click();
  await wall.locator('[data-stage][data-view="lobby"]').waitFor();
  await row.getByRole("button", { name: "Send away" }).click();
  await presenter.getByRole("dialog").getByRole("button", { name: "Send away" }).click();
  await wall.getByText("Nobody is in yet.").waitFor();
  phone.leave();

  await presenter.getByRole("button", { name: "End the class" }).click();
  await isCleanForAxe(presenter, "ending");
  await presenter.getByRole("button", { name: "Cancel" }).click();
  await presenter.getByRole("button", { name: "End the class" }).click();
  await presenter.getByRole("button", { name: "Delete it" }).click();
  await wall.locator("[data-body]").getByText("No class is on.").waitFor(); // it is announced, too
  await presenter.getByText("The class is over, and nothing of it is kept.").waitFor();
  await leading.finish();
  await showing.finish();
});

test("forty phones race in four lanes while a live run goes on and after it", async () => {
  const lead = async (/** @type {string} */ what, /** @type {unknown} */ body = {}, method = "POST") => {
    const answer = await fetch(`${lab.url}/api/class${what}`, { method, headers: { ...AS_PRESENTER, "content-type": "application/json" }, body: method === "GET" ? undefined : JSON.stringify(body) });
    const told = await answer.json();
    assert.ok(answer.ok, `${what}: ${JSON.stringify(told)}`);
    return told;
  };
  const showing = await visit(browser, `${lab.url}/wall`, PROJECTOR);
  const wall = showing.page;
  const { code } = await lead("", {});
  const phones = [];
  try {
    for (let count = 0; count < 40; count += 1) phones.push(await join(code));
    await lead("/lesson", { lesson: "race-for-the-test" });
    await lead("/go", { to: 3 });
    await wall.locator(".wall-prose").filter({ hasText: "Compare with a neighbour" }).waitFor();
    assert.equal(await wall.locator(".wall-race").isVisible(), false, "nothing runs yet");
    await lead("/run");
    const { set, lesson: { run: { number } } } = await lead("", undefined, "GET");
    const lanes = /** @type {const} */ ([["short-poll", 260], ["long-poll", 39], ["sse", 31], ["websocket", 2.2]]);
    for (const [at, { say }] of phones.entries()) {
      const [lane, delay] = lanes[at % 4];
      // Of the second before, too, which came late: it is not of this run.
      for (const run of [number, number - 1, number]) await say("report", { visible: true, state: "open", lane, delay_ms: run === number ? delay : 7000, seen: { requests: 1, empty: 0, received: at % 8 < 4 ? 0 : 1 }, set, run, can: null });
    }
    const dots = wall.locator(".race-dot");
    await wall.locator(".race-lane").nth(3).waitFor();
    await dots.nth(39).waitFor();
    assert.deepEqual([await dots.count(), await wall.locator(".race-dot[data-middle]").count()], [40, 4]);
    const told = await wall.locator(".race-lane").allInnerTexts();
    assert.match(told.join(" "), /Long polling\s+10 phones[\s\S]*half of the phones within 39 ms/);
    const left = async (/** @type {string} */ lane) => (await wall.locator(`.race-lane[data-lane="${lane}"] .race-dot`).first().boundingBox())?.x ?? NaN;
    assert.ok(await left("websocket") < await left("sse") && await left("sse") < await left("short-poll"), "the fastest is on the left");
    await isLegible(wall);
    await isCleanForAxe(wall, "race");
    await wall.locator("[data-part=received] li").filter({ hasText: /received 0 to 1 of [1-9]/ }).nth(3).waitFor();
    await isLegible(wall);
    // A third of the size: dots that can still be told apart.
    assert.ok(await dots.first().evaluate((dot) => dot.getBoundingClientRect().width) >= 12);
    await lead("/run/stop");
    await wall.locator("[data-part=state]").filter({ hasText: "the run is over" }).waitFor();
    assert.equal(await dots.count(), 40);
    await isLegible(wall);
    await wall.emulateMedia({ reducedMotion: "reduce" });
    assert.ok(Number.parseFloat(await dots.first().evaluate((dot) => getComputedStyle(dot).transitionDuration)) < 0.001, "no motion for who wishes none");
  } finally {
    for (const phone of phones) phone.leave();
    await lead("?save=false", {}, "DELETE");
  }
  await showing.finish();
});

test("the QR code of the lobby is a third of the screen, and reading it is for the last row", async () => {
  const open = await startLab(["--host", "0.0.0.0"], { log: "class-wall-qr" });
  const showing = await visit(browser, `${open.url}/wall`, PROJECTOR);
  try {
    await fetch(`${open.url}/api/class`, { method: "POST", headers: { ...AS_PRESENTER, "content-type": "application/json" }, body: "{}" });
    const code = showing.page.locator("img.wall-qr");
    await code.waitFor();
    await code.evaluate((img) => /** @type {HTMLImageElement} */ (img).decode());
    // About a fifth of the picture is the quiet zone that readers need.
    const { height } = /** @type {{height: number}} */ (await code.boundingBox());
    assert.ok(height * 0.75 >= 1080 / 3, `${height} px`);
    await isLegible(showing.page);
  } finally {
    await open.stop();
  }
  showing.expectComplaint(/ERR_|Failed to load/); // the lab was stopped under it
  await showing.finish();
});

test("stand-ins are counted anew in the lobby, and nobody at all is told to who leads", async () => {
  const leading = await visit(browser, `${lab.url}/presenter/class`);
  const { page: presenter } = leading;
  await presenter.clock.install();
  await presenter.reload();
  await presenter.getByRole("button", { name: "Start a class" }).click();
  await presenter.getByText("Nobody is in yet.").waitFor();
  await presenter.clock.fastForward(61_000);
  await presenter.clock.runFor(11_000);
  const late = presenter.locator("[data-late]");
  await late.filter({ hasText: "No phone has reached this laptop." }).waitFor();
  assert.equal(await late.getByRole("link", { name: "What to do" }).getAttribute("href"), "/join#trouble");
  await isCleanForAxe(presenter, "nobody");
  await presenter.getByText("Phones 0 of 0").click();
  await presenter.getByLabel("Stand-ins").fill("1");
  await presenter.getByRole("button", { name: "Bring them" }).click();
  await presenter.locator("[data-counts]").getByText("1 stand-in", { exact: true }).waitFor();
  await late.waitFor({ state: "hidden" });
  await lab.lead("DELETE", "?save=false");
  await leading.finish();
});

test("each step of each lesson fits the wall, with type for the back row", async () => {
  const lead = async (/** @type {string} */ what, /** @type {unknown} */ body = {}, method = "POST") => {
    const answer = await fetch(`${lab.url}/api/class${what}`, { method, headers: { ...AS_PRESENTER, "content-type": "application/json" }, ...(method === "GET" ? {} : { body: JSON.stringify(body) }) });
    return { ok: answer.ok, told: await answer.json() };
  };
  const showing = await visit(browser, `${lab.url}/wall`, PROJECTOR);
  const wall = showing.page;
  await lead("", {});
  const { told } = await lead("/lead", {}, "GET");
  const lessons = told.lead.lessons.filter(({ why_not: whyNot }) => whyNot === null);
  assert.ok(lessons.length > 0);
  for (const { id, title } of lessons) {
    let { told: now } = await lead("/lesson", { lesson: id });
    for (;;) {
      if (now.lesson.kind === "reveal" && now.lesson.reveal === null) ({ told: now } = await lead("/reveal", { predicted_only: true }));
      if (now.lesson.kind === "ask" && now.lesson.ask.answers === null) ({ told: now } = await lead("/answers"));
      await wall.locator("[data-title]").filter({ hasText: title }).waitFor();
      await wall.locator("[data-steps]").filter({ hasText: `${now.lesson.step + 1} of ${now.lesson.steps}` }).waitFor();
      await isLegible(wall);
      if (now.lead.next === null) break;
      const gone = await lead("/go", { to: "next" });
      assert.ok(gone.ok, `${id}: ${JSON.stringify(gone.told)}`);
      now = gone.told;
    }
  }
  await lead("?save=false", {}, "DELETE");
  await showing.finish();
});

test("without the token nobody leads: the page is refused with the way in, and so is each command", async () => {
  const visitor = await visit(browser, `${lab.url}/wall`, { visitor: true });
  visitor.expectComplaint(/403|404/);
  const answer = await visitor.page.goto(`${lab.url}/presenter/class`);
  assert.equal(answer?.status(), 403);
  await visitor.page.getByText("the address that the lab printed in its terminal").first().waitFor();
  const commands = [["", {}], ["/lesson", { lesson: "hello" }], ["/go", { to: "next" }], ["/lock"], ["/second-guess"], ["/run"], ["/run/stop"], ["/reveal", {}], ["/answers"], ["/tools", { dark: true }], ["/reload"], ["/reset"], ["/participants/p1/name"], ["/stand-ins", { count: 3 }]];
  for (const prefix of ["/presenter/api/class", "/api/class"]) {
    for (const [where, body] of commands) {
      const refused = await visitor.page.evaluate(async ([address, sent]) => {
        const told = await fetch(address, { method: "POST", headers: { "content-type": "application/json" }, body: sent });
        return { status: told.status, ...(await told.json()).error };
      }, [`${prefix}${where}`, JSON.stringify(body ?? {})]);
      assert.deepEqual([refused.status, refused.code], [403, "presenter_only"], `${prefix}${where}`);
      assert.notEqual(refused.hint ?? "", "", `${prefix}${where}: a hint`);
    }
  }
  await visitor.finish();
});
