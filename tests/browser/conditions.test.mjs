// The conditions page, as somebody uses it: a preset on some lanes, conditions built from fields, refusals in words,
// clearing; and the marks that the compare page and the chat show meanwhile.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { launchChromium } from "./chromium.mjs";
import { AS_PRESENTER, startLab } from "./lab.mjs";
import { LANES, visit } from "./visit.mjs";

/** @type {import("./lab.mjs").Lab} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  lab = await startLab([], { log: "conditions" });
  browser = await launchChromium();
});
afterEach(() => fetch(`${lab.url}/api/conditions/all`, { method: "DELETE", headers: AS_PRESENTER }));
after(async () => {
  await browser?.close();
  await lab?.stop();
});

/** What the lab says of a lane. @param {string} lane */
async function holds(lane) {
  const { lanes } = await (await fetch(`${lab.url}/api/conditions/${lane}`)).json();
  return lanes[0].conditions;
}

async function open() {
  const visitor = await visit(browser, `${lab.url}/conditions`);
  await visitor.page.getByText("No lane is under conditions.").waitFor();
  return visitor;
}

/** @param {import("playwright-core").Page} page  @param {string} lane */
const row = (page, lane) => page.getByRole("row", { name: new RegExp(LANES[lane].replace(".", "\\.")) });

test("a preset is put on chosen lanes, shown, and cleared", async () => {
  const { page, finish } = await open();
  await page.getByRole("checkbox", { name: "Server-sent events" }).check({ force: true });
  await page.getByRole("checkbox", { name: "WebSocket", exact: true }).check({ force: true });
  assert.equal(await page.locator("[data-now]").isVisible(), false, "no row says that there is nothing to say");
  await page.getByRole("radio", { name: /^train tunnel/ }).check({ force: true });
  await page.getByText("train tunnel is latency down=30ms").waitFor();
  assert.equal(await page.getByLabel(/^Conditions, as plans/).inputValue(), "train tunnel");
  await page.getByRole("button", { name: "Put into effect" }).click();
  await page.getByText("In effect: Server-sent events, WebSocket.").waitFor();
  await page.getByText(`2 of ${Object.keys(LANES).length} lanes are under conditions: Server-sent events, WebSocket.`).waitFor();
  await row(page, "sse").getByText("tunnel away=2s every=15s").waitFor();
  assert.equal(await row(page, "long-poll").isVisible(), false, "only what is under conditions has a row");
  assert.equal((await holds("websocket")).text, "train tunnel");
  assert.equal(await holds("long-poll"), null);
  await page.getByRole("button", { name: "Clear Server-sent events" }).click();
  await page.getByText(`1 of ${Object.keys(LANES).length} lanes is under conditions: WebSocket.`).waitFor();
  await page.getByRole("button", { name: "Clear all lanes" }).click();
  await page.getByText("No lane is under conditions.").waitFor();
  assert.equal(await holds("websocket"), null);
  await finish();
});

test("on a phone the action is in view before and after choosing, and comes before any explanation", async () => {
  const visitor = await visit(browser, `${lab.url}/conditions`, { viewport: { width: 360, height: 740 } });
  const { page } = visitor;
  const action = page.getByRole("button", { name: "Put into effect" });
  await page.getByRole("radio", { name: /^deploy now/ }).waitFor({ state: "attached" });
  const inView = () => action.evaluate((button) => {
    const { top, bottom } = button.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  });
  assert.ok(await inView());
  // By keyboard alone: what has the focus is never under the bar of the action.
  const first = page.getByRole("checkbox").first();
  await first.focus();
  await page.keyboard.press("Space");
  await page.getByRole("radio", { name: /^train tunnel/ }).focus();
  await page.keyboard.press("Space");
  assert.ok(await inView());
  await action.focus();
  await page.keyboard.press("Enter");
  await page.getByText(/^In effect: /).waitFor();
  const order = await page.evaluate(() => {
    const [form, what] = [document.querySelector("[data-form]"), document.querySelector("#what-title")];
    return (form?.compareDocumentPosition(/** @type {Node} */ (what)) ?? 0) & Node.DOCUMENT_POSITION_FOLLOWING;
  });
  assert.notEqual(order, 0);
  await visitor.finish();
});

test("conditions are built from fields and sliders, and the text says them", async () => {
  const { page, finish } = await open();
  await page.getByText("Or build your own").click();
  await page.getByRole("checkbox", { name: "latency", exact: true }).check();
  await page.getByLabel(/^down 0s to 1m/).fill("80ms");
  await page.getByRole("checkbox", { name: "tunnel", exact: true }).check();
  await page.getByLabel(/^existing/).selectOption("silent");
  const text = page.getByLabel(/^Conditions, as plans/);
  assert.equal(await text.inputValue(), "latency down=80ms up=50ms jitter=10ms + tunnel away=2s every=15s existing=silent");
  const slider = page.getByRole("slider", { name: "latency down, slider" });
  await slider.focus();
  await slider.press("Home");
  assert.match(await text.inputValue(), /^latency down=0s up=50ms/);
  await page.getByRole("button", { name: "All lanes", exact: true }).click();
  await page.getByLabel("Seed").fill("42");
  await page.getByRole("button", { name: "Put into effect" }).click();
  await page.getByText("Every lane is under conditions.").waitFor();
  const { text: said, seed } = await holds("socketio-polling");
  assert.deepEqual([said, seed], ["latency down=0s up=50ms jitter=10ms + tunnel away=2s every=15s existing=silent", 42]);
  await finish();
});

test("a text that is none is refused in words", async () => {
  const { page, finish, expectComplaint } = await open();
  expectComplaint(/400 \(Bad Request\)/);
  await page.getByRole("checkbox", { name: "Server-sent events" }).check({ force: true });
  await page.getByText("Or build your own").click();
  await page.getByLabel(/^Conditions, as plans/).fill("latency down=9h");
  await page.getByRole("button", { name: "Put into effect" }).click();
  await page.getByText('latency down is "9h"; choose 0s to 1m').waitFor();
  assert.equal(await holds("sse"), null);
  await finish();
});

test("the compare page and the chat mark a lane that is under conditions", async () => {
  await fetch(`${lab.url}/api/conditions/sse`, { method: "PUT", headers: AS_PRESENTER, body: JSON.stringify({ conditions: "other continent" }) });
  const compare = await visit(browser, `${lab.url}/compare`);
  await compare.page.getByRole("link", { name: "Network conditions: other continent" }).waitFor();
  await compare.finish();
  const chat = await visit(browser, `${lab.url}/chat?room=lobby&transport=sse`);
  const mark = chat.page.getByRole("link", { name: "Network conditions: other continent" });
  await mark.waitFor();
  await fetch(`${lab.url}/api/conditions/sse`, { method: "DELETE", headers: AS_PRESENTER });
  await mark.waitFor({ state: "hidden" });
  await chat.finish();
});

test("a lab on one port says that it has none", async () => {
  const single = await startLab(["--single-port"], { log: "conditions-single" });
  const visitor = await visit(browser, `${single.url}/conditions`);
  await visitor.page.getByText("Start it without --single-port").waitFor();
  assert.ok(await visitor.page.getByRole("button", { name: "Put into effect" }).isDisabled());
  await visitor.finish();
  await single.stop();
});
