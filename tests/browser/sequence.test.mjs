// The sequence of the compare page, over every lane: arrows whose two ends were measured, by the page and by the lab; a held
// question, an empty poll, conditions as a cloud; stepping, putting back, slow motion, all of it
// by keyboard and with reduced motion. The official libraries run over what notes the page's instants.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import { launchChromium } from "./chromium.mjs";
import { AS_PRESENTER, startLab } from "./lab.mjs";
import { LANES, LANES_BY_PORT, visit } from "./visit.mjs";

/** @type {import("./lab.mjs").Lab} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  lab = await startLab([], { log: "sequence" });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

/** @param {string[]} lanes @param {{query?: Record<string, string>, options?: object}} [more] */
async function openSequence(lanes, { query = {}, options = {} } = {}) {
  const asked = new URLSearchParams({ view: "sequence", rate_per_s: "4", poll_interval_ms: "250", warmup_s: "1", lanes: lanes.join(","), ...query });
  const visitor = await visit(browser, `${lab.url}/compare?${asked}`, options);
  const { page } = visitor;
  await page.locator('[data-wire-notice="sequence"]').getByRole("button", { name: "Start" }).click();
  const column = (/** @type {string} */ lane) => page.locator(`.sequence-column[data-lane="${lane}"]`);
  return {
    ...visitor,
    column,
    arrows: (/** @type {string} */ lane) => column(lane).locator("[data-arrow]"),
    button: (/** @type {string} */ name) => page.locator(".sequence-controls").getByRole("button", { name, exact: true }),
    says: page.locator("[data-sequence-says]"),
    choice: (/** @type {string} */ lane) => page.locator(`[data-sequence-lanes] input[value="${lane}"]`),
    scrub: page.getByRole("slider", { name: "Back over the last minute" }),
    /** Waits for arrows of a lane whose text is so. */
    has: (/** @type {string} */ lane, /** @type {RegExp} */ text, n = 1) => page.waitForFunction(([of, source, least]) =>
      [...document.querySelectorAll(`.sequence-column[data-lane="${of}"] [data-arrow]`)].filter((each) => new RegExp(String(source)).test(each.getAttribute("aria-label") ?? "")).length >= Number(least), /** @type {const} */ ([lane, text.source, n])),
    /** What the arrows of a lane say. */
    said: (/** @type {string} */ lane) => column(lane).locator("[data-arrow]").evaluateAll((all) => all.map((each) => each.getAttribute("aria-label") ?? "")),
  };
}

/** One end only. */
const ONE_END = /the page has not noted it|the lab has not told of it/;

for (let from = 0; from < LANES_BY_PORT.length; from += 3) {
  const three = LANES_BY_PORT.slice(from, from + 3);
  test(`both ends of what brings events are measured: ${three.join(", ")}`, async () => {
    const { page, has, said, column, button, says, finish } = await openSequence(three);
    for (const lane of three) {
      await column(lane).waitFor();
      await has(lane, /server to browser, .*event/, 4);
    }
    await button("Hold the picture").click();
    for (const lane of three) {
      const events = (await said(lane)).filter((text) => /server to browser, .*event/.test(text));
      assert.deepEqual(events.filter((text) => ONE_END.test(text)), [], `${lane}: every event has both ends`);
      for (const text of events) assert.match(text, /on its way: (less than the clock can tell|[\d.,]+ m?s ±|cannot be told: the lab noted it)/, lane);
    }
    const sentence = await says.textContent() ?? "";
    for (const lane of three) assert.ok(sentence.includes(LANES[lane]), `${sentence} names ${lane}`);
    // The table says the same.
    const rows = page.locator(".sequence-table tbody tr");
    assert.ok(await rows.count() > 5);
    await finish();
  });
}

test("an empty poll is grey, a held question a bar", async () => {
  const { page, arrows, column, says, button, finish } = await openSequence(["short-poll", "long-poll", "websocket"], { query: { rate_per_s: "0.5", poll_interval_ms: "200" } });
  await arrows("short-poll").and(page.locator(".is-empty")).first().waitFor({ state: "attached" });
  await column("long-poll").locator(".sequence-held rect").first().waitFor({ state: "attached" });
  await column("long-poll").getByText("held", { exact: true }).first().waitFor({ state: "attached" });
  await page.waitForFunction(() => /Short polling asked \d+ times, (\d+|always) in vain.*WebSocket (carried|said)/.test(document.querySelector("[data-sequence-says]")?.textContent ?? ""));
  await button("Hold the picture").click();
  assert.match(await says.textContent() ?? "", /^In the .* before the lower edge/);
  // A long poller's very first question is answered at once, and with nothing, too.
  const empty = page.locator(".sequence-table tr.is-empty").filter({ hasText: "Short polling" });
  assert.match(await empty.first().textContent() ?? "", /empty answer: 200 OK|GET \/short-poll/);
  assert.match(await page.locator(".sequence-table").textContent() ?? "", /holds the question/);
  await finish();
});

