// The official suites, unmodified, against the built binary.
//
//   node tests/official/run.mjs                 all of them
//   node tests/official/run.mjs pusher-node     only the suites named
//   node tests/official/run.mjs --runs 10 engine socketio
//
// | suite          | what it is                                          | specs |
// |----------------|-----------------------------------------------------|-------|
// | pusher-node    | pusher-js' integration specs under Node             | 84    |
// | pusher-browser | the same in Chromium, three transports, with and without TLS | 228 |
// | pusher-sdk     | the Node SDK's remote suite                         | 7     |
// | engine         | Engine.IO v4 protocol suite                         | 25    |
// | socketio       | Socket.IO v5 protocol suite                         | 32    |
//
// The first three come from npm. The last two are in no package: PUSHLAB_SOCKETIO_DOCS names
// the `docs` folder of a checkout of socketio/socket.io, and without it they are skipped.
// Everything runs in a network namespace (namespace.mjs); what cannot run here is skipped in
// one line that says why. PUSHLAB_BINARY names another binary than target/release/pushlab.

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { install } from "./install.mjs";
import { enter, noNamespace } from "./namespace.mjs";

/** How many specs each has: one that lost some on the way did not pass. */
const SPECS = { "pusher-node": 84, "pusher-browser": 228, "pusher-sdk": 7, engine: 25, socketio: 32 };
const SUITES = Object.keys(SPECS);
const INSIDE = "PUSHLAB_OFFICIAL_INSIDE";

const { values, positionals } = parseArgs({ allowPositionals: true, options: { runs: { type: "string", default: "1" } } });
const unknown = positionals.filter((name) => !SUITES.includes(name));
if (unknown.length > 0) {
  console.error(`no suite named ${unknown.join(", ")}; there are ${SUITES.join(", ")}`);
  process.exit(2);
}
const chosen = SUITES.filter((name) => positionals.length === 0 || positionals.includes(name));

process.exitCode = process.env[INSIDE] === "yes" ? await runAll() : await prepareAndEnter();

/** Outside: what needs a network and packages. */
async function prepareAndEnter() {
  const reason = noNamespace() ?? notInstalled();
  if (reason !== undefined) {
    console.log(`official suites skipped: ${reason}\nofficial: 0 passed, 0 failed, ${chosen.length} skipped`);
    return 0;
  }
  for (const suite of chosen) (await load(suite)).prepare();
  return enter(process.execPath, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { [INSIDE]: "yes" });
}

/** @returns {string | undefined} why the packages cannot be had; with CI=true that is a failure */
function notInstalled() {
  try {
    install();
    return undefined;
  } catch (error) {
    if (process.env.CI === "true") throw error;
    const { message } = /** @type {Error} */ (error);
    return `the packages cannot be installed: ${message.split("\n").find((line) => /npm error/.test(line)) ?? message}`;
  }
}

/** Inside: run and count. */
async function runAll() {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const lines = [];
  for (const name of chosen) {
    const suite = await load(name);
    const reason = suite.missing?.();
    if (reason !== undefined) {
      total.skipped += 1;
      lines.push(`${name} skipped: ${reason}`);
      continue;
    }
    for (let run = 1; run <= Number(values.runs); run += 1) {
      console.log(`\n== ${name}, run ${run} of ${values.runs}`);
      const { passed, failed } = await suite.run();
      // Specs that a broken runner never reached have failed as well.
      total.passed += passed;
      total.failed += Math.max(failed, SPECS[name] - passed);
      lines.push(`${name}: ${passed} of ${SPECS[name]} passed`);
    }
  }
  console.log(`\n${lines.join("\n")}`);
  console.log(`official: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  return total.failed === 0 ? 0 : 1;
}

function load(name) {
  return import(`./${name}.mjs`);
}
