// What pages do where something is not as it should be: an application's server publishes on the lab's own channels, a stranger
// posts to its webhooks, the code of a transport does not come. A page says what is wrong, and goes on with the rest.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "./chromium.mjs";
import { AS_PRESENTER, startLab } from "./lab.mjs";
import { LANES, visit } from "./visit.mjs";

/** @type {import("./lab.mjs").Lab} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  lab = await startLab([], { log: "faults" });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

/** As the demo application's server: who has its secret, as the presenter has. @param {string} channel @param {unknown} data */
async function trigger(channel, data) {
  const body = JSON.stringify({ name: "tick", channel, data: JSON.stringify(data) });
  const answer = await fetch(`${lab.url}/api/apps/demo/trigger`, { method: "POST", headers: AS_PRESENTER, body });
  assert.equal(answer.status, 200, await answer.text());
}

/** A context in which the code of one lane never comes. @param {string} file */
const without = (file) => (/** @type {import("playwright-core").BrowserContext} */ context) =>
  context.route(`**/static/js/transports/${file}`, (route) => route.abort());

test("what an application's server publishes on the dashboard's channels is left out, and breaks no connection; strangers publish nothing there", async () => {
  const { page, finish } = await visit(browser, `${lab.url}/dashboard?transport=short-poll`);
  const state = page.locator('[data-show="state"]');
  await state.filter({ hasText: /^open$/ }).waitFor();
  await page.waitForFunction(() => /\d/.test(document.querySelector('[data-show="market-n"]')?.textContent ?? ""));
  await page.evaluate(() => {
    const node = /** @type {HTMLElement} */ (document.querySelector('[data-show="state"]'));
    new MutationObserver(() => { document.title = `was ${node.textContent}`; }).observe(node, { childList: true, characterData: true, subtree: true });
  });
  const title = await page.title();
  for (const data of [null, 7, "text", [], {}, { quotes: [null] }, { quotes: [{ symbol: "X", price: "1" }] }, { cpu_percent: 3, load: null }, { cpu_percent: ["x"], load: [] }]) {
    await trigger("cache-dashboard-host", data);
    await trigger("cache-dashboard-market", data);
  }
  for (const channel of ["cache-dashboard-host", "cache-dashboard-market"]) {
    const refused = await fetch(`${lab.url}/api/channels/${channel}/publications`, { method: "POST", body: '{"event":"tick","data":1}' });
    assert.equal(refused.status, 403);
  }
  // Behind all of them: the lab's own next ones are shown.
  for (const name of ["market-n", "host-age"]) {
    const before = await page.locator(`[data-show="${name}"]`).textContent();
    await page.waitForFunction(([sought, known]) => document.querySelector(`[data-show="${sought}"]`)?.textContent !== known, [name, before]);
  }
  await page.locator("[data-quotes] tr").nth(1).waitFor();
  assert.equal(await page.title(), title, "the state of the connection changed");
  await finish();
});

test("a webhook with an event of nothing is listed like any other", async () => {
  const answer = await fetch(`${lab.url}/pusher/webhooks/1`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-pusher-key": "k", "x-pusher-signature": "s" },
    body: JSON.stringify({ time_ms: Date.now(), events: [null, { channel: "c" }] }),
  });
  assert.ok(answer.status >= 400, "nobody signed it");
  const { page, finish } = await visit(browser, `${lab.url}/console`);
  await page.locator("[data-webhooks] details").filter({ hasText: "refused" }).first().waitFor();
  await finish();
});

test("a chat whose transport cannot be loaded says so, and another transport works", async () => {
  const visitor = await visit(browser, `${lab.url}/chat?transport=sse`, {}, without("sse.js"));
  visitor.expectComplaint(/sse\.js/);
  const { page } = visitor;
  await page.locator("#state").filter({ hasText: /^closed$/ }).waitFor();
  await page.locator("#trouble").filter({ hasText: "the server does not answer" }).waitFor();
  await page.locator("#transport").selectOption("websocket");
  await page.locator("#state").filter({ hasText: /^open$/ }).waitFor();
  await visitor.finish();
});

test("so does a dashboard", async () => {
  const visitor = await visit(browser, `${lab.url}/dashboard?transport=sse`, {}, without("sse.js"));
  visitor.expectComplaint(/sse\.js/);
  const { page } = visitor;
  await page.getByText(/The code of this transport did not come/).waitFor();
  await page.getByRole("radio", { name: LANES.websocket, exact: true }).check({ force: true });
  await page.locator('[data-show="state"]').filter({ hasText: /^open$/ }).waitFor();
  await visitor.finish();
});

test("the recovery page says that its clients did not come", async () => {
  const visitor = await visit(browser, `${lab.url}/recovery`, {}, without("channels.js"));
  visitor.expectComplaint(/channels\.js/);
  await visitor.page.locator('[data-show="says"]').filter({ hasText: "could not be loaded" }).waitFor();
  await visitor.finish();
});
