// The compare page: all lanes in one tab, from the guess to the answer, and what leaves it: the result by the
// clipboard, the whole set-up by its address.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "./chromium.mjs";
import { startLab } from "./lab.mjs";
import { LANES, LANES_BY_PORT, visit } from "./visit.mjs";

const ENOUGH = 20; // publications on every lane
const FIRST = ["short-poll", "long-poll", "sse", "websocket", "channels", "socketio-websocket"];

/** @type {import("./lab.mjs").Lab} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
/** Every row that can be compared, as the lab has it. @type {{lane: string, fetching: string, lab_part: string}[]} */
let compared = [];
before(async () => {
  lab = await startLab([], { log: "compare" });
  browser = await launchChromium();
  const { lanes, variants } = await (await fetch(`${lab.url}/api/lab`)).json();
  compared = [
    ...lanes.filter((each) => "fetching" in each),
    ...variants.map((each) => ({ ...lanes.find(({ lane }) => lane === each.lane), ...each, lane: each.row })),
  ];
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

/** Ten a second, polls five times a second, one second of warm-up. */
const QUICK = { rate_per_s: "10", poll_interval_ms: "200", warmup_s: "1" };

/** The compare page with a quick run set by its address.
 * @param {string[]} [lanes]
 * @param {{query?: Record<string, string>, options?: object, prepare?: (context: import("playwright-core").BrowserContext) => Promise<unknown>}} [more] */
async function openCompare(lanes = Object.keys(LANES), { query = {}, options = {}, prepare } = {}) {
  const asked = new URLSearchParams({ ...QUICK, lanes: lanes.join(","), ...query });
  const visitor = await visit(browser, `${lab.url}/compare?${asked}`, { permissions: ["clipboard-read", "clipboard-write"], ...options }, prepare);
  const { page } = visitor;
  const tab = (name) => page.getByRole("tab", { name, exact: true }).click();
  const number = async (locator) => Number((await locator.textContent()).replaceAll(",", ""));
  // Tables are of the tab "All figures"; on another one nobody sees them, and so no role finds them.
  const table = (caption) => page.getByRole("table", { name: caption, includeHidden: true });
  const cell = (caption, lane, column) => table(caption).getByRole("row", { includeHidden: true })
    .filter({ has: page.getByRole("rowheader", { name: LANES[lane], exact: true, includeHidden: true }) }).locator("td").nth(column);
  return {
    ...visitor,
    tab,
    table,
    run: (name) => page.getByRole("button", { name, exact: true }),
    isPhase: (phase) => page.locator(`[data-compare][data-phase="${phase}"]`).waitFor(),
    answer: page.locator("[data-answer]"),
    /** A lane's row on the stage. @param {string} lane */
    row: (lane) => page.locator(`tbody[data-lane="${lane}"]`),
    rows: () => page.locator("tbody.stage-row:visible").evaluateAll((rows) => rows.map((row) => /** @type {HTMLElement} */ (row).dataset.lane)),
    choice: (lane) => page.getByRole("checkbox", { name: LANES[lane], exact: true }),
    address: () => new URL(page.url()).searchParams,
    /** Waits until the address has a value. @param {string} name @param {string|null} value */
    isInAddress: (name, value) => page.waitForFunction(([key, wanted]) => new URLSearchParams(location.search).get(String(key)) === wanted, [name, value]),
    /** @param {string} lane @returns delivered, expected, on the way, missing, duplicates, out of order */
    delivery: async (lane) => {
      const [delivered, expected, onTheWay, missing, duplicates, outOfOrder] =
        await Promise.all([0, 1, 2, 3, 4, 5].map((column) => number(cell(/What arrived/, lane, column))));
      return { delivered, expected, onTheWay, missing, duplicates, outOfOrder };
    },
    /** Waits until every row of the stage has so many delivered. @param {number} n */
    receives: (n) => page.waitForFunction((enough) => {
      const cells = [...document.querySelectorAll("tbody.stage-row:not([hidden]) .cell-delivered .stage-number")];
      return cells.length > 0 && cells.every((each) => Number(each.textContent.replaceAll(",", "")) >= enough);
    }, n),
    /** @param {"CSV" | "JSON"} format */
    copies: async (format) => {
      await tab("Export");
      await page.evaluate(() => navigator.clipboard.writeText(""));
      await page.getByRole("button", { name: `Copy as ${format}` }).click();
      await page.waitForFunction(async () => (await navigator.clipboard.readText()) !== "");
      return page.evaluate(() => navigator.clipboard.readText());
    },
  };
}

test("a run: all lanes fill the stage, a pause settles it, Continue goes on, Reset empties it", async () => {
  const compare = await openCompare();
  assert.equal(await compare.run("Pause").count(), 0, "there is nothing to pause yet");
  await compare.run("Start").click();
  await compare.isPhase("warm-up");
  await compare.isPhase("measuring");
  await compare.receives(ENOUGH);
  // By port at first; from the first figures on the rows move to their places by delay.
  assert.deepEqual((await compare.rows()).toSorted(), LANES_BY_PORT.toSorted());
  assert.equal(await compare.page.locator(".stage-row:visible canvas.delay-strip").count(), Object.keys(LANES).length);
  await compare.row("sse").locator(".cell-strip").getByRole("img", { name: /half of them within .*, the slowest after/ }).waitFor();

  await compare.run("Pause").click();
  await compare.isPhase("paused");
  await compare.tab("All figures");
  for (const lane of Object.keys(LANES)) {
    const { delivered, expected, ...faults } = await compare.delivery(lane);
    assert.ok(expected >= ENOUGH, `${lane}: ${expected} expected`);
    assert.equal(delivered, expected, `${lane}: everything the source published has arrived`);
    assert.deepEqual(faults, { onTheWay: 0, missing: 0, duplicates: 0, outOfOrder: 0 }, lane);
  }

  const { delivered } = await compare.delivery("sse");
  await compare.tab("Stage");
  await compare.run("Continue").click();
  await compare.isPhase("measuring");
  await compare.receives(delivered + 10);
  await compare.run("Reset").click();
  await compare.isPhase("ready");
  assert.equal(await compare.run("Reset").count(), 0);
  await compare.tab("All figures");
  await compare.page.getByText("None yet: the figures of a run").waitFor();
  await compare.tab("Stage");
  await compare.run("Start again").waitFor();
  await compare.finish();
});

test("with the keyboard alone: Start, Pause, Start again, Reset; what takes a button's place has the focus", async () => {
  const compare = await openCompare(["websocket"]);
  const { page } = compare;
  const standsOn = (name) => page.waitForFunction((wanted) => document.activeElement?.textContent === wanted, name);
  await compare.run("Start").focus();
  await page.keyboard.press("Enter");
  await standsOn("Pause");
  // While it still connects, Pause is of no effect, and no harm. In one step, since soon it has one.
  await page.evaluate(() => {
    const pause = document.activeElement;
    if (pause instanceof HTMLElement && pause.ariaDisabled === "true") pause.click();
  });
  await compare.isPhase("measuring");
  await compare.receives(3);
  await page.keyboard.press("Enter");
  await compare.isPhase("paused");
  await standsOn("Continue");
  await page.keyboard.press("Tab");
  await standsOn("Start again");
  await page.keyboard.press("Enter");
  await compare.isPhase("warm-up");
  await standsOn("Pause");
  await compare.run("Reset").focus();
  await page.keyboard.press("Enter");
  await compare.isPhase("ready");
  await standsOn("Start again");
  await page.keyboard.press("Enter");
  await compare.isPhase("warm-up");
  await compare.run("Reset").click();
  await compare.finish();
});

// What a browser's requests add to the closed form of polls is their heads, and nothing else. They are computed here from
// what Chromium says it sent and got: request line and status line, every field with its ": " and CRLF, the empty line.

/** @param {{name: string, value: string}[]} fields */
const fieldsBytes = (fields) => fields.reduce((sum, { name, value }) => sum + name.length + value.length + 4, 2);
/** @param {import("playwright-core").Request} request @returns {Promise<number>} bytes of both heads */
async function headsOf(request) {
  const answer = await request.response();
  if (answer === null) return NaN;
  const { pathname, search } = new URL(request.url());
  const lines = `${request.method()} ${pathname}${search} HTTP/1.1\r\n`.length + `HTTP/1.1 ${answer.status()} ${answer.statusText()}\r\n`.length;
  return lines + fieldsBytes(await request.headersArray()) + fieldsBytes(await answer.headersArray());
}

test("bytes of each publication are the closed form's: of streams to the byte, of polls but for the browser's own heads", async () => {
  const fetchedBy = (how) => compared.filter(({ fetching }) => fetching === how).map(({ lane }) => lane);
  const [streams, held] = [fetchedBy("stream"), fetchedBy("held_polls")];
  // At even distances, and measured while positions have two digits, as the closed form has them.
  const query = { rate_per_s: "4", schedule: "periodic", warmup_s: "3" };
  const compare = await openCompare(["short-poll", ...held, ...streams], { query });
  /** Heads of the requests that named a position of two digits. @type {Record<string, Promise<number>[]>} */
  const heads = { "short-poll": [], "long-poll": [] };
  compare.page.on("requestfinished", (request) => {
    const lane = Object.keys(heads).find((name) => request.url().startsWith(lab.lanes[name]));
    if (lane !== undefined && /offset=\d\d&/.test(request.url())) heads[lane].push(headsOf(request));
  });
  const asked = new URLSearchParams({ rate_per_s: "4", schedule: "periodic", poll_interval_ms: "200", hold_ms: "25000", round_trip_us: "400", size_bytes: "60" });
  const { predicted } = await (await fetch(`${lab.url}/api/predictions?${asked}`)).json();
  const formOf = (lane) => predicted.find((form) => form.lane === lane);
  const headersOf = (f) => f.up_http_headers_bytes + f.down_http_headers_bytes;

  await compare.run("Start").click();
  await compare.isPhase("measuring");
  await compare.receives(ENOUGH);
  await compare.run("Pause").click();
  await compare.isPhase("paused");
  const by = Object.fromEntries(JSON.parse(await compare.copies("JSON")).lanes.map((f) => [f.lane, f]));

  for (const lane of streams) {
    const f = by[lane];
    const form = formOf(lane).bytes_per_publication;
    assert.equal(f.predicted_bytes, form, `${lane}: the page has the same`);
    // A machine that stood still puts two publications into one chunk, which has one head of 5 or 6 bytes less.
    const less = Math.round((form - f.counted_bytes) * f.server_delivered);
    const merged = Math.ceil(less / 6);
    const isChunked = !/websocket|actix-ws|^channels$|^channels-resume$/.test(lane);
    assert.ok(less === 0 || (isChunked && less >= 5 * merged && merged < f.server_delivered / 2), `${lane}: ${f.counted_bytes} counted, ${form} by the form`);
  }
  // What stands around an empty answer of polls in the plain envelope. An answer with two publications has one fewer, and at
  // either end of the measured time there may be an answer whose question is not in it.
  const WRAPPER = 66;
  for (const lane of ["short-poll", ...held]) {
    const [f, form] = [by[lane], formOf(lane)];
    const wrapper = lane in heads ? WRAPPER : 0;
    const more = f.requests_per_publication - form.requests_per_publication;
    const [counted, expected] = [f.counted_bytes - headersOf(f), form.bytes_per_publication - form.header_bytes + more * wrapper];
    assert.ok(Math.abs(counted - expected) < 1.5 + (2 * wrapper) / f.server_delivered, `${lane}: but for heads ${counted}, by the form ${expected}`);
    assert.equal(f.predicted_bytes_is, "at_least");
  }
  for (const lane of Object.keys(heads)) {
    const f = by[lane];
    const sizes = await Promise.all(heads[lane]);
    const head = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
    const counted = headersOf(f) / f.requests_per_publication;
    assert.ok(Math.abs(counted - head) < 2 + head / f.requests, `${lane}: ${counted} B of heads a request, Chromium says ${head}`);
    assert.ok(head > formOf(lane).header_bytes / formOf(lane).requests_per_publication, `${lane}: the lab's own client has shorter ones`);
  }
  await compare.finish();
});

test("a row opens to what the lab adds there, and to what theory says: a value with what it may be off, or a bound", async () => {
  const compare = await openCompare(["websocket", "channels"]);
  await compare.run("Start").click();
  await compare.isPhase("measuring");
  await compare.receives(5);
  for (const lane of ["websocket", "channels"]) {
    const row = compare.row(lane);
    await row.locator(".row-toggle").click();
    const said = await row.locator(".lab-part").textContent();
    assert.equal(said, compared.find((each) => each.lane === lane)?.lab_part, lane);
    await row.locator(".foretold dd").first().filter({ hasText: /\d/ }).waitFor();
    const [half, tail] = await row.locator(".foretold dd").allTextContents();
    assert.match(half, /^(\d[\d.,]* m?s ± \d[\d.,]* m?s|≥ \d[\d.,]* m?s)$/);
    assert.match(tail, /^≥ \d[\d.,]* m?s$/);
  }
  await compare.row("websocket").locator(".foretold").getByText("220 B", { exact: true }).waitFor();
  assert.doesNotMatch(await compare.page.locator("main").innerText(), /[+−-]\d+ ?%/);
  await compare.run("Reset").click();
  await compare.finish();
});

test("before the first event the head says what is waited for, and what asking has cost", async () => {
  const compare = await openCompare(["short-poll", "websocket"], { query: { rate_per_s: "0.1", schedule: "periodic" } });
  await compare.run("Start").click();
  await compare.answer.filter({ hasText: /^Measuring\. Waiting for the first event: one comes every 10 s\. Short polling has asked \d+ times? meanwhile and spent [\d,.]+ (B|KiB) on that\.$/ }).waitFor();
  await compare.run("Reset").click();
  await compare.finish();
});

test("a key of the address that is spelt another way is named with the right one; what resembles none is let be", async () => {
  const visitor = await visit(browser, `${lab.url}/compare?rate=0.2&Poll_Interval=100&lanse=sse&utm_source=mail`);
  const notes = visitor.page.getByRole("list", { name: "What this address asks for" }).getByRole("listitem");
  await notes.first().waitFor();
  assert.deepEqual((await notes.allTextContents()).map((text) => text.match(/It is spelt (\S+)\.$/)?.[1]), ["rate_per_s=0.2", "poll_interval_ms=100", "lanes=sse"]);
  await visitor.finish();
});

test("the home page leads to each example, set up and not started", async () => {
  const visitor = await visit(browser, lab.url);
  const { page } = visitor;
  const links = page.getByRole("main").getByRole("link", { name: /^(rare events|a burst|a big payload)$/ });
  assert.equal(await links.count(), 3);
  await page.getByRole("link", { name: "a burst" }).click();
  await page.getByRole("radio", { name: /^A burst/, checked: true }).waitFor();
  await visitor.finish();
});

test("the result leaves as JSON and as CSV, with what is needed to judge it", async () => {
  const compare = await openCompare(undefined, { query: { guess: "3" } });
  await compare.run("Start").click();
  await compare.isPhase("measuring");
  await compare.receives(ENOUGH);
  await compare.run("Pause").click();
  await compare.isPhase("paused");

  const result = JSON.parse(await compare.copies("JSON"));
  assert.deepEqual(result.lanes.map(({ lane }) => lane), LANES_BY_PORT);
  assert.equal(result.settings.rate_per_s, 10);
  assert.equal(result.guess, "3");
  assert.match(result.question, /short polling/);
  assert.match(result.address, /rate_per_s=10/);
  assert.ok(result.fairness.length > 0 && result.fairness.every((line) => typeof line === "string"));
  for (const figures of result.lanes) {
    assert.ok(figures.received_n >= ENOUGH, `${figures.lane}: received ${figures.received_n}`);
    assert.ok(figures.painted_n > 0, `${figures.lane}: painted`);
    assert.ok(figures.written_n > 0, `${figures.lane}: the server's own figure`);
    assert.equal(figures.down_payload_bytes, 60, `${figures.lane}: payload of every publication`);
    assert.ok(figures.wire_bytes > figures.down_payload_bytes + figures.down_protocol_bytes + figures.down_lab_bytes, `${figures.lane}: overhead`);
  }
  const by = Object.fromEntries(result.lanes.map((figures) => [figures.lane, figures]));
  assert.equal(by.websocket.requests_per_publication < 0.2, true, "a WebSocket needs no request per publication");
  assert.ok(by["long-poll"].up_http_headers_bytes > by.websocket.up_http_headers_bytes);
  assert.ok(by["short-poll"].received_p50_ms > by.sse.received_p50_ms, "news waits for the next question");

  // What theory says of these settings: a question every 200 ms at 10 per second, on the way and on what the machine took
  // in the warm-up of this run.
  // A page that stood still in its warm-up has learnt nothing, and says so by a bound.
  const learnt = result.lanes.filter((figures) => figures.lane !== "short-poll" && figures.predicted_p50_is === "value");
  for (const figures of learnt) assert.ok(figures.predicted_p50_off_ms > 0 && figures.predicted_p50_off_ms < figures.predicted_p50_ms, `${figures.lane}: off by less than it is`);
  const quickest = Math.min(...(learnt.length > 0 ? learnt : result.lanes.filter(({ lane }) => lane !== "short-poll")).map((figures) => figures.predicted_p50_ms));
  assert.ok(Math.abs(by["short-poll"].predicted_p50_ms - 100 - quickest) < 0.01, "half an interval, then as long as the quickest takes");
  for (const figures of result.lanes) {
    assert.equal(figures.predicted_p99_is, figures.lane === "short-poll" ? "value" : "at_least", `${figures.lane}: a tail is no matter of its middle`);
  }
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
  await compare.run("Start").click();
  await compare.isPhase("measuring");
  await compare.receives(5);
  assert.deepEqual(await compare.rows(), ["sse", "socketio-polling"]);
  await compare.row("socketio-polling").getByRole("button", { name: LANES["socketio-polling"] }).click();
  await compare.page.getByText("Socket.IO packet").waitFor();
  await compare.run("Settings").click();
  await compare.choice("sse").uncheck({ force: true });
  await compare.isPhase("warm-up");
  assert.deepEqual(await compare.rows(), ["socketio-polling"]);
  await compare.choice("socketio-polling").click({ force: true });
  await compare.page.getByText("At least one lane has to run.").waitFor();
  assert.equal(await compare.choice("socketio-polling").isChecked(), true);
  await compare.run("Done").click();
  await compare.run("Reset").click();
  await compare.finish();
});

test("before anything is chosen, the plain transports run and each library at its best", async () => {
  const visitor = await visit(browser, `${lab.url}/compare`);
  const chosen = await visitor.page.locator('input[name="lane"]:checked').evaluateAll((inputs) => inputs.map((input) => /** @type {HTMLInputElement} */ (input).value));
  assert.deepEqual(chosen, FIRST);
  assert.equal(new URL(visitor.page.url()).search, "", "an address that nobody set stays as it is");
  await visitor.finish();
});

test("a column head sorts the lanes, both ways", async () => {
  const compare = await openCompare();
  await compare.run("Start").click();
  await compare.isPhase("measuring");
  await compare.receives(ENOUGH);
  await compare.run("Pause").click();
  await compare.isPhase("paused");
  await compare.tab("All figures");
  const table = compare.table(/What arrived/);
  const head = table.locator("th[aria-sort]").filter({ hasText: /^requests$/ });
  const column = async () => {
    const texts = await table.locator("tbody tr:not([hidden]) td:nth-of-type(7)").allTextContents();
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

test("a changed setting starts a new run", async () => {
  const compare = await openCompare();
  await compare.run("Start").click();
  await compare.isPhase("measuring");
  await compare.run("Settings").click();
  await compare.page.getByLabel("Payload size, bytes").fill("500");
  await compare.page.keyboard.press("Tab");
  await compare.isPhase("warm-up");
  await compare.page.keyboard.press("Escape");
  await compare.isPhase("measuring");
  await compare.receives(5);
  await compare.run("Pause").click();
  await compare.isPhase("paused");
  const result = JSON.parse(await compare.copies("JSON"));
  for (const figures of result.lanes) assert.equal(figures.down_payload_bytes, 500, figures.lane);
  assert.equal(compare.address().get("size_bytes"), "500");
  await compare.finish();
});

test("an example brings its settings and its question; the guess stays beside what came out", async () => {
  const compare = await openCompare(FIRST);
  const { page } = compare;
  await page.getByRole("radio", { name: /^A burst/ }).check();
  await compare.isInAddress("rate_per_s", "50");
  await page.getByLabel("Which lane spends the fewest bytes on one event?").selectOption("WebSocket");
  await compare.isInAddress("guess", "websocket");
  await page.getByRole("radio", { name: /^Big payload/ }).check();
  await page.getByLabel("How many times the bytes of a WebSocket does short polling spend on each event?").fill("12");
  await compare.run("Settings").click();
  await page.getByLabel("Warm-up, s").fill("1");
  await compare.run("Done").click();
  await compare.run("Start").click();
  await page.getByText(/^You guessed: 12 times a WebSocket\. It is .* times\.$/).waitFor();
  await page.getByText("Big payload · 2/s Poisson · 4 KiB · polls every 500 ms").waitFor();
  await compare.run("Reset").click();
  await compare.finish();
});

test("an address sets the page up and starts nothing; every setting comes back in it", async () => {
  const all = {
    rate_per_s: "0.5", size_bytes: "100", poll_interval_ms: "250", hold_ms: "5000", seed: "7", warmup_s: "2", schedule: "periodic",
    lanes: "short-poll,websocket", payloads: '{"a":1}\n[2]', guess: "45", view: "fair", projector: "1",
  };
  const visitor = await visit(browser, `${lab.url}/compare?${new URLSearchParams(all)}`);
  const { page } = visitor;
  await page.getByRole("heading", { name: "Why this is a fair comparison" }).waitFor();
  assert.equal(await page.locator("html").getAttribute("data-view"), "projector");
  assert.equal(await page.locator('[data-show="phase"]').textContent(), "ready");
  const asked = () => Object.fromEntries(new URL(page.url()).searchParams);
  // Something changes, and changes back: the page writes what it has understood.
  await page.getByRole("switch", { name: "Projector" }).uncheck({ force: true });
  await page.waitForFunction(() => !location.search.includes("projector"));
  await page.getByRole("switch", { name: "Projector" }).check({ force: true });
  await page.waitForFunction(() => location.search.includes("projector"));
  assert.deepEqual(asked(), all);
  await visitor.finish();
});

test("what an address cannot have is said, and is as the page starts", async () => {
  const visitor = await visit(browser, `${lab.url}/compare?rate_per_s=9999&lanes=nix,sse&schedule=often&view=nowhere&guess=many&payloads=%7Bhalf&warmup_s=`);
  const { page } = visitor;
  const notes = page.getByRole("list", { name: "What this address asks for" });
  for (const name of ["rate_per_s=9999", "lanes=nix,sse", "schedule=often", "view=nowhere", "guess=many", "payloads={half", "warmup_s="]) {
    await notes.getByRole("listitem").filter({ hasText: name }).waitFor();
  }
  await page.getByText("Own settings · 4/s Poisson · 60 B · 1 lane").waitFor();
  await page.getByRole("button", { name: "Start", exact: true }).waitFor();
  await visitor.finish();
});

test("run=1 starts in the presenter's browser, and in no other", async () => {
  const presenter = await openCompare(["websocket"], { query: { run: "1" } });
  await presenter.isPhase("measuring");
  await presenter.run("Reset").click();
  await presenter.finish();
  const visitor = await openCompare(["websocket"], { query: { run: "1" }, options: { visitor: true } });
  await visitor.page.locator('body[data-unlocked="false"]').waitFor();
  await visitor.isPhase("ready");
  await visitor.finish();
});

test("tabs are tabs: one stop, arrows move and choose, each has an address", async () => {
  const compare = await openCompare(["sse"]);
  const { page } = compare;
  const tabs = page.getByRole("tab");
  assert.deepEqual(await tabs.allTextContents(), ["Stage", "Race", "Sequence", "Bytes", "All figures", "Why this is fair", "Export"]);
  await tabs.first().focus();
  await page.keyboard.press("ArrowRight");
  await compare.isInAddress("view", "race");
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Race");
  await page.keyboard.press("End");
  await page.getByRole("heading", { name: "Take it along" }).waitFor();
  await page.keyboard.press("ArrowRight");
  await compare.isInAddress("view", null);
  await page.keyboard.press("Tab");
  assert.notEqual(await page.evaluate(() => document.activeElement?.getAttribute("role")), "tab", "the others are no stops");
  await compare.finish();
});

test("a stream for which the browser has no connection left says so, and has lost nothing", async () => {
  const compare = await openCompare(["sse", "websocket"], {
    prepare: async (context) => {
      // As six other tabs would: each keeps one of the connections that a browser opens to one address.
      const other = await context.newPage();
      await other.goto(lab.url);
      await other.evaluate((url) => Promise.all(Array.from({ length: 6 }, () => new Promise((resolve) => {
        new EventSource(`${url}/sse/held`).addEventListener("open", resolve);
      }))), lab.lanes.sse);
    },
  });
  await compare.run("Start").click();
  await compare.isPhase("measuring");
  await compare.row("sse").getByText(/Did not open: a browser keeps at most 6 HTTP\/1\.1 connections.*Not counted as losses/).waitFor();
  await compare.page.waitForFunction(() => Number(document.querySelector('[data-lane="websocket"] .cell-delivered .stage-number')?.textContent) >= 10);
  await compare.tab("All figures");
  const { delivered, missing, onTheWay } = await compare.delivery("sse");
  assert.deepEqual([delivered, missing, onTheWay].map(String), ["0", "NaN", "NaN"], "neither lost nor on its way");
  assert.equal(await compare.page.getByText(/Server-sent events has lost/).count(), 0);
  await compare.tab("Stage");
  await compare.run("Reset").click();
  await compare.finish();
});

test("the answer's sentence stands first; rows take its order when it holds, and not under the keyboard", async () => {
  const order = ["websocket", "short-poll", "sse"];
  const compare = await openCompare(["short-poll", "sse", "websocket"], {
    options: { reducedMotion: "reduce" },
    prepare: (context) => context.route("**/api/answer", (route) => {
      const { load, lanes } = route.request().postDataJSON();
      const isWhole = load.rate_per_s === 10 && load.poll_interval_ms === 200 && lanes.every(({ figures }) => figures.bytes_per_publication?.value > 60);
      return route.fulfill({ json: { sentence: isWhole ? "One sentence made from the figures." : "not asked as agreed", about: "bytes_per_publication", order } });
    }),
  });
  await compare.run("Start").click();
  await compare.answer.filter({ hasText: "One sentence made from the figures." }).waitFor();
  await compare.row("sse").getByRole("button", { name: LANES.sse }).focus();
  for (let asked = 0; asked < 4; asked += 1) await compare.page.waitForResponse("**/api/answer");
  assert.deepEqual(await compare.rows(), ["short-poll", "sse", "websocket"], "somebody is in a row");
  await compare.run("Pause").focus();
  await compare.page.waitForFunction((wanted) => [...document.querySelectorAll("tbody.stage-row:not([hidden])")].map((row) => /** @type {HTMLElement} */ (row).dataset.lane).join() === wanted, order.join());
  await compare.run("Reset").click();
  await compare.finish();
});

for (const { name, viewport, lanes, projector, row } of [
  { name: "six rows fit 1280 × 800", viewport: { width: 1280, height: 800 }, lanes: FIRST, projector: "", row: 56 },
  { name: "nine rows fit 1920 × 1080, projected", viewport: { width: 1920, height: 1080 }, lanes: Object.keys(LANES).slice(0, 9), projector: "1", row: 72 },
]) {
  test(`${name}, the answer above them, and nothing moves sideways`, async () => {
    const compare = await openCompare(lanes, { query: { guess: "10", ...(projector && { projector }) }, options: { viewport } });
    const isSeen = (locator) => locator.evaluate((node) => node.getBoundingClientRect().bottom <= innerHeight && node.getBoundingClientRect().top >= 0);
    assert.ok(await isSeen(compare.run("Start")), "Start is on the first screen");
    await compare.run("Start").click();
    await compare.receives(5);
    assert.ok(await isSeen(compare.answer));
    const boxes = await compare.page.locator("tbody.stage-row:visible").evaluateAll((rows) => rows.map((each) => each.getBoundingClientRect()).map(({ height, bottom }) => [Math.round(height), Math.round(bottom)]));
    for (const [height] of boxes) assert.ok(Math.abs(height - row) <= 6, `${height} px`);
    assert.ok((boxes.at(-1)?.[1] ?? NaN) <= viewport.height, `the last row ends at ${boxes.at(-1)?.[1]} px`);
    const figure = await compare.row("websocket").locator(".cell-median .stage-number").evaluate((node) => parseFloat(getComputedStyle(node).fontSize));
    assert.ok(figure >= (projector ? 40 : 24) - 0.1, `figures of ${figure} px`);
    assert.equal(await compare.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0);
    await compare.run("Reset").click();
    await compare.finish();
  });
}

test("at 320 px rows are stacks, and nothing scrolls sideways", async () => {
  const compare = await openCompare(FIRST, { options: { viewport: { width: 320, height: 640 } } });
  await compare.run("Start").click();
  await compare.receives(5);
  await compare.row("long-poll").getByRole("button", { name: LANES["long-poll"] }).click();
  await compare.row("long-poll").getByText(/^Latency over the last minute of/).waitFor();
  assert.equal(await compare.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0);
  await compare.run("Reset").click();
  await compare.finish();
});

test("messages of one's own are sent in turn; one that is no JSON is named by its line", async () => {
  const compare = await openCompare(["websocket", "sse"]);
  const { page } = compare;
  await compare.run("Settings").click();
  const box = page.getByLabel(/Your own messages/);
  await box.fill('{"user":"ada"}\nnot json');
  await page.getByText(/Line 2 is no JSON value/).waitFor();
  await box.fill('{"user":"ada","text":"hello"}\n{"user":"bo","text":"yes"}');
  await page.getByText(/is no JSON value/).waitFor({ state: "hidden" });
  await compare.run("Done").click();
  await page.getByText("2 own messages").waitFor();
  await compare.run("Start").click();
  await compare.isPhase("measuring");
  await compare.receives(ENOUGH);
  await compare.run("Pause").click();
  await compare.isPhase("paused");
  const result = JSON.parse(await compare.copies("JSON"));
  for (const { lane, down_payload_bytes: bytes } of result.lanes) assert.ok(bytes > 26 && bytes < 60, `${lane}: ${bytes} bytes of its own`);
  assert.equal(compare.address().get("payloads"), '{"user":"ada","text":"hello"}\n{"user":"bo","text":"yes"}');
  await compare.finish();
});
