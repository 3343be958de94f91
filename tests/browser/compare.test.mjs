// The compare page: all lanes in one tab, from Start to Reset, and the results that
// leave it by the clipboard.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "./chromium.mjs";
import { startLab } from "./lab.mjs";
import { LANES, LANES_BY_PORT, visit } from "./visit.mjs";

const ENOUGH = 20; // publications on every lane

/** @type {import("./lab.mjs").Lab} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  lab = await startLab([], { log: "compare" });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

/** The compare page with a quick run set: ten a second, polls five times a second, one second of warm-up.
 * @param {string[]} [lanes] */
async function openCompare(lanes = Object.keys(LANES)) {
  const visitor = await visit(browser, `${lab.url}/compare`, { permissions: ["clipboard-read", "clipboard-write"] });
  const { page } = visitor;
  const settings = { "Event rate, per second": "10", "Short polling asks every, ms": "200", "Warm-up, s": "1" };
  for (const [label, value] of Object.entries(settings)) await page.getByLabel(label).fill(value);
  const choice = (lane) => page.getByRole("checkbox", { name: LANES[lane], exact: true });
  for (const lane of Object.keys(LANES)) await choice(lane).setChecked(lanes.includes(lane), { force: true });
  const table = (caption) => page.getByRole("table", { name: caption });
  const cell = (caption, lane, column) => table(caption).getByRole("row")
    .filter({ has: page.getByRole("rowheader", { name: LANES[lane], exact: true }) }).locator("td").nth(column);
  const number = async (locator) => Number((await locator.textContent()).replaceAll(",", ""));
  return {
    ...visitor,
    choice,
    run: (name) => page.getByRole("button", { name, exact: true }),
    isPhase: (phase) => page.locator('[data-show="phase"]').filter({ hasText: new RegExp(`^${phase}$`) }).waitFor(),
    table,
    /** n of "received" @param {string} lane */
    received: (lane) => number(cell(/How late/, lane, 0)),
    /** @param {string} lane @returns delivered, expected, on the way, missing, duplicates, out of order */
    delivery: async (lane) => {
      const [delivered, expected, onTheWay, missing, duplicates, outOfOrder] =
        await Promise.all([0, 1, 2, 3, 4, 5].map((column) => number(cell(/What arrived/, lane, column))));
      return { delivered, expected, onTheWay, missing, duplicates, outOfOrder };
    },
    /** Waits until every lane has received some. @param {number} n */
    receives: (n) => page.waitForFunction((enough) => {
      const rows = [.../** @type {HTMLTableElement} */ (document.querySelectorAll("table.results")[0]).tBodies[0].rows].filter((row) => !row.hidden);
      return rows.length > 0 && rows.every((row) => Number(row.cells[1].textContent.replaceAll(",", "")) >= enough);
    }, n),
    /** @param {"CSV" | "JSON"} format */
    copies: async (format) => {
      await page.evaluate(() => navigator.clipboard.writeText(""));
      await page.getByRole("button", { name: `Copy as ${format}` }).click();
      await page.waitForFunction(async () => (await navigator.clipboard.readText()) !== "");
      return page.evaluate(() => navigator.clipboard.readText());
    },
  };
}

test("a run: all lanes fill the table, a pause settles it, Continue goes on, Reset empties it", async () => {
  const compare = await openCompare();
  assert.equal(await compare.run("Pause").isDisabled(), true);
  await compare.run("Start").click();
  await compare.isPhase("warm-up");
  await compare.isPhase("measuring");
  await compare.receives(ENOUGH);
  assert.equal(await compare.page.locator("[data-lane-cards] canvas").count(), Object.keys(LANES).length);

  await compare.run("Pause").click();
  await compare.isPhase("paused");
  for (const lane of Object.keys(LANES)) {
    const { delivered, expected, ...faults } = await compare.delivery(lane);
    assert.ok(expected >= ENOUGH, `${lane}: ${expected} expected`);
    assert.equal(delivered, expected, `${lane}: everything the source published has arrived`);
    assert.deepEqual(faults, { onTheWay: 0, missing: 0, duplicates: 0, outOfOrder: 0 }, lane);
  }

  const before = await compare.received("sse");
  await compare.run("Continue").click();
  await compare.isPhase("measuring");
  await compare.receives(before + 10);
  await compare.run("Reset").click();
  await compare.isPhase("ready");
  assert.ok(Number.isNaN(await compare.received("sse")), "the table is empty again");
  assert.equal(await compare.run("Reset").isDisabled(), true);
  await compare.finish();
});

