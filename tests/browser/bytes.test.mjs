// The tab Bytes of the compare page: one exchange with what every byte is. Against a tap that is made up
// (tap-fixture.mjs) for what no run brings on demand, and against the lab's own over every lane.

import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "./chromium.mjs";
import { startLab } from "./lab.mjs";
import { withTap } from "./tap-fixture.mjs";
import { LANES, visit } from "./visit.mjs";

const WCAG_22_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** @type {import("./lab.mjs").Lab} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  lab = await startLab([], { log: "bytes" });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

/** @param {{query?: Record<string, string>, options?: object, prepare?: (context: import("playwright-core").BrowserContext) => Promise<unknown>, view?: string}} [how] */
async function open({ query = {}, options = {}, prepare, view = "bytes" } = {}) {
  const asked = new URLSearchParams({ warmup_s: "1", lanes: "short-poll,websocket", view, ...query });
  const visitor = await visit(browser, `${lab.url}/compare?${asked}`, { permissions: ["clipboard-read", "clipboard-write"], ...options }, prepare);
  const panel = visitor.page.locator("#view-bytes");
  return {
    ...visitor,
    panel,
    button: (name) => panel.getByRole("button", { name, exact: true }),
    sentence: panel.locator("[data-bytes-sentence]"),
    detail: panel.locator("[data-bytes-detail]"),
    parts: panel.locator(".wire-part"),
    says: (pattern) => panel.locator("[data-bytes-sentence]").filter({ hasText: pattern }).waitFor(),
    // By key: rows that come above it move it away from under a pointer.
    lane: (label) => panel.getByRole("radio", { name: label, exact: true }).press("Space"),
    item: (pattern) => panel.locator(".wire-item").filter({ hasText: pattern }).first().locator("input").check(),
    /** With the made-up tap: until its newest poll is shown. */
    begin: async () => {
      await panel.getByRole("button", { name: "Start", exact: true }).click();
      await panel.locator(".wire-part").first().waitFor();
    },
    /** Headers that the browser or the server has added, one by one. */
    unfold: async () => {
      while (await panel.locator(".wire-fold").count() > 0) await panel.locator(".wire-fold").first().click();
    },
  };
}

/** What is in the table: of each unit its own size, and the sum of its rows. */
const tableSums = (panel) => panel.locator("table").evaluate((table) => [...table.tBodies].map((body) => {
  const numbers = [...body.rows].map((row) => Number(row.cells[1]?.textContent.replaceAll(",", "") ?? 0) || 0);
  return { size: numbers[0], sum: numbers.slice(1).reduce((sum, one) => sum + one, 0) };
}));

const sideways = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