test("by keyboard: arrow to arrow, an arrow's bytes, step, put back, slow motion", async () => {
  const { page, has, button, arrows, scrub, finish } = await openSequence(["websocket"]);
  await has("websocket", /event/, 6);
  // The picture is its one tab stop, and runs on; an arrow that has the focus stands still.
  await page.locator(".sequence-picture").focus();
  await button("Hold the picture").waitFor();
  await page.keyboard.press("ArrowUp");
  await button("Go on").waitFor();
  await page.getByText("held while an arrow has the focus").waitFor();
  // What came since the last drawing is taken in by the pause.
  await page.keyboard.press("End");
  const label = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
  const last = await label();
  await page.keyboard.press("ArrowUp");
  const before = await label();
  assert.notEqual(before, last);
  await page.keyboard.press("ArrowDown");
  assert.equal(await label(), last);
  await page.keyboard.press("Home");
  assert.notEqual(await label(), last);
  await page.keyboard.press("End");
  assert.equal(await label(), last);

  const at = async () => Number(await scrub.inputValue());
  await button("Step back").focus();
  const stood = await at();
  for (let i = 0; i < 3; i += 1) await page.keyboard.press("Enter");
  assert.ok(await at() < stood, "a step back is a step back");
  await scrub.focus();
  await page.keyboard.press("Home");
  assert.equal(await at(), 0);
  assert.match(await scrub.getAttribute("aria-valuetext") ?? "", /s before the newest$/);
  await button("Newest").focus();
  await page.keyboard.press("Enter");
  await button("Hold the picture").waitFor();
  assert.equal(await scrub.getAttribute("aria-valuetext"), "the newest");
  await button("Slow motion ×10").focus();
  await page.keyboard.press("Enter");
  assert.equal(await button("Slow motion ×10").getAttribute("aria-pressed"), "true");
  assert.equal(await page.getByLabel("Time shown").inputValue(), "1");
  await page.waitForFunction(() => /^[1-9]/.test(document.querySelector("[data-sequence-at]")?.textContent ?? ""));
  await button("Newest").click();
  assert.equal(await page.getByLabel("Time shown").inputValue(), "10");

  await arrows("websocket").last().focus();
  await page.keyboard.press("Enter");
  await page.getByRole("tab", { name: "Bytes", exact: true, selected: true }).waitFor();
  await finish();
});

test("lanes side by side and time shown are in the address, and are as it says", async () => {
  const { page, choice, column, finish } = await openSequence(["short-poll", "sse", "websocket"], { query: { seq_lanes: "websocket", seq_s: "3" } });
  await column("websocket").waitFor();
  assert.equal(await page.locator(".sequence-column").count(), 1);
  assert.equal(await page.getByLabel("Time shown").inputValue(), "3");
  await choice("sse").check({ force: true });
  await page.getByLabel("Time shown").selectOption("30");
  await page.waitForFunction(() => /seq_lanes=websocket,sse&seq_s=30$/.test(location.search));
  await finish();
});

test("with reduced motion nothing moves by itself; a step goes on", async () => {
  const { page, has, button, scrub, finish } = await openSequence(["sse"], { options: { reducedMotion: "reduce" } });
  await page.getByText("Nothing moves by itself here").waitFor();
  assert.equal(await page.locator('[data-sequence-do="play"]').isVisible(), false);
  await page.waitForTimeout(3000);
  await button("Newest").click();
  await has("sse", /event/, 2);
  const moved = () => page.locator(".sequence-picture > g").last().getAttribute("transform");
  const stood = await moved();
  await page.waitForTimeout(2500);
  assert.equal(await moved(), stood);
  assert.match(await scrub.getAttribute("aria-valuetext") ?? "", /before the newest/);
  await button("Step").click();
  assert.notEqual(await moved(), stood);
  await finish();
});