test("the result leaves as JSON and as CSV, with what is needed to judge it", async () => {
  const compare = await openCompare();
  await compare.run("Start").click();
  await compare.isPhase("measuring");
  await compare.receives(ENOUGH);
  await compare.run("Pause").click();
  await compare.isPhase("paused");

  const result = JSON.parse(await compare.copies("JSON"));
  assert.deepEqual(result.lanes.map(({ lane }) => lane), LANES_BY_PORT);
  assert.equal(result.settings.rate_per_s, 10);
  assert.ok(result.fairness.length > 0 && result.fairness.every((line) => typeof line === "string"));
  for (const figures of result.lanes) {
    assert.ok(figures.received_n >= ENOUGH, `${figures.lane}: received ${figures.received_n}`);
    assert.ok(figures.painted_n > 0, `${figures.lane}: painted`);
    assert.ok(figures.written_n > 0, `${figures.lane}: the server's own figure`);
    assert.equal(figures.down_payload_bytes, 60, `${figures.lane}: payload of every publication`);
    assert.ok(figures.wire_bytes > figures.down_payload_bytes + figures.down_envelope_bytes, `${figures.lane}: overhead`);
  }
  const by = Object.fromEntries(result.lanes.map((figures) => [figures.lane, figures]));
  assert.equal(by.websocket.requests_per_publication < 0.2, true, "a WebSocket needs no request per publication");
  assert.ok(by["long-poll"].up_http_headers_bytes > by.websocket.up_http_headers_bytes);
  assert.ok(by["short-poll"].received_p50_ms > by.sse.received_p50_ms, "news waits for the next question");

  // What theory says of these settings: a question every 200 ms at 10 per second, on a round trip of its own.
  const halfATrip = by.websocket.predicted_p50_ms;
  assert.ok(halfATrip > 0 && halfATrip < 100, `a stream only travels: ${halfATrip}`);
  assert.ok(Math.abs(by["short-poll"].predicted_p50_ms - 100 - halfATrip) < 0.01, "half an interval, then the way");
  assert.equal(by["short-poll"].predicted_requests_per_publication, 0.5);
  assert.equal(by["socketio-websocket"].predicted_requests_per_publication, 0);

  const lines = (await compare.copies("CSV")).trimEnd().split("\r\n");
  const [head, ...rows] = lines.filter((line) => !line.startsWith("#"));
  assert.deepEqual(rows.map((row) => row.split(",")[0]), LANES_BY_PORT);
  const column = head.split(",").indexOf("received_n");
  assert.deepEqual(rows.map((row) => Number(fields(row)[column])), result.lanes.map((figures) => figures.received_n));
  assert.ok(lines.some((line) => line.startsWith("# fairness: ")));
  await compare.finish();
});

/** A line of CSV: commas inside quotes part nothing. @param {string} row */
function fields(row) {
  return row.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/);
}

test("only the lanes that were chosen run, and one at least has to", async () => {
  const compare = await openCompare(["sse", "socketio-polling"]);
  const cards = compare.page.locator(".lane-card:visible");
  await compare.run("Start").click();
  await compare.isPhase("measuring");
  await compare.receives(5);
  assert.deepEqual(await cards.getByRole("heading").allTextContents(), [LANES.sse, LANES["socketio-polling"]]);
  await cards.getByText("Socket.IO packet").waitFor();
  await compare.choice("sse").uncheck({ force: true });
  await compare.isPhase("warm-up");
  assert.equal(await cards.count(), 1);
  await compare.choice("socketio-polling").click({ force: true });
  await compare.page.getByText("At least one lane has to run.").waitFor();
  assert.equal(await compare.choice("socketio-polling").isChecked(), true);
  await compare.run("Reset").click();
  await compare.finish();
});

test("before anything is chosen, the plain transports run and each library at its best", async () => {
  const visitor = await visit(browser, `${lab.url}/compare`);
  const chosen = await visitor.page.locator('input[name="lane"]:checked').evaluateAll((inputs) => inputs.map((input) => /** @type {HTMLInputElement} */ (input).value));
  assert.deepEqual(chosen, ["short-poll", "long-poll", "sse", "websocket", "channels", "socketio-websocket"]);
  await visitor.finish();
});

test("a column head sorts the lanes, both ways", async () => {
  const compare = await openCompare();
  await compare.run("Start").click();
  await compare.isPhase("measuring");
  await compare.receives(ENOUGH);
  await compare.run("Pause").click();
  await compare.isPhase("paused");
  const table = compare.table(/What arrived/);
  const head = table.locator("th[aria-sort]").filter({ hasText: /^requests$/ });
  const column = async () => {
    const texts = await table.locator("tbody tr td:nth-of-type(7)").allTextContents();
    return texts.map((text) => Number(text.replaceAll(",", "")));
  };
  await head.getByRole("button").click();
  assert.equal(await head.getAttribute("aria-sort"), "ascending");
  const ascending = await column();
  assert.ok((ascending.at(-1) ?? NaN) > 0, `${ascending}: polling asks`);
  assert.deepEqual(ascending, ascending.toSorted((a, b) => a - b));
  await head.getByRole("button").click();
  assert.equal(await head.getAttribute("aria-sort"), "descending");
  assert.deepEqual(await column(), ascending.toReversed());
  await compare.finish();
});

test("a changed setting starts a new run, and an experiment brings its own settings", async () => {
  const compare = await openCompare();
  await compare.run("Start").click();
  await compare.isPhase("measuring");
  await compare.page.getByLabel("Payload size, bytes").fill("500");
  await compare.page.keyboard.press("Tab");
  await compare.isPhase("warm-up");
  await compare.isPhase("measuring");
  await compare.receives(5);
  await compare.run("Pause").click();
  await compare.isPhase("paused");
  const result = JSON.parse(await compare.copies("JSON"));
  for (const figures of result.lanes) assert.equal(figures.down_payload_bytes, 500, figures.lane);

  await compare.run("A burst").click();
  await compare.isPhase("measuring");
  await compare.receives(100);
  assert.equal(await compare.page.getByLabel("Event rate, per second").inputValue(), "50");
  assert.equal(await compare.run("A burst").getAttribute("aria-pressed"), "true");
  await compare.finish();
});
