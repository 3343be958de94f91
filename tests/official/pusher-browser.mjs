// pusher-js' integration specs in Chromium: `make web_integration`, without Karma.
//
// Karma would serve the bundle beside Jasmine and collect what each spec says; so does this.
// The page comes from localhost as Karma's does, and specs run in their order, as the
// package's Karma settings say. Certificates are not checked: ours is trusted by nobody.
// The package's own CI runs Chromium with --disable-web-security, because of what the hosted
// service's HSTS does; here it stays on, so that preflights and CORS headers are tested too.

import { once } from "node:events";
import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { CHROMIUM_MISSING, findChromium, launchChromium } from "../browser/chromium.mjs";
import { bundledSpecs, HOME } from "./install.mjs";
import { startApplicationServer, startPusher } from "./stage.mjs";
import { portOf } from "../browser/lab.mjs";

const RUN_DEADLINE_MS = 30 * 60_000;
const JASMINE = path.join(HOME, "node_modules/jasmine-core/lib/jasmine-core");

export const missing = () => (findChromium() ? undefined : CHROMIUM_MISSING);

export const prepare = () => void (findChromium() && bundledSpecs("browser"));

/** @returns {Promise<import("./run-to-end.mjs").Outcome>} */
export async function run() {
  const stops = [await startPusher(), await startApplicationServer()];
  const page = await servePage(bundledSpecs("browser"));
  stops.push(page.stop);
  const browser = await launchChromium(["--ignore-certificate-errors"]);
  stops.push(() => browser.close());
  try {
    return await runIn(await browser.newPage(), page.url);
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

/** @param {import("playwright-core").Page} page */
async function runIn(page, url) {
  const outcome = { passed: 0, failed: 0 };
  await page.exposeFunction("specEnded", ({ status, name, failures }) => {
    if (status === "passed") outcome.passed += 1;
    else if (status === "failed") outcome.failed += 1;
    console.log(`  ${{ passed: "✓", failed: "✗" }[status] ?? `(${status})`} ${name}`);
    for (const message of failures) console.log(`      ${message}`);
  });
  let suiteEnded = (_status) => {};
  const ended = new Promise((resolve) => { suiteEnded = resolve; });
  await page.exposeFunction("suiteEnded", (status) => suiteEnded(status));
  await page.goto(url);
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`the suite did not end within ${RUN_DEADLINE_MS / 60_000} minutes`)), RUN_DEADLINE_MS).unref();
  });
  const status = await Promise.race([ended, late]);
  console.log(`Jasmine: ${status}, ${outcome.passed} passed, ${outcome.failed} failed`);
  return outcome;
}

/** Jasmine, the reporter that calls us, the specs. */
const REPORTER = `
const env = jasmine.getEnv();
env.configure({ random: false });
env.addReporter({
  specDone: ({ status, fullName, failedExpectations }) =>
    specEnded({ status, name: fullName, failures: failedExpectations.map(({ message }) => message) }),
  jasmineDone: ({ overallStatus, failedExpectations }) =>
    suiteEnded([overallStatus, ...failedExpectations.map(({ message }) => message)].join("\\n")),
});
addEventListener("load", () => env.execute());
`;

const HTML = `<!doctype html><meta charset="utf-8"><title>pusher-js</title>
${["/jasmine.js", "/jasmine-html.js", "/boot0.js", "/reporter.js", "/specs.js"].map((file) => `<script src="${file}"></script>`).join("\n")}
`;

async function servePage(folder) {
  const files = {
    "/jasmine.js": path.join(JASMINE, "jasmine.js"),
    // boot0.js wants it, though nothing is painted.
    "/jasmine-html.js": path.join(JASMINE, "jasmine-html.js"),
    "/boot0.js": path.join(JASMINE, "boot0.js"),
    "/specs.js": path.join(folder, "tmp/web_integration/specs.js"),
  };
  const server = createServer(({ url }, response) => {
    const type = (name) => response.setHeader("content-type", `${name}; charset=utf-8`);
    if (url === "/") return type("text/html"), response.end(HTML);
    type("text/javascript");
    if (url === "/reporter.js") return response.end(REPORTER);
    if (files[url] === undefined) return response.writeHead(404).end();
    createReadStream(files[url]).pipe(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://localhost:${portOf(server)}/`,
    stop: () => new Promise((done) => {
      server.close(done);
      server.closeAllConnections();
    }),
  };
}
