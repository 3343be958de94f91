// The pages of saved runs: a run started by the form, its page, two of them side by side, a broken file, and the
// exported page opened from the disk without a server.

import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { launchChromium } from "./chromium.mjs";
import { startLab } from "./lab.mjs";
import { visit } from "./visit.mjs";

const RUN_PATIENCE = { timeout: 90_000 };
const WCAG_22_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, deviceScaleFactor: 2 };
const data = path.join(tmpdir(), `pushlab-runs-browser-${process.pid}`);

/** @type {import("./lab.mjs").Lab} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  mkdirSync(path.join(data, "runs"), { recursive: true });
  writeFileSync(path.join(data, "runs/half a run.json"), '{"plan":');
  lab = await startLab(["--data-dir", data], { log: "runs" });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
  rmSync(data, { recursive: true, force: true });
});

/** Folded away where there is something saved. */
async function openForm(page) {
  const summary = page.getByText("A new run", { exact: true });
  if (await page.locator(".runs-new").getAttribute("open") === null) await summary.click();
}

/** Fills the form in and waits for the result's link. */
async function run(page, settings) {
  await openForm(page);
  const { lanes, ...fields } = settings;
  for (const lane of lanes.split(",")) await page.locator(`#plan-lanes input[value="${lane}"]`).check({ force: true });
  for (const [name, value] of Object.entries(fields)) await page.locator(`#plan-${name}`).fill(value);
  await page.getByRole("button", { name: "Start the run" }).click();
  const link = page.getByRole("link", { name: "Open the result" });
  await link.waitFor(RUN_PATIENCE);
  return link;
}

const SHORT = { lanes: "short-poll,sse,websocket", clients: "2", rate: "10", duration: "1s" };

test("a run is started by the form, watched, opened and compared with another", async () => {
  const visitor = await visit(browser, `${lab.url}/runs`);
  const { page } = visitor;
  await page.getByText("cannot be shown", { exact: true }).waitFor();
  const link = await run(page, { ...SHORT, seed: "1" });
  await page.locator('[data-job-show="state"]').filter({ hasText: "done" }).waitFor();
  await link.click();
  await page.getByRole("heading", { name: "3 lanes, 10/s, 60 B" }).waitFor();
  assert.equal(await page.locator(".report figure").count(), 4);
  assert.ok(await page.locator(".report .line.predicted").count() >= 3, "predicted curves are drawn");
  assert.match(await page.locator(".report").innerText(), /All lanes ran at the same time/);

  await page.goto(`${lab.url}/runs`);
  await (await run(page, { ...SHORT, seed: "2" })).waitFor();
  await page.reload();
  const compare = page.getByRole("button", { name: "Compare two" });
  assert.equal(await compare.isDisabled(), true);
  for (const box of await page.getByRole("checkbox", { name: /^Compare/ }).all()) await box.check();
  await compare.click();
  await page.getByRole("heading", { name: "Two runs" }).waitFor();
  assert.equal(await page.locator(".report figure").count(), 4);
  await page.getByRole("rowheader", { name: "seed" }).waitFor();
  await page.getByRole("columnheader", { name: "95 % intervals" }).waitFor();
  assert.deepEqual(await violations(page), []);
  await visitor.finish();
});

test("a plan that cannot be carried out is refused with the field and the way out", async () => {
  const visitor = await visit(browser, `${lab.url}/runs`);
  visitor.expectComplaint(/400 \(Bad Request\)/);
  await openForm(visitor.page);
  await visitor.page.locator("#plan-rate").fill("0");
  await visitor.page.getByRole("button", { name: "Start the run" }).click();
  await visitor.page.getByRole("alert").filter({ hasText: "rate is 0; choose" }).waitFor();
  await visitor.finish();
});

test("a run's page is clean for axe, fits a phone, and its broken neighbour says why", async () => {
  const [id] = saved();
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    const visitor = await visit(browser, `${lab.url}/runs/${id}`, { colorScheme });
    assert.deepEqual(await violations(visitor.page), []);
    await visitor.finish();
  }
  const phone = await visit(browser, `${lab.url}/runs/${id}`, PHONE);
  const widths = await phone.page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.equal(widths[0], widths[1], "no sideways scrolling");
  await phone.finish();
  const visitor = await visit(browser, `${lab.url}/runs`);
  visitor.expectComplaint(/422 \(Unprocessable/);
  await visitor.page.getByRole("link", { name: "half a run" }).click();
  await visitor.page.getByRole("heading", { name: "This cannot be shown" }).waitFor();
  await visitor.page.getByText("EOF while parsing").waitFor();
  await visitor.finish();
});

