// Who is in a class: the presenter closes the door and opens it again, and sends away who is gone. What phones and the wall
// are told of it, and that each can be undone.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CHROMIUM_MISSING, findChromium, launchChromium } from "./chromium.mjs";
import { startLab } from "./lab.mjs";
import { visit } from "./visit.mjs";

const skip = findChromium() ? false : CHROMIUM_MISSING;
const PROJECTOR = { visitor: true, viewport: { width: 1920, height: 1080 } };
const PHONE = { visitor: true, viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };
/** A phone without a stream is gone after ten seconds, on the lab's clock. */
const UNTIL_GONE = { timeout: 60_000 };

/** @type {import("./lab.mjs").Lab} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  if (skip) return;
  lab = await startLab([], { log: "class-door", command: "class" });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

const code = () => lab.told.class?.code ?? "";
const way = () => `${lab.url}/phone?code=${code()}`;
const isIn = (/** @type {import("playwright-core").Page} */ phone) => phone.getByRole("heading", { name: "You are in." }).waitFor();

/** The presenter's page, with its list of phones open. */
async function lead() {
  const leading = await visit(browser, `${lab.url}/presenter/class`);
  const { page } = leading;
  await page.getByText(/^Phones \d+ of \d+/).click();
  return { ...leading, page, rows: page.locator(".lead-phones li"), count: page.locator("[data-phones-count]") };
}

test("the door is closed: who is in comes back, who is not is told why, the wall invites nobody; it is opened again", { skip }, async () => {
  const first = await visit(browser, way(), PHONE);
  await isIn(first.page);
  const { page: presenter, count, finish } = await lead();
  const showing = await visit(browser, `${lab.url}/wall`, PROJECTOR);
  const wall = showing.page;
  await wall.locator(".wall-code").filter({ hasText: code() }).waitFor();

  const door = presenter.getByRole("button", { name: "Let nobody else in" });
  assert.equal(await door.getAttribute("aria-pressed"), "false");
  await door.click();
  await presenter.locator('[data-tool="closed"][aria-pressed="true"]').waitFor();
  await count.filter({ hasText: "1 of 1, nobody else is let in" }).waitFor();
  await wall.getByText("The door is closed", { exact: true }).waitFor();
  await wall.locator(".wall-flag").filter({ hasText: "nobody else is let in" }).waitFor();
  assert.equal(await wall.getByText(code()).filter({ visible: true }).count(), 0, "the wall invites nobody");

  const second = await visit(browser, way(), PHONE);
  second.expectComplaint(/status of 403/);
  await second.page.getByText('Ask whoever leads the class to switch "Let nobody else in" off.').waitFor();
  await second.page.goto(`${lab.url}/join`);
  await second.page.getByText("The door is closed:").waitFor();
  await second.page.getByRole("button", { name: "Join" }).tap();
  await second.page.locator("[data-join-error]").filter({ hasText: "The door of this class is closed" }).waitFor();
  await first.page.reload();
  await isIn(first.page);
  await count.filter({ hasText: "1 of 1, nobody else is let in" }).waitFor();

  await door.click();
  await presenter.locator('[data-tool="closed"][aria-pressed="false"]').waitFor();
  await wall.locator(".wall-code").filter({ hasText: code() }).waitFor();
  assert.equal(await wall.locator(".wall-flag").count(), 0);
  await second.page.locator("[data-closed]").waitFor({ state: "hidden" });
  await second.page.getByRole("button", { name: "Join" }).tap();
  await isIn(second.page);
  await count.filter({ hasText: /^2 of 2$/ }).waitFor();
  for (const each of [first, second, showing]) await each.finish();
  await finish();
});

test("who is gone is sent away by name, and no one else; it may come in again", { skip }, async () => {
  const staying = await visit(browser, way(), PHONE);
  await isIn(staying.page);
  const leaving = await visit(browser, way(), PHONE);
  await isIn(leaving.page);
  const { page: presenter, rows, finish } = await lead();
  const name = (await leaving.page.locator("[data-name]").innerText()).trim();
  const row = rows.filter({ hasText: name });
  await row.filter({ hasText: "open" }).waitFor();
  const sends = presenter.getByRole("button", { name: "Send away all that are gone" });
  // Those of an earlier test are gone by now, or will be: they are sent away as well.
  await leaving.page.close();
  await row.filter({ hasText: "gone" }).waitFor(UNTIL_GONE);

  await sends.click();
  const asked = presenter.getByRole("dialog");
  await asked.getByText(name).waitFor();
  await asked.getByRole("button", { name: "Cancel" }).click();
  await row.filter({ hasText: "gone" }).waitFor();
  await sends.click();
  await asked.getByRole("button", { name: /^Send (it|them) away$/ }).click();
  await row.waitFor({ state: "detached" });
  await rows.filter({ hasText: "gone" }).first().waitFor({ state: "detached" });
  assert.ok((await rows.filter({ hasText: "open" }).count()) >= 1, "who is here stays");
  await isIn(staying.page);

  // Nobody is gone any more, and the page says so instead of asking.
  await sends.click();
  await presenter.getByRole("alert").filter({ hasText: "No phone is gone" }).waitFor();
  assert.equal(await asked.count(), 0);

  const again = await leaving.context.newPage();
  await again.goto(way());
  await isIn(again);
  await rows.filter({ hasText: "open" }).nth(1).waitFor();
  await staying.finish();
  await leaving.context.close();
  await finish();
});