test("conditions are a cloud with their text, from when they hold", async () => {
  const { page, column, has, expectComplaint, finish } = await openSequence(["sse", "websocket"]);
  expectComplaint(/WebSocket|ERR_/);
  await has("websocket", /event/, 2);
  assert.equal(await column("websocket").locator(".sequence-band").count(), 0);
  const put = await fetch(`${lab.url}/api/conditions/websocket`, { method: "PUT", headers: { "content-type": "application/json", ...AS_PRESENTER }, body: JSON.stringify({ conditions: "latency down=150ms", seed: 1 }) });
  assert.equal(put.status, 200);
  await column("websocket").getByText("latency down=150ms").first().waitFor();
  await column("websocket").locator(".sequence-band").waitFor({ state: "attached" });
  // The instant is the lab's own, not when this page heard of it.
  const { lanes: [held] } = await (await fetch(`${lab.url}/api/conditions/websocket`)).json();
  assert.ok(Math.abs(Number(await column("websocket").locator(".sequence-band").getAttribute("data-from-us")) - held.conditions.since_us) < 1000);
  assert.equal(await column("sse").locator(".sequence-band").count(), 0);
  // Slower than any clock is wrong by.
  await has("websocket", /server to browser, .*event.*on its way: 1[4-9]\d ms ±/);
  await fetch(`${lab.url}/api/conditions/all`, { method: "DELETE", headers: AS_PRESENTER });
  await page.waitForFunction(() => document.querySelector('.sequence-column[data-lane="websocket"] .sequence-under')?.textContent === "");
  assert.match(await column("websocket").locator(".sequence-band title").textContent() ?? "", /lifted at the pale end \(± /);
  await finish();
});

test("what notes the page's instants changes nothing: constructors, constants, instanceof, names, what is thrown and handed back", async () => {
  const { page, expectComplaint, finish } = await visit(browser, `${lab.url}/compare`);
  expectComplaint(/404/);
  const told = await page.evaluate(async ([ws, sse, module]) => {
    const before = { WebSocket, EventSource, XMLHttpRequest, Response, ReadableStream };
    const { watch, observed, unwatch } = await import(module);
    watch([ws, sse]);
    const same = Object.entries(before).filter(([name, one]) => Reflect.get(globalThis, name) !== one).map(([name]) => name);
    const thrown = [() => new WebSocket("nonsense:"), () => new XMLHttpRequest().send(), () => Reflect.apply(WebSocket.prototype.send, {}, [])].map((each) => {
      try { each(); return ""; } catch (error) { return error instanceof Error || error instanceof DOMException ? error.name : "?"; }
    });
    const socket = new WebSocket(`${ws.replace("http", "ws")}/ws/observed`);
    const isOwn = socket instanceof WebSocket && socket instanceof EventTarget && socket.constructor === WebSocket && WebSocket.OPEN === 1 && socket.CLOSING === 2;
    const greeted = await new Promise((resolve) => { socket.onmessage = ({ data }) => resolve(typeof data); });
    const handler = typeof socket.onmessage;
    socket.close();
    const source = new EventSource(`${sse}/sse/observed`);
    await new Promise((resolve) => { source.addEventListener("subscribed", resolve, { once: true }); });
    source.close();
    const answer = await fetch(`${ws}/none/observed`);
    const body = await answer.json().then(() => "read", () => "failed");
    const again = await answer.json().then(() => "read", ({ name }) => name);
    unwatch();
    await fetch(`${ws}/none/later`);
    return { same, thrown, isOwn, greeted, handler, state: source.readyState, names: [fetch.name, fetch.length, WebSocket.prototype.send.name, XMLHttpRequest.prototype.open.length], body, again,
      noted: observed().map(({ kind, target, messages, firstMs, endMs }) => [kind, target, messages.length, firstMs !== null, endMs !== null]) };
  }, [lab.lanes.websocket, lab.lanes.sse, "/static/js/compare/wire/observed.js"]);
  assert.deepEqual(told, {
    same: [], thrown: ["SyntaxError", "InvalidStateError", "TypeError"], isOwn: true, greeted: "string", handler: "function", state: 2, names: ["fetch", 1, "send", 2], body: "read", again: "TypeError",
    noted: [["websocket", "/ws/observed", 1, true, true], ["eventsource", "/sse/observed", 1, true, true], ["fetch", "/none/observed", 0, true, true]],
  });
  await finish();
});

test("one lane at 360 px, three at 1280; no rule of axe is broken, and nothing scrolls sideways", async () => {
  for (const { width, most, colorScheme } of [{ width: 1280, most: 3, colorScheme: "light" }, { width: 360, most: 1, colorScheme: "dark" }]) {
    const { page, choice, has, finish } = await openSequence(["short-poll", "long-poll", "sse", "websocket"], { options: { viewport: { width, height: 800 }, colorScheme } });
    await page.locator(".sequence-column").first().waitFor();
    assert.equal(await page.locator(".sequence-column").count(), most);
    await choice("websocket").check({ force: true });
    assert.equal(await page.locator(".sequence-column").count(), most);
    await has("websocket", /event/, 2);
    await page.locator('[data-sequence-do="play"]').click();
    const { violations } = await new AxeBuilder({ page }).options({ preload: false }).include("#view-sequence").analyze();
    assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(" | ")}`), []);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    await finish();
  }
});