test("the exported page opens from the disk: no request, no complaint, and it prints", async () => {
  const files = readdirSync(path.join(data, "runs")).filter((name) => name.endsWith(".html"));
  assert.ok(files.length >= 2, "each saved run has its page beside it");
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    const context = await browser.newContext({ colorScheme, offline: true });
    const page = await context.newPage();
    const seen = [];
    page.on("console", (message) => seen.push(`console: ${message.text()}`));
    page.on("pageerror", (error) => seen.push(`error: ${error}`));
    page.on("request", (request) => { if (!/^(file|data):/.test(request.url())) seen.push(`request: ${request.url()}`); });
    const address = pathToFileURL(path.join(data, "runs", files[0])).href;
    const requests = [];
    page.on("request", (request) => requests.push(request.url()));
    await page.goto(address);
    assert.equal(await page.locator("figure svg").count() >= 4, true);
    const box = await page.locator("figure svg").first().boundingBox();
    assert.ok(box !== null && box.width > 300 && box.height > 100, JSON.stringify(box));
    await page.emulateMedia({ media: "print", colorScheme });
    const ink = await page.evaluate(() => getComputedStyle(document.body).color);
    assert.equal(ink, "rgb(0, 0, 0)", "black on white on paper");
    const pdf = await page.pdf({ format: "A4" });
    assert.ok(pdf.length > 20_000);
    assert.deepEqual(seen, []);
    assert.deepEqual(requests.filter((url) => url !== address && !url.startsWith("data:")), []);
    await context.close();
  }
});

test("a result from elsewhere is brought in by its file", async () => {
  const [id] = saved();
  const visitor = await visit(browser, `${lab.url}/runs`);
  visitor.expectComplaint(/422 \(Unprocessable/);
  const field = visitor.page.locator("#bring");
  await field.setInputFiles({ name: "x.json", mimeType: "application/json", buffer: Buffer.from("{}") });
  await visitor.page.getByText("this file: it is neither a run nor an experiment").waitFor();
  await field.setInputFiles(path.join(data, "runs", `${id}.json`));
  await visitor.page.getByRole("heading", { name: /3 lanes, 10\/s, 60 B/ }).waitFor();
  await visitor.finish();
});

test("a run gets a name and a note, and each lane is drawn in its own colour and dash", async () => {
  const [id] = saved();
  const visitor = await visit(browser, `${lab.url}/runs/${id}`);
  const { page } = visitor;
  const sse = page.locator('.report .line[data-lane="sse"]:not(.predicted)').first();
  assert.equal(await sse.getAttribute("stroke-dasharray"), "9 3 2 3");
  const colours = await page.evaluate(() => ["sse", "websocket"].map((lane) => getComputedStyle(/** @type {Element} */ (document.querySelector(`.report .line[data-lane="${lane}"]`))).stroke));
  assert.deepEqual(colours, ["rgb(0, 120, 91)", "rgb(36, 99, 192)"]);
  await page.getByText("Name, note, delete").click();
  await page.getByLabel("Name", { exact: true }).fill("Monday's <b>class</b>");
  await page.getByLabel("Note").fill("Thirty phones\nand one projector");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { level: 1, name: "Monday's <b>class</b>" }).waitFor();
  await page.getByText("and one projector").first().waitFor();
  await page.goto(`${lab.url}/runs`);
  await page.getByRole("link", { name: "Monday's <b>class</b>" }).waitFor();
  assert.deepEqual(await violations(page), []);
  await visitor.finish();
});

test("a run is deleted, asked first, by keyboard; a visitor cannot", async () => {
  const before = saved();
  const guest = await visit(browser, `${lab.url}/runs`, { visitor: true });
  const button = guest.page.getByRole("row").filter({ hasText: "half a run" }).locator("[data-delete]");
  await guest.page.locator('body[data-unlocked="false"]').waitFor();
  assert.equal(await button.evaluate((/** @type {HTMLElement} */ element) => element.inert), true);
  const answer = await fetch(`${lab.url}/api/runs/saved/${before[0]}`, { method: "DELETE" });
  assert.equal(answer.status, 403);
  await answer.body?.cancel();
  await guest.finish();
  const visitor = await visit(browser, `${lab.url}/runs`);
  const { page } = visitor;
  const remove = page.getByRole("button", { name: /^Delete Monday/ });
  await remove.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Enter"); // the harmless button has the focus
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.deepEqual(saved(), before);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).focus();
  await Promise.all([page.waitForEvent("load"), page.keyboard.press("Enter")]);
  assert.equal(saved().length, before.length - 1);
  assert.equal(await page.getByRole("link", { name: /Monday/ }).count(), 0);
  await visitor.finish();
});

/** Ids of the runs that this test made. */
function saved() {
  return readdirSync(path.join(data, "runs")).filter((name) => /^2.*\.json$/.test(name)).map((name) => name.slice(0, -5));
}

async function violations(page) {
  const axe = new AxeBuilder({ page }).options({ preload: false }).withTags(WCAG_22_AA);
  const { violations: found } = await axe.analyze();
  return found.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")}: ${failureSummary}`));
}
