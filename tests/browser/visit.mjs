// One visitor: a browser context of its own with one page in it, watched all the time.
//
// Kept for the test to read: what the console complained about, uncaught errors, and
// requests that left for another host. `finish()` closes the visitor and fails when
// there is any, except complaints the test announced with `expectComplaint` (a blocked
// request is reported by Chromium itself, and that is not the page's fault).

import assert from "node:assert/strict";

/**
 * @param {import("playwright-core").Browser} browser
 * @param {string} url
 * @param {import("playwright-core").BrowserContextOptions} [options]
 * @param {(context: import("playwright-core").BrowserContext) => Promise<unknown>} [prepare]  before the page is opened
 */
export async function visit(browser, url, options = {}, prepare = async () => {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(15_000);
  await prepare(context);
  const page = await context.newPage();
  /** @type {string[]} */
  const complaints = [];
  /** @type {RegExp[]} */
  const expected = [];
  const host = new URL(url).hostname;

  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") {
      complaints.push(`console ${message.type()}: ${message.text()} (${message.location().url})`);
    }
  });
  page.on("pageerror", (error) => complaints.push(`uncaught: ${error.stack ?? error}`));
  const judgeAddress = (address) => {
    const { protocol, hostname } = new URL(address);
    const inThePage = ["data:", "blob:", "about:"].includes(protocol);
    if (!inThePage && hostname !== host) complaints.push(`request to another host: ${address}`);
  };
  page.on("request", (request) => judgeAddress(request.url()));
  page.on("websocket", (socket) => judgeAddress(socket.url()));

  const answer = await page.goto(url);
  assert.equal(answer?.status(), 200, url);
  return {
    page,
    context,
    /** @param {RegExp} pattern  complaints that match are part of the test */
    expectComplaint: (pattern) => void expected.push(pattern),
    finish: async () => {
      await context.close();
      const unexpected = complaints.filter((text) => !expected.some((pattern) => pattern.test(text)));
      assert.deepEqual(unexpected, [], `complaints on ${url}`);
    },
  };
}

/** Address of every page, by name. */
export const PAGES = {
  home: "/",
  chat: "/chat?room=lobby&transport=sse",
  dashboard: "/dashboard",
  compare: "/compare",
  console: "/console",
};

/** The four lanes in the order of the page, and what each is called there. */
export const LANES = {
  "short-poll": "Short polling",
  "long-poll": "Long polling",
  sse: "Server-sent events",
  websocket: "WebSocket",
};
