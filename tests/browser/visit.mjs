// One visitor: a browser context of its own with one page in it, watched all the time.
//
// Kept for the test to read: what the console complained about, uncaught errors, and
// requests that left for another host. `finish()` closes the visitor and fails when
// there is any, except complaints the test announced with `expectComplaint` (a blocked
// request is reported by Chromium itself, and that is not the page's fault).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { PATIENCE_MS, TOKEN } from "./lab.mjs";

/**
 * @param {import("playwright-core").Browser} browser
 * @param {string} url
 * @param {import("playwright-core").BrowserContextOptions & {visitor?: boolean}} [options]  visitor: without the presenter's cookie
 * @param {(context: import("playwright-core").BrowserContext) => Promise<unknown>} [prepare]  before the page is opened
 */
export async function visit(browser, url, { visitor = false, ...options } = {}, prepare = async () => {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  // As the presenter: the cookie that the address in the terminal sets. A visitor has none.
  if (!visitor) await context.request.get(new URL(`/presenter/unlock/${TOKEN}`, url).href, { maxRedirects: 0 });
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
  conditions: "/conditions",
  recovery: "/recovery",
  console: "/console",
  examples: "/examples",
  experiments: "/experiments",
  lessons: "/lessons",
  claims: "/claims",
  runs: "/runs",
  join: "/join",
  docs: "/docs",
};

/** Pages that no menu leads to, but another page. */
export const FURTHER = {
  "an experiment": "/experiments/E10",
  "an experiment of this browser": "/experiments/E22",
  "a lesson": "/lessons/what-it-weighs",
  "a chapter": "/docs/lanes/sse",
  "a chapter of tables": "/docs/api",
  "a phone": "/phone",
  "the wall": "/wall",
};

/** Plain, Pusher Channels, Socket.IO, by how their paths begin. */
const PROTOCOLS = [/^\/(?!app\/|pusher\/|socket\.io)/, /^\/(app|pusher)\//, /^\/socket\.io/];

// The README's table of lanes, which a Rust test holds equal to src/catalogue.rs.
const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const BY_PORT = [...README.matchAll(/^\| `([a-z0-9-]+)` \| ([^|]+) \| `(\/[^`]+)` \| [^|]+ \| ([^|]+) \| [^|]+ \|$/gm)]
  .map(([, lane, label, path, publishing]) => ({ lane, label, publishing, protocol: PROTOCOLS.findIndex((starts) => starts.test(path)) }));
const ROWS = [...BY_PORT].sort((one, other) => one.protocol - other.protocol);

/** The lanes in the order of their ports, in which results have them. */
export const LANES_BY_PORT = BY_PORT.map(({ lane }) => lane);

/** All lanes in the order of the page, which is by protocol, and what each is called there. @type {Record<string, string>} */
export const LANES = Object.fromEntries(ROWS.map(({ lane, label }) => [lane, label]));

/** The file of a lane's client. @param {string} lane */
export function codeOf(lane) {
  const [library] = lane.split("-");
  return `/static/js/transports/${["channels", "socketio"].includes(library) ? library : lane}.js`;
}

/** Those that send by a request of their own, which a test can hold back or lose. */
export const POSTING = ROWS.filter(({ publishing, protocol }) => publishing === "a request of its own" && protocol < 2).map(({ lane }) => lane);