describe("a made-up tap", () => {
  test("before Start one sentence says what to do; from then on the newest event's bytes are there", async () => {
    const bytes = await open({ prepare: withTap });
    await bytes.panel.getByText("The bytes of one exchange stand here").waitFor();
    await bytes.begin();
    await bytes.page.locator('[data-compare][data-phase="measuring"]').waitFor();
    assert.equal(await bytes.page.getByRole("tab", { name: "Bytes" }).getAttribute("aria-selected"), "true", "Start stays here");
    assert.match(String(await bytes.sentence.textContent()), /^Short polling: of the 4\d\d bytes of this exchange, 58 are your data; headers are \d+ %\.$/);
    assert.equal(await bytes.panel.locator(".wire-fold").innerText(), "3 headers the browser added · show");
    await bytes.unfold();
    assert.equal(await bytes.page.evaluate(() => document.activeElement?.textContent?.startsWith("Host: ")), true, "who opened them stands at the first");
    await bytes.panel.getByText("40 B hidden: cookie").waitFor();
    await bytes.panel.getByText("12 older messages of this one are gone").waitFor();
    for (const { size, sum } of await tableSums(bytes.panel)) assert.equal(sum, size);
    await bytes.panel.getByText(/^Model: compressed .*, what came down would be \d+ B instead of \d+ B, before framing\./).waitFor();
    await bytes.item("nothing new");
    await bytes.says(/spent \d+ bytes to learn that there was nothing new/);
    await bytes.button("Newest event").click();
    await bytes.says(/58 are your data/);
    assert.equal(await bytes.panel.locator(".wire-fold").count(), 0, "once open, open");
    await bytes.finish();
  });

  test("with the keyboard alone: from Start to a part, what it is, and along the parts", async () => {
    const bytes = await open({ prepare: withTap, options: { reducedMotion: "reduce" } });
    const { page } = bytes;
    await bytes.button("Start").focus();
    await page.keyboard.press("Enter");
    await bytes.parts.first().waitFor();
    await page.waitForFunction(() => document.activeElement?.textContent === "Pause");
    await bytes.panel.locator(".wire-fold").focus();
    await page.keyboard.press("Enter");
    assert.equal(await bytes.panel.locator('.wire-part[tabindex="0"]').count(), 1, "one tab stop");
    await bytes.parts.first().focus();
    await bytes.panel.locator('.wire-part[tabindex="0"]').focus();
    const told = async () => (await bytes.detail.innerText()).split("\n")[0];
    const walked = [await told()];
    for (const key of ["ArrowRight", "ArrowDown", "ArrowDown", "ArrowUp", "End", "Home", "ArrowLeft"]) {
      await page.keyboard.press(key);
      walked.push(await told());
    }
    assert.deepEqual(walked, ["method", "path", "header Host", "header User-Agent", "header Host", "end", "method", "method"]);
    await bytes.detail.getByText("RFC 9110 §9.3.1").waitFor();
    await page.keyboard.press("Enter");
    assert.equal(await bytes.panel.locator('.wire-part[aria-pressed="true"]').count(), 1);
    await bytes.parts.nth(3).hover();
    assert.equal(await told(), "method", "what is held stays");
    await page.keyboard.press("Escape");
    await bytes.parts.nth(4).hover();
    assert.equal(await told(), "header User-Agent");
    // The list is radio buttons: one tab stop, arrows choose.
    await bytes.panel.locator('input[name="bytes-item"]:checked').focus();
    await page.keyboard.press("ArrowDown");
    await bytes.says(/nothing new/);
    await bytes.finish();
  });

  test("covered, only the payload is there, and the count is held against the guess", async () => {
    const bytes = await open({ prepare: withTap });
    await bytes.begin();
    const total = Number(/of the (\d+) bytes/.exec(String(await bytes.sentence.textContent()))?.[1]);
    await bytes.panel.getByRole("switch", { name: "Cover all but your data" }).check();
    assert.equal(await bytes.parts.count(), 1);
    assert.doesNotMatch(await bytes.panel.innerText(), /\d B\b/, "no size is left to read it from");
    await bytes.panel.getByLabel("How many bytes are under it?").fill("10");
    await bytes.page.keyboard.press("Enter");
    await bytes.panel.getByText(`${total - 68} too few: there are ${total - 58} bytes under it, you said 10`).waitFor();
    assert.ok(await bytes.parts.count() > 5);
    await bytes.finish();
  });

  test("frames: bits as boxes, masked and compressed bytes opened, a string in a string, hostile text as text", async () => {
    const bytes = await open({ prepare: withTap });
    await bytes.begin();
    await bytes.lane("WebSocket");
    await bytes.says(/^WebSocket: of the .* bytes of this frame/);
    await bytes.panel.getByText("157 B written as a string → read back, 141 B:").waitFor();
    await bytes.panel.locator(".wire-box").filter({ hasText: "Socket.IO packet type 2: event" }).waitFor();
    await bytes.panel.locator(".wire-field").filter({ hasText: "opcode" }).filter({ hasText: "1 text" }).waitFor();
    assert.equal(await bytes.panel.locator("img").count(), 0);
    assert.notEqual(await bytes.page.title(), "owned");
    await bytes.panel.getByText("⟨U+202E⟩").waitFor();
    await bytes.item("event 3");
    await bytes.panel.getByText("28 B compressed → inflated, 141 B:").waitFor();
    await bytes.says(/of the 30 bytes of this frame, 28 are your data, 93 %/);
    await bytes.item(/↑ text frame/);
    await bytes.panel.getByText("2 B masked → unmasked:").waitFor();
    await bytes.item("handshake");
    await bytes.says(/none are your data, and they are spent once for each connection/);
    await bytes.finish();
  });

  test("16 KiB are shown in part, and all of them when asked for", async () => {
    const bytes = await open({ prepare: withTap });
    await bytes.begin();
    await bytes.lane("WebSocket");
    await bytes.item("event 4");
    const length = () => bytes.panel.locator("[data-bytes-wire]").evaluate((wire) => wire.textContent.length);
    const more = bytes.panel.getByRole("button", { name: /^Show all 16\.\d KiB$/ });
    await more.waitFor();
    assert.ok(await length() < 2600, String(await length()));
    await more.click();
    assert.ok(await length() > 16_384, String(await length()));
    assert.equal(await more.count(), 0);
    await bytes.finish();
  });

  test("copied as hexadecimal, saved as pcap and as HAR", async () => {
    const bytes = await open({ prepare: withTap });
    await bytes.begin();
    await bytes.button("Copy as hex").click();
    await bytes.page.waitForFunction(async () => (await navigator.clipboard.readText()).includes("47 45 54 20"));
    const copied = await bytes.page.evaluate(() => navigator.clipboard.readText());
    assert.match(copied, /# Short polling: client to server, GET .* \d+ B\n# 40 B from 180 on are hidden \(cookie\) and stand as x\n00000000 {2}47 45 54 20/);
    await bytes.page.getByText(/Copied [\d,]+ bytes as hexadecimal\./).waitFor();
    const exchange = "?lane=short-poll&connection=1&exchange=3";
    for (const [name, saved, query] of [
      ["pcap of this exchange", "short-poll-1-3.pcapng", exchange], ["HAR of this exchange", "short-poll-1-3.har", exchange],
      ["pcap of this lane", "short-poll.pcapng", "?lane=short-poll"], ["pcap of all lanes", "all-lanes.pcapng", ""],
    ]) {
      const [file] = await Promise.all([bytes.page.waitForEvent("download"), bytes.button(name).click()]);
      assert.equal(file.suggestedFilename(), `pushlab-${saved}`);
      assert.equal(readFileSync(await file.path(), "utf8"), `file ${query}`);
    }
    await bytes.finish();
  });

  test("a lab with no tap to give is said so; the run goes on all the same", async () => {
    const bytes = await open({ prepare: (context) => withTap(context, { refuses: true }) });
    bytes.expectComplaint(/503/);
    await bytes.button("Start").click();
    await bytes.panel.getByText("24 views of the wire are open already. Close the Bytes and Sequence tabs").waitFor();
    await bytes.page.locator('[data-compare][data-phase="measuring"]').waitFor();
    await bytes.button("Start again with the bytes kept").waitFor();
    await bytes.finish();
  });

  test("a tap that ends is said so, and what it told stays", async () => {
    /** @type {Awaited<ReturnType<typeof withTap>>} */
    let tap = { ended: false, deleted: 0, asked: 0, all: [] };
    const bytes = await open({ prepare: async (context) => { tap = await withTap(context); } });
    await bytes.begin();
    bytes.expectComplaint(/404/);
    tap.ended = true;
    await bytes.panel.getByText("The lab keeps the bytes of this run no more").waitFor();
    assert.ok(await bytes.parts.count() >= 5);
    await bytes.item("nothing new");
    await bytes.panel.getByRole("alert").filter({ hasText: "so these cannot be shown" }).waitFor();
    await bytes.finish();
  });

  test("who comes to Bytes in the middle of a run can start again with the bytes kept; Reset gives the tap back", async () => {
    /** @type {Awaited<ReturnType<typeof withTap>>} */
    let tap = { ended: false, deleted: 0, asked: 0, all: [] };
    const bytes = await open({ view: "stage", prepare: async (context) => { tap = await withTap(context); } });
    await bytes.page.getByRole("button", { name: "Start", exact: true }).click();
    await bytes.page.locator('[data-compare][data-phase="measuring"]').waitFor();
    assert.equal(tap.asked, 0, "nobody looks: no tap");
    await bytes.page.getByRole("tab", { name: "Bytes" }).click();
    await bytes.button("Start again with the bytes kept").click();
    await bytes.parts.first().waitFor();
    assert.equal(tap.asked, 1);
    await Promise.all([
      bytes.page.waitForResponse((answer) => answer.request().method() === "DELETE" && /\/api\/taps/.test(answer.url())),
      bytes.page.getByRole("button", { name: "Reset" }).click(),
    ]);
    await bytes.button("Start").waitFor();
    assert.equal(tap.deleted, 1);
    await bytes.page.getByRole("tab", { name: "Stage" }).click();
    await bytes.page.locator('[data-run="start"]').click();
    await bytes.page.locator('[data-compare][data-phase="measuring"]').waitFor();
    assert.equal(tap.asked, 2, "who has looked at bytes has them kept from the stage on, too");
    await bytes.finish();
  });

  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    for (const [name, options] of Object.entries({ desktop: {}, phone: { viewport: { width: 360, height: 740 }, hasTouch: true, deviceScaleFactor: 2 } })) {
      test(`${name}, ${colorScheme}: clean for axe, nothing sideways`, async () => {
        const bytes = await open({ prepare: withTap, options: { ...options, colorScheme, reducedMotion: "reduce" } });
        assert.equal(await sideways(bytes.page), 0);
        await bytes.begin();
        await bytes.panel.getByText("The same as a table").click();
        for (const lane of ["Short polling", "WebSocket"]) {
          await bytes.lane(lane);
          await bytes.says(new RegExp(`^${lane}:`));
          assert.equal(await sideways(bytes.page), 0, lane);
          const { violations } = await new AxeBuilder({ page: bytes.page }).options({ preload: false }).withTags(WCAG_22_AA).analyze();
          assert.deepEqual(violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")}: ${failureSummary}`)), []);
        }
        await bytes.panel.getByRole("switch", { name: "Cover all but your data" }).check();
        assert.equal(await sideways(bytes.page), 0, "covered");
        await bytes.finish();
      });
    }
  }
});

test("over every lane: an event's bytes are explained to the last one, and counted; and the files are there", { timeout: 300_000 }, async () => {
  const bytes = await open({ query: { lanes: Object.keys(LANES).join(), rate_per_s: "4", poll_interval_ms: "300" } });
  await bytes.button("Start").click();
  await bytes.page.locator('[data-compare][data-phase="measuring"]').waitFor();
  await bytes.page.waitForTimeout(2000);
  for (const label of Object.values(LANES)) {
    await bytes.lane(label);
    await bytes.panel.locator(".wire-item").filter({ hasText: /event/ }).first().waitFor();
    await bytes.says(new RegExp(`^${label.replaceAll(/[()]/g, "\\$&")}: of the [\\d,]+ bytes of this (exchange|frame|chunk), \\d+ are your data`));
    for (const { size, sum } of await tableSums(bytes.panel)) assert.equal(sum, size, `${label}: every byte is in a part`);
    assert.equal(await bytes.panel.getByRole("alert").filter({ visible: true }).count(), 0, label);
    await bytes.panel.locator('.wire-part[tabindex="0"]').focus();
    for (let i = 0; i < 12; i += 1) {
      const said = await bytes.detail.innerText();
      assert.match(said, /^.+\n+[\d,]+ B · (HTTP headers|Framing|Protocol|Lab|Payload) · from /, label);
      await bytes.page.keyboard.press("ArrowRight");
    }
  }
  for (const [name, begins] of [["pcap of this exchange", "0a0d0d0a"], ["pcap of all lanes", "0a0d0d0a"], ["HAR of this exchange", "7b"]]) {
    const [file] = await Promise.all([bytes.page.waitForEvent("download"), bytes.button(name).click()]);
    assert.ok(readFileSync(await file.path()).toString("hex").startsWith(begins), name);
  }
  await bytes.finish();
});

test("a run without a tap, then started again with the bytes kept: every lane has its exchanges", { timeout: 300_000 }, async () => {
  const bytes = await open({ view: "stage", query: { lanes: Object.keys(LANES).join(), rate_per_s: "4", poll_interval_ms: "300" } });
  await bytes.page.getByRole("button", { name: "Start", exact: true }).click();
  await bytes.page.locator('[data-compare][data-phase="measuring"]').waitFor();
  await bytes.page.getByRole("tab", { name: "Bytes", exact: true }).click();
  await bytes.button("Start again with the bytes kept").click();
  await bytes.parts.first().waitFor();
  await bytes.page.locator('[data-compare][data-phase="measuring"]').waitFor();
  await bytes.page.waitForTimeout(2000);
  const without = [];
  for (const label of Object.values(LANES)) {
    await bytes.lane(label);
    await bytes.panel.locator(".wire-item").filter({ hasText: /event/ }).first().waitFor({ timeout: 20_000 }).catch(() => without.push(label));
  }
  assert.deepEqual(without, []);
  await bytes.finish();
});

test("any message that is kept can be shown, however many came after it", { timeout: 180_000 }, async () => {
  const bytes = await open({ query: { lanes: "websocket", rate_per_s: "40", schedule: "periodic" } });
  await bytes.button("Start").click();
  await bytes.parts.first().waitFor();
  await bytes.page.locator('[data-compare][data-phase="measuring"]').waitFor();
  // The list stands still under the pointer, and a hundred come meanwhile.
  await bytes.panel.locator("[data-bytes-items]").hover();
  const event = bytes.panel.locator(".wire-item").filter({ hasText: /event \d/ }).last();
  const number = (/event (\d+)/.exec(await event.innerText()) ?? [])[1];
  await bytes.page.waitForTimeout(2500);
  const [asked] = await Promise.all([bytes.page.waitForRequest(/upto=\d+/), event.locator("input").check()]);
  assert.match(asked.url(), /[?&]last=1(&|$)/);
  await bytes.panel.locator(".wire-part").filter({ hasText: `"n":${number}` }).first().waitFor();
  assert.equal(await bytes.panel.getByRole("alert").filter({ visible: true }).count(), 0);
  await bytes.finish();
});

test("seven tabs by keyboard: arrows, Home and End", async () => {
  const bytes = await open({ options: { viewport: { width: 320, height: 640 } } });
  const { page } = bytes;
  assert.equal(await sideways(page), 0);
  await page.getByRole("tab", { name: "Bytes" }).focus();
  const walked = [];
  for (const key of ["ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft", "Home", "ArrowRight", "End"]) {
    await page.keyboard.press(key);
    walked.push(await page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement).dataset.view));
  }
  assert.deepEqual(walked, ["sequence", "race", "stage", "export", "stage", "race", "export"]);
  await page.waitForFunction(() => new URLSearchParams(location.search).get("view") === "export");
  await bytes.finish();
});
