// The presenter led by a plan of the hour: chosen, followed from row to row and out of its turn, by keyboard; with the
// minutes used, in words, which a stop of the server does not forget; and printed with what the class did.

import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "./chromium.mjs";
import { AS_PRESENTER, startLab } from "./lab.mjs";
import { visit } from "./visit.mjs";

const LOG = "class-plan";
/** @type {Awaited<ReturnType<typeof startLab>>} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  lab = await startLab([], { log: LOG });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

/** As the presenter. @param {string} method @param {string} what @param {unknown} [body] */
async function lead(method, what, body) {
  const answer = await fetch(`${lab.url}/api/class${what}`, { method, headers: { ...AS_PRESENTER, "content-type": "application/json" }, body: body === undefined ? undefined : JSON.stringify(body) });
  const said = await answer.text();
  assert.ok(answer.ok, `${method} ${what}: ${answer.status} ${said}`);
  return said === "" ? {} : JSON.parse(said);
}

/** Follows the tab order until it is there. @param {import("playwright-core").Page} page @param {import("playwright-core").Locator} wanted */
async function tabTo(page, wanted) {
  await wanted.waitFor();
  for (let presses = 0; presses < 120; presses += 1) {
    if (await wanted.evaluate((node) => node === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`no Tab leads to ${await wanted.evaluate((node) => node.outerHTML.slice(0, 120))}`);
}

test("a plan is chosen and followed by keyboard, with what to say, and the wall knows nothing of it", async () => {
  const leading = await visit(browser, `${lab.url}/presenter/class`);
  const showing = await visit(browser, `${lab.url}/wall`, { visitor: true, viewport: { width: 1920, height: 1080 } });
  for (const each of [leading, showing]) each.expectComplaint(/404/); // no class yet
  const { page } = leading;
  await tabTo(page, page.getByRole("button", { name: "Start a class" }));
  await page.keyboard.press("Enter");
  await tabTo(page, page.getByRole("combobox", { name: "Plan" }));
  await page.keyboard.press("ArrowDown");
  await page.locator("[data-plan-time]").filter({ hasText: "0 min of 4, 0 of 45" }).waitFor();
  assert.match(await page.locator("[data-plan-note]").innerText(), /^Everybody joins/);
  assert.equal(await page.locator("[data-plan-bridge]").innerText(), "Say: “You are connected. Who asked whom?”");
  const rows = page.locator("[data-plan-rows] > li");
  assert.equal(await rows.count(), 9);
  const here = page.locator('[data-plan-rows] [aria-current="step"]');
  assert.match(await here.innerText(), /^Everybody joins with the code on the wall\s+0 of 4 min$/);
  assert.ok(await page.evaluate(() => document.documentElement.scrollHeight <= innerHeight), "the page does not scroll, its columns do");

  const next = page.locator("[data-plan-next]");
  assert.equal(await next.innerText(), "Next in the plan: 1 One in, many out");
  await tabTo(page, next);
  await page.keyboard.press("Enter");
  await showing.page.getByText("One in, many out").first().waitFor();
  await page.locator("[data-plan-time]").filter({ hasText: "0 min of 5, 0 of 45" }).waitFor();
  assert.match(await here.innerText(), /^1 One in, many out/);
  assert.equal(await next.innerText(), "Next in the plan: 2 Ask, and ask, and ask");
  await page.locator("[data-step-time]").filter({ hasText: /^This step: 0:0\d of 0:20$/ }).waitFor();
  assert.deepEqual((await new AxeBuilder({ page }).options({ preload: false }).analyze()).violations.map(({ id, nodes }) => `${id}: ${nodes[0].target}`), []);

  // Out of its turn, by the list; the keyboard stays on the row.
  const tunnel = rows.filter({ hasText: "What was said while you were away?" }).getByRole("button");
  await tabTo(page, tunnel);
  await page.keyboard.press("Enter");
  await page.locator("[data-plan-says]").filter({ hasText: "Some lines may not even be opened." }).waitFor();
  assert.ok(await tunnel.evaluate((node) => node === document.activeElement));
  // From the list of all lessons: the plan follows. One that it has not leaves it where it is.
  await lead("POST", "/lesson", { lesson: "what-it-weighs" });
  await here.filter({ hasText: "What 20 bytes weigh" }).waitFor();
  await lead("POST", "/lesson", { lesson: "hello" });
  await page.locator("[data-title]").filter({ hasText: "How many trips before hello?" }).waitFor();
  assert.match(await here.innerText(), /What 20 bytes weigh/);
  // What is usually done is told for the step that is on.
  await page.locator("[data-notes]").filter({ hasText: "Read it aloud" }).waitFor();
  await lead("POST", "/go", { to: "next" });
  await page.locator("[data-notes]").filter({ hasText: "Everybody guesses alone" }).waitFor();
  // Minutes without a lesson.
  await tabTo(page, rows.last().getByRole("button"));
  await page.keyboard.press("Enter");
  await page.locator("[data-plan-time]").filter({ hasText: "0 min of 1, 0 of 45" }).waitFor();
  assert.equal((await lead("GET", "/lead")).lesson, null);
  assert.ok(await next.isHidden(), "nothing comes after it");

  const wall = await (await fetch(`${lab.url}/api/class`)).text();
  assert.ok(!wall.includes("Who asked whom"), "the plan is the presenter's");
  await lead("DELETE", "?save=false");
  await leading.finish();
  await showing.finish();
});

test("minutes used are kept over a stop of the server, and printed beside those planned", async () => {
  await lab.stop();
  lab = await startLab(["--single-port"], { log: LOG });
  const port = Number(new URL(lab.url).port);
  await lead("POST", "", {});
  await lead("POST", "/plan", { plan: "90" });
  const before = (await lead("POST", "/plan/go", { row: 1 })).lead.plan;
  const leading = await visit(browser, `${lab.url}/presenter/class`);
  leading.expectComplaint(/ERR_|net::|Failed to load/); // the lab is stopped
  const { page } = leading;
  await page.locator("[data-plan-time]").filter({ hasText: /0 min of 5, \d of 90/ }).waitFor();
  await lab.stop();
  await page.getByText("The lab does not answer.").waitFor();
  lab = await startLab(["--single-port"], { log: LOG, port });
  await page.getByText("The lab does not answer.").waitFor({ state: "hidden" });
  const after = (await lead("GET", "/lead")).lead;
  assert.deepEqual([after.plan.id, after.plan.row, after.plan.began_us], ["90", 1, before.began_us]);
  assert.equal(after.plan.rows[0].used_us, before.rows[0].used_us);
  assert.match(await page.locator("[data-plan-rows] [aria-current=step]").innerText(), /^1 One in, many out/);

  const { saved } = await lead("DELETE", "?save=true");
  const paper = await page.context().request.get(`${lab.url}/runs/classes/${saved}`);
  const text = await paper.text();
  assert.match(text, /The hour, planned and used/);
  assert.match(text, /<tr><td>5–10<\/td><td>One in, many out<\/td><td>5:00<\/td><td>\d:\d\d<\/td><\/tr>/);
  assert.match(text, /Minutes planned and used/);
  await lead("DELETE", `/saved/${saved}`);
  await leading.finish();
});
